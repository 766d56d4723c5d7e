"""Rounded inverse square roots against Python's exact integer roots."""

from math import isqrt

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.errors import RangeError
from mpcgen.protocols import numeric
from mpcgen.protocols.division import UNDEFINED
from mpcgen.protocols.engines import COMPARISONS, PRODUCTS
from mpcgen.protocols.root import InverseRoot
from mpcgen.ring import Z2_64, Z2_128, Ring
from mpcgen.secret import Secret
from tests import conformance
from tests.conformance import Setting
from tests.test_numeric import opened

by_setting_and_ring = conformance.by_setting_and_ring([Z2_64, Z2_128], PRODUCTS, COMPARISONS)
CLEAR = conformance.SETTINGS[0]
Numbers = NDArray[np.object_]

ROOTS = (
    InverseRoot(Z2_64, 24, 12),
    InverseRoot(Z2_64, 23, 23),
    InverseRoot(Z2_128, 24, 55),
    InverseRoot(Z2_128, 55, 28),
    InverseRoot(Z2_128, 1, 1),
)
by_root = pytest.mark.parametrize("root", ROOTS, ids=str)


def rounded(setting: Setting, root: InverseRoot, q: Numbers) -> list[int]:
    found = opened(setting, root.ring, q, q.shape, root.rounded)
    return [int(y) for y in found]


def wanted(root: InverseRoot, q: Numbers) -> list[int]:
    """The integer part of 2^s / sqrt(q) + 1/2, from that of 2^(s+1) / sqrt(q)."""
    return [(isqrt((4 << 2 * root.s) // x) + 1) // 2 if x else UNDEFINED for x in map(int, q)]


def corners(root: InverseRoot, n: int) -> Numbers:
    """0, powers of two and squares with their neighbours, and where the rounding turns."""
    rng, most = np.random.default_rng(5), (1 << root.b) - 1
    near = [1 << j for j in range(root.b + 1)]
    near += [int(rng.integers(1, 1 << root.b // 2 + 1)) ** 2 for _ in range(n)]
    near += [(4 << 2 * root.s) // (2 * isqrt((1 << 2 * root.s) // int(x)) + 1) ** 2
             for x in rng.integers(1, most + 1, n)]  # fmt: skip
    near += [int(x) for x in rng.integers(0, most + 1, n)]
    found = {x + d for x in near for d in (-1, 0, 1)} | {0}
    return np.array(sorted(x for x in found if 0 <= x <= most), object)


@by_setting_and_ring
def test_inverse_roots_are_rounded_correctly(setting: Setting, ring: Ring) -> None:
    root = next(root for root in ROOTS if root.ring == ring)
    q = corners(root, 3)
    assert rounded(setting, root, q) == wanted(root, q)


@by_root
@pytest.mark.parametrize("less", [0, 1, "either"])
def test_whatever_truncations_take_off(
    root: InverseRoot, less: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them round down, or take 1 more, or some this and some that."""
    rng = np.random.default_rng(11)

    def truncate(box: Box, x: Secret, f: int, bits: int, label: str) -> Secret:
        parts = x._parts or (x.ring.zeros(x.shape),)
        values = np.asarray(x.ring.signed(parts[0]), object)
        assert (np.abs(values[..., 1:]) < 1 << bits).all()  # the first is 0, which has no root
        off = rng.integers(0, 2, x.shape) if isinstance(less, str) else less
        found = x.ring.encode(np.asarray((values >> f) - off, object))
        return Secret(x._box, x.ring, x.shape, (found,) if x._parts else ())

    monkeypatch.setattr(numeric, "truncate", truncate)
    q = corners(root, 200)
    assert rounded(CLEAR, root, q) == wanted(root, q)


@pytest.mark.parametrize("ring", [Z2_64, Z2_128], ids=str)
@pytest.mark.parametrize("s", [6, 12, 22])
def test_all_small_inverse_roots(ring: Ring, s: int) -> None:
    root, q = InverseRoot(ring, 12, s), np.arange(1 << 12).astype(object)
    assert rounded(CLEAR, root, q) == wanted(root, q)


@pytest.mark.parametrize("sizes", [(24, 24), (25, 13)])
def test_a_root_that_does_not_fit_is_refused(sizes: tuple[int, int]) -> None:
    with pytest.raises(RangeError, match="the ring has 64"):
        InverseRoot(Z2_64, *sizes)


@pytest.mark.parametrize("sizes", [(0, 4), (24, 11), (4, -1)])
def test_sizes_that_are_none_are_refused(sizes: tuple[int, int]) -> None:
    with pytest.raises(RangeError, match="no inverse root"):
        InverseRoot(Z2_128, *sizes)
