"""Numbers on shares against Python's integers, on every engine that multiplies."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.protocols import numeric
from mpcgen.protocols.comparison import negative
from mpcgen.protocols.engines import COMPARISONS, PRODUCTS
from mpcgen.ring import Z2_64, Z2_128, Ring
from mpcgen.secret import Secret
from tests import conformance
from tests.conformance import Setting, given, run
from tests.test_comparison import integers as some_integers
from tests.test_comparison import shared

by_setting = conformance.by_setting(PRODUCTS, COMPARISONS)
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


@by_setting
@pytest.mark.parametrize("ring", [Z2_64, Z2_128], ids=lambda ring: f"k{ring.k}")
@pytest.mark.parametrize("m", [1, 13])
def test_bits_as_integers(setting: Setting, ring: Ring, m: int) -> None:
    x = some_integers(9, (2, m), m)

    def protocol(box: Box, secret: Secret) -> Secret:
        return numeric.integers(box, negative(box, secret, 9), m, ring)

    found = opened(setting, ring, x, (2, m), protocol)
    np.testing.assert_array_equal(found, (x < 0).astype(int))


@by_setting
@pytest.mark.parametrize(
    ("ring", "bits", "f"),
    [(Z2_64, 62, 1), (Z2_64, 40, 20), (Z2_128, 126, 77), (Z2_128, 90, 90), (Z2_128, 5, 100)],
    ids=str,
)
def test_truncation(setting: Setting, ring: Ring, bits: int, f: int) -> None:
    """Down, or one less; exactly, where asked. Python's shift rounds down."""
    x = some_integers(bits + 1, (33,), f)
    x[0] = 1 - (1 << bits)
    down = x >> f

    near = opened(setting, ring, x, (33,), lambda box, s: numeric.truncate(box, s, f, bits))
    assert set(down - near) <= {0, 1}
    if f + 2 <= ring.k and bits <= ring.k - 2:
        exact = opened(
            setting, ring, x, (33,), lambda box, s: numeric.truncate_exactly(box, s, f, bits)
        )
        np.testing.assert_array_equal(exact, down)


@by_setting
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


@by_setting
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


@pytest.mark.parametrize(("bits", "f"), [(127, 1), (5, 127), (5, -1)])
def test_a_truncation_out_of_range_is_refused(bits: int, f: int) -> None:
    setting, x = conformance.SETTINGS[0], np.array([-1], object)
    with pytest.raises(ValueError, match="no truncation"):
        opened(setting, Z2_128, x, (1,), lambda box, s: numeric.truncate(box, s, f, bits))
