"""A small HTTP proxy for CONNECT, as hospitals have at their border; it can cut its lines."""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from tests.ports import LOOPBACK

_REQUEST = re.compile(rb"CONNECT ([0-9.]+):([0-9]+) HTTP/1\.1\r\n(?:[^\r\n]+\r\n)*\r\n")


class ConnectProxy:
    """Listens until `close`; `seen` is all that went through it, both ways."""

    def __init__(self) -> None:
        self._listener = socket.create_server((LOOPBACK, 0))
        self.address = f"{LOOPBACK}:{self._listener.getsockname()[1]}"
        self.seen = bytearray()
        self.requests = 0
        self.cut_every = 0  # bytes that go through before all connections are cut, where not 0
        self._cuts = 0
        self._open: set[socket.socket] = set()
        self._mute: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> int:
        """End all connections that stand; how many there were."""
        standing = list(self._open)
        for connection in standing:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return len(standing)

    def swallow(self) -> int:
        """Let nothing through by the connections that stand, and end none; how many there are."""
        self._mute |= self._open
        return len(self._open)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self.cut()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def __enter__(self) -> "ConnectProxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._start(self._serve, near)

    def _start(self, part: Callable[[socket.socket], None], near: socket.socket) -> None:
        thread = threading.Thread(target=part, args=(near,))
        self._threads.append(thread)
        thread.start()

    def _serve(self, near: socket.socket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            part = near.recv(1)
            if not part:
                near.close()
                return
            request += part
        found = _REQUEST.fullmatch(request)
        if not found:
            near.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            near.close()
            return
        self.requests += 1
        try:
            far = socket.create_connection((found[1].decode(), int(found[2])), 5)
        except OSError:
            near.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            near.close()
            return
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._open.add(near)
        back = threading.Thread(target=self._carry, args=(far, near, near))
        back.start()
        self._carry(near, far, near)
        back.join()
        self._open.discard(near)
        near.close()
        far.close()

    def _carry(self, source: socket.socket, target: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self.seen += data
                if near not in self._mute:
                    target.sendall(data)
                if self.cut_every and len(self.seen) // self.cut_every > self._cuts:
                    self._cuts = len(self.seen) // self.cut_every
                    self.cut()
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
