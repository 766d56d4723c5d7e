"""A relay at its public port: strangers, floods, and members that break the rules."""

import errno
import io
import json
import socket
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from mpcgen.net.channel import Channel
from mpcgen.net.handshake import HELLO_BYTES, MAGIC, Initiator
from mpcgen.net.relay.frames import (
    COUNTED,
    HEAD_BYTES,
    HOP_CONTEXT,
    MAX_BODY,
    MAX_SHAKE,
    WINDOW,
    Frame,
    Head,
    Kind,
    Login,
    Refusal,
)
from mpcgen.net.relay.gate import LINES, Door, Limits, Log, affordable, network
from mpcgen.net.sealed import TAG
from tests.net_conformance import NAMES, PATIENCE, everybody, meet, play, to_all
from tests.ports import LOOPBACK
from tests.relays import IDENTITIES, Raw, RunningHub, joined, public, running_hub, until

JUNK = [
    b"\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + bytes(100),
    b"\x16\x03\x01" + bytes(300),
    bytes(range(256)) * 1000,
    MAGIC + bytes(HELLO_BYTES - len(MAGIC)),
    b"\xff" * HELLO_BYTES,
]


@pytest.fixture
def hub() -> Iterator[RunningHub]:
    with running_hub() as running:
        yield running


def stranger(hub: RunningHub) -> socket.socket:
    return socket.create_connection((LOOPBACK, hub.port), PATIENCE)


def is_closed(connection: socket.socket) -> bool:
    """Whether the other end closes; waits for it."""
    try:
        while connection.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass
    return True


def session(hub: RunningHub, rounds: int = 20) -> None:
    """Three parties, undisturbed."""

    def part(channel: Channel) -> None:
        meet(channel)
        for i in range(rounds):
            to_all(channel, f"round {i}", "!")

    everybody(play({name: joined(name, NAMES, hub.address) for name in NAMES}, part))


# -- strangers


def test_junk_is_refused_with_a_line_and_disturbs_nobody(hub: RunningHub) -> None:
    for junk in JUNK:
        with stranger(hub) as connection:
            with suppress(OSError):  # it may have been refused before all of it was sent
                connection.sendall(junk)
                connection.shutdown(socket.SHUT_WR)
            assert is_closed(connection)
    session(hub)
    lines = hub.lines("refused")
    assert len(lines) == len(JUNK)
    assert {line["address"] for line in lines} == {LOOPBACK}
    assert {line["why"] for line in lines} == {
        "ended before it showed an identity",
        "something that is no handshake",
        "a handshake with a key that is none",
    }


def test_a_flood_of_junk_makes_few_lines(hub: RunningHub) -> None:
    for _ in range(300):
        with stranger(hub) as connection:
            connection.sendall(b"\xff" * HELLO_BYTES)
            assert is_closed(connection)
    session(hub)
    assert LINES <= len(hub.lines("refused")) < 100


def test_half_open_connections_are_few_and_end(hub: RunningHub) -> None:
    """They take the places of their own address only, and not for long."""
    hub.hub._limits = Limits(handshake_seconds=0.5)
    with ExitStack() as held:
        connections = [held.enter_context(stranger(hub)) for _ in range(100)]
        for connection in connections[::2]:
            connection.sendall(MAGIC)
        assert all(is_closed(connection) for connection in connections)
    session(hub)
    assert {line["why"] for line in hub.lines("refused")} == {
        "too many unknown connections from one address",
        "showed no identity in time",
    }


def test_a_login_that_is_too_long_is_refused_before_it_is_held(hub: RunningHub) -> None:
    with stranger(hub) as connection:
        connection.sendall(Initiator(IDENTITIES["A"], HOP_CONTEXT, public("relay")).hello)
        assert connection.recv(1)
        connection.sendall(b"\xff\xff")
        assert is_closed(connection)
    assert hub.await_lines("refused", 1)[0]["why"] == "a login of a wrong length"


def test_a_recorded_login_is_refused(hub: RunningHub) -> None:
    said: list[bytes] = []
    with stranger(hub) as connection:
        initiator = Initiator(IDENTITIES["A"], HOP_CONTEXT, public("relay"))
        connection.sendall(initiator.hello)
        reply = connection.recv(1 << 10)
        message, _ = initiator.finish(reply, Login(b"r" * 32, b"i" * 16, ()).pack())
        said = [initiator.hello, len(message).to_bytes(2) + message]
        connection.sendall(said[1])
        hub.await_lines("joined", 1)
    with stranger(hub) as connection:
        connection.sendall(said[0])
        assert connection.recv(1)
        connection.sendall(said[1])
        assert is_closed(connection)
    assert hub.await_lines("refused", 1)[0]["why"] == (
        "a handshake whose proof does not fit what was said"
    )


def test_only_those_who_are_allowed_come_in() -> None:
    with running_hub(allowed={public("A")}) as hub:
        with Raw("A", NAMES, hub.address), Raw("stranger", NAMES, hub.address) as other:
            head = other.receive(Kind.REFUSED).head
            assert head.number == Refusal.STRANGER
            assert other.is_cut()
        (line,) = hub.lines("refused")
    assert line["why"] == "an identity that is not allowed"
    assert line["identity"] == public("stranger").hex()


def test_one_identity_cannot_take_all_places() -> None:
    with running_hub(limits=Limits(each=1)) as hub, Raw("A", NAMES, hub.address):
        with Raw("A", NAMES, hub.address, room=b"o" * 32) as second, Raw("B", NAMES, hub.address):
            assert second.receive(Kind.REFUSED).head.number == Refusal.FULL
        assert [line["why"] for line in hub.lines("refused")] == ["no room for more"]


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(errno.ENOSPC, "the disk is full")

    Log(Full()).write("joined")


# -- members that break the rules


def send_many(member: Raw, link: int, number: int, size: int = MAX_BODY) -> None:
    for _ in range(number):
        member.send(Frame(Head(Kind.DATA, size, link), (bytes(size),)))


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (Frame(Head(Kind.DATA, MAX_BODY + 1), (b"",)), f"a frame of {MAX_BODY + 1} bytes, DATA"),
        (Frame(Head(Kind.DATA, (1 << 32) - 1), (b"",)), "a frame of 4294967295 bytes, DATA"),
        (
            Frame(Head(Kind.SHAKE, MAX_SHAKE + 1), (b"",)),
            f"a frame of {MAX_SHAKE + 1} bytes, SHAKE",
        ),
        (Frame(Head(Kind.KEEP, 1), (b"",)), "a frame of 1 bytes, KEEP"),
        (Frame(Head(Kind.HERE)), "a frame that is for a relay to send"),
    ],
)
def test_a_frame_that_breaks_the_rules_ends_its_sender_alone(
    hub: RunningHub, frame: Frame, why: str
) -> None:
    with Raw("A", NAMES, hub.address) as giant:
        giant.send(frame)
        assert giant.is_cut()
    session(hub)
    assert hub.lines("left")[0]["why"] == why


def test_a_head_that_was_altered_on_the_way_ends_the_connection(hub: RunningHub) -> None:
    with Raw("A", NAMES, hub.address) as member:
        member.wire.socket.sendall(bytes(HEAD_BYTES))
        assert member.is_cut()
    assert "is not what a party sent next" in hub.await_lines("left", 1)[0]["why"]


def test_one_that_does_not_wait_for_room_is_cut_and_others_get_theirs(hub: RunningHub) -> None:
    with (
        Raw("A", NAMES, hub.address) as a,
        Raw("B", NAMES, hub.address) as b,
        Raw("C", NAMES, hub.address) as c,
    ):
        links = {name: b.receive(Kind.HERE).head for name in "xy"}
        to = {head.identity: head.link for head in links.values()}
        b.send(Frame(Head(Kind.DATA, 5, to[public("C")]), (b"hello",)))
        assert c.receive(Kind.DATA).body == (b"hello",)
        with suppress(OSError):  # A does not read
            send_many(b, to[public("A")], 100 * WINDOW // MAX_BODY)
        hub.await_lines("left", 1)
        assert c.receive(Kind.GONE)
        assert a.receive(Kind.DATA).head.length == MAX_BODY
    assert hub.lines("left")[0]["why"] == "more was sent than the window has room for"


def test_a_member_that_does_not_read_makes_the_relay_hold_a_bounded_amount(
    hub: RunningHub,
) -> None:
    """What others send it waits with them, and what they send to each other goes on."""
    with (
        Raw("A", NAMES, hub.address),
        Raw("B", NAMES, hub.address) as b,
        Raw("C", NAMES, hub.address) as c,
    ):
        to = {head.identity: head.link for head in (b.receive(Kind.HERE).head for _ in "xy")}
        tracemalloc.start()
        try:
            send_many(b, to[public("A")], WINDOW // (MAX_BODY + COUNTED))
            send_many(b, to[public("C")], 200, size=1000)
            for _ in range(200):
                assert c.receive(Kind.DATA).head.length == 1000
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert most < 2 * WINDOW


def test_a_silent_member_is_let_go(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpcgen.net.relay.hub.SILENCE_SECONDS", 0.2)
    with Raw("A", NAMES, hub.address) as silent:
        assert silent.is_cut()
    assert hub.await_lines("left", 1)[0]["why"] == "silent"


def test_a_relay_says_that_it_is_there(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpcgen.net.relay.hub.KEEP_SECONDS", 0.2)
    with Raw("A", NAMES, hub.address) as member:
        assert member.receive(Kind.KEEP)


# -- what it writes


def test_its_log_says_who_talked_to_whom_and_how_much_and_no_more(hub: RunningHub) -> None:
    session(hub, rounds=3)
    left = hub.await_lines("left", 3)
    carried = {
        frozenset((line["identity"], each["with"])): each["sent"] + each["received"]
        for line in left
        for each in line["carried"]
    }
    assert set(carried) == {
        frozenset((public(one).hex(), public(other).hex())) for one, other in ("AB", "AC", "BC")
    }
    assert min(carried.values()) > 3 * 2 * TAG
    for line in (*left, *hub.lines("joined")):
        assert set(line) <= {"time", "event", "identity", "address", "why", "carried"}


def test_refusals_are_told_at_once_and_counted_when_they_are_many() -> None:
    now = 0.0
    stream = io.StringIO()
    log = Log(stream, lambda: now)
    for _ in range(1000):
        log.refuse("junk", address="a")
    log.refuse("another", address="b")
    now = 1.5
    log.refuse("junk", address="c")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["why"] for line in lines] == ["junk"] * LINES + ["another", "junk"]
    assert lines[-1]["untold_before"] == 1000 - LINES


def test_a_door_counts_by_address() -> None:
    door = Door(Limits(connections=10, pending=5, pending_each=2))
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1"):
        assert not door.closed_to(address, 0)
        door.enter(address)
    assert door.closed_to("192.0.2.1", 0) == "too many unknown connections from one address"
    assert not door.closed_to("2001:db8::2", 0)
    door.enter("2001:db8::2")
    assert door.closed_to("192.0.2.3", 0) == "too many unknown connections"
    door.leave("192.0.2.1")
    assert not door.closed_to("192.0.2.1", 9)
    assert door.closed_to("192.0.2.1", 10) == "too many connections"


def test_neighbours_in_ipv6_are_one() -> None:
    assert network("2001:db8::1") == network("2001:db8::ffff:1") != network("2001:db8:0:1::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") == "192.0.2.1"
    assert network("fe80::1%eth0") == network("fe80::2")


def test_no_more_connections_are_taken_than_there_are_descriptors() -> None:
    assert affordable(Limits(connections=1 << 30)).connections < 1 << 30
    assert affordable(Limits(connections=1)) == Limits(connections=1)


def test_a_relay_that_stops_says_so_and_closes_everything() -> None:
    with running_hub() as hub, Raw("A", NAMES, hub.address) as member, stranger(hub) as other:
        until(lambda: hub.lines("joined") and len(hub.hub._guests) == 1)
        hub.stop()
        assert member.is_cut()
        assert is_closed(other)
    until(lambda: bool(hub.lines("stopped")))  # what it writes last
    assert hub.lines("left")[0]["why"] == "the relay stops"
