"""p-values in log space, exact however small, and the genomic-control factor.

With z = sqrt(x / 2) the upper tails of chi-squared are

    1 df   p = erfc(z),   ln p = ln(1 - erf(z))    for small z, where p is close to 1
                               = -z^2 - ln(z sqrt(pi)) + ln(1 - u + 3 u^2 - 15 u^3 + ...)
                                                   for large z, with u = 1 / (2 z^2)
    2 df   p = exp(-x / 2)

(Abramowitz and Stegun 7.1.23, 26.4.4). The relative error of ln p is a few units of 1e-16 for every
finite x >= 0. scipy has these functions too, but loading it takes
longer than a hundred thousand tests.
"""

import math
from collections.abc import Callable

import numpy as np

from mpcgen.protocols.statistic import Floats

LN_10 = 2.302585092994046
MEDIAN_CHI2_1DF = 0.454936423119572  # the square of the normal distribution's upper quartile
Z_975 = 1.959963984540054  # 97.5 % point of the normal distribution: 95 % confidence intervals

_SMALL = 0.5  # below this z, p > 0.47 and ln(1 - erf(z)) is the accurate form
_LARGE = 25.0  # beyond this z, p < 1e-273 leaves float64, and the series ends below 1e-16
_SERIES = (10395.0, -945.0, 105.0, -15.0, 3.0, -1.0, 1.0)  # of u^6 to 1


def ln_p_1df(x: Floats) -> Floats:
    """Natural logarithm of the upper tail of chi-squared with 1 degree of freedom.

    Args:
        x: (m,) finite and not negative, or NaN, which stays NaN.
    """
    z = np.sqrt(x) * np.sqrt(0.5)
    small, large = z < _SMALL, z > _LARGE
    ln_p = np.empty(len(z))
    ln_p[small] = np.log1p(-_each(math.erf, z[small]))
    ln_p[~small] = np.log(_each(math.erfc, np.minimum(z[~small], _LARGE)))
    ln_p[large] = _ln_p_large(x[large], z[large])
    return ln_p


def _ln_p_large(x: Floats, z: Floats) -> Floats:
    series: Floats = np.log(np.polyval(_SERIES, 1 / x))
    return series - np.log(z * math.sqrt(math.pi)) - x / 2


def _each(function: Callable[[float], float], values: Floats) -> Floats:
    """A function of the C library, which NumPy has not, of each value (m,)."""
    return np.fromiter(map(function, values.tolist()), np.float64, len(values))


def ln_p_2df(x: Floats) -> Floats:
    """Natural logarithm of the upper tail of chi-squared with 2 degrees of freedom; as ln_p_1df."""
    return -x / 2


def critical(p: float, df: int) -> float:
    """The chi-squared value with 1 or 2 degrees of freedom whose upper tail is p."""
    ln_p = np.log([p])
    return float((_quantile_1df(ln_p) if df == 1 else -2 * ln_p)[0])


def upper_tail(x: float, df: int) -> float:
    """The p-value of a chi-squared value with 1 or 2 degrees of freedom."""
    ln_p = (ln_p_1df if df == 1 else ln_p_2df)(np.array([x]))
    return math.exp(ln_p[0])


def neg_log10(ln_p: Floats) -> Floats:
    """-log10 p from ln p (m,)."""
    return np.abs(ln_p) / LN_10  # abs: no -0.0 where p = 1


def genomic_control_lambda(chisq: Floats, df: Floats) -> float:
    """Median of the defined chi-squared values (m,) over the median under no association.

    A value with 2 degrees of freedom (m,) counts as that with 1 of the same p. NaN where none is
    defined. Devlin and Roeder, Genomic Control for Association Studies, Biometrics 1999.
    """
    defined = ~np.isnan(chisq)
    values, two = chisq[defined].astype(np.float64), df[defined] == 2
    if two.any():
        values[two] = _quantile_1df(ln_p_2df(values[two]))
    return _median(values) / MEDIAN_CHI2_1DF if len(values) else float("nan")


def _median(values: Floats) -> float:
    """np.median, which loads masked arrays first, of (m,) values."""
    middle = [(len(values) - 1) // 2, len(values) // 2]
    low, high = np.partition(values, middle)[middle]
    return float(low + high) / 2


def _quantile_1df(ln_p: Floats) -> Floats:
    """The chi-squared value with 1 degree of freedom whose upper tail is p; ln p (m,)."""
    from scipy.special import ndtri_exp  # noqa: PLC0415

    z: Floats = ndtri_exp(ln_p - np.log(2))
    return z * z
