"""What a statistic tells the machinery about itself.

A statistic is three steps. *local*: each owner turns its genotypes into integers (an `Input`).
*secure*: the computing parties work on shares of these and open what the plan releases.
*public*: anyone turns what was opened into a table, in float64.

The machinery (the plan's checks, the one loop over batches, forecasts) asks a statistic for its
inputs, openings and cost, and so needs no list of statistics of its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.cost import Cost, Costs, Size
from mpcgen.protocols.pair_options import PairOptions
from mpcgen.ring import Ring
from mpcgen.secret import Secret

Integers: TypeAlias = NDArray[np.integer[Any]]
Floats: TypeAlias = NDArray[np.float64]

MAX_PEOPLE = 1 << 22  # the number of people up to which every range below is proved


class Local(Protocol):
    """What a local step may see of its institution's data: one batch, aligned to the site list."""

    @property
    def counts(self) -> Integers:
        """Genotype counts of the batch's variants, (m, groups, 7), as `genotype_counts` says."""
        ...

    @property
    def pair_sums(self) -> Integers:
        """n, Sx, Sy, Sxx, Syy, Sxy of the batch's pairs, (P, 6)."""
        ...


@dataclass(frozen=True)
class Input:
    """Integers that every owner gives for each unit (variant or pair), shared once a plan.

    Two statistics that need the same integers name the same input.

    Attributes:
        columns: names of the integers of one unit.
        ring: where they are shared; no narrower than any later use.
        bound: number of people -> largest absolute value that any joint total can take.
        local: batch -> (units, columns) integers of one owner.
    """

    name: str
    columns: tuple[str, ...]
    ring: Ring
    bound: Callable[[int], int]
    local: Callable[[Local], Integers]

    def max_people(self) -> int:
        """The largest study, up to MAX_PEOPLE, whose totals fit the ring with a sign bit."""
        low, high = 0, MAX_PEOPLE
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._fits(middle) else (low, middle - 1)
        return low

    def _fits(self, people: int) -> bool:
        return self.bound(people) < 1 << (self.ring.k - 1)


@dataclass(frozen=True)
class Sites:
    """What the public step may know of a batch's variants: PLINK's chromosome codes."""

    chrom: NDArray[np.int8]


@dataclass(frozen=True)
class Table:
    """Part of a result table.

    Attributes:
        rows: which units of the batch are listed, ascending.
        columns: name -> one value a row; NaN where undefined. Without the site columns.
        undefined: units that are not listed because the statistic does not exist there.
    """

    rows: NDArray[np.int64]
    columns: Mapping[str, Any]
    undefined: int = 0


class Release(Protocol):
    """What a statistic may open of one batch, as the plan's entry says."""

    def totals(self, box: Box, secrets: Mapping[str, Secret]) -> dict[str, Integers]:
        """Open joint totals by name; signed integers."""
        ...


@dataclass(frozen=True)
class Sums:
    """Linear forms of one input's joint totals that a statistic opens: column -> form."""

    name: str
    source: Input
    forms: Mapping[str, Mapping[str, int]]

    def secret(self, totals: Mapping[str, Secret]) -> Secret:
        """The forms (m, columns) of secret totals. Local."""
        total = totals[self.source.name].reduce(self.source.ring)
        return total.linear(forms(self.source.columns, *self.forms.values()))

    def named(self, opened: Integers) -> dict[str, Integers]:
        """The opened columns (m,) by name."""
        return dict(zip(self.forms, opened.astype(np.int64).T, strict=True))


@dataclass(frozen=True)
class Threshold:
    """A threshold as it takes effect: larger values of the statistic pass.

    Attributes:
        p: the p-value that it means; None where the statistic has none.
    """

    name: str
    value: float
    p: float | None = None


class Decision(Protocol):
    """Whether a unit passes a threshold, decided on shares of totals in Z_2^128."""

    @property
    def source(self) -> Input:
        """The input whose totals are compared."""
        ...

    @property
    def effective(self) -> tuple[Threshold, ...]:
        """Its thresholds."""
        ...

    def passes(self, box: Box, total: Secret) -> Secret:
        """Bits (packed(m),) of joint totals (m, columns)."""
        ...


class Value(Protocol):
    """A number of each unit that is opened alone, rounded on shares to a multiple of 2^-digits."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def digits(self) -> int: ...  # noqa: D102

    @property
    def source(self) -> Input:
        """The input whose totals it is of."""
        ...

    @property
    def ring(self) -> Ring:
        """The ring in which totals are wanted, or a larger one."""
        ...

    @property
    def forms(self) -> Mapping[str, Mapping[str, int]]:
        """The linear forms of totals that it is made of, and that stay secret, by name."""
        ...

    @property
    def opened(self) -> Ring:
        """The ring in which it is opened."""
        ...

    def secret(self, box: Box, total: Secret, label: str) -> Secret:
        """The number (m,) times 2^digits, of joint totals (m, columns), in the ring `opened`."""
        ...

    def value(self, opened: Integers) -> Floats:
        """What was opened as numbers; NaN where undefined."""
        ...

    def cost(self, costs: Costs, units: int) -> Cost:
        """Declared cost of `secret`."""
        ...


class Statistic(ABC):
    """One entry of a plan.

    Attributes:
        sums: what it opens of each unit.
        alone: names of the values that it can open alone, the default first; empty: none.
        digits: binary digits to which it opens them, unless the entry says otherwise.
        frequencies: they are, and tell of a known genome what counts do.
        pairs: which pairs of variants are its units; None: each variant is one.
        threshold: the option that asks for `passing`; None: there is none.
        undoes_floors: why floors do not help against what it opens; None: they do.
        test_names: of the tests that it makes, where it makes several.
    """

    kind: ClassVar[str]
    threshold: ClassVar[str | None] = None
    alone: ClassVar[tuple[str, ...]] = ()
    digits: ClassVar[int] = 0
    frequencies: ClassVar[bool] = False
    sums: tuple[Sums, ...]
    pairs: PairOptions | None = None
    undoes_floors: str | None = None
    test_names: tuple[str, ...] = ()

    @classmethod
    def uses_phenotype(cls, options: Mapping[str, object]) -> bool:  # noqa: ARG003
        """Whether an entry with these options, checked or not, needs cases and controls."""
        return False

    @classmethod
    @abstractmethod
    def from_options(cls, options: Mapping[str, object], groups: tuple[str, ...]) -> Self:
        """The statistic of a plan's entry.

        Args:
            options: the entry's own keys.
            groups: the plan's disjoint groups of people.

        Raises:
            ValueError: which key is wrong, and what would be right.
        """

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What its owners give: each input once."""
        return tuple({sums.source.name: sums.source for sums in self.sums}.values())

    def decisions(self, people: int) -> tuple[Decision, ...]:  # noqa: ARG002
        """The entry's thresholds, for up to so many people; a unit passes if it passes one.

        None where the entry names no threshold.

        Raises:
            ValueError: no range proof holds for so many people, or nothing could ever pass.
        """
        return ()

    def values(self, names: tuple[str, ...], digits: int, people: int) -> tuple[Value, ...]:  # noqa: ARG002
        """What it opens instead of its sums where only these of its values are released.

        Raises:
            ValueError: which of its options does not go with that, and what does.
            RangeError: too many people for so many digits.
        """
        return ()

    def implies(self) -> tuple[str, ...]:
        """What follows from its openings that a steward may not expect, a sentence each."""
        return ()

    def secure(
        self, box: Box, totals: Mapping[str, Secret], release: Release
    ) -> dict[str, Integers]:
        """The computing parties' part: joint totals of the inputs -> what was opened."""
        return release.totals(box, {sums.name: sums.secret(totals) for sums in self.sums})

    @abstractmethod
    def public(self, opened: Mapping[str, Integers], sites: Sites) -> dict[str, Table]:
        """Result tables by name ("" where there is one) from what was opened. Anyone can run it."""

    def public_values(self, values: Mapping[str, Floats], sites: Sites) -> dict[str, Table]:
        """Result tables from values opened alone, (m,) by name; NaN where undefined."""
        raise NotImplementedError

    def cost(self, costs: Costs, units: int) -> Cost:
        """Declared cost of opening the sums of a number of units."""
        return costs.open(Size.total((s.source.ring, (units, len(s.forms))) for s in self.sums))


def forms(columns: Sequence[str], *wanted: Mapping[str, int]) -> list[list[int]]:
    """Linear forms over named columns, each given as {column: coefficient}."""
    return [[form.get(column, 0) for column in columns] for form in wanted]


def ratio(numerator: Integers | Floats, denominator: Integers | Floats) -> Floats:
    """Quotients in float64, NaN where the denominator is 0."""
    quotient = np.full(np.shape(numerator), np.nan)
    return np.divide(numerator, denominator, out=quotient, where=np.asarray(denominator) != 0)
