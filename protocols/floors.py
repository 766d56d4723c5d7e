"""Disclosure floors, decided on shares: which variants and pairs a plan may open at all.

A floor says of a count that it is at least f, or that it is 0 or at least f. It must hold for the
joint total T and for T - T_i of every owner i, since each owner knows its own T_i. Counts are not
negative and T >= T_i, so the latter imply the former: T >= T - T_i >= f for one i, or T - T_i = 0
for all, and then T = 0. Only the totals without one owner are compared.

secure    1. [c] <- forms of [T - T_i], for each owner i                        local
          2. [c - f] < 0;  where 0 is allowed, beside it [c] = 0 modulo 2^b >= f, which is to say
             c = 0 where c < f                                                  one carry tree
          3. [small] <- c < f and not c = 0                                     1 round
          4. [keep] <- and of all [not small], by a tree                        ceil(log2) rounds
Range     c <= w N for the largest weight w of a form; a comparison takes one bit more.

How many institutions are behind a total is the sum of bits that they give: whether anybody there
has a call. A wrong bit is like a wrong count: nobody but the owner can tell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.cost import Cost, Costs
from mpcgen.dry import Dry, cost_of
from mpcgen.protocols import comparison
from mpcgen.protocols.genotype_counts import CALLED, CLASSES
from mpcgen.protocols.statistic import Input, Integers, Local
from mpcgen.ring import Z2_32
from mpcgen.secret import Secret, concatenate


@dataclass(frozen=True)
class Floor:
    """A count that is opened, or follows from what is, and the least that it may be.

    Attributes:
        name: the count in words.
        form: column -> coefficient.
        or_zero: 0 is allowed too.
        most: the largest value of the form, a person.
        implied: what is opened beside it makes sure of it; it is told, not compared.
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


def _called_somewhere(local: Local) -> Integers:
    called = [CLASSES.index(genotype) for genotype in CALLED]
    people: Integers = local.counts[:, :, called].sum(axis=(1, 2))
    return (people > 0)[:, None].astype(np.int32)


PRESENCE = Input("presence", ("HERE",), Z2_32, lambda people: people, _called_somewhere)


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
class Floors:
    """The floors of one kind of unit.

    Attributes:
        columns: of the counts.
        min_institutions: how many must be behind a total.
        bits: of a comparison.
        owners: number of institutions with data.
        here: how many are behind a total is compared; otherwise what is opened beside it tells.
    """

    columns: tuple[str, ...]
    counts: tuple[Floor, ...]
    min_institutions: int
    bits: int
    owners: int
    here: bool = True

    @classmethod
    def among(
        cls,
        columns: Sequence[str],
        counts: Sequence[Floor],
        people: int,
        owners: int,
        least: int,
        *,
        here: bool = True,
    ) -> Self:
        """Floors among so many people, at so many owners, of whom `least` must be behind."""
        largest = max(max(f.most * people, f.at_least) for f in counts)
        bits = max(largest, owners).bit_length() + 1
        return cls(tuple(columns), tuple(counts), least, bits, owners, here)

    @property
    def words(self) -> str:
        """What is asked, in words."""
        counts = [f"{floor.at_least} {floor.name}" for floor in self.counts]
        return ", ".join([*counts, f"{self.min_institutions} institutions"])

    def met(
        self,
        box: Box,
        shares: Mapping[str, Sequence[Secret]],
        here: Secret | None = None,
        asked: NDArray[np.bool_] | None = None,
    ) -> Secret:
        """Bits (packed(m),): 1 where all floors hold.

        Args:
            shares: each owner's counts in Z_2^32: tables (m, c) with all columns between them.
            here: how many institutions are behind the totals, (m,); None where not compared.
            asked: which of the floors that allow 0 are asked for where (floors, m); None: all.
        """
        tests, residues = self._tests(), self._residues
        tables = [table for own in shares.values() for table in own]
        ring, m = tables[0].ring, tables[0].shape[0]
        one = box.constant(ring, ring.encode(np.ones((m, 1), np.int8)))
        behind = [] if here is None else [here.reshape(m, 1)]
        few, empty = comparison.negative_and_congruent(
            box, [*tables, one, *behind], tests, self.bits, "floors", residues, self._low
        )
        zero = len(residues)
        if zero:
            small = box.mul(few[:zero], empty + -1, "floors/small")
            if asked is not None:
                small *= box.bits.pack(np.tile(asked, (self.owners, 1)))
            few = concatenate([small, few[zero:]])
        return comparison.all_of(box, few + -1, "floors/and")

    def _tests(self) -> list[list[int]]:
        """What must not be negative, of all owners' columns, of 1 and of `here`.

        Counts less their least values, of all owners but one, each in turn: first those that may be
        0, then the others; then how many institutions there are.
        """
        each = [floor for floor in self.counts if not floor.or_zero and not floor.implied]
        tests = [
            self._test(floor, without)
            for floors in (self._may_be_zero, each)
            for without in range(self.owners)
            for floor in floors
        ]
        if not self.here:
            return tests
        few = [0] * self.owners * len(self.columns) + [-self.min_institutions, 1]
        return [*([*test, 0] for test in tests), few]

    def _test(self, floor: Floor, without: int) -> list[int]:
        """A count less its least value, of all owners but one."""
        form = [floor.form.get(column, 0) for column in self.columns]
        none = [0] * len(form)
        counted = [none if owner == without else form for owner in range(self.owners)]
        return [*(factor for of_owner in counted for factor in of_owner), -floor.at_least]

    @property
    def _may_be_zero(self) -> list[Floor]:
        return [floor for floor in self.counts if floor.or_zero]

    @property
    def _residues(self) -> list[int]:
        """What a test of a count that may be 0 is modulo 2^low where the count is 0."""
        return [-floor.at_least for floor in self._may_be_zero] * self.owners

    @property
    def _low(self) -> int:
        """Bits that tell 0 from all other counts below their least values."""
        return max((f.at_least - 1 for f in self._may_be_zero), default=0).bit_length() or 1

    def cost(self, costs: Costs, units: int) -> Cost:
        """Declared cost of `met`: what a dry run of it declares."""

        def met(dry: Dry) -> Secret:
            table = dry.secret(Z2_32, (units, len(self.columns)))
            here = dry.secret(Z2_32, (units,)) if self.here else None
            return self.met(dry, {str(owner): [table[:]] for owner in range(self.owners)}, here)

        return cost_of(costs, met)
