"""Inverse square roots of secret integers, correctly rounded.

secure    of 0 < q < 2^b, b even: y = 2^s / sqrt(q) rounded to the nearest integer
          1. [2^t], [q = 0] <- scale of [q] by 4^t      x = q 4^t / 2^b, 1/4 <= x < 1
          2. [h], near 1 / (2 sqrt(x)), by Goldschmidt's steps
          3. [y] <- 2 h 2^t 2^(s-b/2), truncated        within 1 of the rounded root
          4. [y] <- y - 1 + (4 2^2s >= (2 y - 1)^2 q) + (4 2^2s >= (2 y + 1)^2 q)

A product of two integers has the root 1/sqrt(p) 1/sqrt(q): each is scaled by its own length, so
that counts of 24 bits never take the length of their product.

Steps     h = 17/16 - 19/32 x, which is 1/(2 sqrt(x)) but for 1 part in 10, and g = 2 x h; then
              r = 1/2 - g h,  g <- g + g r,  h <- h + h r.
Errors    All with F fractional bits, where a truncation takes off less than 2 u, u = 2^-F; x and
          the first h are exact. With h = (1 + e) / (2 sqrt(x)) and d = g - 2 x h, a step gives
              d' = d (1 + r) + less than 4 u
              e' = -(3 e^2 + e^3)/2 + (1 + e)(2 u - d h) + less than 4 u   (all in absolute value)
          First |e| < 1/10 and |d| < 2 u, so that over all steps the factors (1 + r) are below 1.15
          together, h < 1.1 and |d| < 1.15 (2 + 4 n) u after n steps. Up to 6 steps the last two
          terms stay below 1.1 (2 + 1.1 26) u + 4 u < 40 u. Hence `steps`: |e| < E with
              E <- (3 E^2 + E^3)/2 + 40 u.
          Before step 3's truncation y is off by less than 2^s E < 1/2. It takes off up to 2, and 1
          is added: y is off by less than 3/2, and by at most 1 from its rounding. Since 2 s >= b
          nothing here is below 0 and no tie occurs. In step 4 (2 y -+ 1) is off 2^(s+1) / sqrt(q)
          by less than 4, so that the differences are below 2^(s + b/2 + 5), however large their
          terms. So what comes out is a function of q alone, off 2^s / sqrt(q) by at most 1/2.
Range     b <= 2 s and 2 F + 2 <= k - 2: up to 24 bits, s is at most 23 in Z_2^64, 55 in Z_2^128.
Papers    Goldschmidt, Applications of division by convergence, 1964; Markstein, Software division
          and square root using Goldschmidt's algorithms, RNC 2004
"""

from dataclasses import dataclass
from fractions import Fraction

from mpcgen.abb import Box
from mpcgen.errors import RangeError
from mpcgen.protocols import numeric
from mpcgen.protocols.division import nearest
from mpcgen.ring import Ring
from mpcgen.secret import Secret


@dataclass(frozen=True)
class InverseRoot:
    """2^s / sqrt(q) of integers 0 <= q < 2^b of a ring.

    Attributes:
        b: bits of q.
        s: binary digits behind the point.

    Raises:
        RangeError: the ring is too small, or there are too few digits.
    """

    ring: Ring
    b: int
    s: int

    def __post_init__(self) -> None:
        if self.b < 1 or 2 * self.s < self.bits:
            raise RangeError(f"no inverse root of {self.b} bits has {self.s} binary digits")
        most = max(2 * self.fraction + 2, self.fraction + self.bits // 2 + 1)
        if most > self.ring.k - 2:
            raise RangeError(
                f"an inverse root of {self.b} bits with {self.s} binary digits takes {most + 2} "
                f"bits; the ring has {self.ring.k}"
            )

    @property
    def bits(self) -> int:
        """b, made even."""
        return self.b + self.b % 2

    @property
    def fraction(self) -> int:
        """Fractional bits F: errors are small enough, and x and the first h are exact."""
        return max(self.s + 7, self.bits + 5)

    @property
    def steps(self) -> int:
        """Steps of Goldschmidt after which 2^s E < 1/2."""
        error, unit, n = Fraction(1, 10), Fraction(1, 1 << self.fraction), 0
        while error * (2 << self.s) >= 1:
            error, n = (3 * error**2 + error**3) / 2 + 40 * unit, n + 1
        return n

    def rounded(self, box: Box, q: Secret, label: str = "root") -> Secret:
        """2^s / sqrt(q) (m,) to the nearest integer; division.UNDEFINED where q = 0."""
        power, zero = numeric.scale_evenly(box, q, self.bits, f"{label}/scale")
        x = box.mul(box.mul(q, power, f"{label}/x"), power, f"{label}/x")
        h = self._half(box, x, f"{label}/half")
        product = box.mul(h * 2, power, f"{label}/y")
        shift, bits = self.fraction + self.bits // 2 - self.s, self.fraction + self.bits // 2 + 1
        y = numeric.truncate(box, product, shift, bits, f"{label}/y") + 1
        yq = box.mul(y, q, f"{label}/yq")
        rest = -(box.mul(y, yq, f"{label}/yyq") * 4 + q) + (4 << 2 * self.s)
        width = self.s + self.bits // 2 + 6
        return nearest(box, y, (rest + yq * 4, rest - yq * 4), width, zero, f"{label}/exact")

    def _half(self, box: Box, x: Secret, label: str) -> Secret:
        """1 / (2 sqrt(x / 2^b)) with F fractional bits, for x / 2^b from 1/4 to 1."""
        f, spare = self.fraction, self.fraction - self.bits
        h = x * -(19 << spare - 5) + (17 << f - 4)
        (g,) = numeric.times(box, [(x * (1 << spare), h * 2)], f, f"{label}/g")
        for n in range(self.steps):
            (product,) = numeric.times(box, [(g, h)], f, f"{label}/gh{n}")
            r = (1 << f - 1) - product
            more_g, more_h = numeric.times(box, [(g, r), (h, r)], f, f"{label}/r{n}")
            g, h = g + more_g, h + more_h
        return h
