"""Cochran-Armitage trend test with weights 0, 1, 2, one variant at a time.

Learned   jointly: cases, controls, alt alleles of cases and of all, and the sum of squared dosages.
local     seven genotype counts of cases and of controls                  T_i  (m, 14)
secure    1. [T] <- sum_i [T_i]                                           the shared input
          2. passing: N (N S1 - R S)^2 > t R (N - R) (N Q - S^2)          3 rounds and a comparison
             statistic: open chi2 alone and rounded                       rounded.Rounded
          3. [R], [N - R], [S1], [S], [Q] <- forms of [T]                 local
          4. open them                                                    1 round
public    chi2 = N (N S1 - R S)^2 / (R (N - R) (N Q - S^2)) with 1 df, undefined if a factor below
          is 0; R cases of N people, S the sum of dosages, S1 that of cases, Q of squared dosages
Range     Q <= 4 N: Z_2^32 up to N = 2^22; in public N S1, N Q, S^2 <= 4 N^2 = 2^46, exact in 64
          bits; passing: N Q - S^2 <= N^2, R (N - R) <= N^2 / 4 and chi2 <= N, so that both sides
          are at most N^5 / 4 = 2^108.
Papers    Armitage, Tests for linear trends in proportions and frequencies, 1955

Two copies only: on X females and people of unknown sex, nothing on Y and MT (PLINK 1.90b6.26).
"""

import numpy as np

from mpcgen.protocols import case_control
from mpcgen.protocols.case_control import (
    COUNTS,
    CaseControlTest,
    Opened,
    Outcome,
    above,
    where_defined,
)
from mpcgen.protocols.distributions import ln_p_1df
from mpcgen.protocols.genotype_counts import CASES, CONTROLS, DIPLOID, form
from mpcgen.protocols.statistic import Sums, ratio
from mpcgen.protocols.threshold import Ratio, minus

_PEOPLE = dict.fromkeys(DIPLOID, 1)
_DOSAGE = {"HET": 1, "HOM_ALT": 2}
_SQUARE = {"HET": 1, "HOM_ALT": 4}

DOSAGE_SUMS = Sums(
    "dosages",
    COUNTS,
    {
        "CASES": form(_PEOPLE, CASES),
        "CONTROLS": form(_PEOPLE, CONTROLS),
        "A1_CASE": form(_DOSAGE, CASES),
        "A1": form(_DOSAGE, CASES, CONTROLS),
        "SQUARES": form(_SQUARE, CASES, CONTROLS),
    },
)

_R, _C = form(_PEOPLE, CASES), form(_PEOPLE, CONTROLS)
_N, _S, _Q = (form(x, CASES, CONTROLS) for x in (_PEOPLE, _DOSAGE, _SQUARE))
CHISQ = Ratio(
    COUNTS,
    u=((_N, form(_DOSAGE, CASES)), (minus(_R), _S)),
    v=((_R, _C),),
    w=((_N, _Q), (minus(_S), _S)),
    n=_N,
    limit=lambda people: people,
    largest=lambda people: people**4 // 4,
)


def _public(opened: Opened) -> Outcome:
    R, controls, S1, S, Q = opened[DOSAGE_SUMS.name].values()
    N = R + controls
    score = (N * S1 - R * S).astype(np.float64)
    chisq = ratio(N * score**2, (R * controls).astype(np.float64) * (N * Q - S * S))
    alleles = (S1, 2 * R, S - S1, 2 * controls)
    return Outcome(alleles, N, chisq, where_defined(1, chisq), ln_p_1df(chisq))


TREND = CaseControlTest(
    "trend",
    "TREND",
    (DOSAGE_SUMS,),
    True,
    _public,
    above(CHISQ, "trend"),
    {case_control.CHISQ: CHISQ},
)
