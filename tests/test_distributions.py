"""p-values in log space, against constants of 20 digits (made with mpmath) and scipy."""

import math

import numpy as np
import pytest
from scipy import special, stats

from mpcgen.protocols.distributions import (
    LN_10,
    MEDIAN_CHI2_1DF,
    Z_975,
    genomic_control_lambda,
    ln_p_1df,
    ln_p_2df,
    neg_log10,
)

NEG_LOG10_P = {  # chi-squared with 1 df -> -log10 p
    5e-324: 7.7022338674899665144e-163,
    1e-300: 3.4651686195248404519e-151,
    1e-20: 3.4651686196630805405e-11,
    1e-8: 0.000034653068613299597087,
    0.001: 0.011096562482616877952,
    0.3: 0.23367460006529787414,
    0.4999: 0.31917147996689058807,
    0.5: 0.31921127782572033173,
    0.5001: 0.3192510733618270297,
    1.0: 0.49851554582798930482,
    3.841458820694124: 1.3010299956639806963,
    30.0: 7.3644697039531472581,
    1e3: 218.7457341042050113,
    1249.0: 272.863592126788521746,
    1251.0: 273.298233490664649663,
    1400.0: 305.677570946969740613,
    1e4: 2173.5705128733703953,
    1e6: 217150.3390119987223,
    1e100: 2.1714724095162591728e99,
    1e308: 2.1714724095162591621e307,
}


def test_one_degree_of_freedom_at_any_size() -> None:
    ours = neg_log10(ln_p_1df(np.array(list(NEG_LOG10_P))))
    np.testing.assert_allclose(ours, list(NEG_LOG10_P.values()), rtol=1e-14, atol=0)


@pytest.mark.parametrize("joint", [0.5, 1250.0])
def test_the_two_forms_meet(joint: float) -> None:
    x = joint + np.spacing(joint) * np.array([-8, 8])
    below, above = neg_log10(ln_p_1df(x))
    assert math.isclose(below, above, rel_tol=1e-14)


@pytest.mark.parametrize(("df", "ln_p"), [(1, ln_p_1df), (2, ln_p_2df)])
def test_scipy_agrees_where_it_is_good(df, ln_p) -> None:  # type: ignore[no-untyped-def]
    x = np.geomspace(0.01, 600, 1000)
    np.testing.assert_allclose(ln_p(x), stats.chi2.logsf(x, df), rtol=1e-11)


@pytest.mark.parametrize("ln_p", [ln_p_1df, ln_p_2df])
def test_the_edges(ln_p) -> None:  # type: ignore[no-untyped-def]
    ours = neg_log10(ln_p(np.array([0.0, np.nan])))
    assert ours[0] == 0
    assert not np.signbit(ours[0])
    assert np.isnan(ours[1])


def test_constants() -> None:
    assert math.isclose(LN_10, math.log(10), rel_tol=1e-15)
    assert math.isclose(Z_975, stats.norm.ppf(0.975), rel_tol=1e-15)
    assert math.isclose(MEDIAN_CHI2_1DF, stats.chi2.median(1), rel_tol=1e-12)


def test_lambda_is_one_under_no_association_and_ignores_undefined_values() -> None:
    chisq = stats.chi2.ppf((np.arange(999) + 0.5) / 999, 1)
    with_holes = np.concatenate([chisq, [np.nan, np.nan]])
    assert genomic_control_lambda(with_holes, np.ones(len(with_holes))) == pytest.approx(
        1, rel=1e-9
    )
    assert genomic_control_lambda(1.25 * chisq, np.ones(len(chisq))) == pytest.approx(
        1.25, rel=1e-9
    )
    assert math.isnan(genomic_control_lambda(np.array([np.nan]), np.array([np.nan])))


def test_lambda_of_two_degrees_of_freedom_is_on_the_scale_of_one() -> None:
    """The null of every test is 1, also where some variants have 1 df and others 2."""
    null = (np.arange(99_999) + 0.5) / 99_999
    two = stats.chi2.isf(null, 2)
    df = np.full(len(two), 2.0)
    assert genomic_control_lambda(two, df) == pytest.approx(1, rel=1e-9)
    df[::2], two[::2] = 1, stats.chi2.isf(null[::2], 1)
    assert genomic_control_lambda(two, df) == pytest.approx(1, rel=1e-4)
    extreme = np.array([5000.0, 5000.0, 5000.0])
    same = special.ndtri_exp(-2500 - np.log(2)) ** 2 / MEDIAN_CHI2_1DF
    assert genomic_control_lambda(extreme, np.full(3, 2.0)) == pytest.approx(same, rel=1e-9)
