"""The Python interface to identities and approvals: what `mpcgen identity` and `study` do."""

from collections.abc import Sequence
from pathlib import Path

from mpcgen.audit.approvals import REJECT, Statement
from mpcgen.audit.identity import Ask, create, nobody_to_ask
from mpcgen.parties.approval_words import shown
from mpcgen.parties.approvals import Standing, standings
from mpcgen.parties.consents import consent, receive_any
from mpcgen.parties.run import config_of
from mpcgen.parties.signing import DAYS, approve, decide
from mpcgen.parties.withdrawal import forget_withdrawn, withdraw
from mpcgen.study.forecast import Network
from mpcgen.study.load import load_study
from mpcgen.study.read import read_plan
from mpcgen.study.succession import succeed

File = Path | str


def identity(file: File, passphrase: str | None = None) -> str:
    """Make an identity key: the secret goes to a new file, the public one is returned.

    Raises:
        ConfigError: the file exists, or cannot be written.
    """
    return create(Path(file), None if passphrase is None else passphrase.encode()).public


def show_study(plan: File, *, round_trip_ms: float = 20.0, mbit_per_s: float = 100.0) -> str:
    """All that a steward reads before signing: what a plan does, and who has approved it.

    Raises:
        PlanError: what is wrong with the plan, or that it has no identities.
    """
    return shown(load_study(Path(plan)), Network(round_trip_ms, mbit_per_s))


def approve_study(
    plan: File,
    name: str,
    config: File,
    *,
    days: int = DAYS,
    note: str = "",
    passphrase: str | None = None,
) -> Path:
    """Sign that an institution takes part in exactly this plan, for some days.

    Args:
        passphrase: of its identity key, where the configuration names no file with it.

    Returns:
        The signed file, for all other institutions.

    Raises:
        MpcgenError: the plan is wrong, or the institution cannot sign it.
    """
    own, study = config_of(name, Path(config)), load_study(Path(plan))
    return approve(study, own, days=days, note=note, ask=_asking(passphrase))


def reject_study(
    plan: File,
    name: str,
    config: File,
    *,
    days: int = DAYS,
    note: str = "",
    passphrase: str | None = None,
) -> Path:
    """Sign that an institution does not take part in this plan; as `approve_study`."""
    own, read = config_of(name, Path(config)), read_plan(Path(plan))
    return decide(read, own, REJECT, days=days, note=note, ask=_asking(passphrase))


def withdraw_study(
    plan: File, name: str, config: File, *, note: str = "", passphrase: str | None = None
) -> Path:
    """Sign that an institution withdraws from a plan, for good, and erase its state of it.

    Returns:
        The signed file, for all other institutions.

    Raises:
        MpcgenError: the institution cannot sign it.
    """
    own, read = config_of(name, Path(config)), read_plan(Path(plan))
    file = withdraw(read, own, note=note, ask=_asking(passphrase))
    forget_withdrawn(read, own)
    return file


def consent_study(
    plan: File,
    name: str,
    config: File,
    *,
    days: int = DAYS,
    note: str = "",
    passphrase: str | None = None,
) -> Path:
    """Sign that a plan may run without an institution that was in an earlier one.

    Returns:
        The signed file, for all institutions of the plan.

    Raises:
        MpcgenError: the institution is in the plan, or cannot sign it.
    """
    own, read = config_of(name, Path(config)), read_plan(Path(plan))
    return consent(read, own, days=days, note=note, ask=_asking(passphrase))


def succeed_study(old: File, new: File, without: str, computing: Sequence[str] = ()) -> None:
    """Write a plan that takes the place of an old one, without one of its institutions.

    Args:
        new: a new file beside the old plan.
        computing: who computes; by default those who did, without that institution.

    Raises:
        InputError: the new plan exists, is elsewhere, or would be wrong; nothing is left behind.
    """
    succeed(Path(old), Path(new), without, computing)


def receive_decision(plan: File, file: File) -> Statement:
    """Check an institution's signed decision on a plan, and keep it beside the plan.

    Raises:
        ApprovalError: it does not hold, or is older than what is here.
    """
    return receive_any(read_plan(Path(plan)), Path(file))


def study_status(plan: File) -> tuple[Standing, ...]:
    """Where each institution's decision stands; the plan may run if no `.problem` has any words.

    Raises:
        PlanError: the plan is wrong, or has no identities.
    """
    return standings(read_plan(Path(plan)))


def _asking(passphrase: str | None) -> Ask:
    return nobody_to_ask if passphrase is None else lambda _path: passphrase.encode()
