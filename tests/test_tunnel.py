"""Dialling out through a proxy: what it is asked, and what it may answer."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mpcgen.errors import ConfigError, TransportError
from mpcgen.net.tunnel import MAX_ANSWER, dial, proxy_address
from tests.ports import LOOPBACK, free_ports

OK = b"HTTP/1.1 200 Connection established\r\n\r\n"


@contextmanager
def proxy_that(answers: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that takes one request and does what is said; its address, and what it was asked."""
    (port,) = free_ports(1)
    asked: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            asked.append(connection.recv(1 << 12))
            answers(connection)

    with socket.create_server((LOOPBACK, port)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"{LOOPBACK}:{port}", asked
        thread.join()


def test_a_proxy_is_asked_to_connect_and_what_follows_is_the_other_end() -> None:
    def echo(connection: socket.socket) -> None:
        connection.sendall(OK)
        connection.sendall(connection.recv(100).upper())

    with proxy_that(echo) as (proxy, asked), dial("relay.example:443", proxy, 30.0) as through:
        through.sendall(b"hello")
        assert through.recv(100) == b"HELLO"
    assert asked == [b"CONNECT relay.example:443 HTTP/1.1\r\nHost: relay.example:443\r\n\r\n"]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nServer: x\r\n\r\n", "does not connect to .*: 403 Forbidden$"),
        (b"HTTP/1.0 407 Who\r\n\r\n", "407 Who: it wants a password, and none is sent"),
        (b"HTTP/1.1 503\r\n\r\n", "does not connect to .*: 503$"),
        (b"HTTP/1.1 302 \x1b[31m\r\n\r\n", "does not connect to .*: 302$"),
        (OK + b"more", "said more than its answer"),
        (b"SSH-2.0-x\r\n\r\n", "does not answer as an HTTP proxy does"),
        (b"HTTP/2 200\r\n\r\n", "does not answer as an HTTP proxy does"),
        (b"HTTP/1.1 200 OK\r\n", "does not answer as an HTTP proxy does"),
        (b"", "does not answer as an HTTP proxy does"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * MAX_ANSWER, "does not answer as an HTTP proxy"),
    ],
)
def test_a_proxy_that_does_not_connect_is_told(answer: bytes, text: str) -> None:
    def send(connection: socket.socket) -> None:
        connection.sendall(answer)

    with proxy_that(send) as (proxy, _), pytest.raises(TransportError, match=text):
        dial("relay.example:443", proxy, 30.0)


def test_a_proxy_that_does_not_answer_is_not_waited_for() -> None:
    done = threading.Event()

    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200")
        done.wait(30.0)

    with proxy_that(trickle) as (proxy, _):
        with pytest.raises(TransportError, match="did not answer"):
            dial("relay.example:443", proxy, 0.2)
        done.set()


def test_where_nobody_is_that_is_told() -> None:
    (port,) = free_ports(1)
    with pytest.raises(TransportError, match=f"nobody listens at {LOOPBACK}:{port}"):
        dial(f"{LOOPBACK}:{port}", "", 5.0)
    with pytest.raises(TransportError, match=f"the proxy at {LOOPBACK}:{port} is not there"):
        dial("relay.example:443", f"{LOOPBACK}:{port}", 5.0)


def test_proxies_as_configurations_write_them() -> None:
    assert proxy_address("http://proxy.example:3128") == "proxy.example:3128"
    assert proxy_address("http://[::1]:3128/") == "[::1]:3128"
    for wrong in (
        "proxy.example:3128",
        "https://a:1",
        "http://u:p@a:1",
        "http://a",
        "http://a:1/b",
    ):
        with pytest.raises(ConfigError):
            proxy_address(wrong)
