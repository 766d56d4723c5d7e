"""Reading a study: its plan, its site list and its statistics, and the proofs that it may run."""

import hashlib
from pathlib import Path

from mpcgen.errors import RangeError
from mpcgen.genome.sites import SiteList, read_sites
from mpcgen.protocols.catalogue import STATISTICS, from_options
from mpcgen.protocols.engines import COMPARISONS, ENGINES, LONG, WIDE, offering
from mpcgen.protocols.genotype_counts import ALL, CASES, CONTROLS
from mpcgen.protocols.options import Options, integer, names
from mpcgen.protocols.rounded import MAX_DIGITS
from mpcgen.protocols.statistic import MAX_PEOPLE, Decision, Statistic, Value
from mpcgen.ring import Z2_32, Z2_64
from mpcgen.study.batch import Task
from mpcgen.study.plan import Entry, Plan
from mpcgen.study.read import read_plan
from mpcgen.study.refusals import check_release
from mpcgen.study.selection import choose_pairs
from mpcgen.study.study import Study

ALONE = ("binary_digits", "values")  # options of release = "statistic"


def load_study(path: Path) -> Study:
    """Read a plan and its site list, and prove that its numbers fit.

    Raises:
        PlanError: the plan is wrong, its site list is another one, or a number could overflow.
        InputError: the site list cannot be read.
    """
    plan = read_plan(path)
    sites = read_sites(plan.sites_file)
    if sites.sha256 != plan.sites_sha256:
        words = "the site list is another one than the plan's"
        if plan.sites_sha256 == hashlib.sha256(plan.sites_file.read_bytes()).hexdigest():
            words = "the plan has the hash of the file; the hash of the sites is wanted"
        raise plan.document.fail(
            f"{words}: {plan.sites_file.name} has SHA-256 {sites.sha256} over its sites, the plan "
            f"has {plan.sites_sha256}",
            "sites",
            "sha256",
        )
    if plan.independent_variants is not None and plan.independent_variants > len(sites):
        raise plan.document.fail(
            f"independent_variants is at most {len(sites)}, the number of sites",
            "release",
            "independent_variants",
        )
    if plan.palindromic == "by_reference_frequency":
        _check_frequencies(plan, sites)
    groups = _groups(plan)
    tasks = tuple(_task(plan, e, sites, groups) for e in plan.entries)
    study = Study(plan, sites, groups, tasks)
    _check_engine(study)
    _prove_ranges(study)
    check_release(study)
    _check_labels(study)
    return study


def _groups(plan: Plan) -> tuple[str, ...]:
    """One set of people a plan: those with a phenotype, where any entry uses one."""
    uses = [STATISTICS[e.statistic].uses_phenotype(e.options) for e in plan.entries]
    return (CASES, CONTROLS) if any(uses) else (ALL,)


def _task(plan: Plan, entry: Entry, sites: SiteList, groups: tuple[str, ...]) -> Task:
    for key in ALONE:
        if key in entry.options and entry.release != "statistic":
            raise plan.fail(f'{key} goes with release = "statistic"', entry)
    try:
        statistic = from_options(entry.statistic, _own_options(entry), groups)
    except ValueError as error:
        raise plan.fail(str(error), entry) from error
    chosen = None
    if statistic.pairs is not None:
        chosen = choose_pairs(statistic.pairs, sites, plan, entry)
        if not chosen.total:
            raise plan.fail("no pair of variants stands in its window", entry)
    decisions = _decisions(plan, entry, statistic)
    return Task(entry, statistic, chosen, decisions, _values(plan, entry, statistic))


def _own_options(entry: Entry) -> Options:
    """The options that the statistic knows: without those of its release."""
    if entry.release != "statistic":
        return entry.options
    return {key: value for key, value in entry.options.items() if key not in ALONE}


def _values(plan: Plan, entry: Entry, statistic: Statistic) -> tuple[Value, ...]:
    """What a release "statistic" opens."""
    if entry.release != "statistic":
        return ()
    can = statistic.alone
    if not can:
        able = ", ".join(name for name, kind in STATISTICS.items() if kind.alone)
        raise plan.fail(f"{entry.statistic} has no value that is opened alone; {able} have", entry)
    try:
        chosen = names(entry.options, "values", can, can[:1])
        digits = integer(entry.options, "binary_digits", 0)
        digits = statistic.digits if digits is None else digits
        if digits > MAX_DIGITS:
            raise ValueError(f"binary_digits is from 0 to {MAX_DIGITS}, not {digits}")
        return statistic.values(chosen, digits, min(plan.max_people, MAX_PEOPLE))
    except (ValueError, RangeError) as error:
        raise plan.fail(str(error), entry) from error


def _decisions(plan: Plan, entry: Entry, statistic: Statistic) -> tuple[Decision, ...]:
    try:
        decisions = statistic.decisions(min(plan.max_people, MAX_PEOPLE))
    except ValueError as error:
        raise plan.fail(f"its threshold: {error}", entry) from error
    key = statistic.threshold
    if entry.release == "passing" and not decisions:
        lacks = f"{key}, the threshold" if key else f"a threshold, and {entry.statistic} has none"
        raise plan.fail(f'release = "passing" needs {lacks}', entry)
    if decisions and entry.release != "passing":
        raise plan.fail(
            f'{key} is a threshold, and release = "{entry.release}" opens what is not beyond it: '
            f'write release = "passing", or leave {key} out',
            entry,
        )
    return decisions


def _check_frequencies(plan: Plan, sites: SiteList) -> None:
    """The frequencies decide which way round alleles are read, so the plan pins them too."""
    if sites.frequency_sha256 is None:
        raise plan.document.fail(
            "by_reference_frequency wants a site list with frequencies (column AF)",
            "sites",
            "palindromic",
        )
    if plan.frequency_sha256 != sites.frequency_sha256:
        raise plan.document.fail(
            f"the frequencies of {plan.sites_file.name} have SHA-256 {sites.frequency_sha256}; the "
            f"plan has frequency_sha256 = {plan.frequency_sha256 or 'nothing'}",
            "sites",
            "palindromic",
        )


def _check_engine(study: Study) -> None:
    """Refuse what the plan's engine cannot do.

    Raises:
        PlanError: what asks for it, and the engines that can.
    """
    plan, offers = study.plan, ENGINES[study.plan.engine].offers
    lacks = f"the engine {plan.engine} has no {{}}; {{}} have them"
    if plan.floors is not None and COMPARISONS not in offers:
        words = lacks.format(COMPARISONS, offering(COMPARISONS))
        raise plan.document.fail(
            f"{words}. Floors rest on them: choose one of these engines, or write "
            'floors = "none" under [release], which opens every total',
            "engine",
            "name",
        )
    for task in study.tasks:
        needs = [COMPARISONS] if task.withholds else []
        if task.decisions or any(value.ring.k > Z2_64.k for value in task.values):
            needs.append(LONG)
        if any(sums.source.ring.k > Z2_32.k for sums in task.sums):
            needs.append(WIDE)
        for lacking in (need for need in needs if need not in offers):
            raise plan.fail(lacks.format(lacking, offering(*needs)), task.entry)


def _check_labels(study: Study) -> None:
    """Refuse names of entries that give two openings one label."""
    seen: set[str] = set()
    for label in (opening.label for opening in study.manifest()):
        if label in seen:
            raise study.plan.fail(
                f'two openings are named "{label}": give one of the entries another name'
            )
        seen.add(label)


def _prove_ranges(study: Study) -> None:
    """Refuse a study whose totals could overflow.

    Raises:
        PlanError: which entry, and how many people it takes.
    """
    plan = study.plan
    if plan.max_people > MAX_PEOPLE:
        raise plan.fail(
            f"the institutions' max_people add up to {plan.max_people}; every range is proved for "
            f"at most {MAX_PEOPLE} people"
        )
    for task in study.tasks:
        for given in task.inputs:
            if plan.max_people > given.max_people():
                raise plan.fail(
                    f"sums of {given.name} are proved for at most {given.max_people()} people; "
                    f"the institutions' max_people add up to {plan.max_people}",
                    task.entry,
                )
