"""Cochran-Mantel-Haenszel over institutions, against `plink1.9 --mh` and statsmodels."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import StratifiedTable

from mpcgen.protocols.association import Association
from mpcgen.protocols.stratified import CMH_TERMS, FRACTION_BITS
from tests.agreement import assert_agrees
from tests.one_party import Given, run
from tests.open_sets import NAMES, answer, institutions


@pytest.mark.parametrize("name", NAMES)
def test_cmh_is_plinks_mh(open_data: Path, name: str) -> None:
    owners = institutions(open_data, name)
    table = run(Association(("cmh",)), [Given(o.counts) for o in owners], owners[0].chrom)["cmh"]
    printed = answer(open_data, name, "p1.site.cmh")
    # Where the institutions' deviations cancel, PLINK prints what is left of its rounding.
    chisq = np.where(np.char.find(printed["CHISQ"].astype(str), "e-2") > 0, "0", printed["CHISQ"])
    assert_agrees(table.columns["CHISQ"], chisq)
    for column in ("P", "OR", "SE", "L95", "U95"):
        assert_agrees(table.columns[column], printed[column])


def haploid(a: int, b: int, c: int, d: int) -> Given:
    """An institution of haploid people with the table a b / c d of one variant."""
    return Given(np.array([[(0, 0, 0, b, a, 0, 0), (0, 0, 0, d, c, 0, 0)]]))


def cmh(tables: list[tuple[int, int, int, int]]) -> dict[str, Any]:
    table = run(Association(("cmh",)), [haploid(*t) for t in tables], [26])["cmh"]
    return {column: values[0] for column, values in table.columns.items()}


strata = st.lists(st.tuples(*[st.integers(0, 60)] * 4), min_size=1, max_size=5)


@given(strata)
def test_statsmodels_agrees(tables: list[tuple[int, int, int, int]]) -> None:
    assume(all(sum(t) > 1 for t in tables))
    ours = cmh(tables)
    if all((a + b) * (c + d) * (a + c) * (b + d) == 0 for a, b, c, d in tables):
        assert np.isnan(ours["CHISQ"])
        assert np.isnan(ours["OR"])
        return
    theirs = StratifiedTable([np.reshape(t, (2, 2)).astype(float) for t in tables])
    chisq = theirs.test_null_odds(correction=False).statistic
    np.testing.assert_allclose(ours["CHISQ"], chisq, rtol=1e-8, atol=1e-9)
    if all(a * d == 0 for a, _, _, d in tables) or all(b * c == 0 for _, b, c, _ in tables):
        assert np.isnan(ours["SE"])
        return
    np.testing.assert_allclose(ours["OR"], theirs.oddsratio_pooled, rtol=1e-9)
    np.testing.assert_allclose(ours["SE"], theirs.logodds_pooled_se, rtol=1e-9)
    low, high = theirs.oddsratio_pooled_confint(0.05)
    np.testing.assert_allclose([ours["L95"], ours["U95"]], [low, high], rtol=1e-8)


@given(strata, st.randoms(use_true_random=False))
def test_the_order_of_institutions_is_irrelevant(
    tables: list[tuple[int, int, int, int]], random: Any
) -> None:
    other = list(tables)
    random.shuffle(other)
    np.testing.assert_equal(cmh(tables), cmh(other))


def test_institutions_without_a_margin_add_nothing() -> None:
    tables = [(12, 30, 9, 40), (5, 17, 8, 11)]
    empty = [(0, 0, 3, 4), (3, 4, 0, 0), (0, 5, 0, 6), (5, 0, 6, 0), (0, 0, 0, 1), (0, 0, 0, 0)]
    alone, among = cmh(tables), cmh(tables + empty)
    for column in ("CHISQ", "OR", "SE", "L95", "U95", "P", "NEG_LOG10_P"):
        assert alone[column] == among[column]
    assert among["A1_CASE_CT"] == 12 + 5 + 3 + 5


def terms(a: int, b: int, c: int, d: int) -> list[int]:
    return [int(term) for term in CMH_TERMS.local(haploid(a, b, c, d))[0]]


def test_terms_are_rounded_once_and_stay_in_range() -> None:
    """At n = 2^23 alleles, over all corners and middles of the table, against exact fractions."""
    n = 1 << 23
    assert CMH_TERMS.max_people() == n // 2
    parts = (0, 1, 2, n // 4, n // 4 + 1, n // 2, n - 2, n)
    worst = 0
    for a in parts:
        for b in parts:
            for c in parts:
                d = n - a - b - c
                if d < 0:
                    continue
                ours = terms(a, b, c, d)
                R, S = Fraction(a * d, n), Fraction(b * c, n)
                V = Fraction((a + b) * (c + d) * (a + c) * (b + d), n * n * (n - 1))
                exact = (V, R, S, R * (a + d) / n, S * (b + c) / n)
                for rounded, term in zip(ours, exact, strict=True):
                    unit = Fraction(1, 1 << FRACTION_BITS)
                    allowed = unit * Fraction(501, 1000) + term / (1 << 51)
                    assert abs(rounded * unit - term) <= allowed
                worst = max(worst, *map(abs, ours))
    assert worst == CMH_TERMS.bound(n // 2) == 1 << 61
