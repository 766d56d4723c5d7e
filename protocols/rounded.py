"""A statistic opened alone, rounded on shares: what a `statistic` release opens of a unit.

The value is n u^2 / (v w) of linear forms of one input, as `threshold.Ratio` has it, rounded to a
multiple of 2^-s, halves up; UNDEFINED where v w = 0. Totals stay secret.

secure    1. [u], [v], [w]   <- sums of products of forms of [T]          1 round
          2. [n u], [v w]                                                 1 round
          3. [n u u]                                                      1 round
          4. [y] <- n u u 2^s / v w, rounded exactly                      division.Quotient
Range     n u^2 / (v w) is at most `limit`, v w at most `largest`.
"""

from dataclasses import dataclass

import numpy as np

from mpcgen.abb import Box
from mpcgen.protocols.division import UNDEFINED, Quotient
from mpcgen.protocols.statistic import Floats, Input, Integers
from mpcgen.protocols.threshold import WIDE, Ratio, linear, products
from mpcgen.ring import Z2_64
from mpcgen.secret import Secret

OPENED = Z2_64  # the ring in which a rounded value is opened


@dataclass(frozen=True)
class Rounded:
    """A ratio rounded to a multiple of 2^-digits, in studies of up to so many people.

    Raises:
        RangeError: too many people for so many digits.
    """

    ratio: Ratio
    digits: int
    people: int

    def __post_init__(self) -> None:
        self.quotient  # noqa: B018  # its range is proved

    @property
    def source(self) -> Input:
        """The input whose joint totals it is of."""
        return self.ratio.source

    @property
    def quotient(self) -> Quotient:
        """The division behind it."""
        limit, largest = self.ratio.limit(self.people), self.ratio.largest(self.people)
        return Quotient(WIDE, (limit - 1).bit_length(), largest.bit_length(), self.digits)

    def secret(self, box: Box, total: Secret, label: str = "statistic") -> Secret:
        """The value (m,) of totals (m, columns) in Z_2^128, times 2^digits; in Z_2^64."""
        ratio, columns = self.ratio, self.source.columns
        u, v, w = box.sums_of_products(
            [products(total, columns, q) for q in (ratio.u, ratio.v, ratio.w)], f"{label}/uvw"
        )
        if ratio.n is None:
            p, q = box.sums_of_products([[(u, u)], [(v, w)]], f"{label}/sides")
        else:
            n = linear(total, columns, ratio.n)
            n_u, q = box.sums_of_products([[(n, u)], [(v, w)]], f"{label}/sides")
            p = box.mul(n_u, u, f"{label}/left")
        return self.quotient.rounded(box, p, q, label).reduce(OPENED)

    def value(self, opened: Integers) -> Floats:
        """The opened integers as numbers; NaN where undefined."""
        numbers = np.ldexp(opened.astype(np.float64), -self.digits)
        return np.where(opened == UNDEFINED, np.nan, numbers)
