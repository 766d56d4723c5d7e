"""What every engine must do, as one suite that the author of an engine calls.

    from mpcgen.conformance import check_engine
    check_engine(MINE, owners=("A", "B"), computing=("X", "Y", "Z"))

All parties run as threads of one process, on fixed seeds. The suite is about values, refusals and
declared costs. It finds messages without any mask, but does not show that an engine hides anything:
that takes a proof, and attacks such as those of tests/attacks.
"""

from collections.abc import Iterator, Sequence

from mpcgen.conformance.checks import CHECKS, Check
from mpcgen.conformance.settings import Setting
from mpcgen.errors import Nonconformance
from mpcgen.protocols.engines import Engine
from mpcgen.ring import Ring

__all__ = ["CHECKS", "Check", "Setting", "check_engine", "checks_of"]


def checks_of(setting: Setting) -> Iterator[tuple[Check, Ring]]:
    """All checks that are for a setting's engine, each with every ring in which it is to pass."""
    for check in CHECKS:
        if setting.offers.issuperset(check.needs):
            for ring in filter(setting.has_totals_in, check.rings):
                yield check, ring


def check_engine(
    engine: Engine, owners: Sequence[str], computing: Sequence[str], dealer: str = ""
) -> int:
    """Run the whole suite on an engine with these parties.

    Returns:
        How many checks it passed.

    Raises:
        Nonconformance: it fails one; the message names the check and the ring.
    """
    setting = Setting(engine.name, tuple(owners), tuple(computing), dealer, unlisted=engine)
    passed = 0
    for check, ring in checks_of(setting):
        try:
            check.run(setting, ring)
        except Exception as error:
            raise Nonconformance(f"{setting}: {check.name}, Z_2^{ring.k}: {error}") from error
        passed += 1
    return passed
