"""Rings: time an operation of n elements, or an n x n matrix product; tags, by n bits of theirs."""

from typing import Any

import numpy as np
import pytest

from mpcgen.bits import BITS
from mpcgen.field import combine
from mpcgen.ring import Z2_32, Z2_64, Z2_128, Z2_192, Array, Ring
from mpcgen.tags import TAGS

rings = pytest.mark.parametrize(
    "ring", [Z2_32, Z2_64, Z2_128, Z2_192], ids=lambda ring: f"k{ring.k}"
)
ELEMENTS = 2**18  # the largest secure batch


def uniform(ring: Ring, *shape: int) -> Array:
    data = np.random.default_rng(1).bytes(ring.size * int(np.prod(shape)))
    return ring.from_bytes(data, shape)


@rings
@pytest.mark.parametrize("n", [ELEMENTS], ids=lambda n: f"n{n}")
@pytest.mark.parametrize("operation", ["add", "sub", "mul", "xor"])
def test_elementwise(benchmark: Any, ring: Ring, operation: str, n: int) -> None:
    benchmark(getattr(ring, operation), uniform(ring, n), uniform(ring, n))


@rings
@pytest.mark.parametrize("n", [ELEMENTS], ids=lambda n: f"n{n}")
def test_multiplication_by_a_constant(benchmark: Any, ring: Ring, n: int) -> None:
    benchmark(ring.mul, uniform(ring, n), ring.encode([3]))


@rings
@pytest.mark.parametrize("n", [ELEMENTS], ids=lambda n: f"n{n}")
def test_logical_shift(benchmark: Any, ring: Ring, n: int) -> None:
    benchmark(ring.rshift, uniform(ring, n), 5)


@rings
@pytest.mark.parametrize("n", [ELEMENTS], ids=lambda n: f"n{n}")
def test_sum_over_three_institutions(benchmark: Any, ring: Ring, n: int) -> None:
    benchmark(ring.sum, uniform(ring, 3, n), 0)


@rings
@pytest.mark.parametrize("n", [1000], ids=lambda n: f"n{n}")
def test_matrix_product(benchmark: Any, ring: Ring, n: int) -> None:
    benchmark(ring.matmul, uniform(ring, n, n), uniform(ring, n, n))


@pytest.mark.parametrize("ring", [Z2_32, Z2_64], ids=lambda ring: f"k{ring.k}")
@pytest.mark.parametrize("n", [1000], ids=lambda n: f"n{n}")
def test_matrix_product_by_numpy(benchmark: Any, ring: Ring, n: int) -> None:
    """The baseline that the kernel stands beside."""
    benchmark.pedantic(np.matmul, (uniform(ring, n, n), uniform(ring, n, n)), rounds=3)


@pytest.mark.parametrize("n", [8 * ELEMENTS], ids=lambda n: f"n{n}")
def test_swapped_products_of_tags(benchmark: Any, n: int) -> None:
    (d, e), (z, a, b) = uniform(BITS, 2, n // 8), uniform(TAGS, 3, n // 8)
    benchmark(TAGS.add_swapped, z, (d, a), (e, b), TAGS.mul)


@pytest.mark.parametrize("n", [8 * ELEMENTS], ids=lambda n: f"n{n}")
def test_combination_of_tags(benchmark: Any, n: int) -> None:
    benchmark(combine, *uniform(TAGS, 2, n // 8))
