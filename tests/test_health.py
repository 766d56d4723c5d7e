"""The health endpoint: what it answers, and that no junk keeps it from answering."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpcgen.errors import ConfigError, PortTaken
from mpcgen.parties import health
from mpcgen.parties.health import MAX_CONNECTIONS, MAX_REQUEST, Health
from tests.ports import LOOPBACK, free_ports

PATIENCE = 60.0
GOOD = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def port() -> Iterator[int]:
    served = Health(f"{LOOPBACK}:0", lambda: {"status": "up"})
    yield served.port
    served.close()


def connected(port: int) -> socket.socket:
    return socket.create_connection((LOOPBACK, port), timeout=PATIENCE)


def asked(port: int, *parts: bytes) -> bytes:
    """The whole answer to a request that is sent in parts."""
    with connected(port) as line:
        for part in parts:
            line.sendall(part)
        return b"".join(iter(lambda: line.recv(4096), b""))


def ended(line: socket.socket) -> bool:
    """Whether the other end has gone, after whatever it said."""
    try:
        while line.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def test_health(port: int) -> None:
    head, _, body = asked(port, GOOD).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
    assert json.loads(body) == {"status": "up"}
    assert asked(port, GOOD[:9], GOOD[9:30], GOOD[30:]).endswith(body)
    assert asked(port, b"GET /health HTTP/1.0\n\n").endswith(body)
    assert asked(port, GOOD.replace(b"GET", b"HEAD")).endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /health/../etc HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /health HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /health\r\n\r\n", b"400"),
        (b"\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\n\n", b"400"),
        (b"GET /health FTP/1.1\r\n\r\n", b"400"),
    ],
)
def test_what_is_no_request(port: int, request_: bytes, status: bytes) -> None:
    assert asked(port, request_).startswith(b"HTTP/1.1 " + status)
    assert asked(port, GOOD).startswith(b"HTTP/1.1 200")


def test_a_request_without_end(port: int) -> None:
    with connected(port) as line:
        line.sendall(b"x" * (MAX_REQUEST + 1))
        assert line.recv(4096).startswith(b"HTTP/1.1 400")
    with connected(port) as line:
        try:
            for _ in range(1000):
                line.sendall(b"x" * MAX_REQUEST)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert ended(line)
    assert asked(port, GOOD).startswith(b"HTTP/1.1 200")


def test_idle_connections_keep_nobody_out(port: int) -> None:
    idle = [connected(port) for _ in range(3 * MAX_CONNECTIONS)]
    assert asked(port, GOOD).startswith(b"HTTP/1.1 200")
    assert all(ended(line) for line in idle[:MAX_CONNECTIONS])
    for line in idle:
        line.close()
    assert asked(port, GOOD).startswith(b"HTTP/1.1 200")


def test_a_connection_that_says_nothing_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "MAX_SECONDS", 0.1)
    served = Health(f"{LOOPBACK}:0", dict)
    with connected(served.port) as line:
        line.sendall(GOOD[:10])
        assert ended(line)
    served.close()


def test_descriptors_are_given_back(port: int) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    asked(port, GOOD)
    before = descriptors()
    for n in range(200):
        assert asked(port, GOOD if n % 2 else os.urandom(50) + b"\n\n").startswith(b"HTTP/1.1 ")
    assert descriptors() <= before + 1  # one may be about to be closed


def test_where_it_does_not_listen() -> None:
    for address in ("0.0.0.0:1", "10.0.0.1:80", "[::]:80", "127.0.0.1:65536", "[::1]:-1"):
        with pytest.raises(ConfigError, match="not on loopback"):
            Health(address, dict)
    for address in ("8080", "localhost:8080", "127.0.0.1:http", ""):
        with pytest.raises(ConfigError, match="is not 127"):
            Health(address, dict)
    (port,) = free_ports(1)
    with socket.create_server((LOOPBACK, port)), pytest.raises(PortTaken):
        Health(f"{LOOPBACK}:{port}", dict)
