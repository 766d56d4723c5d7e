"""Membership inference: the stated power against attacks, simulated and on real genotypes."""

from collections.abc import Callable
from math import sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import xlogy

from mpcgen.errors import InputError
from mpcgen.genome.sites import SiteList, read_sites
from mpcgen.study.membership import (
    HIGH,
    WINDOW,
    advice,
    independent_values,
    independent_variants,
    most_values,
    power,
)
from tests.plain import read_plain
from tests.site_lists import site_list

Floats = NDArray[np.float64]
Genotypes = NDArray[np.int64]
Attack = Callable[[Genotypes, Floats], Any]  # pool (n, m), population's frequencies -> (3, m)
NORMAL = NormalDist()
OTHERS = 5000
POOLS = 12


def of_alleles(pool: Genotypes, p: Floats) -> Any:
    """What each genotype adds to the log likelihood ratio, from allele frequencies."""
    f = pool.mean(0) / 2
    return np.stack([xlogy(g, f / p) + xlogy(2 - g, (1 - f) / (1 - p)) for g in range(3)])


def of_genotypes(pool: Genotypes, p: Floats) -> Any:
    """The same, from genotype frequencies."""
    seen = [np.maximum((pool == g).mean(0), 1e-9) for g in range(3)]
    return np.log(np.stack(seen) / np.stack([(1 - p) ** 2, 2 * p * (1 - p), p**2]))


def of_what_passes(pool: Genotypes, p: Floats) -> Any:
    """As of_alleles, of the variants whose chi-squared passes 4."""
    return np.where(chi_squared(pool, p) > 4, of_alleles(pool, p), 0)


def chi_squared(pool: Genotypes, p: Floats) -> Any:
    """Of a pool's allele counts against the population's frequencies."""
    return (pool.mean(0) / 2 - p) ** 2 * 2 * len(pool) / (p * (1 - p))


def found(attack: Attack, people: int, variants: int, rate: float = 1e-2) -> float:
    """The share of the people of POOLS pools whom an attack tells, its threshold from OTHERS."""
    rng = np.random.default_rng(people * variants)
    p = rng.uniform(0.05, 0.95, variants)

    def one_hot(genotypes: Genotypes) -> NDArray[np.float32]:
        return np.hstack([genotypes == g for g in range(3)]).astype(np.float32)

    others, told = one_hot(rng.binomial(2, p, (OTHERS, variants))), []
    for _ in range(POOLS):
        pool = rng.binomial(2, p, (people, variants))
        weights = attack(pool, p).ravel().astype(np.float32)
        threshold = np.quantile(others @ weights, 1 - rate)
        told.append((one_hot(pool) @ weights > threshold).mean())
    return float(np.mean(told))


def tolerance(beta: float, people: int, rate: float = 1e-2) -> float:
    """Four standard errors: binomial of those told, and of the threshold; 0.015 for the limit."""
    height = NORMAL.pdf(NORMAL.inv_cdf(rate))
    threshold = sqrt(rate * (1 - rate) / OTHERS) / height
    slope = NORMAL.pdf(NORMAL.inv_cdf(beta)) * threshold / sqrt(POOLS)
    return 4 * sqrt(beta * (1 - beta) / (people * POOLS) + slope**2) + 0.015


@pytest.mark.parametrize(
    ("attack", "values"), [(of_alleles, 1), (of_genotypes, 2)], ids=["alleles", "genotypes"]
)
@pytest.mark.parametrize(
    ("people", "variants"), [(50, 100), (100, 100), (100, 500), (200, 800), (300, 300)]
)
def test_the_power_is_that_of_the_attack(
    attack: Attack, values: int, people: int, variants: int
) -> None:
    beta = power(people, values * variants, 1e-2)
    assert found(attack, people, variants) == pytest.approx(beta, abs=tolerance(beta, people))


def test_it_is_people_that_count_and_not_chromosomes() -> None:
    """A pool of n people with two alleles each, or of n haploid ones: the same power."""
    people, variants = 150, 500
    rng = np.random.default_rng(3)
    p = rng.uniform(0.05, 0.95, variants)
    apart = []
    for copies in (1, 2):
        others = rng.binomial(copies, p, (OTHERS, variants))
        for _ in range(POOLS):
            pool = rng.binomial(copies, p, (people, variants))
            weight = (pool.mean(0) / copies - p) / (p * (1 - p))
            score = others @ weight
            apart.append(((pool @ weight).mean() - score.mean()) / score.std())
    means = np.reshape(apart, (2, POOLS)).mean(1)
    np.testing.assert_allclose(means, sqrt(variants / people), rtol=0.05)


def test_what_passes_counts_as_its_chi_squared() -> None:
    people, variants = 200, 800
    rng = np.random.default_rng(7)
    p = rng.uniform(0.05, 0.95, variants)
    chi2 = chi_squared(rng.binomial(2, p, (people, variants)), p)
    beta = power(people, chi2[chi2 > 4].sum(), 1e-2)
    assert beta > 3 * power(people, (chi2 > 4).sum(), 1e-2)
    assert found(of_what_passes, people, variants) == pytest.approx(beta, abs=0.05)


def test_pairs_add_one_number_each() -> None:
    """Products of standardised genotypes beside the genotypes: separation sqrt((m + P) / n)."""
    people, variants = 300, 40
    rng = np.random.default_rng(11)
    p = rng.uniform(0.1, 0.9, variants)
    first, second = np.triu_indices(variants, 1)

    def values(number: int) -> Floats:
        z = (rng.binomial(2, p, (number, variants)) - 2 * p) / np.sqrt(2 * p * (1 - p))
        return np.hstack([z, z[:, first] * z[:, second]])

    others, apart = values(OTHERS), []
    for _ in range(POOLS):
        pool = values(people)
        score = others @ pool.mean(0)
        apart.append(((pool @ pool.mean(0)).mean() - score.mean()) / score.std())
    opened = independent_values(variants, variants, genotypes=False, pairs=len(first))
    assert np.mean(apart) == pytest.approx(sqrt(opened / people), rel=0.05)


def test_extremes() -> None:
    for rate in HIGH:
        assert power(10**6, 0, rate) == pytest.approx(rate)
        assert power(10**6, 1, rate) == pytest.approx(rate, rel=0.01)
        assert power(1, 10**6, rate) == 1
        assert power(1, 1, rate) > rate
        grows = [power(people, 5000, rate) for people in (100000, 10000, 1000, 100)]
        assert grows == sorted(grows)


def test_the_formula_of_the_paper() -> None:
    beta = power(1000, 7000, 1e-4)
    z_alpha, z_power = NORMAL.inv_cdf(1 - 1e-4), NORMAL.inv_cdf(beta)
    assert z_alpha + z_power == pytest.approx(sqrt(7000 / 1000))


def test_most_values() -> None:
    values = most_values(700)
    powers = {rate: power(700, values, rate) for rate in HIGH}
    assert all(powers[rate] <= high + 1e-12 for rate, high in HIGH.items())
    assert any(powers[rate] == pytest.approx(high) for rate, high in HIGH.items())


def sites_at(chrom: list[int], pos: list[int]) -> SiteList:
    m = len(pos)
    return site_list(chrom, pos, map(str, range(m)), "A" * m, "C" * m)


def test_one_variant_a_window_and_chromosome() -> None:
    pos = [1, WINDOW - 1, WINDOW, 5 * WINDOW, 5 * WINDOW + 1]
    assert independent_variants(sites_at([1] * 5, pos)) == 3
    assert independent_variants(sites_at([1, 1, 2, 2, 2], pos)) == 3
    assert independent_variants(sites_at([1, 2, 3, 4, 23], pos)) == 5
    for alone in (24, 26):
        assert independent_variants(sites_at([alone] * 5, pos)) == 1
    dense = np.arange(1, 10 * WINDOW, 7).tolist()
    assert independent_variants(sites_at([6] * len(dense), dense)) == 10


def test_the_plan_states_the_number() -> None:
    sites = sites_at([1] * 4, [1, 2, 3, 4])
    assert independent_variants(sites, 2.5) == 2.5
    assert independent_variants(sites, 4) == 4
    for wrong in (0, -1, 5, float("nan"), float("inf")):
        with pytest.raises(InputError, match=f"above 0 and at most 4, .*, not {wrong}"):
            independent_variants(sites, wrong)


def test_values() -> None:
    assert independent_values(100, 1000, genotypes=False) == 100
    assert independent_values(100, 1000, genotypes=True) == 200
    assert independent_values(100, 1000, genotypes=True, pairs=50000) == pytest.approx(700)


@pytest.mark.parametrize("populations", [("GBR", "CEU", "TSI", "IBS"), ("YRI", "LWK")])
def test_the_window_on_real_genotypes(open_data: Path, populations: tuple[str, ...]) -> None:
    """An attack on people of 1000 Genomes separates as the number of windows says.

    Of one chromosome, variants above 1 %, pruned by PLINK. The reference is a sample too, which
    adds its own 1 / people to the noise.
    """
    data = open_data / "kgp1_chr22"
    people = [line.split() for line in (data / "pops.tsv").read_text().splitlines()[1:]]
    here = np.isin([row[2] for row in people], populations)
    pooled = read_plain(data / "pooled")
    pruned = (data / "oracle" / "p1.prune.in").read_text().split()
    genotypes = pooled.genotypes[:, here].astype(np.float64)
    p = genotypes.mean(1) / 2
    common = np.minimum(p, 1 - p) >= 0.01
    kept = common & np.isin(pooled.ids, pruned)
    p = p[kept, None]
    z = (genotypes[kept] - 2 * p) / np.sqrt(2 * p * (1 - p))
    related, rng, third = z.T @ z, np.random.default_rng(5), z.shape[1] // 3
    apart, variances = [], []
    for _ in range(200):
        pool, reference, others = np.split(rng.permutation(z.shape[1]), [third, 2 * third])
        score = related[pool].mean(0) - related[reference].mean(0)
        apart.append(score[pool].mean() - score[others].mean())
        variances.append(score[others].var(ddof=1))
    attacked = np.mean(apart) ** 2 / np.mean(variances) * 2 * third
    sites = read_sites(data / "pooled.bim").take(np.flatnonzero(common))
    assert 0.8 * attacked < independent_variants(sites) < 1.4 * attacked


def say(people: int, *releases: str, **options: Any) -> str:
    every = sites_at([1] * 3000, (1 + WINDOW * np.arange(3000)).tolist())
    return "\n".join(advice(every, people, releases, **{"genotypes": True} | options))


def test_advice_where_power_is_high() -> None:
    said = say(700, "totals", "passing")
    first, second = power(700, 6000, 1e-2), power(700, 6000, 1e-4)
    assert f"with probability {first:.2g} whether" in said
    assert f"one in 100, and with {second:.2g}, wrongly accusing one in 10,000" in said
    assert "of 70 people with probability over 0.99 and over 0.99" in said
    assert "genotype counts of 3,000 independent variants (estimated from the site list)" in said
    assert "This is high." in said
    assert f"at most {int(most_values(700) / 2):,} independent variants" in said
    assert "1,109 people: plan fewer sites" in said
    assert power(1109, 6000, 1e-2) <= 0.5 < power(1108, 6000, 1e-2)


def test_advice_where_power_is_low() -> None:
    said = say(50000, "totals", genotypes=False)
    assert f"with {power(50000, 3000, 1e-4):.2g}, wrongly" in said
    assert "This is high" not in said
    assert "It is high with fewer than 555 people." in said
    assert "allele counts of 3,000" in said


def test_advice_on_pairs_and_a_stated_number() -> None:
    said = say(50000, "totals", pairs=147000, stated=1500)
    assert "genotype counts and 147,000 pairs of 1,500 independent variants" in said
    assert "(as the plan states)" in said
    assert f"{power(50000, 2 * 1500 + 147000 / 4, 1e-2):.2g}" in said


def test_advice_where_totals_are_not_opened() -> None:
    passing = say(700, "passing")
    assert f"700 people that is high where these add up to {most_values(700):,.0f}." in passing
    assert "Whoever" not in passing


def test_one_person_has_no_tenth() -> None:
    assert "of 1 people with probability" in say(1, "totals")
