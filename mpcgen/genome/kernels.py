"""Counting on packed genotypes: compiled kernels on 64-bit words, without unpacking.

A row of a .bed file is cut into chunks of CHUNK bytes, and each chunk into two bit planes, `low`
and `high`, with one bit a person. The two words that make one word of a plane lie half a chunk
apart, so that all loads are contiguous and LLVM turns loops of population counts into AVX2 code
(Mula, Kurz, Lemire, 'Faster population counts using AVX2 instructions', Computer Journal 2018).
The order of people in a plane is therefore not the file's; masks of people are laid out by the
same function (`pack_masks`). Bits of people outside a mask, padding included, never count.
"""

from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mpcgen.jit import load

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Sums = NDArray[np.int32]

CHUNK: Final = 8192  # bytes of a row, 32,768 people: the planes of a chunk stay in the L1 cache
_loops = load("mpcgen.genome.kernel_loops")


class Planes(NamedTuple):
    """One chunk of people at several sites, as `fill_planes` leaves it."""

    bits: Words  # (sites, 3, words): P dosage 2, Z dosage 0 or 2, M not missing
    totals: Sums  # (sites, 4): people in P, Z and M, and the number of words with gaps
    places: NDArray[np.uint16]  # (sites, words): indices of the words with gaps
    gaps: Words  # (sites, words + 1): the people missing there, 0 after the last

    @classmethod
    def empty(cls, sites: int, words: int) -> Self:
        """Return planes to be filled."""
        return cls(
            np.empty((sites, 3, words), np.uint64),
            np.empty((sites, 4), np.int32),
            np.empty((sites, words), np.uint16),
            np.empty((sites, words + 1), np.uint64),
        )

    def part(self, sites: slice) -> "Planes":
        """Return a view of some of the sites."""
        return Planes(self.bits[sites], self.totals[sites], self.places[sites], self.gaps[sites])


def _room() -> Words:
    """Return room for the low and the high plane of one chunk."""
    return np.empty((2, CHUNK // 16), np.uint64)


def pack_masks(masks: NDArray[np.bool_]) -> Words:
    """Return masks of people (k, N) as planes (k, words)."""
    rows = np.packbits(np.repeat(masks, 2, axis=1), axis=1, bitorder="little")
    planes = np.zeros((len(rows), -(-rows.shape[1] // 16)), np.uint64)
    _loops.pack(rows, planes, _room()[0])
    return planes


def count_codes(data: Bytes, starts: Ints, n: int, masks: Words, sizes: Ints, codes: Sums) -> None:
    """Count the codes 00, 01, 10, 11 of rows under k masks: codes (rows, k, 4).

    starts: offset in data of each row, of n bytes; sizes: people in each mask.
    """
    _loops.count_codes(data, starts, n, masks, sizes, codes, *_room())


def fill_planes(
    data: Bytes,
    starts: Ints,
    n: int,
    swapped: NDArray[np.bool_],
    kinds: NDArray[np.int8],
    counted: Words,
    haploid: Words,
    planes: Planes,
) -> None:
    """Write one chunk of n bytes of every site.

    starts: its offset in data, negative where the institution has none; swapped: the site counts
    the other allele; kinds: which mask of counted (kinds, words) and of haploid the site goes by.
    A haploid person has dosage 0 or 1, and is missing where heterozygous. Gaps are against the
    people of counted[0].
    """
    _loops.fill_planes(data, starts, n, swapped, kinds, counted, haploid, *planes, *_room())


def add_pair_sums(planes: Planes, slots: Sums, sums: Sums) -> None:
    """Add n, Sx, Sy, Sxx, Syy, Sxy of pairs of sites to sums (pairs, 6).

    slots (pairs, 2): the places in planes of each pair's sites.
    """
    _loops.add_pair_sums(*planes, slots, sums)


def take_pairs(pairs: Ints, start: int, slot_of: Sums, sites: Ints, slots: Sums) -> tuple[int, int]:
    """Take pairs from start on while they fit into slots, and their sites into sites.

    Writes the distinct sites into sites, and the place there of each pair's two into
    slots (pairs, 2); returns (stop, sites taken). slot_of (m,) is -1 everywhere on entry; the
    caller resets it.
    """
    reached = np.empty(2, np.int64)
    _loops.take_pairs(pairs, start, slot_of, sites, slots, reached)
    stop, taken = reached.tolist()
    return stop, taken
