"""A party that wants more opened than the plan releases, against parties that keep to it.

A, B and C compute with the replicated engine; R computes nothing and receives. A runs whatever
program it likes, with whatever manifest; the others run the agreed one. They send not one message
that the agreed program does not have, and the session ends for them with an error.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mpcgen.abb import Box, Seat
from mpcgen.errors import Abort, NotInManifest, TransportError
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel
from mpcgen.prg import Prg
from mpcgen.protocols.engines import ENGINES
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret
from tests.outcomes import everybody, outcomes

RING = Ring(32)
PARTIES, COMPUTING = ("A", "B", "C", "R"), ("A", "B", "C")
SHAPE = (4,)
INPUTS = {name: RING.encode(np.arange(4) * 10 ** (n + 1)) for n, name in enumerate(("A", "B", "C"))}
TOTAL = sum(INPUTS.values())
MANIFEST = (Opening("total", 32, SHAPE, PARTIES), Opening("for R", 32, SHAPE, ("R",)))
SESSION = b"a session's name"

Sent = dict[str, list[tuple[str, str, bytes]]]
"""Party -> peer, label and payload of all that it sent, in order; of a digest only that."""

Shares = dict[str, Secret]
Program = Callable[[Box, Shares], object]


class Forged(Leakage):
    """The manifest of somebody who allows everything."""

    def __init__(self) -> None:
        super().__init__([])

    def spend(self, asked: Opening) -> None:
        """Let it pass."""


def total(x: Shares) -> Secret:
    return x["A"] + x["B"] + x["C"]


def agreed(box: Box, x: Shares) -> Array:
    opened = box.open({"total": total(x)})["total"]
    box.reveal("for R", x["A"], "R")
    box.confirm()
    return opened


def play(
    dishonest: dict[str, Program],
    sent: Sent,
    *,
    forged: bool = True,
    timeout: float = 20,
    agreed: Program = agreed,
    manifest: Sequence[Opening] = MANIFEST,
) -> dict[str, object]:
    """Run the agreed program at all but some, from fixed seeds; how it ended for each."""

    def part(channel: Channel) -> object:
        me = channel.me
        note(channel, sent.setdefault(me, []))
        own = Prg.for_tests_only(PARTIES.index(me))
        leakage = Forged() if me in dishonest and forged else Leakage(manifest)
        seat = Seat(me, PARTIES, COMPUTING, COMPUTING)
        box = ENGINES["replicated"].set_up(channel, seat, leakage, SESSION, 0, own)
        shares = box.input("x", RING, SHAPE, INPUTS.get(me))
        return dishonest.get(me, agreed)(box, shares)

    return dict(outcomes(PARTIES, part, timeout=timeout))


def note(channel: Channel, sent: list[tuple[str, str, bytes]]) -> None:
    """Write down what goes through a channel from now on."""
    honest = channel._send

    def send(peer: str, label: str, payload: bytes | memoryview) -> None:
        digest = label.startswith("confirm")  # of what this party saw, wrong values too
        sent.append((peer, label, b"" if digest else bytes(payload)))
        honest(peer, label, payload)

    channel._send = send  # type: ignore[method-assign]


@pytest.fixture(scope="module")
def honest() -> Sent:
    """What everybody sends where all are honest."""
    sent: Sent = {}
    for value in everybody(play({}, sent)).values():
        assert isinstance(value, np.ndarray)
        np.testing.assert_array_equal(value, TOTAL)
    return sent


def assert_nothing_beyond(sent: Sent, honest: Sent, ended: dict[str, object]) -> None:
    """The honest parties stopped, and until then sent what the agreed program sends."""
    for name in ("B", "C", "R"):
        assert isinstance(ended[name], Abort | TransportError), (name, ended[name])
        assert sent[name] == honest[name][: len(sent[name])]


def then(*steps: Program) -> Program:
    """The agreed opening, and then something else."""

    def program(box: Box, x: Shares) -> object:
        box.open({"total": total(x)})
        for step in steps:
            step(box, x)
        return agreed(box, x)

    return program


ATTEMPTS: dict[str, Program] = {
    "another value before": lambda box, x: (box.open({"B": x["B"]}), agreed(box, x)),
    "another value besides": lambda box, x: box.open({"total": total(x), "B": x["B"]}),
    "another value after": then(lambda box, x: box.open({"B": x["B"]})),
    "the same twice": then(lambda box, x: box.open({"total": total(x)})),
    "part of it": lambda box, x: (box.open({"total": total(x)[:2]}), agreed(box, x)),
    "a product": lambda box, x: box.open({"total": box.mul(x["B"], x["C"])}),
    "what is for R": then(lambda box, x: box.reveal("for R", x["A"], "A")),
    "what is for R, to all": then(lambda box, x: box.open({"for R": x["A"]})),
    "the total for itself alone": lambda box, x: box.reveal("total", total(x), "A"),
    "something for a friend": then(lambda box, x: box.reveal("B", x["B"], "R")),
    "a wider ring": lambda box, x: box.open({"total": total(x).reduce(Ring(8))}),
}


BOTH_WAIT = {"a product"}  # A for a share that nobody sends, the others for A


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_honest_parties_send_nothing_for_it_and_stop(attempt: str, honest: Sent) -> None:
    sent: Sent = {}
    timeout = 1 if attempt in BOTH_WAIT else 20
    ended = play({"A": ATTEMPTS[attempt]}, sent, timeout=timeout)
    assert_nothing_beyond(sent, honest, ended)


def test_another_value_under_the_agreed_label_is_noticed(honest: Sent) -> None:
    """A sends its share of x_B for that of the total, and gets the others' shares of the total.

    B and R use a share that does not belong to the rest: B sees a value that C does not see, and R
    that A and C sent different shares. A has learned the total (it was to), and nothing of x_B.
    """

    def other(box: Box, x: Shares) -> None:
        box.open({"total": x["B"]})
        box.reveal("for R", x["A"], "R")
        box.confirm()

    sent: Sent = {}
    ended = play({"A": other}, sent)
    assert_nothing_beyond(sent, honest, ended)
    assert "A and C sent different shares" in str(ended["R"])


@pytest.mark.parametrize(
    "attempt",
    ["another value besides", "another value after", "the same twice", "what is for R, to all"],
)
def test_a_program_that_asks_for_more_is_refused_before_a_message(
    attempt: str, honest: Sent
) -> None:
    """Where the program itself, the same everywhere, goes beyond the manifest.

    All refuse by themselves, or hear that another one has.
    """
    sent: Sent = {}
    ended = play(dict.fromkeys(PARTIES, ATTEMPTS[attempt]), sent, forged=False)
    assert any(isinstance(error, NotInManifest) for error in ended.values())
    for name, error in ended.items():
        assert isinstance(error, Abort)
        assert "does not release" in str(error)
        assert sent[name] == honest[name][: len(sent[name])]


@pytest.mark.parametrize(
    "asked",
    [
        Opening("total", 64, SHAPE, PARTIES),
        Opening("total", 32, (5,), PARTIES),
        Opening("total", 32, (4, 1), PARTIES),
        Opening("total", 32, SHAPE, COMPUTING),
        Opening("total", 32, SHAPE, PARTIES[::-1]),
        Opening("Total", 32, SHAPE, PARTIES),
        Opening("for R", 32, SHAPE, ("A",)),
        Opening("for R", 32, SHAPE, PARTIES),
    ],
    ids=str,
)
def test_a_line_allows_what_it_says_and_nothing_near_it(asked: Opening) -> None:
    leakage = Leakage(MANIFEST)
    with pytest.raises(NotInManifest, match="the plan does not release Opening"):
        leakage.spend(asked)
    assert leakage.opened == []


def test_a_refused_line_is_spent() -> None:
    """Who asks wrongly has lost the line: nothing is tried again in another form."""
    leakage = Leakage(MANIFEST)
    with pytest.raises(NotInManifest):
        leakage.spend(Opening("total", 32, (5,), PARTIES))
    with pytest.raises(NotInManifest):
        leakage.spend(MANIFEST[0])


def test_two_lines_of_one_label_allow_one_opening_at_most() -> None:
    lines: Sequence[Opening] = (MANIFEST[0], MANIFEST[0])
    leakage = Leakage(lines)
    leakage.spend(MANIFEST[0])
    with pytest.raises(NotInManifest):
        leakage.spend(MANIFEST[0])
