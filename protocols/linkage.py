"""Linkage disequilibrium: the correlation of two variants' alt dosages, one pair at a time.

Learned   the joint sums n, Sx, Sy, Sxx, Syy, Sxy of every pair.
local     over the people with both genotypes, the sums of dosages x and y, of their squares and
          their product; a haploid person's dosage is 0 or 1                T_i  (P, 6)
secure    1. [T] <- sum_i [T_i]                                             the shared input
          2. passing: C, Vx, Vy, then C^2 > t Vx Vy                        2 rounds, a comparison
             statistic: open r2 or r alone and rounded           rounded.Rounded, Correlation
          3. open [T]                                                       1 round
public    r = C / sqrt(Vx Vy), r2 = C^2 / (Vx Vy)  with  C = n Sxy - Sx Sy,  Vx = n Sxx - Sx^2,
          Vy = n Syy - Sy^2; undefined, and not listed, if Vx Vy = 0
Range     sums are at most 4 N: Z_2^32 up to N = 2^22; in public C, Vx, Vy and their terms are at
          most 4 N^2 = 2^46 in size, exact in 64 bits, and only the last division rounds.
          passing: a dosage in 0..2 has variance at most 1, so Vx, Vy <= N^2, C^2 <= N^4 = 2^88.
Papers    Hill and Robertson, Linkage disequilibrium in finite populations, 1968; unphased as in
          Rogers and Huff, Genetics 2009, and `plink1.9 --r --r2`
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar, Self

import numpy as np

from mpcgen.protocols.correlation import Correlation
from mpcgen.protocols.options import Options, only, real
from mpcgen.protocols.pair_options import PairOptions
from mpcgen.protocols.pair_sums import PAIR_SUMS
from mpcgen.protocols.rounded import Rounded
from mpcgen.protocols.statistic import (
    Decision,
    Floats,
    Integers,
    Sites,
    Statistic,
    Sums,
    Table,
    Threshold,
    Value,
    ratio,
)
from mpcgen.protocols.threshold import Ratio

_COVARIANCE, _VX, _VY = (
    (({"N": 1}, {product: 1}), ({x: -1}, {y: 1}))
    for product, x, y in (("SXY", "SX", "SY"), ("SXX", "SX", "SX"), ("SYY", "SY", "SY"))
)
R2 = Ratio(PAIR_SUMS, _COVARIANCE, _VX, _VY, None, lambda _: 1, lambda people: people**4)


class Linkage(Statistic):
    """r and r2 of chosen pairs of variants.

    Attributes:
        min_r2: pairs below it are opened, but not listed.
        above: only pairs with a larger r2 are opened; None: all.
    """

    kind: ClassVar[str] = "linkage"
    threshold: ClassVar[str | None] = "r2"
    alone: ClassVar[tuple[str, ...]] = ("r2", "r")
    digits: ClassVar[int] = 12

    sums = (Sums(PAIR_SUMS.name, PAIR_SUMS, {name: {name: 1} for name in PAIR_SUMS.columns}),)

    def __init__(self, pairs: PairOptions, min_r2: float = 0.0, above: float | None = None):
        self.pairs = pairs
        self.min_r2 = min_r2
        self.above = above

    @classmethod
    def from_options(cls, options: Options, groups: tuple[str, ...]) -> Self:  # noqa: ARG003
        """Options: min_r2 (default 0), r2 (for `passing`), and those of PairOptions."""
        only(options, "min_r2", "r2", *PairOptions.KEYS)
        least, above = real(options, "min_r2", 0, 1) or 0.0, real(options, "r2", 0, 1)
        return cls(PairOptions.from_options(options), least, above)

    def decisions(self, people: int) -> tuple[Decision, ...]:
        """Whether r2 > above."""
        if self.above is None:
            return ()
        return (R2.above(self.above, people, partial(Threshold, "r2")),)

    def values(self, names: tuple[str, ...], digits: int, people: int) -> tuple[Value, ...]:
        """r2, and r with its sign."""
        made: dict[str, Callable[[], Value]] = {
            "r2": lambda: Rounded(R2, digits, people, "r2"),
            "r": lambda: Correlation(PAIR_SUMS, _COVARIANCE, _VX, _VY, digits, people),
        }
        return tuple(made[name]() for name in names)

    def public_values(self, values: Mapping[str, Floats], sites: Sites) -> dict[str, Table]:  # noqa: ARG002
        """One table of the pairs with a defined r2 of at least min_r2."""
        r2 = values["r2"] if "r2" in values else values["r"] ** 2
        rows = np.flatnonzero(r2 >= self.min_r2)
        columns = {name.upper(): values[name][rows] for name in ("r", "r2") if name in values}
        return {"": Table(rows, columns, undefined=int(np.isnan(r2).sum()))}

    def implies(self) -> tuple[str, ...]:
        """What min_r2 leaves out is opened."""
        kept_out = "Pairs below min_r2 are opened too; only the table leaves them out."
        return (kept_out,) if self.min_r2 else ()

    def public(self, opened: Mapping[str, Integers], sites: Sites) -> dict[str, Table]:  # noqa: ARG002
        """One table of the pairs with a defined r2 of at least min_r2."""
        n, Sx, Sy, Sxx, Syy, Sxy = opened[PAIR_SUMS.name].astype(np.int64).T
        C = (n * Sxy - Sx * Sy).astype(np.float64)
        VxVy = (n * Sxx - Sx * Sx).astype(np.float64) * (n * Syy - Sy * Sy)
        r, r2 = ratio(C, np.sqrt(VxVy)), ratio(C * C, VxVy)
        rows = np.flatnonzero(r2 >= self.min_r2)
        columns = {"N": n[rows], "R": r[rows], "R2": r2[rows]}
        return {"": Table(rows, columns, undefined=int(np.isnan(r2).sum()))}
