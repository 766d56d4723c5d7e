"""Emulated lines: nothing arrives early, nothing is lost, a party's sending is shared."""

import socket
import time
from collections.abc import Iterator

import pytest

from mpcgen.bench.networks import HOST, LOOPBACK, NETWORKS, Network, between

SLOW = Network("slow", 8, 30)  # a byte takes a microsecond
Reach = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def listening() -> Iterator[dict[str, socket.socket]]:
    doors = {name: socket.create_server((HOST, 0)) for name in "ABC"}
    yield doors
    for door in doors.values():
        door.close()


@pytest.fixture(scope="module")
def ports(listening: dict[str, socket.socket]) -> dict[str, int]:
    return {name: door.getsockname()[1] for name, door in listening.items()}


@pytest.fixture(scope="module")
def reach(ports: dict[str, int]) -> Iterator[Reach]:
    with between(SLOW, ports) as found:
        yield found


def dial(address: str) -> socket.socket:
    host, port = address.split(":")
    return socket.create_connection((host, int(port)))


def joined(
    reach: Reach, listening: dict[str, socket.socket], me: str, peer: str
) -> tuple[socket.socket, socket.socket]:
    mine = dial(reach[me][peer])
    theirs, _ = listening[peer].accept()
    return mine, theirs


def receive(end: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += end.recv(size - len(data))
    return data


def test_the_networks_that_can_be_named() -> None:
    assert {n.name: (n.mbit, n.delay) for n in NETWORKS.values() if n.emulated} == {
        "lan": (1000, 1), "wan-50": (100, 50), "wan-200": (100, 200)
    }  # fmt: skip
    assert str(NETWORKS["wan-50"]) == "wan-50: 100 Mbit/s, 50 ms one way"
    assert not LOOPBACK.emulated


def test_nothing_stands_between_on_loopback(ports: dict[str, int]) -> None:
    with between(LOOPBACK, ports) as reach:
        assert reach["A"] == {name: f"{HOST}:{ports[name]}" for name in "BC"}


def test_both_ways_take_the_delay(reach: Reach, listening: dict[str, socket.socket]) -> None:
    mine, theirs = joined(reach, listening, "A", "B")
    with mine, theirs:
        start = time.monotonic()
        mine.sendall(b"there")
        assert receive(theirs, 5) == b"there"
        half = time.monotonic()
        theirs.sendall(b"back")
        assert receive(mine, 4) == b"back"
        assert half - start >= SLOW.delay / 1000
        assert time.monotonic() - half >= SLOW.delay / 1000


def test_bytes_take_their_time_and_arrive_in_order(
    reach: Reach, listening: dict[str, socket.socket]
) -> None:
    data = bytes(range(256)) * 800
    mine, theirs = joined(reach, listening, "B", "C")
    with mine, theirs:
        start = time.monotonic()
        mine.sendall(data)
        mine.shutdown(socket.SHUT_WR)
        assert receive(theirs, len(data)) == data
        assert time.monotonic() - start >= len(data) / 1e6 + SLOW.delay / 1000
        assert theirs.recv(1) == b""
        theirs.sendall(b"still here")
        assert receive(mine, 10) == b"still here"


def test_what_a_party_sends_to_two_shares_its_line(
    reach: Reach, listening: dict[str, socket.socket]
) -> None:
    data = bytes(100_000)
    first, second = (joined(reach, listening, "A", peer) for peer in "BC")
    start = time.monotonic()
    for mine, _ in (first, second):
        mine.sendall(data)
    for mine, theirs in (first, second):
        receive(theirs, len(data))
        mine.close()
        theirs.close()
    assert time.monotonic() - start >= 2 * len(data) / 1e6


def test_where_nobody_listens_the_connection_ends(ports: dict[str, int]) -> None:
    with socket.create_server((HOST, 0)) as door:
        nobody = door.getsockname()[1]
    with between(SLOW, ports | {"D": nobody}) as reach, dial(reach["A"]["D"]) as mine:
        assert mine.recv(1) == b""
