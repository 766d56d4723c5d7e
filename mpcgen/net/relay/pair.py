"""Two parties that talk through a relay: their handshake, and what is sealed from end to end.

At every connection both make fresh keys (`handshake.py`), bound to the study, both names and both
identities; what they send each other is sealed under them (`sealed.py`), and opens only in its
order. So whoever carries it can read nothing, and notices nothing that it could use again: keys and
counters of one connection are never those of another.

No sockets here: frames go in and come out.
"""

from collections import deque
from enum import Enum, auto

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mpcgen import codec
from mpcgen.errors import BadMessage
from mpcgen.net.handshake import Initiator, Responder, public_bytes
from mpcgen.net.relay.frames import COUNTED, WINDOW, Frame, Head, Kind
from mpcgen.net.sealed import TAG, Opener, Sealer

Piece = bytes | memoryview


class State(Enum):
    """How far two parties are."""

    AWAY = auto()
    MEETING = auto()
    READY = auto()
    BROKEN = auto()


class Pair:
    """This party and one peer.

    Args:
        me: this party's identity key.
        own_name: its name in the plan.
        name: the peer's.
        identity: the identity that the plan pins for the peer.
        study: what both must agree on, any bytes.

    Attributes:
        state: AWAY until the relay says that the peer is here, then MEETING; READY once it has
            proved who it is; BROKEN once something came that it cannot have sent.
    """

    def __init__(
        self, me: Ed25519PrivateKey, own_name: str, name: str, identity: bytes, study: bytes
    ):
        self.name, self.identity = name, identity
        self.state = State.AWAY
        self._me, self._link = me, 0
        own = public_bytes(me)
        ends: list[tuple[bytes, str]] = sorted([(own, own_name), (identity, name)])
        self._begins = ends[0][0] == own
        self._context = codec.encode(["mpcgen pair", study, *(list(end) for end in ends)])
        self._handshake: Initiator | Responder | None = None
        self._sealer: Sealer | None = None
        self._opener: Opener | None = None
        self._window = 0
        self._unsent: deque[tuple[int, Piece, Piece]] = deque()
        self._shakes: deque[Frame] = deque()

    @property
    def idle(self) -> bool:
        """Whether nothing waits that could ever be sent."""
        while self._unsent and self._unsent[0][0] != self._link:
            self._unsent.popleft()
        return not self._unsent

    @property
    def link(self) -> int:
        """The link by which both can talk, 0 where there is none."""
        return self._link if self.state is State.READY else 0

    def here(self, link: int) -> None:
        """The relay has joined both by a new link; what there was before is over (see `gone`)."""
        if self.state is State.BROKEN:
            return
        self._link, self._window, self.state = link, WINDOW, State.MEETING
        if self._begins:
            self._handshake = Initiator(self._me, self._context, self.identity)
            self._shake(self._handshake.hello)

    def gone(self) -> None:
        """The link is over."""
        if self.state is not State.BROKEN:
            self.state = State.AWAY
        self._link = 0
        self._handshake = self._sealer = self._opener = None
        self._shakes.clear()

    def credit(self, size: int) -> None:
        """The relay has room for so many bytes more."""
        self._window = min(self._window + size, WINDOW)

    def send(self, link: int, header: bytes, part: Piece) -> None:
        """Queue a frame, to be sent by that link or not at all; any thread may do so."""
        self._unsent.append((link, header, part))

    def next(self) -> Frame | None:
        """What may be sent now, sealed as it goes."""
        if self._shakes:
            return self._shakes.popleft()
        if self.idle or self._sealer is None:
            return None
        _, header, part = self._unsent[0]
        length = len(header) + len(part) + 2 * TAG
        if COUNTED + length > self._window:
            return None
        self._unsent.popleft()
        self._window -= COUNTED + length
        head = Head(Kind.DATA, length, self._link, number=len(header) + TAG)
        return Frame(head, (self._sealer.seal(header), self._sealer.seal(part)))

    def take(self, frame: Frame) -> tuple[bytes, bytes] | None:
        """Take in what came by the link: header and part, where it is such.

        Raises:
            BadMessage: the peer cannot have sent it. The pair is broken and takes nothing more.
        """
        if frame.head.link != self._link or self.state in (State.BROKEN, State.AWAY):
            return None
        try:
            if frame.head.kind is Kind.SHAKE:
                self._meet(b"".join(frame.body))
                return None
            return self._open(frame)
        except BadMessage:
            self.state = State.BROKEN  # what this party says still goes out: that it stops
            raise

    def _open(self, frame: Frame) -> tuple[bytes, bytes]:
        if self._opener is None or self.state is not State.READY:
            raise BadMessage(f"what came as {self.name}'s came before it has shown its identity")
        body = memoryview(b"".join(frame.body) if len(frame.body) != 1 else frame.body[0])
        first = frame.head.number
        if not TAG <= first <= len(body) - TAG:
            raise BadMessage(f"what came as {self.name}'s was damaged on the way")
        return self._opener.open(body[:first]), self._opener.open(body[first:])

    def _meet(self, message: bytes) -> None:
        try:
            if self.state is State.READY:
                raise BadMessage("a handshake that is not due")
            if isinstance(self._handshake, Initiator):
                finish, secrets = self._handshake.finish(message)
                self._shake(finish)
                self._settle(secrets.to_responder, secrets.to_initiator)
            elif self._handshake is None:
                self._handshake = Responder(self._me, self._context, message)
                self._shake(self._handshake.reply)
            else:
                identity, _, secrets = self._handshake.complete(message)
                if identity != self.identity:
                    raise BadMessage(f"a handshake by the identity {identity.hex()}")
                self._settle(secrets.to_initiator, secrets.to_responder)
        except BadMessage as error:
            raise BadMessage(
                f"who is at the relay as {self.name} has not shown the identity that the plan pins "
                f"for {self.name}, or the relay alters what it carries: {error}"
            ) from None

    def _settle(self, outward: bytes, inward: bytes) -> None:
        self._sealer, self._opener = Sealer(outward), Opener(inward, self.name)
        self._handshake = None
        self.state = State.READY

    def _shake(self, message: bytes) -> None:
        self._window -= COUNTED + len(message)
        self._shakes.append(Frame(Head(Kind.SHAKE, len(message), self._link), (message,)))
