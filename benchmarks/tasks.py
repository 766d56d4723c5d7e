"""Tasks on which engines are compared, each with what it must open.

T1  the sum of 6 M counters of three institutions, sharing included
T2  chi-squared of M variants opened alone, to 2^-10
T3  r2 of M pairs opened alone, to 2^-12
T4  X'X of a secret 1000 x 1000 matrix of dosages
T5  the bits chi-squared > 1901/64 of M variants

Inputs of T2 to T5 are shared before the clock starts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial, reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.leakage import Opening
from mpcgen.protocols.allelic import CHISQ
from mpcgen.protocols.case_control import chi2_above
from mpcgen.protocols.division import UNDEFINED
from mpcgen.protocols.linkage import R2
from mpcgen.protocols.rounded import OPENED, Rounded
from mpcgen.protocols.statistic import Integers
from mpcgen.protocols.threshold import Ratio
from mpcgen.ring import Z2_32, Z2_64, Z2_128, Ring
from mpcgen.secret import Secret

OWNERS = ("A", "B", "C")
SEED, PEOPLE, DOSAGES = 1, 1 << 22, 1000
ABOVE = CHISQ.above(1901 / 64, PEOPLE, partial(chi2_above, "allelic chi2", 1))
Opened = NDArray[Any]


@dataclass(frozen=True)
class Task:
    """One task at one size.

    Attributes:
        name: T1 to T5.
        units: its size M.
        ring: of the inputs.
        line: label, parties -> the opening.
        given: an owner's integers.
        timed: box, label, the owners' integers where they are shared inside, the totals -> opened.
        expected: what must be opened, by Python's integers or exact products.
        shared_first: the inputs are shared before the clock starts.
    """

    name: str
    units: int
    ring: Ring
    line: Callable[[str, tuple[str, ...]], Opening]
    given: Callable[[str], Integers]
    timed: Callable[[Box, str, Secret], Opened]
    expected: Callable[[], Opened]
    shared_first: bool = True

    def total(self, box: Box, label: str) -> Secret:
        """The owners' integers, shared and added."""
        values = self.ring.encode(self.given(box.me)) if box.me in OWNERS else None
        shape = self.given(OWNERS[0]).shape
        return reduce(add, box.input(label, self.ring, shape, values).values())

    def __str__(self) -> str:
        return f"{self.name}-{self.units}"


@cache
def genotype_counts(me: str, units: int) -> Integers:
    """Genotype counts (m, 14) of 20,000 people, rare to common; every fifth variant associated."""
    rng = np.random.default_rng((SEED, OWNERS.index(me)))
    f = np.linspace(0.001, 0.5, units)
    cases = np.where(np.arange(units) % 5 == 0, f * 1.15, f)
    table = np.zeros((units, 2, 7), np.int64)
    for group, p in enumerate((cases, f)):
        classes = np.stack([(1 - p) ** 2, 2 * p * (1 - p), p * p], axis=-1)
        table[:, group, :3] = rng.multinomial(10_000, classes)
    return table.reshape(units, -1)


@cache
def pair_sums(me: str, units: int) -> Integers:
    """Sums (P, 6) of pairs of 20,000 people, of all correlations from none to nearly 1."""
    rng = np.random.default_rng((SEED, OWNERS.index(me), 2))
    f, alike = np.linspace(0.01, 0.5, units), rng.permutation(np.linspace(0, 0.999, units))
    haplotypes = np.stack(
        [f * (f + (1 - f) * alike), f * (1 - f) * (1 - alike), f * (1 - f) * (1 - alike),
         (1 - f) * (1 - f + f * alike)], axis=-1,
    )  # fmt: skip
    both, x_only, y_only, _ = (rng.multinomial(40_000, haplotypes)).T
    x, y = both + x_only, both + y_only
    people = np.full(units, 40_000)  # haploid people, whose squares are their dosages
    return np.stack([people, x, y, x, y, both], axis=-1)


@cache
def dosages(me: str) -> Integers:
    """An owner's third of the rows of a matrix of dosages; 0 elsewhere."""
    rng = np.random.default_rng((SEED, OWNERS.index(me), 4))
    x = rng.integers(0, 3, (DOSAGES, DOSAGES))
    x[np.arange(DOSAGES) % len(OWNERS) != OWNERS.index(me)] = 0
    return x


def counters(me: str, units: int) -> Integers:
    """Six counters a variant."""
    rng = np.random.default_rng((SEED, OWNERS.index(me), 1))
    return rng.integers(0, 10_000, (units, 6))


def _sum(given: Callable[[str], Integers]) -> Opened:
    """All owners' integers together, as Python's."""
    return np.asarray(reduce(add, (given(name).astype(object) for name in OWNERS)))


def _sides(ratio: Ratio, total: Opened) -> tuple[Opened, Opened]:
    """n u^2 and v w of totals (m, columns)."""
    named = dict(zip(ratio.source.columns, total.T, strict=True))

    def value(form: Mapping[str, int]) -> Any:
        return sum(factor * named[name] for name, factor in form.items())

    u, v, w = (sum(value(a) * value(b) for a, b in q) for q in (ratio.u, ratio.v, ratio.w))
    n = 1 if ratio.n is None else value(ratio.n)
    return n * u * u, v * w


def rounded(ratio: Ratio, digits: int, total: Opened) -> Opened:
    """A statistic rounded, halves up, by Python's integers."""
    p, q = _sides(ratio, total)
    defined = q != 0
    found = np.full(len(p), UNDEFINED, object)
    found[defined] = ((p[defined] << digits + 1) + q[defined]) // (2 * q[defined])
    return found


def above(total: Opened) -> Opened:
    """Whether chi-squared exceeds 1901/64, by Python's integers."""
    p, q = _sides(CHISQ, total)
    return np.asarray(64 * p > 1901 * q, np.bool_)


def _open(box: Box, label: str, x: Secret) -> Opened:
    return np.asarray(x.ring.signed(box.open({label: x})[label]))


def tasks(units: int) -> dict[str, Task]:
    """The tasks at a size, by name."""

    def sized(given: Callable[[str, int], Integers]) -> Callable[[str], Integers]:
        return lambda me: given(me, units)

    def one(ring: Ring, shape: tuple[int, ...]) -> Callable[[str, tuple[str, ...]], Opening]:
        return lambda label, to: Opening(label, ring.k, shape, to)

    def alone(name: str, ratio: Ratio, digits: int, given: Callable[[str, int], Integers]) -> Task:
        value = Rounded(ratio, digits, PEOPLE)
        return Task(
            name, units, Z2_128, one(OPENED, (units,)), sized(given),
            lambda box, label, total: _open(box, label, value.secret(box, total)),
            lambda: rounded(ratio, digits, _sum(sized(given))),
        )  # fmt: skip

    found = (
        Task(
            "T1", units, Z2_32, one(Z2_32, (units, 6)), sized(counters), _open,
            lambda: _sum(sized(counters)), shared_first=False,
        ),
        alone("T2", CHISQ, 10, genotype_counts),
        alone("T3", R2, 12, pair_sums),
        Task(
            "T4", DOSAGES, Z2_64, one(Z2_64, (DOSAGES, DOSAGES)), dosages,
            lambda box, label, x: _open(box, label, box.matmul(x.transpose(), x)),
            lambda: _sum(dosages).T @ _sum(dosages),
        ),
        Task(
            "T5", units, Z2_128, one(Ring(1), (units,)), sized(genotype_counts),
            lambda box, label, x: box.open_bits({label: ABOVE.passes(box, x)}, units)[label],
            lambda: above(_sum(sized(genotype_counts))),
        ),
    )  # fmt: skip
    return {task.name: task for task in found}
