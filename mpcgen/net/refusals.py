"""Lines about what was refused at the port: the first of each kind at once, then counted."""

import time
from collections import Counter
from collections.abc import Callable

from mpcgen.net.absence import Tell

EVERY = 60.0
"""Seconds between two lines of one kind."""


class Refusals:
    """Tells what was refused, however often it comes, in at most one line a kind and minute.

    Args:
        tell: takes a line for the institution's own log.
        clock: seconds that only go forward.
    """

    def __init__(self, tell: Tell, clock: Callable[[], float] = time.monotonic):
        self._tell = tell
        self._clock = clock
        self._untold: Counter[str] = Counter()
        self._next: dict[str, float] = {}

    def note(self, what: str) -> None:
        """Something was refused; `what` is one of a few fixed texts."""
        self._untold[what] += 1
        now = self._clock()
        if now >= self._next.get(what, now):
            number = self._untold.pop(what)
            self._next[what] = now + EVERY
            self._tell(f"refused {what}" + (f", {number} times by now" if number > 1 else ""))
