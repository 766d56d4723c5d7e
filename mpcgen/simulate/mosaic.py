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

import numpy as np
from numpy.typing import NDArray

from mpcgen.jit import cores, load

MISCOPY = 2e-4  # alleles a variant and haplotype
THREADS = cores()
_NEVER = np.int64(1) << 62
_loops = load("mpcgen.simulate.mosaic_loops")


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
            _loops.copy_words(
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

    def part(begin: int, end: int) -> None:
        _loops.transpose(planes[start:stop], rows, begin, end, np.empty(64, np.uint64))

    _in_parts(rows.shape[1], part)
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
