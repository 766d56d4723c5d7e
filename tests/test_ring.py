"""Z_2^k against Python's integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgen.errors import BadMessage
from mpcgen.ring import Array, Ring

RINGS = [Ring(k) for k in (1, 2, 3, 8, 32, 64, 128)]
rings = pytest.mark.parametrize("ring", RINGS, ids=lambda ring: f"k{ring.k}")
quick = settings(max_examples=25, deadline=None)
integers = st.integers(-(2**130), 2**130) | st.sampled_from([0, 1, -1, 2**32, 2**63, 2**64, 2**127])
lists = st.lists(st.tuples(integers, integers), max_size=9)


def python(ring: Ring, x: Array) -> list[int]:
    return [int(v) for v in ring.unsigned(x).ravel()]


@rings
@quick
@given(pairs=lists)
def test_arithmetic_and_bits_are_those_of_python_integers(
    ring: Ring, pairs: list[tuple[int, int]]
) -> None:
    a, b = [p[0] for p in pairs], [p[1] for p in pairs]
    x, y = ring.encode(a), ring.encode(b)
    m = ring.modulus
    for z, expected in [
        (ring.add(x, y), [(i + j) % m for i, j in pairs]),
        (ring.sub(x, y), [(i - j) % m for i, j in pairs]),
        (ring.mul(x, y), [i * j % m for i, j in pairs]),
        (ring.neg(x), [-i % m for i in a]),
        (ring.and_(x, y), [(i & j) % m for i, j in pairs]),
        (ring.or_(x, y), [(i | j) % m for i, j in pairs]),
        (ring.xor(x, y), [(i ^ j) % m for i, j in pairs]),
        (ring.invert(x), [~i % m for i in a]),
    ]:
        ring.check(z)
        assert python(ring, z) == expected


@rings
def test_matrix_product_equals_that_of_python_integers(ring: Ring) -> None:
    rng = np.random.default_rng(1)
    x = ring.from_bytes(_bytes(rng, ring, 7 * 5), (7, 5))
    y = ring.from_bytes(_bytes(rng, ring, 5 * 3), (5, 3))
    expected = ring.unsigned(x).astype(object) @ ring.unsigned(y).astype(object) % ring.modulus
    assert (ring.unsigned(ring.matmul(x, y)) == expected).all()


def _bytes(rng: np.random.Generator, ring: Ring, count: int) -> bytes:
    words = rng.integers(0, 256, count * ring.size, np.uint8) & min(ring.modulus - 1, 255)
    return words.astype(np.uint8).tobytes()


@rings
def test_bytes_of_another_length_are_refused(ring: Ring) -> None:
    with pytest.raises(BadMessage, match="bytes"):
        ring.from_bytes(bytes(3 * ring.size + 1), (3,))
