"""A plan with its site list and its statistics: what is computed, in which order, and what opens.

Everything here follows from the plan and the site list alone, so all parties have the same.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Seat
from mpcgen.cost import Cost
from mpcgen.genome.sites import SiteList, read_sites
from mpcgen.leakage import Opening
from mpcgen.protocols.catalogue import STATISTICS, from_options
from mpcgen.protocols.engines import ENGINES
from mpcgen.protocols.genotype_counts import ALL, CASES, CONTROLS
from mpcgen.protocols.pairs import PairList
from mpcgen.protocols.statistic import MAX_PEOPLE, Input, Statistic
from mpcgen.ring import Z2_32
from mpcgen.secret import nbytes
from mpcgen.study.plan import Entry, Plan, read_plan
from mpcgen.study.selection import choose_pairs

MAX_BATCH = 1 << 18  # variants or pairs that one secure step runs over

PEOPLE = "people"  # label of the joint group sizes, opened before all else
PEOPLE_RING = Z2_32


@dataclass(frozen=True)
class Task:
    """One entry of the plan with its statistic, and its pairs where it is about pairs."""

    entry: Entry
    statistic: Statistic
    chosen: PairList | None


@dataclass(frozen=True)
class Batch:
    """Units, variants or pairs, that are shared and opened together.

    Attributes:
        name: names it in labels: "variants0", "ld3".
        tasks: the entries computed on it.
        start, stop: sites, or numbers of pairs.
    """

    name: str
    tasks: tuple[Task, ...]
    start: int
    stop: int

    @property
    def units(self) -> int:
        """Number of variants or pairs."""
        return self.stop - self.start

    @cached_property
    def pairs(self) -> NDArray[np.int64] | None:
        """(P, 2) site indices, where the units are pairs."""
        chosen = self.tasks[0].chosen
        return None if chosen is None else chosen.between(self.start, self.stop)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What owners give for this batch: each input once, whoever needs it."""
        named = {given.name: given for task in self.tasks for given in task.statistic.inputs}
        return tuple(named.values())

    def label(self, task: Task, name: str) -> str:
        """The manifest's label of one opening."""
        return f"{self.name}/{task.entry.name}/{name}"


@dataclass(frozen=True)
class Study:
    """A plan that can run."""

    plan: Plan
    sites: SiteList
    groups: tuple[str, ...]
    tasks: tuple[Task, ...]

    def batches(self) -> Iterator[Batch]:
        """All batches, in the order of the run."""
        variants = tuple(task for task in self.tasks if task.chosen is None)
        if variants:
            yield from _cut("variants", variants, len(self.sites))
        for task in self.tasks:
            if task.chosen is not None:
                yield from _cut(task.entry.name, (task,), task.chosen.total)

    def manifest(self) -> list[Opening]:
        """Every opening that the plan allows, each once, to all institutions."""
        to = self.plan.names
        openings = [Opening(PEOPLE, PEOPLE_RING.k, (len(self.groups),), to)]
        for batch in self.batches():
            for task in batch.tasks:
                for name, (ring, columns) in task.statistic.opens.items():
                    shape = (batch.units, len(columns))
                    openings.append(Opening(batch.label(task, name), ring.k, shape, to))
        return openings

    @property
    def units(self) -> int:
        """Variants and pairs over all batches: what progress counts."""
        return sum(batch.units for batch in self.batches())

    def cost(self) -> Cost:
        """Declared rounds and bytes of the whole run, the handshake apart."""
        plan = self.plan
        costs = ENGINES[plan.engine].costs(Seat("", plan.names, plan.owners, plan.computing))
        sizes = nbytes(PEOPLE_RING, (len(self.groups),))
        total = costs.input(sizes) + costs.open(sizes) + costs.confirm()
        for batch in self.batches():
            for given in batch.inputs:
                total += costs.input(nbytes(given.ring, (batch.units, len(given.columns))))
            for task in batch.tasks:
                total += task.statistic.cost(costs, batch.units)
        return total


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
    if plan.palindromic == "by_reference_frequency":
        _check_frequencies(plan, sites)
    groups = _groups(plan)
    study = Study(plan, sites, groups, tuple(_task(plan, e, sites, groups) for e in plan.entries))
    _prove_ranges(study)
    return study


def _cut(name: str, tasks: tuple[Task, ...], units: int) -> Iterator[Batch]:
    for n, start in enumerate(range(0, units, MAX_BATCH)):
        yield Batch(f"{name}{n}", tasks, start, min(start + MAX_BATCH, units))


def _groups(plan: Plan) -> tuple[str, ...]:
    """One set of people a plan: those with a phenotype, where any entry uses one."""
    uses = [STATISTICS[e.statistic].uses_phenotype(e.options) for e in plan.entries]
    return (CASES, CONTROLS) if any(uses) else (ALL,)


def _task(plan: Plan, entry: Entry, sites: SiteList, groups: tuple[str, ...]) -> Task:
    try:
        statistic = from_options(entry.statistic, entry.options, groups)
    except ValueError as error:
        raise plan.fail(str(error), entry) from error
    chosen = None
    if statistic.pairs is not None:
        chosen = choose_pairs(statistic.pairs, sites, plan, entry)
        if not chosen.total:
            raise plan.fail("no pair of variants stands in its window", entry)
    return Task(entry, statistic, chosen)


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
        for given in task.statistic.inputs:
            if plan.max_people > given.max_people():
                raise plan.fail(
                    f"sums of {given.name} are proved for at most {given.max_people()} people; "
                    f"the institutions' max_people add up to {plan.max_people}",
                    task.entry,
                )
