"""Computing parties that send wrong shares: what is caught, and what is not.

The replicated engine with three parties is semi-honest: it keeps secrets from a party that follows
the protocol and reads along. Against one that does not, it promises nothing but what is shown here.

Caught     a share that only one recipient sees altered: openings differ, and `confirm` aborts
           everywhere before anything is written; a guest compares each share with its second
           holder's digest.
Not caught a computing party that alters its share of a product, or an owner its input,
           consistently: everybody opens the same wrong value.
           A share altered in a value revealed to a computing party, who has nothing to compare.
The engine with four parties, and the one with MACs, are there for these.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpcgen.abb import DIGEST_BYTES, Box, Seat
from mpcgen.errors import Abort, TransportError
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel
from mpcgen.prg import Prg
from mpcgen.protocols.engines import ENGINES
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret
from tests import studies
from tests.attacks.cohorts import COHORTS, lay_out, run
from tests.outcomes import everybody, outcomes

RING, SHAPE = Ring(32), (3,)
PARTIES, COMPUTING = ("A", "B", "C", "R", "S"), ("A", "B", "C")
INPUTS = {name: RING.encode(np.arange(3) + n + 5) for n, name in enumerate(COMPUTING)}
PRODUCT = (np.arange(3) + 5) * (np.arange(3) + 6)
OFF = 1000
MANIFEST = (
    Opening("product", 32, SHAPE, PARTIES),
    Opening("for B", 32, SHAPE, ("B",)),
    Opening("for R", 32, SHAPE, ("R",)),
)

Tamper = Callable[[str, str, bytes], bytes]
"""Peer, label and payload of what the cheater sends -> what goes out."""


def tampering(channel: Channel, tamper: Tamper) -> None:
    """From now on, the channel sends something else."""
    honest = channel._send

    def send(peer: str, label: str, payload: bytes | memoryview) -> None:
        honest(peer, label, tamper(peer, label, bytes(payload)))

    channel._send = send  # type: ignore[method-assign]


def shifted(payload: bytes) -> bytes:
    """Ring elements, each OFF more; what follows them stays."""
    n = int(np.prod(SHAPE)) * RING.size
    x = RING.from_bytes(payload[:n], SHAPE)
    return RING.to_bytes(RING.add(x, RING.encode(np.full(SHAPE, OFF)))) + payload[n:]


def play(
    cheater: str = "",
    tamper: Tamper = lambda _peer, _label, payload: payload,
    *,
    cheat: Callable[[Box], None] = lambda _box: None,
    inputs: dict[str, Array] = INPUTS,
) -> dict[str, object]:
    """Open a product to all and reveal it to B and to R, with one party that cheats.

    Args:
        tamper: what it does to its messages.
        cheat: what it does to its box.
    """

    def part(channel: Channel) -> dict[str, Array | None]:
        seat = Seat(channel.me, PARTIES, COMPUTING, COMPUTING)
        own, leakage = Prg.for_tests_only(PARTIES.index(channel.me)), Leakage(MANIFEST)
        box = ENGINES["replicated"].set_up(channel, seat, leakage, b"a session", 0, own)
        if channel.me == cheater:
            tampering(channel, tamper)
            cheat(box)
        return program(box, inputs)

    return dict(outcomes(PARTIES, part))


def program(box: Box, inputs: dict[str, Array]) -> dict[str, Array | None]:
    shares = box.input("x", RING, SHAPE, inputs.get(box.me))
    z = box.mul(shares["A"], shares["B"])
    seen: dict[str, Array | None] = dict(box.open({"product": z}))
    seen |= {f"for {to}": box.reveal(f"for {to}", z, to) for to in ("B", "R")}
    box.confirm()
    return seen


def test_everybody_is_honest() -> None:
    for seen in everybody(play()).values():
        assert isinstance(seen, dict)
        np.testing.assert_array_equal(seen["product"], PRODUCT)


@pytest.mark.parametrize("cheater", COMPUTING)
def test_a_wrong_share_to_the_next_computing_party_stops_everybody(cheater: str) -> None:
    """What it opens is not what the others open; nobody gets past `confirm`."""
    after = COMPUTING[(COMPUTING.index(cheater) + 1) % 3]

    def tamper(peer: str, label: str, payload: bytes) -> bytes:
        return shifted(payload) if peer == after and label.startswith("open") else payload

    ended = play(cheater, tamper)
    assert all(isinstance(error, Abort | TransportError) for error in ended.values())
    assert any("saw other values opened" in str(error) for error in ended.values())


@pytest.mark.parametrize("opened", ["open", "for R"])
@pytest.mark.parametrize("cheater", COMPUTING)
def test_a_wrong_share_to_a_guest_is_named_by_the_guest(cheater: str, opened: str) -> None:
    def tamper(peer: str, label: str, payload: bytes) -> bytes:
        return shifted(payload) if peer == "R" and label.startswith(opened) else payload

    ended = play(cheater, tamper)
    second = COMPUTING[COMPUTING.index(cheater) - 1]
    assert str(ended["R"]) == f"{cheater} and {second} sent different shares"
    assert all(isinstance(error, Abort | TransportError) for error in ended.values())


@pytest.mark.parametrize("cheater", COMPUTING)
def test_a_wrong_digest_to_a_guest_is_named_by_the_guest(cheater: str) -> None:
    def tamper(peer: str, label: str, payload: bytes) -> bytes:
        wrong = peer == "S" and label.startswith("open")
        return payload[:-DIGEST_BYTES] + bytes(DIGEST_BYTES) if wrong else payload

    ended = play(cheater, tamper)
    first = COMPUTING[(COMPUTING.index(cheater) + 1) % 3]
    assert str(ended["S"]) == f"{first} and {cheater} sent different shares"
    assert all(isinstance(error, Abort | TransportError) for error in ended.values())


def test_a_wrong_digest_of_what_was_seen_is_noticed_by_whom_it_reaches() -> None:
    """Who is told the truth in this last round has finished; no protocol can be fair here."""

    def tamper(peer: str, label: str, payload: bytes) -> bytes:
        return bytes(DIGEST_BYTES) if peer == "S" and label.startswith("confirm") else payload

    assert str(play("A", tamper)["S"]) == "A saw other values opened than S did"


def test_a_study_with_a_wrong_share_leaves_no_results(tmp_path: Path) -> None:
    """B is sent a wrong share of the last opening; tables were computed, and none is kept."""
    plan = lay_out(tmp_path / "study", COHORTS)
    out = tmp_path / "out"

    def wrap(channel: Channel) -> Channel:
        def tamper(peer: str, label: str, payload: bytes) -> bytes:
            wrong = peer == "B" and label.startswith("open") and len(payload) > 1000
            return bytes([payload[0] ^ 1]) + payload[1:] if wrong else payload

        if channel.me == "A":
            tampering(channel, tamper)
        return channel

    ended = run(plan, wrap=wrap, out=out)
    assert all(isinstance(error, Abort) for error in ended.values())
    assert any("saw other values opened" in str(error) for error in ended.values())
    assert not [path for path in out.rglob("*") if path.is_file()]
    everybody(run(plan, out=out))
    assert len(studies.tables(out)) >= 3 * 7


@pytest.mark.parametrize("step", ["variants0/", "pass/uvw", "pass/addends", "pass#", "open"])
def test_a_study_under_macs_leaves_no_results(step: str, tmp_path: Path) -> None:
    """A sends everybody the same wrong share: no semi-honest engine would notice."""
    rules = studies.Rules("spdz2k", COMPUTING, dealer="D")
    entries = studies.OF_ALL + studies.passing(["allelic"], "0.5")
    plan = lay_out(tmp_path / "study", COHORTS, rules=rules, entries=entries, window=0)
    out, tampered = tmp_path / "out", set[str]()

    def wrap(channel: Channel) -> Channel:
        def tamper(peer: str, label: str, payload: bytes) -> bytes:
            if not label.startswith(step) or " " in label or not payload:
                return payload
            tampered.add(label)
            return bytes([payload[0] ^ 1]) + payload[1:]

        if channel.me == "A":
            tampering(channel, tamper)
        return channel

    ended = run(plan, wrap=wrap, out=out)
    assert tampered
    assert all(isinstance(error, Abort | TransportError) for error in ended.values())
    assert not [path for path in out.rglob("*") if path.is_file()]


# Demonstrations of what a semi-honest engine does not catch.


@pytest.mark.parametrize("cheater", COMPUTING)
def test_not_caught_a_product_share_that_is_altered_consistently(cheater: str) -> None:
    """The cheater sends z_i + 1000 in the resharing and goes on with it itself.

    Both holders of that component have the same share, so everybody, the guests too, opens the
    product plus 1000, and every comparison succeeds. Nothing secret is learned by it here, but the
    result is wrong, and nobody knows.
    """

    def tamper(_peer: str, label: str, payload: bytes) -> bytes:
        return shifted(payload) if label.startswith("mul") else payload

    def cheat(box: Box) -> None:
        reshare = box._reshare

        def altered(*given: Any) -> list[Secret]:
            (z,) = reshare(*given)
            z._parts = (RING.add(z._parts[0], RING.encode(np.full(SHAPE, OFF))), z._parts[1])
            return [z]

        box._reshare = altered  # type: ignore[assignment, method-assign]

    for name, seen in everybody(play(cheater, tamper, cheat=cheat)).items():
        assert isinstance(seen, dict)
        for value in (seen["product"], seen.get(f"for {name}", seen["product"])):
            np.testing.assert_array_equal(value, PRODUCT + OFF)


def test_not_caught_a_false_input() -> None:
    """What an owner says of its own data, no sharing can check."""
    false = INPUTS | {"A": RING.encode(np.arange(3) + 5 + OFF)}
    for seen in everybody(play(inputs=false)).values():
        assert isinstance(seen, dict)
        np.testing.assert_array_equal(seen["product"], (np.arange(3) + 5 + OFF) * INPUTS["B"])


def test_not_caught_a_wrong_share_of_what_is_revealed_to_a_computing_party() -> None:
    """B takes the share it lacks from A alone, and no one else sees the value to compare."""

    def tamper(_peer: str, label: str, payload: bytes) -> bytes:
        return shifted(payload) if label.startswith("for B") else payload

    seen = everybody(play("A", tamper))["B"]
    assert isinstance(seen, dict)
    np.testing.assert_array_equal(seen["for B"], PRODUCT + OFF)
    np.testing.assert_array_equal(seen["product"], PRODUCT)
