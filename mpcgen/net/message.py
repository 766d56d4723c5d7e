"""What travels between parties: the header before every payload, and why a party may abort.

Header, 40 bytes in network order and the label: magic and version (4), kind (1), abort reason (1),
session (16), counter (8), payload length (8), label length (2), label in UTF-8.
"""

import struct
from enum import Enum, IntEnum
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

MAGIC = b"MPG\x01"
HEADER = struct.Struct("!4sBB16sQQH")
MAX_LABEL = 200
NO_SESSION = bytes(16)


class Kind(IntEnum):
    """What a frame is; all but MESSAGE belong to the channel itself."""

    MESSAGE = 0
    ABORT = 1
    HELLO = 2
    BYE = 3


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
    """What goes before every payload."""

    kind: Kind
    reason: int
    session: bytes
    counter: int
    length: int
    label: str

    def pack(self) -> bytes:
        """The header on the wire."""
        label = self.label.encode()
        if len(label) > MAX_LABEL:
            raise ValueError(f"a label has at most {MAX_LABEL} bytes: {self.label!r}")
        numbers = (self.kind, self.reason, self.session, self.counter, self.length, len(label))
        return HEADER.pack(MAGIC, *numbers) + label

    @classmethod
    def split(cls, peer: str, frame: bytes) -> tuple["Header", bytes]:
        """Read what `peer` sent as header and the rest; BadMessage where it is no header."""
        if frame[:4] != MAGIC:
            raise BadMessage(
                f"{peer} speaks another version of the protocol"
                if frame[:3] == MAGIC[:3]
                else f"{peer} sent something that is no message"
            )
        try:
            _, kind, reason, session, counter, length, size = HEADER.unpack_from(frame)
            end = HEADER.size + size
            if size > MAX_LABEL or end > len(frame):
                raise ValueError
            label = frame[HEADER.size : end].decode()
            return cls(Kind(kind), reason, session, counter, length, label), frame[end:]
        except (struct.error, ValueError):
            raise BadMessage(f"{peer} sent a damaged header") from None


class Arrival(NamedTuple):
    """A message as the transport hands it over; `peer` is whom the transport authenticated."""

    peer: str
    header: Header
    payload: bytes
