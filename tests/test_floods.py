"""Floods at a party's port: it stays up, its peers are unharmed, and its log stays short."""

import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from mpcgen.bench.proxy import HOST, Connection, Proxy
from mpcgen.net import keys
from mpcgen.net.channel import Channel, ChannelOptions
from mpcgen.net.message import SEGMENT
from tests import test_net
from tests.meshes import Mesh, mesh
from tests.net_conformance import PATIENCE, everybody, meet, play, to_all
from tests.test_net import JUNK, raw_sender

TURNS = 30
"""Turns of a flood that a session lives through, at least."""
MOST_GROWTH = 64 << 20
"""Bytes by which this process may grow, all parties of it together, while hundreds come in."""
OPTIONS: ChannelOptions = {"timeout": PATIENCE, "connect_timeout": PATIENCE, "absence": PATIENCE}
Turn = Callable[[int], object]
"""One turn of a flood, against a port."""


@pytest.fixture
def ab() -> Iterator[Mesh]:
    with mesh(("A", "B")) as found:
        yield found


def resident() -> int:
    """Bytes of this process in memory."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) << 10


def under(ab: Mesh, turn: Turn, turns: int = TURNS) -> list[str]:
    """What A tells while a session goes on under a flood at its port."""
    told: list[str] = []
    half, over = threading.Event(), threading.Event()

    def flood() -> None:
        try:
            for i in range(turns):
                turn(ab.ports["A"])
                if 2 * i >= turns:
                    half.set()
        finally:
            half.set()
            over.set()

    def part(channel: Channel) -> None:
        meet(channel)
        if channel.me == "A":
            flooding.start()
        for seen in (half, over):
            go_on(channel, seen)
            if channel.me == "A":
                ab.proxies["A"].cut()  # B has to get in again, past everybody else

    flooding = threading.Thread(target=flood)
    channels: dict[str, Channel] = {
        "A": ab.channel("A", **(OPTIONS | ChannelOptions(on_notice=told.append))),
        "B": ab.channel("B", **OPTIONS),
    }
    everybody(play(channels, part))
    flooding.join()
    return told


def go_on(channel: Channel, until: threading.Event) -> None:
    """One round after another, until A says that this has happened."""
    said = b""
    while said != b"A: stop":
        mine = "stop" if channel.me == "A" and until.is_set() else "more"
        said = ({"A": b"A: " + mine.encode()} | to_all(channel, "round", mine))["A"]


def junk(port: int) -> None:
    for words in JUNK:
        with socket.create_connection((HOST, port), 5) as stranger:
            stranger.sendall(words)


def endless(port: int) -> None:
    """A frame that is announced with 2^62 bytes, and does not end for long."""
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32)
    with suppress(OSError), socket.create_connection((HOST, port), 5) as stranger:
        stranger.sendall(greeting + b"\x06" + struct.pack(">Q", 1 << 62))
        for _ in range(20):
            stranger.sendall(bytes(1 << 20))


def half_open(port: int) -> None:
    """Some who connect, say nothing or half a greeting, and stay for a while."""
    with ExitStack() as held:
        for i in range(20):
            stranger = held.enter_context(socket.create_connection((HOST, port), 5))
            stranger.sendall(JUNK[-1][: i % 64])
        time.sleep(0.05)


@pytest.mark.parametrize("turn", [junk, endless, half_open])
def test_a_flood_harms_nobody(ab: Mesh, turn: Turn) -> None:
    before = resident()
    told = under(ab, turn)
    assert resident() - before < MOST_GROWTH
    assert told == ["refused a connection that ended before a greeting"]


def test_wrong_keys_are_refused_with_one_line(ab: Mesh) -> None:
    stranger, server = keys.generate(), ab.keys["A"].public

    def knock(port: int) -> None:
        with raw_sender(f"{HOST}:{port}", stranger, server) as sender:
            sender.send(test_net.header_bytes())
            time.sleep(0.05)

    told = under(ab, knock)
    assert [line for line in told if "key" in line] == ["refused a connection with an unknown key"]
    assert len(told) <= 2


def test_frames_of_a_second_process_with_a_peers_key_are_dropped(ab: Mesh) -> None:
    """It gets in only where the first one is away, and is not listened to before its HELLO."""
    before = resident()
    with raw_sender(f"{HOST}:{ab.ports['A']}", ab.keys["B"], ab.keys["A"].public) as twin:

        def knock(_port: int) -> None:
            for _ in range(3):
                twin.send(test_net.header_bytes())
                twin.send(bytes(SEGMENT))
            time.sleep(0.02)

        told = under(ab, knock)
    assert resident() - before < MOST_GROWTH + 6 * TURNS * SEGMENT  # the second process's own
    assert set(told) <= {
        "refused a second connection with the key of B",
        "refused frames of a second process with the key of B",
    }
    assert len(told) == len(set(told))


class Recorder(Proxy):
    """A proxy that keeps what those who connect have sent."""

    def __init__(self, port: int):
        self.said: dict[Connection, bytearray] = {}
        super().__init__(port)

    def _pass(self, connection: Connection, target: socket.socket, data: bytes) -> None:
        if target is connection.far:
            self.said.setdefault(connection, bytearray()).extend(data)
        super()._pass(connection, target, data)


def test_a_session_that_is_replayed_is_refused(ab: Mesh) -> None:
    """Byte by byte what B said to A, while they talk and after."""
    ab.proxies["A"].close()
    recorder = Recorder(ab.ports["A"])
    ab.proxies["A"] = recorder

    def replay(port: int) -> None:
        for said in list(recorder.said.values()):
            with suppress(OSError), socket.create_connection((HOST, port), 5) as stranger:
                stranger.settimeout(0.1)
                stranger.sendall(bytes(said))
                while stranger.recv(1 << 16):
                    pass

    told = under(ab, replay, turns=10)
    assert len(recorder.said) >= 2
    assert max(map(len, recorder.said.values())) > 500
    assert set(told) <= {"refused a connection that ended before a greeting"}
    assert len(told) <= 1
