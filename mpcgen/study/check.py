"""What a plan opens, to whom, and what it costs: the text that a steward reads before a run."""

import textwrap
from collections.abc import Iterable, Iterator

from mpcgen.protocols.engines import ENGINES
from mpcgen.protocols.genotype_counts import ALL
from mpcgen.study.batch import Task
from mpcgen.study.duo import term
from mpcgen.study.floor_words import floors
from mpcgen.study.forecast import Network, forecast
from mpcgen.study.implications import bits, implied, membership
from mpcgen.study.plan import Plan
from mpcgen.study.study import Study

WIDTH = 100

_HIDDEN = (
    "Nothing else is opened: no institution's own counts, and no individual's genotype, leaves it "
    "but {}."
)
_DEALS = "deals correlated randomness to who computes, and learns nothing"
_RELAYS = "passes all messages on; it sees who talks to whom, when and how much, and reads nothing"
_UNHIDDEN = "Besides, {} sees the counts of every single institution: this engine hides nothing."


def describe(study: Study, network: Network) -> str:
    """The study in plain words: parties, what is opened and what it implies, forecast, warnings."""
    plan = study.plan
    head = [
        f"Study {plan.id}: {plan.title}",
        f"plan {plan.path.name}, SHA-256 {plan.sha256}",
        f"{len(study.sites)} sites of {plan.sites_file.name} on {plan.build}",
        f"SHA-256 of the sites {plan.sites_sha256}",
    ]
    line = f"{network.round_trip_ms:g} ms and {network.mbit_per_s:g} Mbit/s"
    blocks = {
        "What it is for": _purpose(plan),
        "Who takes part": _parties(study),
        f"What is opened, to all of {', '.join(plan.readers)}": _openings(study),
        "The floors, decided on shares before anything is opened": floors(study),
        "What a bit says": bits(study),
        "What it implies": implied(study),
        "Whether a known genome took part": membership(study),
        f"Forecast, for lines with a round trip of {line}": forecast(study, network),
    }
    texts = ["\n".join(head)]
    texts += [_block(heading, lines) for heading, lines in blocks.items()]
    texts += [_wrapped(f"WARNING  {warning}") for warning in plan.warnings]
    return "\n\n".join(filter(None, texts))


def _block(heading: str, lines: Iterable[str]) -> str:
    """A heading and its lines, indented by two; nothing where there are no lines."""
    told = [_wrapped(f"  {line}") for line in lines]
    return "\n".join([heading, *told]) if told else ""


def _wrapped(line: str) -> str:
    """A line cut to WIDTH, its own indentation kept, four more on what follows."""
    indent = len(line) - len(line.lstrip())
    return textwrap.fill(
        line,
        WIDTH,
        subsequent_indent=" " * (indent + 4),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _parties(study: Study) -> Iterator[str]:
    plan = study.plan
    roles = ENGINES[plan.engine].roles or ["computes"] * len(plan.computing)
    for institution in plan.institutions:
        most = institution.max_people
        data = f"up to {most} people" if most else "without data"
        does = [r for p, r in zip(plan.computing, roles, strict=True) if p == institution.name]
        does += [_DEALS] if institution.name == plan.dealer else []
        where = f"at {institution.address}" if institution.address else "by the relay"
        land = _land(plan, institution.jurisdiction)
        yield f"{institution.name} {where}{land}: {', '.join([data, *does])}"
    if plan.relay:
        yield f"the relay at {plan.relay}{_land(plan, plan.relay_jurisdiction)}: {_RELAYS}"
    if not _tells_lands(plan):
        yield "in which countries they run: the plan does not say (jurisdiction)"
    yield f"engine {plan.engine}, which withstands {ENGINES[plan.engine].withstands}"


def _land(plan: Plan, code: str) -> str:
    """In which country something is; nothing of plans that say so of nothing."""
    if not _tells_lands(plan):
        return ""
    return f", in {code}" if code else ", in a country that the plan does not name"


def _tells_lands(plan: Plan) -> bool:
    return any((*(i.jurisdiction for i in plan.institutions), plan.relay_jurisdiction))


def _purpose(plan: Plan) -> Iterator[str]:
    if plan.purpose:
        terms = ", ".join(map(term, plan.purpose))
        yield f"purposes, by the Data Use Ontology: {terms}"
    if plan.disease:
        yield f"what is studied: {', '.join(plan.disease)}"
    if plan.follows:
        yield f"it takes the place of the plan with SHA-256 {plan.follows}"


def _openings(study: Study) -> Iterator[str]:
    plan, engine = study.plan, ENGINES[study.plan.engine]
    groups = ["everybody"] if study.groups == (ALL,) else study.groups
    met = " (first, one bit: whether they meet the floors)" if study.people_where else ""
    yield f"people: the joint number of {' and of '.join(groups)}{met}"
    if study.keeps_variants:
        yield (
            f"keep: of each variant ({len(study.sites)} in all), one bit for the whole plan: "
            "whether it meets the floors"
        )
    for task in study.tasks:
        yield from _entry(study, task)
    yield _HIDDEN.format(engine.leaves) if engine.hides else _UNHIDDEN.format(plan.computing[0])


def _entry(study: Study, task: Task) -> Iterator[str]:
    """An entry's heading, its thresholds, and all that it opens."""
    unit, units = "variant", len(study.sites)
    if task.chosen is not None:
        unit, units = "pair of variants", task.chosen.total
    asked = ["meets the floors"] if study.plan.floors else []
    asked += [f"has {_threshold(task)}"] if task.decisions else []
    where = f" that {' and '.join(asked)}" if asked else ""
    what = "values alone, and no totals" if task.values else "the joint totals"
    yield f"{task.entry.name}: of each {unit} ({units} in all){where}, {what}"
    for value in task.values:
        yield f"  {value.name}: rounded on shares to a multiple of {_step(value.digits)}"
    for sums in task.sums:
        yield f"  {sums.name}: {', '.join(sums.forms)}"
    if task.decisions:
        yield f"  passing: of each {unit}, one bit: whether it is opened, decided on shares"
        yield f"  in effect: {', or '.join(_effective(task))}"
    elif study.plan.floors and task.chosen is not None:
        yield f"  keep: of each {unit}, one bit: whether it is opened"


def _step(digits: int) -> str:
    return f"2^-{digits}, {2.0**-digits:.3g}" if digits else "1"


def _threshold(task: Task) -> str:
    """The threshold as the plan has it."""
    words = {"p": "p < {:g} in a test", "r2": "r2 > {:g}"}
    key = task.statistic.threshold or ""
    return words[key].format(task.entry.options[key])


def _effective(task: Task) -> Iterator[str]:
    """The thresholds as they take effect."""
    for decision in task.decisions:
        for t in decision.effective:
            yield f"{t.name} > {t.value:.6g}{'' if t.p is None else f' (p < {t.p:.6g})'}"
