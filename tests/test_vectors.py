"""The replicated engine's messages, byte for byte, against vectors and a second implementation."""

import json
from typing import Any

import pytest

from mpcgen.abb import Box, Seat
from mpcgen.errors import Abort
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel
from mpcgen.prg import Prg
from mpcgen.protocols.engines import ENGINES
from mpcgen.ring import Array, Ring
from tests.outcomes import everybody, outcomes
from tests.vectors import reference
from tests.vectors.reference import COMPUTING, OWNERS, PARTIES, SESSION, VALUES

VECTORS = json.loads(reference.VECTORS.read_text())
by_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"k{vector['k']}")

# Label, sender, receiver of a message whose first bit is flipped -> what is said first.
SPOILED = {
    ("x#1", "A", "B"): "B and A sent different shares",
    ("open#3", "A", "B"): "saw other values opened",
    ("open#3", "C", "R"): "C and B sent different shares",
    ("confirm#5", "R", "O"): "R saw other values opened than O did",
}


def play(k: int, seed: int, spoil: tuple[str, str, str] | None = None) -> tuple[Any, Any]:
    """Run the engine: how it ended for each, and all messages as in a vector."""
    ring, messages = Ring(k), []

    def part(channel: Channel) -> dict[str, Array | None]:
        me, honest = channel.me, channel._send

        def send(peer: str, label: str, payload: bytes | memoryview) -> None:
            data = bytes(payload)
            if (label, me, peer) == spoil:
                data = bytes([data[0] ^ 1]) + data[1:]
            messages.append([label, me, peer, data.hex()])
            honest(peer, label, data)

        channel._send = send  # type: ignore[method-assign]
        own = Prg.for_tests_only(seed + PARTIES.index(me)).for_session(SESSION, 0)
        manifest = [Opening(label, k, (2,), PARTIES) for label in ("product", "sum")]
        leakage = Leakage([*manifest, Opening("O", k, (2,), ("C",))])
        seat = Seat(me, PARTIES, OWNERS, COMPUTING)
        return program(ENGINES["replicated"].set_up(channel, seat, leakage, SESSION, 0, own), ring)

    ended = outcomes(PARTIES, part)
    return ended, sorted(messages)


def program(box: Box, ring: Ring) -> dict[str, Array | None]:
    mine = ring.encode(list(VALUES[box.me])) if box.me in OWNERS else None
    x = box.input("x", ring, (2,), mine)
    z = box.mul(x["A"], x["B"])
    opened: dict[str, Array | None] = dict(
        box.open({"product": z, "sum": x["A"] + x["B"] + x["O"]})
    )
    opened["O"] = box.reveal("O", x["O"], "C")
    box.confirm()
    return opened


@by_vector
def test_the_second_implementation_makes_the_vectors(vector: dict[str, Any]) -> None:
    assert reference.vector(vector["k"], vector["seed"]) == vector
    a, b, o = (VALUES[owner] for owner in OWNERS)
    expected = {
        "product": [x * y for x, y in zip(a, b, strict=True)],
        "sum": [x + y + z for x, y, z in zip(a, b, o, strict=True)],
        "O": list(o),
    }
    size, modulus = -(-vector["k"] // 8), 1 << vector["k"]
    for label, values in expected.items():
        data = b"".join((value % modulus).to_bytes(size, "little") for value in values)
        assert vector["opened"][label] == data.hex()


@by_vector
def test_the_engine_sends_and_opens_what_the_vectors_say(vector: dict[str, Any]) -> None:
    ended, messages = play(vector["k"], vector["seed"])
    assert messages == vector["messages"]
    ring = Ring(vector["k"])
    for name, opened in everybody(ended).items():
        assert (opened["O"] is not None) == (name == "C")
        for label, value in opened.items():
            if value is not None:
                assert ring.to_bytes(value).hex() == vector["opened"][label]


@by_vector
@pytest.mark.parametrize("spoil", SPOILED, ids=" ".join)
def test_runs_that_must_fail(vector: dict[str, Any], spoil: tuple[str, str, str]) -> None:
    ended, _ = play(vector["k"], vector["seed"], spoil)
    assert any(
        isinstance(error, Abort) and SPOILED[spoil] in str(error) for error in ended.values()
    )
