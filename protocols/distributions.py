"""p-values in log space, exact however small, and the genomic-control factor.

With z = sqrt(x / 2) the upper tails of chi-squared are

    1 df   p = erfc(z),      ln p = ln erfcx(z) - z^2   (both terms negative: nothing cancels)
                                  = ln(1 - erf(z))      for small z, where p is close to 1
    2 df   p = exp(-x / 2)

with erfcx(z) = exp(z^2) erfc(z) (Abramowitz and Stegun 7.1, 26.4.4). The relative error of ln p is
a few units of 1e-16 for every finite x >= 0.
"""

import numpy as np

from mpcgen.protocols.statistic import Floats

LN_10 = 2.302585092994046
MEDIAN_CHI2_1DF = 0.454936423119572  # the square of the normal distribution's upper quartile
Z_975 = 1.959963984540054  # 97.5 % point of the normal distribution: 95 % confidence intervals

_SMALL = 0.5  # below this z, p > 0.47 and ln(1 - erf(z)) is the accurate form


def ln_p_1df(x: Floats) -> Floats:
    """Natural logarithm of the upper tail of chi-squared with 1 degree of freedom.

    Args:
        x: (m,) finite and not negative, or NaN, which stays NaN.
    """
    from scipy.special import erf, erfcx  # noqa: PLC0415

    z = np.sqrt(x) * np.sqrt(0.5)
    near: Floats = np.log1p(-erf(np.minimum(z, _SMALL)))
    far: Floats = np.log(erfcx(z)) - x / 2
    return np.where(z < _SMALL, near, far)


def ln_p_2df(x: Floats) -> Floats:
    """Natural logarithm of the upper tail of chi-squared with 2 degrees of freedom; as ln_p_1df."""
    return -x / 2


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
    return float(np.median(values)) / MEDIAN_CHI2_1DF if len(values) else float("nan")


def _quantile_1df(ln_p: Floats) -> Floats:
    """The chi-squared value with 1 degree of freedom whose upper tail is p; ln p (m,)."""
    from scipy.special import ndtri_exp  # noqa: PLC0415

    z: Floats = ndtri_exp(ln_p - np.log(2))
    return z * z
