"""Founder haplotypes of three populations, by the coalescent with recombination.

An out-of-Africa history of three populations that split and do not mix again, simpler than
Gutenkunst et al., PLoS Genetics 2009, but with the same order of split times and sizes: enough
for a realistic allele frequency spectrum, decay of linkage disequilibrium and Fst.
Source: Baumdicker et al., Efficient ancestry and mutation simulation with msprime 1.0,
Genetics 2022.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import MpcgenError

POPULATIONS = ("AFR", "EUR", "EAS")
PER_POPULATION = 600  # haplotypes
MIN_MAF = 0.01  # among the founders

_SIZES = {"AFR": 14_000, "EUR": 8_000, "EAS": 6_000, "OOA": 3_000, "ANC": 12_000}  # diploids
_SPLITS = ((900, ("EUR", "EAS"), "OOA"), (2_200, ("AFR", "OOA"), "ANC"))  # generations ago
_FIRST_RATE = 0.6e-8  # mutations a site and generation; raised until there are variants enough
_WINDOW = 500_000.0  # base pairs decoded at once, so that memory does not grow with the chromosome


@dataclass(frozen=True)
class Chromosome:
    """What the copies of one chromosome look like.

    code           PLINK's: 1-22, 23 X, 24 Y, 26 MT
    variants       how many to keep
    length         base pairs
    recombination  a base pair and generation; 0 on Y and MT
    size           effective population size, as a fraction of an autosome's
    ploidy         copies that (a female, a male) carries
    """

    code: int
    variants: int
    length: int
    recombination: float = 1.2e-8
    size: float = 1.0
    ploidy: tuple[int, int] = (2, 2)


@dataclass(frozen=True)
class Founders:
    """One chromosome of all founders, PER_POPULATION of each population in order.

    bits       (founders, words) uint64; bit v % 64 of word v // 64 says that variant v is derived
    position   (variants,) int64, 1-based, strictly increasing
    frequency  (variants,) float64, of the derived allele over all founders
    """

    bits: NDArray[np.uint64]
    position: NDArray[np.int64]
    frequency: NDArray[np.float64]


def import_msprime() -> Any:
    """Return the msprime module.

    Raises MpcgenError, with the command that installs it, where it is absent.
    """
    try:
        import msprime  # noqa: PLC0415 -- optional
    except ImportError:
        raise MpcgenError(
            "simulating a cohort needs msprime, which is not installed: pip install msprime"
        ) from None
    return msprime


def founders(chromosome: Chromosome, rng: np.random.Generator) -> Founders:
    """Draw the founders of one chromosome; `rng` determines them."""
    msprime = import_msprime()
    seeds = iter(rng.integers(1, 2**32 - 1, size=64).tolist())
    ancestry = msprime.sim_ancestry(
        samples=dict.fromkeys(POPULATIONS, PER_POPULATION // 2),
        demography=_demography(msprime, chromosome.size),
        sequence_length=chromosome.length,
        recombination_rate=chromosome.recombination,
        random_seed=next(seeds),
    )
    rate = _FIRST_RATE / chromosome.size
    while True:  # a branch with enough descendants exists, so some rate suffices
        mutated = msprime.sim_mutations(
            ancestry,
            rate=rate,
            model=msprime.BinaryMutationModel(),
            discrete_genome=False,
            random_seed=next(seeds),
        )
        position, derived = _common(mutated)
        if len(position) >= chromosome.variants:
            break
        rate *= 1.5
    chosen = np.sort(rng.choice(len(position), chromosome.variants, replace=False))
    derived = derived[chosen]
    return Founders(_pack_rows(derived.T), position[chosen], derived.mean(axis=1))


def _demography(msprime: Any, size: float) -> Any:
    """Return the history of the three populations."""
    demography = msprime.Demography()
    for name, people in _SIZES.items():
        demography.add_population(name=name, initial_size=people * size)
    for time, derived, ancestral in _SPLITS:
        demography.add_population_split(time=time, derived=derived, ancestral=ancestral)
    return demography


def _common(mutated: Any) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return positions (v,) and derived alleles (v, founders) of variants with MAF >= MIN_MAF."""
    length = mutated.sequence_length
    positions, alleles = [], []
    for left in np.arange(0.0, length, _WINDOW):
        window = mutated.keep_intervals([[left, min(left + _WINDOW, length)]], simplify=False)
        derived = window.genotype_matrix().astype(np.uint8)
        frequency = derived.mean(axis=1)
        common = np.minimum(frequency, 1 - frequency) >= MIN_MAF
        positions.append(window.sites_position[common].astype(np.int64) + 1)
        alleles.append(derived[common])
    position, first = np.unique(np.concatenate(positions), return_index=True)
    return position, np.concatenate(alleles)[first]


def _pack_rows(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Pack 0/1 rows (r, v) into words (r, ceil(v / 64)), lowest bit first."""
    words = -(-rows.shape[1] // 64)
    padded = np.zeros((rows.shape[0], 8 * words), dtype=np.uint8)
    packed = np.packbits(rows, axis=1, bitorder="little")
    padded[:, : packed.shape[1]] = packed
    return padded.view("<u8")
