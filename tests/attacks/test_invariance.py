"""Results follow from joint totals alone: other people with the same totals, the same bytes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import studies
from tests.attacks.cohorts import CHROM, COHORTS, ENTRIES, Cohort, lay_out, run
from tests.outcomes import everybody

Change = Callable[[Cohort], Cohort]
RNG_SEED = 20


def alike(own: Cohort) -> Iterator[NDArray[np.int64]]:
    """People of one phenotype and sex, for whom every count is the same."""
    kinds = np.stack([own.sex, own.phenotype])
    for kind in np.unique(kinds, axis=1).T:
        yield np.flatnonzero((kinds == kind[:, None]).all(axis=0))


def shuffle_variants(own: Cohort) -> Cohort:
    """Every variant's genotypes among the people of a kind: counts stay, pairs do not."""
    rng, genotypes = np.random.default_rng(RNG_SEED), own.genotypes.copy()
    for people in alike(own):
        genotypes[:, people] = rng.permuted(genotypes[:, people], axis=1)
    return replace(own, genotypes=genotypes)


def shuffle_chromosomes(own: Cohort) -> Cohort:
    """Whole chromosomes among the people of a kind: pairs on a chromosome stay."""
    rng, genotypes = np.random.default_rng(RNG_SEED), own.genotypes.copy()
    for people in alike(own):
        for chrom in np.unique(CHROM):
            rows = np.flatnonzero(chrom == CHROM)
            genotypes[np.ix_(rows, people)] = genotypes[np.ix_(rows, rng.permutation(people))]
    return replace(own, genotypes=genotypes)


def change_people_left_out(own: Cohort) -> Cohort:
    """All genotypes and the sex of those without a phenotype, who take no part."""
    rng, genotypes = np.random.default_rng(RNG_SEED), own.genotypes.copy()
    out = ~np.isin(own.phenotype, (1, 2))
    genotypes[:, out] = rng.integers(0, 4, (len(CHROM), out.sum()))
    return replace(own, genotypes=genotypes, sex=np.where(out, 2 - own.sex, own.sex))


def reorder_people(own: Cohort) -> Cohort:
    order = np.random.default_rng(RNG_SEED).permutation(len(own.sex))
    return replace(
        own, genotypes=own.genotypes[:, order], sex=own.sex[order], phenotype=own.phenotype[order]
    )


def results(folder: Path, cohorts: dict[str, Cohort], rules: studies.Rules, window: int) -> bytes:
    """Every byte of every result table of every party."""
    plan = lay_out(folder, cohorts, rules=rules, entries=ENTRIES, window=window)
    everybody(run(plan, out=folder / "out"))
    return b"".join(
        name.encode() + data for name, data in sorted(studies.tables(folder / "out").items())
    )


@pytest.mark.parametrize("rules", [studies.Rules(), studies.CLEAR], ids=lambda rules: rules.engine)
@pytest.mark.parametrize("at", ["A", "C"])
@pytest.mark.parametrize(
    ("change", "window"),
    [
        (shuffle_variants, 0),
        (shuffle_chromosomes, 6),
        (change_people_left_out, 6),
        (reorder_people, 6),
    ],
    ids=lambda x: getattr(x, "__name__", f"window{x}"),
)
def test_individuals_with_the_same_totals_give_the_same_bytes(
    change: Change, window: int, at: str, rules: studies.Rules, tmp_path: Path
) -> None:
    other = change(COHORTS[at])
    assert (other.genotypes != COHORTS[at].genotypes).mean() > 0.03
    expected = results(tmp_path / "one", COHORTS, rules, window)
    assert results(tmp_path / "two", {**COHORTS, at: other}, rules, window) == expected


def test_other_totals_give_other_bytes(tmp_path: Path) -> None:
    """So that the comparison above compares something: one genotype, and one pair."""
    own = COHORTS["B"]
    (person,) = np.flatnonzero((own.phenotype == 2) & (own.sex == 2))[:1]
    genotypes = own.genotypes.copy()
    genotypes[3, person] = 3 - genotypes[3, person]
    one_changed = {**COHORTS, "B": replace(own, genotypes=genotypes)}
    rules = studies.Rules()
    expected = results(tmp_path / "base", COHORTS, rules, 6)
    assert results(tmp_path / "changed", one_changed, rules, 6) != expected
    pairs_changed = {**COHORTS, "B": shuffle_variants(own)}
    assert results(tmp_path / "pairs", pairs_changed, rules, 6) != expected
