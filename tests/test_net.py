"""The channel on both transports, and what only one of them has: keys, sockets, processes."""

import multiprocessing
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Unpack

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from mpcgen.errors import (
    Abort,
    BadMessage,
    ConfigError,
    PartyLost,
    PartyTimeout,
    PortTaken,
    TransportError,
)
from mpcgen.net import channel as channel_module
from mpcgen.net import keys, sockets
from mpcgen.net.address import bindable, dialable
from mpcgen.net.channel import MAX_GREETING, AbortReason, Channel, ChannelOptions
from mpcgen.net.frames import INLINE
from mpcgen.net.link import Sent
from mpcgen.net.memory import MemoryNetwork
from mpcgen.net.message import (
    HEADER,
    MAGIC,
    MAX_LABEL,
    NO_SESSION,
    SEGMENT,
    Arrival,
    Header,
    Kind,
)
from mpcgen.net.sockets import OVERHEAD
from mpcgen.net.zeromq import Peer, ZmqChannel
from tests.net_conformance import NAMES, PATIENCE, ChannelConformance, everybody, meet, play, to_all
from tests.ports import LOOPBACK, free_ports

KEYS = {name: keys.generate() for name in (*NAMES, "stranger")}


def free_addresses(names: tuple[str, ...]) -> dict[str, str]:
    """A loopback address for each name."""
    ports = zip(names, free_ports(len(names)), strict=True)
    return {name: f"{LOOPBACK}:{port}" for name, port in ports}


@contextmanager
def nobody_at(*addresses: str) -> Iterator[None]:
    """Keep these ports from everybody else while nobody listens there."""
    with ExitStack() as held:
        for address in addresses:
            host, _, port = address.rpartition(":")
            held.enter_context(socket.socket()).bind((host, int(port)))
        yield


def book(addresses: dict[str, str], me: str) -> dict[str, Peer]:
    """What the plan tells `me` of the others."""
    return {n: Peer(at, KEYS[n].public) for n, at in addresses.items() if n != me}


def joined(me: str, addresses: dict[str, str], **options: Unpack[ChannelOptions]) -> ZmqChannel:
    options = {"timeout": PATIENCE, "connect_timeout": PATIENCE, **options}
    return ZmqChannel(me, addresses[me], KEYS[me], book(addresses, me), **options)


class TestMemory(ChannelConformance):
    def session(
        self, names: tuple[str, ...] = NAMES, **options: Unpack[ChannelOptions]
    ) -> dict[str, Channel]:
        network = MemoryNetwork(names)
        return {name: network.channel(name, **options) for name in names}

    def test_it_says_that_it_is_no_real_transport(self) -> None:
        assert not self.channels()["A"].real

    def test_a_killed_party_is_missed_by_everybody(self) -> None:
        network = MemoryNetwork(NAMES)
        network.kill("C")
        loss = pytest.raises(PartyLost, match=r"^C was lost .* A cannot go on")
        with network.channel("A", timeout=PATIENCE) as a, loss:
            a.exchange("x", {}, {"B": 1})


class TestZeroMQ(ChannelConformance):
    def session(
        self, names: tuple[str, ...] = NAMES, **options: Unpack[ChannelOptions]
    ) -> dict[str, Channel]:
        addresses = free_addresses(names)
        return {name: joined(name, addresses, **options) for name in names}

    def test_it_says_that_it_is_a_real_transport(self) -> None:
        assert ZmqChannel.real


# -- headers


def test_a_header_survives_the_wire() -> None:
    header = Header(Kind.MESSAGE, 0, b"s" * 16, 1 << 40, 1 << 33, "frequency/open/Ä", 7, 1 << 20)
    read, rest = Header.split("B", header.pack() + b"rest")
    assert (read, bytes(rest)) == (header, b"rest")


def header_bytes(**changed: object) -> bytes:
    fields: dict[str, object] = {
        "magic": MAGIC,
        "kind": 0,
        "reason": 0,
        "session": NO_SESSION,
        "counter": 0,
        "length": 0,
        "due": 0,
        "start": 0,
        "label_length": 1,
    }
    return HEADER.pack(*(fields | changed).values()) + b"x"


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (b"", "no message"),
        (b"GET / HTTP/1.1\r\n\r\n", "no message"),
        (header_bytes(magic=b"MPG\x03"), "another version"),
        (header_bytes(kind=9), "damaged"),
        (header_bytes(label_length=2), "damaged"),
        (header_bytes(label_length=MAX_LABEL + 1) + bytes(MAX_LABEL), "damaged"),
        (header_bytes()[:-1] + b"\xff", "damaged"),
        (header_bytes()[:30], "damaged"),
    ],
)
def test_what_is_no_header_is_refused_with_the_sender(frame: bytes, text: str) -> None:
    with pytest.raises(BadMessage, match=f"^B .*{text}"):
        Header.split("B", frame)


@given(st.binary(max_size=80) | st.binary(max_size=80).map(lambda b: MAGIC + b))
def test_junk_is_a_bad_message_and_nothing_else(frame: bytes) -> None:
    try:
        header, rest = Header.split("B", frame)
    except BadMessage:
        return
    assert header.pack() + rest == frame


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (header_bytes(counter=1), "message 1 ('x') where 0 was due; A is at 'now'"),
        (header_bytes(length=9, start=4), "message 0 ('x') from byte 4 on where 0 was due"),
        (header_bytes(due=1), "acknowledged what A never sent"),
        (header_bytes(length=3) + b"ab", "wrong length at 'x'"),
        (header_bytes(kind=1, reason=200), "not on the list"),
        (header_bytes(length=MAX_GREETING + 1), "65537 bytes at 'x': at most 65536"),
        (header_bytes(kind=Kind.BYE, length=1) + b"?", "1 bytes at 'x': at most 0"),
        (header_bytes(), "B is at 'x', A expected 'now'"),
    ],
)
def test_a_frame_that_breaks_the_rules_is_refused(frame: bytes, text: str) -> None:
    network = MemoryNetwork(("A", "B"))
    network.inbox["A"].append(("B", frame))
    with network.channel("A", timeout=PATIENCE) as a, pytest.raises(BadMessage) as caught:
        a.exchange("now", {}, {"B": None})
    assert text in str(caught.value)


@pytest.mark.parametrize("reason", AbortReason)
def test_every_abort_reason_travels_as_its_code(reason: AbortReason) -> None:
    assert AbortReason.from_code("B", reason.code) is reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PartyLost(), AbortReason.LOST),
        (PartyTimeout(), AbortReason.TIMEOUT),
        (BadMessage(), AbortReason.MESSAGE),
        (Abort(), AbortReason.CHECK),
        (ConfigError("x"), AbortReason.INPUT),
        (KeyboardInterrupt(), AbortReason.STOPPED),
        (ZeroDivisionError(), AbortReason.FAULT),
    ],
)
def test_what_stopped_a_party_gives_its_reason(error: BaseException, reason: AbortReason) -> None:
    assert AbortReason.of(error) is reason


# -- coming together


def test_the_parties_may_come_in_any_order() -> None:
    addresses = free_addresses(NAMES)
    before: dict[str, threading.Event] = {name: threading.Event() for name in NAMES}
    before["C"].set()

    def party(name: str) -> None:
        before[name].wait(PATIENCE)
        with joined(name, addresses) as channel:
            for other in before.values():
                if not other.is_set():
                    other.set()
                    break
            meet(channel)

    threads = [threading.Thread(target=party, args=(name,)) for name in NAMES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_who_never_comes_is_named() -> None:
    addresses = free_addresses(NAMES)
    with (
        nobody_at(addresses["B"], addresses["C"]),
        joined("A", addresses, connect_timeout=0.5) as a,
        pytest.raises(PartyTimeout) as e,
    ):
        a.exchange("x", {}, {"B": 1})
    assert str(e.value) == (
        f"B did not come in 0.5 s: nobody listens at {addresses['B']}\n"
        f"C did not come in 0.5 s: nobody listens at {addresses['C']}"
    )


def test_a_party_that_starts_again_while_others_wait_is_welcome() -> None:
    addresses = free_addresses(NAMES)
    seen = threading.Event()
    channels: dict[str, Channel] = {"A": joined("A", addresses)}

    def first_b() -> None:
        """Connects, and goes away without a word."""
        with joined("B", addresses, connect_timeout=0.5) as b, pytest.raises(PartyTimeout):
            b.connect()
        seen.set()

    def a(channel: Channel) -> dict[str, bytes]:
        return to_all(channel, "together", "1")

    starter = threading.Thread(target=first_b)
    starter.start()

    def later(name: str) -> dict[str, bytes]:
        seen.wait(PATIENCE)
        with joined(name, addresses) as channel:
            return a(channel)

    outcome: dict[str, dict[str, bytes]] = {}
    rest = [
        threading.Thread(target=lambda name=n: outcome.update({name: later(name)})) for n in "BC"
    ]
    for thread in rest:
        thread.start()
    outcome |= everybody(play(channels, {"A": a}))
    for thread in (starter, *rest):
        thread.join()
    assert set(outcome) == set(NAMES)


def test_a_taken_port_is_told_with_its_address() -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        address = f"{LOOPBACK}:{other.getsockname()[1]}"
        with pytest.raises(PortTaken, match=rf"^A cannot listen at {address}: another process"):
            ZmqChannel("A", address, KEYS["A"], {})


def test_only_the_given_address_is_listened_at() -> None:
    addresses = free_addresses(("A", "B"))
    port = int(addresses["A"].rpartition(":")[2])
    with joined("A", addresses):
        socket.create_connection((LOOPBACK, port), 5).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), 5)


@pytest.mark.parametrize("address", ["", "7001", "host:", "host:0", "host:70000", "a b:1", "x;y:1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        dialable(address)
    with pytest.raises(ConfigError, match="HOST:PORT"):
        bindable(address)


def test_addresses_as_plans_write_them() -> None:
    assert dialable("data.example.org:7001") == "tcp://data.example.org:7001"
    assert bindable("localhost:7001") == "tcp://127.0.0.1:7001"
    assert bindable("*:7001") == "tcp://*:7001"
    assert dialable("[::1]:7001") == bindable("tcp://[::1]:7001") == "tcp://[::1]:7001"
    with pytest.raises(ConfigError, match="needs a host"):
        dialable("*:7001")
    with pytest.raises(ConfigError, match="unknown here"):
        bindable("no-such-host.invalid:7001")
    with pytest.raises(ConfigError, match=r"A cannot listen at 192\.0\.2\.1:7001"):
        ZmqChannel("A", "192.0.2.1:7001", KEYS["A"], {})


# -- keys


def test_a_party_with_another_key_is_told_so_and_named_by_the_others() -> None:
    addresses = free_addresses(("A", "B"))
    b = ZmqChannel("B", addresses["B"], KEYS["stranger"], book(addresses, "B"), timeout=PATIENCE)
    a = joined("A", addresses, connect_timeout=2.0)
    outcome = play({"A": a, "B": b}, meet)
    assert isinstance(outcome["B"], TransportError)
    assert str(outcome["B"]).startswith(f"A at {addresses['A']} refuses the key of B")
    assert isinstance(outcome["A"], PartyTimeout)
    assert str(outcome["A"]).startswith("B did not come in 2 s")
    assert "unknown keys that were refused here" in str(outcome["A"])


def test_an_address_where_somebody_else_listens_is_told() -> None:
    addresses = free_addresses(NAMES)
    wrong = {**book(addresses, "A"), "B": Peer(addresses["C"], KEYS["B"].public)}
    a = ZmqChannel("A", addresses["A"], KEYS["A"], wrong, connect_timeout=1.0)
    with joined("C", addresses), a, pytest.raises(PartyTimeout) as caught:
        a.connect()
    assert str(caught.value).startswith(
        f"B did not come in 1 s: who listens at {addresses['C']} has not shown the key"
    )


def test_a_key_belongs_to_one_party() -> None:
    peers = {n: Peer(f"{LOOPBACK}:1", KEYS["B"].public) for n in "BC"}
    with pytest.raises(ConfigError, match="B and C have the same public key"):
        ZmqChannel("A", f"{LOOPBACK}:1", KEYS["A"], peers)
    with pytest.raises(ConfigError, match="A and B have the same public key"):
        ZmqChannel("A", f"{LOOPBACK}:1", KEYS["B"], {"B": peers["B"]})
    with pytest.raises(ConfigError, match="public key of B is not 40 Z85 characters"):
        ZmqChannel("A", f"{LOOPBACK}:1", KEYS["A"], {"B": Peer(f"{LOOPBACK}:1", "no key")})


def test_key_files_are_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    pair = keys.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == pair.secret + "\n"
    assert keys.load(path) == pair
    assert keys.public_from_secret(pair.secret) == pair.public
    assert pair.secret not in repr(pair)
    with pytest.raises(ConfigError, match="never overwritten"):
        keys.create(path)
    assert path.read_text() == pair.secret + "\n"


def test_key_files_that_others_may_have_touched_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    keys.create(path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match=r"a.key: others may read .*mode 640"):
        keys.load(path)
    path.chmod(0o600)
    link = tmp_path / "link.key"
    link.symlink_to(path)
    with pytest.raises(ConfigError, match="no secret key can be read"):
        keys.load(link)
    with pytest.raises(ConfigError, match="never overwritten"):
        keys.create(link)
    os.mkfifo(tmp_path / "fifo", 0o600)
    for irregular in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(ConfigError, match="not a regular file"):
            keys.load(irregular)
    with pytest.raises(ConfigError, match="there is no such file"):
        keys.load(tmp_path / "none")
    with pytest.raises(ConfigError, match="cannot be written"):
        keys.create(tmp_path / "none" / "a.key")


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 41, b"~" * 40, b"\xff" * 40, b"#" * 40])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.key"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="holds no secret key"):
        keys.load(path)
    with pytest.raises(ConfigError, match="40 Z85 characters"):
        keys.public_from_secret(content.decode("latin-1"))


def test_no_secret_stands_in_a_channel_or_its_errors() -> None:
    addresses = free_addresses(("A", "B"))
    with joined("A", addresses) as a:
        assert KEYS["A"].secret not in f"{a!r} {vars(a)!r}"


# -- strangers and bad peers


@contextmanager
def raw_sender(address: str, own: keys.KeyPair, server: str) -> Iterator[sockets.Socket]:
    """A sending socket of anybody's, whose frames mpcgen did not make."""
    context = zmq.Context()
    client = sockets.sender(context, own, server)
    client.immediate = 0
    sockets.dial(client, address)
    try:
        yield client
    finally:
        context.destroy(linger=0)


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00"
JUNK = [
    b"\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01" + bytes(300),
    bytes(range(256)) * 1000,
    GREETING + b"NULL".ljust(20, b"\0") + bytes(32) + b"\x04\x05\x05READY",
    GREETING + b"CURVE".ljust(20, b"\0") + bytes(32) + b"\x06\xff\xff\xff\xff\xff\xff\xff\xff",
    GREETING + b"CURVE".ljust(20, b"\0") + bytes(32) + b"\x04\xc8\x05HELLO" + bytes(194),
]


def test_strangers_do_not_disturb_a_session() -> None:
    addresses = free_addresses(NAMES)
    host, _, port = addresses["A"].rpartition(":")

    def a(channel: Channel) -> None:
        meet(channel)
        for i in range(50):
            held = [socket.create_connection((host, int(port)), 5) for _ in JUNK]
            for connection, junk in zip(held, JUNK, strict=True):
                connection.sendall(junk)
            to_all(channel, f"round {i}", "!")
            for connection in held:
                connection.close()

    def others(channel: Channel) -> None:
        meet(channel)
        with ExitStack() as strangers:
            for i in range(50):
                if i < 10:
                    stranger = raw_sender(addresses["A"], KEYS["stranger"], KEYS["A"].public)
                    strangers.enter_context(stranger).send(header_bytes())
                to_all(channel, f"round {i}", "!")

    channels: dict[str, Channel] = {name: joined(name, addresses) for name in NAMES}
    everybody(play(channels, {"A": a, "B": others, "C": others}))


def test_a_crowd_of_strangers_does_not_stop_a_busy_party() -> None:
    """Also where it looks at its sockets only after all of them have come."""
    addresses = free_addresses(("A", "B"))
    host, _, port = addresses["A"].rpartition(":")

    def part(channel: Channel) -> None:
        meet(channel)
        if channel.me == "A":
            for _ in range(3000):
                with socket.create_connection((host, int(port)), 5) as stranger:
                    stranger.sendall(JUNK[0])
        to_all(channel, "afterwards", "!")

    channels: dict[str, Channel] = {name: joined(name, addresses) for name in ("A", "B")}
    everybody(play(channels, part))


def test_a_second_process_of_the_same_name_does_not_disturb() -> None:
    addresses = free_addresses(("A", "B"))

    def a(channel: Channel) -> None:
        meet(channel)
        for i in range(50):
            to_all(channel, f"round {i}", "!")

    def b(channel: Channel) -> None:
        meet(channel)
        with raw_sender(addresses["A"], KEYS["B"], KEYS["A"].public) as twin:
            for i in range(50):
                with suppress(zmq.Again):
                    twin.send(header_bytes(), zmq.NOBLOCK)
                to_all(channel, f"round {i}", "!")

    channels: dict[str, Channel] = {name: joined(name, addresses) for name in ("A", "B")}
    everybody(play(channels, {"A": a, "B": b}))


@pytest.mark.parametrize(
    ("frames", "error", "text"),
    [
        ([b"junk"], BadMessage, "^B sent something that is no message"),
        ([header_bytes(length=1 << 40)], BadMessage, "^B announced 1099511627776 bytes at 'x'"),
        ([header_bytes(length=3) + b"abcd"], BadMessage, "wrong length"),
        ([header_bytes(length=3), b""], BadMessage, "wrong length at 'x'"),
        ([header_bytes(session=b"s" * 16, length=INLINE + 1)], BadMessage, "announced 65537 bytes"),
        ([header_bytes(length=MAX_GREETING + 1)], BadMessage, "announced 65537 bytes at 'x'"),
        ([header_bytes(kind=Kind.HELLO, length=1)], BadMessage, "1 bytes at 'x': at most 0"),
        ([bytes(SEGMENT + OVERHEAD)], PartyTimeout, "^B did not come"),
    ],
)
def test_a_peer_that_breaks_the_rules_is_named(
    frames: list[bytes], error: type[Exception], text: str
) -> None:
    addresses = free_addresses(("A", "B"))
    with (
        raw_sender(addresses["A"], KEYS["B"], KEYS["A"].public) as client,
        joined("A", addresses, connect_timeout=1.0) as a,
    ):
        for frame in (Header(Kind.HELLO).pack(), *frames):
            client.send(frame)
        with pytest.raises(error, match=text):
            a.connect()


def test_a_part_that_was_announced_and_is_another_is_refused() -> None:
    addresses = free_addresses(("A", "B"))
    with (
        raw_sender(addresses["A"], KEYS["B"], KEYS["A"].public) as client,
        joined("A", addresses, connect_timeout=1.0) as a,
    ):
        a.bind_session(b"s" * 16)
        for frame in (header_bytes(kind=Kind.HELLO), header_bytes(length=INLINE + 1), b""):
            client.send(frame)
        with pytest.raises(BadMessage, match="wrong length"):
            a.connect()


def test_what_did_not_begin_with_a_greeting_is_dropped() -> None:
    """Messages of a session that ended, which a peer's sockets still try to deliver."""
    addresses = free_addresses(("A", "B"))
    dropped = threading.Event()

    def a(channel: Channel) -> None:
        channel.connect_timeout = 0.3
        with pytest.raises(PartyTimeout, match=r"^B did not come"):
            channel.connect()
        dropped.set()
        channel.connect_timeout = PATIENCE
        meet(channel)

    def b(channel: Channel) -> None:
        dropped.wait(PATIENCE)
        meet(channel)

    with raw_sender(addresses["A"], KEYS["B"], KEYS["A"].public) as ghost:
        ghost.send(header_bytes(counter=7))
        ghost.send(header_bytes(kind=Kind.ABORT))
        channels: dict[str, Channel] = {name: joined(name, addresses) for name in "AB"}
        everybody(play(channels, {"A": a, "B": b}))


def test_a_peer_that_crashed_while_others_wait_may_come_again() -> None:
    addresses = free_addresses(("A", "B"))
    crashed = threading.Event()

    def a(channel: Channel) -> None:
        with raw_sender(addresses["A"], KEYS["B"], KEYS["A"].public) as ghost:
            ghost.send(Header(Kind.HELLO).pack())
            ghost.send(header_bytes())
            channel.connect_timeout = 0.3
            with pytest.raises(PartyTimeout):
                channel.connect()
        crashed.set()
        channel.connect_timeout = PATIENCE
        meet(channel)

    channels: dict[str, Channel] = {"A": joined("A", addresses)}
    outcome: dict[str, object] = {}
    waiting = threading.Thread(target=lambda: outcome.update(play(channels, {"A": a})))
    waiting.start()
    crashed.wait(PATIENCE)
    outcome |= play({"B": joined("B", addresses)}, meet)
    waiting.join()
    assert outcome == {"A": None, "B": None}


def test_an_abort_while_connecting_says_who_has_not_come() -> None:
    addresses = free_addresses(NAMES)

    def b(channel: Channel) -> None:
        channel.connect_timeout = 1.0
        try:
            channel.connect()
        except PartyTimeout as error:
            channel.abort(AbortReason.of(error))
            raise

    channels: dict[str, Channel] = {name: joined(name, addresses) for name in "AB"}
    with nobody_at(addresses["C"]):
        outcome = play(channels, {"A": meet, "B": b})
    assert isinstance(outcome["B"], PartyTimeout)
    assert str(outcome["A"]) == (
        "B aborted: another party did not answer it in time\n"
        f"C has not come: nobody listens at {addresses['C']}"
    )


def test_a_socket_that_says_there_is_something_and_has_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As ZeroMQ does where a connection ends in between."""
    addresses = free_addresses(("A", "B"))
    honest, shy = zmq.Socket.recv, set[int]()

    def recv(socket: zmq.Socket[bytes], *args: Any, **named: Any) -> Any:
        if socket.type == zmq.PULL and id(socket) not in shy:
            shy.add(id(socket))
            raise zmq.Again
        return honest(socket, *args, **named)

    monkeypatch.setattr(zmq.Socket, "recv", recv)
    channels: dict[str, Channel] = {name: joined(name, addresses) for name in "AB"}
    everybody(play(channels, {"A": meet, "B": meet}))
    assert len(shy) == 2


def test_a_message_may_come_for_longer_than_the_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large one over a slow line: each of its frames begins the time-out anew."""
    clock, payload = 0.0, bytes(5 * SEGMENT)
    frames = deque(Sent(Kind.MESSAGE, 0, b"s" * 16, 0, "x", payload).segments(0))
    with MemoryNetwork(("A", "B")).channel("A", timeout=10.0) as a:
        a.bind_session(b"s" * 16)

        def take(wait: float) -> Arrival | None:
            """A frame comes every 9 seconds."""
            nonlocal clock
            clock += min(wait, 9.0)
            if wait < 9.0 or not frames:
                return None
            header, part = frames.popleft()
            return Arrival("B", Header.split("B", header)[0], part)

        monkeypatch.setattr(a, "_take", take)
        monkeypatch.setattr(channel_module, "time", SimpleNamespace(monotonic=lambda: clock))
        assert a.exchange("x", {}, {"B": None}) == {"B": payload}
        with pytest.raises(PartyTimeout):
            a.exchange("more", {}, {"B": None})


# -- processes


def test_an_import_starts_no_thread_and_no_context() -> None:
    code = (
        "import os, zmq, mpcgen.net.zeromq;"
        "assert len(os.listdir('/proc/self/task')) == 1;"
        "assert zmq.Context._instance is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def doomed(addresses: dict[str, str], pairs: dict[str, keys.KeyPair]) -> None:
    """Party C in a process of its own: takes part in one round, then answers nobody."""
    KEYS.update(pairs)
    with joined("C", addresses) as channel:
        meet(channel)
        channel.exchange("never", {}, {"A": None})


def test_a_killed_process_is_missed_by_everybody() -> None:
    addresses = free_addresses(NAMES)
    process = multiprocessing.get_context("spawn").Process(target=doomed, args=(addresses, KEYS))
    process.start()
    met = threading.Barrier(3)

    def part(channel: Channel) -> None:
        meet(channel)
        met.wait(PATIENCE)
        peer = "B" if channel.me == "A" else "C"
        try:
            channel.exchange("counts/0", {}, {peer: 8})
        except TransportError as error:
            channel.abort(AbortReason.of(error))
            raise

    channels: dict[str, Channel] = {name: joined(name, addresses) for name in "AB"}
    outcome: dict[str, object] = {}
    parties = threading.Thread(target=lambda: outcome.update(play(channels, part)))
    parties.start()
    met.wait(PATIENCE)
    process.kill()
    process.join()
    parties.join()
    for name in "AB":
        assert isinstance(outcome[name], PartyLost)
        assert str(outcome[name]).startswith(f"C was lost in the middle of the session; {name}")
