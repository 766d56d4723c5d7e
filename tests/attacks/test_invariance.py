"""What takes no part in a study leaves no trace in any byte of its results.

That people who do take part matter only by their joint totals is shown in test_same_results.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests import studies
from tests.attacks.cohorts import COHORTS, Cohort, lay_out, run
from tests.outcomes import everybody

RNG_SEED = 20


def other_people_left_out(own: Cohort) -> Cohort:
    """Other genotypes and sex of those without a phenotype."""
    rng, genotypes = np.random.default_rng(RNG_SEED), own.genotypes.copy()
    out = ~np.isin(own.phenotype, (1, 2))
    genotypes[:, out] = rng.integers(0, 4, (len(genotypes), out.sum()))
    return replace(own, genotypes=genotypes, sex=np.where(out, 2 - own.sex, own.sex))


def without_them(own: Cohort) -> Cohort:
    return people(own, np.flatnonzero(np.isin(own.phenotype, (1, 2))))


def in_another_order(own: Cohort) -> Cohort:
    return people(own, np.random.default_rng(RNG_SEED).permutation(len(own.sex)))


def people(own: Cohort, which: np.ndarray) -> Cohort:
    return replace(
        own, genotypes=own.genotypes[:, which], sex=own.sex[which], phenotype=own.phenotype[which]
    )


def results(folder: Path, cohorts: dict[str, Cohort], rules: studies.Rules) -> dict[str, bytes]:
    """The bytes of every result table of every party."""
    everybody(run(lay_out(folder, cohorts, rules=rules), out=folder / "out"))
    return studies.tables(folder / "out")


@pytest.mark.parametrize("rules", [studies.Rules(), studies.CLEAR], ids=lambda rules: rules.engine)
@pytest.mark.parametrize("at", ["A", "C"])
@pytest.mark.parametrize("change", [other_people_left_out, without_them, in_another_order])
def test_results_do_not_know(
    change: Callable[[Cohort], Cohort], at: str, rules: studies.Rules, tmp_path: Path
) -> None:
    expected = results(tmp_path / "one", COHORTS, rules)
    other = {**COHORTS, at: change(COHORTS[at])}
    assert results(tmp_path / "two", other, rules) == expected


def test_one_genotype_of_a_case_changes_them(tmp_path: Path) -> None:
    """So that the comparison above compares something."""
    own, rules = COHORTS["B"], studies.Rules()
    (person,) = np.flatnonzero((own.phenotype == 2) & (own.sex == 2))[:1]
    genotypes = own.genotypes.copy()
    genotypes[3, person] = 3 - genotypes[3, person]
    other = {**COHORTS, "B": replace(own, genotypes=genotypes)}
    expected = results(tmp_path / "one", COHORTS, rules)
    assert results(tmp_path / "two", other, rules) != expected
