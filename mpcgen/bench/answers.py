"""What a task must open, by Python's integers, and how far from it something is."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mpcgen.protocols.division import UNDEFINED
from mpcgen.protocols.threshold import Ratio

Values = NDArray[Any]
LEAST = 1e-3  # below it, an error is not relative to the value but to this
EXACT = "exact"


class Answer(Protocol):
    """What is right, and what is known of a result."""

    def values(self) -> Values:
        """What must be opened."""
        ...

    def accuracy(self, opened: Values) -> str:
        """`exact`, or how far something opened is from it."""
        ...


class Numbers:
    """p / q of Python's integers (m,), opened as multiples of 2^-digits, rounded halves up.

    q = 0 gives UNDEFINED. Integers are p / 1.
    """

    def __init__(self, p: Values, q: Values | None = None, digits: int = 0):
        self.p, self.digits = np.asarray(p, object), digits
        self.q = np.ones_like(self.p) if q is None else np.asarray(q, object)

    def values(self) -> Values:
        """What must be opened, as Python's integers."""
        found = np.full(self.p.shape, UNDEFINED, object)
        p, q = (side[self.q != 0] for side in (self.p, self.q))
        found[self.q != 0] = ((p << self.digits + 1) + q) // (2 * q)
        return found

    def accuracy(self, opened: Values) -> str:
        """`exact` for the rounded values; else as `real` has it, of the numbers they stand for.

        Floats stand for themselves, unless only integers are right.
        """
        if opened.dtype.kind == "f" and self.digits:
            return self.real(opened)
        if (opened == self.values()).all():
            return EXACT
        return self.real(np.ldexp(opened.astype(np.float64), -self.digits))

    def real(self, x: NDArray[np.float64]) -> str:
        """The worst relative error of real numbers; of values below LEAST, relative to LEAST."""
        defined = self.q != 0
        true = (self.p[defined] / self.q[defined]).astype(np.float64)
        error = np.abs(x[defined] - true) / np.maximum(np.abs(true), LEAST)
        return f"{error.max(initial=0.0):.1e}"


class Bits:
    """Truth values (m,)."""

    def __init__(self, bits: Values):
        self._bits = np.asarray(bits, np.bool_)

    def values(self) -> Values:
        """What must be opened."""
        return self._bits

    def accuracy(self, opened: Values) -> str:
        """`exact`, or the number of wrong bits."""
        wrong = int((np.asarray(opened, np.bool_) != self._bits).sum())
        return f"{wrong} wrong" if wrong else EXACT


def sides(ratio: Ratio, total: Values) -> tuple[Values, Values]:
    """n u^2 and v w of totals (m, columns) of Python's integers."""
    named = dict(zip(ratio.source.columns, total.T, strict=True))

    def value(form: Mapping[str, int]) -> Any:
        return sum(factor * named[name] for name, factor in form.items())

    u, v, w = (sum(value(a) * value(b) for a, b in q) for q in (ratio.u, ratio.v, ratio.w))
    n = 1 if ratio.n is None else value(ratio.n)
    return n * u * u, v * w
