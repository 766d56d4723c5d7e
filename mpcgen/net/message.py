"""What travels between parties: the header before every payload, and why a party may abort.

Header, 56 bytes in network order and the label: magic and version (4), kind (1), reason (1),
session (16), counter (8), payload length (8), due (8), start (8), label length (2), label in UTF-8.
A message longer than SEGMENT goes in several frames, each with the header and the payload from its
`start` on, so that after a lost connection it goes on where it ended.
"""

import struct
from enum import Enum, IntEnum, IntFlag
from typing import NamedTuple

from mpcgen.errors import (
    Abort,
    BadMessage,
    InputError,
    NotInManifest,
    PartyTimeout,
    RangeError,
    Refused,
    TransportError,
)

MAGIC = b"MPG\x02"
HEADER = struct.Struct("!4sBB16sQQQQH")
MAX_LABEL = 200
SEGMENT = 1 << 20
"""Most payload bytes in one frame: what a party holds at most for somebody that is not checked."""
NO_SESSION = bytes(16)


class Kind(IntEnum):
    """What a frame is; all but MESSAGE belong to the channel itself.

    MESSAGE and BYE are counted, kept until they are acknowledged, and sent again where a connection
    was lost. The others stand outside the count, and an ABORT overtakes what was sent before it.
    """

    MESSAGE = 0
    ABORT = 1
    """Stop; the reason is the abort's."""
    HELLO = 2
    """First on every connection. Session: the token of this run of the sender; label: that of the
    receiver's run, in hexadecimal, empty where none was heard of; counter: which of the sender's
    connections this is; reason: flags of Greeting."""
    BYE = 3
    """The sender's last; reason: 1 where it has failed and does not stay for an answer."""
    RESUME = 4
    """Answers a HELLO. Counter: that of the HELLO; due and start: where to go on."""
    ACK = 5
    """Nothing but what stands in `due`."""
    WAITING = 6
    """The sender is there, and waits for the party in `label`, whose connection was lost."""
    GONE = 7
    """After the sender's BYE: it knows that all it sent has come, and stays no longer."""


class Greeting(IntFlag):
    """What a HELLO says besides."""

    ASKS = 1
    """A RESUME is wanted before anything else is sent."""
    IN_SESSION = 2
    """The sender has met everybody."""


class AbortReason(Enum):
    """Why a party stops everybody: a closed list, so that the reason carries no data.

    On the wire it is its place in this list.
    """

    FAULT = "a fault in its program"
    CHECK = "a check of what it received failed"
    MANIFEST = "it was asked to open what the plan does not release"
    REFUSED = "the parties do not agree on what to run"
    RANGE = "a number could leave its proved range"
    INPUT = "something is wrong with its own input"
    LOST = "it lost another party"
    TIMEOUT = "another party did not answer it in time"
    MESSAGE = "it received a message that breaks the rules"
    STOPPED = "it was stopped"
    FOLLOWED = "another party had aborted"

    @property
    def passes(self) -> bool:
        """Whether the same study may succeed at another time, with nothing changed."""
        return self in _PASSING

    @property
    def code(self) -> int:
        """The reason on the wire."""
        return list(AbortReason).index(self)

    @classmethod
    def of(cls, error: BaseException) -> "AbortReason":
        """The reason to give to the others when this party stops with `error`."""
        return next((reason for kind, reason in _REASONS if isinstance(error, kind)), cls.FAULT)

    @classmethod
    def from_code(cls, peer: str, code: int) -> "AbortReason":
        """The reason that `peer` gave; BadMessage where it is not on the list."""
        try:
            return list(cls)[code]
        except IndexError:
            raise BadMessage(f"{peer} aborted for a reason that is not on the list") from None


_PASSING = frozenset(
    {AbortReason.LOST, AbortReason.TIMEOUT, AbortReason.STOPPED, AbortReason.FOLLOWED}
)
_REASONS: tuple[tuple[type[BaseException], AbortReason], ...] = (
    (NotInManifest, AbortReason.MANIFEST),
    (Refused, AbortReason.REFUSED),
    (Abort, AbortReason.CHECK),
    (RangeError, AbortReason.RANGE),
    (InputError, AbortReason.INPUT),
    (PartyTimeout, AbortReason.TIMEOUT),
    (BadMessage, AbortReason.MESSAGE),
    (TransportError, AbortReason.LOST),
    (KeyboardInterrupt, AbortReason.STOPPED),
)


class Header(NamedTuple):
    """What goes before every payload.

    Attributes:
        counter: which of the sender's messages to this peer it is, from 0.
        length: bytes of the whole payload.
        due: the message of the receiver that the sender takes next; all before it have come.
        start: bytes of the payload that went in frames before this one.
    """

    kind: Kind
    reason: int = 0
    session: bytes = NO_SESSION
    counter: int = 0
    length: int = 0
    label: str = ""
    due: int = 0
    start: int = 0

    def pack(self) -> bytes:
        """The header on the wire."""
        label = label_bytes(self.label)
        numbers = (self.counter, self.length, self.due, self.start, len(label))
        return HEADER.pack(MAGIC, self.kind, self.reason, self.session, *numbers) + label

    @classmethod
    def split(cls, peer: str, frame: bytes | memoryview) -> tuple["Header", memoryview]:
        """Read what `peer` sent as header and the rest; BadMessage where it is no header."""
        view = memoryview(frame)
        if (magic := bytes(view[:4])) != MAGIC:
            raise BadMessage(
                f"{peer} speaks another version of the protocol"
                if magic[:3] == MAGIC[:3]
                else f"{peer} sent something that is no message"
            )
        try:
            _, kind, reason, session, *numbers, size = HEADER.unpack_from(view)
            counter, length, due, start = numbers
            end = HEADER.size + size
            if size > MAX_LABEL or end > len(view):
                raise ValueError
            label = bytes(view[HEADER.size : end]).decode()
            header = cls(Kind(kind), reason, session, counter, length, label, due, start)
            return header, view[end:]
        except (struct.error, ValueError):
            raise BadMessage(f"{peer} sent a damaged header") from None

    @staticmethod
    def is_of(kind: Kind, frame: bytes | memoryview) -> bool:
        """Whether a frame begins as one of this kind does."""
        return bytes(frame[: len(MAGIC) + 1]) == MAGIC + bytes([kind])

    @property
    def part(self) -> int:
        """Payload bytes that belong to this frame."""
        return min(max(0, self.length - self.start), SEGMENT)


def label_bytes(label: str) -> bytes:
    """A label on the wire; ValueError where it is too long."""
    encoded = label.encode()
    if len(encoded) > MAX_LABEL:
        raise ValueError(f"a label has at most {MAX_LABEL} bytes: {label!r}")
    return encoded


class Arrival(NamedTuple):
    """A frame as the transport hands it over; `peer` is whom the transport authenticated."""

    peer: str
    header: Header
    part: bytes | memoryview
