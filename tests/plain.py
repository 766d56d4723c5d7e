"""Genotypes unpacked the slow way, and the integers that local steps are expected to give."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HOM_REF, HET, HOM_ALT, MISSING = range(4)
_OF_CODE = np.array([HOM_ALT, MISSING, HET, HOM_REF], np.int8)  # .bed's 00 01 10 11, A1 = alt
X, Y, MT = "23", "24", "26"


@dataclass(frozen=True)
class Plain:
    """One institution's PLINK files, unpacked; genotypes (m, N) as above."""

    chrom: NDArray[Any]
    pos: NDArray[np.int64]
    ids: NDArray[Any]
    sex: NDArray[Any]
    phenotype: NDArray[Any]
    genotypes: NDArray[np.int8]

    @cached_property
    def counts(self) -> NDArray[np.int32]:
        """Counts (m, 2, 7) of cases and controls."""
        return np.stack([self._counts(self.phenotype == code) for code in ("2", "1")], axis=1)

    @cached_property
    def counts_of_all(self) -> NDArray[np.int32]:
        """Counts (m, 1, 7) of everybody."""
        return self._counts(np.ones(len(self.sex), np.bool_))[:, None]

    def _counts(self, people: NDArray[np.bool_]) -> NDArray[np.int32]:
        haploid = self.haploid[:, people]
        g = np.where(self.eligible[:, people], self.genotypes[:, people], -1)
        two = [((g == code) & ~haploid).sum(1) for code in (HOM_REF, HET, HOM_ALT)]
        one = [((g == code) & haploid).sum(1) for code in (HOM_REF, HOM_ALT)]
        missing = ((g == MISSING) | ((g == HET) & haploid)).sum(1)
        return np.stack([*two, *one, missing, np.zeros_like(missing)], 1).astype(np.int32)

    @cached_property
    def haploid(self) -> NDArray[np.bool_]:
        """Who has one copy of which variant, (m, N)."""
        of_males = np.isin(self.chrom, (X, Y))[:, None] & (self.sex == "1")
        return np.asarray(of_males | (self.chrom == MT)[:, None])

    @cached_property
    def eligible(self) -> NDArray[np.bool_]:
        """Who counts at which variant, (m, N)."""
        return np.asarray((self.chrom != Y)[:, None] | (self.sex == "1"))

    def pair_sums(self, pairs: NDArray[np.int64]) -> NDArray[np.int32]:
        """n, Sx, Sy, Sxx, Syy, Sxy (P, 6) over everybody."""
        used, place = np.unique(pairs, return_inverse=True)
        first, second = place.reshape(pairs.shape).T
        g, haploid = self.genotypes[used], self.haploid[used]
        known = (g != MISSING) & self.eligible[used] & ~(haploid & (g == HET))
        k = known.astype(np.float32)  # sums stay below 2^24
        x = np.where(known, g // (1 + haploid), 0).astype(np.float32)
        n, sx, sxx, sxy = k @ k.T, x @ k.T, (x * x) @ k.T, x @ x.T
        sums = (n, sx, sx.T, sxx, sxx.T, sxy)
        return np.stack([s[first, second] for s in sums], 1).astype(np.int32)


def read_plain(prefix: Path) -> Plain:
    """Unpack prefix.bed, .bim and .fam."""
    chrom, ids, _, pos = _columns(prefix.with_suffix(".bim"))[:4]
    *_, sex, phenotype = _columns(prefix.with_suffix(".fam"))
    data = np.frombuffer(prefix.with_suffix(".bed").read_bytes()[3:], np.uint8)
    data = data.reshape(len(chrom), -1)
    codes = np.stack([data >> shift & 3 for shift in (0, 2, 4, 6)], axis=2).reshape(len(chrom), -1)
    return Plain(
        chrom=np.array(chrom),
        pos=np.array(pos, np.int64),
        ids=np.array(ids),
        sex=np.array(sex),
        phenotype=np.array(phenotype),
        genotypes=_OF_CODE[codes[:, : len(sex)]],
    )


def _columns(path: Path) -> list[tuple[str, ...]]:
    return list(zip(*(line.split() for line in path.read_text().splitlines()), strict=True))
