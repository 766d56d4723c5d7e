"""How long one wait lasts at most, whatever peers say and however often their connections end.

What holds the time-out up is bounded: messages and acknowledgements by what may be ahead, the words
of those who wait themselves by the plan's times, and absences are counted together (`absence.py`).
"""


class Patience:
    """The time-out of one wait; the caller has the clock.

    Args:
        timeout: seconds in which something has to come of those that are there.
        absence: seconds for which one that is away is waited for.
        now: when the wait begins.
    """

    def __init__(self, timeout: float, absence: float, now: float):
        self._timeout = timeout
        self._grace = absence + timeout
        self._left, self._at = timeout, now
        self._since = now

    def left(self, now: float) -> float:
        """Seconds until it is over."""
        return self._left - (now - self._at)

    def renew(self, now: float) -> None:
        """Something that was due has come: the time-out begins anew."""
        self._left, self._at, self._since = self._timeout, now, now

    def heed(self, now: float) -> None:
        """A peer said that it waits for somebody: the same, but for so long in all and no longer.

        Nobody waits longer than an absence and a time-out, so no honest peer says it for longer.
        """
        more = min(self._timeout - self.left(now), self._grace)
        self._grace -= more
        self._left += more

    def pause(self, now: float) -> None:
        """Somebody has been away since nothing came: that time is not counted.

        As much again is given back, so that after a long absence there is a whole time-out for what
        was due, and after many short ones not.
        """
        self._left = min(self._timeout, self.left(now) + 2 * (now - self._since))
        self._at = self._since = now

    def count(self, now: float) -> None:
        """All are there and nothing came."""
        self._since = now

    def ignore(self, now: float) -> None:
        """Something came that says nothing of whether anybody gets on."""
