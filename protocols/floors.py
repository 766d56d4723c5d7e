"""Disclosure floors, decided on shares: which variants and pairs a plan may open at all.

A floor says of a count that it is at least f, or that it is 0 or at least f. It must hold for the
joint total T and for T - T_i of every owner i, since each owner knows its own T_i. Counts are not
negative and T >= T_i, so the latter imply the former: T >= T - T_i >= f for one i, or T - T_i = 0
for all, and then T = 0. Only the totals without one owner are looked at. How many institutions are
behind a total is asked of the joint total: of whether anybody there has a call.

local     of each of its counts c the bits [c >= 1] ... [c >= f]: its level, which says all that
          matters of it
secure    + is exclusive or; levels of a sum, of whose terms at most one is 1:
          [a + b >= v] = [a >= v] + sum over u < v of [a = u] [b >= v - u]      1 round
          [a + b = 0] = [a = 0] [b = 0], in the same sum
          1. levels of the sums of the first owners, and of the last ones       n - 3 rounds
          2. [ok] of all owners but each one, from the two sums around it       1 round
             beside these: how many institutions are here, one after the other  n - 1 rounds
          3. [met] <- and of all [ok], by a tree                                ceil(log2) rounds

A wrong bit is like a wrong count: nobody but the owner can tell. On floors of the total without it
an owner's bits have no influence. But they can make [met] tell one bit, of its choice, of another
one's count below f; and whether it is here, an owner can say wrongly for its own good too.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from operator import add
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.bits import BITS
from mpcgen.cost import Cost, Costs, Size
from mpcgen.dry import Dry, cost_of
from mpcgen.protocols import comparison
from mpcgen.protocols.comparison import Rounds
from mpcgen.protocols.statistic import Integers
from mpcgen.ring import Array
from mpcgen.secret import Secret, concatenate

MOST = 1000  # that a floor may ask for: an owner gives a bit for each of its people up to there

Level: TypeAlias = list[Secret]  # [c >= 1], [c >= 2] ... of counts, each (counts, packed(m))
Sum: TypeAlias = list[tuple[Secret, Secret]]
Levels: TypeAlias = Generator[list[Sum], list[Secret], Level]


@dataclass(frozen=True)
class Floor:
    """A count that is opened, or follows from what is, and the least that it may be.

    Attributes:
        name: the count in words.
        form: column -> coefficient.
        at_least: 0 is for a count that is never positive: it must be 0.
        or_zero: 0 is allowed too.
        most: the largest value of the form, a person.
        implied: what is opened beside it makes sure of it; it is told, not looked at.
        on: genotype classes of the kinds of chromosomes where it is asked for; None: everywhere.
    """

    name: str
    form: Mapping[str, int]
    at_least: int
    or_zero: bool
    most: int
    implied: bool = False
    on: frozenset[tuple[str, ...]] | None = None

    @property
    def behind(self) -> bool:
        """Whether people must be behind it: 0 is not allowed."""
        return not self.or_zero and self.at_least > 0


@dataclass(frozen=True)
class Minima:
    """The least that may be opened, as a plan says it; the defaults are the design's.

    Attributes:
        min_mac: joint minor alleles of a variant.
        min_cell: people, or alleles, of any count that follows from what is opened; 0 is allowed.
        min_missing: people without a call; 0 is allowed.
        min_cases, min_controls: called people behind a variant, and in the study.
        min_institutions: institutions behind a variant, a pair, and the study.
        min_individuals: people behind a pair, or a variant without groups.
    """

    min_mac: int = 5
    min_cell: int = 5
    min_missing: int = 5
    min_cases: int = 50
    min_controls: int = 50
    min_institutions: int = 3
    min_individuals: int = 10


@dataclass(frozen=True)
class _Alike:
    """Floors that ask for the same: what is done for one is done for all at once."""

    at_least: int
    or_zero: bool
    floors: tuple[Floor, ...]
    rows: tuple[int, ...]  # their numbers among all floors
    start: int  # of an owner's planes, the first of theirs

    @property
    def levels(self) -> int:
        """How many bits an owner gives of each count."""
        return max(self.at_least, 1)

    @property
    def stop(self) -> int:
        """The plane behind theirs."""
        return self.start + self.levels * len(self.floors)

    @property
    def planes(self) -> NDArray[np.intp]:
        """Where the bits of a level stand, (levels, floors)."""
        return np.arange(self.start, self.stop).reshape(self.levels, -1)

    def holds(self, level: Level) -> Secret:
        """Whether counts are large enough, or 0 where that will do."""
        enough = [level[-1]] if self.at_least else []
        zero = [] if self.at_least and not self.or_zero else [level[0] + -1]
        return reduce(add, [*enough, *zero])

    def all_but_each(self, levels: Sequence[Level]) -> Rounds:
        """Whether counts are so without each owner: (owners floors, packed(m))."""
        n = len(levels)
        if n == 2:
            return concatenate([self.holds(level) for level in levels[::-1]])
        first, last = yield from self._sums(levels)
        around = [
            (levels[1], last[-1]),
            *((first[i - 1], last[n - 2 - i]) for i in range(1, n - 1)),
            (first[-1], levels[-2]),
        ]
        a, b = (
            [concatenate(same) for same in zip(*side, strict=True)]
            for side in zip(*around, strict=True)
        )
        (none, _), *others = _products(_points(a), b, self.levels)
        (met,) = yield [[(none, self.holds(b)), *others]]
        return met + a[-1] if self.at_least else met

    def _sums(
        self, levels: Sequence[Level]
    ) -> Generator[list[Sum], list[Secret], Sequence[list[Level]]]:
        """The levels of the sums of the first owners, and of the last: of 1, of 2 ... of n - 2."""
        both = [
            [concatenate([x, y]) for x, y in zip(*pair, strict=True)]
            for pair in zip(levels, levels[::-1], strict=True)
        ]
        sums = both[:1]
        for each in both[1:-2]:
            sums.append((yield from _added(sums[-1], each, self.levels)))
        halves = slice(len(self.floors)), slice(len(self.floors), None)
        return [[[x[half] for x in level] for level in sums] for half in halves]


def _points(level: Level) -> Level:
    """Whether counts are 0, 1 ... and, at last, as many as their level tells or more."""
    return [level[0] + -1, *(x + y for x, y in pairwise(level)), level[-1]]


def _products(points: Level, b: Level, v: int) -> Sum:
    """What must be added to [a >= v] so that it becomes [a + b >= v]."""
    lowest, highest = max(0, v - len(b)), min(v, len(points))
    return [(points[u], b[v - u - 1]) for u in range(lowest, highest)]


def _added(a: Level, b: Level, most: int) -> Levels:
    """The level of a + b, up to most."""
    points = _points(a)  # each once: an engine may open every factor, masked
    sums = yield [_products(points, b, v) for v in range(1, min(most, len(a) + len(b)) + 1)]
    return [s + a[v] if v < len(a) else s for v, s in enumerate(sums)]


def _at_least(levels: Sequence[Level], least: int) -> Rounds:
    """Whether the sum of all is at least so much."""
    total = levels[0]
    for each in levels[1:]:
        total = yield from _added(total, each, least)
    return total[least - 1]


@dataclass(frozen=True)
class Floors:
    """The floors of one kind of unit.

    Attributes:
        columns: of the counts.
        min_institutions: how many must be behind a total; None: what is opened beside it tells.
        owners: number of institutions with data.
    """

    columns: tuple[str, ...]
    counts: tuple[Floor, ...]
    min_institutions: int | None
    owners: int

    @property
    def words(self) -> str:
        """What is asked, in words."""
        counts = [f"{floor.at_least} {floor.name}" for floor in self.counts]
        return ", ".join([*counts, f"{self.min_institutions} institutions"])

    @cached_property
    def _alike(self) -> tuple[_Alike, ...]:
        kinds: dict[tuple[int, bool], list[Floor]] = {}
        for floor in self.counts:
            if not floor.implied:
                kinds.setdefault((floor.at_least, floor.or_zero), []).append(floor)
        place = {id(floor): n for n, floor in enumerate(self.counts)}
        found, start = [], 0
        for kind, floors in kinds.items():
            rows = tuple(place[id(floor)] for floor in floors)
            found.append(_Alike(*kind, tuple(floors), rows, start))
            start = found[-1].stop
        return tuple(found)

    @property
    def planes(self) -> int:
        """How many bits an owner gives of each unit."""
        return self._alike[-1].stop + (self.min_institutions is not None)

    def levels(self, tables: Sequence[Integers], here: NDArray[np.bool_] | None = None) -> Array:
        """What an owner gives: bits (planes, packed(m)) of its counts.

        Args:
            tables: int32, (m, c) each, with all columns between them.
            here: whether anybody there is behind a unit, (m,); None where that is not asked.
        """
        forms = [self._factors(floor) for each in self._alike for floor in each.floors]
        rows = [row for each in self._alike for row in each.planes.T.tolist()]
        planes = BITS.levels_of_forms([t.astype(np.int32, copy=False) for t in tables], forms, rows)
        return planes if here is None else np.concatenate([planes, BITS.pack(here)[None]])

    def _factors(self, floor: Floor) -> list[int]:
        """A count of the columns; one that must be 0 is never positive."""
        sign = 1 if floor.at_least else -1
        return [sign * floor.form.get(column, 0) for column in self.columns]

    def share(self, box: Box, label: str, m: int, own: Array | None) -> dict[str, Secret]:
        """Every owner's bits of m units; one round."""
        return box.input(label, box.bits, (self.planes, box.bits.packed(m)), own)

    def met(
        self, box: Box, given: Mapping[str, Secret], asked: NDArray[np.bool_] | None = None
    ) -> Secret:
        """Bits (packed(m),): 1 where all floors hold.

        Args:
            given: each owner's bits, as `share` has them.
            asked: which of all floors are asked for where (floors, m); None: all are.
        """
        protocols = [
            each.all_but_each(
                [[x[row[0] : row[-1] + 1] for row in each.planes] for x in given.values()]
            )
            for each in self._alike
        ]
        if self.min_institutions is not None:
            here = [[planes[-1:]] for planes in given.values()]
            protocols.append(_at_least(here, self.min_institutions))
        met = comparison.beside(box, "floors", *protocols)
        if asked is not None:
            met = self._where_asked(box, met, asked)
        return comparison.all_of(box, concatenate(met), "floors/and")

    def _where_asked(
        self, box: Box, met: Sequence[Secret], asked: NDArray[np.bool_]
    ) -> list[Secret]:
        """Floors hold where they are not asked for."""
        found = list(met)
        for n, each in enumerate(self._alike):
            here = asked[list(each.rows)]
            if not here.all():
                there = np.tile(box.bits.pack(here), (self.owners, 1))
                found[n] = (met[n] + -1) * there + -1
        return found

    def cost(self, costs: Costs, units: int) -> Cost:
        """Declared cost of `share` and `met`."""
        shape = self.planes, BITS.packed(units)

        def met(dry: Dry) -> Secret:
            return self.met(dry, {str(n): dry.secret(dry.bits, shape) for n in range(self.owners)})

        return costs.input(Size.of(BITS, shape)) + cost_of(costs, met)
