"""Allelic, genotypic and trend tests, against PLINK on pooled data, scipy and their own laws."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mpcgen.protocols.association import TESTS, Association
from mpcgen.protocols.case_control import HAPLOID_CHROMOSOMES
from mpcgen.protocols.catalogue import from_options
from mpcgen.protocols.genotype_counts import CASES, CONTROLS
from mpcgen.protocols.statistic import Table
from tests.agreement import assert_agrees
from tests.one_party import Given, run
from tests.open_sets import NAMES, answer, institutions

COLUMNS = (
    "A1_CASE_CT", "CASE_ALLELE_CT", "A1_CTRL_CT", "CTRL_ALLELE_CT", "TEST", "OBS_CT", "CHISQ",
    "DF", "OR", "SE", "L95", "U95", "P", "NEG_LOG10_P",
)  # fmt: skip
OR, REST = {"OR": "OR"}, {"CHISQ": "CHISQ", "P": "P"}


def associations(data: Path, name: str) -> dict[str, Table]:
    owners = institutions(data, name)
    given = [Given(owner.counts) for owner in owners]
    return run(Association(tuple(TESTS)), given, owners[0].chrom)


def agree(table: Table, printed: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    for ours, theirs in columns.items():
        assert_agrees(table.columns[ours], printed[theirs])


@pytest.mark.parametrize("name", NAMES)
def test_allelic_is_plinks_assoc(open_data: Path, name: str) -> None:
    table = associations(open_data, name)["allelic"]
    assert tuple(table.columns) == COLUMNS
    counts = answer(open_data, name, "p1.counts.assoc")
    agree(table, counts, REST | OR)
    called = counts["C_A"] != "NA"
    assert not table.columns["OBS_CT"][~called].any()
    for ours, theirs in {"A1_CASE_CT": "C_A", "A1_CTRL_CT": "C_U"}.items():
        np.testing.assert_array_equal(
            table.columns[ours][called], counts[theirs][called].astype(int)
        )
    printed = answer(open_data, name, "p1.assoc")
    agree(table, printed, REST | OR | {column: column for column in ("SE", "L95", "U95")})
    with np.errstate(invalid="ignore"):
        F_A = table.columns["A1_CASE_CT"] / table.columns["CASE_ALLELE_CT"]
        F_U = table.columns["A1_CTRL_CT"] / table.columns["CTRL_ALLELE_CT"]
    assert_agrees(F_A, printed["F_A"])
    assert_agrees(F_U, printed["F_U"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("test", "label"), [("genotypic", "GENO"), ("trend", "TREND")])
def test_genotype_tests_are_plinks_model(open_data: Path, name: str, test: str, label: str) -> None:
    table = associations(open_data, name)[test]
    printed = answer(open_data, name, "p1.cell0.model")
    rows = printed["TEST"] == label
    chosen = {column: printed[column][rows] for column in ("SNP", "CHISQ", "DF", "P", "AFF")}
    np.testing.assert_array_equal(institutions(open_data, name)[0].ids[table.rows], chosen["SNP"])
    agree(table, chosen, REST | {"DF": "DF"})
    assert set(table.columns["TEST"].to_pylist()) == {label}
    if test == "genotypic":
        cells = [[int(count) for count in cell.split("/")] for cell in chosen["AFF"]]
        np.testing.assert_array_equal(table.columns["A1_CASE_CT"], np.array(cells) @ [2, 1, 0])
        np.testing.assert_array_equal(table.columns["CASE_ALLELE_CT"], 2 * np.sum(cells, axis=1))


def one(cases: tuple[int, ...], controls: tuple[int, ...], chrom: int = 1) -> dict[str, Any]:
    """Columns of every test of one variant, from counts of five called classes."""
    counts = Given(np.array([[(*cases, 0, 0), (*controls, 0, 0)]]))
    tables = run(Association(tuple(TESTS)), [counts], [chrom])
    return {
        name: {column: values[0] for column, values in table.columns.items() if len(values)}
        for name, table in tables.items()
    }


def test_undefined_values_stand_where_they_should() -> None:
    no_alt_in_cases = one((10, 0, 0, 0, 0), (8, 2, 0, 0, 0))["allelic"]
    assert no_alt_in_cases["OR"] == 0
    assert no_alt_in_cases["SE"] == np.inf
    assert no_alt_in_cases["L95"] == 0
    assert np.isnan(no_alt_in_cases["U95"])
    assert no_alt_in_cases["DF"] == 1
    no_alt_in_controls = one((8, 2, 0, 0, 0), (10, 0, 0, 0, 0))["allelic"]
    assert no_alt_in_controls["CHISQ"] > 0
    assert np.isnan([no_alt_in_controls[c] for c in ("OR", "SE", "L95", "U95")]).all()
    for no_margin in (one((10, 0, 0, 0, 0), (8, 0, 0, 0, 0)), one((3, 2, 1, 0, 0), (0,) * 5)):
        for test in no_margin.values():
            undefined = ("CHISQ", "DF", "OR", "SE", "L95", "U95", "P", "NEG_LOG10_P")
            assert np.isnan([test[column] for column in undefined]).all()


def test_an_empty_genotype_class_leaves_one_degree_of_freedom() -> None:
    ours = one((10, 5, 0, 0, 0), (20, 3, 0, 0, 0))["genotypic"]
    chisq, p, df, _ = stats.chi2_contingency([[10, 5], [20, 3]], correction=False)
    assert ours["DF"] == df == 1
    np.testing.assert_allclose([ours["CHISQ"], ours["P"]], [chisq, p], rtol=1e-12)


@pytest.mark.parametrize("chrom", HAPLOID_CHROMOSOMES)
def test_where_everybody_is_haploid_only_alleles_are_tested(chrom: int) -> None:
    tests = one((0, 0, 0, 10, 5), (0, 0, 0, 20, 3), chrom)
    assert not tests["genotypic"]
    assert not tests["trend"]
    assert tests["allelic"]["OBS_CT"] == tests["allelic"]["CASE_ALLELE_CT"] + 23 == 38


def test_males_on_x_count_once_and_only_with_the_alleles() -> None:
    tests = one((5, 4, 3, 7, 8), (6, 5, 4, 9, 2), chrom=23)
    assert tests["allelic"]["A1_CASE_CT"] == 4 + 2 * 3 + 8
    assert tests["allelic"]["CASE_ALLELE_CT"] == 2 * 12 + 15
    assert tests["trend"]["OBS_CT"] == tests["genotypic"]["OBS_CT"] == 27
    assert tests["trend"]["CASE_ALLELE_CT"] == 24


def test_strong_association_never_underflows() -> None:
    ours = one((1 << 20, 0, 0, 0, 0), (0, 0, 1 << 20, 0, 0))["trend"]
    assert ours["CHISQ"] == 1 << 21
    assert ours["P"] == 0
    # chi2 = x: -log10 p = (x / 2 + ln(x pi / 2) / 2 + 1 / x) / ln 10 up to O(x^-2)
    x = float(1 << 21)
    assert ours["NEG_LOG10_P"] == pytest.approx(
        (x / 2 + np.log(x * np.pi / 2) / 2 + 1 / x) / np.log(10), rel=1e-12
    )


cells = st.lists(st.integers(0, 300), min_size=6, max_size=6)


@given(cells)
def test_scipys_contingency_and_trend_agree(counts: list[int]) -> None:
    table = np.array(counts).reshape(2, 3)
    ours = one((*counts[:3], 0, 0), (*counts[3:], 0, 0))
    used = table[:, table.sum(axis=0) > 0]
    if (table.sum(axis=1) == 0).any() or used.shape[1] < 2:
        assert np.isnan(ours["genotypic"]["CHISQ"])
        assert np.isnan(ours["trend"]["CHISQ"])
        return
    chisq, _, df, _ = stats.chi2_contingency(used, correction=False)
    assert ours["genotypic"]["DF"] == df
    np.testing.assert_allclose(ours["genotypic"]["CHISQ"], chisq, rtol=1e-9, atol=1e-12)
    # The trend statistic is N times the squared correlation of status and dosage.
    status, dosage = np.repeat([[1, 1, 1, 0, 0, 0], [0, 1, 2] * 2], counts, axis=1)
    r = np.corrcoef(status, dosage)[0, 1]
    np.testing.assert_allclose(ours["trend"]["CHISQ"], len(status) * r**2, rtol=1e-9, atol=1e-9)


@given(cells)
def test_swapping_the_alleles_inverts_the_odds_ratio(counts: list[int]) -> None:
    cases, controls = tuple(counts[:3]), tuple(counts[3:])
    forth = one((*cases, 0, 0), (*controls, 0, 0))
    back = one((*cases[::-1], 0, 0), (*controls[::-1], 0, 0))
    for test in TESTS:
        for column in ("CHISQ", "NEG_LOG10_P", "OBS_CT", "DF"):
            np.testing.assert_allclose(
                forth[test][column], back[test][column], rtol=1e-9, atol=1e-9
            )
    for test in ("allelic", "cmh"):
        if forth[test]["OR"] > 0 and back[test]["OR"] > 0:
            assert forth[test]["OR"] * back[test]["OR"] == pytest.approx(1)
            assert forth[test]["SE"] == pytest.approx(back[test]["SE"])
            assert forth[test]["L95"] * back[test]["U95"] == pytest.approx(1)


def test_tests_share_what_they_open() -> None:
    all_four = from_options("association", {"tests": list(TESTS)}, (CASES, CONTROLS))
    assert {sums.name for sums in all_four.sums} == {"alleles", "genotypes", "dosages", "cmh"}
    assert [source.name for source in all_four.inputs] == ["genotype_counts", "cmh_terms"]
    only_allelic = from_options("association", {}, (CASES, CONTROLS))
    assert {sums.name for sums in only_allelic.sums} == {"alleles"}


@pytest.mark.parametrize(
    ("options", "groups", "words"),
    [
        ({}, ("all",), "needs a phenotype"),
        ({"tests": ["logistic"]}, (CASES, CONTROLS), "allelic, genotypic, trend, cmh; 'logistic'"),
        ({"test": ["trend"]}, (CASES, CONTROLS), 'unknown option "test"'),
    ],
)
def test_wrong_options(options: dict[str, object], groups: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_options("association", options, groups)


def test_sums_stay_in_range_where_the_study_is_as_large_as_can_be() -> None:
    """Brute force over the corners of the counts at N = 2^22, against Python's integers."""
    N = 1 << 22
    for source in Association(tuple(TESTS)).inputs:
        assert source.max_people() == N
    corners = [(0,) * i + (N // 2,) + (0,) * (4 - i) for i in range(5)]
    for cases in corners:
        for controls in corners:
            ours = one(cases, controls)
            a, cases_n, c, controls_n = (
                sum(w * x for w, x in zip(weights, group, strict=True))
                for group in (cases, controls)
                for weights in ((0, 1, 2, 0, 1), (2, 2, 2, 1, 1))
            )
            assert ours["allelic"]["A1_CASE_CT"] == a
            assert ours["allelic"]["CTRL_ALLELE_CT"] == controls_n
            b, d = cases_n - a, controls_n - c
            margins = cases_n * controls_n * (a + c) * (b + d)
            if margins:
                chisq = (cases_n + controls_n) * (a * d - b * c) ** 2 / margins
                assert ours["allelic"]["CHISQ"] == pytest.approx(chisq, rel=1e-14)
