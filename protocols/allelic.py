"""Allelic case-control association, one variant at a time.

Learned   the joint alleles and alt alleles of cases and of controls, and how many people have them.
local     seven genotype counts of cases and of controls                  T_i  (m, 14)
secure    1. [T] <- sum_i [T_i]                                           the shared input
          2. passing: n (ad - bc)^2 > t (a+b)(c+d)(a+c)(b+d)              3 rounds and a comparison
             statistic: open chi2, or ad / bc, alone and rounded          rounded.Rounded
          3. [a], [a + b], [c], [c + d], [people] <- forms of [T]         local
          4. open them                                                    1 round
public    chi2 = n (ad - bc)^2 / ((a+b)(c+d)(a+c)(b+d)) with 1 df, undefined if a margin is 0;
          OR = ad / bc, undefined if bc = 0; SE of ln OR = sqrt(1/a + 1/b + 1/c + 1/d), infinite
          if OR = 0; 95 % interval exp(ln OR -+ 1.96 SE)
Range     n <= 2 N alleles: totals in Z_2^32; in public, products of two margins and ad - bc are at
          most n^2 = 2^46 and exact in 64 bits; passing: (a+b)(c+d), (a+c)(b+d) <= n^2 / 4 = N^2
          and chi2 <= n, so that both sides are at most 2 N^5 = 2^111; a d, b c <= n^2 / 4 = N^2.
Papers    Woolf, On estimating the relation between blood group and disease, 1955 (SE)

Males count once on X; on Y and MT everybody counted does.
"""

import numpy as np

from mpcgen.protocols import case_control
from mpcgen.protocols.case_control import (
    COUNTS,
    CaseControlTest,
    OddsRatio,
    Opened,
    Outcome,
    above,
    where_defined,
)
from mpcgen.protocols.distributions import ln_p_1df
from mpcgen.protocols.genotype_counts import ALLELES, ALT_ALLELES, CASES, CONTROLS, PEOPLE, form
from mpcgen.protocols.rounded import ProductRatio
from mpcgen.protocols.statistic import Floats, Integers, Sums, ratio
from mpcgen.protocols.threshold import WIDE, Ratio, minus, plus

ALLELE_TABLE = Sums(
    "alleles",
    COUNTS,
    {
        "A1_CASE": form(ALT_ALLELES, CASES),
        "CASE_ALLELES": form(ALLELES, CASES),
        "A1_CTRL": form(ALT_ALLELES, CONTROLS),
        "CTRL_ALLELES": form(ALLELES, CONTROLS),
        "OBS": form(PEOPLE, CASES, CONTROLS),
    },
)

_CASES, _CONTROLS = form(ALLELES, CASES), form(ALLELES, CONTROLS)
_ALL, _ALT = plus(_CASES, _CONTROLS), form(ALT_ALLELES, CASES, CONTROLS)
CHISQ = Ratio(
    COUNTS,
    u=(
        (form(ALT_ALLELES, CASES), _CONTROLS),
        (minus(form(ALT_ALLELES, CONTROLS)), _CASES),
    ),
    v=((_CASES, _CONTROLS),),
    w=((_ALT, plus(_ALL, minus(_ALT))),),
    n=_ALL,
    limit=lambda people: 2 * people,
    largest=lambda people: people**4,
)
_A, _C = form(ALT_ALLELES, CASES), form(ALT_ALLELES, CONTROLS)
ODDS_RATIO = ProductRatio(
    COUNTS,
    p=((_A, plus(_CONTROLS, minus(_C))),),
    q=((plus(_CASES, minus(_A)), _C),),
    limit=lambda people: people**2,
    largest=lambda people: people**2,
    ring=WIDE,
)


def _public(opened: Opened) -> Outcome:
    a, cases, c, controls, people = opened[ALLELE_TABLE.name].values()
    b, d = cases - a, controls - c
    difference = (a * d - b * c).astype(np.float64)
    margins = (cases * controls).astype(np.float64) * ((a + c) * (b + d))
    chisq = ratio((cases + controls) * difference**2, margins)
    odds = OddsRatio(ratio(a * d, b * c), _woolf(a, b, c, d))
    one = where_defined(1, chisq)
    return Outcome((a, cases, c, controls), people, chisq, one, ln_p_1df(chisq), odds)


def _woolf(a: Integers, b: Integers, c: Integers, d: Integers) -> Floats:
    with np.errstate(divide="ignore"):
        se = np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return np.where(b * c == 0, np.nan, se)


ALLELIC = CaseControlTest(
    "allelic",
    "ALLELIC",
    (ALLELE_TABLE,),
    False,
    _public,
    above(CHISQ, "allelic"),
    {case_control.CHISQ: CHISQ, case_control.OR: ODDS_RATIO},
)
