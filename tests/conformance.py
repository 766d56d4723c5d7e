"""Every engine with its parties, for tests that are run on all of them."""

from collections.abc import Sequence
from importlib.util import find_spec

import pytest

from mpcgen.conformance import checks_of
from mpcgen.conformance.settings import SESSION, Setting, given, run, uniform, values_of
from mpcgen.ring import Ring

__all__ = ["SESSION", "SETTINGS", "Setting", "given", "run", "uniform", "values_of"]

EXTRAS = {"bfv": "tenseal", "crypten": "crypten"}  # engine -> the package that it needs

SETTINGS = (
    Setting("clear", ("A", "B", "C"), ("A",)),
    Setting("clear", ("A", "B"), ("D",)),
    Setting("replicated", ("A", "B", "C"), ("A", "B", "C")),
    Setting("replicated", ("A", "B", "C", "D", "E"), ("B", "D", "A")),
    Setting("replicated", ("A",), ("X", "Y", "Z")),
    Setting("replicated4", ("A", "B", "C", "D"), ("A", "B", "C", "D")),
    Setting("replicated4", ("A", "B", "C", "D", "E"), ("E", "B", "D", "A")),
    Setting("replicated4", ("A", "B"), ("X", "A", "Y", "Z")),
    Setting("replicated4", ("A",), ("W", "X", "Y", "Z")),
    Setting("additive", ("A", "B"), ("A", "B"), "D"),
    Setting("additive", ("A", "B", "C"), ("A", "B", "C"), "D"),
    Setting("additive", ("A", "B", "C"), ("X", "A", "Y", "Z"), "D"),
    Setting("additive", ("A", "B"), ("X", "Y"), "D"),
    Setting("spdz2k", ("A", "B"), ("A", "B"), "D"),
    Setting("spdz2k", ("A", "B", "C"), ("X", "A", "Y"), "D"),
    Setting("paillier", ("A", "B", "C"), ("X", "Y")),
    Setting("paillier", ("A", "B", "C", "D"), ("C", "A")),
    Setting("paillier", ("A",), ("A", "K")),
    Setting("bfv", ("A", "B", "C"), ("X", "Y")),
    Setting("bfv", ("A", "B", "C", "D"), ("C", "A")),
    Setting("crypten", ("A", "B"), ("A", "B")),
    Setting("crypten", ("A", "B", "C"), ("A", "B", "C")),
    Setting("crypten", ("A", "B", "C"), ("X", "A", "Y", "Z")),
    Setting("crypten", ("A", "B"), ("X", "Y")),
)


def installed(engine: str) -> pytest.MarkDecorator:
    """Skip tests of an engine whose extra is not installed."""
    extra = EXTRAS.get(engine)
    return pytest.mark.skipif(extra is not None and not find_spec(extra), reason=f"no {extra}")


def by_setting(*needs: str) -> pytest.MarkDecorator:
    """Run a test on every engine that offers what it needs, of engines.EVERYTHING."""
    able = [setting for setting in SETTINGS if setting.offers.issuperset(needs)]
    return pytest.mark.parametrize(
        "setting", [pytest.param(s, marks=installed(s.engine), id=str(s)) for s in able]
    )


def by_setting_and_ring(rings: Sequence[Ring], *needs: str) -> pytest.MarkDecorator:
    """Run a test on every engine that offers what it needs, in those of the rings that it has."""
    able = [(s, r) for s in SETTINGS for r in rings if s.has_totals_in(r)]
    params = [
        pytest.param(s, r, marks=installed(s.engine), id=f"{s}-k{r.k}")
        for s, r in able
        if s.offers.issuperset(needs)
    ]
    return pytest.mark.parametrize(("setting", "ring"), params)


by_check = pytest.mark.parametrize(
    ("setting", "check", "ring"),
    [
        pytest.param(s, check, r, marks=installed(s.engine), id=f"{s}-{check.name}-k{r.k}")
        for s in SETTINGS
        for check, r in checks_of(s)
    ],
)
