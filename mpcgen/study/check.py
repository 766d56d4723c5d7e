"""What a plan opens, to whom, and what it costs: the text that a steward reads before a run."""

from collections.abc import Iterator
from dataclasses import dataclass

from mpcgen.protocols.engines import ENGINES
from mpcgen.study.study import Study, Task

_KEPT_BACK = (
    "Nothing else is opened: no institution's own counts, and no individual's genotype, leaves it "
    "but as shares that look random to every single other party."
)


@dataclass(frozen=True)
class Network:
    """What a forecast assumes of every party's line."""

    round_trip_ms: float = 20.0
    mbit_per_s: float = 100.0


def describe(study: Study, network: Network) -> str:
    """The study in plain words: parties, what is opened and what it implies, forecast, warnings."""
    return "\n".join(_lines(study, network))


def _lines(study: Study, network: Network) -> Iterator[str]:
    plan = study.plan
    yield f"Study {plan.id}: {plan.title}"
    yield f"plan {plan.path.name}, SHA-256 {plan.sha256}"
    yield f"{len(study.sites)} sites on {plan.build}, SHA-256 {plan.sites_sha256}"
    yield ""
    yield "Who takes part"
    for institution in plan.institutions:
        data = (
            f"up to {institution.max_people} people" if institution.max_people else "without data"
        )
        computes = ", computes" if institution.name in plan.computing else ""
        yield f"  {institution.name} at {institution.address}: {data}{computes}"
    yield f"  engine {plan.engine}, which withstands {ENGINES[plan.engine].withstands}"
    yield ""
    yield f"What is opened, to all of {', '.join(plan.names)}"
    yield f"  the joint number of people: {', '.join(study.groups)}"
    for task in study.tasks:
        units = f"{len(study.sites)} variants"
        if task.chosen is not None:
            units = f"{task.chosen.total} pairs of variants"
        yield f"  {task.entry.name}: for each of {units}, the joint totals"
        yield from (f"    {line}" for line in _openings(task))
    yield f"  {_KEPT_BACK if plan.engine != 'clear' else ''}".rstrip()
    yield ""
    yield "What it implies"
    yield "  Whoever subtracts its own counts from a total knows the sum of the others'."
    yield "  Exact frequencies of many variants can tell whether a known genome took part."
    for task in study.tasks:
        yield from (f"  {sentence}" for sentence in task.statistic.implies())
    if len(plan.owners) == 2:
        yield "  There are two owners: each learns the other's whole table."
    yield ""
    yield from _forecast(study, network)
    for warning in plan.warnings:
        yield ""
        yield f"WARNING  {warning}"


def _openings(task: Task) -> Iterator[str]:
    for name, (_ring, columns) in task.statistic.opens.items():
        yield f"{name}: {', '.join(columns)}"


def _forecast(study: Study, network: Network) -> Iterator[str]:
    cost = study.cost()
    most = max(cost.sent.values())
    waiting = cost.rounds * network.round_trip_ms / 1000
    sending = most * 8 / (network.mbit_per_s * 1e6)
    yield f"Forecast, at {network.round_trip_ms:g} ms and {network.mbit_per_s:g} Mbit/s a party"
    yield f"  {cost.rounds} rounds; at most {most / 1e6:.1f} MB sent by a party"
    yield f"  about {(waiting + sending) / 60:.1f} minutes on the network, counting apart"
