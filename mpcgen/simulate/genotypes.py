"""Genotypes of a simulated cohort, block of variants after block."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.jit import cores
from mpcgen.simulate.founders import PER_POPULATION, Chromosome, Founders, founders
from mpcgen.simulate.mosaic import chains
from mpcgen.simulate.people import People

SEGMENT = 400  # mean variants between two switches of founder
SPACING = 1_000  # mean base pairs between two variants
MT_LENGTH = 16_569  # base pairs
CAUSAL_MAF = 0.05  # least, among the founders
WORDS = 16  # of 64 variants, in a block


class Site(NamedTuple):
    """One variant; alt is the derived allele."""

    chrom: int
    pos: int
    id: str
    ref: str
    alt: str


@dataclass(frozen=True)
class Block:
    """Consecutive variants of one chromosome.

    sites    one a variant
    planes   (N, 2, words) uint64 as mosaic.bed_rows takes them; padded beyond the last site
    effects  of the causal variants: row in the block -> liability a standard deviation of dosage
    """

    sites: list[Site]
    planes: NDArray[np.uint64]
    effects: dict[int, float]


def chromosomes(variants: int, autosomes: int, sex_chromosomes: bool) -> list[Chromosome]:
    """Spread `variants` over chromosomes, the autosomes first; raises InputError if too few."""
    extra: list[Chromosome] = []
    if sex_chromosomes:
        x, y, mt = variants // 20, variants // 100, min(variants // 100, 200)
        extra = [
            Chromosome(23, x, SPACING * x, size=0.75, ploidy=(2, 1)),
            Chromosome(24, y, SPACING * y, recombination=0.0, size=0.25, ploidy=(0, 1)),
            Chromosome(26, mt, MT_LENGTH, recombination=0.0, size=0.25, ploidy=(1, 1)),
        ]
    if not 1 <= autosomes <= 22:
        raise InputError(f"1 to 22 autosomes, not {autosomes}")
    rest = variants - sum(c.variants for c in extra)
    sizes = [rest // autosomes + (i < rest % autosomes) for i in range(autosomes)]
    plan = [Chromosome(i + 1, size, SPACING * size) for i, size in enumerate(sizes)] + extra
    if min(c.variants for c in plan) < 1:
        raise InputError(f"{variants} variants leave one of {len(plan)} chromosomes empty")
    return plan


def blocks(
    plan: list[Chromosome],
    streams: list[np.random.Generator],
    everybody: People,
    effects: list[NDArray[np.float64]],
    missing: float,
) -> Iterator[Block]:
    """Yield every chromosome's blocks in order.

    streams  one generator a chromosome; their state determines everything
    effects  of the causal variants, an array for each of the first chromosomes of the plan
    """
    total = sum(map(len, effects))
    with ThreadPoolExecutor(cores()) as pool:
        drawn = pool.map(founders, plan, streams)
        for i, (chromosome, source, rng) in enumerate(zip(plan, drawn, streams, strict=True)):
            has = i < len(effects)
            causal = _place(effects[i], chromosome, source, total, rng) if has else {}
            yield from _chromosome(chromosome, source, causal, everybody, missing, rng)


def _chromosome(
    chromosome: Chromosome,
    source: Founders,
    causal: dict[int, float],
    everybody: People,
    missing: float,
    rng: np.random.Generator,
) -> Iterator[Block]:
    """Yield one chromosome's blocks: everybody's mosaics of the `source`."""
    sites = _sites(chromosome, source, rng)
    copies = chains(
        everybody.ancestry,
        PER_POPULATION,
        np.array(chromosome.ploidy)[everybody.male.astype(np.int64)],
        switch=1 / SEGMENT if chromosome.recombination else 0.0,
        missing=missing,
        rng=rng,
    )
    words = source.bits.shape[1]
    for word in range(0, words, WORDS):
        begin, end = 64 * word, 64 * (word + WORDS)
        planes = copies.copy(source.bits, word, min(WORDS, words - word))
        here = {v - begin: effect for v, effect in causal.items() if begin <= v < end}
        yield Block(sites[begin:end], planes, here)


def _place(
    effects: NDArray[np.float64],
    chromosome: Chromosome,
    source: Founders,
    causal: int,
    rng: np.random.Generator,
) -> dict[int, float]:
    """Give the effects to common variants of one chromosome; raises InputError if too few."""
    common = np.flatnonzero(np.abs(source.frequency - 0.5) <= 0.5 - CAUSAL_MAF)
    if len(common) < len(effects):
        raise InputError(
            f"chromosome {chromosome.code} has {len(common)} common variants, too few for its "
            f"share, {len(effects)} of the {causal} causal ones; ask for more variants, or for "
            "fewer causal ones"
        )
    chosen = rng.choice(common, len(effects), replace=False)
    return dict(zip(chosen.tolist(), effects.tolist(), strict=True))


def _sites(chromosome: Chromosome, source: Founders, rng: np.random.Generator) -> list[Site]:
    """Name the variants and give them alleles, two transitions to a transversion."""
    ref = rng.integers(0, 4, chromosome.variants)
    alt = ref ^ rng.choice([2, 1, 3], chromosome.variants, p=[2 / 3, 1 / 6, 1 / 6])
    code = chromosome.code
    return [
        Site(code, pos, f"s{code}_{pos}", "ACGT"[r], "ACGT"[a])
        for pos, r, a in zip(source.position.tolist(), ref.tolist(), alt.tolist(), strict=True)
    ]
