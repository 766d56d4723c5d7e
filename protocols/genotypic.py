"""Genotypic case-control association (2 df), one variant at a time.

Learned   how many cases and how many controls have each genotype, jointly.
local     seven genotype counts of cases and of controls                  T_i  (m, 14)
secure    1. [T] <- sum_i [T_i]                                           the shared input
          2. [a_j], [c_j] <- cases, controls with j alt alleles           local
          3. open them                                                    1 round
public    with m_j = a_j + c_j, R cases, S controls, N = R + S:
          chi2 = sum_j (N a_j - R m_j)^2 / (R S m_j) over genotypes that occur; one df less than
          these are; undefined with one genotype, or without cases or controls
Range     counts are at most N: Z_2^32; in public N a_j - R m_j <= N^2 = 2^44, exact in 64 bits.

Two copies only: PLINK 1.90b6.26 (`--model`, tried) counts females and people of unknown sex on X,
and lists nothing on Y and MT.
"""

import numpy as np

from mpcgen.protocols.case_control import COUNTS, CaseControlTest, Opened, Outcome, Sums
from mpcgen.protocols.distributions import ln_p_1df, ln_p_2df
from mpcgen.protocols.genotype_counts import CASES, CONTROLS, DIPLOID, column

GENOTYPE_TABLE = Sums(
    "genotypes",
    COUNTS,
    {
        column(g, genotype): {column(g, genotype): 1}
        for g in (CASES, CONTROLS)
        for genotype in DIPLOID
    },
)


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


GENOTYPIC = CaseControlTest("genotypic", "GENO", (GENOTYPE_TABLE,), True, _public)
