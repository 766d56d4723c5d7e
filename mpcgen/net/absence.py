"""Peers whose connection was lost: how long they are waited for, and what is told meanwhile."""

from collections.abc import Callable

Tell = Callable[[str], None]

FIRST_TOLD = 5.0
"""Seconds until an absence is told; a connection that comes back at once is nobody's concern."""
SELDOM = 600.0
"""Most seconds between two lines about one absence."""


class Absences:
    """Who is away, and since when; the caller has the clock.

    Absences of one peer count together until `forget`: one that comes and goes gains nothing.

    Args:
        patience: seconds for which a peer is waited for.
        tell: takes a line for the institution's own log.
    """

    def __init__(self, patience: float, tell: Tell):
        self.patience = patience
        self._tell = tell
        self._since: dict[str, float] = {}
        self._before: dict[str, float] = {}
        self._next_told: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._since)

    def __contains__(self, peer: str) -> bool:
        return peer in self._since

    @property
    def peers(self) -> list[str]:
        """Who is away, the longest first."""
        return sorted(self._since, key=lambda peer: self._since[peer])

    def begin(self, peer: str, now: float) -> None:
        """The connection of a peer was lost; nothing new where it is away already."""
        if peer not in self._since:
            self._since[peer] = now
            self._next_told[peer] = now + FIRST_TOLD

    def end(self, peer: str, now: float) -> None:
        """The peer is there again, or is not needed any more."""
        since = self._since.pop(peer, None)
        if since is None:
            return
        self._before[peer] = self._before.get(peer, 0.0) + now - since
        if self._next_told.pop(peer) > since + FIRST_TOLD:
            self._tell(f"{peer} is there again after {now - since:.0f} s")

    def forget(self) -> None:
        """Absences that are over count no more: what they held up has come."""
        self._before.clear()

    def overdue(self, now: float) -> list[str]:
        """Who was waited for as long as the plan says."""
        return [peer for peer in self.peers if now >= self._end_of(peer)]

    def _end_of(self, peer: str) -> float:
        """Until when a peer that is away is waited for."""
        return self._since[peer] + self.patience - self._before.get(peer, 0.0)

    def rest(self, now: float) -> float:
        """Seconds in which there is nothing to do about anybody."""
        told = min(self._next_told.values(), default=float("inf"))
        gone = min(map(self._end_of, self._since), default=float("inf"))
        return max(0.0, min(told, gone) - now)

    def next_end(self, now: float) -> float:
        """Seconds until another peer is overdue."""
        ends = map(self._end_of, self._since)
        return min((end - now for end in ends if end > now), default=float("inf"))

    def tell(self, now: float, label: str) -> None:
        """Say whom this party waits for, now and then and ever more seldom."""
        for peer in self.peers:
            if now >= self._next_told[peer]:
                away = now - self._since[peer]
                self._next_told[peer] = now + min(max(away, FIRST_TOLD), SELDOM)
                self._tell(
                    f"waiting for {peer}, whose connection was lost {away:.0f} s ago, at {label!r}"
                )
