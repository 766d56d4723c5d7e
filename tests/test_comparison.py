"""Comparison on shares, on every engine: signs, costs, and what is done with bits."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgen.abb import Box, Seat
from mpcgen.bits import BITS
from mpcgen.cost import Cost, Costs, Size
from mpcgen.dry import cost_of
from mpcgen.leakage import Opening
from mpcgen.protocols.clear import ClearCosts
from mpcgen.protocols.comparison import (
    all_of,
    either,
    negative,
    rounds,
    select,
)
from mpcgen.protocols.engines import COMPARISONS, LONG, PRODUCTS
from mpcgen.protocols.replicated import ReplicatedCosts
from mpcgen.ring import Z2_128, Array, Ring
from mpcgen.secret import Secret
from tests import conformance
from tests.conformance import SETTINGS, Setting, given, run, uniform

RINGS = (Ring(3), Ring(8), Ring(32), Ring(64), Ring(128))
WIDTHS = (1, 2, 3, 4, 5, 8, 17, 32, 64, 119, 128)
REPLICATED = SETTINGS[2]

by_setting = conformance.by_setting(PRODUCTS, COMPARISONS, LONG)
by_ring = pytest.mark.parametrize("ring", RINGS, ids=lambda ring: f"k{ring.k}")

Bools = NDArray[np.bool_]


def integers(bits: int, shape: tuple[int, ...], seed: int) -> NDArray[np.object_]:
    """Integers from -2^(bits-1) to 2^(bits-1) - 1, the edges first."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    rng = np.random.default_rng(seed)
    raw = [int.from_bytes(rng.bytes(16), "little") for _ in range(int(np.prod(shape)))]
    edges = [value for value in (low, high, -1, 0, 1, low + 1) if low <= value <= high]
    values = [low + value % (1 << bits) for value in raw]
    values[: len(edges)] = edges[: len(values)]
    return np.array(values, object).reshape(shape)


def shared(setting: Setting, ring: Ring, x: Array) -> dict[str, Array]:
    """Owners' values, all over the ring, that add up to x."""
    first, *others = setting.owners
    values = {o: uniform(ring, ring.shape(x), n) for n, o in enumerate(others)}
    for value in values.values():
        x = ring.sub(x, value)
    return {first: x, **values}


def total(box: Box, ring: Ring, x: Array, setting: Setting, label: str = "x") -> Secret:
    shares = box.input(label, ring, ring.shape(x), given(box, shared(setting, ring, x)))
    first, *others = shares.values()
    return sum(others, first)


def opened(box: Box, bits: Secret, m: int, label: str = "bit") -> Bools:
    """Bits (..., packed(m)) as booleans (..., m), each row under a label of its own."""
    rows = bits.reshape(-1, bits.shape[-1])
    names = {f"{label} {n}": rows[n] for n in range(rows.shape[0])}
    values = box.open_bits(names, m)
    return np.stack([values[name] for name in names]).reshape(*bits.shape[:-1], m)


def lines(setting: Setting, rows: int, m: int, label: str = "bit") -> list[Opening]:
    return [Opening(f"{label} {n}", 1, (m,), setting.parties) for n in range(rows)]


@by_setting
@by_ring
def test_negative_is_the_sign_of_the_integer(setting: Setting, ring: Ring) -> None:
    """For every width that the ring has, at the edges and between them."""
    widths = [bits for bits in WIDTHS if bits <= ring.k]
    values = {bits: integers(bits, (21,), bits) for bits in widths}

    def program(box: Box) -> dict[int, Bools]:
        signs = {}
        for bits, integer in values.items():
            x = total(box, ring, ring.encode(integer), setting, f"x{bits}")
            before = box.declared
            sign = negative(box, x, bits, f"of {bits}")
            declared = cost(box.costs, bits, 21, ring)
            assert box.declared == before + declared
            levels = max(rounds(bits) - box.costs.known_addend, 0)
            assert declared.rounds == box.costs.addends(Size(), Size()).rounds + levels * (
                box.costs.reshare(Size(), Size()).rounds
            )
            signs[bits] = opened(box, sign, 21, f"{bits} bits")
        return signs

    manifest = [line for bits in widths for line in lines(setting, 1, 21, f"{bits} bits")]
    for signs in run(setting, manifest, program).values():
        assert isinstance(signs, dict)
        for bits, integer in values.items():
            assert signs[bits].tolist() == (integer < 0).tolist(), bits


@by_setting
@pytest.mark.parametrize(("ring", "bits"), [(Ring(32), 17), (Ring(128), 119)], ids=str)
@pytest.mark.parametrize("shape", [(1,), (7,), (8,), (9,), (1000,), (3, 5), (2, 3, 17)], ids=str)
def test_negative_of_any_shape(
    setting: Setting, ring: Ring, bits: int, shape: tuple[int, ...]
) -> None:
    x, rows, m = integers(bits, shape, 3), int(np.prod(shape[:-1])), shape[-1]

    def program(box: Box) -> Bools:
        sign = negative(box, total(box, ring, ring.encode(x), setting), bits)
        assert sign.shape == (*shape[:-1], BITS.packed(m))
        return opened(box, sign, m)

    for signs in run(setting, lines(setting, rows, m), program).values():
        assert isinstance(signs, np.ndarray)
        assert signs.tolist() == (x < 0).tolist()


def test_a_comparison_with_a_secret_bound_is_strict() -> None:
    ring, x = Ring(64), np.array([-5, 3, 4, 4, 5, 2**40])
    t = np.array([-4, 4, 4, 3, 5, -(2**40)])

    def program(box: Box) -> dict[str, Bools]:
        a = total(box, ring, ring.encode(x), REPLICATED, "x")
        b = total(box, ring, ring.encode(t), REPLICATED, "t")
        above, below = negative(box, b - a, 43), negative(box, a - b, 43)
        public = negative(box, 4 - a, 43)
        return box.open_bits({"above": above, "below": below, "above 4": public}, 6)

    names = ("above", "below", "above 4")
    manifest = [Opening(name, 1, (6,), REPLICATED.parties) for name in names]
    for bits in run(REPLICATED, manifest, program).values():
        assert isinstance(bits, dict)
        assert bits["above"].tolist() == (x > t).tolist()
        assert bits["below"].tolist() == (x < t).tolist()
        assert bits["above 4"].tolist() == (x > 4).tolist()


@by_setting
@pytest.mark.parametrize("bits", [0, 33])
def test_bits_that_the_ring_lacks_are_refused(setting: Setting, bits: int) -> None:
    def program(box: Box) -> None:
        with pytest.raises(ValueError, match=f"no sign of {bits} bits"):
            negative(box, box.constant(Ring(32), Ring(32).zeros((4,))), bits)

    run(setting, [], program)


# What it costs.


def cost(costs: Costs, bits: int, m: int, ring: Ring = Z2_128) -> Cost:
    """What comparing m secrets is declared to take."""
    return cost_of(costs, lambda dry: negative(dry, dry.secret(ring, (m,)), bits))


SEAT = Seat("A", ("A", "B", "C"), ("A", "B", "C"), ("A", "B", "C"))


def test_costs_at_the_widths_in_use() -> None:
    """Bits sent for one comparison: the addend by the first party, and the tree by all."""
    costs = ReplicatedCosts(SEAT)
    assert cost(costs, 119, 8) == Cost(8, {"A": 178 + 227, "B": 227, "C": 227})
    assert cost(costs, 32, 8) == Cost(6, {"A": 47 + 56, "B": 56, "C": 56})
    assert cost(costs, 17, 8) == Cost(5, {"A": 25 + 26, "B": 26, "C": 26})
    assert cost(costs, 1, 8) == Cost(1, {"A": 1})
    clear = Seat("A", ("A", "B"), ("A", "B"), ("A",))
    assert cost(ClearCosts(clear), 119, 8) == Cost()


def test_a_wider_comparison_costs_more() -> None:
    costs = ReplicatedCosts(SEAT)
    widths = [cost(costs, bits, 800) for bits in range(1, 129)]
    for narrow, wide in pairwise(widths):
        assert narrow.rounds <= wide.rounds <= 9
        assert all(narrow.sent.get(p, 0) <= sent for p, sent in wide.sent.items())
        assert narrow.sent["A"] < wide.sent["A"]


# Bits joined.


def truth_table(box: Box, setting: Setting, names: int) -> Secret:
    """Secret bits (names, 1) in which every combination occurs."""
    table = np.array(np.meshgrid(*names * [[0, 1]], indexing="ij")).reshape(names, -1) == 1
    return total(box, BITS, BITS.pack(table), setting, "bits")


@by_setting
def test_either_and_select(setting: Setting) -> None:
    def program(box: Box) -> dict[str, Bools]:
        bits = truth_table(box, setting, 3)
        before = box.declared
        joined = {
            "or": either(box, bits[0], bits[1]),
            "select": select(box, bits[0], bits[1], bits[2]),
        }
        one, two = (Size.of(BITS, (n,)) for n in (1, 2))
        assert box.declared == before + box.costs.reshare(one, two).times(2)
        return box.open_bits(joined, 8)

    c, x, y = np.array(np.meshgrid(*3 * [[0, 1]], indexing="ij")).reshape(3, 8)
    manifest = [Opening(name, 1, (8,), setting.parties) for name in ("or", "select")]
    for bits in run(setting, manifest, program).values():
        assert isinstance(bits, dict)
        assert bits["or"].tolist() == ((c | x) == 1).tolist()
        assert bits["select"].tolist() == (np.where(c, x, y) == 1).tolist()


@by_setting
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7])
def test_all_of(setting: Setting, n: int) -> None:
    m = 1 << n

    def program(box: Box) -> Bools:
        bits = truth_table(box, setting, n)
        before = box.declared
        joined = all_of(box, bits)
        declared = cost_of(box.costs, lambda dry: all_of(dry, dry.secret(BITS, bits.shape)))
        assert box.declared == before + declared
        assert declared.rounds == (n - 1).bit_length() * box.costs.reshare(Size(), Size()).rounds
        return opened(box, joined, m)

    for bits in run(setting, lines(setting, 1, m), program).values():
        assert isinstance(bits, np.ndarray)
        assert np.flatnonzero(bits).tolist() == [m - 1]
