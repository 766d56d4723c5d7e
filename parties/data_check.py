"""A steward's first step: an institution's data against a site list, with no network at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import ConfigError
from mpcgen.genome.alignment import Alignment, word
from mpcgen.genome.alignment_report import Lack, report
from mpcgen.genome.genotypes import Genotypes
from mpcgen.genome.people import People
from mpcgen.genome.sites import SiteList
from mpcgen.parties.owner import open_data
from mpcgen.protocols.genotype_counts import ALLELES, ALT_ALLELES, CLASSES, PEOPLE
from mpcgen.study.institution import InstitutionConfig
from mpcgen.study.loop import Progress

if TYPE_CHECKING:
    import pandas as pd

LOW_CALL_RATE = 0.9
BLOCK = 1 << 14  # variants counted at once

_VARIANTS = {
    "used": "stand for a site",
    "absent": "sites that the file lacks",
    "extra": "not in the list of sites",
    "misplaced": "id and alleles of a site, at another position",
    "incompatible": "at the position of a site, with other alleles",
    "left-out": "palindromic, and the rule or the frequencies say no",
    "swapped": "used, with the alleles in the other order",
    "flipped": "used, from the other strand",
    "renamed": "used, under another id",
    "zero-labelled": "used, with an allele written 0",
}
_PEOPLE = {
    "people": "in the .fam file",
    "not_kept": "not in keep_samples",
    "excluded": "in exclude_samples",
    "opted_out": "in opt_outs of the policy",
    "not_in_table": "not in the table of phenotypes",
    "missing_phenotype": "left out, for they have no phenotype",
    "unknown_in_keep": "lines of keep_samples that match nobody",
    "unknown_in_exclude": "lines of exclude_samples that match nobody",
    "unknown_in_opt_outs": "lines of opt_outs that match nobody",
    "only_in_table": "in the table of phenotypes only",
}
_GENOTYPES = {
    "heterozygous": "haploid genotypes, counted as missing",
    "low-call-rate": f"variants that more than {1 - LOW_CALL_RATE:.0%} of people miss",
    "monomorphic": "variants of which everybody has the same allele",
    "no-genotypes": "variants of which nobody has a genotype",
}


@dataclass(frozen=True)
class DataCheck:
    """What `check_data` found; it concerns one institution and stays there.

    Attributes:
        lacks: Lack of every site, (m,).
        heterozygous: number of heterozygous genotypes of people with one copy.
    """

    alignment: Alignment
    people: People
    lacks: NDArray[np.uint8]
    heterozygous: int

    @property
    def genotypes(self) -> dict[str, int]:
        """What is counted of the genotypes of the used variants, see _GENOTYPES."""
        lacks = {word(lack): int((self.lacks & lack > 0).sum()) for lack in Lack}
        return {"heterozygous": self.heterozygous} | lacks

    @property
    def counts(self) -> dict[str, int]:
        """Every number that `lines` tells, by its name there; `take_part` has a phenotype too."""
        taking_part = {"take_part": int(self.people.used.sum())}
        return self.alignment.counts | taking_part | self.people.counts | self.genotypes

    @cached_property
    def variants(self) -> "pd.DataFrame":
        """What became of every variant of the file and of every absent site, a row each.

        The columns are those of `mpcgen.genome.alignment_report.report`.
        """
        return report(self.alignment, self.lacks).to_pandas()

    def lines(self) -> Iterator[str]:
        """The findings in words."""
        alignment, people = self.alignment, self.people
        sites, used = len(alignment.sites), alignment.counts["used"]
        yield f"{sites} sites in the list, {len(alignment.bim)} variants in the file"
        yield from _rows(alignment.counts, _VARIANTS)
        yield f"{int(people.used.sum())} people take part"
        yield from _rows(people.counts, _PEOPLE)
        yield "genotypes of the used variants"
        yield from _rows(self.genotypes, _GENOTYPES)
        if used < sites / 2:
            yield (
                f"WARNING  only {used} of {sites} sites are used: are the data and the list on the "
                "same genome build?"
            )


def _rows(counts: Mapping[str, int], words: Mapping[str, str]) -> Iterator[str]:
    for name, number in counts.items():
        yield f"  {name:18} {number:9}  {words.get(name, 'take part')}"


def check_data(
    config: InstitutionConfig,
    sites: SiteList,
    palindromic: str,
    *,
    with_phenotype: bool,
    progress: Progress = lambda _units: None,
) -> DataCheck:
    """Read, check and align an institution's data, and count what it does not use.

    Raises:
        InputError: which file, which line, and what would be right.
    """
    if config.data is None:
        raise ConfigError("there is no [data] to check", path=config.path)
    with open_data(config.data, sites, palindromic, with_phenotype=with_phenotype) as data:
        lacks, heterozygous = _looked_at(data.genotypes, len(sites), progress)
        return DataCheck(data.alignment, data.people, lacks, heterozygous)


def _looked_at(
    genotypes: Genotypes, sites: int, progress: Progress
) -> tuple[NDArray[np.uint8], int]:
    """Lack of every site (m,), and how many genotypes are heterozygous of people with one copy."""
    lacks, heterozygous = np.zeros(sites, np.uint8), 0
    for start in range(0, sites, BLOCK):
        stop = min(start + BLOCK, sites)
        counts, het_haploids = genotypes.counts_and_het_haploids(start, stop)
        lacks[start:stop] = _lacks(counts.sum(axis=1))
        heterozygous += int(het_haploids.sum())
        progress(stop - start)
    return lacks, heterozygous


def _lacks(counts: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Lack (m,) by genotype counts (m, 7); nothing where nobody is eligible."""
    called, alt, alleles = (
        counts @ np.array([weights.get(name, 0) for name in CLASSES])
        for weights in (PEOPLE, ALT_ALLELES, ALLELES)
    )
    eligible = called + counts[:, CLASSES.index("MISSING")]
    found = np.zeros(len(counts), np.uint8)
    for lack, where in (
        (Lack.LOW_CALL_RATE, called < LOW_CALL_RATE * eligible),
        (Lack.MONOMORPHIC, (called > 0) & ((alt == 0) | (alt == alleles))),
        (Lack.NO_GENOTYPES, (called == 0) & (eligible > 0)),
    ):
        found[where] |= np.uint8(lack)
    return found
