"""A plan's entries with their statistics, and the batches in which their units are computed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.bits import BITS
from mpcgen.cost import Cost, Costs, Size
from mpcgen.dry import Dry, cost_of
from mpcgen.leakage import Opening
from mpcgen.protocols.floors import Floors
from mpcgen.protocols.pairs import PairList
from mpcgen.protocols.statistic import (
    Decision,
    Input,
    Integers,
    Release,
    Sites,
    Statistic,
    Sums,
    Table,
    Value,
)
from mpcgen.protocols.threshold import WIDE
from mpcgen.ring import Ring
from mpcgen.secret import Secret
from mpcgen.study.plan import Entry

MAX_BATCH = 1 << 18  # variants or pairs that one secure step runs over
MAX_DECIDED = 1 << 16  # the same where it compares: that takes room
MAX_BITS = 1 << 28  # that all owners together give for the floors of one step


@dataclass(frozen=True)
class Task:
    """One entry of the plan with its statistic.

    Attributes:
        chosen: its pairs, where it is about pairs.
        decisions: its thresholds; a unit is opened where one of them is passed. None: all are.
        values: what it opens alone, rounded, instead of the statistic's sums; empty: the sums.
    """

    entry: Entry
    statistic: Statistic
    chosen: PairList | None
    decisions: tuple[Decision, ...] = ()
    values: tuple[Value, ...] = ()

    @property
    def withholds(self) -> bool:
        """Whether its release withholds sums that its statistic is made of."""
        return bool(self.decisions or self.values)

    @property
    def sums(self) -> tuple[Sums, ...]:
        """The sums that it opens."""
        return () if self.values else self.statistic.sums

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What its owners give."""
        given = [value.source for value in self.values] or self.statistic.inputs
        return tuple({each.name: each for each in given}.values())

    @property
    def forms(self) -> dict[str, Mapping[str, int]]:
        """What it opens of a unit, by name: column of the shared inputs -> coefficient."""
        return {
            f"{self.entry.name}: {sums.name}.{name}": form
            for sums in self.sums
            for name, form in sums.forms.items()
        }

    @property
    def behind(self) -> dict[str, Mapping[str, int]]:
        """What floors are set on, as `forms`: of a value opened alone all that it is made of.

        However it is rounded, among few people it can leave a single table.
        """
        values = {
            f"{self.entry.name}: {name}": form
            for value in self.values
            for name, form in value.forms.items()
        }
        return {**self.forms, **values}

    def openings(self, units: int) -> Iterator[tuple[str, Ring, tuple[int, ...]]]:
        """Name, ring and shape of all that it opens of so many units."""
        for sums in self.sums:
            yield sums.name, sums.source.ring, (units, len(sums.forms))
        for value in self.values:
            yield value.name, value.opened, (units,)

    def secure(
        self, box: Box, totals: Mapping[str, Secret], release: Release
    ) -> dict[str, Integers]:
        """The computing parties' part: joint totals of the inputs -> what was opened."""
        if not self.values:
            return self.statistic.secure(box, totals, release)
        return release.totals(
            box, {v.name: v.secret(box, totals[v.source.name], v.name) for v in self.values}
        )

    def public(self, opened: Mapping[str, Integers], sites: Sites) -> dict[str, Table]:
        """Result tables by name ("" where there is one) from what was opened."""
        if not self.values:
            return self.statistic.public(opened, sites)
        return self.statistic.public_values(
            {v.name: v.value(opened[v.name]) for v in self.values}, sites
        )

    def cost(self, costs: Costs, units: int) -> Cost:
        """Declared cost of `secure` on so many units."""
        if not self.values:
            return self.statistic.cost(costs, units)
        opening = costs.open(Size.total((ring, shape) for _, ring, shape in self.openings(units)))
        return sum((value.cost(costs, units) for value in self.values), opening)


@dataclass(frozen=True)
class Batch:
    """Units, variants or pairs, that are shared, decided on and opened together.

    Attributes:
        name: names it in labels: "variants0", "ld3".
        tasks: the entries computed on it.
        start, stop: sites, or numbers of pairs.
        floors: None where the plan has none.
        keeps: it opens which units meet the floors.
    """

    name: str
    tasks: tuple[Task, ...]
    start: int
    stop: int
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
        """The integers that owners give for this batch: each once, whoever needs it."""
        wanted = (given for task in self.tasks for given in task.inputs)
        return tuple({given.name: given for given in wanted}.values())

    def ring(self, given: Input) -> Ring:
        """The ring in which an input is shared: the widest that any use of it needs."""
        decided = {d.source.name for task in self.tasks for d in task.decisions}
        rings = [v.ring for task in self.tasks for v in task.values if v.source.name == given.name]
        rings += [WIDE] if given.name in decided else []
        return max([given.ring, *rings], key=lambda ring: ring.k)

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
            for name, ring, shape in task.openings(self.units):
                yield Opening(self.label(task, name), ring.k, shape, to, self.where(task))

    def cost(self, costs: Costs) -> Cost:
        """Declared cost, if all is opened."""
        total = self._deciding(costs)
        for given in self.inputs:
            total += costs.input(Size.of(self.ring(given), (self.units, len(given.columns))))
        for task in self.tasks:
            total += task.cost(costs, self.units)
        return total

    def _deciding(self, costs: Costs) -> Cost:
        """Declared cost of deciding what is opened."""
        total, bits = cost_of(costs, self._decide), len(self.bit_labels)
        if self.floors is not None:
            total += self.floors.cost(costs, self.units)
        return (
            total + costs.open(Size.of(BITS, (BITS.packed(self.units) * bits,))) if bits else total
        )

    def _decide(self, dry: Dry) -> None:
        """All thresholds, and their bits joined with each other and with those of the floors."""
        bits = BITS, (BITS.packed(self.units),)
        for task in self.tasks:
            for decision in task.decisions:
                decision.passes(dry, dry.secret(WIDE, (self.units, len(decision.source.columns))))
            for _ in range(bool(task.decisions) * (len(task.decisions) - (self.floors is None))):
                dry.mul(dry.secret(*bits), dry.secret(*bits))


def cut(name: str, units: int, size: int) -> Iterator[tuple[str, int, int]]:
    """Name, start and stop of the batches of so many units."""
    for n, start in enumerate(range(0, units, size)):
        yield f"{name}{n}", start, min(start + size, units)
