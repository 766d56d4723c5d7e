"""Deciding on a plan: what a steward signs, and what comes from the others, into its folder."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mpcgen.audit.approvals import (
    APPROVE,
    DECISIONS,
    MOST_DAYS,
    MOST_NOTE,
    NEVER,
    WITHDRAW,
    Statement,
    check_dates,
    claimed,
    sign,
    verify,
)
from mpcgen.audit.dsse import MOST_BYTES
from mpcgen.audit.identity import Ask, Identity, load, nobody_to_ask, passphrase_in
from mpcgen.errors import ApprovalError, ConfigError, InputError, reason
from mpcgen.files import read_small, replace_file
from mpcgen.parties.approvals import (
    file_of,
    folder_of,
    history_of,
    last_decision,
    pin_of,
    withdrawals,
)
from mpcgen.study.institution import InstitutionConfig
from mpcgen.study.plan import Plan
from mpcgen.study.policy_check import refuse_unless_permitted
from mpcgen.study.study import Study

DAYS = 90  # that an approval holds where nobody says


def identity_of(config: InstitutionConfig, ask: Ask = nobody_to_ask) -> Identity:
    """The identity that an institution's configuration names.

    Args:
        ask: for its passphrase, where the configuration has no file with it.

    Raises:
        ConfigError: none is named, or it cannot be used.
    """
    if config.identity_file is None:
        words = "[identity] file is missing; make one with `mpcgen identity`"
        raise ConfigError(words, path=config.path)
    phrase = config.passphrase_file
    return load(config.identity_file, ask if phrase is None else lambda _key: passphrase_in(phrase))


def pinned_identity(plan: Plan, config: InstitutionConfig, ask: Ask = nobody_to_ask) -> Identity:
    """The identity of an institution, which is that of the plan.

    Raises:
        PlanError: the plan does not have the institution, or any identities.
        ConfigError: the configuration has none, or another one.
    """
    pin = pin_of(plan, config.name)
    identity = identity_of(config, ask)
    if identity.public != pin.identity:
        raise ConfigError(
            f"the identity in {config.identity_file} is {identity.public}; the plan pins "
            f"{pin.identity} for {config.name}",
            path=config.path,
        )
    return identity


def approve(
    study: Study,
    config: InstitutionConfig,
    *,
    days: int = DAYS,
    note: str = "",
    ask: Ask = nobody_to_ask,
    now: datetime | None = None,
) -> Path:
    """Sign that an institution takes part in a plan, which its policy permits; else as `decide`.

    Raises:
        NotPermitted: the plan breaks the institution's policy.
    """
    now = now or datetime.now(UTC)
    refuse_unless_permitted(study, config.policy, now.date())
    return decide(study.plan, config, APPROVE, days=days, note=note, ask=ask, now=now)


def decide(
    plan: Plan,
    config: InstitutionConfig,
    decision: str,
    *,
    days: int = DAYS,
    note: str = "",
    ask: Ask = nobody_to_ask,
    now: datetime | None = None,
) -> Path:
    """Sign an institution's decision on a plan and put it beside the plan.

    Args:
        days: how long an approval, or a rejection, holds.
        now: this moment, unless a test says otherwise.

    Returns:
        The file, for the other institutions.

    Raises:
        ConfigError: the identity cannot be used, or is not the one that the plan pins.
        ApprovalError: the institution has withdrawn from this plan, or another one has, and this
            would approve it.
        InputError: no such decision can be signed, or it cannot be written.
    """
    check_words(decision, days, note)
    identity = pinned_identity(plan, config, ask)
    before = last_decision(plan, config.name)
    signed = (now or datetime.now(UTC)).replace(microsecond=0)
    for gone in withdrawals(plan) if decision == APPROVE else ():
        _refuse_after_withdrawal(gone, plan)
    if before is not None:
        _refuse_after_withdrawal(before, plan)
        signed = max(signed, before.signed + timedelta(seconds=1))  # the last one is known by it
    expires = NEVER if decision == WITHDRAW else signed + timedelta(days=days)
    statement = Statement(plan.id, plan.sha256, config.name, decision, signed, expires, note)
    return _put(plan, config.name, sign(statement, identity))


def receive(plan: Plan, path: Path, now: datetime | None = None) -> Statement:
    """Put an institution's decision that was sent here beside the plan.

    Raises:
        ApprovalError: it does not hold, or is older than what is here.
        InputError: it cannot be read or written.
    """
    content = read_small(path, MOST_BYTES)
    name = claimed(content, path).institution
    if name not in plan.names:
        raise ApprovalError(f"this is of {name}, which is not in the plan", path=path)
    statement = verify(content, pin_of(plan, name), path)
    if statement.decision != WITHDRAW:
        check_dates(statement, now or datetime.now(UTC), path)
    here = last_decision(plan, name)
    if here == statement:
        return statement
    if here is not None:
        _refuse_after_withdrawal(here, plan)
        if statement.decision != WITHDRAW and statement.signed <= here.signed:
            raise ApprovalError(f"a later decision of {name} is here already", path=path)
    _put(plan, name, content)
    return statement


def check_words(decision: str, days: int, note: str) -> None:
    """Refuse what no file of a decision can hold.

    Raises:
        InputError: which of these.
    """
    if decision not in DECISIONS:
        raise InputError(f"a decision is one of {', '.join(DECISIONS)}")
    if not 1 <= days <= MOST_DAYS:
        raise InputError(f"an approval holds for 1 to {MOST_DAYS} days")
    if len(note) > MOST_NOTE or not note.isprintable():
        raise InputError(f"a note is one line of at most {MOST_NOTE} characters")


def _refuse_after_withdrawal(before: Statement, plan: Plan) -> None:
    if before.decision == WITHDRAW:
        raise ApprovalError(
            f"{before.institution} has withdrawn from this plan, which is for good; a new plan may "
            "have it again",
            path=plan.path,
        )


def _put(plan: Plan, name: str, content: bytes) -> Path:
    """Keep a decision for good, and in the place of an earlier one."""
    path = file_of(plan, name)
    try:
        history_of(plan).mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(content).hexdigest()
        replace_file(history_of(plan) / f"{name}-{digest[:16]}.json", content)
        replace_file(path, content)
    except OSError as error:
        words = f"the decision cannot be written: {reason(error)}"
        raise InputError(words, path=folder_of(plan)) from None
    return path
