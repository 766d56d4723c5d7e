"""A resident party's health, for whoever watches the machine: GET /health, on loopback alone.

A server of one thread that answers one question. What it takes is bounded: connections, the bytes
of a request, and how long a connection may last; whoever comes when all are taken has the place of
the one who came first, so that idle connections keep nobody out.
"""

import ipaddress
import json
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from mpcgen.errors import ConfigError, PortTaken

MAX_CONNECTIONS = 16
MAX_REQUEST = 2048  # bytes
MAX_SECONDS = 5.0  # of a connection
TICK = 0.5

Report = Callable[[], Mapping[str, object]]


@dataclass
class _Connection:
    """Somebody who asks.

    Attributes:
        asked: what came so far.
        answer: what is left to send, once the request is whole.
    """

    socket: socket.socket
    deadline: float
    asked: bytearray = field(default_factory=bytearray)
    answer: bytes = b""


class Health:
    """Answers until it is closed. The port is taken when it is made.

    Attributes:
        port: where it listens.

    Raises:
        ConfigError: the address is not host:port with a host of loopback.
        PortTaken: somebody else listens there.
    """

    def __init__(self, address: str, report: Report):
        self._report = report
        self._connections: dict[int, _Connection] = {}  # by descriptor, the oldest first
        self._listener = _listen(*_loopback(address))
        self.port = int(self._listener.getsockname()[1])
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._waked, self._waker = socket.socketpair()
        self._selector.register(self._waked, selectors.EVENT_READ)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._ended.set()
        self._waker.close()
        self._thread.join()

    def _serve(self) -> None:
        while not self._ended.is_set():
            for key, events in self._selector.select(TICK):
                if key.fileobj is self._listener:
                    self._accept()
                elif connection := self._connections.get(key.fd):
                    self._attend(connection, events)
            for connection in list(self._connections.values()):
                if connection.deadline < time.monotonic():
                    self._drop(connection)
        for connection in list(self._connections.values()):
            self._drop(connection)
        self._selector.close()
        self._listener.close()
        self._waked.close()

    def _accept(self) -> None:
        try:
            came, _ = self._listener.accept()
        except OSError:  # it has left already, or this process has no descriptor to spare
            self._ended.wait(0.01)
            return
        came.setblocking(False)
        if len(self._connections) >= MAX_CONNECTIONS:
            self._drop(next(iter(self._connections.values())))
        connection = _Connection(came, time.monotonic() + MAX_SECONDS)
        self._connections[came.fileno()] = connection
        self._selector.register(came, selectors.EVENT_READ)

    def _attend(self, connection: _Connection, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                self._read(connection)
            elif events & selectors.EVENT_WRITE:
                connection.answer = connection.answer[connection.socket.send(connection.answer) :]
                if not connection.answer:
                    self._drop(connection)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(connection)

    def _read(self, connection: _Connection) -> None:
        came = connection.socket.recv(MAX_REQUEST + 1 - len(connection.asked))
        connection.asked += came
        whole = b"\r\n\r\n" in connection.asked or b"\n\n" in connection.asked
        if not whole and not came:
            self._drop(connection)
        elif whole or len(connection.asked) > MAX_REQUEST:
            connection.answer = self._answer(bytes(connection.asked) if whole else b"")
            self._selector.modify(connection.socket, selectors.EVENT_WRITE)

    def _answer(self, request: bytes) -> bytes:
        """The answer to a request; b"" is one that is too long."""
        line = request.split(b"\n", 1)[0].strip().split(b" ")
        if len(line) != 3 or not line[2].startswith(b"HTTP/1."):
            return _response("400 Bad Request", {"error": "this is no request for GET /health"})
        if line[0] not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", {"error": "GET /health is all there is"})
        if line[1] != b"/health":
            return _response("404 Not Found", {"error": "GET /health is all there is"})
        return _response("200 OK", self._report(), body=line[0] == b"GET")

    def _drop(self, connection: _Connection) -> None:
        self._connections.pop(connection.socket.fileno(), None)
        with suppress(KeyError, ValueError):
            self._selector.unregister(connection.socket)
        connection.socket.close()


def _response(status: str, values: Mapping[str, object], *, body: bool = True) -> bytes:
    text = json.dumps(values).encode() + b"\n"
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (text if body else b"")


def _loopback(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    try:
        found = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        number = int(port)
    except ValueError:
        raise ConfigError(f"{address} is not 127.0.0.1:PORT or [::1]:PORT") from None
    if not found.is_loopback or not 0 <= number < 1 << 16:
        raise ConfigError(
            f"{address} is not on loopback: health is told on this machine alone, at "
            "127.0.0.1:PORT or [::1]:PORT"
        )
    return str(found), number


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(MAX_CONNECTIONS)
    except OSError:
        listener.close()
        raise PortTaken(f"somebody else listens at {host}:{port}") from None
    listener.setblocking(False)
    return listener
