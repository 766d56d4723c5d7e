"""What a steward reads of a plan and of its approvals: plain words, for a terminal."""

from collections.abc import Iterator

from mpcgen.audit.approvals import APPROVE, REJECT, WITHDRAW, time_text
from mpcgen.parties.approvals import Standing, file_of, folder_of, standings
from mpcgen.study.check import describe
from mpcgen.study.forecast import Network
from mpcgen.study.plan import Plan
from mpcgen.study.study import Study

_DID = {APPROVE: "approved", REJECT: "rejected", WITHDRAW: "withdrawn"}
_HEADINGS = ("institution", "decision", "signed", "expires", "valid")


def shown(study: Study, network: Network) -> str:
    """All that a steward reads before signing: what the plan does, and who has approved it."""
    plan = study.plan
    return f"{describe(study, network)}\n\n{approvals_text(plan, standings(plan))}"


def approvals_text(plan: Plan, stand: tuple[Standing, ...]) -> str:
    """Who has approved, under a heading, and whether the plan may run."""
    lines = ["Who has approved, by a signature on exactly this SHA-256", *status_lines(plan, stand)]
    return "\n  ".join(lines)


def status_lines(plan: Plan, stand: tuple[Standing, ...]) -> Iterator[str]:
    """A table of the decisions, why those that do not hold do not, and whether the plan may run."""
    rows = [_HEADINGS, *map(_row, stand)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)).rstrip()
    yield from (f"{s.institution}: {s.problem}" for s in stand if s.problem)
    for standing in stand:
        if standing.statement is not None and standing.statement.note:
            yield f"{standing.institution} notes: {standing.statement.note}"
    missing = [s.institution for s in stand if s.problem]
    if missing:
        yield f"{plan.path} may not run: {', '.join(missing)}"
    else:
        yield f"{plan.path} may run"


def summary(study: Study) -> str:
    """A plan in a few lines, before a steward signs."""
    plan = study.plan
    lines = [
        f"Study {plan.id}: {plan.title}",
        f"institutions: {', '.join(plan.names)}",
        f"entries: {', '.join(f'{e.name} ({e.release})' for e in plan.entries)}",
        f"`mpcgen study show {plan.path}` says what they open, and what that implies",
        f"SHA-256 of {plan.path.name}: {plan.sha256}",
    ]
    return "\n".join(lines)


def to_send(study: Study, name: str) -> Iterator[str]:
    """What the proposer of a plan sends to whom, and what they do with it."""
    plan = study.plan
    others = ", ".join(other for other in plan.names if other != name)
    yield f"Send to {others}: {plan.path}, the lists that it names (beside it), and"
    yield f"  {file_of(plan, name)}"
    yield "Each reads the plan with `mpcgen study show`, signs it with `mpcgen study approve`, and"
    yield f"sends its own file of {folder_of(plan).name} to all others, who take it in with"
    yield "`mpcgen study receive`; `mpcgen study status` says who is missing."


def _row(standing: Standing) -> tuple[str, ...]:
    statement = standing.statement
    if statement is None:
        return (standing.institution, "none", "", "", "no")
    return (
        standing.institution,
        _DID[statement.decision],
        time_text(statement.signed),
        "never" if statement.decision == WITHDRAW else time_text(statement.expires),
        "no" if standing.problem else "yes",
    )
