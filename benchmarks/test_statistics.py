"""The public steps at 100,000 variants or pairs, and the local step of CMH."""

from typing import Any

import numpy as np
import pytest

from mpcgen.protocols.catalogue import from_options
from mpcgen.protocols.genotype_counts import ALL, CASES, CONTROLS
from mpcgen.protocols.pairs import WindowPairs
from mpcgen.protocols.statistic import Sites
from mpcgen.protocols.stratified import CMH_TERMS
from tests.one_party import Given, open_totals

UNITS = 100_000
CHROM = np.sort(np.arange(UNITS) % 22 + 1).astype(np.int8)
ENTRIES: dict[str, tuple[str, dict[str, object]]] = {
    "frequency": ("frequency", {"groups": [ALL, CASES, CONTROLS]}),
    "allelic": ("association", {"tests": ["allelic"]}),
    "genotypic": ("association", {"tests": ["genotypic"]}),
    "trend": ("association", {"tests": ["trend"]}),
    "cmh": ("association", {"tests": ["cmh"]}),
    "linkage": ("linkage", {"window": 50}),
}


def institution() -> Given:
    """Hardy-Weinberg counts of 5,000 cases and 5,000 controls, and sums of pairs."""
    rng = np.random.default_rng(1)
    counts = np.zeros((UNITS, 2, 7), np.int32)
    f = rng.uniform(0.01, 0.5, (UNITS, 1))
    frequencies = np.stack([(1 - f) ** 2, 2 * f * (1 - f), f * f], axis=-1)
    counts[..., :3] = rng.multinomial(5000, frequencies, (UNITS, 2))
    x, y = rng.integers(0, 3, (2, UNITS, 50), np.int32)
    sums = [np.full(UNITS, 50), x.sum(1), y.sum(1), (x * x).sum(1), (y * y).sum(1), (x * y).sum(1)]
    return Given(counts, np.stack(sums, axis=1).astype(np.int32))


@pytest.fixture(scope="module")
def owner() -> Given:
    return institution()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry}-{UNITS}")
def test_public_step(benchmark: Any, owner: Given, entry: str) -> None:
    kind, options = ENTRIES[entry]
    statistic = from_options(kind, options, (CASES, CONTROLS))
    opened = open_totals(statistic, [owner])
    tables = benchmark(statistic.public, opened, Sites(CHROM))
    assert all(len(table.rows) == UNITS for table in tables.values())


def test_local_step_of_cmh(benchmark: Any, owner: Given) -> None:
    assert benchmark(CMH_TERMS.local, owner).shape == (UNITS, 5)


def test_pairs_of_a_window(benchmark: Any) -> None:
    window = WindowPairs(np.arange(UNITS), CHROM, np.arange(UNITS), 50, None)
    assert len(benchmark(window.between, 1 << 18, 1 << 19)) == 1 << 18
