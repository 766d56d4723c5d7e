"""Peers whose key is pinned, who say of themselves and of their messages what is not so.

Each part here speaks a channel's frames as a party of ours never would, from memory, so that every
check of a channel is the real one.
"""

import threading
import time
from collections.abc import Callable
from itertools import chain, cycle, repeat

import pytest

from mpcgen.errors import BadMessage, PartyLost, PartyStopped, PartyTimeout
from mpcgen.net import channel as channel_module
from mpcgen.net import keys, zeromq
from mpcgen.net.channel import MAX_GREETING, AbortReason, Channel
from mpcgen.net.memory import MemoryChannel, MemoryNetwork
from mpcgen.net.message import SEGMENT, Arrival, Header, Kind
from tests.ports import LOOPBACK, free_ports

SESSION = b"s" * 16
SHORT = 0.2  # seconds of a time-out that is to pass
LONG = 10 * SHORT


def say(network: MemoryNetwork, to: str, header: Header, part: bytes = b"") -> None:
    """Put a frame of B's as it is, whatever it says."""
    with network.changed:
        network.inbox[to].append(("B", header.pack() + part))
        network.changed.notify_all()


def message(part: bytes, **changed: object) -> tuple[Header, bytes]:
    values: dict[str, object] = {"session": SESSION, "length": len(part), "label": "x"}
    return Header(Kind.MESSAGE, **{**values, **changed}), part  # type: ignore[arg-type]


def of_a(network: MemoryNetwork, **options: float) -> MemoryChannel:
    channel = network.channel("A", **options)  # type: ignore[arg-type]
    channel.connect()
    channel.bind_session(SESSION)
    return channel


@pytest.mark.parametrize(
    "changed",
    [{"length": 10}, {"label": "y"}, {"session": b"t" * 16}, {"reason": 1}],
    ids=["shorter", "label", "session", "reason"],
)
def test_a_message_that_goes_on_as_another_is_refused(changed: dict[str, object]) -> None:
    """What a round hands on has the length that was asked for, whatever the frames say."""
    network = MemoryNetwork(("A", "B"))
    channel = of_a(network)
    say(network, "A", *message(bytes(SEGMENT), length=SEGMENT + 7))
    header, _ = message(b"", **{"length": SEGMENT + 7, **changed, "start": SEGMENT})
    say(network, "A", header, bytes(header.part))
    with pytest.raises(BadMessage, match="B began message 0 as another"):
        channel.exchange(header.label, {}, {"B": header.length})


def test_nothing_large_is_kept_before_a_session_is_bound() -> None:
    network = MemoryNetwork(("A", "B"))
    channel = network.channel("A")
    say(network, "A", *message(bytes(MAX_GREETING + 1)))
    with pytest.raises(BadMessage, match=f"announced {MAX_GREETING + 1} bytes"):
        channel.exchange("hello", {}, {"B": None})


def until_it_ends(
    network: MemoryNetwork, channel: Channel, speak: Callable[[], None], every: float
) -> BaseException:
    """What A's wait for B ends with, though B speaks all the time; a failure where it goes on."""
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            channel.exchange("x", {}, {"B": 1})
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    stop = time.monotonic() + LONG
    while thread.is_alive() and time.monotonic() < stop:
        speak()
        thread.join(every)
    say(network, "A", *message(b"!"))  # whatever comes of it, the thread ends
    thread.join()
    assert ended, f"it waits after {LONG / SHORT:g} times its time-out"
    return ended[0]


@pytest.mark.parametrize(
    "header",
    [Header(Kind.ACK, 0, SESSION), Header(Kind.WAITING, 0, SESSION, label="C")],
    ids=["ACK", "WAITING"],
)
def test_words_without_a_message_do_not_hold_a_party_for_ever(header: Header) -> None:
    network = MemoryNetwork(("A", "B", "C"))
    channel = of_a(network, timeout=SHORT)
    error = until_it_ends(network, channel, lambda: say(network, "A", header), SHORT / 4)
    assert isinstance(error, PartyTimeout)


def test_a_peer_that_comes_and_goes_does_not_hold_a_party_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = MemoryNetwork(("A", "B", "C"))
    channel = of_a(network, timeout=SHORT, absence=2 * SHORT)
    comes_or_goes = cycle([channel._missed, channel._found])
    take = channel._take

    def flapping(wait: float) -> Arrival | None:
        next(comes_or_goes)("B")
        return take(min(wait, SHORT / 4))

    monkeypatch.setattr(channel, "_take", flapping)
    error = until_it_ends(network, channel, lambda: None, SHORT)
    assert isinstance(error, PartyTimeout | PartyLost)


def test_a_flood_does_not_hold_a_party_that_only_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    network = MemoryNetwork(("A", "B"))
    channel = of_a(network, timeout=SHORT)
    ack, left = Header(Kind.ACK, 0, SESSION), [10_000]

    def endless(_wait: float) -> Arrival | None:
        left[0] -= 1
        return Arrival("B", ack, b"") if left[0] else None

    monkeypatch.setattr(channel, "_take", endless)
    channel.exchange("x", {"B": b""}, {})
    assert left[0] > 0


def test_a_flood_does_not_hold_a_party_that_looks_round_after_an_abort(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel_module, "LOOK_AROUND", SHORT)
    channel = of_a(MemoryNetwork(("A", "B")))
    stop = time.monotonic() + LONG
    kinds = chain([Kind.ABORT], repeat(Kind.ACK))

    def endless(_wait: float) -> Arrival | None:
        header = Header(next(kinds), AbortReason.FOLLOWED.code, SESSION)
        return Arrival("B", header, b"") if time.monotonic() < stop else None

    monkeypatch.setattr(channel, "_take", endless)
    with pytest.raises(PartyStopped, match="B aborted"):
        channel.exchange("x", {}, {"B": 1})
    assert time.monotonic() < stop


def test_a_flood_without_a_greeting_does_not_hold_a_party(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its frames are dropped, and what has arrived is not handed out without end."""
    monkeypatch.setattr(zeromq, "LAG", SHORT)
    me, b = keys.generate(), keys.generate()
    address = f"{LOOPBACK}:{free_ports(1)[0]}"
    peer = zeromq.Peer(f"{LOOPBACK}:1", b.public)
    with zeromq.ZmqChannel("A", address, me, {"B": peer}) as channel:
        stop = time.monotonic() + LONG
        monkeypatch.setattr(channel, "_step", lambda _wait: time.monotonic() < stop)
        assert channel._take(0.0) is None
        assert time.monotonic() < stop


def test_what_acknowledges_something_begins_the_time_out_anew() -> None:
    network = MemoryNetwork(("A", "B"))
    channel = of_a(network)
    for due, moves in ((0, False), (1, True), (1, False), (0, False), (2, True)):
        channel.exchange("x", {"B": b""}, {})
        arrival = Arrival("B", Header(Kind.ACK, 0, SESSION, due=due), b"")
        assert channel._admit(arrival, "x") is moves
