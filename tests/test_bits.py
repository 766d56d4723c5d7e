"""Bits in bytes against Python integers: planes of all rings, packing, arithmetic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgen.bits import BITS, BitRing
from mpcgen.ring import Array, Ring
from tests.conformance import uniform

RINGS = [*(Ring(k) for k in range(1, 9)), Ring(32), Ring(64), Ring(128)]
LENGTHS = (0, 1, 7, 8, 9, 33, 2047, 2048, 2049, 5000)  # a tile of the kernel has 2048 elements

rings = pytest.mark.parametrize("ring", RINGS, ids=lambda ring: f"k{ring.k}")
of_bits = pytest.mark.parametrize("bits", [BITS, BitRing(1)], ids=["packed", "one a byte"])


def plane(ring: Ring, x: Array, b: int) -> list[bool]:
    """Bit b of each element of a vector, by Python's integers."""
    return [bool(int(value) >> b & 1) for value in ring.unsigned(x)]


@of_bits
@rings
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_planes_are_the_bits_of_the_integers(
    bits: BitRing, ring: Ring, data: st.DataObject
) -> None:
    values = data.draw(st.lists(st.integers(0, ring.modulus - 1), min_size=1, max_size=40))
    positions = data.draw(st.lists(st.integers(0, ring.k - 1), min_size=1, unique=True))
    planes = bits.planes(ring, ring.encode(values), positions)
    assert planes.shape == (len(positions), bits.packed(len(values)))
    for row, b in zip(planes, positions, strict=True):
        assert bits.unpack(row, len(values)).tolist() == [bool(v >> b & 1) for v in values]


@rings
@pytest.mark.parametrize("m", LENGTHS)
def test_planes_of_any_length_and_their_padding(ring: Ring, m: int) -> None:
    x = uniform(ring, (m,), m)
    planes = BITS.planes(ring, x, range(ring.k))
    assert planes.shape == (ring.k, -(-m // 8))
    for b in range(ring.k):
        assert BITS.unpack(planes[b], m).tolist() == plane(ring, x, b)
        assert not np.unpackbits(planes[b], bitorder="little")[m:].any()


@of_bits
@rings
def test_planes_of_leading_axes_are_those_of_their_rows(bits: BitRing, ring: Ring) -> None:
    x = uniform(ring, (2, 3, 21), 5)
    positions = range(ring.k)[::-1]
    planes = bits.planes(ring, x, positions)
    assert planes.shape == (ring.k, 2, 3, bits.packed(21))
    for index in np.ndindex(2, 3):
        row = bits.planes(ring, ring.index(x, index), positions)
        np.testing.assert_array_equal(planes[:, *index], row)


@pytest.mark.parametrize("m", [1, 8, 2049])
def test_levels_of_linear_forms_of_columns(m: int) -> None:
    x = np.random.default_rng(m).integers(-9, 30, (m, 4), np.int32)
    forms = [[1, -1, 0, 2], [0, 0, -3, 1], [0, 0, 0, 0], [3, 1, 1, 1], [-1, 0, 0, 0]]
    levels = [1, 5, 8, 9, 17]
    places = np.random.default_rng(1).permutation(sum(levels)).tolist()
    rows = [[places.pop() for _ in range(n)] for n in levels]
    planes = BITS.levels_of_forms([x[:, :1], x[:, 1:]], forms, rows)
    assert planes.shape == (sum(levels), BITS.packed(m))
    found = BITS.unpack(planes, m)
    for form, row in zip(forms, rows, strict=True):
        above = (x @ form)[None] > np.arange(len(row))[:, None]
        np.testing.assert_array_equal(found[row], above)
    assert not (planes[:, -1] >> (m % 8 or 8)).any()


@pytest.mark.parametrize(
    ("lengths", "form"), [((9, 8), [1, 1]), ((8, 9), [1, 1]), ((9, 9), [1]), ((9, 9), [1, 1, 1])]
)
def test_tables_and_forms_that_do_not_fit(lengths: tuple[int, ...], form: list[int]) -> None:
    tables = [np.zeros((length, 1), np.int32) for length in lengths]
    with pytest.raises(ValueError, match="columns"):
        BITS.levels_of_forms(tables, [form], [[0]])


def test_levels_are_of_words() -> None:
    with pytest.raises(TypeError, match="int64"):
        BITS.levels_of_forms([np.zeros((9, 1), np.int64)], [[1]], [[0]])


def test_planes_of_a_view_that_is_not_contiguous() -> None:
    ring = Ring(128)
    x = uniform(ring, (9, 4), 3)
    column = ring.index(x, (slice(None), 1))
    np.testing.assert_array_equal(
        BITS.planes(ring, column, [0, 127]), BITS.planes(ring, column.copy(), [0, 127])
    )


@of_bits
def test_elements_of_more_than_128_bits_are_refused(bits: BitRing) -> None:
    with pytest.raises(ValueError, match=r"Z_2\^192 are reduced"):
        bits.planes(Ring(192), Ring(192).zeros((3,)), [0])


@of_bits
def test_products_stand_behind_the_planes(bits: BitRing) -> None:
    ring, positions = Ring(32), [0, 4, 1, 31, 7]
    x = uniform(ring, (11,), 2)
    planes = bits.planes(ring, x, positions, pairs=2)
    np.testing.assert_array_equal(planes[:5], bits.planes(ring, x, positions))
    np.testing.assert_array_equal(planes[5], planes[0] & planes[2])
    np.testing.assert_array_equal(planes[6], planes[1] & planes[3])
    assert len(planes) == 7


@pytest.mark.parametrize("positions", [[32], [-1], [0, 40]])
def test_a_bit_that_is_not_there_is_refused(positions: list[int]) -> None:
    with pytest.raises(ValueError, match=r"Z_2\^32 has no bits"):
        BITS.planes(Ring(32), Ring(32).zeros((3,)), positions)


@of_bits
@given(values=st.lists(st.booleans(), max_size=70))
def test_packing_comes_back(bits: BitRing, values: list[bool]) -> None:
    packed = bits.pack(np.array(values, np.bool_))
    bits.check(packed)
    assert packed.shape == (bits.packed(len(values)),)
    assert bits.unpack(packed, len(values)).tolist() == values


def test_variant_i_is_bit_i_mod_8_of_byte_i_over_8() -> None:
    bits = np.zeros(19, np.bool_)
    bits[[0, 9, 18]] = True
    assert BITS.pack(bits).tolist() == [1, 2, 4]


def test_sum_and_product_of_bits() -> None:
    x, y = np.array([0b0011], np.uint8), np.array([0b0101], np.uint8)
    assert BITS.add(x, y) == BITS.sub(x, y) == [0b0110]
    assert BITS.mul(x, y) == [0b0001]
    assert BITS.neg(x) == x
    assert BITS.sum(np.stack([x, y, y]), 0) == x


@of_bits
@pytest.mark.parametrize("shape", [(5,), (3, 700), (0, 4), (2, 0)])
def test_cross_terms_are_those_of_the_ring(bits: BitRing, shape: tuple[int, ...]) -> None:
    z, x0, x1, y0, y1 = (uniform(bits, shape, seed) for seed in range(5))
    np.testing.assert_array_equal(
        bits.add_cross(z, (x0, x1), (y0, y1), bits.mul),
        Ring.add_cross(bits, z, (x0, x1), (y0, y1), bits.mul),
    )


def test_cross_terms_of_another_dtype_are_refused() -> None:
    bits, words = np.zeros(2, np.uint8), np.zeros(2, np.uint32)
    with pytest.raises(TypeError, match="stored in arrays of uint8"):
        BITS.add_cross(bits, (bits, words), (bits, bits), BITS.mul)
