"""Whether a plan keeps to what a policy says its data may be used for: purpose and modifiers.

What software can see is checked; the rest a person confirms for each plan, or the plan is refused.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import date

from mpcgen.study import duo
from mpcgen.study.plan import Plan
from mpcgen.study.policy import NEEDS, Policy

Broken = tuple[str, str]  # the key under [use] that it is about, and what the plan says
_Check = Callable[[Policy, Plan, date], Iterator[str]]


def broken_uses(policy: Policy, plan: Plan, today: date) -> Iterator[Broken]:
    """What of a plan breaks [use], each with the key that says so."""
    use = policy.use
    care = duo.CC in use.modifiers
    for why in duo.not_covered(use.permission, plan.purpose, plan.disease, use.diseases, care=care):
        yield "permission", f"{duo.term(use.permission)}: {why}"
    for term in use.modifiers:
        for why in _CHECKS.get(term, _nothing)(policy, plan, today):
            yield NEEDS.get(term, "modifiers"), f"{duo.term(term)}: {why}"
    for term in to_confirm(policy, plan, today):
        wanted = f'[[confirmed]] with plan = "{plan.id}", terms = ["{term}"] and by'
        says = f"software cannot see it; who has seen to it adds {wanted}"
        yield "modifiers", f"{duo.term(term)}: {says}"


def to_confirm(policy: Policy, plan: Plan, today: date) -> list[str]:
    """The modifiers that a person has to confirm for a plan, and nobody has."""
    done = {term for c in policy.confirmed if c.plan == plan.id for term in c.terms}
    return [t for t in policy.use.modifiers if t not in done and _unseen(t, policy, today)]


def _unseen(term: str, policy: Policy, today: date) -> bool:
    """Whether software cannot see that a modifier is kept to."""
    if term == duo.RS:
        return not policy.use.research_types
    if term == duo.MOR:
        return policy.use.publish_after is None or today < policy.use.publish_after
    return term in {duo.IRB, duo.PUB, duo.RTN, duo.US, duo.NCU, duo.NPUNCU}


def _nothing(_policy: Policy, _plan: Plan, _today: date) -> Iterator[str]:
    """What is no restriction (CC), what every study here keeps to (GSO), or what is confirmed."""
    yield from ()


def _methods(_policy: Policy, plan: Plan, _today: date) -> Iterator[str]:
    yield from _among(plan, {duo.METHODS})


def _origins(_policy: Policy, plan: Plan, _today: date) -> Iterator[str]:
    yield from _among(plan, duo.OF_ORIGINS | {duo.POPULATION})


def _among(plan: Plan, refused: Collection[str]) -> Iterator[str]:
    """Which of a plan's purposes are, or may be, some of these: what it does not say may be any."""
    if not plan.purpose:
        yield "the plan names no purpose"
    for purpose in plan.purpose:
        if purpose in refused:
            yield f"a purpose is {duo.term(purpose)}"
        elif purpose == duo.GRU:
            yield f"a purpose is {duo.term(purpose)}, which has it in it"


def _types(policy: Policy, plan: Plan, _today: date) -> Iterator[str]:
    types = set(policy.use.research_types)
    others = {*duo.INVESTIGATIONS, duo.GRU} - types
    if types and types.isdisjoint(plan.purpose):
        yield f"the plan's purposes have none of {', '.join(map(duo.term, sorted(types)))}"
    elif types:
        yield from (f"a purpose is {duo.term(p)}, too" for p in plan.purpose if p in others)


def _regions(policy: Policy, plan: Plan, _today: date) -> Iterator[str]:
    yield from elsewhere(plan, plan.names, policy.use.regions, relay=True)


def elsewhere(
    plan: Plan, names: tuple[str, ...], countries: tuple[str, ...], *, relay: bool
) -> Iterator[str]:
    """Which of these parties, and of the relay, run elsewhere than in these countries."""
    places = [(f"the party of {name}", plan.institution(name).jurisdiction) for name in names]
    if relay and plan.topology == "relay":
        places.append(("the relay", plan.relay_jurisdiction))
    for who, place in places:
        if place not in countries:
            where = f"in {place}" if place else "where the plan does not say (jurisdiction)"
            yield f"{who} runs {where}, not in {' or '.join(countries)}"


def _until(policy: Policy, _plan: Plan, today: date) -> Iterator[str]:
    until = policy.use.until
    if until is not None and today > until:
        yield f"it ended on {until}, and today is {today}"


def _projects(policy: Policy, plan: Plan, _today: date) -> Iterator[str]:
    if plan.id not in policy.use.projects:
        yield f"the plan's id is {plan.id}, none of {', '.join(policy.use.projects)}"


def _institutions(policy: Policy, plan: Plan, _today: date) -> Iterator[str]:
    identities = _identities(policy, policy.use.institutions)
    for other in plan.institutions:
        if other.name != policy.institution and other.identity not in identities:
            yield f"{other.name} is none of {', '.join(policy.use.institutions)}, by its identity"


def _collaborators(policy: Policy, plan: Plan, _today: date) -> Iterator[str]:
    identities = _identities(policy, policy.use.collaborators)
    if not identities & {institution.identity for institution in plan.institutions}:
        yield f"none of {', '.join(policy.use.collaborators)} takes part, by their identities"


def _identities(policy: Policy, names: tuple[str, ...]) -> set[str]:
    return {partner.identity for partner in policy.partners if partner.name in names}


def _not_for_profit(policy: Policy, plan: Plan, _today: date) -> Iterator[str]:
    known = {partner.identity for partner in policy.partners if partner.not_for_profit}
    for other in plan.institutions:
        if other.name != policy.institution and other.identity not in known:
            yield f"{other.name} is no partner with not_for_profit = true, by its identity"


_CHECKS: dict[str, _Check] = {
    duo.RS: _types,
    duo.NMDS: _methods,
    duo.NPOA: _origins,
    duo.GS: _regions,
    duo.TS: _until,
    duo.PS: _projects,
    duo.IS: _institutions,
    duo.COL: _collaborators,
    duo.NPU: _not_for_profit,
    duo.NPUNCU: _not_for_profit,
}
