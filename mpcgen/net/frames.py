"""How a message is cut into frames on the wire, and put together again.

A frame has at most CHUNK payload bytes, so that an unauthenticated client can make this process
hold no more than that, and heartbeats get through between the frames of a large message.
"""

from collections.abc import Callable, Iterator

from mpcgen.errors import BadMessage
from mpcgen.net.message import Arrival, Header

CHUNK = 1 << 20
"""Most payload bytes in one frame."""
INLINE = 1 << 16
"""Payload bytes that go into a message's first frame."""


def cut(header: bytes, payload: bytes) -> Iterator[bytes | memoryview]:
    """The frames of one message: its header with the payload's start, then the rest in chunks."""
    view = memoryview(payload)
    yield header + view[:INLINE]
    for start in range(INLINE, len(view), CHUNK):
        yield view[start : start + CHUNK]


class _Partial:
    """A message of which not all frames have come."""

    def __init__(self, header: Header, start: bytes):
        self.header = header
        self.parts: list[bytes | memoryview] = [start]
        self.missing = header.length - len(start)

    def add(self, part: memoryview) -> None:
        self.parts.append(part)
        self.missing -= part.nbytes


class Assembly:
    """The messages that come by each connection.

    Args:
        check: called with peer and header before more than a message's first frame is held; raises
            BadMessage where the message is not to be taken.
    """

    def __init__(self, check: Callable[[str, Header], None]):
        self._check = check
        self._partial: dict[int, _Partial] = {}

    def add(self, peer: str, connection: int, frame: memoryview) -> Arrival | None:
        """Take in the next frame of a connection; the message, where it is whole.

        Raises:
            BadMessage: the frame is empty, does not begin a message, or begins one not to be taken.
        """
        partial = self._partial.pop(connection, None)
        if partial is None:
            partial = _Partial(*Header.split(peer, bytes(frame)))
            self._check(peer, partial.header)
        elif not frame.nbytes:  # it would begin the time-out anew for nothing
            raise BadMessage(f"{peer} sent an empty frame in a message")
        else:
            partial.add(frame)
        if partial.missing > 0:
            self._partial[connection] = partial
            return None
        return Arrival(peer, partial.header, b"".join(partial.parts))
