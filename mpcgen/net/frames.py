"""How a header and its part of a payload go into ZeroMQ's frames, and come out of them again.

A small part goes into one frame with its header. A large one goes in a frame of its own behind the
header's, so that it is not copied. No frame has more than SEGMENT payload bytes, so that an
unauthenticated client can make this process hold no more than that, and heartbeats get through
between the frames of a large message.
"""

from collections.abc import Callable

from mpcgen.errors import BadMessage
from mpcgen.net.message import Arrival, Header

INLINE = 1 << 16
"""Payload bytes that go into one frame with their header."""


def frames(header: bytes, part: memoryview) -> tuple[bytes | memoryview, ...]:
    """What goes over the wire, one or two frames."""
    return (header + part,) if len(part) <= INLINE else (header, part)


class Pairing:
    """Puts the two frames of a large part together again, for each connection.

    Args:
        check: called with peer and header before a part is waited for; raises BadMessage where the
            message is not to be taken.
    """

    def __init__(self, check: Callable[[str, Header], None]):
        self._check = check
        self._waiting: dict[str, Header] = {}

    def add(self, peer: str, connection: str, frame: memoryview) -> Arrival | None:
        """Take in the next frame of a connection; header and part, where both are here.

        Raises:
            BadMessage: the frame begins no message, or has not the length that was announced.
        """
        header = self._waiting.pop(connection, None)
        if header is None:
            header, part = Header.split(peer, frame)
            self._check(peer, header)
            if header.part > INLINE and not part:
                self._waiting[connection] = header
                return None
        else:
            part = frame
        if len(part) != header.part:
            raise BadMessage(f"{peer} sent a wrong length at {header.label!r}")
        return Arrival(peer, header, part)

    def forget(self, connection: str) -> None:
        """This connection has ended, or is used no more."""
        self._waiting.pop(connection, None)
