"""Z_2^k against Python's integers."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgen.errors import BadMessage
from mpcgen.ring import Z2_32, Z2_64, Z2_128, Z2_192, Array, Ring

RINGS = [Ring(k) for k in (1, 2, 3, 8, 32, 64, 128, 192)]
rings = pytest.mark.parametrize("ring", RINGS, ids=lambda ring: f"k{ring.k}")
quick = settings(max_examples=30, deadline=None)
EDGES = [0, 1, -1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, 2**64, 2**127, 2**128 - 1, 2**128 - 2**64]
EDGES += [2**128, 2**191, 2**192 - 1, 2**192 - 2**64, 2**192 - 2**128, 2**192 - 2**128 + 2**64 - 1]
integers = st.sampled_from(EDGES) | st.integers(-(2**130), 2**130) | st.integers(0, 2**192)
pairs_of_integers = st.lists(st.tuples(integers, integers), max_size=9)


def python(ring: Ring, x: Array) -> Array:
    """Elements as an object array of Python integers."""
    return ring.unsigned(x).astype(object)


def uniform(ring: Ring, shape: tuple[int, ...], seed: int = 1) -> Array:
    """Elements drawn for a test."""
    data = np.random.default_rng(seed).integers(0, 256, (*shape, ring.size), np.uint8)
    return ring.from_bytes((data & min(ring.modulus - 1, 255)).astype(np.uint8).tobytes(), shape)


@rings
@quick
@given(pairs=pairs_of_integers)
def test_arithmetic_and_bits_are_those_of_python(ring: Ring, pairs: list[tuple[int, int]]) -> None:
    a, b = [i for i, _ in pairs], [j for _, j in pairs]
    x, y, m = ring.encode(a), ring.encode(b), ring.modulus
    for z, expected in [
        (x, [i % m for i in a]),
        (ring.add(x, y), [(i + j) % m for i, j in pairs]),
        (ring.sub(x, y), [(i - j) % m for i, j in pairs]),
        (ring.mul(x, y), [i * j % m for i, j in pairs]),
        (ring.neg(x), [-i % m for i in a]),
        (ring.and_(x, y), [(i & j) % m for i, j in pairs]),
        (ring.or_(x, y), [(i | j) % m for i, j in pairs]),
        (ring.xor(x, y), [(i ^ j) % m for i, j in pairs]),
        (ring.invert(x), [~i % m for i in a]),
        (ring.sum(x, 0), sum(a) % m),
    ]:
        ring.check(z)
        assert python(ring, z).tolist() == expected


@rings
@quick
@given(values=st.lists(integers, max_size=5), n=st.integers(0, 200))
def test_shifts_are_those_of_python(ring: Ring, values: list[int], n: int) -> None:
    x, m = ring.encode(values), ring.modulus
    assert python(ring, ring.lshift(x, n)).tolist() == [(v << n) % m for v in values]
    assert python(ring, ring.rshift(x, n)).tolist() == [v % m >> n for v in values]


@rings
def test_shifts_by_less_than_nothing_are_refused(ring: Ring) -> None:
    for shift in (ring.lshift, ring.rshift):
        with pytest.raises(ValueError, match="negative shift"):
            shift(ring.zeros((2,)), -1)


@rings
@quick
@given(values=st.lists(integers, max_size=9))
def test_signed_and_unsigned_representatives(ring: Ring, values: list[int]) -> None:
    x, m = ring.encode(values), ring.modulus
    half = m // 2
    assert ring.unsigned(x).tolist() == [v % m for v in values]
    assert ring.signed(x).tolist() == [(v + half) % m - half for v in values]


@rings
def test_representatives_come_in_the_narrowest_of_three_types(ring: Ring) -> None:
    x = ring.zeros((2,))
    assert ring.unsigned(x).dtype == {64: np.uint64, 128: object, 192: object}.get(ring.k, np.int64)
    assert ring.signed(x).dtype == {128: object, 192: object}.get(ring.k, np.int64)


@rings
@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i4", "?"])
def test_every_integer_type_is_encoded_with_its_sign(ring: Ring, dtype: str) -> None:
    values = np.array([0, 1], dtype)
    if dtype != "?":
        info = np.iinfo(values.dtype)
        values = np.array([info.min, info.max, 0, 1, -1 if info.min else 2], dtype)
    x = ring.encode(values)
    ring.check(x)
    assert python(ring, x).tolist() == [int(v) % ring.modulus for v in values]


@rings
def test_one_integer_is_encoded_as_an_array_without_axes(ring: Ring) -> None:
    for one in (-1, np.int64(-1), np.array(-1), np.array(-1, object)):
        x = ring.encode(one)
        ring.check(x)
        assert ring.shape(x) == ()
        assert ring.unsigned(x).item() == ring.modulus - 1


@rings
@pytest.mark.parametrize(
    "wrong", [1.0, [1, 2.0], [[1], [2, 3]], ["1"], [None], np.ones(2), np.array(["1"]), 1j]
)
def test_what_is_no_integer_is_not_encoded(ring: Ring, wrong: Any) -> None:
    with pytest.raises(TypeError):
        ring.encode(wrong)


SHAPES = [
    ((), ()),
    ((3,), ()),
    ((), (2, 3)),
    ((1,), (4,)),
    ((0,), (1,)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((2, 1, 3), (4, 1)),
    ((0, 3), (3,)),
    ((1, 1), (1,)),
]


@rings
@pytest.mark.parametrize(("first", "second"), SHAPES, ids=str)
def test_logical_shapes_broadcast(
    ring: Ring, first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    x, y, m = uniform(ring, first), uniform(ring, second, 2), ring.modulus
    a, b = python(ring, x), python(ring, y)
    for z, expected in [
        (ring.add(x, y), a + b),
        (ring.sub(x, y), a - b),
        (ring.mul(x, y), a * b),
        (ring.xor(x, y), a ^ b),
    ]:
        assert ring.shape(z) == np.broadcast_shapes(first, second)
        assert (ring.unsigned(z) == expected % m).all()


@rings
def test_shapes_that_do_not_broadcast_are_refused(ring: Ring) -> None:
    for operation in (ring.add, ring.sub, ring.mul, ring.xor):
        with pytest.raises(ValueError, match="broadcast"):
            operation(ring.zeros((2,)), ring.zeros((3,)))


@rings
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4), (0, 3), (3, 0)], ids=str)
def test_sums_over_every_axis(ring: Ring, shape: tuple[int, ...]) -> None:
    x = uniform(ring, shape)
    for axis in range(-len(shape), len(shape)):
        z, expected = ring.sum(x, axis), np.asarray(python(ring, x).sum(axis) % ring.modulus)
        assert ring.shape(z) == expected.shape
        assert (ring.unsigned(z) == expected).all()
    with pytest.raises(ValueError, match="no axis"):
        ring.sum(x, len(shape))


@rings
@pytest.mark.parametrize(("n", "l", "m"), [(7, 5, 3), (1, 1, 1), (0, 2, 3), (2, 0, 3), (2, 3, 0)])
def test_matrix_product(ring: Ring, n: int, l: int, m: int) -> None:
    x, y = uniform(ring, (n, l)), uniform(ring, (l, m), 2)
    z = ring.matmul(x, y)
    assert ring.shape(z) == (n, m)
    expected = (python(ring, x)[:, :, None] * python(ring, y)[None]).sum(1)
    assert (ring.unsigned(z) == expected % ring.modulus).all()


@pytest.mark.parametrize("ring", [Z2_32, Z2_64, Z2_128, Z2_192], ids=lambda ring: f"k{ring.k}")
def test_matrix_product_across_blocks_and_threads(ring: Ring) -> None:
    n, l, m = 37, 150, 1030
    x, y = uniform(ring, (n, l)), uniform(ring, (l, m), 2)
    z = ring.matmul(x, y)
    for i, j in [(0, 0), (36, 1029), (18, 1023), (20, 1024)]:
        expected = (python(ring, x)[i] * python(ring, y)[:, j]).sum() % ring.modulus
        assert python(ring, z)[i, j] == expected


@rings
def test_matrices_that_do_not_fit_are_refused(ring: Ring) -> None:
    with pytest.raises(ValueError, match="no matrix product"):
        ring.matmul(ring.zeros((2, 3)), ring.zeros((2, 3)))
    with pytest.raises(ValueError, match="no matrix product"):
        ring.matmul(ring.zeros((3,)), ring.zeros((3, 2)))


@rings
def test_views_and_read_only_arrays_count_as_any_other(ring: Ring) -> None:
    x, y = uniform(ring, (4, 6)), uniform(ring, (6, 4), 2)
    x.flags.writeable = False
    a, b = python(ring, x), python(ring, y)
    turned, spread = ring.transpose(y), ring.broadcast_to(ring.index(y, 0), (4, 4))
    assert (ring.unsigned(ring.mul(x, turned)) == a * b.T % ring.modulus).all()
    assert (ring.unsigned(ring.matmul(spread, x)) == b[:1] @ a % ring.modulus).all()
    assert (ring.unsigned(ring.sum(turned, 0)) == b.sum(1) % ring.modulus).all()
    assert (ring.unsigned(ring.rshift(turned, 1)) == b.T >> 1).all()
    assert ring.to_bytes(turned) == ring.to_bytes(turned.copy())


@rings
def test_logical_axes_are_shaped_and_indexed_as_numpy_does(ring: Ring) -> None:
    x = uniform(ring, (2, 3, 4))
    a = python(ring, x)
    mask = np.array([True, False, True])
    keys: list[Any] = [1, -1, (0, 2), (0, 1, 3), (..., 1), (slice(None), mask), (None, 1), mask[:2]]
    keys += [np.array([1, 0, 1]), (0, ..., [0, 2]), slice(0, 0), ..., (slice(None), None, 2)]
    for key in keys:
        z = ring.index(x, key)
        ring.check(z)
        assert python(ring, z).tolist() == np.asarray(a[key]).tolist()
    with pytest.raises(IndexError):
        ring.index(x, (0, 0, 0, 0))
    for z, expected in [
        (ring.reshape(x, (6, 4)), a.reshape(6, 4)),
        (ring.reshape(x, (-1,)), a.ravel()),
        (ring.transpose(x), a.T),
        (ring.transpose(x, (1, 0, 2)), a.transpose(1, 0, 2)),
        (ring.broadcast_to(x, (5, 2, 3, 4)), np.broadcast_to(a, (5, 2, 3, 4))),
        *((ring.concatenate([x, x], axis), np.concatenate([a, a], axis)) for axis in (0, 1, -1)),
        *((ring.stack([x, x], axis), np.stack([a, a], axis)) for axis in (0, 1, 3, -1)),
    ]:
        assert python(ring, z).tolist() == expected.tolist()


@rings
@quick
@given(data=st.data())
def test_linear_forms(ring: Ring, data: st.DataObject) -> None:
    m, c, f = (data.draw(st.integers(low, 5)) for low in (0, 1, 0))
    factors = st.integers(-(2**31), 2**31) | st.integers(-2, 2)
    forms = [data.draw(st.lists(factors, min_size=c, max_size=c)) for _ in range(f)]
    values = [data.draw(st.lists(integers, min_size=c, max_size=c)) for _ in range(m)]
    x = ring.encode(np.array(values, object).reshape(m, c))
    expected = np.array([
        [sum(a * v for a, v in zip(form, row, strict=True)) % ring.modulus for form in forms]
        for row in values
    ], object).reshape(m, f)  # fmt: skip
    assert (ring.unsigned(ring.linear(x, forms)) == expected).all()


@rings
def test_linear_forms_of_leading_axes_and_views(ring: Ring) -> None:
    x = ring.encode(np.arange(2 * 3 * 4).reshape(2, 3, 4))
    forms = [[1, 0, -1, 3], [0, 2, 0, 0], [0, 0, 0, 0]]
    z = ring.linear(x, forms)
    assert ring.shape(z) == (2, 3, 3)
    for index in np.ndindex(2, 3):
        one = ring.linear(ring.index(x, (slice(None), *index[1:])), forms)
        np.testing.assert_array_equal(ring.index(z, index), ring.index(one, index[0]))
    with pytest.raises(ValueError, match="of 4 columns has as many factors"):
        ring.linear(x, [[1, 2, 3]])


@rings
@quick
@given(values=st.lists(integers, max_size=9))
def test_bytes_are_little_endian_and_come_back(ring: Ring, values: list[int]) -> None:
    x = ring.encode(values)
    data = ring.to_bytes(x)
    assert data == b"".join((v % ring.modulus).to_bytes(ring.size, "little") for v in values)
    for source in (data, bytearray(data), memoryview(b"." + data)[1:]):
        y = ring.from_bytes(source, (len(values),))
        assert (x == y).all()
        assert not y.flags.writeable  # it may be a view of what came
        assert y.flags.aligned


@rings
def test_bytes_of_another_length_are_refused(ring: Ring) -> None:
    for length in (0, 6 * ring.size - 1, 6 * ring.size + 1):
        with pytest.raises(BadMessage, match="bytes"):
            ring.from_bytes(bytes(length), (2, 3))


@pytest.mark.parametrize("k", range(1, 8))
def test_bits_above_the_ring_are_refused(k: int) -> None:
    assert Ring(k).from_bytes(bytes([2**k - 1]), (1,)) == [2**k - 1]
    with pytest.raises(BadMessage, match="outside"):
        Ring(k).from_bytes(bytes([0, 2**k]), (2,))


@quick
@given(values=st.lists(integers, max_size=5))
def test_reduction_keeps_the_low_bits(values: list[int]) -> None:
    for ring in RINGS:
        x = ring.encode(values)
        for to in RINGS:
            if to.k <= ring.k:
                assert python(to, ring.reduce(x, to)).tolist() == [v % to.modulus for v in values]
            else:
                with pytest.raises(ValueError, match="widen"):
                    ring.reduce(x, to)


@quick
@given(values=st.lists(integers, max_size=5))
def test_extension_keeps_the_unsigned_representative(values: list[int]) -> None:
    for ring in RINGS:
        x = ring.encode(values)
        for to in RINGS:
            if to.k >= ring.k:
                z = ring.extend(x, to)
                to.check(z)
                assert python(to, z).tolist() == [v % ring.modulus for v in values]
            else:
                with pytest.raises(ValueError, match="does not fit"):
                    ring.extend(x, to)


@rings
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)], ids=str)
def test_reduction_and_extension_keep_the_shape(ring: Ring, shape: tuple[int, ...]) -> None:
    x = uniform(ring, shape)
    assert Z2_192.shape(ring.extend(x, Z2_192)) == shape
    assert ring.to_bytes(Z2_192.reduce(ring.extend(x, Z2_192), ring)) == ring.to_bytes(x)


@pytest.mark.parametrize("k", [0, 9, 16, 63, 65, 256, -1])
def test_other_rings_do_not_exist(k: int) -> None:
    with pytest.raises(ValueError, match="no ring"):
        Ring(k)


@rings
def test_elements_of_another_ring_are_refused(ring: Ring) -> None:
    foreign = [np.zeros(3), [1], ring.dtype.type(1), np.zeros((3, 2), np.int64)]
    foreign.append(np.zeros((2, 5), np.uint32 if ring.k == 64 else np.uint64))
    for x in foreign:
        for use in (
            *(ring.check, ring.neg, ring.invert, ring.unsigned, ring.signed, ring.to_bytes),
            lambda x: ring.extend(x, Z2_192),
        ):
            with pytest.raises(TypeError, match=r"Z_2\^"):
                use(x)
        with pytest.raises(TypeError):
            ring.add(ring.zeros((2,)), x)


def test_many_threads_may_enter_the_kernels_at_once() -> None:
    x, y = uniform(Z2_128, (40, 400)), uniform(Z2_128, (400, 400), 2)
    with ThreadPoolExecutor(4) as pool:
        products = list(pool.map(lambda _: Z2_128.matmul(x, y), range(8)))
    assert all((z == products[0]).all() for z in products)


@pytest.mark.parametrize(("ring", "unwanted"), [(Z2_64, "mpcgen.jit"), (Z2_128, "numba")])
def test_what_an_operation_does_not_need_is_not_imported(ring: Ring, unwanted: str) -> None:
    x = ring.encode([1])
    ring.mul(ring.add(x, x), x)  # compiles what this machine had not compiled yet
    code = (
        f"import sys; from mpcgen.ring import Ring; ring = Ring({ring.k}); x = ring.encode([1]); "
        f"ring.mul(ring.add(x, x), x); print(*sys.modules)"
    )
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert unwanted not in done.stdout.split()
