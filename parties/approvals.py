"""Who has approved a plan: the stewards' signed decisions, which lie in a folder beside it.

    plan.toml
    plan-approvals/NAME.json            the last decision of each institution
    plan-approvals/history/NAME-*.json  all that were signed or received here
    plan-approvals/without-NAME.json    that one who is left out agrees (mpcgen.parties.consents)

A plan may run where every institution's last decision is an approval of exactly its hash that holds
now, and no later rejection lies in the history. A withdrawal is for good, wherever it lies.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mpcgen.audit.approvals import (
    APPROVE,
    CONSENT,
    REJECT,
    WITHDRAW,
    Pin,
    Statement,
    check_dates,
    time_text,
    verify,
)
from mpcgen.audit.dsse import MOST_BYTES
from mpcgen.errors import ApprovalError, InputError
from mpcgen.files import read_small
from mpcgen.study.plan import Plan

_MOST_HISTORY = 1000  # files of one institution that are looked at

UNSIGNED = (
    "the plan has no identities, so nobody can approve it: every institution makes one with "
    "`mpcgen identity`, and the plan says identity = ... under each of [[institutions]]. "
    "Rehearsals on one machine, `mpcgen run --local`, need none"
)


@dataclass(frozen=True)
class Standing:
    """Where an institution's decision on a plan stands.

    Attributes:
        statement: its last decision, or its withdrawal; None where no valid one is there.
        sha256: of the decision's file, or "".
        problem: why the plan may not run by it, or "".
    """

    institution: str
    statement: Statement | None
    sha256: str
    problem: str


def folder_of(plan: Plan) -> Path:
    """Where the decisions on a plan lie."""
    return plan.path.with_name(f"{plan.path.stem}-approvals")


def file_of(plan: Plan, name: str) -> Path:
    """Where an institution's last decision lies."""
    return folder_of(plan) / f"{name}.json"


def history_of(plan: Plan) -> Path:
    """Where all decisions lie that were signed or received here."""
    return folder_of(plan) / "history"


def pin_of(plan: Plan, name: str) -> Pin:
    """What a decision of an institution has to fit.

    Raises:
        PlanError: there is no such institution, or the plan has no identities.
    """
    identity = plan.institution(name).identity
    if not identity:
        raise plan.fail(UNSIGNED)
    return Pin(plan.id, plan.sha256, name, identity)


def standings(plan: Plan, now: datetime | None = None) -> tuple[Standing, ...]:
    """Where each institution's decision stands, in the plan's order.

    Raises:
        PlanError: the plan has no identities.
    """
    return tuple(
        _standing(plan, pin_of(plan, name), now or datetime.now(UTC)) for name in plan.names
    )


def require_approved(plan: Plan, now: datetime | None = None) -> tuple[str, ...]:
    """Refuse a plan that not every institution has approved.

    Returns:
        The SHA-256 of each approval's file, in the plan's order.

    Raises:
        PlanError: the plan has no identities.
        ApprovalError: whose approval is missing or does not hold, and why.
    """
    stand = standings(plan, now)
    problems = [f"{s.institution}: {s.problem}" for s in stand if s.problem]
    if problems:
        raise ApprovalError(
            "the plan is not approved by all of its institutions:\n  " + "\n  ".join(problems),
            path=plan.path,
        )
    return tuple(s.sha256 for s in stand)


def withdrawals(plan: Plan) -> tuple[Statement, ...]:
    """The institutions' withdrawals from a plan, at most one each."""
    if not all(institution.identity for institution in plan.institutions):
        return ()
    found = (_withdrawal(plan, pin_of(plan, name)) for name in plan.names)
    return tuple(statement for statement in found if statement is not None)


def last_decision(plan: Plan, name: str) -> Statement | None:
    """An institution's last valid decision, or its withdrawal, whatever its dates."""
    pin = pin_of(plan, name)
    path = file_of(plan, name)
    withdrawn = _withdrawal(plan, pin)
    if withdrawn is not None or not path.exists():
        return withdrawn
    try:
        return verify(read_small(path, MOST_BYTES), pin, path)
    except InputError:
        return None


def _standing(plan: Plan, pin: Pin, now: datetime) -> Standing:
    path, name = file_of(plan, pin.institution), pin.institution
    withdrawn = _withdrawal(plan, pin)
    if withdrawn is not None:
        words = f"it has withdrawn, {time_text(withdrawn.signed)}; that is for good"
        return Standing(name, withdrawn, "", words)
    if not path.exists():
        return Standing(name, None, "", f"no decision is here; it would lie in {path}")
    try:
        content = read_small(path, MOST_BYTES)
        statement = verify(content, pin, path)
    except InputError as error:
        return Standing(name, None, "", str(error))
    statement = _later_rejection(plan, pin, statement) or statement
    sha256 = hashlib.sha256(content).hexdigest()
    if statement.decision != APPROVE:
        what = (
            "only agreed to be left out" if statement.decision == CONSENT else "rejected the plan"
        )
        words = f"it has {what}{f': {statement.note}' if statement.note else ''}"
        return Standing(name, statement, sha256, words)
    try:
        check_dates(statement, now, path)
    except ApprovalError as error:
        return Standing(name, statement, sha256, str(error))
    return Standing(name, statement, sha256, "")


def _withdrawal(plan: Plan, pin: Pin) -> Statement | None:
    """An institution's withdrawal, wherever it lies."""
    found = (s for s in _statements(plan, pin) if s.decision == WITHDRAW)
    return next(found, None)


def _later_rejection(plan: Plan, pin: Pin, approval: Statement) -> Statement | None:
    """A rejection that came after an approval whose file was put in its place again."""
    later = (s for s in _statements(plan, pin) if s.signed > approval.signed)
    last = max(later, key=lambda s: s.signed, default=None)
    return last if last is not None and last.decision == REJECT else None


def _statements(plan: Plan, pin: Pin) -> Iterator[Statement]:
    """An institution's valid decisions; files of another kind are passed over."""
    for path in _decisions(plan, pin.institution):
        with suppress(InputError):
            yield verify(read_small(path, MOST_BYTES), pin, path)


def _decisions(plan: Plan, name: str) -> Iterator[Path]:
    yield file_of(plan, name)
    yield from sorted(history_of(plan).glob(f"{name}-*.json"))[:_MOST_HISTORY]
