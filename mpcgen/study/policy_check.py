"""Whether a plan keeps to an institution's policy: which rules it breaks, and where these stand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mpcgen.errors import NotPermitted
from mpcgen.protocols.engines import ENGINES
from mpcgen.protocols.floors import Minima
from mpcgen.study.policy import Policy
from mpcgen.study.policy_use import broken_uses, elsewhere
from mpcgen.study.study import Study

_Broken = tuple[tuple[str | int, ...], str]  # where the rule stands, and what the plan says


@dataclass(frozen=True)
class Violation:
    """A rule that a plan breaks.

    Attributes:
        rule: as the policy's file has it: [engines] names.
        line: where it stands, or would stand; None: nothing of it is there.
        says: what the plan says, and what the rule allows.
    """

    policy: Path
    rule: str
    line: int | None
    says: str

    def __str__(self) -> str:
        place = "" if self.line is None else f", line {self.line}"
        return f"{self.policy}{place}: {self.rule}: {self.says}"


def refuse_unless_permitted(study: Study, policy: Policy | None, today: date) -> None:
    """Refuse a plan that breaks a policy; without a policy all is permitted.

    Raises:
        NotPermitted: each rule that it breaks.
    """
    violations = [] if policy is None else check_policy(policy, study, today)
    if violations:
        rules = "\n".join(f"  {violation}" for violation in violations)
        raise NotPermitted(f"it breaks this institution's policy:\n{rules}", path=study.plan.path)


def check_policy(policy: Policy, study: Study, today: date) -> list[Violation]:
    """Every rule of a policy that a study breaks; empty: it is permitted.

    Args:
        today: the day on which it would run, in UTC.
    """
    broken = [found for check in _CHECKS for found in check(policy, study)]
    broken += [(("use", key), says) for key, says in broken_uses(policy, study.plan, today)]
    return [
        Violation(policy.path, _rule(place), policy.line(*place), says) for place, says in broken
    ]


def _rule(place: tuple[str | int, ...]) -> str:
    section, *key = map(str, place)
    if section == "institution":
        return section
    return f"[[{section}]]" if not key else f"[{section}] {' '.join(key)}"


def unlimited(policy: Policy) -> list[str]:
    """What a policy does not limit, as its file would."""
    limits = {
        "[[partners]]": policy.partners,
        "[parties] jurisdictions": policy.jurisdictions,
        "[engines]": policy.engines or policy.malicious_only,
        "[release] statistics": policy.statistics,
        "[release] tests": policy.tests,
        "[release] levels": policy.levels,
        "[people] opt_outs": policy.opt_outs,
    }
    return [rule for rule, limit in limits.items() if not limit]


def _institution(policy: Policy, study: Study) -> Iterator[_Broken]:
    if policy.institution not in study.plan.names:
        yield ("institution",), f"{policy.institution} is not in the plan"


def _partners(policy: Policy, study: Study) -> Iterator[_Broken]:
    known = {partner.identity for partner in policy.partners}
    for other in study.plan.institutions:
        if known and other.name != policy.institution and other.identity not in known:
            who = f"with the identity {other.identity}" if other.identity else "without identity"
            yield ("partners",), f"the plan has {other.name} {who}, who is no partner"


def _jurisdictions(policy: Policy, study: Study) -> Iterator[_Broken]:
    plan = study.plan
    if policy.jurisdictions:
        for why in elsewhere(plan, plan.names, policy.jurisdictions, relay=True):
            yield ("parties", "jurisdictions"), why
    if policy.computing_jurisdictions:
        active = (*plan.computing, *filter(None, [plan.dealer]))
        for why in elsewhere(plan, active, policy.computing_jurisdictions, relay=False):
            yield ("parties", "computing_jurisdictions"), f"{why}, and computes or deals"


def _engine(policy: Policy, study: Study) -> Iterator[_Broken]:
    engine = ENGINES[study.plan.engine]
    if policy.engines and engine.name not in policy.engines:
        yield ("engines", "names"), f"the engine is {engine.name}"
    if policy.malicious_only and not engine.malicious:
        withstands = f"the engine {engine.name} withstands {engine.withstands}"
        yield ("engines", "malicious_only"), withstands
    if engine.name not in policy.engines and (engine.unfit or not engine.hides):
        why = engine.unfit or "it hides nothing"
        says = f"the engine is {engine.name}, which only a policy that names it permits: {why}"
        yield ("engines", "names"), says


def _release(policy: Policy, study: Study) -> Iterator[_Broken]:
    for task in study.tasks:
        entry = task.entry
        for key, value, allowed in (
            ("statistics", entry.statistic, policy.statistics),
            ("levels", entry.release, policy.levels),
            *(("tests", test, policy.tests) for test in task.statistic.test_names),
        ):
            if allowed and value not in allowed:
                says = f"the entry {entry.name} has {value}, not {' or '.join(allowed)}"
                yield ("release", key), says


def _consent(policy: Policy, study: Study) -> Iterator[_Broken]:
    for word in study.plan.consent:
        if word not in policy.consent:
            yield ("release", "consent"), f'the plan asks for the consent "{word}"'


def _floors(policy: Policy, study: Study) -> Iterator[_Broken]:
    floors = study.plan.floors
    if floors is None:
        if not policy.no_floors:
            yield ("release", "no_floors"), 'the plan has floors = "none"'
        return
    usual = {} if policy.no_floors else vars(Minima())
    for name, least in (usual | dict(policy.floors)).items():
        found = getattr(floors, name)
        if found < least:
            unsaid = "" if name in policy.floors else ", as usual, for the policy names no other"
            yield ("floors", name), f"the plan has {found}, and {least} is the least{unsaid}"


_CHECKS: tuple[Callable[[Policy, Study], Iterator[_Broken]], ...] = (
    *(_institution, _partners, _jurisdictions, _engine, _release, _consent, _floors),
)
