"""People as mosaics of founders, 64 variants at a time.

Every haplotype copies one founder of its population, switches to another at random points, and now
and then miscopies an allele (Li and Stephens, Genetics 2003, run forwards). Switches are rare, so a
haplotype is nearly always copied word by word. Its random numbers are its own, so the result does
not depend on the number of threads. A transposition of 64 x 64 bits then turns 32 people's words
into the bytes of a .bed file.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import float64, int64, types, uint64
from numpy.typing import NDArray

from mpcgen.jit import cores, kernel, reads, writes

MISCOPY = 2e-4  # alleles a variant and haplotype
THREADS = cores()
_NEVER = np.int64(1) << 62
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Chains:
    """Where every haplotype stands on one chromosome; haplotypes 2i and 2i + 1 are person i's.

    pool     (2N,) int64, first founder of the haplotype's population
    size     founders a population
    ploidy   (N,) int64, copies carried: 2; 1, of which the second haplotype is a copy; 0, missing
    founder  (2N,) int64, the founder now copied
    events   (2N, 3) int64, next variant with a switch, a miscopy, the person's missing genotype
    rates    (3,) float64, of these events a variant
    random   (2N,) uint64, state of the haplotype's own generator
    """

    pool: NDArray[np.int64]
    size: int
    ploidy: NDArray[np.int64]
    founder: NDArray[np.int64]
    events: NDArray[np.int64]
    rates: NDArray[np.float64]
    random: NDArray[np.uint64]

    def copy(self, bits: NDArray[np.uint64], first: int, words: int) -> NDArray[np.uint64]:
        """Copy words first .. first + words - 1 of the founders' `bits`; call in order of words.

        Returns planes (N, 2, words): low and high bits of the .bed codes, A1 the derived allele.
        """
        planes = np.empty((len(self.ploidy), 2, words), dtype=np.uint64)

        def part(begin: int, end: int) -> None:
            haplotypes = slice(2 * begin, 2 * end)
            _copy(
                bits,
                first,
                self.pool[haplotypes],
                self.size,
                self.ploidy[begin:end],
                self.founder[haplotypes],
                self.events[haplotypes],
                self.rates,
                self.random[haplotypes],
                planes[begin:end],
            )

        _in_parts(len(planes), part)
        return planes


def chains(
    population: NDArray[np.int64],
    size: int,
    ploidy: NDArray[np.int64],
    *,
    switch: float,
    missing: float,
    rng: np.random.Generator,
) -> Chains:
    """Start the haplotypes of people of the given `population` (N,) on a chromosome.

    switch   rate of a new founder a variant; 0 where the chromosome does not recombine
    missing  rate of missing genotypes
    """
    haplotypes = 2 * len(population)
    pool = np.repeat(population * size, 2)
    rates = np.array([switch, MISCOPY, missing])
    events = np.full((haplotypes, 3), _NEVER, dtype=np.int64)
    for column, rate in enumerate(rates):
        if rate > 0:
            events[:, column] = rng.geometric(rate, haplotypes) - 1
    founder = pool + rng.integers(0, size, haplotypes)
    random = rng.integers(0, 2**64, haplotypes, dtype=np.uint64)
    return Chains(pool, size, ploidy, founder, events, rates, random)


def bed_rows(planes: NDArray[np.uint64], start: int, stop: int) -> NDArray[np.uint8]:
    """Return rows (64 * words, ceil((stop - start) / 4)) of a .bed for people start .. stop - 1."""
    people = stop - start
    rows = np.empty((64 * planes.shape[2], -(-people // 32)), dtype="<u8")
    _in_parts(rows.shape[1], lambda begin, end: _transpose(planes[start:stop], rows, begin, end))
    return rows.view(np.uint8)[:, : -(-people // 4)]


def dosages(planes: NDArray[np.uint64], variant: int) -> NDArray[np.float64]:
    """Copies of the derived allele (N,) at a variant of the block, NaN where missing."""
    word, bit = divmod(variant, 64)
    low, high = ((planes[:, plane, word] >> np.uint64(bit)) & np.uint64(1) for plane in (0, 1))
    return np.array([2.0, np.nan, 1.0, 0.0])[low + 2 * high]


def _in_parts(size: int, work: Callable[[int, int], None]) -> None:
    """Call `work(begin, end)` on every part of range(size), one a thread."""
    edges = [size * i // THREADS for i in range(THREADS + 1)]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, edges[:-1], edges[1:]))


_STATE = (writes(int64, 1), writes(int64, 2), reads(float64, 1), writes(uint64, 1))


@kernel(uint64(writes(uint64, 1), int64))
def _draw(random: NDArray[np.uint64], h: int) -> Any:
    """Return the next 64 bits of haplotype h (SplitMix64; Steele, Lea, Flood, OOPSLA 2014)."""
    random[h] += _GOLDEN
    z = random[h]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel(int64(writes(uint64, 1), int64, float64))
def _gap(random: NDArray[np.uint64], h: int, rate: float) -> Any:
    """Return the distance to the next event at `rate` a variant, geometric, at least 1."""
    uniform = (np.float64(_draw(random, h) >> np.uint64(11)) + 0.5) * 2.0**-53
    return 1 + np.int64(np.log(uniform) / np.log1p(-rate))


@kernel(uint64(reads(uint64, 2), int64, int64, reads(int64, 1), int64, *_STATE))
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
    types.void(
        reads(uint64, 2), int64, reads(int64, 1), int64, reads(int64, 1), *_STATE, writes(uint64, 3)
    )
)
def _copy(
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


@kernel(types.void(writes(uint64, 1)))
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


@kernel(types.void(reads(uint64, 3), writes(uint64, 2), int64, int64))
def _transpose(planes: NDArray[np.uint64], rows: NDArray[np.uint64], begin: int, end: int) -> None:
    """Turn planes (N, 2, words) into columns begin .. end - 1, of 32 people each, of .bed rows."""
    people = planes.shape[0]
    for group in range(begin, end):
        tile = np.empty(64, dtype=np.uint64)
        for word in range(planes.shape[2]):
            for k in range(32):
                i = 32 * group + k
                tile[2 * k] = planes[i, 0, word] if i < people else np.uint64(0)
                tile[2 * k + 1] = planes[i, 1, word] if i < people else np.uint64(0)
            _transpose_tile(tile)
            for v in range(64):
                rows[64 * word + v, group] = tile[v]
