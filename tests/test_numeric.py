"""Numbers on shares against Python's integers, on every engine that multiplies."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.dry import Dry
from mpcgen.protocols import numeric
from mpcgen.protocols.comparison import negative
from mpcgen.protocols.engines import COMPARISONS, LONG, PRODUCTS
from mpcgen.ring import Z2_64, Z2_128, Ring
from mpcgen.secret import Secret, concatenate
from tests import conformance
from tests.conformance import Setting, given, run
from tests.test_comparison import integers as some_integers
from tests.test_comparison import shared

by_setting = conformance.by_setting(PRODUCTS, COMPARISONS)
by_long_setting = conformance.by_setting(PRODUCTS, COMPARISONS, LONG)
by_setting_and_ring = conformance.by_setting_and_ring([Z2_64, Z2_128], PRODUCTS, COMPARISONS)
Numbers = NDArray[np.object_]


def opened(
    setting: Setting,
    ring: Ring,
    x: Numbers,
    shape: tuple[int, ...],
    protocol: Callable[[Box, Secret], Secret],
    seed: int = 1,
) -> Numbers:
    """What a protocol makes of x, opened; the same at every party."""

    def program(box: Box) -> Numbers:
        shares = box.input("x", ring, x.shape, given(box, shared(setting, ring, ring.encode(x))))
        first, *others = shares.values()
        y = protocol(box, sum(others, first))
        return np.asarray(y.ring.signed(box.open({"y": y})["y"]), object)

    results = list(run(setting, [("y", ring, shape)], program, seed=seed).values())
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)
    found = results[0]
    assert isinstance(found, np.ndarray)
    return found


@by_setting_and_ring
@pytest.mark.parametrize("m", [1, 13])
def test_bits_as_integers(setting: Setting, ring: Ring, m: int) -> None:
    x = some_integers(9, (2, m), m)

    def protocol(box: Box, secret: Secret) -> Secret:
        return numeric.integers(box, negative(box, secret, 9), m, ring)

    found = opened(setting, ring, x, (2, m), protocol)
    np.testing.assert_array_equal(found, (x < 0).astype(int))


SHIFTS = {64: [(62, 1), (40, 20)], 128: [(126, 77), (90, 90), (5, 100)]}  # bits, f


@by_setting_and_ring
def test_truncation(setting: Setting, ring: Ring) -> None:
    """Down, or one less; exactly, where asked. Python's shift rounds down."""
    for bits, f in SHIFTS[ring.k]:
        x = some_integers(bits + 1, (33,), f)
        x[0] = 1 - (1 << bits)
        down = x >> f

        def near(box: Box, secret: Secret, bits: int = bits, f: int = f) -> Secret:
            return numeric.truncate(box, secret, f, bits)

        def exact(box: Box, secret: Secret, bits: int = bits, f: int = f) -> Secret:
            return numeric.truncate_exactly(box, secret, f, bits)

        assert set(down - opened(setting, ring, x, (33,), near)) <= {0, 1}
        np.testing.assert_array_equal(opened(setting, ring, x, (33,), exact), down)


@by_long_setting
@pytest.mark.parametrize("bits", [1, 2, 3, 8, 23, 92])
def test_scale_is_the_power_of_two_that_fills_the_bits(setting: Setting, bits: int) -> None:
    values = sorted({0, 1, (1 << bits) - 1, *(1 << j for j in range(bits)), (1 << bits) // 3})
    x = np.array(values, object)

    def protocol(box: Box, secret: Secret) -> Secret:
        power, zero = numeric.scale(box, secret, bits)
        return power + zero * (1 << 100)

    found = opened(setting, Z2_128, x, x.shape, protocol)
    wanted = [1 << bits - int(v).bit_length() if v else 1 + (1 << 100) for v in values]
    assert found.tolist() == wanted


@by_long_setting
@pytest.mark.parametrize("bits", [1, 2, 5, 24, 64])
def test_planes_are_the_bits(setting: Setting, bits: int) -> None:
    x = np.abs(some_integers(bits + 1, (19,), 5)) % (1 << bits)

    def protocol(box: Box, secret: Secret) -> Secret:
        planes = numeric.planes(box, secret, bits)
        digits = numeric.integers(box, planes, 19, Z2_128)
        weights = np.array([1 << j for j in range(bits)], object)[:, None]
        return (digits * np.broadcast_to(weights, (bits, 19))).sum(0)

    found = opened(setting, Z2_128, x, (19,), protocol)
    np.testing.assert_array_equal(found, x)


@by_setting_and_ring
def test_minimum_and_maximum(setting: Setting, ring: Ring) -> None:
    """All pairs of small integers; then pairs as far apart as they may be."""
    x, y = np.array([(x, y) for x in range(-4, 5) for y in range(-4, 5)], object).T
    end = 1 << ring.k - 2
    wide = np.array([(end - 1, -end), (-end, end - 1), (end, 1), (7, 7)], object).T

    def both(box: Box, secret: Secret, bits: int) -> Secret:
        of = numeric.minimum, numeric.maximum
        return concatenate([f(box, secret[0], secret[1], bits).reshape(1, -1) for f in of])

    small = opened(setting, ring, np.stack([x, y]), (2, 81), lambda box, s: both(box, s, 5))
    assert small.tolist() == [np.minimum(x, y).tolist(), np.maximum(x, y).tolist()]
    large = opened(setting, ring, wide, (2, 4), lambda box, s: both(box, s, ring.k))
    assert large.tolist() == [wide.min(0).tolist(), wide.max(0).tolist()]


@by_setting
def test_extremes_along_an_axis(setting: Setting) -> None:
    """Over the first axis, in ceil(log2 n) times the rounds of one minimum."""
    shapes = [(1, 5), (2, 5), (7, 9), (4, 2, 3), (6,)]
    values = [some_integers(8, shape, n) for n, shape in enumerate(shapes)]
    ends = np.cumsum([x.size for x in values])
    found = [(x.min(0), x.max(0)) for x in values]

    def protocol(box: Box, secret: Secret) -> Secret:
        extremes = []
        for x, end in zip(values, ends, strict=True):
            part = secret[end - x.size : end].reshape(*x.shape)
            before = box.declared.rounds
            extremes += [numeric.least(box, part, 9)]
            assert box.declared.rounds - before == (len(x) - 1).bit_length() * one(box)
            extremes += [numeric.greatest(box, part, 9)]
        return concatenate([y.reshape(-1) for y in extremes])

    def one(box: Box) -> int:
        dry = Dry(box.costs)
        x = dry.secret(Z2_64, (1,))
        numeric.minimum(dry, x, x, 9)
        return dry.declared.rounds

    wanted = np.concatenate([np.reshape(y, -1) for pair in found for y in pair])
    x = np.concatenate([x.reshape(-1) for x in values])
    assert opened(setting, Z2_64, x, wanted.shape, protocol).tolist() == wanted.tolist()


TABLES = (
    [9],
    [-3] * 5,
    [5, -1],
    [n * n for n in range(32)],
    [1 << 62, 0, 0, 1 << 62, -(1 << 62)],  # few values
    [(-1) ** n * (1 << 61) // (n + 1) for n in range(21)],  # wide ones
)


@by_setting_and_ring
def test_look_up(setting: Setting, ring: Ring) -> None:
    """Every place of every table, whatever the ring of the index."""
    index = np.array([n for table in TABLES for n in range(len(table))], object)
    ends = np.cumsum([len(table) for table in TABLES])

    def protocol(box: Box, secret: Secret) -> Secret:
        places = secret.reduce(Z2_64)
        return concatenate([
            numeric.look_up(box, places[end - len(table) : end], table, ring)
            for table, end in zip(TABLES, ends, strict=True)
        ])  # fmt: skip

    found = opened(setting, ring, index, index.shape, protocol)
    assert found.tolist() == [entry for table in TABLES for entry in table]


@by_setting
def test_look_up_takes_rounds_that_follow_from_the_table(setting: Setting) -> None:
    """As many for 1 index as for 2 x 50, and what a dry run declares."""
    table, declared = TABLES[3], []
    for shape in ((1,), (2, 50)):
        index = np.zeros(shape, object) + 31

        def protocol(box: Box, secret: Secret) -> Secret:
            before, dry = box.declared, Dry(box.costs)
            found = numeric.look_up(box, secret, table, Z2_64)
            numeric.look_up(dry, dry.secret(Z2_64, secret.shape), table, Z2_64)
            assert before + dry.declared == box.declared
            declared.append(dry.declared.rounds)
            return found

        assert set(opened(setting, Z2_64, index, shape, protocol).flat) == {961}
    assert len(set(declared)) == 1


@pytest.mark.parametrize(("bits", "f"), [(127, 1), (5, 127), (5, -1)])
def test_a_truncation_out_of_range_is_refused(bits: int, f: int) -> None:
    setting, x = conformance.SETTINGS[0], np.array([-1], object)
    with pytest.raises(ValueError, match="no truncation"):
        opened(setting, Z2_128, x, (1,), lambda box, s: numeric.truncate(box, s, f, bits))
