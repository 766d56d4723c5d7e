"""One end of the connection between a party and its relay, after their handshake.

Both ends are equal, and neither blocks: whoever has a `Wire` asks its socket when to go on.
"""

import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from mpcgen.net.relay.frames import HEAD_BYTES, Frame, Head
from mpcgen.net.sealed import Opener, Sealer

AHEAD: Final = 1 << 18
"""Bytes that are handed to the system together; what comes next is chosen when they are gone."""
STAGE: Final = 1 << 16
SLICE: Final = 4 << 20
"""Bytes that are read from one connection before others have their turn."""


class Wire:
    """One end of a hop: frames in and out of a socket that does not block.

    Args:
        connection: connected, and used by nobody else from now on.
        sealer, opener: of the heads.

    Attributes:
        ended: whether the other end has closed its side.
        heard: when something came last, be it a part of a frame (time.monotonic).
        waiting: bytes that were pushed and are not with the system yet.
    """

    def __init__(self, connection: socket.socket, sealer: Sealer, opener: Opener):
        connection.setblocking(False)
        self.socket = connection
        self.ended = False
        self.heard = time.monotonic()
        self.waiting = 0
        self._sealer, self._opener = sealer, opener
        self._out: deque[memoryview] = deque()
        self._stage = memoryview(bytearray(STAGE))
        self._start = self._end = 0  # what is staged and not yet read
        self._head: Head | None = None
        self._body = memoryview(b"")
        self._filled = 0

    def push(self, frame: Frame) -> None:
        """Add a frame to what goes out."""
        head = self._sealer.seal(frame.head.pack())
        self._out.append(memoryview(head))
        self.waiting += len(head) + frame.head.length
        self._out += [memoryview(piece) for piece in frame.body if len(piece)]

    def flush(self) -> bool:
        """Send what the system takes; True where nothing is left.

        Raises:
            OSError: the connection is broken.
        """
        while self._out:
            try:
                sent = self.socket.sendmsg([self._out[i] for i in range(min(16, len(self._out)))])
            except BlockingIOError:
                return False
            self.waiting -= sent
            while sent:
                first = self._out.popleft()
                if len(first) > sent:
                    self._out.appendleft(first[sent:])
                    break
                sent -= len(first)
        return True

    def pump(self, source: Callable[[], Frame | None]) -> bool:
        """Send what `source` gives, as long as the system takes it; True where nothing is left.

        Raises:
            OSError: the connection is broken.
        """
        while True:
            while self.waiting < AHEAD and (frame := source()):
                self.push(frame)
            if not self.waiting:
                return True
            if not self.flush():
                return False

    def receive(self) -> Iterator[Frame]:
        """The frames that are there, SLICE bytes at most; afterwards `ended` may be True.

        Raises:
            OSError: the connection is broken.
            BadMessage: a head that the other end has not sealed, or that breaks the rules.
        """
        left = SLICE
        while left > 0:
            if self._head is not None and self._filled < self._head.length:
                got = self._fill()
            elif self._end - self._start >= HEAD_BYTES:
                got = 0
                self._begin()
            else:
                got = self._restage()
            if got is None:
                return
            left -= got
            if self._head is not None and self._filled == self._head.length:
                head, body = self._head, self._body
                self._head, self._body = None, memoryview(b"")
                yield Frame(head, (body,) if head.length else ())

    def _begin(self) -> None:
        """Read the next head, and as much of its body as is staged."""
        sealed = self._stage[self._start : self._start + HEAD_BYTES]
        head = Head.unpack(self._opener.open(sealed))
        self._start += HEAD_BYTES
        self._head, self._body = head, memoryview(bytearray(head.length))
        self._filled = min(head.length, self._end - self._start)
        self._body[: self._filled] = self._stage[self._start : self._start + self._filled]
        self._start += self._filled

    def _restage(self) -> int | None:
        """Take in more, behind the rest of what is staged; None where nothing is there."""
        rest = self._end - self._start
        self._stage[:rest] = self._stage[self._start : self._end]
        self._start, self._end = 0, rest
        got = self._recv(self._stage[rest:])
        self._end += got or 0
        return got

    def _fill(self) -> int | None:
        got = self._recv(self._body[self._filled :])
        self._filled += got or 0
        return got

    def _recv(self, into: memoryview) -> int | None:
        if self.ended:
            return None
        try:
            got = self.socket.recv_into(into)
        except BlockingIOError:
            return None
        self.ended = got == 0
        self.heard = time.monotonic()
        return got or None
