"""Quotients of secret integers, correctly rounded.

secure    of 0 <= p <= 2^a q, 0 < q < 2^b: y = p 2^s / q rounded to the nearest integer, halves up
          1. [2^t], [q = 0] <- scale of [q]                 x = q 2^t / 2^b, 1/2 <= x < 1
          2. [1/x] by a polynomial and its error's powers
          3. [y] <- (p 2^t) (1/x) 2^(s-b), truncated        within 1 of the rounded quotient
          4. [y] <- y - 1 + (2 p 2^s >= (2 y - 1) q) + (2 p 2^s >= (2 y + 1) q)

1/x       With u = 4 x - 3, from -1 to 1, T_4(u) = 8 u^4 - 8 u^2 + 1 and T_4(-3) = 577,
              e = T_4(u) / 577   and   (1 - e) / x = 32 (u^2 + 8) (3 - u) / 577
          is the cubic polynomial of the least relative error, at most 1/577. Then
              1/x = (1 - e)/x (1 + e) (1 + e^2) / (1 - e^4),   e^4 < 2^-36,
          with one more factor (1 + e^4) where more digits are wanted, and so on.
Errors    A truncation to F = a + s + 9 fractional bits takes off less than 2 2^-F: those of 1/x
          less than 64 2^-F together, that of p 2^t less than 1/8 of y. So before step 3's last
          truncation y is off by less than 2^(a+s) (64 2^-F + 2 e^(2^r)) + 1/8 < 1/2. It takes off
          up to 2, and 1 is added: y is off by less than 3/2, and by at most 1 from its rounding.
          Step 4 is about integers; its differences are below 4 q, however large their terms.
          So what comes out is a function of p and q alone: masks and truncations do not show.
1/q       the reciprocal of 0 < q < 2^b, times 2^s, is the quotient of p = 1 with a = 0.
Range     a + b, 2 F + 2 and a + s + F + 6 are at most k - 2.
Papers    Goldschmidt, Applications of division by convergence, 1964; Catrina, Saxena, Secure
          computation with fixed-point numbers, FC 2010 (scaling a shared denominator)
"""

from dataclasses import dataclass
from fractions import Fraction

from mpcgen.abb import Box
from mpcgen.errors import RangeError
from mpcgen.protocols import comparison, numeric
from mpcgen.ring import Ring
from mpcgen.secret import Secret, concatenate

UNDEFINED = -1  # what a quotient by 0 gives
_T = 577  # T_4(-3)


@dataclass(frozen=True)
class Quotient:
    """p 2^s / q of integers 0 <= p <= 2^a q, 0 <= q < 2^b of a ring.

    Attributes:
        a: quotients are at most 2^a.
        b: bits of the denominator.
        s: binary digits behind the point.

    Raises:
        RangeError: the ring is too small.
    """

    ring: Ring
    a: int
    b: int
    s: int

    def __post_init__(self) -> None:
        if min(self.a, self.s) < 0 or self.b < 1:
            raise RangeError(f"no quotient has the sizes {self}")
        most = max(
            self.a + self.b, 2 * self.fraction + 2, self.kept + self.fraction + 1, self.b + 1
        )
        if most > self.ring.k - 2:
            raise RangeError(
                f"a quotient of up to 2^{self.a} with {self.s} binary digits, by an integer of "
                f"{self.b} bits, takes {most + 2} bits; the ring has {self.ring.k}"
            )

    @property
    def fraction(self) -> int:
        """Fractional bits F."""
        return self.a + self.s + 9

    @property
    def kept(self) -> int:
        """Bits of p 2^t of which y is approximated."""
        return min(self.a + self.b, self.a + self.s + 5)

    @property
    def squarings(self) -> int:
        """How often the error of 1/x is squared: r with 2^(a+s) 2 / 577^(2^r) < 1/5."""
        return next(r for r in range(2, 9) if 10 << self.a + self.s < _T ** (1 << r))

    def rounded(self, box: Box, p: Secret, q: Secret, label: str = "quotient") -> Secret:
        """p 2^s / q (m,) to the nearest integer, halves up; UNDEFINED where q = 0."""
        power, zero = numeric.scale(box, q, self.b, f"{label}/scale")
        x, scaled = box.sums_of_products([[(q, power)], [(p, power)]], f"{label}/scaled")
        inverse = self._inverse(box, x, f"{label}/inverse")
        dropped = self.a + self.b - self.kept
        short = numeric.truncate(box, scaled, dropped, self.a + self.b, f"{label}/short")
        shift, bits = self.fraction + self.b - self.s - dropped, self.kept + self.fraction + 1
        product = box.mul(short, inverse, f"{label}/y")
        y = numeric.truncate(box, product, shift, bits, f"{label}/y") + 1
        return self._exactly(box, y, p, q, zero, f"{label}/exact")

    def _inverse(self, box: Box, x: Secret, label: str) -> Secret:
        """1 / x with F fractional bits, for x / 2^b from 1/2 to 1."""
        f, one = self.fraction, 1 << self.fraction
        up, down = max(f + 2 - self.b, 0), max(self.b - 2 - f, 0)
        u = numeric.truncate(box, x * (1 << up), down, self.b, f"{label}/x") - 3 * one
        (square,) = numeric.times(box, [(u, u)], f, f"{label}/uu")
        (fourth,) = numeric.times(box, [(square, square)], f, f"{label}/uuuu")
        e, third = numeric.shortened(
            box,
            [
                ((fourth - square) * 8 + one) * round(Fraction(one, _T)),
                (-u + 3 * one) * round(Fraction(32 * one, _T)),
            ],
            f,
            f"{label}/e",
        )
        y, error = numeric.times(box, [(square + 8 * one, third), (e, e)], f, f"{label}/cubic")
        (y,) = numeric.times(box, [(y, e + one)], f, f"{label}/1")
        for n in range(1, self.squarings):
            factors = [(y, error + one)] + [(error, error)] * (n + 1 < self.squarings)
            y, *more = numeric.times(box, factors, f, f"{label}/{1 << n}")
            error = more[0] if more else error
        return y

    def _exactly(
        self, box: Box, y: Secret, p: Secret, q: Secret, zero: Secret, label: str
    ) -> Secret:
        """y, which is at most 1 off, made right; UNDEFINED where zero is 1."""
        rest = p * (2 << self.s) - box.mul(y, q, f"{label}/rest") * 2
        return nearest(box, y, (rest + q, rest - q), self.b + 3, zero, label)


def nearest(
    box: Box, y: Secret, over: tuple[Secret, Secret], bits: int, zero: Secret, label: str
) -> Secret:
    """y (m,), at most 1 off from a rounded v, made right; UNDEFINED where zero is 1.

    Args:
        over: of the signs of v - (y - 1/2) and v - (y + 1/2), and of so many bits.
    """
    sides = concatenate([side.reshape(1, -1) for side in over])
    below = comparison.negative(box, sides, bits, label)
    y = y + 1 - numeric.integers(box, below, y.shape[0], y.ring, label).sum(0)
    return y - box.mul(zero, y - UNDEFINED, f"{label}/undefined")
