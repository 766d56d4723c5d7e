"""The loops behind mpcgen.genome.kernels, which Numba compiles; what they do is told there.

`low` and `high` are room for the planes of one chunk.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import int64, types, uint64
from numba.core.extending import intrinsic
from numpy.typing import NDArray

from mpcgen.compiler import NUMBER, kernel, part, reads, writes

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Sums = NDArray[np.int32]

_EVEN, _ODD = uint64(0x5555555555555555), uint64(0xAAAAAAAAAAAAAAAA)
_ONE, _BYTE = uint64(1), uint64(8)
_PLANE = writes(np.uint64, 1)
P, Z, M = 0, 1, 2  # of kernels.Planes


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


@part()
def _split(data: Bytes, start: int, n: int, low: Words, high: Words) -> None:
    """Write the planes of the n bytes of a chunk from start: low and high bit of every person."""
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


@kernel(reads(np.uint8, 2), writes(np.uint64, 2), _PLANE)
def pack(rows: Bytes, low: Words, high: Words) -> None:
    """Write the low planes of rows."""
    chunk = 16 * len(high)
    for r in range(len(rows)):
        start = 0
        while start < rows.shape[1]:
            n = min(chunk, rows.shape[1] - start)
            _split(rows[r], start, n, low[r, start // 16 :], high)
            start += chunk


@kernel(
    *(reads(np.uint8, 1), reads(np.int64, 1), NUMBER, reads(np.uint64, 2), reads(np.int64, 1)),
    *(writes(np.int32, 3), _PLANE, _PLANE),
)
def count_codes(
    data: Bytes,
    starts: Ints,
    n: int,
    masks: Words,
    sizes: Ints,
    codes: Sums,
    low: Words,
    high: Words,
) -> None:
    """See kernels.count_codes."""
    chunk = 16 * len(low)
    for r in range(len(starts)):
        codes[r] = 0
        start = 0
        while start < n:
            size = min(chunk, n - start)
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
            start += chunk
        for k in range(len(masks)):
            codes[r, k, 0] = sizes[k] - codes[r, k, 1] - codes[r, k, 2] - codes[r, k, 3]


_PLANES = writes(np.uint64, 3), writes(np.int32, 2), writes(np.uint16, 2), writes(np.uint64, 2)


@kernel(
    *(reads(np.uint8, 1), reads(np.int64, 1), NUMBER, reads(np.bool_, 1), reads(np.int8, 1)),
    *(reads(np.uint64, 2), reads(np.uint64, 2), *_PLANES, _PLANE, _PLANE),
)
def fill_planes(
    data: Bytes,
    starts: Ints,
    n: int,
    swapped: NDArray[np.bool_],
    kinds: NDArray[np.int8],
    counted: Words,
    haploid: Words,
    bits: Words,
    totals: Sums,
    places: NDArray[np.uint16],
    gaps: Words,
    low: Words,
    high: Words,
) -> None:
    """See kernels.fill_planes."""
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


@part(inline="always")  # a call costs as much as its work
def _within(planes: Any, x: int, y: int) -> Any:
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


@kernel(*_PLANES, reads(np.int32, 2), writes(np.int32, 2))
def add_pair_sums(
    bits: Words,
    totals: Sums,
    places: NDArray[np.uint16],
    gaps: Words,
    slots: Sums,
    sums: Sums,
) -> None:
    """See kernels.add_pair_sums; |.| is people among those with both genotypes.

    With u = x - 1 and v = y - 1 in {-1, 0, 1}: sum u = 2 |P| - |Z|, sum u^2 = |Z|,
    sum uv = |Zx & Zy| - 2 |Zx & Zy & (Px ^ Py)|.
    """
    planes = bits, totals, places, gaps
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
    *(reads(np.int64, 2), NUMBER, writes(np.int32, 1), writes(np.int64, 1), writes(np.int32, 2)),
    writes(np.int64, 1),
)
def take_pairs(
    pairs: Ints, start: int, slot_of: Sums, sites: Ints, slots: Sums, reached: Ints
) -> None:
    """See kernels.take_pairs; reached: where it stopped, and the number of sites taken."""
    taken = 0
    k = start
    while k < min(len(pairs), start + len(slots)):
        new = (slot_of[pairs[k, 0]] < 0) + (slot_of[pairs[k, 1]] < 0)
        if taken + new > len(sites):
            break
        for side in range(2):
            site = pairs[k, side]
            if slot_of[site] < 0:
                slot_of[site] = taken
                sites[taken] = site
                taken += 1
            slots[k - start, side] = slot_of[site]
        k += 1
    reached[0], reached[1] = k, taken
