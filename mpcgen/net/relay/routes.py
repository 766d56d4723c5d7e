"""What a relay holds for those who are there, and in which order it goes on.

A member's route to another holds WINDOW bytes at most; the sender hears (CREDIT) how much of it has
gone on, and sends no more than fits. So a member that does not read stops those who send to it and
nobody else: not what they send to others, and not what others send to them. The routes to a member
are served in turn.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from mpcgen.errors import BadMessage
from mpcgen.net.relay.frames import WINDOW, Frame, Head, Kind, Login

CREDIT_EVERY: Final = WINDOW // 4
"""Bytes that have gone on before their sender is told, where more of them are waiting."""


class Route:
    """What one member sends to one other.

    Attributes:
        carried: bytes of bodies that were taken in.
        ending: its source has left; what it sent before still goes on.
        final: ... and said that this was all.
        over: nothing goes on by it any more.
    """

    def __init__(self, link: int, source: "Member", target: "Member"):
        self.link, self.source, self.target = link, source, target
        self.frames: deque[Frame] = deque()
        self.carried = 0
        self.ending = self.final = self.over = False
        self._held = 0
        self._uncredited = 0

    def add(self, frame: Frame) -> None:
        """Take a frame in.

        Raises:
            BadMessage: the sender has not waited for its credit.
        """
        if self._held + frame.size > WINDOW:
            raise BadMessage("more was sent than the window has room for")
        self._held += frame.size
        self.carried += frame.head.length
        self.frames.append(frame)
        self.target.has(self)

    def take(self) -> Frame:
        """The next frame on its way."""
        frame = self.frames.popleft()
        self._held -= frame.size
        self._uncredited += frame.size
        if self._uncredited >= CREDIT_EVERY or not self.frames:
            self.source.credit(self.link, self._uncredited)
            self._uncredited = 0
        return frame

    def drop(self) -> None:
        """Let nothing go on of what it holds."""
        self.frames.clear()
        self._held = 0

    def stop(self) -> None:
        """Let nothing go on by it, now or later."""
        self.drop()
        self.over = True


class Parting(NamedTuple):
    """Two who were joined, and how many bytes went each way."""

    one: bytes
    other: bytes
    forth: int
    back: int


class Member:
    """A party while it is connected.

    Args:
        identity: what its handshake proved.
        login: what it said.
        stir: called where there is something to be sent to it.

    Attributes:
        routes: link -> what it sends by it.
    """

    def __init__(self, identity: bytes, login: Login, stir: Callable[[], None]):
        self.identity, self.login = identity, login
        self.routes: dict[int, Route] = {}
        self._stir = stir
        # What it is to be told, one entry a link: however long it does not read, no more gather.
        self._arrived: dict[int, bytes] = {}
        self._credits: dict[int, int] = {}
        self._turn: deque[Route] = deque()

    def is_same(self, other: "Member") -> bool:
        """Whether both are the same identity in the same room."""
        return (self.identity, self.login.room) == (other.identity, other.login.room)

    def wants(self, other: "Member") -> bool:
        """Whether it named the other."""
        return other.identity in self.login.peers

    def link(self, number: int, other: "Member") -> None:
        """Tell it that another has come."""
        self.routes[number] = Route(number, self, other)
        self._arrived[number] = other.identity
        self._stir()

    def unlink(self, route: Route) -> Parting:
        """Another has left, whose `route` to it ends; what is for the other does not go on."""
        back = self.routes.pop(route.link)
        back.stop()
        self._credits.pop(route.link, None)
        if self._arrived.pop(route.link, None) is not None:  # it has not heard of it yet
            route.stop()
        else:
            route.ending = True
            self.has(route)
        return Parting(route.source.identity, self.identity, route.carried, back.carried)

    def forget(self) -> None:
        """It has left itself: nothing goes to it."""
        for route in self._turn:
            route.stop()
        self._turn.clear()

    def credit(self, link: int, size: int) -> None:
        """Tell it how much more has gone on."""
        if link in self.routes:
            self._credits[link] = self._credits.get(link, 0) + size
            self._stir()

    def has(self, route: Route) -> None:
        """Give a route to it its turn, once it has a frame or ends."""
        if route not in self._turn:
            self._turn.append(route)
        self._stir()

    def next(self) -> Frame | None:
        """What is to be sent to it next; the relay's own words come first."""
        if self._arrived:
            link = next(iter(self._arrived))
            return Frame(Head(Kind.HERE, link=link, identity=self._arrived.pop(link)))
        if self._credits:
            link, number = self._credits.popitem()
            return Frame(Head(Kind.CREDIT, link=link, number=number))
        while self._turn:
            route = self._turn.popleft()
            if route.frames:
                frame = route.take()
                if route.frames or route.ending:
                    self._turn.append(route)
                return frame
            if not route.over:
                route.stop()
                return Frame(Head(Kind.GONE, link=route.link))
        return None
