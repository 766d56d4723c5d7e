"""What is said between this party and one peer: counted, acknowledged, and resumed where it broke.

Transports come and go below; the channel above knows rounds, labels and time.
"""

from collections.abc import Callable

from mpcgen.errors import BadMessage
from mpcgen.net.link import Incoming, Outgoing, Sent
from mpcgen.net.message import Greeting, Header, Kind

MAX_EARLY = 256
"""Messages that one peer may be ahead; a sender that nobody answers has to wait now and then."""

Put = Callable[[str, bytes, memoryview], bool]
"""A transport's way to send one frame to a peer, see Channel._put."""


class Dialogue:
    """One peer's part of a channel.

    Args:
        token: of this run of this party.
        put: sends a frame.
        keep: whether messages are kept until they are acknowledged.

    Attributes:
        left: whether the peer has said BYE.
    """

    def __init__(self, me: str, peer: str, token: bytes, put: Put, *, keep: bool):
        self.me, self.peer = me, peer
        self._token = token
        self._meant = True
        self.out, self.come = Outgoing(keep=keep), Incoming()
        self.left = self._stays = self._parted = self._free = False
        self._put = put

    @property
    def lacks(self) -> bool:
        """Whether the peer has not acknowledged everything, and may still need it."""
        return self.out.pending and not self.left

    @property
    def owes(self) -> bool:
        """Whether the peer, which has said BYE, may still wait to hear that it has come."""
        return self.left and self._stays

    # -- out

    def send(self, session: bytes, label: str, payload: bytes) -> None:
        """Count a message and send it, now or where the connection stands again."""
        self._send(self.out.add(Kind.MESSAGE, session, label, payload))

    def part(self, session: bytes, *, stays: bool) -> None:
        """Say the last word, and whether this party stays until it is acknowledged."""
        self._parted = True
        self._send(self.out.add(Kind.BYE, session, "", b"", reason=int(not stays)))

    def _send(self, sent: Sent) -> None:
        if self.out.flows:
            for header, part in sent.segments(self.come.due):
                self._put(self.peer, header, part)
            self.come.acknowledged()

    def say(self, header: Header) -> bool:
        """Send a frame of the channel's own, outside the count; whether there was a connection."""
        went = self._put(self.peer, header._replace(due=self.come.due).pack(), memoryview(b""))
        self.come.acknowledged()
        return went

    def let_go(self) -> None:
        """Tell the peer, once, that this party has parted and needs nothing more of it."""
        if self._parted and not self._free and not self.lacks:
            self._free = True
            self.say(Header(Kind.GONE))

    def greet(self, *, in_session: bool) -> None:
        """Say who sends by a new connection, and what the peer may have asked by another."""
        self.out.redial()
        flags = Greeting.IN_SESSION if in_session else Greeting(0)
        if not self.out.flows:
            flags |= Greeting.ASKS
        known = self.come.token.hex()
        self.say(Header(Kind.HELLO, flags, self._token, self.out.connection, label=known))
        if self.come.asked:
            self.tell_due()
        if self._free:
            self.say(Header(Kind.GONE))

    def tell_due(self) -> None:
        """Answer the peer's HELLO: what it has to send next."""
        come = self.come
        self.say(Header(Kind.RESUME, counter=come.connection, start=come.start))

    # -- in

    def is_another_run(self, hello: Header) -> bool:
        """Whether this HELLO is of another process than the one that spoke before."""
        return self.come.token not in (b"", hello.session)

    def is_meant(self, hello: Header) -> bool:
        """Whether this HELLO is for this process, or for anybody of its name; not for another."""
        return hello.label in {"", self._token.hex()}

    def begin_anew(self) -> None:
        """Forget a process that went away before there was a session."""
        self.come, self.left, self._stays = Incoming(), False, False

    def hear(self, header: Header, part: bytes | memoryview, place: str) -> None:
        """Take in any frame; ABORT and WAITING mean nothing here.

        What follows a HELLO for another run of this party is not for this one.

        Args:
            place: the label at which this party is, for the words of an error.

        Raises:
            BadMessage: it cannot be true, or is not what is due.
        """
        if header.kind is Kind.HELLO:
            self._meant = self.is_meant(header)
            self._note_run(header)
        if not self._meant:
            return
        if not self.out.acknowledge(header.due):
            raise BadMessage(f"{self.peer} acknowledged what {self.me} never sent, at {place!r}")
        if header.kind is Kind.HELLO and self.come.asked:
            self.tell_due()
        elif header.kind is Kind.RESUME:
            self._go_on(header, place)
        elif header.kind is Kind.GONE:
            self._stays = False
        elif header.kind in {Kind.MESSAGE, Kind.BYE}:
            self._take(header, part, place)

    def _note_run(self, hello: Header) -> None:
        self.come.token, self.come.connection = hello.session, hello.counter
        self.come.asked = self._meant and bool(hello.reason & Greeting.ASKS)

    def _go_on(self, header: Header, place: str) -> None:
        again = self.out.resume(header.counter, header.due, header.start)
        if again is None:
            raise BadMessage(
                f"{self.peer} asked for message {header.due} from byte {header.start} on, which "
                f"{self.me} does not have, at {place!r}"
            )
        for sent, start in again:
            for frame, part in sent.segments(self.come.due, start):
                self._put(self.peer, frame, part)

    def _take(self, header: Header, part: bytes | memoryview, place: str) -> None:
        come = self.come
        if (header.counter, header.start) != (come.due, come.start):
            sent = f"message {header.counter} ({header.label!r}){_from(header.start)}"
            due = f"{come.due}{_from(come.start)}"
            raise BadMessage(
                f"{self.peer} sent {sent} where {due} was due; {self.me} is at {place!r}"
            )
        if not come.goes_on(header):
            raise BadMessage(
                f"{self.peer} began message {header.counter} as another than it goes on with, at "
                f"{header.label!r}; {self.me} is at {place!r}"
            )
        if len(part) != header.part:
            raise BadMessage(f"{self.peer} sent a wrong length at {header.label!r}")
        if len(come.early) >= MAX_EARLY:
            raise BadMessage(
                f"{self.peer} is {MAX_EARLY} messages ahead, at {header.label!r}; "
                f"{self.me} is at {place!r}"
            )
        payload = come.add(header, part)
        if payload is None:
            return
        if header.kind is Kind.MESSAGE:
            come.early.append((header, payload))
        else:
            self.left, self._stays = True, not header.reason
        if come.owes or self.left:
            self.say(Header(Kind.ACK))


def _from(start: int) -> str:
    return f" from byte {start} on" if start else ""
