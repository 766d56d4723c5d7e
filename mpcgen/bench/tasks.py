"""Tasks on which engines are compared.

T1  the sum of 6 M counters of three institutions, sharing included
T2  chi-squared of M variants opened alone, to 2^-10
T3  r2 of M pairs opened alone, to 2^-12
T4  X'X of a secret M x M matrix of dosages
T5  the bits chi-squared > 1901/64 of M variants

Inputs of T2 to T5 are shared before the clock starts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from operator import add

import numpy as np

from mpcgen.abb import Box
from mpcgen.bench import inputs
from mpcgen.bench.answers import Answer, Bits, Numbers, Values, sides
from mpcgen.bench.inputs import OWNERS
from mpcgen.leakage import Opening
from mpcgen.protocols.allelic import CHISQ
from mpcgen.protocols.case_control import chi2_above
from mpcgen.protocols.engines import COMPARISONS, LONG, PRODUCTS
from mpcgen.protocols.linkage import R2
from mpcgen.protocols.rounded import OPENED, Rounded
from mpcgen.protocols.statistic import Integers
from mpcgen.protocols.threshold import Ratio
from mpcgen.ring import Z2_32, Z2_64, Z2_128, Ring
from mpcgen.secret import Secret

PEOPLE = 1 << 22
CHISQ_DIGITS, R2_DIGITS = 10, 12
NUMERATOR, DENOMINATOR = 1901, 64
ABOVE = CHISQ.above(NUMERATOR / DENOMINATOR, PEOPLE, partial(chi2_above, "allelic chi2", 1))
SIZES = {  # of which the first is taken where none is named
    "T1": (100_000, 1_000_000),
    "T2": (10_000, 100_000),
    "T3": (10_000, 100_000),
    "T4": (1000,),
    "T5": (10_000, 100_000),
}
_DIVIDED = frozenset({PRODUCTS, COMPARISONS, LONG})


@dataclass(frozen=True)
class Task:
    """One task at one size.

    Attributes:
        name: T1 to T5.
        units: its size M.
        needs: what an engine must offer, of engines.EVERYTHING.
        ring: of the inputs.
        opens: ring and shape of what is opened.
        owned: an owner, M -> its integers.
        timed: box, label, the owners' sum -> opened.
        right: the owners' sum, in plain -> what must be opened.
        shared_first: the inputs are shared before the clock starts.
    """

    name: str
    units: int
    needs: frozenset[str]
    ring: Ring
    opens: tuple[Ring, tuple[int, ...]]
    owned: Callable[[str, int], Integers]
    timed: Callable[[Box, str, Secret], Values]
    right: Callable[[Values], Answer]
    shared_first: bool = True

    def given(self, me: str) -> Integers:
        """An owner's integers."""
        return self.owned(me, self.units)

    def line(self, label: str, to: tuple[str, ...]) -> Opening:
        """The manifest's line for what is opened."""
        ring, shape = self.opens
        return Opening(label, ring.k, shape, to)

    def total(self, box: Box, label: str) -> Secret:
        """The owners' integers, shared and added."""
        values = self.ring.encode(self.given(box.me)) if box.me in OWNERS else None
        return reduce(
            add, box.input(label, self.ring, self.given(OWNERS[0]).shape, values).values()
        )

    def answer(self) -> Answer:
        """What must be opened."""
        return self.right(np.asarray(reduce(add, (self.given(o).astype(object) for o in OWNERS))))


def _open(box: Box, label: str, x: Secret) -> Values:
    return np.asarray(x.ring.signed(box.open({label: x})[label]))


def _square(box: Box, label: str, x: Secret) -> Values:
    return _open(box, label, box.matmul(x.transpose(), x))


def _squared(x: Values) -> Answer:
    real = x.astype(np.float64)  # exact: below 2^53
    return Numbers((real.T @ real).astype(np.int64))


def _above(total: Values) -> Answer:
    p, q = sides(CHISQ, total)
    return Bits(p * DENOMINATOR > q * NUMERATOR)


def task(name: str, units: int) -> Task:
    """A task at a size.

    Raises:
        KeyError: there is no such task.
    """

    def alone(ratio: Ratio, digits: int, owned: Callable[[str, int], Integers]) -> Task:
        value = Rounded(ratio, digits, PEOPLE)
        return Task(
            name, units, _DIVIDED, Z2_128, (OPENED, (units,)), owned,
            lambda box, label, total: _open(box, label, value.secret(box, total)),
            lambda total: Numbers(*sides(ratio, total), digits),
        )  # fmt: skip

    match name:
        case "T1":
            opens = (Z2_32, (units, 6))
            return Task(
                name, units, frozenset(), Z2_32, opens, inputs.counters, _open, Numbers,
                shared_first=False,
            )  # fmt: skip
        case "T2":
            return alone(CHISQ, CHISQ_DIGITS, inputs.genotype_counts)
        case "T3":
            return alone(R2, R2_DIGITS, inputs.pair_sums)
        case "T4":
            return Task(
                name, units, frozenset({PRODUCTS}), Z2_64, (Z2_64, (units, units)), inputs.dosages,
                _square, _squared,
            )  # fmt: skip
        case "T5":
            return Task(
                name, units, _DIVIDED, Z2_128, (Ring(1), (units,)), inputs.genotype_counts,
                lambda box, label, x: box.open_bits({label: ABOVE.passes(box, x)}, units)[label],
                _above,
            )  # fmt: skip
    raise KeyError(name)
