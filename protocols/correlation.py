"""A correlation with its sign, opened alone, rounded on shares.

r = C / sqrt(V), V = Vx Vy, has no integer sides. But y = |r| 2^s rounded, halves up, is the largest
integer with (2 y - 1)^2 V <= (2^(s+1) C)^2, and integers are compared exactly.

secure    1. [C], [Vx], [Vy] <- sums of products of forms of [T]          1 round
          2. [C^2], [V]                                                   1 round
          3. [C < 0], [V = 0]                                             a comparison, as integers
          4. y = 0, A = (2 y - 1)^2 V, B = (2 y - 1) V; for d = 2^s, ..., 2, 1:
             b <- A + 4 d B + 4 d^2 V <= 4^(s+1) C^2                      a comparison, as integers
             y + b d;  A + b (4 d B + 4 d^2 V);  B + b 2 d V              1 round
          5. 2^s + y, or 2^s - y where C < 0; UNDEFINED where V = 0       2 rounds
Range     |C| <= N^2, V <= N^4; in step 4 y < 2^(s+1), so that both sides are below 4^(s+2) N^4:
          with a sign 2 s + 94 bits at N = 2^22, where s <= 17.

Halves are rounded away from 0. What comes out is a function of the totals alone: nothing is
approximated on the way.
"""

from dataclasses import dataclass

from mpcgen.abb import Box
from mpcgen.protocols import comparison, numeric
from mpcgen.protocols.division import UNDEFINED
from mpcgen.protocols.rounded import OPENED, Alone
from mpcgen.protocols.statistic import Floats, Input, Integers
from mpcgen.protocols.threshold import WIDE, Form, Quadratic, products
from mpcgen.ring import Ring
from mpcgen.secret import Secret, concatenate


@dataclass(frozen=True)
class Correlation(Alone):
    """C / sqrt(Vx Vy), rounded."""

    source: Input
    covariance: Quadratic
    vx: Quadratic
    vy: Quadratic
    digits: int
    people: int
    name: str = "r"

    def _fits(self, digits: int, people: int) -> bool:
        return _bits(digits, people) <= WIDE.k

    @property
    def ring(self) -> Ring:
        """The ring in which totals are wanted."""
        return WIDE

    @property
    def forms(self) -> dict[str, Form]:
        """The linear forms that it is made of: all totals."""
        return {column: {column: 1} for column in self.source.columns}

    def secret(self, box: Box, total: Secret, label: str = "r") -> Secret:
        """(1 + r) 2^digits of totals (m, columns), which is not negative; in Z_2^64."""
        m = total.shape[0]
        of = products(total, self.source.columns, [self.covariance, self.vx, self.vy])
        C, vx, vy = box.sums_of_products(of, f"{label}/sums")
        square, V = box.sums_of_products([[(C, C)], [(vx, vy)]], f"{label}/sides")
        signs = concatenate([x.reshape(1, m) for x in (C, V - 1)])
        signs = comparison.negative(box, signs, (self.people**4).bit_length() + 1, f"{label}/signs")
        told = numeric.integers(box, signs, m, WIDE, f"{label}/signs")
        y = self._root(box, square * (1 << 2 * self.digits + 2), V, f"{label}/root")
        y = y + (1 << self.digits) - box.mul(told[0], y, f"{label}/sign") * 2
        y = y - box.mul(told[1], y - UNDEFINED, f"{label}/undefined")
        return y.reduce(OPENED)

    def _root(self, box: Box, most: Secret, V: Secret, label: str) -> Secret:
        """The largest y < 2^(digits + 1) with (2 y - 1)^2 V <= most."""
        y, A, B = V * 0, V, -V
        for place in range(self.digits, -1, -1):
            d = 1 << place
            more, step = B * (4 * d) + V * (4 * d * d), f"{label}/{place}"
            above = comparison.negative(box, most - A - more, _bits(self.digits, self.people), step)
            bit = -numeric.integers(box, above, V.shape[0], WIDE, step) + 1
            y = y + bit * d
            if place:
                grown, wider = box.sums_of_products([[(bit, more)], [(bit, V)]], step)
                A, B = A + grown, B + wider * (2 * d)
        return y

    def value(self, opened: Integers) -> Floats:
        """The opened integers as numbers from -1 to 1; NaN where undefined."""
        return super().value(opened) - 1


def _bits(digits: int, people: int) -> int:
    """Bits of a comparison in step 4."""
    return 2 * digits + 5 + (people**4).bit_length()
