"""The proxy between parties: what gets through, what does not, and who hears of it."""

import socket
from collections.abc import Iterator

import pytest

from mpcgen.bench.proxy import HOST, Fault, Proxy
from tests.relays import until

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def door() -> Iterator[socket.socket]:
    with socket.create_server((HOST, 0)) as listening:
        yield listening


@pytest.fixture
def proxy(door: socket.socket) -> Iterator[Proxy]:
    with Proxy(door.getsockname()[1]) as between:
        yield between


@pytest.fixture
def pair(proxy: Proxy, door: socket.socket) -> Iterator[Pair]:
    mine = socket.create_connection((HOST, proxy.port))
    theirs, _ = door.accept()
    for end in (mine, theirs):
        end.settimeout(30)
    with mine, theirs:
        yield mine, theirs


def receive(end: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += end.recv(size - len(data))
    return data


def comes_through(pair: Pair) -> bool:
    mine, theirs = pair
    mine.sendall(b"there")
    theirs.sendall(b"back")
    return receive(theirs, 5) == b"there" and receive(mine, 4) == b"back"


def nothing_comes(end: socket.socket) -> bool:
    """For as long as it would take, and longer."""
    end.settimeout(0.3)
    try:
        end.recv(1)
    except TimeoutError:
        return True
    finally:
        end.settimeout(30)
    return False


def test_bytes_come_through_both_ways(proxy: Proxy, pair: Pair) -> None:
    assert comes_through(pair)
    until(lambda: proxy.passed == 9)  # counted after it has gone on
    assert len(proxy.connections) == 1


@pytest.mark.parametrize("reset", [True, False])
def test_a_cut_ends_both_sides(proxy: Proxy, pair: Pair, *, reset: bool) -> None:
    assert comes_through(pair)
    assert proxy.cut(reset=reset) == 1
    for end in pair:
        if reset:
            with pytest.raises(ConnectionResetError):
                end.recv(1)
        else:
            assert end.recv(1) == b""
    assert proxy.connections == []


def test_a_cut_after_so_many_bytes(proxy: Proxy, pair: Pair) -> None:
    mine, theirs = pair
    proxy.cut_after(1_000)
    mine.sendall(bytes(5_000))
    with pytest.raises(ConnectionResetError):  # a reset may overtake what came before it
        receive(theirs, 5_000)
    with pytest.raises(ConnectionResetError):
        mine.recv(1)
    assert proxy.passed == 1_000


def test_what_is_held_up_comes_later(proxy: Proxy, pair: Pair) -> None:
    mine, theirs = pair
    proxy.suffer(Fault.STALLED)
    mine.sendall(b"there")
    assert nothing_comes(theirs)
    proxy.suffer(Fault.NONE)
    assert receive(theirs, 5) == b"there"
    assert comes_through(pair)


def test_who_sends_into_a_stalled_line_has_to_wait(proxy: Proxy, pair: Pair) -> None:
    mine, theirs = pair
    proxy.suffer(Fault.STALLED)
    mine.settimeout(0.5)
    with pytest.raises(TimeoutError):
        mine.sendall(bytes(100_000_000))
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        theirs.recv(1)


def test_half_open_neither_end_hears_of_the_other(proxy: Proxy, pair: Pair) -> None:
    mine, theirs = pair
    proxy.suffer(Fault.SWALLOWING)
    mine.sendall(b"lost")
    mine.shutdown(socket.SHUT_WR)
    assert nothing_comes(theirs)
    proxy.suffer(Fault.NONE)
    with pytest.raises(ConnectionResetError):  # never as if nothing were missing
        theirs.recv(1)


def test_nobody_new_comes_in(proxy: Proxy, pair: Pair) -> None:
    proxy.suffer(Fault.CLOSED)
    with socket.create_connection((HOST, proxy.port)) as other, pytest.raises(ConnectionResetError):
        other.recv(1)
    assert comes_through(pair)


def test_a_closed_proxy_lets_nobody_in(proxy: Proxy, pair: Pair) -> None:
    proxy.close()
    with pytest.raises(ConnectionResetError):
        pair[1].recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, proxy.port))
