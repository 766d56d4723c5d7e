"""Counting on packed genotypes: Numba kernels on 64-bit words, without unpacking.

A row of a .bed file is cut into chunks of CHUNK bytes, and each chunk into two bit planes, `low`
and `high`, with one bit a person. The two words that make one word of a plane lie half a chunk
apart, so that all loads are contiguous and LLVM turns loops of population counts into AVX2 code
(Mula, Kurz, Lemire, 'Faster population counts using AVX2 instructions', Computer Journal 2018).
The order of people in a plane is therefore not the file's; masks of people are laid out by the
same function (`pack_masks`). Bits of people outside a mask, padding included, never count.
"""

from typing import Any, Final, NamedTuple, Self

import numpy as np
from llvmlite import ir
from numba import boolean, int8, int32, int64, intp, njit, types, uint8, uint16, uint64
from numba.core.extending import intrinsic
from numpy.typing import NDArray

from mpcgen.jit import kernel, reads, writes

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Sums = NDArray[np.int32]

CHUNK: Final = 8192  # bytes of a row, 32,768 people: the planes of a chunk stay in the L1 cache
_CHUNK_WORDS: Final = CHUNK // 16  # of one plane
_EVEN, _ODD = uint64(0x5555555555555555), uint64(0xAAAAAAAAAAAAAAAA)
_ONE, _BYTE = uint64(1), uint64(8)
P, Z, M = 0, 1, 2


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


def _population_count(_typing: Any, _word: Any) -> Any:
    """Number of bits set in a word."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), codegen


def _load_word(_typing: Any, data: Any, _offset: Any) -> Any:
    """Eight bytes of a byte array as a word, from any offset, aligned or not."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        address = builder.gep(array.data, [args[1]])
        word = builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return types.uint64(data, types.intp), codegen


_popcount: Any = intrinsic(_population_count)
_load: Any = intrinsic(_load_word)


@njit(nogil=True)
def _split(data: Bytes, start: int, n: int, low: Words, high: Words) -> None:
    """Write the planes of the n <= CHUNK bytes from start: low and high bit of every person."""
    half = n // 16
    for j in range(half):
        a = _load(data, start + 8 * j)
        b = _load(data, start + 8 * (j + half))
        low[j] = (a & _EVEN) | ((b & _EVEN) << _ONE)
        high[j] = ((a >> _ONE) & _EVEN) | (b & _ODD)
    if n > 16 * half:
        a = b = uint64(0)
        for i in range(n - 16 * half):
            byte = uint64(data[start + 16 * half + i])
            if i < 8:
                a |= byte << (_BYTE * uint64(i))
            else:
                b |= byte << (_BYTE * uint64(i - 8))
        low[half] = (a & _EVEN) | ((b & _EVEN) << _ONE)
        high[half] = ((a >> _ONE) & _EVEN) | (b & _ODD)


@kernel(types.void(reads(uint8, 2), writes(uint64, 2)))
def _pack(rows: Bytes, low: Words) -> None:
    high = np.empty(_CHUNK_WORDS, np.uint64)
    for r in range(len(rows)):
        for start in range(0, rows.shape[1], CHUNK):
            n = min(CHUNK, rows.shape[1] - start)
            _split(rows[r], start, n, low[r, start // 16 :], high)


def pack_masks(masks: NDArray[np.bool_]) -> Words:
    """Return masks of people (k, N) as planes (k, words)."""
    rows = np.packbits(np.repeat(masks, 2, axis=1), axis=1, bitorder="little")
    planes = np.zeros((len(rows), -(-rows.shape[1] // 16)), np.uint64)
    _pack(rows, planes)
    return planes


@kernel(
    types.void(
        reads(uint8, 1), reads(int64, 1), intp, reads(uint64, 2), reads(int64, 1), writes(int32, 3)
    )
)
def count_codes(data: Bytes, starts: Ints, n: int, masks: Words, sizes: Ints, codes: Sums) -> None:
    """Count the codes 00, 01, 10, 11 of rows under k masks: codes (rows, k, 4).

    starts: offset in data of each row, of n bytes; sizes: people in each mask.
    """
    low, high = np.empty(_CHUNK_WORDS, np.uint64), np.empty(_CHUNK_WORDS, np.uint64)
    for r in range(len(starts)):
        codes[r] = 0
        for start in range(0, n, CHUNK):
            size = min(CHUNK, n - start)
            _split(data, starts[r] + start, size, low, high)
            for k in range(len(masks)):
                mask = masks[k, start // 16 :]
                lows = highs = both = uint64(0)
                for j in range((size + 15) // 16):
                    l, h = low[j] & mask[j], high[j] & mask[j]
                    lows += _popcount(l)
                    highs += _popcount(h)
                    both += _popcount(l & h)
                codes[r, k, 1] += lows - both
                codes[r, k, 2] += highs - both
                codes[r, k, 3] += both
        for k in range(len(masks)):
            codes[r, k, 0] = sizes[k] - codes[r, k, 1] - codes[r, k, 2] - codes[r, k, 3]


_PLANES: Any = types.NamedTuple(  # type: ignore[no-untyped-call]
    (writes(uint64, 3), writes(int32, 2), writes(uint16, 2), writes(uint64, 2)), Planes
)


@kernel(
    types.void(
        reads(uint8, 1),
        reads(int64, 1),
        intp,
        reads(boolean, 1),
        reads(int8, 1),
        reads(uint64, 2),
        reads(uint64, 2),
        _PLANES,
    )
)
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
    bits, totals, places, gaps = planes
    low, high = np.empty(_CHUNK_WORDS, np.uint64), np.empty(_CHUNK_WORDS, np.uint64)
    for r in range(len(starts)):
        totals[r] = 0
        if starts[r] < 0:
            continue
        _split(data, starts[r], n, low, high)
        who, one = counted[kinds[r]], haploid[kinds[r]]
        flip = ~uint64(0) if swapped[r] else uint64(0)
        p = z = m = uint64(0)
        for j in range(len(who)):
            het, homozygous = high[j] & ~low[j], ~(high[j] ^ low[j])
            known = who[j] & (homozygous | (het & ~one[j]))
            alt = known & homozygous & ~(high[j] ^ flip)
            bits[r, P, j] = alt & ~one[j]
            bits[r, Z, j] = known & homozygous & ~(alt & one[j])
            bits[r, M, j] = known
            p += _popcount(bits[r, P, j])
            z += _popcount(bits[r, Z, j])
            m += _popcount(known)
        found = 0
        for j in range(len(who)):
            gap = counted[0, j] & ~bits[r, M, j]
            if gap != 0:
                places[r, found], gaps[r, found] = j, gap
                found += 1
        gaps[r, found] = 0
        totals[r, P], totals[r, Z], totals[r, M], totals[r, 3] = p, z, m, found


@njit(inline="always")  # a call costs as much as its work
def _within(planes: Planes, x: int, y: int) -> Any:
    """People in x's planes P, Z and M whom y does not miss.

    Where few words of y have gaps, those whom x has in the gaps are taken off x's totals.
    """
    bits, totals, places, gaps = planes
    p = z = m = uint64(0)
    if totals[y, 3] * 3 > bits.shape[2]:
        for j in range(bits.shape[2]):
            p += _popcount(bits[x, P, j] & bits[y, M, j])
            z += _popcount(bits[x, Z, j] & bits[y, M, j])
            m += _popcount(bits[x, M, j] & bits[y, M, j])
        return int64(p), int64(z), int64(m)
    i = 0
    while gaps[y, i] != 0:
        j, gap = places[y, i], gaps[y, i]
        p += _popcount(bits[x, P, j] & gap)
        z += _popcount(bits[x, Z, j] & gap)
        m += _popcount(bits[x, M, j] & gap)
        i += 1
    return totals[x, P] - int64(p), totals[x, Z] - int64(z), totals[x, M] - int64(m)


@kernel(types.void(_PLANES, reads(int32, 2), writes(int32, 2)))
def add_pair_sums(planes: Planes, slots: Sums, sums: Sums) -> None:
    """Add n, Sx, Sy, Sxx, Syy, Sxy of pairs of sites to sums (pairs, 6).

    slots (pairs, 2): the places in planes of each pair's sites.
    With u = x - 1 and v = y - 1 in {-1, 0, 1}, and |.| people among those with both genotypes:
    sum u = 2 |P| - |Z|, sum u^2 = |Z|, sum uv = |Zx & Zy| - 2 |Zx & Zy & (Px ^ Py)|.
    """
    bits, totals = planes.bits, planes.totals
    for k in range(len(slots)):
        x, y = slots[k, 0], slots[k, 1]
        if totals[x, M] == 0 or totals[y, M] == 0:
            continue
        both = differ = uint64(0)
        for j in range(bits.shape[2]):
            z = bits[x, Z, j] & bits[y, Z, j]
            both += _popcount(z)
            differ += _popcount(z & (bits[x, P, j] ^ bits[y, P, j]))
        px, zx, n = _within(planes, x, y)
        py, zy, _ = _within(planes, y, x)
        u, v, uv = 2 * px - zx, 2 * py - zy, int64(both) - 2 * int64(differ)
        sums[k, 0] += n
        sums[k, 1] += u + n
        sums[k, 2] += v + n
        sums[k, 3] += zx + 2 * u + n
        sums[k, 4] += zy + 2 * v + n
        sums[k, 5] += uv + u + v + n


@kernel(
    types.Tuple((intp, intp))(  # type: ignore[no-untyped-call]
        reads(int64, 2), intp, writes(int32, 1), writes(int64, 1), writes(int32, 2)
    )
)
def take_pairs(pairs: Ints, start: int, slot_of: Sums, sites: Ints, slots: Sums) -> tuple[int, int]:
    """Take pairs from start on while they fit into slots, and their sites into sites.

    Writes the distinct sites into sites, and the place there of each pair's two into
    slots (pairs, 2); returns (stop, sites taken). slot_of (m,) is -1 everywhere on entry; the
    caller resets it.
    """
    taken = 0
    stop = min(len(pairs), start + len(slots))
    for k in range(start, stop):
        new = (slot_of[pairs[k, 0]] < 0) + (slot_of[pairs[k, 1]] < 0)
        if taken + new > len(sites):
            return k, taken
        for side in range(2):
            site = pairs[k, side]
            if slot_of[site] < 0:
                slot_of[site] = taken
                sites[taken] = site
                taken += 1
            slots[k - start, side] = slot_of[site]
    return stop, taken
