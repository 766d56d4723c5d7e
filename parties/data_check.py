"""A steward's first step: an institution's data against a site list, with no network at all."""

from collections.abc import Iterator
from dataclasses import dataclass

from mpcgen.errors import ConfigError
from mpcgen.genome.sites import SiteList
from mpcgen.parties.owner import OwnData, open_data
from mpcgen.study.institution import InstitutionConfig


@dataclass(frozen=True)
class DataCheck:
    """What `check_data` found; it concerns one institution and stays there."""

    data: OwnData
    heterozygous_haploids: int

    def lines(self) -> Iterator[str]:
        """The findings in words."""
        alignment, people = self.data.alignment, self.data.people
        yield f"{len(alignment.sites)} sites, {len(alignment.bim)} variants in the file"
        yield from (f"  {name}: {number}" for name, number in alignment.counts.items())
        yield f"{int(people.used.sum())} people take part"
        yield from (f"  {name}: {number}" for name, number in people.counts.items())
        yield f"{self.heterozygous_haploids} heterozygous haploid genotypes, counted as missing"


def check_data(
    config: InstitutionConfig, sites: SiteList, palindromic: str, *, with_phenotype: bool
) -> DataCheck:
    """Read, check and align an institution's data, and count what it does not use.

    Raises:
        InputError: which file, which line, and what would be right.
    """
    if config.data is None:
        raise ConfigError("there is no [data] to check", path=config.path)
    with open_data(config.data, sites, palindromic, with_phenotype=with_phenotype) as data:
        return DataCheck(data, data.genotypes.heterozygous_haploids())
