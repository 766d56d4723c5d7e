"""Sets of people that follow from what is opened of a variant, or of a pair: all of them are tried.

A *person* stands for everybody whom no opening tells apart: group, sex, and the genotype class at
each variant. A form is what it counts of every person (n,); a set of people has 0 or 1 there.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.sparse.csgraph import connected_components

from mpcgen.protocols.genotype_counts import (
    ALL,
    CALLED,
    CASES,
    CONTROLS,
    DIPLOID,
    DOSAGE,
    column,
)
from tests.brute_floors import Bools, Institution, Ints, smallest
from tests.plain import HET, MISSING, MT, X, Y

Floats = NDArray[np.float64]

HAPLOID, UNCALLED = ("HAP_REF", "HAP_ALT"), ("MISSING", "ABSENT")
NOBODY = ""  # in the place of a class: the chromosome is not theirs
DOSAGE_OF = {genotype: d for d, classes in enumerate(DOSAGE) for genotype in classes}
POWERS = {"N": (0, 0), "SX": (1, 0), "SY": (0, 1), "SXX": (2, 0), "SYY": (0, 2), "SXY": (1, 1)}
GROUP_OF = {"2": CASES, "1": CONTROLS}


class Person(NamedTuple):
    """Somebody in a group, with a genotype class at one variant or two."""

    group: str
    male: bool
    at: tuple[str, ...]

    @property
    def called(self) -> bool:
        """Whether there is a genotype; of an opened pair there are both or none."""
        return self.at[0] in CALLED


def has_one_copy(chrom: str, *, male: bool) -> bool:
    """Whether people have one copy of a chromosome."""
    return chrom in {Y, MT} or (chrom == X and male)


def anybody(chroms: Sequence[str], groups: Sequence[str]) -> list[Person]:
    """All persons at a variant, or at an opened pair: who has one genotype has the other."""
    return [
        Person(group, male, at)
        for group, male in product(groups, (True, False))
        for at in product(*(_classes(chrom, male=male) for chrom in chroms))
        if len({genotype in CALLED for genotype in at}) == 1
    ]


def _classes(chrom: str, *, male: bool) -> tuple[str, ...]:
    if chrom == Y and not male:
        return (NOBODY,)
    return (*(HAPLOID if has_one_copy(chrom, male=male) else DIPLOID), *UNCALLED)


def how_many(
    owner: Institution, rows: Sequence[int], people: Sequence[Person], groups: Sequence[str]
) -> Ints:
    """An institution's number of each person (n,) at these variants.

    Raises:
        KeyError: somebody is none of them.
    """
    plain, place = owner.plain, {person: n for n, person in enumerate(people)}
    counts = np.zeros(len(people), np.int64)
    at = zip(*(_classes_at(owner, row) for row in rows), strict=True)
    for phenotype, sex, genotypes in zip(plain.phenotype, plain.sex, at, strict=True):
        group = ALL if ALL in groups else GROUP_OF.get(phenotype)
        if group is not None:
            counts[place[Person(group, bool(sex == "1"), genotypes)]] += 1
    return counts


def _classes_at(owner: Institution, row: int) -> Iterator[str]:
    plain, has = owner.plain, owner.has[row]
    of_all = zip(plain.genotypes[row], plain.haploid[row], plain.eligible[row], strict=True)
    for genotype, one_copy, eligible in of_all:
        if not eligible:
            yield NOBODY
        elif not has:
            yield "ABSENT"
        elif genotype == MISSING or (one_copy and genotype == HET):
            yield "MISSING"
        else:
            yield HAPLOID[genotype // 2] if one_copy else DIPLOID[genotype]


def counted(form: Mapping[str, int], people: Sequence[Person], place: int = 0) -> Ints:
    """What a form of the genotype counts of one of the variants counts of every person."""
    return np.array([form.get(column(p.group, p.at[place]), 0) for p in people])


def paired(people: Sequence[Person]) -> dict[str, Ints]:
    """What a pair's sums count, and the numbers of people with each genotype at x and at y."""
    x, y = (np.array([DOSAGE_OF.get(p.at[i], -1) for p in people]) for i in range(2))
    there = (x >= 0) & (y >= 0)
    sums = {name: there * x**i * y**j for name, (i, j) in POWERS.items()}
    alone = {
        f"{side}.{genotype}": np.array([int(p.at[i] == genotype) for p in people])
        for i, side in enumerate("XY")
        for genotype in CALLED
    }
    return sums | alone


def sets(known: Ints) -> Ints:
    """The smallest sets of people (s, n) among the combinations of forms (f, n).

    Whatever the coefficients: a combination is determined by its values at as many persons as
    there are independent forms. 0 and 1 are tried at each of these, and given up as soon as the
    value at another person follows and is neither. Parts without a person in common are tried
    apart: the sets of each are those of all.
    """
    forms, same = np.unique(known, axis=1, return_inverse=True)
    _, R, order = qr(forms.astype(float), mode="economic", pivoting=True)
    rank = int((abs(np.diag(R)) > 1e-8).sum())
    follows = np.linalg.lstsq(forms[:, order[:rank]], forms, rcond=None)[0]  # (rank, n)
    follows[abs(follows) < 1e-9] = 0
    parts, part = connected_components((follows != 0) @ (follows != 0).T)
    found = [_tried(follows[part == n]) for n in range(parts)]
    return np.concatenate(found)[:, same.ravel()]


def _tried(follows: Floats) -> Ints:
    """The smallest sets among the sums of rows (rank, n) that are alone in a column each."""
    tried = np.zeros((1, len(follows)))
    for place, known_by_now in _in_turn(follows != 0):
        tried = np.concatenate([tried, tried + np.eye(len(follows))[place]])
        values = tried @ follows[:, known_by_now]
        tried = tried[(np.minimum(abs(values), abs(values - 1)) < 1e-6).all(axis=1)]
    vectors = np.rint(tried @ follows).astype(np.int64)
    return smallest(vectors[vectors.any(axis=1)]).reshape(-1, vectors.shape[1])


def _in_turn(needs: Bools) -> Iterator[tuple[int, Bools]]:
    """The rows' places in an order in which columns (rank, n) are complete early, with those."""
    chosen = np.zeros(len(needs), np.bool_)
    while not chosen.all():
        missing = (needs & ~chosen[:, None]).sum(axis=0)
        nearest = np.where(missing > 0, missing, len(needs) + 1).argmin()
        for place in np.flatnonzero(needs[:, nearest] & ~chosen):
            chosen[place] = True
            yield int(place), np.asarray(~needs[~chosen].any(axis=0))
