"""A TCP proxy in threads of this process: a line with a delay and a rate, and with faults.

It stands in front of one port of this machine. What it does to the connections through it can be
changed while they are used: hold everything up, swallow it, let nobody in, cut.
"""

import socket
import struct
import threading
import time
from contextlib import suppress
from enum import Enum, auto
from queue import SimpleQueue
from typing import Self

HOST = "127.0.0.1"
CHUNK = 1 << 16  # bytes that travel together
AHEAD = 0.05  # seconds of sending that a line takes in before its sender has to wait
LOOK = 0.05  # seconds after which a thread that waits looks whether its connection was cut
SEND_LOOK = struct.pack("ll", 0, int(LOOK * 1e6))  # SO_SNDTIMEO
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: the other end sees a reset, not an end


class Uplink:
    """What somebody sends, one chunk after the other.

    Args:
        rate: bytes a second.
        delay: seconds until a byte that was sent arrives.
    """

    def __init__(self, rate: float = float("inf"), delay: float = 0.0):
        self._rate, self._delay = rate, delay
        self._free = 0.0
        self._lock = threading.Lock()

    def take(self, size: int) -> float:
        """When so many bytes, sent now, arrive; waits while much is on the way before them."""
        with self._lock:
            self._free = gone = max(self._free, time.monotonic()) + size / self._rate
        _until(gone - AHEAD)
        return gone + self._delay


def _until(moment: float) -> None:
    left = moment - time.monotonic()
    if left > 0:
        time.sleep(left)


class Fault(Enum):
    """What is wrong with a line."""

    NONE = auto()
    STALLED = auto()
    """Nothing gets through; it does when this ends. Who sends has to wait."""
    SWALLOWING = auto()
    """Everything is taken and lost, the end of a connection too: each end is alone, unaware."""
    CLOSED = auto()
    """Connections stay, and new ones are reset at once."""


class Connection:
    """One connection through a proxy, used by four threads: two a direction.

    Attributes:
        cut_off: it was cut; what was on its way is lost.
        spoilt: it has lost something already, unnoticed.
    """

    def __init__(self, near: socket.socket, far: socket.socket):
        self.near, self.far = near, far
        self.cut_off = self.spoilt = False
        self._users = 4
        self._lock = threading.Lock()
        for each in (near, far):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SEND_LOOK)

    @property
    def stands(self) -> bool:
        """Whether anything can still come through."""
        return not self.cut_off and self._users > 0

    def cut(self, *, reset: bool) -> None:
        """End it on both sides: by a reset, or as if each side had ended it."""
        self.cut_off = True
        with self._lock:
            if self._users:
                for each in (self.near, self.far):
                    with suppress(OSError):  # it has ended by itself
                        if reset:  # sent when the last thread lets go
                            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                        each.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)

    def let_go(self) -> None:
        """A thread has done its part; the last one closes, so that no number is used again."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self.near.close()
                self.far.close()


class Proxy:
    """A door in front of a port.

    Args:
        port: where connections are handed on to, on this machine.
        there: the line of those who connect.
        back: the line of who listens at the port.

    Attributes:
        port: where to connect to instead.
        passed: bytes that came through so far, both ways.
    """

    def __init__(self, port: int, there: Uplink | None = None, back: Uplink | None = None):
        self._target = port
        self._there, self._back = there or Uplink(), back or Uplink()
        self._door = socket.create_server((HOST, 0))
        self.port: int = self._door.getsockname()[1]
        self.passed = 0
        self._all: list[Connection] = []
        self._fault = Fault.NONE
        self._closed = False
        self._cut_at: float = float("inf")
        self._changed = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connections(self) -> list[Connection]:
        """Those that stand."""
        with self._changed:
            self._all = [each for each in self._all if each.stands]
            return list(self._all)

    # -- faults

    def suffer(self, fault: Fault) -> None:
        """Have this fault from now on; connections that lost something end with it."""
        with self._changed:
            self._fault = fault
            self._changed.notify_all()
        if fault is Fault.NONE:
            for each in self.connections:
                if each.spoilt:
                    each.cut(reset=True)

    def cut(self, *, reset: bool = True) -> int:
        """Cut all connections; how many."""
        cut = self.connections
        for each in cut:
            each.cut(reset=reset)
        return len(cut)

    def cut_after(self, size: int) -> None:
        """Reset all connections when so many bytes more have come through."""
        with self._changed:
            self._cut_at = self.passed + size

    def close(self) -> None:
        """Let nobody in any more, and cut everything."""
        with self._changed:
            self._closed = True
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self.cut()

    # -- threads

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._door.accept()
                self._enter(near)

    def _enter(self, near: socket.socket) -> None:
        if self._fault is Fault.CLOSED:
            _refuse(near)
            return
        far = socket.socket()
        try:
            far.connect((HOST, self._target))
        except OSError:  # nobody listens there yet; who dialled tries again
            far.close()
            near.close()
            return
        connection = Connection(near, far)
        with self._changed:
            self._all.append(connection)
            late = self._closed
        if late:
            connection.cut(reset=True)
        for way in ((near, far, self._there), (far, near, self._back)):
            threading.Thread(target=self._carry, args=(connection, *way), daemon=True).start()

    def _carry(
        self, connection: Connection, source: socket.socket, target: socket.socket, line: Uplink
    ) -> None:
        """Everything that source sends, to target, as the line allows; then the end of it."""
        travelling: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
        way = (connection, travelling, target)
        threading.Thread(target=self._deliver, args=way, daemon=True).start()
        data = b"something"
        while data:
            self._wait_while(Fault.STALLED, connection)
            try:
                data = source.recv(CHUNK)
            except OSError:  # the other direction found it broken
                data = b""
            travelling.put((line.take(len(data)), data))
        connection.let_go()

    def _deliver(
        self,
        connection: Connection,
        travelling: "SimpleQueue[tuple[float, bytes]]",
        target: socket.socket,
    ) -> None:
        with suppress(OSError):  # nobody is there to take it any more
            while True:
                moment, data = travelling.get()
                _until(moment)
                self._wait_while(Fault.STALLED, connection)
                if connection.cut_off:
                    break
                if self._fault is Fault.SWALLOWING:
                    connection.spoilt = True
                    if data:
                        continue
                    self._wait_while(Fault.SWALLOWING, connection)
                    break
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    break
                self._pass(connection, target, data)
        connection.let_go()

    def _wait_while(self, fault: Fault, connection: Connection) -> None:
        with self._changed:
            while self._fault is fault and not connection.cut_off:
                self._changed.wait(LOOK)

    def _pass(self, connection: Connection, target: socket.socket, data: bytes) -> None:
        view = memoryview(data)
        while view and not connection.cut_off:
            with self._changed:
                room = self._cut_at - self.passed
            try:
                sent = target.send(view[: int(min(len(view), room))] if room > 0 else b"")
            except BlockingIOError:  # who is to take it does not read
                continue
            view = view[sent:]
            with self._changed:
                self.passed += sent
                over = self.passed >= self._cut_at
                if over:
                    self._cut_at = float("inf")
            if over:
                self.cut()


def _refuse(near: socket.socket) -> None:
    with suppress(OSError):
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    near.close()
