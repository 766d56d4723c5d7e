"""Cochran-Mantel-Haenszel association with institutions as strata, one variant at a time.

Learned   the joint 2 x 2 table of alleles, and five sums over the institutions to 2^-40. These
          fractions give the institutions away: one of three that knows its own table and the
          others' group sizes has both others' tables from R alone (tried on hm3_pops as siteA: of
          up to 30,613 tables one was left, at each of 8 variants). Who stratifies by institution
          releases the institutions' tables, until the quotients are computed on shares.
local     institution i, with its alleles a, b, c, d (case alt, case ref, control alt, control ref),
          n of them, p = (a + d) / n, q = (b + c) / n:
          V = (a+b)(c+d)(a+c)(b+d) / (n^2 (n - 1)),  R = ad / n,  S = bc / n,  pR,  qS
          in fixed point with f = 40 fraction bits; 0 where n < 2         T_i  (m, 5)
secure    1. [T] <- sum_i [T_i], and the table from the genotype counts   the shared inputs
          2. passing: (R - S)^2 > t V                          1 round, comparisons, then 1 round
          3. open them                                                    1 round
public    a - E(a) of one institution is (ad - bc) / n = R - S, hence
          chi2 = (R - S)^2 / V with 1 df, undefined if V = 0;  OR = R / S, undefined if S = 0;
          SE^2 of ln OR = pR / 2R^2 + (pS + qR) / 2RS + qS / 2S^2, undefined if R = 0,
          with pS + qR = (R - pR) + (S - qS) since p + q = 1; 95 % interval exp(ln OR -+ 1.96 SE)
Range     ad, bc <= n^2 / 4, so R, S, pR, qS <= n / 4; V <= n^2 / 16(n - 1) <= n / 8. As n 2^f / 4
          is an integer, rounding keeps an institution's terms at or below it, and joint totals of
          2 N alleles at or below N 2^39: 2^61 at N = 2^22, in Z_2^64 with a sign bit and one to
          spare.
          passing, in units of 2^-80: V <= N 2^78, and (R - S)^2 <= (N 2^39)^2 = 2^122: two
          comparisons beyond N = 2^16.5 (see `exceeds`). chi2 <= 2 N, by Cauchy and Schwarz, since
          an institution's is at most n - 1.
          n <= 2^23: ad <= 2^44, (a + b)(c + d) <= 2^44, exact in 64 bits before they are divided.
Error     float64 gives each term to 2^-51 relative, rounding to 2^-41 absolute, so that a joint sum
          of s institutions is off by at most s 2^-41. What is not 0 is at least about 1 / n, never
          rounded to 0: a singleton's V among n alleles is good to s n 2^-41 relative. Against exact
          fractions chi2, OR and SE were within 5e-11 relative at 2^17 to 2^22 people, 0.01 to 50 %
          cases and alt frequencies from 1e-5 to 0.5.
Papers    Mantel and Haenszel 1959; Robins, Breslow and Greenland, Estimators of the Mantel-Haenszel
          variance consistent in both sparse data and large-strata limiting models, 1986 (SE)

As `plink1.9 --mh`: no continuity correction; an institution whose table has an empty margin adds
nothing to any sum.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mpcgen.abb import Box
from mpcgen.protocols.allelic import ALLELE_TABLE
from mpcgen.protocols.case_control import (
    CaseControlTest,
    OddsRatio,
    Opened,
    Outcome,
    chi2_above,
    where_defined,
)
from mpcgen.protocols.distributions import critical, ln_p_1df
from mpcgen.protocols.genotype_counts import ALLELES, ALT_ALLELES, CLASSES
from mpcgen.protocols.statistic import Floats, Input, Integers, Local, Sums, Threshold, ratio
from mpcgen.protocols.threshold import Bound, exceeds, linears, wide_bound
from mpcgen.ring import Z2_64
from mpcgen.secret import Secret

FRACTION_BITS = 40
TERMS = ("V", "R", "S", "PR", "QS")

_ALT = np.array([ALT_ALLELES.get(genotype, 0) for genotype in CLASSES])
_ALL = np.array([ALLELES.get(genotype, 0) for genotype in CLASSES])


def _local(local: Local) -> Integers:
    """One institution's terms (m, 5) in fixed point."""
    counts = local.counts.astype(np.int64)
    (a, c), (cases, controls) = (counts @ _ALT).T, (counts @ _ALL).T
    b, d = cases - a, controls - c
    n = cases + controls
    R, S = ratio(a * d, n), ratio(b * c, n)
    margins = (cases * controls).astype(np.float64) * ((a + c) * (b + d))
    terms = (
        ratio(margins, n.astype(np.float64) ** 2 * (n - 1)),
        R,
        S,
        ratio(R * (a + d), n),
        ratio(S * (b + c), n),
    )
    return np.stack([_fixed(np.where(n < 2, 0.0, term)) for term in terms], axis=1)


def _fixed(x: Floats) -> Integers:
    return np.rint(np.ldexp(x, FRACTION_BITS)).astype(np.int64)


def _real(x: Integers) -> Floats:
    return np.ldexp(x.astype(np.float64), -FRACTION_BITS)


CMH_TERMS = Input(
    name="cmh_terms",
    columns=TERMS,
    ring=Z2_64,
    bound=lambda people: people << (FRACTION_BITS - 1),
    local=_local,
)
CMH_SUMS = Sums("cmh", CMH_TERMS, {term: {term: 1} for term in TERMS})


def _public(opened: Opened) -> Outcome:
    a, cases, c, controls, people = opened[ALLELE_TABLE.name].values()
    sums = opened[CMH_SUMS.name]
    V, R, S, PR, QS = map(_real, sums.values())
    chisq = ratio(_real(sums["R"] - sums["S"]) ** 2, V)
    mixed = (R - PR) + (S - QS)
    variance = ratio(PR, 2 * R**2) + ratio(mixed, 2 * R * S) + ratio(QS, 2 * S**2)
    odds = OddsRatio(ratio(R, S), np.sqrt(variance))
    one = where_defined(1, chisq)
    return Outcome((a, cases, c, controls), people, chisq, one, ln_p_1df(chisq), odds)


@dataclass(frozen=True)
class Above:
    """Whether (R - S)^2 > t V."""

    bound: Bound
    source: ClassVar[Input] = CMH_TERMS

    @property
    def effective(self) -> tuple[Threshold, ...]:
        """The threshold as it takes effect."""
        return (chi2_above("cmh chi2", 1, self.bound.value),)

    def passes(self, box: Box, total: Secret) -> Secret:
        """Bits (packed(m),) of joint totals (m, 5)."""
        V, R, S = linears(total, TERMS, [{term: 1} for term in ("V", "R", "S")])
        square = box.mul(R - S, R - S, "pass/square")
        return exceeds(box, self.bound, square, V * (1 << FRACTION_BITS), "pass")


def above(t: float, people: int) -> Above:
    """The decision whether chi-squared exceeds t; ValueError where nothing could."""
    return Above(wide_bound(t, 2 * people, people << (2 * FRACTION_BITS - 2)))


def _decision(p: float, people: int) -> Above:
    return above(critical(p, 1), people)


CMH = CaseControlTest("cmh", "CMH", (ALLELE_TABLE, CMH_SUMS), False, _public, _decision)
