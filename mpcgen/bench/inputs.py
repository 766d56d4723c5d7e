"""What three institutions bring to the tasks: integers that their name and the size determine.

This module alone of the benchmarks draws from numpy.random: nothing here is secret.
"""

from functools import cache

import numpy as np

from mpcgen.protocols.statistic import Integers

OWNERS = ("A", "B", "C")
SEED, GROUP, HAPLOTYPES = 1, 10_000, 40_000


def _generator(me: str, *task: int) -> np.random.Generator:
    return np.random.default_rng((SEED, OWNERS.index(me), *task))


@cache
def counters(me: str, units: int) -> Integers:
    """Six counters a variant, (m, 6)."""
    return _generator(me, 1).integers(0, 10_000, (units, 6))


@cache
def genotype_counts(me: str, units: int) -> Integers:
    """Genotype counts (m, 14) of 20,000 people, rare to common; every fifth variant associated."""
    rng = _generator(me)
    f = np.linspace(0.001, 0.5, units)
    cases = np.where(np.arange(units) % 5 == 0, f * 1.15, f)
    table = np.zeros((units, 2, 7), np.int64)
    for group, p in enumerate((cases, f)):
        classes = np.stack([(1 - p) ** 2, 2 * p * (1 - p), p * p], axis=-1)
        table[:, group, :3] = rng.multinomial(GROUP, classes)
    return table.reshape(units, -1)


@cache
def pair_sums(me: str, units: int) -> Integers:
    """Sums (P, 6) of pairs of 20,000 people, of all correlations from none to nearly 1."""
    rng = _generator(me, 2)
    f, alike = np.linspace(0.01, 0.5, units), rng.permutation(np.linspace(0, 0.999, units))
    haplotypes = np.stack(
        [f * (f + (1 - f) * alike), f * (1 - f) * (1 - alike), f * (1 - f) * (1 - alike),
         (1 - f) * (1 - f + f * alike)], axis=-1,
    )  # fmt: skip
    both, x_only, y_only, _ = (rng.multinomial(HAPLOTYPES, haplotypes)).T
    x, y = both + x_only, both + y_only
    people = np.full(units, HAPLOTYPES)  # haploid people, whose squares are their dosages
    return np.stack([people, x, y, x, y, both], axis=-1)


@cache
def dosages(me: str, units: int) -> Integers:
    """An owner's third of the rows of an (n, n) matrix of dosages; 0 elsewhere."""
    x = _generator(me, 4).integers(0, 3, (units, units))
    x[np.arange(units) % len(OWNERS) != OWNERS.index(me)] = 0
    return x
