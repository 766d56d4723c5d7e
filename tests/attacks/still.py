"""A network without a clock: time-outs happen where nobody can move any more, and at once."""

from typing import Unpack

from mpcgen.errors import PartyTimeout
from mpcgen.net.channel import ChannelOptions
from mpcgen.net.memory import MemoryChannel, MemoryNetwork
from mpcgen.net.message import Arrival

Step = tuple[int, int]
PLACES = (
    *("agreed", "", "compared"),
    *("seeds", "committed", "sums"),  # a check, whose first round has the operation's own label
    *("opened", "opened checked", "opened checked seeds"),
    *("opened checked committed", "opened checked sums"),
    *("checked", "checked seeds", "checked committed", "checked sums"),
    "told",
)
COMPARED = PLACES.index("compared")


class StillNetwork(MemoryNetwork):
    """The parties of one session, one of whom may cheat: its time comes last.

    When all that have not ended wait for messages that do not come, the one that is farthest behind
    times out: it waits for who holds up the others. By a clock, an honest party that waits for that
    one may be the first, and name it.
    """

    def __init__(self, names: tuple[str, ...], cheater: str):
        super().__init__(names)
        self.cheater = cheater
        self.steps: dict[str, Step] = dict.fromkeys(names, (0, 0))
        self.waiting: set[str] = set()
        self.ended: set[str] = set()

    def channel(self, name: str, **options: Unpack[ChannelOptions]) -> "StillChannel":
        """The channel of party `name`, to be used by one thread at a time."""
        return StillChannel(self, name, **options)

    def first_to_time_out(self) -> str | None:
        """Who times out now; None while somebody can move."""
        here = [name for name in self.names if name not in self.ended]
        if any(name not in self.waiting or self.inbox[name] for name in here):
            return None
        return min(here, key=lambda name: (name == self.cheater, self.steps[name]))

    def end(self, name: str) -> None:
        """Go on without this party."""
        with self.changed:
            self.ended.add(name)
            self.changed.notify_all()


class StillChannel(MemoryChannel):
    """A party's end of a StillNetwork."""

    def __init__(self, network: StillNetwork, name: str, **options: Unpack[ChannelOptions]):
        super().__init__(network, name, **options)
        self._still = network

    def _wait(self, label, receive):  # type: ignore[no-untyped-def]
        self._still.steps[self.me] = step(label)
        super()._wait(label, receive)

    def _take(self, wait: float) -> Arrival | None:
        still = self._still
        if wait:
            with still.changed:
                still.waiting.add(self.me)
                still.changed.notify_all()
                still.changed.wait_for(lambda: self._inbox or still.first_to_time_out() == self.me)
                still.waiting.discard(self.me)
        arrival = super()._take(0.0)
        if arrival is None and wait and not self._heard_abort:  # as `_until`, by no clock
            label, names = self._awaited
            raise PartyTimeout(f"{' and '.join(names)} did not answer in time at {label!r}")
        return arrival

    def _close(self) -> None:
        self._still.end(self.me)


def step(label: str) -> Step:
    """Where in a program a label is: the number of the operation, and the place within it."""
    operation, _, place = label.partition(" ")
    number = operation.partition("#")[2]
    return int(number or 0), PLACES.index(place)
