"""Disclosure floors the slow way: every count that follows, from every institution's own numbers.

What follows is found by trying all small vectors against the rows' span in float64. Counts are
(m, groups, 7) of one institution, in the order of the genotype classes; pairs (P, 36), people by
both classes of a pair, 5 in the place of a genotype that is not there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mpcgen.protocols.floors import Minima
from mpcgen.study.closure import Span, atoms
from tests.plain import HET, MISSING, Plain

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Row = tuple[int, ...]

#        HOM_REF HET HOM_ALT HAP_REF HAP_ALT MISSING ABSENT
ALT = (0, 1, 2, 0, 1, 0, 0)
REF = (2, 1, 0, 1, 0, 0, 0)
ALLELES = (2, 2, 2, 1, 1, 0, 0)
CALLED = (1, 1, 1, 1, 1, 0, 0)
PEOPLE = (1, 1, 1, 1, 1, 1, 1)
CELLS = tuple(tuple(int(i == j) for j in range(7)) for i in range(7))
TWO_COPIES = (1, 1, 1, 0, 0, 0, 0)
ONE_COPY = (0, 0, 0, 1, 1, 0, 0)
ALT_OF_TWO = (0, 1, 2, 0, 0, 0, 0)
SQUARES = (0, 1, 4, 0, 0, 0, 0)
NONE = (0,) * 7
KINDS = {"autosome": (0, 1, 2, 5, 6), "X": tuple(range(7)), "haploid": (3, 4, 5, 6)}

# What floors take an entry to open of a variant: forms of the counts of cases, then controls.
OPENED: dict[str, list[Row]] = {
    "linkage": [cell + cell for cell in CELLS[:5]],  # on X by sex
    "frequency": [cell + cell for cell in CELLS],
    "groups": [*(cell + NONE for cell in CELLS), *(NONE + cell for cell in CELLS)],
    "allelic": [
        ALT + NONE, ALLELES + NONE, NONE + ALT, NONE + ALLELES, CALLED + CALLED,
    ],
    "genotypic": [*(cell + NONE for cell in CELLS[:3]), *(NONE + cell for cell in CELLS[:3])],
    "trend": [
        TWO_COPIES + NONE, NONE + TWO_COPIES, ALT_OF_TWO + NONE, ALT_OF_TWO * 2, SQUARES * 2,
    ],
}  # fmt: skip


def kind(chrom: str) -> str:
    """Which genotype classes there are on a chromosome: a key of KINDS."""
    return {"23": "X", "24": "haploid", "26": "haploid"}.get(chrom, "autosome")


@cache
def of_variant(entries: tuple[str, ...], groups: int, columns: tuple[int, ...]) -> Ints:
    """Counts that follow at one variant, (.., 7 groups); entries 0, 1, 2, none above another."""
    opened = [form[: 7 * groups] for entry in entries for form in OPENED[entry]]
    sexes = [ONE_COPY, TWO_COPIES] if columns == KINDS["X"] else []  # with a genotype
    sizes = [np.kron(np.eye(groups, dtype=int), people) for people in (PEOPLE, *sexes)]
    known = np.concatenate([np.array(opened, int).reshape(-1, 7 * groups), *sizes])
    places = [7 * g + c for g in range(groups) for c in columns]
    return _spread(smallest(within(known[:, places], 2)), places, 7 * groups)


@cache
def _tells_het(entries: tuple[str, ...], groups: int) -> bool:
    """Whether it is opened how many people are heterozygous at an autosome's variants."""
    opened = [form[: 7 * groups] for entry in entries for form in OPENED[entry]]
    places = [7 * g + c for g in range(groups) for c in KINDS["autosome"]]
    sizes = np.kron(np.eye(groups, dtype=int), PEOPLE).tolist()
    known = np.array([*opened, *sizes], float)[:, places]
    wanted = np.tile(np.eye(7)[HET], groups)[places]
    return bool(np.allclose(known.T @ np.linalg.lstsq(known.T, wanted, rcond=None)[0], wanted))


def within(known: Ints, most: int) -> Ints:
    """The nonzero vectors with entries 0..most in the span of the rows (rows, n)."""
    n = known.shape[1]
    out = np.eye(n) - np.linalg.pinv(known.astype(float)) @ known
    half = n // 2
    left, right = (
        np.array(list(product(range(most + 1), repeat=size))) for size in (half, n - half)
    )
    rest = right @ out[half:]
    good = ((abs(rest + row @ out[:half]) < 1e-6).all(axis=1) for row in left)
    found = [np.hstack([np.tile(x, (len(y), 1)), y])
             for x, y in ((x, right[g]) for x, g in zip(left, good, strict=True))]  # fmt: skip
    vectors: Ints = np.concatenate(found)
    return vectors[vectors.any(axis=1)]


def smallest(vectors: Ints) -> Ints:
    """Those without another one below them, entry by entry."""
    rest, found = vectors[np.argsort(vectors.sum(axis=1), kind="stable")], []
    while len(rest):
        found.append(rest[0])
        rest = rest[(rest < rest[0]).any(axis=1)]
    return np.array(found)


def _spread(vectors: Ints, places: Sequence[int], n: int) -> Ints:
    whole = np.zeros((len(vectors), n), np.int64)
    whole[:, places] = vectors
    return whole


def views(owners: Sequence[Ints]) -> Iterator[Ints]:
    """The joint total, and the total without each institution, which knows its own part."""
    total: Ints = np.sum(owners, axis=0)
    yield total
    yield from (total - own for own in owners)


def none_or(counts: Ints, least: Ints | int) -> Bools:
    """Whether all of the counts (m, ..) are 0 or at least that, (m,)."""
    return np.asarray(((counts == 0) | (counts >= least)).all(axis=1))


def variants(
    owners: Sequence[Ints], chrom: Sequence[str], entries: tuple[str, ...], minima: Minima
) -> Bools:
    """Which variants (m,) a plan of these entries may open."""
    groups = owners[0].shape[1]
    here: Ints = np.sum([(own @ CALLED).sum(axis=1) > 0 for own in owners], axis=0)
    kept = np.asarray(here >= minima.min_institutions)
    behind = (minima.min_cases, minima.min_controls) if groups == 2 else (minima.min_individuals,)
    kinds = np.array([kind(c) for c in chrom])
    for view in views(owners):
        for alleles in (ALT, REF):
            kept &= (view @ alleles).sum(axis=1) >= minima.min_mac
        kept &= (view @ CALLED >= behind).all(axis=1)
        for name in np.unique(kinds):
            rows = np.flatnonzero(kinds == name)
            vectors = of_variant(entries, groups, KINDS[name])
            if name == "autosome" and vectors.max() == 2 and _tells_het(entries, groups):
                kept[rows] &= view[rows][:, :, HET].sum(axis=1) > 0
            uncalled = ~vectors.reshape(len(vectors), -1, 7)[:, :, :5].any(axis=(1, 2))
            least = np.where(uncalled, minima.min_missing, minima.min_cell)
            kept[rows] &= none_or(view[rows].reshape(len(rows), -1) @ vectors.T, least)
    return kept


def dosages(plain: Plain) -> Ints:
    """Alt dosages (m, N) of one copy or two; 3 where there is no genotype."""
    g, haploid = plain.genotypes, plain.haploid
    known = (g != MISSING) & plain.eligible & ~(haploid & (g == HET))
    return np.where(known, g // (1 + haploid), 3).astype(np.int64)


def genotype_classes(plain: Plain) -> Ints:
    """Of everybody (m, N) one of the first five genotype classes; 5 where there is no genotype."""
    dosage = dosages(plain)
    return np.where(dosage == 3, 5, dosage + 3 * plain.haploid)


def tables(classes: Ints, pairs: Ints) -> Ints:
    """People by both classes (P, 36) of pairs of rows of classes (m, N)."""
    joint = 6 * classes[pairs[:, 0]] + classes[pairs[:, 1]]
    return np.stack([(joint == cell).sum(axis=1) for cell in range(36)], axis=1)


BOTH = tuple(product(range(6), repeat=2))
PAIRED = np.array([int(5 not in cell) for cell in BOTH])
ALONE = np.array([int((x == 5) != (y == 5)) for x, y in BOTH])  # one genotype, not the other
DOSAGE_OF = (0, 1, 2, 0, 1)


@cache
def of_pair(first: tuple[int, ...], second: tuple[int, ...]) -> Ints:
    """Sums of people (.., 36), weights 0..4, that follow where these classes are there alone."""
    cells = [(x, y) for x, y in BOTH if x in first and y in second and (x < 3) == (y < 3)]
    forms = {f"{side}{c}": [int(cell[side] == c) for cell in cells]
             for side in (0, 1) for c in range(5)}  # fmt: skip
    forms["SXY"] = [DOSAGE_OF[x] * DOSAGE_OF[y] for x, y in cells]
    return _spread(atoms(Span(len(cells), forms), 4), [BOTH.index(cell) for cell in cells], 36)


def pairs_kept(owners: Sequence[Ints], chrom: Sequence[str], minima: Minima) -> Bools:
    """Which pairs meet their own floors, from the institutions' tables (P, 36)."""
    here: Ints = np.sum([own @ PAIRED > 0 for own in owners], axis=0)
    kept = np.asarray(here >= minima.min_institutions)
    diploid = np.array([kind(c) != "haploid" for c in chrom], np.bool_)
    for view in views(owners):
        kept &= view @ PAIRED >= minima.min_individuals
        kept &= view @ ALONE == 0
        margins = [view.reshape(-1, 6, 6)[:, :5, :5].sum(axis=axis) for axis in (2, 1)]
        for margin in margins:
            kept &= ~diploid | (margin[:, 1] > 0)  # somebody is heterozygous
        for row in np.flatnonzero(kept):
            there = (tuple(np.flatnonzero(margin[row]).tolist()) for margin in margins)
            kept[row] = none_or(view[row : row + 1] @ of_pair(*there).T, minima.min_cell)[0]
    return kept


@dataclass(frozen=True)
class Institution:
    """Its people, and which variants (m,) its files have."""

    plain: Plain
    has: Bools

    def counts(self, groups: int) -> Ints:
        """Genotype counts (m, groups, 7); people are absent where it lacks a variant."""
        counts = (self.plain.counts if groups == 2 else self.plain.counts_of_all).astype(np.int64)
        absent = np.zeros_like(counts)
        absent[:, :, 6] = counts.sum(axis=2)
        return np.where(self.has[:, None, None], counts, absent)

    def within(self, groups: int) -> "Institution":
        """The same without those who are in none of the groups."""
        plain = self.plain
        people = np.flatnonzero((plain.phenotype == "1") | (plain.phenotype == "2"))
        if groups == 1:
            return self
        of = (plain.sex[people], plain.phenotype[people], plain.genotypes[:, people])
        return Institution(Plain(plain.chrom, plain.pos, plain.ids, *of), self.has)

    def pair_sums(self, pairs: Ints) -> Ints:
        """Sums (P, 6), 0 where it lacks a variant."""
        sums = self.plain.pair_sums(pairs).astype(np.int64)
        sums[~self.has[pairs].all(axis=1)] = 0
        return sums

    def tables(self, pairs: Ints) -> Ints:
        """People by both genotype classes, (P, 36)."""
        return tables(np.where(self.has[:, None], genotype_classes(self.plain), 5), pairs)
