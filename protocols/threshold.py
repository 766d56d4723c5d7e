"""Thresholds, decided on shares: whether a statistic is above t, and nothing else of it.

A statistic left / right of integers is above t exactly if left > t right: no division, no rounding.
t is rounded up to T / 2^f, so that D = T right - 2^f left is an integer whose sign is the answer.
The comparison is strict, so a variant without variance (left = right = 0) never passes: 0 > 0 is
false. Most statistics are a `Ratio`: left = n u^2, right = v w.

secure    1. [u], [v], [w]  <- sums of products of forms of [T]                  1 round
          2. [n u]          <- where there is an n                               1 round
          3. [D]            <- T [v][w] - 2^f [u][n u], reshared once            1 round
          4. [D] < 0                                                             the carry tree
Range     no statistic here exceeds a known limit, and no right the largest one, M. With t < limit
          both terms of D are at most 2^f limit M, so D takes one bit more. Where that is too much
          for Z_2^128, left is compared too (`exceeds`): beyond (T M) / 2^f it is above t right
          whatever right is, and elsewhere both terms of D are at most T M.
          f is 15 wherever it fits (at 6, p < 5e-8 would be p < 5.035e-8), and never below 12.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from mpcgen.abb import Box
from mpcgen.protocols import comparison
from mpcgen.protocols.statistic import Input, Threshold, forms
from mpcgen.ring import Z2_128, Ring
from mpcgen.secret import Secret, concatenate

WIDE = Z2_128
MAX_FRACTION_BITS, MIN_FRACTION_BITS = 15, 12

Form: TypeAlias = Mapping[str, int]
Quadratic: TypeAlias = Sequence[tuple[Form, Form]]  # a sum of products of two linear forms


@dataclass(frozen=True)
class Bound:
    """t = numerator / 2^fraction_bits, and how many bits its comparison takes.

    Attributes:
        beyond: a larger left is above t right whatever right is; None: D needs no such help.
    """

    numerator: int
    fraction_bits: int
    bits: int
    beyond: int | None = None

    @property
    def value(self) -> float:
        """The threshold as it takes effect."""
        return math.ldexp(self.numerator, -self.fraction_bits)


def bound(t: float, limit: int, largest: int) -> Bound:
    """t, rounded up as finely as D in Z_2^128 allows.

    Args:
        limit: no statistic is larger.
        largest: no right side is.

    Raises:
        ValueError: nothing could pass, or the numbers are too large.
    """
    if t >= limit:
        raise ValueError(f"the statistic is at most {limit:g}: none can be above {t:.6g}")
    f = _fraction_bits(limit * largest)
    return Bound(math.ceil(math.ldexp(t, f)), f, (limit * largest).bit_length() + f + 1)


def wide_bound(t: float, limit: int, largest: int) -> Bound:
    """t as `bound` has it where f can be 15, else for two comparisons; for `exceeds`.

    Raises:
        ValueError: as `bound`.
    """
    left = limit * largest
    if t >= limit or left.bit_length() + MAX_FRACTION_BITS < WIDE.k:
        return bound(t, limit, largest)
    f = _fraction_bits(math.ceil(t) * largest, left)
    numerator = math.ceil(math.ldexp(t, f))
    most = numerator * largest
    return Bound(numerator, f, max(most, left).bit_length() + 1, most >> f)


def _fraction_bits(largest: int, alone: int = 0) -> int:
    """How many bits are left beside those of the largest side, and one for the sign."""
    bits = WIDE.k - 1 - largest.bit_length()
    if bits < MIN_FRACTION_BITS or alone.bit_length() >= WIDE.k:
        raise ValueError(
            f"numbers up to 2^{max(largest, alone).bit_length()} leave less than "
            f"{MIN_FRACTION_BITS} bits of {WIDE.k} for the threshold's fraction"
        )
    return min(bits, MAX_FRACTION_BITS)


def exceeds(box: Box, bound: Bound, left: Secret, right: Secret, label: str) -> Secret:
    """Bits (packed(m),): 1 where left (m,) is above t times right (m,)."""
    excess = right * bound.numerator + left * -(1 << bound.fraction_bits)
    if bound.beyond is None:
        return comparison.negative(box, excess, bound.bits, label)
    both = concatenate([x.reshape(1, -1) for x in (excess, bound.beyond - left)])
    signs = comparison.negative(box, both, bound.bits, label)
    return comparison.either(box, signs[0], signs[1], label)


@dataclass(frozen=True)
class Ratio:
    """A statistic n u^2 / (v w) of linear forms of one input.

    Attributes:
        n: None where it is 1.
        limit: people -> no value is larger.
        largest: people -> nor is any v w.
    """

    source: Input
    u: Quadratic
    v: Quadratic
    w: Quadratic
    n: Form | None
    limit: Callable[[int], int]
    largest: Callable[[int], int]
    ring: ClassVar[Ring] = WIDE

    @property
    def forms(self) -> tuple[Form, ...]:
        """The linear forms that it is made of."""
        return (*factors([self.u, self.v, self.w]), *filter(None, [self.n]))

    def sides(self, box: Box, total: Secret, label: str) -> tuple[Secret, Secret]:
        """n u^2 and v w (m,) of totals (m, columns). Two rounds, three where there is an n."""
        uvw, n = self.factors(total)
        u, v, w = box.sums_of_products(uvw, f"{label}/uvw")
        if n is None:
            p, q = box.sums_of_products([[(u, u)], [(v, w)]], f"{label}/sides")
            return p, q
        n_u, q = box.sums_of_products([[(n, u)], [(v, w)]], f"{label}/sides")
        return box.mul(n_u, u, f"{label}/left"), q

    def factors(self, total: Secret) -> tuple[list[list[tuple[Secret, Secret]]], Secret | None]:
        """Those of u, v and w, and n, each (m,). Local."""
        each = iter(linears(total, self.source.columns, self.forms))
        uvw = [[(next(each), next(each)) for _ in q] for q in (self.u, self.v, self.w)]
        return uvw, next(each, None)

    def above(self, t: float, people: int, named: Callable[[float], Threshold]) -> "Above":
        """The decision whether it exceeds t, which `named` names; ValueError as `bound`."""
        return Above(self, bound(t, self.limit(people), self.largest(people)), named)


@dataclass(frozen=True)
class Above:
    """Whether a ratio is above a bound."""

    ratio: Ratio
    bound: Bound
    named: Callable[[float], Threshold]

    @property
    def source(self) -> Input:
        """The input whose joint totals are compared."""
        return self.ratio.source

    @property
    def effective(self) -> tuple[Threshold, ...]:
        """The threshold as it takes effect."""
        return (self.named(self.bound.value),)

    def passes(self, box: Box, total: Secret) -> Secret:
        """Bits (packed(m),): 1 where the ratio of totals (m, columns) is above the bound."""
        uvw, n = self.ratio.factors(total)
        u, v, w = box.sums_of_products(uvw, "pass/uvw")
        n_u = u if n is None else box.mul(n, u, "pass/nu")
        scaled = n_u * -(1 << self.bound.fraction_bits)
        excess = box.sum_products([(v * self.bound.numerator, w), (scaled, u)], "pass/excess")
        return comparison.negative(box, excess, self.bound.bits, "pass")


def linears(total: Secret, columns: Sequence[str], wanted: Sequence[Form]) -> list[Secret]:
    """Linear forms, each (m,), of totals (m, columns), which are read once."""
    rows = [tuple(row) for row in forms(columns, *wanted)]
    place = {row: n for n, row in enumerate(dict.fromkeys(rows))}
    found = total.linear(list(place)).transpose()[np.arange(len(place))]  # each lies together
    return [found[place[row]] for row in rows]


def products(
    total: Secret, columns: Sequence[str], quadratics: Sequence[Quadratic]
) -> list[list[tuple[Secret, Secret]]]:
    """The factors of sums of products of linear forms, each (m,)."""
    each = iter(linears(total, columns, factors(quadratics)))
    return [[(next(each), next(each)) for _ in q] for q in quadratics]


def factors(quadratics: Sequence[Quadratic]) -> list[Form]:
    """All their linear forms, in order."""
    return [form for q in quadratics for pair in q for form in pair]


def plus(*terms: Form) -> Form:
    """The sum of forms."""
    names = dict.fromkeys(name for term in terms for name in term)
    return {name: sum(term.get(name, 0) for term in terms) for name in names}


def minus(form: Form) -> Form:
    """The opposite of a form."""
    return {name: -factor for name, factor in form.items()}
