"""The owner's role: its genotypes and people, opened and checked against the plan.

Individual data are read here and in no other process.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import ConfigError, InputError, RangeError
from mpcgen.genome.alignment import Alignment, align
from mpcgen.genome.bed import BedFile
from mpcgen.genome.bim import Bim, read_bim
from mpcgen.genome.genotypes import Genotypes
from mpcgen.genome.people import People, read_people
from mpcgen.genome.sites import SiteList
from mpcgen.protocols.genotype_counts import ALL, ALLELES, ALT_ALLELES, CLASSES
from mpcgen.protocols.statistic import ratio
from mpcgen.study.institution import DataSource, InstitutionConfig
from mpcgen.study.study import Study

Warn = Callable[[str], object]


@dataclass(frozen=True)
class OwnData:
    """One institution's genotypes, aligned to the sites, and its people."""

    genotypes: Genotypes
    alignment: Alignment
    people: People

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of people in each group, (groups,)."""
        people = self.people
        return np.bincount(people.group[people.used], minlength=len(people.groups))


@contextmanager
def open_data(
    source: DataSource,
    sites: SiteList,
    palindromic: str,
    *,
    with_phenotype: bool,
    founders_only: bool = False,
) -> Iterator[OwnData]:
    """Read, check and align an institution's files.

    Raises:
        InputError: which file, which line, and what would be right.
    """
    people = read_people(source.people, with_phenotype)
    if founders_only:
        people = _founders(people)
    bim = read_bim(source.file(".bim"))
    with BedFile(source.file(".bed"), len(people.used), len(bim)) as bed:
        alignment = align(
            sites, bim, palindromic, lambda rows: _frequencies(bed, bim, people, rows)
        )
        yield OwnData(Genotypes(bed, alignment, sites.chrom, people), alignment, people)


@contextmanager
def open_study_data(
    config: InstitutionConfig, study: Study, warn: Warn = lambda _words: None
) -> Iterator[OwnData]:
    """`open_data` for a study, with what its plan asks of an institution.

    Args:
        warn: told what is not wrong, but may not be meant.

    Raises:
        ConfigError: another genome build than the plan's, or no data where the plan expects some.
        RangeError: more people than the plan allows this institution.
    """
    plan = study.plan
    if config.data is None:
        raise ConfigError(
            f"the plan expects data of {config.name} (max_people); give [data]", path=config.path
        )
    if config.data.build != plan.build:
        raise ConfigError(
            f"the data are on {config.data.build}, the plan is on {plan.build}; "
            "lift them over, or correct build under [data]",
            path=config.path,
        )
    with open_data(
        config.data,
        study.sites,
        plan.palindromic,
        with_phenotype=ALL not in study.groups,
        founders_only=plan.founders_only,
    ) as data:
        limit = plan.institution(config.name).max_people
        if data.sizes.sum() > limit:
            raise RangeError(
                f"{config.name} has {data.sizes.sum()} people; the plan's range proof allows it "
                f"{limit} (max_people)"
            )
        for words in data.people.warnings:
            warn(words)
        yield data


def _founders(people: People) -> People:
    used = people.used & people.founder
    if not used.any():
        raise InputError("the plan asks for founders only, and there are none among the people")
    return replace(people, used=used, group=np.where(used, people.group, np.int8(-1)))


@dataclass(frozen=True)
class _AsInFile:
    """Rows of a .bed with their alleles as they stand in the file."""

    rows: NDArray[np.int64]

    @property
    def swapped(self) -> NDArray[np.bool_]:
        return np.zeros(len(self.rows), np.bool_)


def _frequencies(
    bed: BedFile, bim: Bim, people: People, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """This institution's own frequency of column 5's allele; NaN where nobody has a genotype."""
    genotypes = Genotypes(bed, _AsInFile(rows), bim.chrom[rows], people)
    counts = genotypes.counts(0, len(rows)).sum(axis=1)
    alt, alleles = (
        counts @ np.array([weights.get(name, 0) for name in CLASSES])
        for weights in (ALT_ALLELES, ALLELES)
    )
    return ratio(alt, alleles)
