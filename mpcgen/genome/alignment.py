"""Which row of an institution's .bim stands for which site of the study, and which way round.

Variants are matched by chromosome, position and alleles, never by id. What fits better goes
first: alleles as in the site list, swapped, on the other strand (single bases A, C, G, T only),
and then the same with one of them written 0. Palindromic variants (A/T, C/G) look alike on both
strands; the plan's rule says what becomes of them:

    as_given                the file's alleles are taken at their word
    leave_out               nobody's genotypes are used
    by_reference_frequency  the strand on which the institution's frequency is nearer to the site
                            list's, if both minor frequencies are at most 0.40; else left out
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.genome.bim import Bim
from mpcgen.genome.columns import equal, take
from mpcgen.genome.pairing import Alleles, Pairs, Rows, assign, pairs_at_positions, pairs_by_id
from mpcgen.genome.sites import SiteList

Frequency = Callable[[Rows], NDArray[np.float64]]

PALINDROMIC: Final = ("as_given", "leave_out", "by_reference_frequency")
MAX_MINOR_FREQUENCY: Final = 0.40


class Status(IntEnum):
    """What became of a variant of the file, or of a site."""

    USED = 0
    ABSENT = 1  # a site for which the file has nothing
    EXTRA = 2  # a variant that the site list does not ask for
    MISPLACED = 3  # the id and the alleles of a site, at another position
    INCOMPATIBLE = 4  # the position of a site, but other alleles
    LEFT_OUT = 5  # palindromic, and the rule or the frequencies say no


class Flag(IntFlag):
    """What it took to use a variant."""

    SWAPPED = 1  # column 5 is the site's ref (on the strand that is used)
    FLIPPED = 2  # the alleles are those of the other strand
    RENAMED = 4  # the id is another
    ZERO_LABELLED = 8  # an allele is written 0


def word(member: Status | IntFlag) -> str:
    """Return the name of a status or of a flag as reports have it: 'left-out'."""
    return str(member.name).lower().replace("_", "-")


@dataclass(frozen=True, eq=False)
class Alignment:
    """m sites of the study and n variants of an institution's file. It stays there."""

    sites: SiteList
    bim: Bim
    rows: Rows  # (m,) the file's row for each site, -1 where none is used
    swapped: NDArray[np.bool_]  # (m,) a person's dosage of alt is 2 minus that of column 5
    site_status: NDArray[np.int8]  # (m,) USED, or why not; never EXTRA
    row_status: NDArray[np.int8]  # (n,) never ABSENT
    row_site: Rows  # (n,) the site that a variant is used for, or would be; -1 for EXTRA
    row_flags: NDArray[np.uint8]  # (n,) Flag; 0 unless USED

    @cached_property
    def counts(self) -> dict[str, int]:
        """Number of variants of each status (sites, for absent) and of each flag."""
        statuses = {word(status): int((self.row_status == status).sum()) for status in Status}
        statuses[word(Status.ABSENT)] = int((self.site_status == Status.ABSENT).sum())
        flags = {word(flag): int((self.row_flags & flag > 0).sum()) for flag in Flag}
        return statuses | flags


def align(
    sites: SiteList, bim: Bim, palindromic: str, frequency: Frequency | None = None
) -> Alignment:
    """Match the variants of a file to the sites.

    frequency: for by_reference_frequency, the institution's own frequency of column 5's allele
    in rows of the file (NaN where nobody has a genotype).

    Raises InputError where two variants fit a site equally well (both lines are named), or
    where the rule wants frequencies that the site list does not have.
    """
    alleles = Alleles.of(sites, bim)
    pairs = pairs_at_positions(sites, bim, alleles)
    rows, fit = assign(pairs, len(sites), bim)
    used = np.flatnonzero(rows >= 0)
    row_status, row_site = _unused_rows(sites, bim, alleles, pairs, rows)
    row_status[rows[used]], row_site[rows[used]] = Status.USED, used

    swapped, flipped = (rows >= 0) & (fit & 1 > 0), (rows >= 0) & (fit & 2 > 0)
    doubtful = used[alleles.palindromic()[used]]
    keep, turn = _palindromic(sites, rows, swapped, doubtful, palindromic, frequency)
    swapped[doubtful] ^= turn
    flipped[doubtful] ^= turn
    row_status[rows[doubtful[~keep]]] = Status.LEFT_OUT
    rows[doubtful[~keep]] = -1
    swapped &= rows >= 0

    site_status = np.full(len(sites), Status.ABSENT, np.int8)
    site_status[row_site[row_site >= 0]] = row_status[row_site >= 0]
    site_status[rows >= 0] = Status.USED
    row_flags = _flags(sites, bim, alleles, rows, swapped, flipped)
    return Alignment(sites, bim, rows, swapped, site_status, row_status, row_site, row_flags)


def _unused_rows(
    sites: SiteList, bim: Bim, alleles: Alleles, pairs: Pairs, rows: Rows
) -> tuple[NDArray[np.int8], Rows]:
    """Return status and missed site of the variants that no site uses (EXTRA, -1 of the others)."""
    status, site = np.full(len(bim), Status.EXTRA, np.int8), np.full(len(bim), -1, np.int64)
    unused = np.ones(len(bim), np.bool_)
    unused[rows[rows >= 0]] = False
    by_id = pairs_by_id(sites, bim, np.flatnonzero(unused), alleles)
    for found, why in ((pairs, Status.INCOMPATIBLE), (by_id, Status.MISPLACED)):
        missed = unused[found.rows] & (rows[found.sites] < 0)
        status[found.rows[missed]], site[found.rows[missed]] = why, found.sites[missed]
    return status, site


def _palindromic(
    sites: SiteList,
    rows: Rows,
    swapped: NDArray[np.bool_],
    where: Rows,
    rule: str,
    frequency: Frequency | None,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which of the palindromic sites `where` to keep, and which of them to turn."""
    every, none = np.ones(len(where), np.bool_), np.zeros(len(where), np.bool_)
    if rule == "as_given":
        return every, none
    if rule == "leave_out":
        return none, none
    if rule != "by_reference_frequency":
        raise InputError(f"palindromic = {rule!r} is none of {', '.join(PALINDROMIC)}")
    if sites.frequency is None:
        raise InputError(f"palindromic = {rule!r} wants a site list with frequencies (column AF)")
    if frequency is None:
        raise TypeError("by_reference_frequency needs the institution's own frequencies")
    reference, own = sites.frequency[where], frequency(rows[where])
    own = np.where(swapped[where], 1 - own, own)
    minor = np.maximum(np.minimum(reference, 1 - reference), np.minimum(own, 1 - own))
    keep = minor <= MAX_MINOR_FREQUENCY
    return keep, keep & (abs(1 - own - reference) < abs(own - reference))


def _flags(
    sites: SiteList,
    bim: Bim,
    alleles: Alleles,
    rows: Rows,
    swapped: NDArray[np.bool_],
    flipped: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Return the flags of every variant of the file: (n,)."""
    flags = np.zeros(len(bim), np.uint8)
    used = np.flatnonzero(rows >= 0)
    row = rows[used]
    for flag, holds in (
        (Flag.SWAPPED, swapped[used]),
        (Flag.FLIPPED, flipped[used]),
        (Flag.RENAMED, ~equal(take(sites.id, used), take(bim.id, row))),
        (Flag.ZERO_LABELLED, alleles.zero_labelled()[row]),
    ):
        flags[row[holds]] |= np.uint8(flag)
    return flags
