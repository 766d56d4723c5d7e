"""What a party may rely on when it talks to the others: the channel, its order, checks and counts.

A protocol sees one verb, `exchange`; one call is one round. What is the same on every transport
stands here; a transport says how a frame travels.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, TypedDict

from mpcgen.errors import BadMessage, MpcgenError, PartyLost, PartyStopped, PartyTimeout
from mpcgen.net.absence import Absences, Tell
from mpcgen.net.dialogue import MAX_EARLY, Dialogue
from mpcgen.net.message import (
    HEADER,
    NO_SESSION,
    SEGMENT,
    AbortReason,
    Arrival,
    Greeting,
    Header,
    Kind,
    label_bytes,
)
from mpcgen.net.patience import Patience

__all__ = ["MAX_EARLY", "AbortReason", "Channel", "ChannelOptions", "MessageLog", "Traffic"]

MAX_GREETING = 1 << 16
"""Most payload bytes of a message before this party has bound the session, whatever is said of it.

A greeting has to fit. More is not due: a peer sends what belongs to the session only after this
party has sent something in it (see `Channel.bind_session`)."""
LOOK_AROUND = 1.0
"""Seconds in which a party that hears of a loss looks for itself who was lost."""
TELL_END = 5.0
"""Seconds for which a party that ends waits for a lost connection, to say its last word there."""
TOKEN_BYTES = 16
SAY_WAITING = 5.0
"""Seconds after which a party that waits for another tells the rest that it is there itself."""
LOOK_MOST = 1024
"""Frames that a party that only sends takes in at a time, however many more there are."""

Direction = Literal["sent", "received"]
MessageLog = Callable[[Direction, str, str, int, int], None]
"""Called with direction, peer, label, counter and payload length, in the order of the protocol."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was sent to one peer: messages, their payload bytes and, apart, their header bytes.

    What the transport adds below (encryption, TCP), the channel's own frames, and what is sent
    again, are not counted.
    """

    messages: int = 0
    bytes: int = 0
    framing: int = 0


class ChannelOptions(TypedDict, total=False):
    """Keyword arguments of every channel, see Channel."""

    timeout: float
    connect_timeout: float
    absence: float
    linger: float
    max_payload: int
    on_message: MessageLog | None
    on_notice: Tell | None


def _fresh_token() -> bytes:
    """What tells this run of a party from every other."""
    from mpcgen.prg import fresh_bytes  # noqa: PLC0415 (numpy starts threads)

    return fresh_bytes(TOKEN_BYTES)


class Channel(ABC):
    """A party's ordered, labelled messages to and from each of its peers.

    What it promises: from each peer, messages arrive in the order in which they were sent, none
    lost, none repeated, from that peer and (on real transports) unseen by others, whatever happens
    to the connections between two processes that live on. Every message carries session, label,
    counter and length, and each is checked before a byte is handed on. What it does not: that a
    peer is alive, or that its messages are true.

    Args:
        timeout: seconds for which a peer that is there may be silent.
        connect_timeout: seconds in which all have to come at first.
        absence: seconds for which a peer whose connection was lost is waited for, in one round
            together; 0: not at all.
        linger: seconds that `close` waits at most until all have what was sent to them.
        max_payload: most bytes of a message.
        on_message: told of every message, once.
        on_notice: takes lines for the institution's own log: who is waited for, what was refused.

    Raises PartyTimeout (not all came in `connect_timeout` seconds; nothing from those that are
    there, hung or busy, for `timeout` seconds), PartyLost (a connection ended and did not come back
    in `absence` seconds, or the peer was started again and has lost what it held), BadMessage (a
    frame that breaks the rules) and Abort (a peer stopped all). After any of these only `abort` and
    `close` make sense. One thread at a time uses a channel.

    A transport implements `_connect`, `_put`, `_take` and `_close`, and calls `_dialled`, `_missed`
    and `_found` from within `_connect` and `_take` as connections come and go.
    """

    real: ClassVar[bool]
    """False only for transports of tests: fixed seeds are refused where it is True."""
    lossless: ClassVar[bool] = False
    """Whether the transport has no connections that can be lost: then nothing is kept."""

    def __init__(
        self,
        me: str,
        peers: Collection[str],
        *,
        timeout: float = 300.0,
        connect_timeout: float = 600.0,
        absence: float = 0.0,
        linger: float = 60.0,
        max_payload: int = 1 << 30,
        on_message: MessageLog | None = None,
        on_notice: Tell | None = None,
    ):
        if me in peers or len(set(peers)) != len(peers):
            raise ValueError(f"the parties of a session need names of their own: {me}, {peers}")
        self.me = me
        self.peers: tuple[str, ...] = tuple(peers)
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.linger = linger
        self.max_payload = max_payload
        self.on_message = on_message
        self.rounds = 0
        self._notice: Tell = on_notice or (lambda _words: None)
        self._sent = dict.fromkeys(self.peers, Traffic())
        self._session = NO_SESSION
        self._token = _fresh_token()
        self._talks = {
            peer: Dialogue(me, peer, self._token, self._send_frame, keep=not self.lossless)
            for peer in peers
        }
        self._away = Absences(absence, self._notice)
        self._connected = self._aborted = self._failed = self._closed = False
        self._heard_abort = False
        self._abort_reason = AbortReason.FAULT
        self._untold: set[str] = set()
        self._awaited: tuple[str, list[str]] = "", []
        self._said = 0.0

    @property
    def sent(self) -> dict[str, Traffic]:
        """What went to each peer so far."""
        return dict(self._sent)

    def exchange(
        self,
        label: str,
        send: Mapping[str, bytes | memoryview],
        receive: Mapping[str, int | None],
    ) -> dict[str, bytes]:
        """One round: send to each named peer, then wait for one message from each named one.

        Args:
            label: names the step; the same at both ends.
            send: peer -> payload, at most `max_payload` bytes, empty allowed.
            receive: peer -> exact length of its payload in bytes; None: any up to `max_payload`.

        Returns:
            peer -> payload, in the order of `receive`.
        """
        if strangers := (send.keys() | receive.keys()) - set(self.peers):
            raise ValueError(f"no peers of {self.me} in this session: {sorted(strangers)}")
        if self._closed:
            raise ValueError(f"the channel of {self.me} is closed")
        try:
            if not self._connected:
                self.connect()
            self.rounds += 1
            self._away.forget()
            for peer, payload in send.items():
                self._send(peer, label, payload)
            if not receive:
                self._look(label)
            self._wait(label, receive)
            return {peer: self._deliver(peer, label, length) for peer, length in receive.items()}
        except MpcgenError:
            self._failed = True
            raise

    def connect(self) -> None:
        """Wait until every peer is there; the first `exchange` does it unasked."""
        self._connect()
        self._connected = True

    def bind_session(self, session: bytes) -> None:
        """From now on every message carries, and must carry, this 16-byte session id.

        Until then messages have at most MAX_GREETING bytes, both ways. So every party binds it
        before a round in which all hear from all, and sends more only after that round: whoever
        sends more then knows that the others have bound it too.
        """
        if len(session) != len(NO_SESSION) or session == NO_SESSION:
            raise ValueError("a session id has 16 bytes, not all zero")
        self._session = bytes(session)

    def abort(self, reason: AbortReason) -> None:
        """Tell everybody, once and as well as it goes, that this party stops, and why.

        After a peer's abort the reason is FOLLOWED, whatever is given.
        """
        if self._aborted or self._closed:
            return
        self._aborted = True
        self._abort_reason = AbortReason.FOLLOWED if self._heard_abort else reason
        untold = {peer for peer in self.peers if not self._tell_abort(peer)}
        self._untold = set() if self._heard_abort else untold

    def close(self) -> None:
        """End this party's part, where it did it, when the others have what was sent to them.

        It waits for them `linger` seconds at most, and never raises.
        """
        if self._closed:
            return
        self._closed = True
        try:
            for talk in self._talks.values():
                if not talk.left:
                    talk.part(self._session, stays=not (self._failed or self._aborted))
            if self._connected and not self.lossless:
                with suppress(MpcgenError):
                    self._take_leave()
        finally:
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._failed = self._failed or kind is not None
        self.close()

    # -- out

    def _send(self, peer: str, label: str, payload: bytes | memoryview) -> None:
        size = memoryview(payload).nbytes
        if size > (most := self._most):
            raise ValueError(f"{size} bytes to {peer} at {label!r}: at most {most}")
        framing = max(1, math.ceil(size / SEGMENT)) * (HEADER.size + len(label_bytes(label)))
        talk = self._talks[peer]
        self._make_room(talk, label, size)
        counter = talk.out.next
        if not talk.left:
            # What is not bytes may change before it is sent, and may have to be sent again.
            fixed = payload if isinstance(payload, bytes) else bytes(payload)
            talk.send(self._session, label, fixed)
        was = self._sent[peer]
        self._sent[peer] = Traffic(was.messages + 1, was.bytes + size, was.framing + framing)
        if self.on_message:
            self.on_message("sent", peer, label, counter, size)

    def _send_frame(self, peer: str, header: bytes, part: memoryview) -> bool:
        return self._put(peer, header, part)

    def _make_room(self, talk: Dialogue, label: str, size: int) -> None:
        """Wait until what is kept for a peer leaves room for so many bytes."""

        def full() -> list[str]:
            return [] if talk.left or talk.out.has_room(size) else [talk.peer]

        if full():
            self._until(label, full, "took nothing of what was sent to it")

    def _tell_abort(self, peer: str) -> bool:
        """Whether there was a connection to tell it by."""
        reason = self._abort_reason.code
        return self._talks[peer].say(Header(Kind.ABORT, reason, self._session))

    # -- waiting

    def _look(self, label: str) -> None:
        """Take in what is there already, so that a party that only sends hears of an abort."""
        for _ in range(LOOK_MOST):
            arrival = self._take(0.0)
            if arrival is None:
                self._mind(label)
                return
            self._admit(arrival, label)

    def _wait(self, label: str, receive: Collection[str]) -> None:
        """Take messages in until each peer of `receive` has a message waiting."""

        def missing() -> list[str]:
            lacking = [peer for peer in receive if not self._talks[peer].come.early]
            for peer in lacking:
                if self._talks[peer].left:
                    raise self._lost(peer, "closed its channel")
            return lacking

        self._until(label, missing, "did not answer")

    def _until(self, label: str, missing: Callable[[], list[str]], failing: str) -> None:
        """Take in what comes until nobody is missing, see Patience for how long."""
        now = time.monotonic()
        patience = Patience(self.timeout, self._away.patience, now)
        while names := missing():
            self._awaited = label, names
            if (left := patience.left(now)) <= 0:
                raise PartyTimeout(
                    f"{' and '.join(names)} {failing} in {self.timeout:g} s at {label!r}; "
                    "where a party only needs longer, give the plan a larger timeout_seconds"
                )
            spend = self._judge(patience, self._take(min(left, self._rest())), label)
            now = time.monotonic()
            spend(now)
        self._awaited = label, []

    def _judge(
        self, patience: Patience, arrival: Arrival | None, label: str
    ) -> Callable[[float], None]:
        """Take in what came, and judge whether there is reason to wait on."""
        if arrival is None:
            return patience.pause if self._mind(label) else patience.count
        if self._admit(arrival, label):
            return patience.renew
        waits = arrival.header.kind is Kind.WAITING and self._may_wait(*arrival[:2])
        return patience.heed if waits else patience.ignore

    def _may_wait(self, peer: str, header: Header) -> bool:
        """Whether whom a peer says that it waits for is a third party of this session."""
        return header.label in self.peers and header.label != peer

    def _rest(self) -> float:
        """Seconds in which nothing is to be said or decided about those that are away."""
        if not self._away:
            return math.inf
        now = time.monotonic()
        return min(self._away.rest(now), max(0.0, self._said + SAY_WAITING - now))

    def _mind(self, label: str) -> bool:
        """Give up who was away too long, tell who else is waited for; whether anybody is.

        Raises:
            PartyLost: names who did not come back.
        """
        if not self._away:
            return False
        now = time.monotonic()
        if overdue := self._away.overdue(now):
            raise self._lost_for_good(overdue[0], label)
        self._away.tell(now, label)
        if now - self._said >= SAY_WAITING:
            self._said = now
            for peer in self.peers:
                if peer not in self._away and not self._talks[peer].left:
                    self._talks[peer].say(Header(Kind.WAITING, label=self._away.peers[0]))
        return True

    def _take_leave(self) -> None:
        """Wait until all have what was sent to them; after a failure, only to tell of an abort."""
        ended, began = self._failed or self._aborted, time.monotonic()
        while (left := began + self._patience(ended=ended) - time.monotonic()) > 0:
            arrival = self._take(min(left, self._away.next_end(time.monotonic())))
            if arrival is not None and not ended:
                self._admit(arrival, "the end")
            elif arrival is not None and arrival.header.kind in {Kind.ABORT, Kind.BYE}:
                self._untold.discard(arrival.peer)

    def _patience(self, *, ended: bool) -> float:
        """Seconds for which this party stays at its end; 0 where all have what they need of it."""
        overdue = set(self._away.overdue(time.monotonic()))
        last_word = min(self.linger, TELL_END)
        if ended:
            return last_word if self._untold - overdue else 0.0
        for talk in self._talks.values():
            talk.let_go()
        talks = [talk for peer, talk in self._talks.items() if peer not in overdue]
        if any(talk.lacks for talk in talks):
            return self.linger
        return last_word if any(talk.owes for talk in talks) else 0.0

    # -- in

    def _admit(self, arrival: Arrival, label: str) -> bool:
        """Check what does not depend on where we are, and keep the message in its order.

        Returns:
            Whether the session goes on by it: it is counted, or acknowledges what was not before.
            Other frames may come without end, and say nothing of whether their sender gets on.
        """
        peer, header, part = arrival
        self._check_size(peer, header)
        talk = self._talks[peer]
        taken = talk.out.taken
        anew = header.kind is Kind.HELLO and self._is_begun_anew(talk, header, label)
        talk.hear(header, part, label)
        if anew:
            talk.greet(in_session=False)
        if header.kind is Kind.BYE:
            self._away.end(peer, time.monotonic())
        elif header.kind is Kind.ABORT:
            self._stop(peer, AbortReason.from_code(peer, header.reason))
        return header.kind in {Kind.MESSAGE, Kind.BYE} or talk.out.taken > taken

    def _is_begun_anew(self, talk: Dialogue, hello: Header, label: str) -> bool:
        """Whether another process of that name has come; it may before there is a session.

        Raises:
            PartyLost: there is one already, here or there.
        """
        if hello.reason & Greeting.IN_SESSION and not talk.is_meant(hello):
            raise PartyLost(
                f"{talk.peer} is in the middle of a session, of which {self.me}, started again, "
                "knows nothing; all have to begin anew"
            )
        if not talk.is_another_run(hello):
            return False
        if self._connected:
            raise PartyLost(
                f"{talk.peer} was started again in the middle of the session, at {label!r}, and "
                f"what it held is gone; {self.me} cannot go on"
            )
        talk.begin_anew()
        return True

    def _check_size(self, peer: str, header: Header) -> None:
        most = self._most if header.kind is Kind.MESSAGE else 0
        if header.length > most:
            raise BadMessage(
                f"{peer} announced {header.length} bytes at {header.label!r}: at most {most}"
            )

    @property
    def _most(self) -> int:
        """Most payload bytes of a message at present."""
        bound = self._session != NO_SESSION
        return self.max_payload if bound else min(self.max_payload, MAX_GREETING)

    def _stop(self, peer: str, reason: AbortReason) -> None:
        """Raise Abort; where `peer` only passes it on, look first for the cause itself."""
        passed_on = reason in (AbortReason.LOST, AbortReason.FOLLOWED) and not self._heard_abort
        self._heard_abort = True
        if passed_on:
            self._look_around()
        hint = self._hint(peer, reason)
        raise PartyStopped(f"{peer} aborted: {reason.value}{hint}", again=reason.passes)

    def _look_around(self) -> None:
        """Raise what this party finds itself of the cause of an abort, if it does before long."""
        deadline = time.monotonic() + LOOK_AROUND
        while (left := deadline - time.monotonic()) > 0 and (arrival := self._take(left)):
            self._admit(arrival, self._awaited[0])
        if self._away:
            raise self._lost_for_good(self._away.peers[0], self._awaited[0])

    def _hint(self, peer: str, reason: AbortReason) -> str:
        """Whom this party waits for itself: where one falls silent, others miss each other too."""
        label, missing = self._awaited
        others = " and ".join(p for p in missing if p != peer)
        if reason is not AbortReason.TIMEOUT or not others:
            return ""
        return f"\n{self.me} was waiting for {others} at {label!r}"

    def _deliver(self, peer: str, label: str, length: int | None) -> bytes:
        """The peer's next message, if it is the one that is due here."""
        header, payload = self._talks[peer].come.early.popleft()
        if header.label != label:
            raise BadMessage(f"{peer} is at {header.label!r}, {self.me} expected {label!r}")
        if header.session != self._session:
            raise BadMessage(f"{peer} is in another session than {self.me} at {label!r}")
        if length is not None and length != header.length:
            raise BadMessage(
                f"{peer} sent {header.length} bytes at {label!r}, {self.me} expected {length}"
            )
        if self.on_message:
            self.on_message("received", peer, label, header.counter, header.length)
        return payload

    def _lost(self, peer: str, how: str) -> PartyLost:
        return PartyLost(f"{peer} {how} in the middle of the session; {self.me} cannot go on")

    def _lost_for_good(self, peer: str, label: str) -> PartyLost:
        if not self._away.patience:
            return self._lost(peer, "was lost")
        return PartyLost(
            f"{peer} was lost in the middle of the session, at {label!r}, and did not come back in "
            f"{self._away.patience:g} s; {self.me} cannot go on"
        )

    # -- what a transport tells, from within _connect and _take

    def _dialled(self, peer: str) -> None:
        """Another connection stands by which frames go to this peer, and nothing has gone by it.

        The channel says HELLO, first of all, and what the peer lacks follows when it has answered.
        What was put before and may have got lost is none of the transport's concern, but nothing of
        it may still come once the peer has got this HELLO.
        """
        self._talks[peer].greet(in_session=self._connected)
        if self._aborted and self._tell_abort(peer):
            self._untold.discard(peer)

    def _missed(self, peer: str) -> None:
        """A peer is not there any more, after everybody had come: its time away begins."""
        if self._connected and not self._talks[peer].left:
            self._away.begin(peer, time.monotonic())

    def _found(self, peer: str) -> None:
        """A peer is there, whether or not it has anything to say."""
        self._away.end(peer, time.monotonic())

    # -- what a transport does

    @abstractmethod
    def _connect(self) -> None:
        """Wait until every peer is there, at most `connect_timeout`; else PartyTimeout.

        What arrives meanwhile goes to `_admit`.
        """

    @abstractmethod
    def _put(self, peer: str, header: bytes, part: memoryview) -> bool:
        """Queue one frame, a header and at most SEGMENT bytes, which never change any more.

        It neither waits for the peer nor raises where it is gone. Frames that arrive do so in
        order, and none is missing between two that came by one connection.

        Returns:
            False where there is no connection, and the frame is dropped.
        """

    @abstractmethod
    def _take(self, wait: float) -> Arrival | None:
        """The next frame of any peer; None where nothing came for `wait` seconds.

        What has arrived is handed out first. None may come earlier where a peer was missed or
        found. Of frames that came by a connection only those are handed out that follow its HELLO,
        which is handed out too, and none of older connections of that peer after it.
        """

    @abstractmethod
    def _close(self) -> None:
        """Release what the transport holds, after what was sent has gone out."""
