"""Who the people of a simulated cohort are: institution, ancestry, sex and phenotype."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.simulate.founders import POPULATIONS

ANCESTRY = (0.6, 0.25, 0.15)  # fractions at the first institution; rotated for each next one
CASE, CONTROL, NO_PHENOTYPE = 2, 1, -9


@dataclass(frozen=True)
class People:
    """Everybody, institution after institution; the family's name is the sample's.

    institutions  their names
    edges         (institutions + 1,) int64, where each institution's people begin and end
    iid           (N,) sample names
    ancestry      (N,) int64, index in POPULATIONS
    male          (N,) bool
    """

    institutions: tuple[str, ...]
    edges: NDArray[np.int64]
    iid: list[str]
    ancestry: NDArray[np.int64]
    male: NDArray[np.bool_]

    @property
    def institution(self) -> NDArray[np.int64]:
        """Index of everybody's institution, (N,)."""
        return np.repeat(np.arange(len(self.institutions)), np.diff(self.edges))

    def parts(self) -> Iterator[tuple[str, int, int]]:
        """Yield name, first person and end of every set of files: each institution, then pooled."""
        yield from zip(
            self.institutions, self.edges[:-1].tolist(), self.edges[1:].tolist(), strict=True
        )
        yield "pooled", 0, len(self.iid)


def draw_people(
    people: int,
    institutions: tuple[str, ...],
    shares: tuple[float, ...] | None,
    rng: np.random.Generator,
) -> People:
    """Draw `people`; raises InputError where names, shares or their number make no cohort."""
    weights = np.array(shares or (1.0,) * len(institutions))
    names = {*institutions, "pooled"}
    if not institutions or len(names) != len(institutions) + 1:
        raise InputError(f"institutions must differ and none be 'pooled': {institutions}")
    for name in institutions:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise InputError(f"institution {name!r}: letters, digits, _ and - make a name")
    if len(weights) != len(institutions) or (weights <= 0).any():
        raise InputError(f"{len(institutions)} institutions need as many positive shares: {shares}")
    ends = np.round(people * np.cumsum(weights) / weights.sum()).astype(np.int64)
    edges = np.concatenate([[0], ends])
    if (np.diff(edges) < 1).any():
        raise InputError(f"{people} people leave an institution empty")
    iid, ancestry = [], []
    for i, (name, size) in enumerate(zip(institutions, np.diff(edges).tolist(), strict=True)):
        iid += [f"{name}{k:06d}" for k in range(1, size + 1)]
        ancestry.append(rng.choice(len(POPULATIONS), size, p=np.roll(ANCESTRY, i)))
    male = rng.random(people) < 0.5
    return People(institutions, edges, iid, np.concatenate(ancestry), male)


def phenotype(
    everybody: People,
    genetic: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    heritability: float,
    cases: float,
    stratification: float,
    missing: float,
) -> NDArray[np.int64]:
    """Return CASE, CONTROL or NO_PHENOTYPE (N,) by a liability model.

    Liability = `genetic` (N,) of variance `heritability`, noise up to variance 1, and a shift by
    institution from -stratification to stratification; the highest fraction are `cases`.
    """
    people = len(everybody.iid)
    shift = np.linspace(-stratification, stratification, len(everybody.institutions))
    noise = rng.normal(0.0, np.sqrt(1.0 - heritability), people)
    liability = genetic + noise + shift[everybody.institution]
    status = np.full(people, CONTROL)
    status[np.argsort(liability, kind="stable")[people - round(cases * people) :]] = CASE
    status[rng.permutation(people)[: round(missing * people)]] = NO_PHENOTYPE
    return status


def write_people(out: Path, everybody: People, status: NDArray[np.int64]) -> None:
    """Write the .fam and .pheno.tsv files and people.tsv."""
    names = [f"{iid}\t{iid}" for iid in everybody.iid]
    sex = np.where(everybody.male, 1, 2).tolist()
    codes = status.tolist()
    fam = [f"{n}\t0\t0\t{s}\t{c}" for n, s, c in zip(names, sex, codes, strict=True)]
    pheno = [f"{n}\t{c}" for n, c in zip(names, codes, strict=True)]
    for name, start, stop in everybody.parts():
        write_lines(out / f"{name}.fam", fam[start:stop])
        if name != "pooled":
            write_lines(out / f"{name}.pheno.tsv", ["FID\tIID\tCC", *pheno[start:stop]])
    places = [
        f"{name}\t{everybody.institutions[i]}\t{POPULATIONS[a]}"
        for name, i, a in zip(
            names, everybody.institution.tolist(), everybody.ancestry.tolist(), strict=True
        )
    ]
    write_lines(out / "people.tsv", ["FID\tIID\tINSTITUTION\tANCESTRY", *places])


def write_lines(path: Path, lines: list[str]) -> None:
    """Write text lines, each ended by a newline."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
