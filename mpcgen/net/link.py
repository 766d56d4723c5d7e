"""What one party and one peer owe each other, whatever connections come and go between them.

The sender counts its messages and keeps each until the peer has acknowledged it. On a new
connection the peer says what it takes next, and the sender goes on from there: nothing is lost,
nothing comes twice. Nothing here knows a socket or a clock.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from mpcgen.net.message import HEADER, SEGMENT, Header, Kind

MAX_HELD = 1 << 26
"""Bytes kept for one peer before a sender has to wait; a message longer than half may still go."""
MAX_HELD_MESSAGES = 512
ACK_BYTES = 1 << 20
"""What is taken in of one peer before it is acknowledged by a frame of its own: far less than a
sender keeps, so that nobody waits for an acknowledgement that is not due."""
ACK_MESSAGES = 64


class Sent(NamedTuple):
    """A counted message as it was sent, to be sent again where a connection was lost."""

    kind: Kind
    reason: int
    session: bytes
    counter: int
    label: str
    payload: bytes

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        return HEADER.size + len(self.label) + len(self.payload)

    def segments(self, due: int, start: int = 0) -> Iterator[tuple[bytes, memoryview]]:
        """Header and part of each of its frames from byte `start` of the payload on."""
        view = memoryview(self.payload)
        for at in range(start, max(len(view), start + 1), SEGMENT):
            header = Header(
                self.kind, self.reason, self.session, self.counter, len(view), self.label, due, at
            )
            yield header.pack(), view[at : at + SEGMENT]


class Outgoing:
    """What one peer is sent.

    Args:
        keep: whether messages are kept; needless where the transport loses nothing.

    Attributes:
        next: the counter of the next message.
        taken: how many messages the peer has acknowledged.
        connection: how many connections there were to send by.
        flows: whether messages may go by the connection that there is.
    """

    def __init__(self, *, keep: bool):
        self.next = self.taken = self.connection = 0
        self.flows = not keep
        self._keep = keep
        self._held: deque[Sent] = deque()
        self._bytes = 0

    @property
    def pending(self) -> bool:
        """Whether something that was sent is not acknowledged."""
        return bool(self._held)

    def has_room(self, size: int) -> bool:
        """Whether so many bytes more may be kept; always, where nothing is."""
        most = max(MAX_HELD, 2 * size)
        room = self._bytes + size <= most and len(self._held) < MAX_HELD_MESSAGES
        return room or not self._held

    def add(
        self, kind: Kind, session: bytes, label: str, payload: bytes, *, reason: int = 0
    ) -> Sent:
        """Count a message, and keep it until it is acknowledged."""
        sent = Sent(kind, reason, session, self.next, label, payload)
        self.next += 1
        if self._keep:
            self._held.append(sent)
            self._bytes += sent.size
        return sent

    def acknowledge(self, due: int) -> bool:
        """The peer has everything before `due`; False where that cannot be."""
        while self._held and self._held[0].counter < due:
            self._bytes -= self._held.popleft().size
        self.taken = max(self.taken, due)
        return due <= self.next

    def redial(self) -> None:
        """There is a new connection; by it nothing goes before the peer has said what is due."""
        self.connection += 1
        self.flows = not self._held

    def resume(self, connection: int, due: int, start: int) -> list[tuple[Sent, int]] | None:
        """What to send again by a connection, each from which byte on, now that the peer has said.

        None where it says what cannot be.
        """
        if connection != self.connection or self.flows:  # said for one that ended, or said twice
            return []
        again = [(sent, start if sent.counter == due else 0) for sent in self._held]
        first = again[0][0] if again else None
        if due < self.next and (first is None or first.counter != due):
            return None
        if start and (first is None or start >= len(first.payload)):
            return None
        self.flows = True
        return again


class Incoming:
    """What one peer sends.

    Attributes:
        token: of the run of the peer that sends; empty before its first HELLO.
        connection: the number in its last HELLO.
        asked: whether that HELLO asks what is due.
        due: the counter of the message that is taken next.
        start: how many bytes of it have come.
        early: messages that are whole and not delivered yet.
    """

    def __init__(self) -> None:
        self.token = b""
        self.asked = False
        self.connection = self.due = self.start = 0
        self.early: deque[tuple[Header, bytes]] = deque()
        self._first: Header | None = None
        self._parts: list[bytes | memoryview] = []
        self._messages = self._bytes = 0

    def goes_on(self, header: Header) -> bool:
        """Whether a frame says of its message what the message's first frame said."""
        return self._first is None or header._replace(due=0, start=0) == self._first

    def add(self, header: Header, part: bytes | memoryview) -> bytes | None:
        """Take in the frame that is due; the payload, where it is the message's last."""
        self._parts.append(part)
        self.start += len(part)
        if self.start < header.length:
            self._first = self._first or header._replace(due=0, start=0)
            return None
        payload = b"".join(self._parts)
        self._parts, self.start, self._first = [], 0, None
        self.due += 1
        self._messages += 1
        self._bytes += header.length
        return payload

    @property
    def owes(self) -> bool:
        """Whether so much came that it should be acknowledged without waiting for a message."""
        return self._messages >= ACK_MESSAGES or self._bytes >= ACK_BYTES

    def acknowledged(self) -> None:
        """The peer was told what is due."""
        self._messages = self._bytes = 0
