"""Institutions that a plan leaves out, and that have signed that it may run without them.

What was opened with an institution, less what is opened without it, are its own counts. So the
ledgers of the others refuse such a plan, unless the one that is left out agrees to exactly this
plan. Nothing in the plan says who that is: a ledger knows it by its identity.

    plan-approvals/without-NAME.json
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mpcgen.audit.approvals import (
    CONSENT,
    Pin,
    Statement,
    check_dates,
    claimed,
    sign,
    signer_of,
    verify,
)
from mpcgen.audit.dsse import MOST_BYTES
from mpcgen.audit.identity import Ask, nobody_to_ask
from mpcgen.errors import ApprovalError, InputError, reason
from mpcgen.files import read_small, replace_file
from mpcgen.parties.approvals import folder_of
from mpcgen.parties.signing import DAYS, check_words, identity_of, receive
from mpcgen.study.institution import InstitutionConfig
from mpcgen.study.plan import Plan

_PREFIX = "without-"
_MOST = 1000  # files that are looked at


def consent(
    plan: Plan,
    config: InstitutionConfig,
    *,
    days: int = DAYS,
    note: str = "",
    ask: Ask = nobody_to_ask,
    now: datetime | None = None,
) -> Path:
    """Sign that a plan may run without this institution, whose counts others then may work out.

    Args:
        days: how long it holds.

    Returns:
        The file, for the institutions of the plan.

    Raises:
        ApprovalError: the institution is in the plan, with people.
        ConfigError, InputError: the identity cannot be used, or nothing can be written.
    """
    check_words(CONSENT, days, note)
    _refuse_owner(plan, config.name)
    identity = identity_of(config, ask)
    signed = (now or datetime.now(UTC)).replace(microsecond=0)
    until = signed + timedelta(days=days)
    statement = Statement(plan.id, plan.sha256, config.name, CONSENT, signed, until, note)
    return _put(plan, config.name, sign(statement, identity))


def receive_consent(plan: Plan, path: Path, now: datetime | None = None) -> Statement:
    """Put a consent that was sent here beside the plan.

    Raises:
        ApprovalError: it does not hold.
        InputError: it cannot be read or written.
    """
    content = read_small(path, MOST_BYTES)
    statement = _verified(plan, content, path)
    check_dates(statement, now or datetime.now(UTC), path)
    _refuse_owner(plan, statement.institution)
    _put(plan, statement.institution, content)
    return statement


def receive_any(plan: Plan, path: Path, now: datetime | None = None) -> Statement:
    """Put a decision, of an institution of the plan or of one that is left out, beside the plan.

    Raises:
        ApprovalError: it does not hold, or is older than what is here.
        InputError: it cannot be read or written.
    """
    decision = claimed(read_small(path, MOST_BYTES), path).decision
    return (receive_consent if decision == CONSENT else receive)(plan, path, now)


def consenting(plan: Plan, now: datetime | None = None) -> tuple[str, ...]:
    """Identities of those who agree now that a plan runs without them; other files are passed."""
    return tuple(_consenting(plan, now or datetime.now(UTC)))


def _consenting(plan: Plan, now: datetime) -> Iterator[str]:
    for path in sorted(folder_of(plan).glob(f"{_PREFIX}*.json"))[:_MOST]:
        with suppress(InputError):
            content = read_small(path, MOST_BYTES)
            check_dates(_verified(plan, content, path), now, path)
            yield signer_of(content, path)


def _verified(plan: Plan, content: bytes, path: Path) -> Statement:
    """A consent, which holds for whoever has signed it."""
    name, signer = claimed(content, path).institution, signer_of(content, path)
    statement = verify(content, Pin(plan.id, plan.sha256, name, signer), path)
    if statement.decision != CONSENT:
        raise ApprovalError(f"{name} has signed another decision: {statement.decision}", path=path)
    return statement


def _refuse_owner(plan: Plan, name: str) -> None:
    if name in plan.owners:
        raise ApprovalError(
            f"{name} is in the plan, with people: it approves the plan, or rejects it",
            path=plan.path,
        )


def _put(plan: Plan, name: str, content: bytes) -> Path:
    path = folder_of(plan) / f"{_PREFIX}{name}.json"
    try:
        path.parent.mkdir(exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise InputError(f"the consent cannot be written: {reason(error)}", path=path) from None
    return path
