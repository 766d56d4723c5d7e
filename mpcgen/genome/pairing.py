"""Which variants of a file could stand for which sites, and how well: who gets whom."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.genome.bim import Bim
from mpcgen.genome.chromosomes import position_keys
from mpcgen.genome.columns import encode, find, joined, matches, take
from mpcgen.genome.sites import SiteList

Rows = NDArray[np.int64]
Codes = NDArray[np.int32]

_COMPLEMENT: Final = {"A": "T", "C": "G", "G": "C", "T": "A"}
_ZEROS: Final = ("0", ".")
_NO_ID: Final = r"^[.0]?$"
_NO_CODE: Final = -1


class Fit(IntEnum):
    """How a variant's alleles fit a site's, best first; bits: 1 swapped, 2 flipped, 4 one is 0."""

    EXACT = 0
    SWAPPED = 1
    FLIPPED = 2
    FLIPPED_SWAPPED = 3
    ZERO = 4
    ZERO_SWAPPED = 5
    ZERO_FLIPPED = 6
    ZERO_FLIPPED_SWAPPED = 7
    NONE = 8


@dataclass(frozen=True, eq=False)
class Alleles:
    """The alleles of m sites and n variants as numbers: the same number, the same allele."""

    site_ref: Codes  # (m,)
    site_alt: Codes  # (m,)
    row_ref: Codes  # (n,)
    row_alt: Codes  # (n,)
    complement: Codes  # by number; _NO_CODE unless a base, or where nobody has it
    base: NDArray[np.bool_]  # by number: A, C, G or T
    zero: NDArray[np.bool_]  # by number: written 0

    @classmethod
    def of(cls, sites: SiteList, bim: Bim) -> "Alleles":
        """Number the alleles of both."""
        codes, distinct = encode(joined([sites.ref, sites.alt, bim.ref, bim.alt]))
        number = {allele: code for code, allele in enumerate(distinct)}
        other = [number.get(_COMPLEMENT.get(allele, ""), _NO_CODE) for allele in distinct]
        base = np.array([allele in _COMPLEMENT for allele in distinct])
        zero = np.array([allele in _ZEROS for allele in distinct])
        m, n = len(sites), len(bim)
        ref, alt, row_ref, row_alt = np.split(codes, [m, 2 * m, 2 * m + n])
        return cls(ref, alt, row_ref, row_alt, np.array(other, np.int32), base, zero)

    def palindromic(self) -> NDArray[np.bool_]:
        """Return which sites are A/T or C/G: (m,)."""
        return np.equal(self.complement[self.site_alt], self.site_ref)

    def zero_labelled(self) -> NDArray[np.bool_]:
        """Return which variants have an allele written 0: (n,)."""
        return self.zero[self.row_ref] | self.zero[self.row_alt]

    def fit(self, sites: Rows, rows: Rows) -> NDArray[np.int8]:
        """Return the best Fit of every pair (site, row)."""
        want = self.site_ref[sites], self.site_alt[sites]
        ref, alt = self.row_ref[rows], self.row_alt[rows]
        no_ref, no_alt = self.zero[ref], self.zero[alt]
        bases = self.base[want[0]] & self.base[want[1]]
        fits = np.full(len(rows), Fit.NONE, np.int8)
        for fit in sorted(Fit, reverse=True)[1:]:
            want_ref, want_alt = want[::-1] if fit & 1 else want
            have_ref, have_alt = (self.complement[[ref, alt]]) if fit & 2 else (ref, alt)
            same_ref, same_alt = have_ref == want_ref, have_alt == want_alt
            same = same_ref & same_alt
            if fit & 4:
                same = (no_ref & ~no_alt & same_alt) | (no_alt & ~no_ref & same_ref)
            fits[same & bases if fit & 2 else same] = fit
        return fits


@dataclass(frozen=True, eq=False)
class Pairs:
    """Sites and variants that share chromosome and position."""

    sites: Rows
    rows: Rows
    fits: NDArray[np.int8]


def pairs_at_positions(sites: SiteList, bim: Bim, alleles: Alleles) -> Pairs:
    """Return every pair of a site and a variant at one position."""
    keys, wanted = position_keys(sites.chrom, sites.pos), position_keys(bim.chrom, bim.pos)
    order = np.argsort(keys, kind="stable")
    places, starts, lengths = np.unique(keys[order], return_index=True, return_counts=True)
    place = np.minimum(np.searchsorted(places, wanted), len(places) - 1)
    times = np.where(places[place] == wanted, lengths[place], 0)
    rows = np.repeat(np.arange(len(wanted)), times)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
    paired = order[starts[place[rows]] + within]
    return Pairs(paired, rows, alleles.fit(paired, rows))


def assign(pairs: Pairs, m: int, bim: Bim) -> tuple[Rows, NDArray[np.int8]]:
    """Give every site the variant that fits it best, and every variant to one site at most.

    Returns the row for each site, -1 for none, and its Fit: (m,) each. A variant with an allele
    0 that fits two sites equally well goes to neither.

    Raises InputError where two variants fit a site equally well.
    """
    row_of, fit_of = np.full(m, -1, np.int64), np.full(m, Fit.NONE, np.int8)
    free = np.ones(len(bim), np.bool_)
    for fit in sorted(Fit)[:-1]:
        here = np.flatnonzero(pairs.fits == fit)
        here = here[(row_of[pairs.sites[here]] < 0) & free[pairs.rows[here]]]
        here = here[np.bincount(pairs.rows[here])[pairs.rows[here]] == 1] if here.size else here
        sites, rows = pairs.sites[here], pairs.rows[here]
        row_of[sites], fit_of[sites], free[rows] = rows, fit, False
        if (again := np.flatnonzero(row_of[sites] != rows)).size:
            first, second = sorted((int(rows[again[0]]), int(row_of[sites[again[0]]])))
            message = f"the same variant as on line {first + 1}; leave one of them out"
            more = f" (and {again.size - 1} more of this kind)" if again.size > 1 else ""
            raise InputError(message + more, path=bim.path, line=second + 1)
    return row_of, fit_of


def pairs_by_id(sites: SiteList, bim: Bim, rows: Rows, alleles: Alleles) -> Pairs:
    """Return the pairs of these rows and sites of the same id, elsewhere, whose alleles fit."""
    rows = rows[~matches(take(bim.id, rows), _NO_ID)]
    if not rows.size:  # spares the search its index of all sites
        return Pairs(rows, rows, rows.astype(np.int8))
    site = find(take(bim.id, rows), sites.id).astype(np.int64)
    site, rows = site[site >= 0], rows[site >= 0]
    fits = alleles.fit(site, rows)
    elsewhere = (sites.chrom[site] != bim.chrom[rows]) | (sites.pos[site] != bim.pos[rows])
    fitting = (fits != Fit.NONE) & elsewhere
    return Pairs(site[fitting], rows[fitting], fits[fitting])
