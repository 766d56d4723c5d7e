"""What travels between a party and its relay: frames, and what a party says when it comes.

A frame is a head of HEAD_BYTES, sealed under the hop's key, and a body that goes through as it is:
it is sealed already, from party to party. The head says which link the frame is for, a number that
the relay has given to a pair of parties while both are there.
"""

import struct
from enum import IntEnum
from typing import Final, NamedTuple

from mpcgen import codec
from mpcgen.errors import BadMessage
from mpcgen.net.handshake import IDENTITY
from mpcgen.net.message import SEGMENT
from mpcgen.net.sealed import TAG

HOP_CONTEXT: Final = b"mpcgen relay 1"
"""What both ends of the hop's handshake agree on."""
HEAD: Final = struct.Struct("!BxxxIQI32s")
HEAD_BYTES: Final = HEAD.size + TAG
MAX_BODY: Final = SEGMENT + 1024
"""Most bytes of a frame's body: a message's header and part of its payload, both sealed."""
MAX_SHAKE: Final = 512
"""Most bytes of a handshake's message from party to party."""
WINDOW: Final = 8 << 20
"""Bytes of one party to one other that a relay holds at most."""
COUNTED: Final = 256
"""What a frame counts in the window besides its body: also empty ones take memory."""
KEEP_SECONDS: Final = 10.0
"""Silence after which either end says that it is there."""
SILENCE_SECONDS: Final = 30.0
"""Silence after which the other end is taken for lost."""

Body = bytes | bytearray | memoryview


class Kind(IntEnum):
    """What a frame is.

    DATA and SHAKE go from party to party; END, a party's last; HERE, GONE, CREDIT and REFUSED are
    the relay's; KEEP says that who sends it is there.
    """

    DATA = 0
    SHAKE = 1
    END = 2
    HERE = 3
    GONE = 4
    CREDIT = 5
    REFUSED = 6
    KEEP = 7


class Refusal(IntEnum):
    """Why a relay does not take a party whose identity it knows; the number is sent."""

    STRANGER = 0
    BUSY = 1
    FULL = 2


class Head(NamedTuple):
    """A frame's head.

    Attributes:
        length: bytes of the body.
        link: to or from whom it is.
        number: CREDIT: bytes; REFUSED: why; DATA: bytes of the body's first piece.
        identity: HERE: whose.
    """

    kind: Kind
    length: int = 0
    link: int = 0
    number: int = 0
    identity: bytes = bytes(IDENTITY)

    def pack(self) -> bytes:
        """The head before it is sealed."""
        return HEAD.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> "Head":
        """Read an opened head; BadMessage where it breaks the rules."""
        kind, length, link, number, identity = HEAD.unpack(data)
        try:
            head = cls(Kind(kind), length, link, number, identity)
        except ValueError:
            raise BadMessage("a frame of a kind that there is not") from None
        if length > _MOST.get(head.kind, 0):
            raise BadMessage(f"a frame of {length} bytes, {head.kind.name}")
        return head


_MOST = {Kind.DATA: MAX_BODY, Kind.SHAKE: MAX_SHAKE}


class Frame(NamedTuple):
    """A head and its body, which may lie in pieces."""

    head: Head
    body: tuple[Body, ...] = ()

    @property
    def size(self) -> int:
        """What it counts in the window."""
        return COUNTED + self.head.length


class Login(NamedTuple):
    """What a party says at the end of its handshake with the relay.

    Attributes:
        room: those meet that name the same 32 bytes.
        instance: 16 bytes of this process, so that it may come again before its loss is noticed.
        peers: the identities that it wants to talk to.
    """

    room: bytes
    instance: bytes
    peers: tuple[bytes, ...]

    def pack(self) -> bytes:
        """Its bytes."""
        return b"".join((self.room, self.instance, *self.peers))

    @classmethod
    def unpack(cls, data: bytes) -> "Login":
        """Read it; BadMessage where its length is none."""
        start = _ROOM + _INSTANCE
        rest = data[start:]
        if len(data) < start or len(rest) % IDENTITY or len(rest) > MAX_PEERS * IDENTITY:
            raise BadMessage("a login of a wrong length")
        peers = tuple(rest[i : i + IDENTITY] for i in range(0, len(rest), IDENTITY))
        return cls(data[:_ROOM], data[_ROOM:start], peers)


_ROOM, _INSTANCE = 32, 16
MAX_PEERS: Final = 63
MAX_LOGIN: Final = _ROOM + _INSTANCE + MAX_PEERS * IDENTITY


def room(study: bytes) -> bytes:
    """The room of a study, which tells the relay nothing of it."""
    return codec.digest("mpcgen relay room", study)
