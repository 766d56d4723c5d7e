"""Tags of packed bits, and GF(2^64), against Python's integers."""

from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgen.bits import BITS
from mpcgen.errors import BadMessage
from mpcgen.field import combine, combine_bits, multiply
from mpcgen.prg import Prg
from mpcgen.ring import Z2_64, Z2_192, Array, Ring
from mpcgen.tags import TAGS, Tags

MODULUS = 1 << 64 | 0b11011
SHAPES = [(), (1,), (7,), (2, 3), (0,), (0, 3), (3, 0)]
elements = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2, 2**63, 2**64 - 1])
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)
quick = settings(max_examples=50, deadline=None)


def uniform(ring: Ring, shape: tuple[int, ...], seed: int = 1) -> Array:
    """Elements drawn for a test."""
    return Prg.for_tests_only(seed).draw(ring, shape, "values", 0)


def product(x: int, y: int) -> int:
    """x y in GF(2^64), by long multiplication and division."""
    long = reduce(xor, (x << i for i in range(64) if y >> i & 1), 0)
    for i in reversed(range(64, 127)):
        if long >> i & 1:
            long ^= MODULUS << i - 64
    return long


def flat(x: Array) -> list[int]:
    """Words as integers, in order."""
    return [int(word) for word in x.reshape(-1)]


def bits_of(x: Array) -> list[int]:
    """Packed bits one by one, bit t of a byte as the t-th."""
    return [int(byte) >> t & 1 for byte in x.reshape(-1) for t in range(8)]


def tagged(seed: int, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Bits, and tags of the same shape that are not theirs."""
    return uniform(BITS, shape, seed), uniform(TAGS, shape, seed + 100)


@quick
@given(x=elements, y=elements, z=elements)
def test_the_field(x: int, y: int, z: int) -> None:
    assert multiply(x, y) == product(x, y) == multiply(y, x)
    assert multiply(x, 1) == x
    assert multiply(x, y ^ z) == multiply(x, y) ^ multiply(x, z)
    assert multiply(multiply(x, y), z) == multiply(x, multiply(y, z))


def test_the_modulus_is_irreducible() -> None:
    """By Rabin: x^(2^64) is x, and x^(2^32) - x has no factor in common with the modulus."""
    power = [2]
    for _ in range(64):
        power.append(multiply(power[-1], power[-1]))
    assert power[64] == 2
    assert multiply(2**63, 2) == MODULUS - 2**64
    inverse = reduce(multiply, power[1:64], 1)  # x^(2^64 - 2)
    assert multiply(inverse, 2) == 1
    assert _gcd(MODULUS, power[32] ^ 2) == 1


def _gcd(x: int, y: int) -> int:
    while y:
        while x.bit_length() >= y.bit_length():
            x ^= y << x.bit_length() - y.bit_length()
        x, y = y, x
    return x


@shapes
def test_a_combination_is_the_sum_of_the_products(shape: tuple[int, ...]) -> None:
    x, weights = uniform(TAGS, shape, 1), uniform(TAGS, shape, 2)
    products = map(product, flat(x), flat(weights))
    assert combine(x, weights) == reduce(xor, products, 0)


@given(pairs=st.lists(st.tuples(elements, elements), min_size=8, max_size=8))
def test_combinations_at_the_edges(pairs: list[tuple[int, int]]) -> None:
    x, weights = np.array(pairs, np.uint64).T.copy()
    assert combine(x, weights) == reduce(xor, (product(*pair) for pair in pairs))


def test_every_byte_of_a_weight_counts() -> None:
    weights = np.array([[0xFF << 8 * j for j in range(8)]], np.uint64)
    for t in range(8):
        x = TAGS.of(2**63 + 1, np.array([1 << t], np.uint8))
        assert combine(x, weights) == product(2**63 + 1, 0xFF << 8 * t)


@shapes
def test_a_combination_of_bits_is_the_sum_of_their_weights(shape: tuple[int, ...]) -> None:
    bits, weights = tagged(3, shape)
    kept = (weight for weight, bit in zip(flat(weights), bits_of(bits), strict=True) if bit)
    assert combine_bits(bits, weights) == reduce(xor, kept, 0)


def test_a_combination_of_tags_is_the_tag_of_the_combination() -> None:
    key = 0x0123456789ABCDEF
    bits, weights = tagged(4, (5, 3))
    assert combine(TAGS.of(key, bits), weights) == product(key, combine_bits(bits, weights))


def test_combinations_of_what_is_not_contiguous() -> None:
    bits, x = tagged(5, (4, 3))
    weights = uniform(TAGS, (3, 4), 6)
    turned, theirs = TAGS.transpose(x), BITS.transpose(bits)
    assert combine(turned, weights) == combine(turned.copy(), weights)
    assert combine_bits(theirs, weights) == combine_bits(theirs.copy(), weights)


def test_weights_of_other_elements_are_refused() -> None:
    x = TAGS.zeros((2, 3))
    with pytest.raises(ValueError, match="weights"):
        combine(x, TAGS.zeros((3, 2)))
    with pytest.raises(ValueError, match="weights"):
        combine_bits(BITS.zeros((2,)), TAGS.zeros((2, 1)))
    for wrong in (BITS.zeros((2, 3)), Z2_64.zeros((2, 3)), Z2_192.zeros((2, 3))):
        with pytest.raises(TypeError):
            combine(x, wrong)
        with pytest.raises(TypeError):
            combine(wrong, x)
        with pytest.raises(TypeError):
            combine_bits(BITS.zeros((2, 3)), wrong)
    with pytest.raises(TypeError):
        combine_bits(x, x)


@shapes
def test_tags_are_the_key_times_the_bits(shape: tuple[int, ...]) -> None:
    bits = uniform(BITS, shape, 1)
    for key in (0, 1, 2**63 + 5, 2**64 - 1, np.uint64(2**64 - 2)):
        z = TAGS.of(key, bits)
        TAGS.check(z)
        assert TAGS.shape(z) == shape
        assert flat(z) == [int(key) * bit for bit in bits_of(bits)]


@pytest.mark.parametrize("key", [-1, 2**64])
def test_a_key_has_64_bits(key: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        TAGS.of(key, BITS.zeros((2,)))


@shapes
def test_arithmetic_of_tags(shape: tuple[int, ...]) -> None:
    bits, x = tagged(1, shape)
    y = uniform(TAGS, shape, 2)
    sums = [a ^ b for a, b in zip(flat(x), flat(y), strict=True)]
    for z, expected in [
        (TAGS.add(x, y), sums),
        (TAGS.sub(x, y), sums),
        (TAGS.xor(x, y), sums),
        (TAGS.neg(x), flat(x)),
        (TAGS.scale(x, bits), [a * b for a, b in zip(flat(x), bits_of(bits), strict=True)]),
    ]:
        TAGS.check(z)
        assert TAGS.shape(z) == shape
        assert flat(z) == expected
    assert TAGS.neg(x) is not x


@shapes
def test_swapped_products_with_public_bits(shape: tuple[int, ...]) -> None:
    (d, a), (e, b), z = tagged(1, shape), tagged(2, shape), uniform(TAGS, shape, 3)
    out = TAGS.add_swapped(z, (d, a), (e, b), TAGS.mul)
    TAGS.check(out)
    assert TAGS.shape(out) == shape
    terms = zip(*map(flat, (z, a, b)), *map(bits_of, (d, e)), strict=True)
    assert flat(out) == [z_ ^ d_ * b_ ^ e_ * a_ for z_, a_, b_, d_, e_ in terms]


def test_shapes_broadcast() -> None:
    (d, a), (e, b), z = tagged(1, (3,)), tagged(2, (2, 1)), uniform(TAGS, (), 3)
    expected = TAGS.add(z, TAGS.add(TAGS.scale(b, d), TAGS.scale(a, e)))
    np.testing.assert_array_equal(TAGS.add_swapped(z, (d, a), (e, b), TAGS.mul), expected)
    assert TAGS.shape(expected) == (2, 3)
    np.testing.assert_array_equal(
        expected[1, 2], z ^ b[1, 0] * _unpacked(d[2]) ^ a[2] * _unpacked(e[1, 0])
    )
    operations: list[Callable[[], Array]] = [
        lambda: TAGS.scale(a, BITS.zeros((4,))),
        lambda: TAGS.add(a, uniform(TAGS, (4,))),
        lambda: TAGS.add_swapped(z, (d, a), (e, TAGS.zeros((4,))), TAGS.mul),
    ]
    for operation in operations:
        with pytest.raises(ValueError, match="broadcast"):
            operation()


def _unpacked(byte: Any) -> Array:
    return np.array([int(byte) >> t & 1 for t in range(8)], np.uint64)


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (0, 3), (3, 0)], ids=str)
def test_sums_over_every_logical_axis(shape: tuple[int, ...]) -> None:
    x = uniform(TAGS, shape)
    for axis in range(-len(shape), len(shape)):
        rows = np.moveaxis(x, axis % len(shape), 0)
        expected = reduce(xor, rows, np.zeros_like(rows[:1]).sum(0))
        np.testing.assert_array_equal(TAGS.sum(x, axis), expected)
    for axis in (len(shape), -len(shape) - 1):
        with pytest.raises(ValueError, match="no axis"):
            TAGS.sum(x, axis)


@pytest.mark.parametrize("ring", [TAGS, BITS], ids=["tags", "bits"])
def test_linear_forms_modulo_2(ring: Any) -> None:
    x = uniform(ring, (2, 3, 4))
    z = ring.linear(x, [[1, 0, -1, 3], [0, 2, 0, 0], [0, 0, 0, 0], [2**70 + 1, 1, 0, 0]])
    ring.check(z)
    assert ring.shape(z) == (2, 3, 4)
    columns = [ring.index(x, (..., c)) for c in range(4)]
    for f, kept in enumerate([(0, 2, 3), (), (), (0, 1)]):
        expected = reduce(xor, (columns[c] for c in kept), ring.zeros((2, 3)))
        np.testing.assert_array_equal(ring.index(z, (..., f)), expected)
    np.testing.assert_array_equal(ring.linear(x[0, 0], [[1, 0, 0, 1]])[0], x[0, 0, 0] ^ x[0, 0, 3])
    assert ring.shape(ring.linear(x, [])) == (2, 3, 0)
    with pytest.raises(ValueError, match="of 4 columns has as many factors"):
        ring.linear(x, [[1, 2, 3]])


def test_logical_axes_are_those_of_the_packed_bytes() -> None:
    bits = uniform(BITS, (2, 3, 4))
    x = TAGS.of(2**64 - 1, bits)

    def same(z: Array, packed: Array) -> None:
        TAGS.check(z)
        np.testing.assert_array_equal(z, TAGS.of(2**64 - 1, packed))

    for key in (1, -1, (0, 2), (..., 1), np.array([1, 0, 1]), slice(0, 0), (None, 1), ...):
        same(TAGS.index(x, key), BITS.index(bits, key))
    same(TAGS.reshape(x, (6, -1)), bits.reshape(6, -1))
    same(TAGS.transpose(x), bits.T)
    same(TAGS.transpose(x, (1, 0, 2)), bits.transpose(1, 0, 2))
    same(TAGS.broadcast_to(x, (5, 2, 3, 4)), np.broadcast_to(bits, (5, 2, 3, 4)))
    for axis in (0, 2, -1):
        same(TAGS.concatenate([x, x], axis), np.concatenate([bits, bits], axis))
        same(TAGS.stack([x, x], axis), np.stack([bits, bits], axis))
    same(TAGS.zeros((2, 3)), np.zeros((2, 3), np.uint8))


def test_bytes_are_little_endian_and_come_back() -> None:
    x = uniform(TAGS, (2, 3))
    data = TAGS.to_bytes(x)
    assert data == b"".join(word.to_bytes(8, "little") for word in flat(x))
    assert len(data) == 6 * TAGS.size
    np.testing.assert_array_equal(TAGS.from_bytes(data, (2, 3)), x)
    assert TAGS.to_bytes(TAGS.transpose(x)) == TAGS.to_bytes(TAGS.transpose(x).copy())
    for length in (0, 6 * 64 - 1, 6 * 8):
        with pytest.raises(BadMessage, match=r"of GF\(2\^64\)\^8, not 384"):
            TAGS.from_bytes(bytes(length), (2, 3))


def test_drawn_tags_are_the_stream() -> None:
    x = Prg.for_tests_only(1).draw(TAGS, (2, 3), "tags", 5)
    TAGS.check(x)
    assert TAGS.shape(x) == (2, 3)
    assert TAGS.to_bytes(x) == Prg.for_tests_only(1).draw_bytes("tags", 5, 6 * 64)


def test_tags_are_no_integers_and_have_no_product() -> None:
    x = TAGS.zeros((2, 2))
    refused: list[Any] = [
        *(lambda name=name: getattr(TAGS, name)(x, x) for name in ("mul", "matmul", "and_", "or_")),
        *(lambda name=name: getattr(TAGS, name)(x) for name in ("unsigned", "signed", "invert")),
        *(lambda name=name: getattr(TAGS, name)(x, 1) for name in ("lshift", "rshift", "unpack")),
        *(lambda name=name: getattr(TAGS, name)(x, Z2_64) for name in ("reduce", "extend")),
        lambda: TAGS.encode([1]),
        lambda: TAGS.add_cross(x, (x, x), (x, x), TAGS.mul),
        lambda: TAGS.pack(np.zeros(8, np.bool_)),
        lambda: TAGS.planes(Z2_64, Z2_64.zeros((2,)), [0]),
        lambda: TAGS.levels_of_forms([], [], []),
    ]
    for use in refused:
        with pytest.raises(TypeError, match="only added, and scaled"):
            use()


@pytest.mark.parametrize(
    "foreign", [BITS.zeros((3,)), Z2_64.zeros((3,)), Z2_192.zeros((3,)), np.zeros((3, 8)), [1]]
)
def test_what_is_no_tag_is_refused(foreign: Any) -> None:
    bits, x = tagged(1, (3,))
    uses: list[Callable[[], Any]] = [
        lambda: TAGS.check(foreign),
        lambda: TAGS.neg(foreign),
        lambda: TAGS.add(x, foreign),
        lambda: TAGS.to_bytes(foreign),
        lambda: TAGS.scale(foreign, bits),
        lambda: TAGS.add_swapped(foreign, (bits, x), (bits, x), TAGS.mul),
        lambda: TAGS.add_swapped(x, (bits, foreign), (bits, x), TAGS.mul),
        lambda: TAGS.add_swapped(x, (bits, x), (bits, foreign), TAGS.mul),
    ]
    for use in uses:
        with pytest.raises(TypeError, match=r"GF\(2\^64\)\^8"):
            use()


def test_what_are_no_bits_is_refused() -> None:
    bits, x = tagged(1, (3,))
    uses: list[Callable[[], Any]] = [
        lambda: TAGS.scale(x, x),
        lambda: TAGS.of(1, x),
        lambda: TAGS.add_swapped(x, (x, x), (bits, x), TAGS.mul),
        lambda: TAGS.add_swapped(x, (bits, x), (x, x), TAGS.mul),
    ]
    for use in uses:
        with pytest.raises(TypeError, match="stored in arrays of uint8"):
            use()


def test_tags_are_equal_to_no_other_ring() -> None:
    assert Tags() == TAGS
    assert TAGS != BITS
