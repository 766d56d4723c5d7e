"""How well what a plan opens tells whether a known genome took part.

Test      likelihood ratio of a person's genotypes under the opened frequencies to that under the
          population's. The accuser knows the latter exactly; with an estimate it tells less.
Power     Phi(sqrt(v / n) - z_(1 - alpha)): n people (not chromosomes) behind a total, v independent
          numbers opened of each variant or pair, alpha the false-positive rate, z of the normal.
Why       scale a number to variance 1 among people. Its mean over the n is off the population's by
          e, E[e^2] = 1/n. Its product with the value of somebody who took part has mean 1/n, of
          anybody else 0, both variance 1/n: over v numbers, v/n apart at a deviation sqrt(v/n).
Numbers   allele counts give one a variant, genotype counts two (the other: deviation from
          additivity), the sums of a pair one more.
Papers    Homer et al., Resolving individuals contributing trace amounts of DNA, 2008;
          Sankararaman et al., Genomic privacy and limits of individual detection in a pool, 2009;
          Visscher et al., Statistical power to detect genetic (co)variance, 2014 (WINDOW)

Correlated variants, tested as if independent, are worth m^2 / sum r^2: the 1 / variance of people's
relationships, about 50,000 in a genome. Measured on 1000 Genomes chromosome 22 (35 million covered
bases), Europeans: 770 of the variants above 5 % and 1,150 above 1 %; 1,100 and 1,670 once the
accuser prunes them: one in 20,000 to 50,000 bases. WINDOW is at the accuser's best. Rare variants
correlate less, and a model of correlations finds still more: then the plan states the number.
"""

from collections.abc import Collection, Iterator
from math import ceil, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np

from mpcgen.errors import InputError
from mpcgen.genome.chromosomes import MT, Y, position_keys
from mpcgen.genome.sites import SiteList

WINDOW: Final = 20_000  # base pairs that hold one independent variant
HIGH: Final = {1e-2: 0.5, 1e-4: 0.1}  # false-positive rate -> power above which it is high
_NORMAL: Final = NormalDist()


def power(people: float, values: float, false_positive_rate: float) -> float:
    """Probability to tell a person who took part, as the module says.

    Exact in the limit of many people; with 20 and 200 values it is 0.06 too low.

    Args:
        people: how many are behind the total (at least 1); each with two alleles, or each with one.
        values: v, independent numbers opened; on allele counts, the independent variants.
        false_positive_rate: probability to accuse somebody who did not take part; in (0, 1).
    """
    return _NORMAL.cdf(sqrt(values / people) + _NORMAL.inv_cdf(false_positive_rate))


def most_values(people: float) -> float:
    """The independent numbers up to which no power is HIGH: about 5.4 a person."""
    apart = (_NORMAL.inv_cdf(high) - _NORMAL.inv_cdf(rate) for rate, high in HIGH.items())
    return people * min(apart) ** 2


def independent_variants(sites: SiteList, stated: float | None = None) -> float:
    """The stated number, or an estimate from positions: the windows that hold sites.

    Y and MT, which do not recombine, are one each.

    Raises:
        InputError: the stated number is not above 0, or above that of the sites.
    """
    if stated is None:
        window = np.where(np.isin(sites.chrom, (Y, MT)), 0, sites.pos // WINDOW)
        return len(np.unique(position_keys(sites.chrom, window)))
    if not 0 < stated <= len(sites):
        most = f"above 0 and at most {len(sites)}, the number of sites"
        raise InputError(f"independent_variants is {most}, not {stated}")
    return stated


def independent_values(variants: float, sites: int, *, genotypes: bool, pairs: int = 0) -> float:
    """Independent numbers that totals open.

    Args:
        variants: the independent ones among the sites.
        sites: how many variants are opened.
        genotypes: whether some entry opens genotype counts, and not only allele counts.
        pairs: how many pairs are opened; as many are independent as of pairs of variants.
    """
    return (2 if genotypes else 1) * variants + pairs * (variants / max(sites, 1)) ** 2


def advice(
    sites: SiteList,
    people: int,
    releases: Collection[str],
    *,
    genotypes: bool,
    pairs: int = 0,
    stated: float | None = None,
) -> Iterator[str]:
    """What a steward reads about membership inference, in sentences.

    Args:
        sites: the variants that these entries open.
        people: the most that may be behind the smallest total which somebody can work out: where
            groups are opened apart, of the smallest; for an institution, without its own.
        releases: those of the plan's entries; totals outweigh the others.
        genotypes, pairs, stated: as in independent_values and independent_variants (may raise).
    """
    variants = independent_variants(sites, stated)
    values = independent_values(variants, len(sites), genotypes=genotypes, pairs=pairs)
    if "statistic" in releases:
        yield (
            'Release "statistic" opens no counts. Chi-squared, odds ratios and r2 of many variants '
            "tell of a known genome too; how well is not worked out."
        )
    if "passing" in releases and "totals" not in releases:
        yield (
            'Release "passing" opens totals of the variants that pass only. Each tells whether a '
            "known genome took part as well as up to chi-squared many others would: with "
            f"{people:,} people that is high where these add up to {most_values(people):,.0f}."
        )
    if "totals" not in releases:
        return
    yield from _of_totals(people, values)
    source = "estimated from the site list" if stated is None else "as the plan states"
    opened = f"counts and {pairs:,} pairs" if pairs else "counts"
    kind = "genotype" if genotypes else "allele"
    yield f"This is for {kind} {opened} of {variants:,.0f} independent variants ({source})."
    fewest = ceil(values / most_values(1))
    if values > (most := most_values(people)):
        yield (
            f"This is high. It is not with at most {int(variants * most / values):,} independent "
            f'variants, or with {fewest:,} people: plan fewer sites, or release "passing".'
        )
    elif fewest > 1:
        yield f"It is high with fewer than {fewest:,} people."


def _of_totals(people: int, values: float) -> Iterator[str]:
    first, second = (_told(people, values, rate) for rate in HIGH)
    yield (
        f"Whoever knows a person's genome can tell with probability {first} whether that person "
        f"took part, wrongly accusing one in 100, and with {second}, wrongly accusing one in "
        f"10,000, if {people:,} people are behind a total, the most that the plan allows."
    )
    fewer = max(people // 10, 1)
    first, second = (_told(fewer, values, rate) for rate in HIGH)
    yield f"Fewer are easier to tell: of {fewer:,} people with probability {first} and {second}."


def _told(people: int, values: float, rate: float) -> str:
    found = power(people, values, rate)
    return f"{found:.2g}" if found < 0.995 else "over 0.99"
