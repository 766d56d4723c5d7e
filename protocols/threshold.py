"""Thresholds, decided on shares: whether a statistic is above t, and nothing else of it.

A statistic n u^2 / (v w) of integers is above t exactly if n u^2 > t v w: no division, no rounding.
t is rounded up to T / 2^f, so that T v w - 2^f n u^2 is an integer whose sign is the answer. The
comparison is strict, so a variant without variance (u = 0, v w = 0) never passes: 0 > 0 is false.

secure    1. [u], [v], [w]  <- sums of products of forms of [T]                  1 round
          2. [n u]          <- where there is an n                               1 round
          3. [D]            <- T [v][w] - 2^f [u][n u], reshared once            1 round
          4. [D] < 0                                                             the carry tree
Range     no statistic here exceeds a known limit: n u^2 <= limit v w. With t < limit both terms of
          D are at most 2^f max(n u^2), so D takes one bit more; f is as large as Z_2^128 allows, up
          to 15, and what leaves less than 12 is refused (at 6, p < 5e-8 would be p < 5.035e-8).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mpcgen.abb import Box
from mpcgen.cost import Cost, Costs
from mpcgen.protocols import comparison
from mpcgen.protocols.statistic import Input, forms
from mpcgen.ring import Z2_128
from mpcgen.secret import Secret

WIDE = Z2_128
MAX_FRACTION_BITS, MIN_FRACTION_BITS = 15, 12

Form: TypeAlias = Mapping[str, int]
Quadratic: TypeAlias = Sequence[tuple[Form, Form]]  # a sum of products of two linear forms


@dataclass(frozen=True)
class Bound:
    """t = numerator / 2^fraction_bits, and how many bits its comparison takes."""

    numerator: int
    fraction_bits: int
    bits: int

    @property
    def value(self) -> float:
        """The threshold as it takes effect."""
        return math.ldexp(self.numerator, -self.fraction_bits)


def bound(t: float, limit: int, largest: int) -> Bound:
    """t, rounded up as finely as a comparison in Z_2^128 allows.

    Args:
        limit: no statistic is larger.
        largest: the largest side of the comparison before fraction bits are added.

    Raises:
        ValueError: nothing could pass, or no range proof holds.
    """
    if t >= limit:
        raise ValueError(f"the statistic is at most {limit:g}: none can be above {t:.6g}")
    fraction_bits = min(MAX_FRACTION_BITS, WIDE.k - 1 - largest.bit_length())
    if fraction_bits < MIN_FRACTION_BITS:
        raise ValueError(
            f"numbers up to 2^{largest.bit_length()} leave {max(fraction_bits, 0)} bits for the "
            f"threshold's fraction, and {MIN_FRACTION_BITS} are wanted; with fewer people "
            "(max_people) they would fit"
        )
    numerator = math.ceil(math.ldexp(t, fraction_bits))
    return Bound(numerator, fraction_bits, largest.bit_length() + fraction_bits + 1)


@dataclass(frozen=True)
class Ratio:
    """A statistic n u^2 / (v w) of linear forms of one input.

    Attributes:
        n: None where it is 1.
        limit: people -> no value is larger.
        largest: people -> the largest n u^2.
    """

    source: Input
    u: Quadratic
    v: Quadratic
    w: Quadratic
    n: Form | None
    limit: Callable[[int], int]
    largest: Callable[[int], int]

    def above(self, t: float, people: int, name: str) -> "Above":
        """The decision whether it exceeds t; ValueError as `bound`."""
        return Above(self, bound(t, self.limit(people), self.largest(people)), name)


@dataclass(frozen=True)
class Above:
    """Whether a ratio is above a bound."""

    ratio: Ratio
    bound: Bound
    name: str

    @property
    def source(self) -> Input:
        """The input whose joint totals are compared."""
        return self.ratio.source

    @property
    def effective(self) -> Mapping[str, float]:
        """The threshold as it takes effect."""
        return {self.name: self.bound.value}

    def passes(self, box: Box, total: Secret) -> Secret:
        """Bits (packed(m),): 1 where the ratio of totals (m, columns) is above the bound."""
        ratio, columns = self.ratio, self.source.columns

        u, v, w = box.sums_of_products(
            [products(total, columns, q) for q in (ratio.u, ratio.v, ratio.w)], "pass/uvw"
        )
        n_u = u
        if ratio.n is not None:
            n_u = box.mul(linear(total, columns, ratio.n), u, "pass/nu")
        scaled = n_u * -(1 << self.bound.fraction_bits)
        excess = box.sum_products([(v * self.bound.numerator, w), (scaled, u)], "pass/excess")
        return comparison.negative(box, excess, self.bound.bits, "pass")

    def cost(self, costs: Costs, units: int, packed: int) -> Cost:
        """Declared cost of `passes`."""
        one = WIDE.size * units
        total = costs.reshare(3 * one) + costs.reshare(one)
        if self.ratio.n is not None:
            total += costs.reshare(one)
        return total + comparison.cost(costs, self.bound.bits, packed)


def linear(total: Secret, columns: Sequence[str], form: Form) -> Secret:
    """A linear form (m,) of totals (m, columns)."""
    return total.linear(forms(columns, form))[:, 0]


def products(
    total: Secret, columns: Sequence[str], quadratic: Quadratic
) -> list[tuple[Secret, Secret]]:
    """The factors of a sum of products of linear forms, each (m,)."""
    return [(linear(total, columns, a), linear(total, columns, b)) for a, b in quadratic]


def plus(*terms: Form) -> Form:
    """The sum of forms."""
    names = dict.fromkeys(name for term in terms for name in term)
    return {name: sum(term.get(name, 0) for term in terms) for name in names}


def minus(form: Form) -> Form:
    """The opposite of a form."""
    return {name: -factor for name, factor in form.items()}
