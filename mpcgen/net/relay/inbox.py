"""What a thread that reads a party's line hands to the thread that computes."""

import threading
from collections import deque
from typing import Final, NamedTuple

MAX_HELD: Final = 1 << 26
"""Bytes of arrivals that are not taken yet, beyond which the line is not read."""
_COUNTED: Final = 512
"""What a frame counts besides its bytes: those without payload take memory too."""


class Ready(NamedTuple):
    """A peer is there and has proved who it is; what follows of it is by that link."""

    peer: str
    link: int


class Gone(NamedTuple):
    """That connection is over, and everything that came by it stands before."""

    peer: str


class Came(NamedTuple):
    """A frame of a peer."""

    peer: str
    header: bytes
    part: bytes

    @property
    def size(self) -> int:
        """What it takes, about."""
        return _COUNTED + len(self.header) + len(self.part)


Event = Ready | Gone | Came | Exception


class Inbox:
    """Events in their order, between two threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: deque[Event] = deque()
        self._held = 0

    @property
    def full(self) -> bool:
        """Whether it should take nothing in for now."""
        return self._held > MAX_HELD

    def put(self, event: Event) -> None:
        """Add an event."""
        with self._changed:
            self._events.append(event)
            if isinstance(event, Came):
                self._held += event.size
            self._changed.notify()

    def take(self, wait: float) -> tuple[Event | None, bool]:
        """The next event, None where there is none for `wait` seconds; whether it was full."""
        with self._changed:
            self._changed.wait_for(lambda: self._events, wait)
            was_full = self.full
            event = self._events.popleft() if self._events else None
            if isinstance(event, Came):
                self._held -= event.size
            return event, was_full and not self.full
