"""Counters packed into integers whose sum is decrypted, against Python's integers."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgen.errors import RangeError
from mpcgen.protocols.packing import Like, Packing
from mpcgen.ring import Ring

BITS = 511
Parts = list[list[list[int]]]  # of each owner, for each array, its values


@st.composite
def studies(draw: st.DrawFn) -> tuple[Like, Parts]:
    """Arrays of several rings, and signed parts of each owner over their whole range."""
    like = [
        (Ring(k), (m,))
        for k, m in draw(st.lists(st.tuples(st.sampled_from([32, 64, 128]), st.integers(0, 9))))
    ]
    owners = draw(st.integers(1, 9))

    def part(ring: Ring, m: int) -> st.SearchStrategy[list[int]]:
        half = ring.modulus // 2
        corners = st.sampled_from([-half, half - 1, -1, 0, 1])
        return st.lists(corners | st.integers(-half, half - 1), min_size=m, max_size=m)

    return like, [[draw(part(ring, m)) for ring, (m,) in like] for _ in range(owners)]


def packed(packing: Packing, like: Like, parts: Parts) -> list[int]:
    """The sums of all owners' integers."""
    each = [
        packing.pack(like, [ring.encode(x) for (ring, _), x in zip(like, mine, strict=True)])
        for mine in parts
    ]
    b = sum(ring.size * m for ring, (m,) in like)
    assert all(len(mine) == packing.count(b) for mine in each)
    sums = [sum(column) for column in zip(*each, strict=True)]
    assert all(0 <= x < 1 << BITS for x in sums)
    return sums


@settings(max_examples=80)
@given(study=studies())
def test_totals_are_exact_or_refused(study: tuple[Like, Parts]) -> None:
    """Whatever the owners give, a total is the integers' sum, or is outside and not told."""
    like, parts = study
    packing = Packing(len(parts), BITS)
    sums = packed(packing, like, parts)
    totals = [[sum(x) for x in zip(*column, strict=True)] for column in zip(*parts, strict=True)]
    fits = all(
        -ring.modulus // 2 <= x < ring.modulus // 2
        for (ring, _), total in zip(like, totals, strict=True)
        for x in total
    )
    if not fits:
        with pytest.raises(RangeError):
            packing.unpack(like, sums)
        return
    opened = packing.unpack(like, sums)
    assert [r.signed(x).tolist() for (r, _), x in zip(like, opened, strict=True)] == totals


@pytest.mark.parametrize("owners", [1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize("k", [32, 64, 128])
def test_totals_at_the_ends_of_their_range(owners: int, k: int) -> None:
    """Neighbours at opposite ends, parts of opposite signs."""
    half, m = 1 << (k - 1), 9
    total = [half - 1, -half] * 4 + [0]
    parts = [[[x // owners + (i < x % owners) for x in total]] for i in range(owners)]
    for first, second in pairwise(parts):
        first[0][-1] += half - 2
        second[0][-1] -= half - 2
    like, packing = [(Ring(k), (m,))], Packing(owners, BITS)
    (opened,) = packing.unpack(like, packed(packing, like, parts))
    assert Ring(k).signed(opened).tolist() == total


@pytest.mark.parametrize("owners", [1, 2, 3, 4, 7, 8, 31])
def test_the_headroom_holds_the_largest_sum(owners: int) -> None:
    """A digit's width against the sum of the largest digits."""
    packing = Packing(owners, 3071)
    for k in (32, 64, 128):
        assert owners * (2**k - 1) < 2 ** (k // 32 * packing.unit)
    assert packing.units % 4 == 0
    assert packing.units * packing.unit <= packing.bits


def test_a_bit_where_no_value_stands_is_refused() -> None:
    like, packing = [(Ring(32), (1,))], Packing(2, BITS)
    (x,) = packed(packing, like, [[[5]], [[-7]]])
    assert packing.unpack(like, [x])[0].tolist() == [2**32 - 2]
    for other in (x | 1 << (packing.unit * packing.units - 1), x | 1 << BITS, 0):
        with pytest.raises(RangeError):
            packing.unpack(like, [other])
