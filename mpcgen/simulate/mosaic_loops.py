"""The loops behind mpcgen.simulate.mosaic, which Numba compiles; what they take is told there."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgen.compiler import NUMBER, kernel, part, reads, writes

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@part()
def _draw(random: NDArray[np.uint64], h: int) -> Any:
    """Return the next 64 bits of haplotype h (SplitMix64; Steele, Lea, Flood, OOPSLA 2014)."""
    random[h] += _GOLDEN
    z = random[h]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@part()
def _gap(random: NDArray[np.uint64], h: int, rate: float) -> Any:
    """Return the distance to the next event at `rate` a variant, geometric, at least 1."""
    uniform = (np.float64(_draw(random, h) >> np.uint64(11)) + 0.5) * 2.0**-53
    return 1 + np.int64(np.log(uniform) / np.log1p(-rate))


@part()
def _word(
    bits: NDArray[np.uint64],
    w: int,
    h: int,
    pool: NDArray[np.int64],
    size: int,
    founder: NDArray[np.int64],
    events: NDArray[np.int64],
    rates: NDArray[np.float64],
    random: NDArray[np.uint64],
) -> Any:
    """Return word w of haplotype h, whose events lie at or after that word."""
    word = bits[founder[h], w]
    while events[h, 0] >> 6 == w:
        after = ~np.uint64(0) << np.uint64(events[h, 0] & 63)
        founder[h] = pool[h] + np.int64(_draw(random, h) % np.uint64(size))
        word = (word & ~after) | (bits[founder[h], w] & after)
        events[h, 0] += _gap(random, h, rates[0])
    while events[h, 1] >> 6 == w:
        word ^= np.uint64(1) << np.uint64(events[h, 1] & 63)
        events[h, 1] += _gap(random, h, rates[1])
    return word


@kernel(
    *(reads(np.uint64, 2), NUMBER, reads(np.int64, 1), NUMBER, reads(np.int64, 1)),
    *(writes(np.int64, 1), writes(np.int64, 2), reads(np.float64, 1), writes(np.uint64, 1)),
    writes(np.uint64, 3),
)
def copy_words(
    bits: NDArray[np.uint64],
    first: int,
    pool: NDArray[np.int64],
    size: int,
    ploidy: NDArray[np.int64],
    founder: NDArray[np.int64],
    events: NDArray[np.int64],
    rates: NDArray[np.float64],
    random: NDArray[np.uint64],
    planes: NDArray[np.uint64],
) -> None:
    """Fill planes (N, 2, words) from the founders' words first .. first + words - 1."""
    for i in range(len(ploidy)):
        h = 2 * i
        for k in range(planes.shape[2]):
            w = first + k
            a = _word(bits, w, h, pool, size, founder, events, rates, random)
            b = a
            if ploidy[i] == 2:
                b = _word(bits, w, h + 1, pool, size, founder, events, rates, random)
            missing = np.uint64(0)
            while events[h, 2] >> 6 == w:
                missing |= np.uint64(1) << np.uint64(events[h, 2] & 63)
                events[h, 2] += _gap(random, h, rates[2])
            if ploidy[i] == 0:
                missing = ~np.uint64(0)
            planes[i, 0, k] = ~(a | b) | missing  # codes: 0 two copies, 1 missing, 2 one, 3 none
            planes[i, 1, k] = ~(a & b) & ~missing


@part()
def _transpose_tile(tile: NDArray[np.uint64]) -> None:
    """Transpose 64 words of 64 bits in place, halving the blocks that are swapped."""
    half = 32
    mask = np.uint64(0xFFFFFFFF)
    while half:
        shift = np.uint64(half)
        for r in range(64):
            if r & half == 0:
                swap = ((tile[r] >> shift) ^ tile[r | half]) & mask
                tile[r | half] ^= swap
                tile[r] ^= swap << shift
        half >>= 1
        mask ^= mask << np.uint64(half)


@kernel(reads(np.uint64, 3), writes(np.uint64, 2), NUMBER, NUMBER, writes(np.uint64, 1))
def transpose(
    planes: NDArray[np.uint64],
    rows: NDArray[np.uint64],
    begin: int,
    end: int,
    tile: NDArray[np.uint64],
) -> None:
    """Turn planes (N, 2, words) into columns begin .. end - 1, of 32 people each, of .bed rows.

    tile: room for 64 words.
    """
    people = planes.shape[0]
    for group in range(begin, end):
        for word in range(planes.shape[2]):
            for k in range(32):
                i = 32 * group + k
                tile[2 * k] = planes[i, 0, word] if i < people else np.uint64(0)
                tile[2 * k + 1] = planes[i, 1, word] if i < people else np.uint64(0)
            _transpose_tile(tile)
            for v in range(64):
                rows[64 * word + v, group] = tile[v]
