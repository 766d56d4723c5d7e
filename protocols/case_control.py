"""What the case-control tests of single variants share: their input, openings and result columns.

A test opens linear forms of joint totals, then works in public on a 2 x 2 table of alleles

                alt   ref
    cases        a     b
    controls     c     d

or on genotypes (two copies only: on X those of everybody but males; none on Y and MT).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcgen.genome.columns import repeated
from mpcgen.protocols.distributions import Z_975, critical, ln_p_1df, neg_log10, upper_tail
from mpcgen.protocols.genotype_counts import CASES, CONTROLS, genotype_counts
from mpcgen.protocols.rounded import Rounded, Sides
from mpcgen.protocols.statistic import Decision, Floats, Integers, Sites, Sums, Table, Threshold
from mpcgen.protocols.threshold import Ratio

GROUPS = (CASES, CONTROLS)
COUNTS = genotype_counts(GROUPS)
CHISQ, OR = "chisq", "or"  # values that can be opened alone
HAPLOID_CHROMOSOMES = (24, 26)  # Y and MT, as PLINK numbers them

Opened: TypeAlias = Mapping[str, Mapping[str, Integers]]  # sums -> column -> (m,) joint totals


@dataclass(frozen=True)
class OddsRatio:
    """An odds ratio (m,) and the standard error of its logarithm."""

    value: Floats
    se: Floats


@dataclass(frozen=True)
class Outcome:
    """What a test found at m variants; NaN where undefined.

    Attributes:
        alleles: alt and all alleles in cases, alt and all alleles in controls.
        people: how many cases and controls were looked at.
        df: degrees of freedom, as a float for its NaN.
        ln_p: natural logarithm of the p-value.
    """

    alleles: tuple[Integers, Integers, Integers, Integers]
    people: Integers
    chisq: Floats
    df: Floats
    ln_p: Floats
    odds: OddsRatio | None = None


@dataclass(frozen=True)
class CaseControlTest:
    """One test of a variant.

    Attributes:
        name: as a plan names it.
        label: as results name it, in the column TEST.
        sums: what it opens.
        of_genotypes: it does not exist where everybody is haploid.
        public: opened sums -> outcome.
        decision: p, people -> whether its p-value is below p, decided on shares.
        alone: values that can be opened alone, by name; the chi-squared has 1 degree of freedom.
    """

    name: str
    label: str
    sums: tuple[Sums, ...]
    of_genotypes: bool
    public: Callable[[Opened], Outcome]
    decision: Callable[[float, int], Decision]
    alone: Mapping[str, Sides] = field(default_factory=dict)

    def values(self, names: Sequence[str], digits: int, people: int) -> list[Rounded]:
        """Those of its values that are among the names, rounded, for up to so many people."""
        return [
            Rounded(self.alone[name], digits, people, f"{self.name}.{name}")
            for name in names
            if name in self.alone
        ]

    def _rows(self, sites: Sites) -> NDArray[np.int64]:
        """The variants on which it exists."""
        everywhere = np.ones(len(sites.chrom), np.bool_)
        exists = ~np.isin(sites.chrom, HAPLOID_CHROMOSOMES) if self.of_genotypes else everywhere
        return np.flatnonzero(exists)

    def table_of_values(self, values: Mapping[str, Floats], sites: Sites) -> Table:
        """Its result table from values opened alone, of the variants on which it exists."""
        rows = self._rows(sites)
        own = {
            name: values[key][rows]
            for name in self.alone
            if (key := f"{self.name}.{name}") in values
        }
        columns: dict[str, Any] = {"TEST": repeated(self.label, len(rows))}
        if CHISQ in own:
            columns |= {"CHISQ": own[CHISQ], "DF": where_defined(1, own[CHISQ])}
        if OR in own:
            columns["OR"] = own[OR]
        if CHISQ in own:
            ln_p = ln_p_1df(own[CHISQ])
            columns |= {"P": np.exp(ln_p), "NEG_LOG10_P": neg_log10(ln_p)}
        return Table(rows, columns)

    def table(self, opened: Mapping[str, Integers], sites: Sites) -> Table:
        """The test's result table, of the variants on which it exists."""
        rows = self._rows(sites)
        outcome = self.public(
            {sums.name: sums.named(opened[sums.name][rows]) for sums in self.sums}
        )
        return Table(rows, _columns(self.label, outcome))


def _columns(label: str, outcome: Outcome) -> dict[str, Any]:
    undefined = np.full(len(outcome.people), np.nan)
    odds = outcome.odds or OddsRatio(undefined, undefined)
    lower, upper = _interval(odds)
    names = ("A1_CASE_CT", "CASE_ALLELE_CT", "A1_CTRL_CT", "CTRL_ALLELE_CT")
    return {
        **dict(zip(names, outcome.alleles, strict=True)),
        "TEST": repeated(label, len(outcome.people)),
        "OBS_CT": outcome.people,
        "CHISQ": outcome.chisq,
        "DF": outcome.df,
        "OR": odds.value,
        "SE": odds.se,
        "L95": lower,
        "U95": upper,
        "P": np.exp(outcome.ln_p),
        "NEG_LOG10_P": neg_log10(outcome.ln_p),
    }


def _interval(odds: OddsRatio) -> tuple[Floats, Floats]:
    """95 % confidence limits; for an odds ratio of 0 they are 0 and undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log, half = np.log(odds.value), Z_975 * odds.se
        return np.exp(log - half), np.exp(log + half)


def above(statistic: Ratio, name: str) -> Callable[[float, int], Decision]:
    """The decision of a test with 1 degree of freedom: p, people -> whether its p is smaller."""

    def decision(p: float, people: int) -> Decision:
        return statistic.above(critical(p, 1), people, partial(chi2_above, f"{name} chi2", 1))

    return decision


def chi2_above(name: str, df: int, t: float) -> Threshold:
    """The threshold t of a chi-squared value."""
    return Threshold(name, t, upper_tail(t, df))


def where_defined(values: float, chisq: Floats) -> Floats:
    """A constant (m,), NaN where chisq is."""
    return np.where(np.isnan(chisq), np.nan, values)
