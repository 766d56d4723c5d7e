"""What a party may rely on when it talks to the others: the channel, its order, checks and counts.

A protocol sees one verb, `exchange`; one call is one round. What is the same on every transport
stands here; a transport says how a frame travels.
"""

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, TypedDict

from mpcgen.errors import Abort, BadMessage, PartyLost, PartyTimeout
from mpcgen.net.message import NO_SESSION, AbortReason, Arrival, Header, Kind

__all__ = ["AbortReason", "Channel", "ChannelOptions", "MessageLog", "Traffic"]

MAX_EARLY = 256
"""Messages that one peer may be ahead; a sender that nobody answers has to wait now and then."""
MAX_GREETING = 1 << 16
"""Most payload bytes of a message before its sender has bound the session."""
LOOK_AROUND = 1.0
"""Seconds in which a party that hears of a loss looks for itself who was lost."""

Direction = Literal["sent", "received"]
MessageLog = Callable[[Direction, str, str, int, int], None]
"""Called with direction, peer, label, counter and payload length, in the order of the protocol."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was sent to one peer: messages, their payload bytes and, apart, their header bytes.

    What the transport adds below (encryption, TCP) and the channel's own frames are not counted.
    """

    messages: int = 0
    bytes: int = 0
    framing: int = 0


class ChannelOptions(TypedDict, total=False):
    """Keyword arguments of every channel, see Channel."""

    timeout: float
    connect_timeout: float
    max_payload: int
    on_message: MessageLog | None


class Channel(ABC):
    """A party's ordered, labelled messages to and from each of its peers.

    What it promises: from each peer, messages arrive in the order in which they were sent, none
    lost, none repeated, from that peer and (on real transports) unseen by others. Every message
    carries session, label, counter and length, and each is checked before a byte is handed on.
    What it does not: that a peer is alive, or that its messages are true.

    Raises PartyTimeout (not all came in `connect_timeout` seconds; nothing from those that are
    there, hung or busy, for `timeout` seconds), PartyLost (a connection ended and what was due can
    no longer come), BadMessage (a frame that breaks the rules) and Abort (a peer stopped all).
    After any of these only `abort` and `close` make sense. One thread at a time uses a channel.
    """

    real: ClassVar[bool]
    """False only for transports of tests: fixed seeds are refused where it is True."""

    def __init__(
        self,
        me: str,
        peers: Collection[str],
        *,
        timeout: float = 300.0,
        connect_timeout: float = 600.0,
        max_payload: int = 1 << 30,
        on_message: MessageLog | None = None,
    ):
        if me in peers or len(set(peers)) != len(peers):
            raise ValueError(f"the parties of a session need names of their own: {me}, {peers}")
        self.me = me
        self.peers: tuple[str, ...] = tuple(peers)
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.max_payload = max_payload
        self.on_message = on_message
        self.rounds = 0
        self._sent = dict.fromkeys(self.peers, Traffic())
        self._session = NO_SESSION
        self._next_out = dict.fromkeys(self.peers, 0)
        self._next_in = dict.fromkeys(self.peers, 0)
        self._early: dict[str, deque[tuple[Header, bytes]]] = {p: deque() for p in self.peers}
        self._connected = self._aborted = self._closed = False
        self._heard_abort = False
        self._gone: set[str] = set()
        self._awaited: tuple[str, list[str]] = "", []

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
        if not self._connected:
            self.connect()
        self.rounds += 1
        for peer, payload in send.items():
            self._send(peer, label, payload)
        if not receive:
            self._look()
        self._wait(label, receive)
        return {peer: self._deliver(peer, label, length) for peer, length in receive.items()}

    def connect(self) -> None:
        """Wait until every peer is there; the first `exchange` does it unasked."""
        self._connect()
        self._connected = True

    def bind_session(self, session: bytes) -> None:
        """From now on every message carries, and must carry, this 16-byte session id."""
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
        reason = AbortReason.FOLLOWED if self._heard_abort else reason
        for peer in self.peers:
            self._control(peer, Kind.ABORT, reason.code)

    def close(self) -> None:
        """End this party's part; what was sent before still reaches the others. Never raises."""
        if not self._closed:
            for peer in self.peers:
                self._control(peer, Kind.BYE)
            self._closed = True
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, peer: str, label: str, payload: bytes | memoryview) -> None:
        view = memoryview(payload)
        size = view.nbytes
        if size > (most := self._most(self._session)):
            raise ValueError(f"{size} bytes to {peer} at {label!r}: at most {most}")
        counter = self._next_out[peer]
        self._next_out[peer] += 1
        header = Header(Kind.MESSAGE, 0, self._session, counter, size, label).pack()
        self._put(peer, header, payload)
        was = self._sent[peer]
        self._sent[peer] = Traffic(was.messages + 1, was.bytes + size, was.framing + len(header))
        if self.on_message:
            self.on_message("sent", peer, label, counter, size)

    def _control(self, peer: str, kind: Kind, reason: int = 0) -> None:
        """Send a frame of the channel's own, outside the counted sequence."""
        self._put(peer, Header(kind, reason, self._session, 0, 0, "").pack(), b"")

    def _look(self) -> None:
        """Take in what is there already, so that a party that only sends hears of an abort."""
        while arrival := self._take(0.0):
            self._admit(arrival, "")

    def _wait(self, label: str, receive: Collection[str]) -> None:
        """Take messages in until each peer of `receive` has a message waiting."""
        while missing := [peer for peer in receive if not self._early[peer]]:
            if gone := self._gone.intersection(missing):
                raise self._lost(min(gone), "closed its channel")
            self._awaited = label, missing
            arrival = self._take(self.timeout)
            if arrival is None:
                raise PartyTimeout(
                    f"{' and '.join(missing)} did not answer in {self.timeout:g} s at {label!r}; "
                    "where a party only needs longer, give the plan a larger timeout_seconds"
                )
            self._admit(arrival, label)
        self._awaited = label, []

    def _admit(self, arrival: Arrival, label: str) -> None:
        """Check what does not depend on where we are, and keep the message in its order."""
        peer, header, payload = arrival
        self._check_size(peer, header)
        if header.kind is not Kind.MESSAGE:
            return self._admit_control(peer, header)
        due = self._next_in[peer]
        if header.counter != due:
            raise BadMessage(
                f"{peer} sent message {header.counter} ({header.label!r}) where {due} was due; "
                f"{self.me} is at {label!r}"
            )
        if header.length != len(payload):
            raise BadMessage(f"{peer} sent a wrong length at {header.label!r}")
        if len(self._early[peer]) >= MAX_EARLY:
            raise BadMessage(
                f"{peer} is {MAX_EARLY} messages ahead, at {header.label!r}; "
                f"{self.me} is at {label!r}"
            )
        self._next_in[peer] = due + 1
        return self._early[peer].append((header, payload))

    def _check_size(self, peer: str, header: Header) -> None:
        most = self._most(header.session) if header.kind is Kind.MESSAGE else 0
        if header.length > most:
            raise BadMessage(
                f"{peer} announced {header.length} bytes at {header.label!r}: at most {most}"
            )

    def _most(self, session: bytes) -> int:
        return min(self.max_payload, MAX_GREETING) if session == NO_SESSION else self.max_payload

    def _admit_control(self, peer: str, header: Header) -> None:
        if header.kind is Kind.BYE:
            self._gone.add(peer)
        elif header.kind is Kind.ABORT:
            self._stop(peer, AbortReason.from_code(peer, header.reason))

    def _stop(self, peer: str, reason: AbortReason) -> None:
        """Raise Abort; where `peer` only passes it on, look first for the cause itself."""
        passed_on = reason in (AbortReason.LOST, AbortReason.FOLLOWED) and not self._heard_abort
        self._heard_abort = True
        deadline = time.monotonic() + LOOK_AROUND
        while passed_on and (arrival := self._take(max(0.0, deadline - time.monotonic()))):
            if arrival.header.kind is not Kind.MESSAGE:
                self._admit_control(arrival.peer, arrival.header)
        hint = self._hint(peer, reason)
        raise Abort(f"{peer} aborted: {reason.value}{hint}", again=reason.passes)

    def _hint(self, peer: str, reason: AbortReason) -> str:
        """Whom this party waits for itself: where one falls silent, others miss each other too."""
        label, missing = self._awaited
        others = " and ".join(p for p in missing if p != peer)
        if reason is not AbortReason.TIMEOUT or not others:
            return ""
        return f"\n{self.me} was waiting for {others} at {label!r}"

    def _deliver(self, peer: str, label: str, length: int | None) -> bytes:
        """The peer's next message, if it is the one that is due here."""
        header, payload = self._early[peer].popleft()
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

    @abstractmethod
    def _connect(self) -> None:
        """Wait until every peer is there, at most `connect_timeout`; else PartyTimeout."""

    @abstractmethod
    def _put(self, peer: str, header: bytes, payload: bytes | memoryview) -> None:
        """Queue one message; neither waits for the peer nor raises where it is gone.

        The payload's buffer may change after it returns.
        """

    @abstractmethod
    def _take(self, wait: float) -> Arrival | None:
        """The next message of any peer; None where nothing came for `wait` seconds.

        What has arrived is handed out first; then PartyLost where a connection broke whose peer
        has not said BYE (is not in `_gone`).
        """

    @abstractmethod
    def _close(self) -> None:
        """Release what the transport holds, after what was sent has gone out."""
