"""A steward's first step: an institution's data against a site list, with no network at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mpcgen.errors import ConfigError
from mpcgen.genome.alignment import Alignment
from mpcgen.genome.alignment_report import report
from mpcgen.genome.genotypes import Genotypes
from mpcgen.genome.people import People
from mpcgen.genome.sites import SiteList
from mpcgen.parties.owner import open_data
from mpcgen.protocols.genotype_counts import CALLED, CLASSES
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
    "not_in_table": "not in the table of phenotypes",
    "missing_phenotype": "left out, for they have no phenotype",
    "unknown_in_keep": "lines of keep_samples that match nobody",
    "unknown_in_exclude": "lines of exclude_samples that match nobody",
    "only_in_table": "in the table of phenotypes only",
}
_GENOTYPES = {
    "heterozygous": "haploid genotypes, counted as missing",
    "low call rate": f"variants that more than {1 - LOW_CALL_RATE:.0%} of people miss",
    "empty": "variants of which nobody has a genotype",
}


@dataclass(frozen=True)
class DataCheck:
    """What `check_data` found; it concerns one institution and stays there.

    Attributes:
        genotypes: what is counted of those of the used variants, see _GENOTYPES.
    """

    alignment: Alignment
    people: People
    genotypes: Mapping[str, int]

    @property
    def counts(self) -> dict[str, int]:
        """Every number that `lines` tells, by its name there; `take_part` has a phenotype too."""
        taking_part = {"take_part": int(self.people.used.sum())}
        return self.alignment.counts | taking_part | self.people.counts | dict(self.genotypes)

    @cached_property
    def variants(self) -> "pd.DataFrame":
        """What became of every variant of the file and of every absent site, a row each.

        The columns are those of `mpcgen.genome.alignment_report.report`.
        """
        return report(self.alignment).to_pandas()

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
        unused = _unused(data.genotypes, len(sites), progress)
        return DataCheck(data.alignment, data.people, unused)


def _unused(genotypes: Genotypes, sites: int, progress: Progress) -> dict[str, int]:
    """What _GENOTYPES says."""
    het = low = empty = 0
    called = np.isin(CLASSES, CALLED)
    for start in range(0, sites, BLOCK):
        stop = min(start + BLOCK, sites)
        counts, het_haploids = genotypes.counts_and_het_haploids(start, stop)
        counts = counts.sum(axis=1)
        het += int(het_haploids.sum())
        present = counts[:, called].sum(axis=1)
        eligible = present + counts[:, CLASSES.index("MISSING")]
        low += int((present < LOW_CALL_RATE * eligible).sum())
        empty += int(((present == 0) & (eligible > 0)).sum())
        progress(stop - start)
    return dict(zip(_GENOTYPES, (het, low, empty), strict=True))
