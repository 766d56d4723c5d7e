"""Linkage disequilibrium: the correlation of two variants' alt dosages, one pair at a time.

Learned   the joint sums n, Sx, Sy, Sxx, Syy, Sxy of every pair.
local     over the people with both genotypes, the sums of dosages x and y, of their squares and
          their product; a haploid person's dosage is 0 or 1                T_i  (P, 6)
secure    1. [T] <- sum_i [T_i]                                             the shared input
          2. open [T]                                                       1 round
public    r = C / sqrt(Vx Vy), r2 = C^2 / (Vx Vy)  with  C = n Sxy - Sx Sy,  Vx = n Sxx - Sx^2,
          Vy = n Syy - Sy^2; undefined, and not listed, if Vx Vy = 0
Range     sums are at most 4 N: Z_2^32 up to N = 2^22; in public C, Vx, Vy and their terms are at
          most 4 N^2 = 2^46 in size, exact in 64 bits, and only the last division rounds.
Papers    Hill and Robertson, Linkage disequilibrium in finite populations, 1968; unphased as in
          Rogers and Huff, Genetics 2009, and `plink1.9 --r --r2`
"""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np

from mpcgen.abb import Box
from mpcgen.protocols.options import Options, only, real
from mpcgen.protocols.pair_options import PairOptions
from mpcgen.protocols.statistic import Input, Integers, Release, Sites, Statistic, Table, ratio
from mpcgen.ring import Z2_32
from mpcgen.secret import Secret

SUMS = ("N", "SX", "SY", "SXX", "SYY", "SXY")

PAIR_SUMS = Input(
    name="pair_sums",
    columns=SUMS,
    ring=Z2_32,
    bound=lambda people: 4 * people,
    local=lambda local: local.pair_sums,
)


class Linkage(Statistic):
    """r and r2 of chosen pairs of variants.

    Attributes:
        min_r2: pairs below it are opened, but not listed.
    """

    kind: ClassVar[str] = "linkage"

    def __init__(self, pairs: PairOptions, min_r2: float = 0.0):
        self.pairs = pairs
        self.min_r2 = min_r2
        self.inputs = (PAIR_SUMS,)
        self.opens = {PAIR_SUMS.name: (PAIR_SUMS.ring, SUMS)}

    @classmethod
    def from_options(cls, options: Options, groups: tuple[str, ...]) -> Self:  # noqa: ARG003
        """Options: min_r2 (default 0), and those of PairOptions."""
        only(options, "min_r2", *PairOptions.KEYS)
        return cls(PairOptions.from_options(options), real(options, "min_r2", 0, 1) or 0.0)

    def implies(self) -> tuple[str, ...]:
        """Sums of pairs are of sets that differ by few people."""
        kept_out = "Pairs below min_r2 are opened too; only the table leaves them out."
        return (
            "Sums of pairs, less each other's and those of single variants, can be the genotypes "
            "of single people, wherever few miss a genotype or few carry an allele.",
            *((kept_out,) if self.min_r2 else ()),
        )

    def secure(
        self, box: Box, totals: Mapping[str, Secret], release: Release
    ) -> dict[str, Integers]:
        """Open the six sums of every pair."""
        return release.totals(box, {PAIR_SUMS.name: totals[PAIR_SUMS.name]})

    def public(self, opened: Mapping[str, Integers], sites: Sites) -> dict[str, Table]:  # noqa: ARG002
        """One table of the pairs with a defined r2 of at least min_r2."""
        n, Sx, Sy, Sxx, Syy, Sxy = opened[PAIR_SUMS.name].astype(np.int64).T
        C = (n * Sxy - Sx * Sy).astype(np.float64)
        VxVy = (n * Sxx - Sx * Sx).astype(np.float64) * (n * Syy - Sy * Sy)
        r, r2 = ratio(C, np.sqrt(VxVy)), ratio(C * C, VxVy)
        rows = np.flatnonzero(r2 >= self.min_r2)
        columns = {"N": n[rows], "R": r[rows], "R2": r2[rows]}
        return {"": Table(rows, columns, undefined=int(np.isnan(r2).sum()))}
