"""A plan's entries with their statistics, and the batches in which their units are computed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mpcgen.bits import BITS
from mpcgen.cost import Cost, Costs
from mpcgen.leakage import Opening
from mpcgen.protocols.floors import PRESENCE, Floors
from mpcgen.protocols.genotype_counts import genotype_counts
from mpcgen.protocols.pair_sums import PAIR_SUMS
from mpcgen.protocols.pairs import PairList
from mpcgen.protocols.statistic import Decision, Input, Statistic
from mpcgen.protocols.threshold import WIDE
from mpcgen.ring import Ring
from mpcgen.secret import nbytes
from mpcgen.study.plan import Entry

MAX_BATCH = 1 << 18  # variants or pairs that one secure step runs over
MAX_DECIDED = 1 << 16  # the same where it compares: a hundred comparisons a unit take room


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

    @property
    def forms(self) -> dict[str, Mapping[str, int]]:
        """What it opens of a unit, by name: column of the shared inputs -> coefficient."""
        return {
            f"{self.entry.name}: {sums.name}.{name}": form
            for sums in self.statistic.sums
            for name, form in sums.forms.items()
        }


@dataclass(frozen=True)
class Batch:
    """Units, variants or pairs, that are shared, decided on and opened together.

    Attributes:
        name: names it in labels: "variants0", "ld3".
        tasks: the entries computed on it.
        start, stop: sites, or numbers of pairs.
        groups: the plan's groups of people.
        floors: None where the plan has none.
        keeps: it opens which units meet the floors.
    """

    name: str
    tasks: tuple[Task, ...]
    start: int
    stop: int
    groups: tuple[str, ...]
    floors: Floors | None
    keeps: bool

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
        decided = (PAIR_SUMS,) if of_pairs else (genotype_counts(self.groups), PRESENCE)
        wanted = [given for task in self.tasks for given in task.statistic.inputs]
        wanted += decided if self.floors else ()
        return tuple({given.name: given for given in wanted}.values())

    def ring(self, given: Input) -> Ring:
        """The ring in which an input is shared: the widest that any use of it needs."""
        decided = {d.source.name for task in self.tasks for d in task.decisions}
        return WIDE if given.name in decided else given.ring

    @property
    def keep(self) -> str | None:
        """Label of the bits that say which units meet the floors; None: they are not opened."""
        return f"{self.name}/keep" if self.keeps else None

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

    def openings(self, to: tuple[str, ...]) -> Iterator[Opening]:
        """Its lines of the manifest."""
        for label in self.bit_labels:
            yield Opening(label, 1, (self.units,), to)
        for task in self.tasks:
            for sums in task.statistic.sums:
                label, shape = self.label(task, sums.name), (self.units, len(sums.forms))
                yield Opening(label, sums.source.ring.k, shape, to, self.where(task))

    def cost(self, costs: Costs) -> Cost:
        """Declared cost, if all is opened."""
        total = self._deciding(costs)
        for given in self.inputs:
            total += costs.input(nbytes(self.ring(given), (self.units, len(given.columns))))
        for task in self.tasks:
            total += task.statistic.cost(costs, self.units)
        return total

    def _deciding(self, costs: Costs) -> Cost:
        """Declared cost of deciding what is opened."""
        packed, total = BITS.packed(self.units), Cost()
        if self.floors is not None:
            total += self.floors.cost(costs, packed)
        for task in self.tasks:
            for decision in task.decisions:
                total += decision.cost(costs, self.units, packed)
            products = len(task.decisions) - (self.floors is None) if task.decisions else 0
            total += costs.reshare(packed).times(products)
        bits = len(self.bit_labels)
        return total + costs.open(packed * bits) if bits else total


def cut(name: str, units: int, size: int) -> Iterator[tuple[str, int, int]]:
    """Name, start and stop of the batches of so many units."""
    for n, start in enumerate(range(0, units, size)):
        yield f"{name}{n}", start, min(start + size, units)
