"""Who does what in the engine of four parties (mpcgen.protocols.replicated4), and what it costs.

Indices are those of the computing parties, modulo 4; component x_j is known to all but P_j.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from mpcgen.abb import DIGEST_BYTES, Seat
from mpcgen.cost import Cost, Costs, Size

PARTIES: Final = 4


class Route(NamedTuple):
    """A joint input: two parties know a value; one learns a component of it, one nothing new."""

    sender: int
    backup: int
    receiver: int
    outsider: int


ROUTES: Final = (
    Route(0, 1, 2, 3),
    Route(1, 2, 3, 0),
    Route(2, 3, 0, 1),
    Route(3, 0, 1, 2),
    Route(2, 0, 1, 3),
    Route(1, 3, 0, 2),
)
"""One for each pair of parties; every party is sent a message or a digest by every other."""

OPPOSITE: Final = (ROUTES[0], ROUTES[2])
"""Two without a party in common as receiver or outsider: they put in products of differences."""

LOWER: Final = Route(3, 2, 0, 1)
"""By which those who know x_0 and x_1 put in their sum."""

UPPER: Final = ROUTES[0]
"""The same for x_2 and x_3."""


def holders(j: int) -> tuple[int, ...]:
    """Who knows component j; the first sends it where P_j, or a guest, is to learn it."""
    return tuple((j + n) % PARTIES for n in (1, 2, 3))


def drawn_components(computing: Sequence[str], owner: str) -> tuple[int, ...]:
    """Components of this owner's inputs that are drawn from keys."""
    if owner not in computing:
        return (0, 1, 2)
    return holders(computing.index(owner))[1:]


def sent_component(computing: Sequence[str], owner: str) -> int:
    """The component of this owner's inputs that is sent."""
    return holders(computing.index(owner))[0] if owner in computing else 3


def receivers(computing: Sequence[str], owner: str) -> tuple[str, ...]:
    """To whom it is sent."""
    names = (computing[i] for i in holders(sent_component(computing, owner)))
    return tuple(name for name in names if name != owner)


class Replicated4Costs(Costs):
    """Six elements for each element reshared, four for each opened; digests beside them."""

    def __init__(self, seat: Seat):
        self.parties, self.owners, self.computing = seat.parties, seat.owners, seat.computing
        self._guests = [p for p in self.parties if p not in self.computing]

    def input(self, b: Size) -> Cost:
        sent: Counter[str] = Counter()
        for owner in self.owners:
            to = receivers(self.computing, owner)
            sent[owner] += len(to) * b.bytes
            sent.update(dict.fromkeys(to, (len(to) - 1) * DIGEST_BYTES))
        return Cost(2, sent)

    def reshare(self, b: Size, f: Size) -> Cost:
        return self._routes(ROUTES, b)

    def addends(self, b: Size, f: Size) -> Cost:
        return self._routes((LOWER, UPPER), b)

    def _routes(self, routes: Sequence[Route], b: Size) -> Cost:
        sent: Counter[str] = Counter()
        for route in routes:
            sent[self.computing[route.sender]] += b.bytes
            sent[self.computing[route.backup]] += DIGEST_BYTES
        return Cost(1, sent)

    def open(self, b: Size, of: Size | None = None) -> Cost:
        to_each = b.bytes + DIGEST_BYTES
        return Cost(2, dict.fromkeys(self.computing, (1 + len(self._guests)) * to_each))

    def reveal(self, b: Size, to: str) -> Cost:
        if to not in self.computing:
            return Cost(2, dict.fromkeys(self.computing, b.bytes + DIGEST_BYTES))
        sender, backup, _ = (self.computing[i] for i in holders(self.computing.index(to)))
        return Cost(2, {sender: b.bytes, backup: DIGEST_BYTES})

    def confirm(self) -> Cost:
        return Cost(1, dict.fromkeys(self.parties, DIGEST_BYTES * (len(self.parties) - 1)))
