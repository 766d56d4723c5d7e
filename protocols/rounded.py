"""A statistic opened alone, rounded on shares: what a `statistic` release opens of a unit.

The value is p / q of integers that follow from one input's totals, rounded to a multiple of 2^-s,
halves up; UNDEFINED where q = 0. Totals stay secret.

secure    1. [p], [q] <- [T]                       `threshold.Ratio`: 3 rounds; `Portion`: none or 1
          2. [y]      <- p 2^s / q, rounded exactly                      division.Quotient
Range     p / q is at most `limit`, q at most `largest`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from mpcgen.abb import Box
from mpcgen.cost import Cost, Costs
from mpcgen.dry import cost_of
from mpcgen.errors import RangeError
from mpcgen.protocols.division import UNDEFINED, Quotient
from mpcgen.protocols.statistic import Floats, Input, Integers, Value
from mpcgen.protocols.threshold import Form, Quadratic, factors, linears, products
from mpcgen.ring import Z2_64, Ring
from mpcgen.secret import Secret

OPENED = Z2_64  # the ring in which a rounded value is opened
MAX_DIGITS = 30


class Sides(Protocol):
    """A statistic p / q of one input's totals, as `threshold.Ratio` is one.

    Attributes:
        ring: where it is divided.
        limit: people -> no value is larger.
        largest: people -> nor is any q.
        forms: the linear forms that it is made of.
    """

    @property
    def source(self) -> Input: ...  # noqa: D102

    @property
    def ring(self) -> Ring: ...  # noqa: D102

    @property
    def limit(self) -> Callable[[int], int]: ...  # noqa: D102

    @property
    def largest(self) -> Callable[[int], int]: ...  # noqa: D102

    @property
    def forms(self) -> Sequence[Form]: ...  # noqa: D102

    def sides(self, box: Box, total: Secret, label: str) -> tuple[Secret, Secret]:
        """p and q (m,) of totals (m, columns)."""
        ...


@dataclass(frozen=True)
class Portion:
    """p / q of two linear forms, of which p is at most q."""

    source: Input
    p: Form
    q: Form
    largest: Callable[[int], int]
    ring: Ring = Z2_64

    @property
    def limit(self) -> Callable[[int], int]:
        """A part is at most the whole."""
        return lambda _people: 1

    @property
    def forms(self) -> tuple[Form, ...]:
        """Both."""
        return self.p, self.q

    def sides(self, box: Box, total: Secret, label: str) -> tuple[Secret, Secret]:  # noqa: ARG002
        """p and q (m,) of totals (m, columns). Local."""
        p, q = linears(total, self.source.columns, self.forms)
        return p, q


@dataclass(frozen=True)
class ProductRatio:
    """p / q of two sums of products of linear forms, neither of them negative."""

    source: Input
    p: Quadratic
    q: Quadratic
    limit: Callable[[int], int]
    largest: Callable[[int], int]
    ring: Ring

    @property
    def forms(self) -> tuple[Form, ...]:
        """All factors."""
        return tuple(factors([self.p, self.q]))

    def sides(self, box: Box, total: Secret, label: str) -> tuple[Secret, Secret]:
        """p and q (m,) of totals (m, columns). One round."""
        sides = products(total, self.source.columns, [self.p, self.q])
        p, q = box.sums_of_products(sides, f"{label}/sides")
        return p, q


class Alone(ABC):
    """A value rounded to a multiple of 2^-digits, in studies of up to so many people.

    Raises:
        RangeError: too many people for so many digits.
    """

    digits: int
    people: int
    name: str
    opened: ClassVar = OPENED  # the ring

    def __post_init__(self) -> None:
        if self._fits(self.digits, self.people):
            return
        most = next((s for s in range(self.digits)[::-1] if self._fits(s, self.people)), None)
        does = "no number of digits does" if most is None else f"{most} digits do"
        fewer = next((1 << n for n in range(22)[::-1] if self._fits(self.digits, 1 << n)), 0)
        words = f", and so many digits do among {fewer} people" if fewer else ""
        raise RangeError(
            f"{self.name} to {self.digits} binary digits does not fit Z_2^{self.ring.k} among up "
            f"to {self.people} people: {does}{words}"
        )

    @abstractmethod
    def _fits(self, digits: int, people: int) -> bool: ...

    @property
    @abstractmethod
    def ring(self) -> Ring:
        """The ring in which totals are wanted, or a larger one."""

    def cost(self: Value, costs: Costs, units: int) -> Cost:
        """Declared cost of `secret` on so many units: what a dry run of it declares."""
        shape = (units, len(self.source.columns))
        return cost_of(costs, lambda dry: self.secret(dry, dry.secret(self.ring, shape), "cost"))

    def value(self, opened: Integers) -> Floats:
        """The opened integers as numbers; NaN where undefined."""
        numbers = np.ldexp(opened.astype(np.float64), -self.digits)
        return np.where(opened == UNDEFINED, np.nan, numbers)


@dataclass(frozen=True)
class Rounded(Alone):
    """A statistic p / q, rounded."""

    ratio: Sides
    digits: int
    people: int
    name: str = "statistic"

    def _fits(self, digits: int, people: int) -> bool:
        try:
            self._quotient(digits, people)
        except RangeError:
            return False
        return True

    def _quotient(self, digits: int, people: int) -> Quotient:
        limit, largest = self.ratio.limit(people), self.ratio.largest(people)
        return Quotient(self.ratio.ring, (limit - 1).bit_length(), largest.bit_length(), digits)

    @property
    def source(self) -> Input:
        """The input whose joint totals it is of."""
        return self.ratio.source

    @property
    def ring(self) -> Ring:
        """The ring in which it is divided."""
        return self.ratio.ring

    @property
    def forms(self) -> dict[str, Form]:
        """The linear forms that it is made of, and that it withholds, by name."""
        return {_text(form): form for form in self.ratio.forms}

    @property
    def quotient(self) -> Quotient:
        """The division behind it."""
        return self._quotient(self.digits, self.people)

    def secret(self, box: Box, total: Secret, label: str = "statistic") -> Secret:
        """The value (m,) of totals (m, columns), times 2^digits; in Z_2^64."""
        p, q = self.ratio.sides(box, total.reduce(self.ring), label)
        return self.quotient.rounded(box, p, q, label).reduce(OPENED)


def _text(form: Form) -> str:
    return " + ".join(name if c == 1 else f"{c} {name}" for name, c in form.items() if c)
