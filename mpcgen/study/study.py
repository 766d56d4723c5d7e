"""A plan with its site list and its statistics: what is computed, in which order, and what opens.

Everything here follows from the plan and the site list alone, so all parties have the same.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial

import numpy as np

from mpcgen.bits import BITS
from mpcgen.cost import Cost, Size
from mpcgen.genome.sites import SiteList
from mpcgen.leakage import Opening
from mpcgen.protocols.engines import ENGINES
from mpcgen.protocols.floors import Floor, Floors, Minima
from mpcgen.protocols.genotype_counts import genotype_counts
from mpcgen.protocols.statistic import Integers
from mpcgen.ring import Z2_32
from mpcgen.study.batch import MAX_BATCH, MAX_BITS, MAX_DECIDED, Batch, Task, cut
from mpcgen.study.disclosure import (
    UNITS,
    Kinds,
    kinds_of,
    people_floors,
    people_unit,
    variant_floors,
)
from mpcgen.study.pair_disclosure import PAIR_COLUMNS, pair_floors
from mpcgen.study.plan import Plan

PEOPLE = "people"  # label of the joint group sizes, opened before all else
PEOPLE_FLOORS = "people/floors"  # of what owners give for the floors on them
PEOPLE_KEEP = "people/keep"  # of the bit that says whether they meet the floors
PEOPLE_RING = Z2_32


@dataclass(frozen=True)
class Study:
    """A plan that can run.

    Attributes:
        groups: the disjoint groups of people.
    """

    plan: Plan
    sites: SiteList
    groups: tuple[str, ...]
    tasks: tuple[Task, ...]

    @property
    def of_variants(self) -> tuple[Task, ...]:
        """The entries whose units are variants."""
        return tuple(task for task in self.tasks if task.chosen is None)

    @property
    def of_pairs(self) -> tuple[Task, ...]:
        """The entries whose units are pairs of variants."""
        return tuple(task for task in self.tasks if task.chosen is not None)

    def batches(self) -> Iterator[Batch]:
        """All batches, in the order of the run: variants first, on whose bits pairs rest."""
        yield from self._variant_batches()
        for task in self.tasks:
            if task.chosen is not None:
                floors = self.pair_floors
                keeps, size = floors is not None and not task.decisions, self._size([task], floors)
                for name, start, stop in cut(task.entry.name, task.chosen.total, size):
                    yield Batch(name, (task,), start, stop, floors, keeps)

    def _variant_batches(self) -> Iterator[Batch]:
        tasks, keeps = self.of_variants, self.keeps_variants
        if not (tasks or keeps):
            return
        size = self._size(tasks, self.variant_floors(kinds_of(self.sites.chrom)))
        for name, start, stop in cut("variants", len(self.sites), size):
            found = self.variant_floors(kinds_of(self.sites.chrom[start:stop]))
            yield Batch(name, tasks, start, stop, found, keeps)

    @property
    def keeps_variants(self) -> bool:
        """Whether a variant's one bit for the whole plan is opened: something rests on it alone."""
        rests = (task.chosen is not None or not task.decisions for task in self.tasks)
        return self.plan.floors is not None and any(rests)

    @property
    def decides(self) -> bool:
        """Whether anything is worked out on shares: floors, thresholds or statistics."""
        return self.plan.floors is not None or any(task.withholds for task in self.tasks)

    def _size(self, tasks: Sequence[Task], floors: Floors | None) -> int:
        """How many units a batch of these entries has."""
        most = MAX_DECIDED if any(task.withholds for task in tasks) else MAX_BATCH
        if floors is not None:
            most = min(most, MAX_BITS // (floors.planes * floors.owners))
        return min(most, ENGINES[self.plan.engine].max_units)

    @cached_property
    def variant_floors(self) -> Callable[[Kinds], Floors | None]:
        """Kinds of chromosomes -> the floors of variants on them, worked out once."""
        columns = genotype_counts(self.groups).columns
        return cache(
            lambda kinds: self._floors(
                columns, partial(variant_floors, self.tasks, self.groups, kinds)
            )
        )

    @cached_property
    def pair_floors(self) -> Floors | None:
        """The floors of pairs; None where the plan has no floors."""
        counts = partial(pair_floors, self.groups, kinds=self.kinds_of_pairs)
        return self._floors(PAIR_COLUMNS, counts, here=False)

    @cached_property
    def kinds_of_pairs(self) -> Kinds:
        """The kinds of chromosomes that pairs are on."""
        rows = [task.chosen.variants for task in self.of_pairs if task.chosen is not None]
        return kinds_of(self.sites.chrom[np.concatenate([*rows, np.empty(0, np.int64)])])

    @cached_property
    def together(self) -> int:
        """At most how many variants stand in pairs, each with all others; 0: there are no pairs."""
        partners = sum(task.chosen.partners for task in self.of_pairs if task.chosen is not None)
        return partners + 1 if partners else 0

    @cached_property
    def people_floors(self) -> Floors | None:
        """What the joint group sizes must meet; None where the plan has no floors."""
        columns = (*self.groups, UNITS)
        return self._floors(columns, partial(people_floors, self.groups, together=self.together))

    def people_tables(self, sizes: Integers) -> list[Integers]:
        """An institution's numbers of people (groups,) in the columns of the floors on them."""
        return [sizes[None], np.array([[sizes.sum() // people_unit(self.together)]])]

    def _floors(
        self,
        columns: Sequence[str],
        counts: Callable[[Minima], Sequence[Floor]],
        *,
        here: bool = True,
    ) -> Floors | None:
        plan = self.plan
        if plan.floors is None:
            return None
        least = plan.floors.min_institutions if here else None
        return Floors(tuple(columns), tuple(counts(plan.floors)), least, len(plan.owners))

    @property
    def people_where(self) -> str | None:
        """Label of the bit under which the joint group sizes are opened."""
        return PEOPLE_KEEP if self.people_floors else None

    def manifest(self) -> list[Opening]:
        """Every opening that the plan allows, each once, to all institutions but a dealer."""
        to = self.plan.readers
        where = self.people_where
        openings = [] if where is None else [Opening(where, 1, (1,), to)]
        openings.append(Opening(PEOPLE, PEOPLE_RING.k, (1, len(self.groups)), to, where))
        for batch in self.batches():
            openings += batch.openings(to)
        return openings

    @property
    def units(self) -> int:
        """Variants and pairs over all batches: what progress counts."""
        return sum(batch.units for batch in self.batches())

    def cost(self) -> Cost:
        """Declared rounds and bytes of the whole run, the handshake apart, if all is opened."""
        plan = self.plan
        costs = ENGINES[plan.engine].costs(plan.seat(""))
        size = Size.of(PEOPLE_RING, (len(self.groups),))
        total = costs.input(size) + costs.open(size) + costs.confirm()
        if self.people_floors is not None:
            total += self.people_floors.cost(costs, 1) + costs.open(Size.of(BITS, (1,)))
        for batch in self.batches():
            total += batch.cost(costs)
        return total
