"""The check of the engine spdz2k alone, and what must not pass without it."""

from collections.abc import Callable

import numpy as np
import pytest

from mpcgen import field
from mpcgen.abb import Box
from mpcgen.bits import BITS, BitRing
from mpcgen.errors import Abort
from mpcgen.net.channel import Channel
from mpcgen.prg import Prg
from mpcgen.protocols.spdz2k_check import CHECK_BYTES, CHECK_ROUNDS, Check
from mpcgen.protocols.spdz2k_shares import Held, MacKey, carrier, macs
from mpcgen.ring import Z2_32, Z2_64, Z2_128, Z2_192, Array, Ring
from mpcgen.tags import TAGS
from tests.conformance import Setting, given, run
from tests.outcomes import outcomes

PARTIES = ("A", "B", "C")
RINGS = (Z2_32, Z2_64, Z2_128, BITS)
SHAPE = (3, 4)
PAIR = Setting("spdz2k", ("A", "B"), ("A", "B"), "D")

by_ring = pytest.mark.parametrize("ring", RINGS, ids=str)


def keys() -> list[MacKey]:
    return [MacKey.drawn(Prg.for_tests_only(n)) for n in range(len(PARTIES))]


def opened(ring: Ring) -> tuple[Array, list[Array]]:
    """A value that was opened, and the parties' shares of its MAC."""
    key, held, of_mac = MacKey.total(keys()), carrier(ring), macs(ring)
    prg = Prg.for_tests_only(99)
    y = prg.draw(held, SHAPE, "value", 0)
    shares = [prg.draw(of_mac, SHAPE, "mac", n) for n in range(len(PARTIES) - 1)]
    rest = key.of(ring, y)
    for share in shares:
        rest = of_mac.sub(rest, share)
    return y, [*shares, rest]


def check(
    values: Callable[[int], list[tuple[Ring, Array, Array]]], times: int = 1
) -> dict[str, object]:
    """All parties check what they saw opened; what became of it."""
    shares = keys()

    def part(channel: Channel) -> tuple[int, int]:
        channel.bind_session(b"s" * 16)
        i = PARTIES.index(channel.me)
        mine = Check(channel, channel.me, PARTIES, shares[i], Prg.for_tests_only(50 + i), b"s")
        for ring, y, mac in values(i):
            mine.remember(ring, y, mac)
        for n in range(times):
            mine.run(f"check#{n}")
        return channel.rounds, sum(each.bytes for each in channel.sent.values())

    return dict(outcomes(PARTIES, part))


def test_a_check_takes_what_it_says() -> None:
    found = check(lambda i: [(ring, opened(ring)[0], opened(ring)[1][i]) for ring in RINGS], 2)
    assert set(found.values()) == {(2 * CHECK_ROUNDS, 2 * 2 * CHECK_BYTES)}


def flipped(ring: Ring, x: Array, place: int) -> Array:
    """One bit of the last element is another one."""
    data = bytearray(ring.to_bytes(x))
    data[-ring.size + place // 8] ^= 1 << place % 8
    return ring.from_bytes(bytes(data), ring.shape(x))


@by_ring
def test_every_wrong_bit_of_a_value_is_found(ring: Ring) -> None:
    """Of its low k bits; for bits, of each of a byte's eight."""
    y, shares = opened(ring)
    for place in range(ring.k):
        wrong = flipped(carrier(ring), y, place)
        found = check(lambda i, wrong=wrong: [(ring, wrong, shares[i])])  # type: ignore[misc]
        assert all(isinstance(error, Abort) for error in found.values()), place
        assert any("sent a wrong share" in str(error) for error in found.values())


@by_ring
def test_every_wrong_bit_of_a_share_of_a_mac_is_found(ring: Ring) -> None:
    """But of the highest bits, of which the odd factors alone would tell."""
    y, shares = opened(ring)
    for place in range(0, 8 * macs(ring).size - (0 if isinstance(ring, BitRing) else 16), 7):
        wrong = [flipped(macs(ring), shares[0], place), *shares[1:]]
        found = check(lambda i, wrong=wrong: [(ring, y, wrong[i])])  # type: ignore[misc]
        assert all(isinstance(error, Abort) for error in found.values()), place


def test_errors_that_cancel_in_a_plain_sum_are_found() -> None:
    """Two values are off by +1 and -1, or two bits by the same: weights differ."""
    for ring in RINGS:
        y, shares = opened(ring)
        held = carrier(ring)
        one = held.zeros(SHAPE)
        one[0, 0], one[1, 1] = (held.encode(sign) for sign in (1, -1))
        wrong = held.add(y, one)
        found = check(lambda i, at=(ring, wrong, shares): [(at[0], at[1], at[2][i])])  # type: ignore[misc]
        assert all(isinstance(error, Abort) for error in found.values())


def test_parties_that_saw_different_values_name_each_other() -> None:
    y, shares = opened(Z2_64)
    other = flipped(Z2_128, y, 0)
    found = check(lambda i: [(Z2_64, other if i == 2 else y, shares[i])])
    said = {str(error) for error in found.values() if "aborted" not in str(error)}
    assert said <= {
        *(f"C saw other values than {me} did, or says so" for me in "AB"),
        *(f"{peer} saw other values than C did, or says so" for peer in "AB"),
    }
    assert said


def test_keys_are_64_bits_and_add_up() -> None:
    shares = keys()
    total = MacKey.total(shares)
    alphas = [int(Z2_192.unsigned(share.alpha)) for share in shares]
    assert all(0 < alpha < 1 << 64 for alpha in alphas)
    assert int(Z2_192.unsigned(total.alpha)) == sum(alphas)
    assert total.delta == shares[0].delta ^ shares[1].delta ^ shares[2].delta
    assert len({*alphas, *(share.delta for share in shares)}) == 2 * len(shares)


def test_the_tag_of_a_bit_is_the_key() -> None:
    key = MacKey.total(keys())
    bits = np.array([0b101], np.uint8)
    tags = key.of(BITS, bits)
    assert tags.tolist() == [[key.delta, 0, key.delta, 0, 0, 0, 0, 0]]
    weights = Prg.for_tests_only(1).draw(TAGS, (1,), "weights", 0)
    combined = field.combine(tags, weights)
    assert combined == field.multiply(key.delta, field.combine_bits(bits, weights))


@pytest.mark.parametrize("cheater", PAIR.computing)
def test_nothing_is_confirmed_that_was_not_checked(cheater: str) -> None:
    """Though nothing of it is opened."""
    values = {owner: Z2_32.encode(np.arange(3)) for owner in PAIR.owners}

    def program(box: Box) -> None:
        x = box.input("x", Z2_32, (3,), given(box, values))["A"]
        if box.me == cheater:
            value, mac = x._parts
            x._parts = tuple(Held(Z2_128.add(value, Z2_128.encode(np.ones(3, int))), mac))
        box.mul(x, x)

    with pytest.raises(Abort, match="sent a wrong share"):
        run(PAIR, [], program)
