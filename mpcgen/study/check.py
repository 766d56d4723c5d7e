"""What a plan opens, to whom, and what it costs: the text that a steward reads before a run."""

from collections.abc import Iterator
from dataclasses import dataclass

from mpcgen.errors import InputError
from mpcgen.protocols.engines import ENGINES
from mpcgen.protocols.genotype_counts import ALL
from mpcgen.study.batch import Task
from mpcgen.study.study import Study

_HIDDEN = (
    "Nothing else is opened: no institution's own counts, and no individual's genotype, leaves it "
    "but as shares that look random to every single other party."
)
_UNHIDDEN = "Besides, {} sees the counts of every single institution: this engine hides nothing."
_MOST = 1e9  # milliseconds: eleven days; Mbit/s: more than any line has


@dataclass(frozen=True)
class Network:
    """What a forecast assumes of every party's line.

    Raises:
        InputError: a number that is none, or that no line has.
    """

    round_trip_ms: float = 20.0
    mbit_per_s: float = 100.0

    def __post_init__(self) -> None:
        for what, value, low, unit in (
            ("round trip", self.round_trip_ms, 0, "ms"),
            ("bandwidth", self.mbit_per_s, 1e-6, "Mbit/s"),
        ):
            if not low <= value <= _MOST:
                limits = f"{low:g} to {_MOST:g} {unit}"
                raise InputError(f"the {what} is a number from {limits}, not {value:g}")


def describe(study: Study, network: Network) -> str:
    """The study in plain words: parties, what is opened and what it implies, forecast, warnings."""
    return "\n".join(_lines(study, network))


def _lines(study: Study, network: Network) -> Iterator[str]:
    plan, engine = study.plan, ENGINES[study.plan.engine]
    yield f"Study {plan.id}: {plan.title}"
    yield f"plan {plan.path.name}, SHA-256 {plan.sha256}"
    file = plan.sites_file.name
    yield f"{len(study.sites)} sites of {file} on {plan.build}, SHA-256 {plan.sites_sha256}"
    yield ""
    yield "Who takes part"
    for institution in plan.institutions:
        most = institution.max_people
        data = f"up to {most} people" if most else "without data"
        computes = ", computes" if institution.name in plan.computing else ""
        yield f"  {institution.name} at {institution.address}: {data}{computes}"
    yield f"  engine {plan.engine}, which withstands {engine.withstands}"
    yield ""
    yield f"What is opened, to all of {', '.join(plan.names)}"
    groups = ["everybody"] if study.groups == (ALL,) else study.groups
    yield f"  people: the joint number of {' and of '.join(groups)}"
    for task in study.tasks:
        yield from (f"  {line}" for line in _openings(study, task))
    yield "  " + (_HIDDEN if engine.hides else _UNHIDDEN.format(plan.computing[0]))
    yield ""
    yield "What it implies"
    yield "  Whoever subtracts its own counts from a total knows the sum of the others'."
    yield "  From how many people a total is follows which institutions lack a variant."
    yield "  Exact frequencies of many variants can tell whether a known genome took part."
    for sentence in dict.fromkeys(s for task in study.tasks for s in task.statistic.implies()):
        yield f"  {sentence}"
    yield ""
    yield from _forecast(study, network)
    for warning in plan.warnings:
        yield ""
        yield f"WARNING  {warning}"


def _openings(study: Study, task: Task) -> Iterator[str]:
    unit, units = "variant", len(study.sites)
    if task.chosen is not None:
        unit, units = "pair of variants", task.chosen.total
    yield f"{task.entry.name}: of each {unit} ({units} in all), the joint totals"
    for sums in task.statistic.sums:
        yield f"  {sums.name}: {', '.join(sums.forms)}"


def _forecast(study: Study, network: Network) -> Iterator[str]:
    cost = study.cost()
    sent = ", ".join(f"{name} {_bytes(cost.sent.get(name, 0))}" for name in study.plan.names)
    waiting = cost.rounds * network.round_trip_ms / 1000
    sending = max(cost.sent.values()) * 8 / (network.mbit_per_s * 1e6)
    yield (
        f"Forecast, for lines with a round trip of {network.round_trip_ms:g} ms and "
        f"{network.mbit_per_s:g} Mbit/s"
    )
    yield f"  {cost.rounds} rounds; sent by {sent}"
    minutes = (waiting + sending) / 60
    yield (
        f"  {f'{minutes:.0f} minutes' if minutes >= 1 else 'less than a minute'} on the network "
        f"({waiting:.1f} s waiting, {sending:.1f} s sending); counting in each institution's own "
        "files comes on top"
    )


def _bytes(number: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} bytes"
