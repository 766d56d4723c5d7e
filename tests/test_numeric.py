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
@pytest.mark.parametrize("shape", [(1, 5), (2, 5), (7, 9), (4, 2, 3), (6,)], ids=str)
def test_extremes_along_an_axis(setting: Setting, shape: tuple[int, ...]) -> None:
    x = some_integers(8, shape, 4)

    def rounds(box: Box, secret: Secret) -> Secret:
        before = box.declared.rounds
        low = numeric.least(box, secret, 9)
        levels = (shape[0] - 1).bit_length()
        once = Dry(box.costs)
        one = once.secret(Z2_64, (1,))
        numeric.minimum(once, one, one, 9)
        assert box.declared.rounds - before == levels * once.declared.rounds
        high = numeric.greatest(box, secret, 9)
        return concatenate([low.reshape(1, -1), high.reshape(1, -1)])

    found = opened(setting, Z2_64, x, (2, x.size // shape[0]), rounds)
    np.testing.assert_array_equal(found, np.array([x.min(0), x.max(0)], object).reshape(2, -1))


TABLES = {
    "one entry": [9],
    "all the same": [-3] * 5,
    "two": [5, -1],
    "squares": [n * n for n in range(32)],
    "few values": [1 << 62, 0, 0, 1 << 62, -(1 << 62)],
    "wide": [(-1) ** n * (1 << 61) // (n + 1) for n in range(21)],
}


@by_setting_and_ring
@pytest.mark.parametrize("name", TABLES)
def test_look_up(setting: Setting, ring: Ring, name: str) -> None:
    """Every place of a table, whatever the ring of the index."""
    table = TABLES[name]
    index = np.array([*range(len(table)), 0, len(table) - 1], object)

    def protocol(box: Box, secret: Secret) -> Secret:
        return numeric.look_up(box, secret.reduce(Z2_64), table, ring)

    found = opened(setting, ring, index, index.shape, protocol)
    assert found.tolist() == [table[n] for n in index]


@by_setting
def test_look_up_takes_rounds_that_follow_from_the_table(setting: Setting) -> None:
    """As many for 1 index as for 2 x 50, and what a dry run declares."""
    table, declared = TABLES["squares"], []
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
