"""Rounded quotients against Python's fractions, on every engine that compares."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.errors import RangeError
from mpcgen.protocols import numeric
from mpcgen.protocols.division import UNDEFINED, Quotient
from mpcgen.protocols.engines import COMPARISONS, LONG, PRODUCTS
from mpcgen.ring import Z2_64, Z2_128, Ring
from mpcgen.secret import Secret
from tests import conformance
from tests.conformance import Setting, given, run
from tests.test_comparison import shared

by_setting = conformance.by_setting(PRODUCTS, COMPARISONS, LONG)
CLEAR = conformance.SETTINGS[0]
Numbers = NDArray[np.object_]

# Of chi-squared, r2, a frequency and an odds ratio, and small ones.
QUOTIENTS = (
    Quotient(Z2_128, 23, 89, 10),
    Quotient(Z2_128, 0, 93, 12),
    Quotient(Z2_128, 0, 23, 12),
    Quotient(Z2_128, 42, 42, 11),
    Quotient(Z2_128, 0, 1, 0),
    Quotient(Z2_128, 3, 2, 0),
)


def rounded(setting: Setting, quotient: Quotient, p: Numbers, q: Numbers, seed: int = 1) -> Numbers:
    """p 2^s / q as every party opens it."""
    ring, m = quotient.ring, len(p)

    def program(box: Box) -> Numbers:
        totals = []
        for name, values in (("p", p), ("q", q)):
            own = given(box, shared(setting, ring, ring.encode(values)))
            first, *others = box.input(name, ring, (m,), own).values()
            totals.append(sum(others, first))
        numerator, denominator = totals
        y = quotient.rounded(box, numerator, denominator)
        return np.asarray(ring.signed(box.open({"y": y})["y"]), object)

    results = list(run(setting, [("y", ring, (m,))], program, seed=seed).values())
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)
    found = results[0]
    assert isinstance(found, np.ndarray)
    return found


def wanted(quotient: Quotient, p: Numbers, q: Numbers) -> list[int]:
    return [
        floor(Fraction(int(x) << quotient.s, int(y)) + Fraction(1, 2)) if y else UNDEFINED
        for x, y in zip(p, q, strict=True)
    ]


def cases(quotient: Quotient, n: int, seed: int) -> tuple[Numbers, Numbers]:
    """Denominators of all lengths, numerators that give ties, what is next to them, and corners."""
    rng = np.random.default_rng(seed)
    p, q = [0, 1 << quotient.a], [0, 1]
    while len(p) < n:
        bits = int(rng.integers(1, quotient.b + 1))
        below = (1 << bits - 1) | int.from_bytes(rng.bytes(16), "little") % (1 << bits - 1)
        most = below << quotient.a
        size = int(rng.integers(0, most.bit_length() + 1))
        some = min(int.from_bytes(rng.bytes(20), "little") % (1 << size), most)
        half = int(rng.integers(0, 1 << min(quotient.a + quotient.s, 62)))
        tie = min((2 * half + 1) * below >> quotient.s + 1, most)
        for x in (some, tie, max(tie - 1, 0), min(tie + 1, most), most):
            p.append(x)
            q.append(below)
    return np.array(p, object), np.array(q, object)


@by_setting
@pytest.mark.parametrize("quotient", QUOTIENTS, ids=str)
def test_quotients_are_rounded_correctly(setting: Setting, quotient: Quotient) -> None:
    p, q = cases(quotient, 60, 3)
    assert rounded(setting, quotient, p, q).tolist() == wanted(quotient, p, q)


@pytest.mark.parametrize("quotient", QUOTIENTS, ids=str)
@pytest.mark.parametrize("less", [0, 1, "either"])
def test_whatever_truncations_take_off(
    quotient: Quotient, less: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them round down, or take 1 more, or some this and some that."""
    rng = np.random.default_rng(4)

    def truncate(_box: Box, x: Secret, f: int, bits: int, _label: str) -> Secret:
        if f == 0:
            return x
        values = quotient.ring.signed(x._parts[0]) if x._parts else np.zeros(x.shape, object)
        assert (np.abs(values[..., 1:]) < 1 << bits).all()  # the first is divided by 0
        off = rng.integers(0, 2, x.shape) if isinstance(less, str) else less
        found = quotient.ring.encode(np.asarray((values >> f) - off, object))
        return Secret(x._box, x.ring, x.shape, (found,) if x._parts else ())

    monkeypatch.setattr(numeric, "truncate", truncate)
    p, q = cases(quotient, 1000, 5)
    assert rounded(CLEAR, quotient, p, q).tolist() == wanted(quotient, p, q)


def test_all_small_quotients() -> None:
    quotient = Quotient(Z2_128, 0, 6, 4)
    p, q = (
        np.array(side, object)
        for side in zip(*[(x, y) for y in range(64) for x in range(y + 1)], strict=True)
    )
    assert rounded(CLEAR, quotient, p, q).tolist() == wanted(quotient, p, q)


@pytest.mark.parametrize("ring", [Z2_64, Z2_128], ids=lambda ring: f"k{ring.k}")
def test_reciprocals(ring: Ring) -> None:
    """Of all integers of 12 bits, and of counts where their length or the rounding turns."""
    counts = [1 << 23, (1 << 24) - 1, 3 << 21, *range(1, 9)]
    for quotient, q in (
        (Quotient(ring, 0, 12, 21), np.array(range(1 << 12), object)),
        (Quotient(ring, 0, 24, 20), np.array(counts, object)),
    ):
        p = np.ones(len(q), object)
        assert rounded(CLEAR, quotient, p, q).tolist() == wanted(quotient, p, q)


@pytest.mark.parametrize("sizes", [(44, 44, 10), (23, 104, 10), (0, 126, 1)])
def test_a_quotient_that_does_not_fit_is_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(RangeError, match="the ring has 128"):
        Quotient(Z2_128, *sizes)


@pytest.mark.parametrize("sizes", [(-1, 4, 1), (1, 0, 1), (1, 4, -1)])
def test_sizes_that_are_none_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(RangeError, match="no quotient has the sizes"):
        Quotient(Z2_128, *sizes)
