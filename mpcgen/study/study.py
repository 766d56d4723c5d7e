"""A plan with its site list and its statistics: what is computed, in which order, and what opens.

Everything here follows from the plan and the site list alone, so all parties have the same.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Seat
from mpcgen.bits import BITS
from mpcgen.cost import Cost, Costs
from mpcgen.genome.sites import SiteList, read_sites
from mpcgen.leakage import Opening
from mpcgen.protocols.catalogue import STATISTICS, from_options
from mpcgen.protocols.engines import ENGINES
from mpcgen.protocols.floors import PAIR_PRESENCE, PRESENCE, Floors
from mpcgen.protocols.genotype_counts import ALL, CASES, CONTROLS, genotype_counts
from mpcgen.protocols.pairs import PairList, common_pairs
from mpcgen.protocols.statistic import MAX_PEOPLE, Decision, Input, Statistic
from mpcgen.protocols.threshold import WIDE
from mpcgen.ring import Z2_32, Ring
from mpcgen.secret import nbytes
from mpcgen.study.disclosure import (
    Opened,
    classes_of,
    pair_floors,
    people_floors,
    undermined,
    variant_floors,
)
from mpcgen.study.plan import Entry, Plan, read_plan
from mpcgen.study.selection import choose_pairs

MAX_BATCH = 1 << 18  # variants or pairs that one secure step runs over
MAX_DECIDED = 1 << 16  # the same where it compares: a hundred comparisons a unit take room

PEOPLE = "people"  # label of the joint group sizes, opened before all else
PEOPLE_KEEP = "people/keep"  # of the bit that says whether they meet the floors
PEOPLE_RING = Z2_32


@dataclass(frozen=True)
class Task:
    """One entry of the plan with its statistic.

    Attributes:
        chosen: its pairs, where it is about pairs.
        decisions: its thresholds; a unit is opened where one of them is passed. None: all are.
    """

    entry: Entry
    statistic: Statistic
    chosen: PairList | None
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Units, variants or pairs, that are shared and opened together.

    Attributes:
        name: names it in labels: "variants0", "ld3".
        tasks: the entries computed on it.
        start, stop: sites, or numbers of pairs.
        floors: None where the plan has none.
        groups: the plan's groups of people.
        keep: label of the bits that say which units meet the floors; None where it is not opened.
    """

    name: str
    tasks: tuple[Task, ...]
    start: int
    stop: int
    floors: Floors | None = None
    groups: tuple[str, ...] = ()
    keep: str | None = None

    @property
    def units(self) -> int:
        """Number of variants or pairs."""
        return self.stop - self.start

    @cached_property
    def pairs(self) -> NDArray[np.int64] | None:
        """(P, 2) site indices, where the units are pairs."""
        chosen = self.tasks[0].chosen if self.tasks else None
        return None if chosen is None else chosen.between(self.start, self.stop)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What owners give for this batch: each input once, whoever needs it."""
        of_pairs = any(task.chosen is not None for task in self.tasks)
        decided = (PAIR_PRESENCE,) if of_pairs else (genotype_counts(self.groups), PRESENCE)
        wanted = [given for task in self.tasks for given in task.statistic.inputs]
        wanted += decided if self.floors else ()
        return tuple({given.name: given for given in wanted}.values())

    def ring(self, given: Input) -> Ring:
        """The ring in which an input is shared: the widest that any use of it needs."""
        decided = {d.source.name for task in self.tasks for d in task.decisions}
        return WIDE if given.name in decided else given.ring

    def where(self, task: Task) -> str | None:
        """Label of the bits that say which units of an entry are opened; None: all."""
        return self.label(task, "passing") if task.decisions else self.keep

    @property
    def bit_labels(self) -> tuple[str, ...]:
        """Labels of all bits that are opened of this batch."""
        passing = (self.label(task, "passing") for task in self.tasks if task.decisions)
        return (*filter(None, [self.keep]), *passing)

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
    opened: tuple[Opened, ...]

    def batches(self) -> Iterator[Batch]:
        """All batches, in the order of the run."""
        variants = tuple(task for task in self.tasks if task.chosen is None)
        pairs = tuple(task for task in self.tasks if task.chosen is not None)
        if variants or (pairs and self.plan.floors):
            kept = bool(pairs) or any(not task.decisions for task in variants)
            for name, start, stop in _cut("variants", variants, len(self.sites), self.plan):
                yield self._variants(Batch(name, variants, start, stop, groups=self.groups), kept)
        for task in pairs:
            assert task.chosen is not None
            for name, start, stop in _cut(task.entry.name, (task,), task.chosen.total, self.plan):
                batch = Batch(name, (task,), start, stop, self._pair_floors, self.groups)
                totals = self.plan.floors is not None and not task.decisions
                yield replace(batch, keep=f"{name}/keep") if totals else batch

    def _variants(self, batch: Batch, kept: bool) -> Batch:
        if self.plan.floors is None:
            return batch
        kinds = tuple(classes_of(self.sites.chrom[batch.start : batch.stop]))
        keep = f"{batch.name}/keep" if kept else None
        return replace(batch, floors=self.variant_floors(kinds), keep=keep)

    def variant_floors(self, kinds: tuple[tuple[str, ...], ...]) -> Floors:
        """The floors of variants on these kinds of chromosomes, given by their genotype classes."""
        plan = self.plan
        assert plan.floors is not None
        return variant_floors(
            self.opened, self.groups, kinds, plan.floors, plan.max_people, len(plan.owners)
        )

    @cached_property
    def _pair_floors(self) -> Floors | None:
        plan = self.plan
        if plan.floors is None:
            return None
        kinds = classes_of(self.sites.chrom)
        return pair_floors(
            self.opened, self.groups, kinds, plan.floors, plan.max_people, len(plan.owners)
        )

    @cached_property
    def people_floors(self) -> Floors | None:
        """What the joint group sizes must meet; None where the plan has no floors."""
        plan = self.plan
        if plan.floors is None:
            return None
        return people_floors(self.groups, plan.floors, plan.max_people, len(plan.owners))

    @property
    def people_where(self) -> str | None:
        """Label of the bit under which the joint group sizes are opened."""
        return PEOPLE_KEEP if self.people_floors else None

    def manifest(self) -> list[Opening]:
        """Every opening that the plan allows, each once, to all institutions."""
        to = self.plan.names
        where = self.people_where
        openings = [] if where is None else [Opening(where, 1, (1,), to)]
        openings.append(Opening(PEOPLE, PEOPLE_RING.k, (1, len(self.groups)), to, where))
        for batch in self.batches():
            openings += [Opening(label, 1, (batch.units,), to) for label in batch.bit_labels]
            for task in batch.tasks:
                for sums in task.statistic.sums:
                    label, shape = batch.label(task, sums.name), (batch.units, len(sums.forms))
                    k = sums.source.ring.k
                    openings.append(Opening(label, k, shape, to, batch.where(task)))
        return openings

    @property
    def units(self) -> int:
        """Variants and pairs over all batches: what progress counts."""
        return sum(batch.units for batch in self.batches())

    def cost(self) -> Cost:
        """Declared rounds and bytes of the whole run, the handshake apart, if all is opened."""
        plan = self.plan
        costs = ENGINES[plan.engine].costs(Seat("", plan.names, plan.owners, plan.computing))
        sizes = PEOPLE_RING.size * len(self.groups)
        total = costs.input(sizes + PEOPLE_RING.size) + costs.open(sizes) + costs.confirm()
        if self.people_floors is not None:
            total += self.people_floors.cost(costs, 1) + costs.open(1)
        for batch in self.batches():
            for given in batch.inputs:
                shape = (batch.units, len(given.columns))
                total += costs.input(nbytes(batch.ring(given), shape))
            total += _bits_cost(costs, batch)
            for task in batch.tasks:
                total += task.statistic.cost(costs, batch.units)
        return total


def _bits_cost(costs: Costs, batch: Batch) -> Cost:
    """Declared cost of deciding what a batch opens."""
    packed, total = BITS.packed(batch.units), Cost()
    if batch.floors is not None:
        total += batch.floors.cost(costs, packed)
    for task in batch.tasks:
        for decision in task.decisions:
            total += decision.cost(costs, batch.units, packed)
        products = len(task.decisions) - (batch.floors is None) if task.decisions else 0
        total += costs.reshare(packed).times(products)
    return total + costs.open(packed * len(batch.bit_labels)) if batch.bit_labels else total


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
    tasks = tuple(_task(plan, e, sites, groups) for e in plan.entries)
    opened = tuple(
        Opened(task.entry.name, task.statistic, bool(task.decisions))
        for task in tasks
        if task.chosen is None
    )
    study = Study(plan, sites, groups, tasks, opened)
    _prove_ranges(study)
    _check_release(study)
    return study


def _cut(
    name: str, tasks: tuple[Task, ...], units: int, plan: Plan
) -> Iterator[tuple[str, int, int]]:
    """Name, start and stop of the batches of so many units."""
    decided = plan.floors is not None or any(task.decisions for task in tasks)
    size = MAX_DECIDED if decided else MAX_BATCH
    for n, start in enumerate(range(0, units, size)):
        yield f"{name}{n}", start, min(start + size, units)


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
    return Task(entry, statistic, chosen, _decisions(plan, entry, statistic))


def _decisions(plan: Plan, entry: Entry, statistic: Statistic) -> tuple[Decision, ...]:
    try:
        decisions = statistic.decisions(min(plan.max_people, MAX_PEOPLE))
    except ValueError as error:
        raise plan.fail(f"its threshold: {error}", entry) from error
    if (entry.release == "passing") != bool(decisions):
        raise plan.fail(
            'release = "passing" and a threshold go together: p in an association entry, r2 in a '
            "linkage entry",
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


def _check_release(study: Study) -> None:
    """Refuse a plan in which one entry opens what another withholds.

    Raises:
        PlanError: which entries, and the combination.
    """
    plan, kinds = study.plan, classes_of(study.sites.chrom)
    found = undermined(study.opened, study.groups, kinds)
    if found is not None:
        entry, words = found
        raise plan.fail(words, next(e for e in plan.entries if e.name == entry))
    of_pairs = [(task, task.chosen) for task in study.tasks if task.chosen is not None]
    for n, (task, chosen) in enumerate(of_pairs):
        for other, others in of_pairs[:n]:
            if (task.decisions or other.decisions) and common_pairs(chosen, others):
                raise plan.fail(
                    f"it has pairs in common with {other.entry.name}, and one of the two opens "
                    "what the other's threshold withholds",
                    task.entry,
                )
    if plan.floors is None or "stratified sums" in plan.consent:
        return
    for task in study.tasks:
        if task.statistic.undoes_floors:
            raise plan.fail(
                f"{task.statistic.undoes_floors}, which the plan's floors withhold; where all "
                'agree to that, write consent = ["stratified sums"] under [release]',
                task.entry,
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
