"""One connection of a party to its relay, from the login on: what goes out, what comes in."""

import selectors
import socket
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from threading import Event as Flag

from mpcgen.errors import BadMessage
from mpcgen.net.relay.frames import KEEP_SECONDS, SILENCE_SECONDS, Frame, Head, Kind, Refusal
from mpcgen.net.relay.inbox import Came, Gone, Inbox, Ready
from mpcgen.net.relay.pair import Pair
from mpcgen.net.relay.wire import Wire


class TurnedAway(Exception):
    """The relay does not take this party, now or at all."""

    def __init__(self, refusal: Refusal):
        self.refusal = refusal
        super().__init__(refusal.name)


class Service:
    """What happens on one connection.

    Args:
        wire: logged in.
        pairs: this party with each peer, by the peer's identity.
        inbox: takes what comes.
        bell: readable where the party's thread has something.
        ending: set where nothing more will be queued.
        cut: set where the connection is to end at once.
    """

    def __init__(
        self,
        wire: Wire,
        pairs: Mapping[bytes, Pair],
        inbox: Inbox,
        bell: socket.socket,
        ending: Flag,
        cut: Flag,
    ):
        self._wire, self._pairs, self._inbox = wire, pairs, inbox
        self._bell, self._ending, self._cut = bell, ending, cut
        self._links: dict[int, Pair] = {}
        self._turn = deque(pairs.values())
        self._spoke = time.monotonic()
        self._keep_due = self._said_end = False

    def run(self) -> None:
        """Carry messages until the connection ends.

        Raises:
            TurnedAway: the relay said so.
            OSError: the connection broke, or was silent for too long.
            BadMessage: the relay breaks the rules.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell, selectors.EVENT_READ)
            selector.register(self._wire.socket, selectors.EVENT_READ)
            try:
                while not self._wire.ended and not self._cut.is_set():
                    self._step(selector)
            finally:
                for pair in self._pairs.values():
                    self._lose(pair)

    def _step(self, selector: selectors.BaseSelector) -> None:
        events = 0
        if not self._wire.pump(self._next):
            events |= selectors.EVENT_WRITE
        reads = self._ending.is_set() or not self._inbox.full
        if reads:
            events |= selectors.EVENT_READ
        self._watch(selector, events)
        ready = {key.fileobj for key, _ in selector.select(KEEP_SECONDS / 4)}
        if self._bell in ready:
            with suppress(BlockingIOError):
                self._bell.recv(1 << 12)
        if self._wire.socket in ready and reads:
            for frame in self._wire.receive():
                self._take(frame)
        self._mind_silence(reads)

    def _watch(self, selector: selectors.BaseSelector, events: int) -> None:
        known = selector.get_map().get(self._wire.socket)
        if known is None and events:
            selector.register(self._wire.socket, events)
        elif known is not None and not events:
            selector.unregister(self._wire.socket)
        elif known is not None and known.events != events:
            selector.modify(self._wire.socket, events)

    def _mind_silence(self, reads: bool) -> None:
        now = time.monotonic()
        if not reads:
            self._wire.heard = now
        elif now - self._wire.heard > SILENCE_SECONDS:
            raise TimeoutError(f"nothing came for {SILENCE_SECONDS:g} s")
        self._keep_due = now - self._spoke > KEEP_SECONDS

    # -- what goes out

    def _next(self) -> Frame | None:
        frame = self._next_of_pairs()
        if frame is None and self._keep_due:
            frame, self._keep_due = Frame(Head(Kind.KEEP)), False
        if frame is None and self._has_said_all():
            frame, self._said_end = Frame(Head(Kind.END)), True
        if frame is not None:
            self._spoke = time.monotonic()
        return frame

    def _has_said_all(self) -> bool:
        idle = all(pair.idle for pair in self._pairs.values())
        return self._ending.is_set() and idle and not self._said_end

    def _next_of_pairs(self) -> Frame | None:
        """From each in turn."""
        for _ in range(len(self._turn)):
            self._turn.rotate(-1)
            if (frame := self._turn[0].next()) is not None:
                return frame
        return None

    # -- what comes in

    def _take(self, frame: Frame) -> None:
        head = frame.head
        match head.kind:
            case Kind.DATA | Kind.SHAKE:
                if (pair := self._links.get(head.link)) is not None:
                    self._open(pair, frame)
            case Kind.CREDIT:
                if (pair := self._links.get(head.link)) is not None:
                    pair.credit(head.number)
            case Kind.HERE:
                if (pair := self._pairs.get(head.identity)) is not None:
                    self._lose(pair)
                    pair.here(head.link)
                    self._links[head.link] = pair
            case Kind.GONE:
                if (pair := self._links.get(head.link)) is not None:
                    self._lose(pair)
            case Kind.REFUSED:
                raise TurnedAway(Refusal(min(head.number, max(Refusal))))
            case Kind.END:
                raise BadMessage("a frame that is for a party to send")

    def _open(self, pair: Pair, frame: Frame) -> None:
        was_ready = pair.link
        try:
            came = pair.take(frame)
        except BadMessage as error:
            self._inbox.put(error)
            return
        if pair.link and not was_ready:
            self._inbox.put(Ready(pair.name, pair.link))
        if came is not None and not self._ending.is_set():
            self._inbox.put(Came(pair.name, *came))

    def _lose(self, pair: Pair) -> None:
        """The pair's link is over; the party hears of it where it could talk by it."""
        self._links = {link: each for link, each in self._links.items() if each is not pair}
        if pair.link:
            self._inbox.put(Gone(pair.name))
        pair.gone()
