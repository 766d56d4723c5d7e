"""Genotypic case-control association (2 df), one variant at a time.

Learned   how many cases and how many controls have each genotype, jointly.
local     seven genotype counts of cases and of controls                  T_i  (m, 14)
secure    1. [T] <- sum_i [T_i]                                           the shared input
          2. [a_j], [c_j] <- cases, controls with j alt alleles           local
          3. passing: see below                                  3 rounds, 3 comparisons, 1 round
          4. open them                                                    1 round
public    with m_j = a_j + c_j, R cases, S controls, N = R + S:
          chi2 = sum_j (N a_j - R m_j)^2 / (R S m_j) over genotypes that occur; one df less than
          these are; undefined with one genotype, or without cases or controls
Passing   with s_j = N a_j - R m_j, cleared of fractions: chi2 > t exactly if
              sum_j s_j^2 m_k m_l > t R S m_0 m_1 m_2          where all three genotypes occur;
              N sum_j s_j^2 > 2 t' R S (m_0 m_1 + m_0 m_2 + m_1 m_2)      where two occur, 1 df;
          the first is 0 > 0 where a genotype is missing, the second where two are; whether one is
          missing is the sign of m_0 m_1 m_2 - 1.
Range     counts are at most N: Z_2^32; in public N a_j - R m_j <= N^2 = 2^44, exact in 64 bits.
          passing: R S <= N^2 / 4, m_0 m_1 m_2 <= N^3 / 27 and chi2 <= N, so that the first's right
          side is t times at most N^5 / 108 and its left side at most N^6 / 108 = 2^125.3: two
          comparisons beyond N = 2^19.8 (see `exceeds`). With two genotypes, the second's sides are
          at most N^5 / 8 = 2^107; with three it may overflow, and does not count.

Two copies only: PLINK 1.90b6.26 (`--model`, tried) counts females and people of unknown sex on X,
and lists nothing on Y and MT.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mpcgen.abb import Box
from mpcgen.protocols import comparison
from mpcgen.protocols.case_control import (
    COUNTS,
    GROUPS,
    CaseControlTest,
    Opened,
    Outcome,
    chi2_above,
)
from mpcgen.protocols.distributions import critical, ln_p_1df, ln_p_2df
from mpcgen.protocols.genotype_counts import CASES, CONTROLS, DIPLOID, column, form
from mpcgen.protocols.statistic import Input, Sums, Threshold
from mpcgen.protocols.threshold import (
    Bound,
    bound,
    exceeds,
    linears,
    wide_bound,
)
from mpcgen.secret import Secret

_PEOPLE = dict.fromkeys(DIPLOID, 1)

GENOTYPE_TABLE = Sums(
    "genotypes",
    COUNTS,
    {
        column(g, genotype): {column(g, genotype): 1}
        for g in (CASES, CONTROLS)
        for genotype in DIPLOID
    },
)


@dataclass(frozen=True)
class Above:
    """Whether chi-squared is above the bound of its degrees of freedom."""

    two: Bound
    one: Bound
    people: int
    source: ClassVar[Input] = COUNTS

    @property
    def effective(self) -> tuple[Threshold, ...]:
        """The thresholds as they take effect."""
        values = ((2, self.two.value), (1, self.one.value))
        return tuple(chi2_above(f"genotypic chi2, {df} df", df, t) for df, t in values)

    @property
    def _product_bits(self) -> int:
        return (self.people**3 // 27).bit_length() + 1

    def passes(self, box: Box, total: Secret) -> Secret:
        """Bits (packed(m),) of joint totals (m, columns)."""
        wanted = [form(_PEOPLE, *g) for g in (GROUPS, (CASES,), (CONTROLS,))]
        wanted += [{column(CASES, g): 1} for g in DIPLOID[:2]]
        wanted += [form({g: 1}, *GROUPS) for g in DIPLOID]
        N, R, S, a0, a1, m0, m1, m2 = linears(total, COUNTS.columns, wanted)
        s0, s1, m01, m02, m12, RS = box.sums_of_products(
            [
                [(N, a0), (-R, m0)], [(N, a1), (-R, m1)],
                [(m0, m1)], [(m0, m2)], [(m1, m2)], [(R, S)],
            ],
            "pass/scores",
        )  # fmt: skip
        s2 = -(s0 + s1)
        q0, q1, q2, m012 = box.sums_of_products(
            [[(s0, s0)], [(s1, s1)], [(s2, s2)], [(m01, m2)]], "pass/squares"
        )
        scaled = N * -(1 << self.one.fraction_bits)
        left, right, one = box.sums_of_products(
            [
                [(q0, m12), (q1, m02), (q2, m01)],
                [(RS, m012)],
                [(scaled, q0 + q1 + q2), (RS * (2 * self.one.numerator), m01 + m02 + m12)],
            ],
            "pass/sides",
        )
        above_two = exceeds(box, self.two, left, right, "pass/two")
        above_one = comparison.negative(box, one, self.one.bits, "pass/one")
        missing = comparison.negative(box, m012 - 1, self._product_bits, "pass/missing")
        return above_two + box.mul(missing, above_one, "pass")  # never both


def above(two: float, one: float, people: int) -> Above:
    """The decision whether chi-squared exceeds `two` with 2 degrees of freedom, or `one` with 1.

    Raises:
        ValueError: nothing could pass.
    """
    wide = wide_bound(two, people, people**5 // 108)
    return Above(wide, bound(one, people, people**4 // 8), people)


def _decision(p: float, people: int) -> Above:
    return above(critical(p, 2), critical(p, 1), people)


def _public(opened: Opened) -> Outcome:
    table = np.stack(list(opened[GENOTYPE_TABLE.name].values())).reshape(2, 3, -1)
    cases, controls = table.sum(axis=1)
    people, genotypes = cases + controls, table.sum(axis=0)
    scores = (people * table[0] - cases * genotypes).astype(np.float64)
    weights = (cases * controls).astype(np.float64) * genotypes
    terms = np.divide(scores**2, weights, out=np.zeros_like(scores), where=weights > 0)
    df = (genotypes > 0).sum(axis=0) - 1
    defined = (df > 0) & (cases > 0) & (controls > 0)
    chisq = np.where(defined, terms.sum(axis=0), np.nan)
    ln_p = np.where(df == 2, ln_p_2df(chisq), ln_p_1df(chisq))
    (_, het, hom), alleles = table.swapaxes(0, 1), 2 * table.sum(axis=1)
    alt = het + 2 * hom
    counted = (alt[0], alleles[0], alt[1], alleles[1])
    return Outcome(counted, people, chisq, np.where(defined, df, np.nan), ln_p)


GENOTYPIC = CaseControlTest("genotypic", "GENO", (GENOTYPE_TABLE,), True, _public, _decision)
