"""The dealer of the engine `additive`: correlated randomness, ahead of those who use it.

It runs the same protocol as the computing parties with a box that computes nothing, and so learns
shapes alone: no share, no masked value and no opening reaches it. For each operation it draws
every party's shares of the masks from that party's key, works out what follows from the masks (c of
a sum of products, f(-r) of addends), takes off what the keys of all parties but the last give, and
sends the rest to the last: one element for each that comes out, whatever the number of parties.

    P_l says with an empty message, in the exchange of each operation, that it has come so far. The
    dealer is at most MAX_AHEAD bytes, or one operation, and MAX_MESSAGES operations ahead of that.

Which rows are opened it does not learn: it goes on as if all bits that are opened were 1. Nothing
that it deals depends on them.

Papers    Beaver, CRYPTO 1991 (triples) and STOC 1997, Commodity-based cryptography (a dealer);
          Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020 (edaBits: masks with shared bits)
"""

from collections import deque
from collections.abc import Mapping, Sequence

from mpcgen.abb import Box, Exchange, Part, Products, Seat, factors
from mpcgen.bits import BitRing
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.additive import LEAST, Additive, AdditiveCosts, agree_on_keys, drawn
from mpcgen.protocols.keyed import KeyName
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret, Sized

MAX_AHEAD = 1 << 26
MAX_MESSAGES = 128  # half of what a channel takes


def set_up(
    exchange: Exchange, seat: Seat, leakage: Leakage, session: bytes, epoch: int, own: Prg
) -> Box:
    """Agree on the session's keys, in one round, and make this party's box.

    Args:
        session: id that contains fresh nonces of all parties.
        own: this party's generator for the session.
    """
    check_seat(seat)
    keys = agree_on_keys(exchange, seat, session, epoch, own)
    return (Dealer if seat.me == seat.dealer else Additive)(exchange, seat, leakage, keys)


def check_seat(seat: Seat) -> None:
    """Raise ValueError unless enough parties compute, and one that is nothing else deals."""
    if len(seat.computing) < LEAST or seat.dealer in (*seat.owners, *seat.computing, ""):
        raise ValueError(f"two or more parties compute, and another one deals: {seat}")


class Dealer(Box):
    """A box whose secrets have no parts, and that deals what the others' need."""

    def __init__(
        self, exchange: Exchange, seat: Seat, leakage: Leakage, keys: Mapping[KeyName, Prg]
    ):
        super().__init__(exchange, seat, leakage)
        self.costs = AdditiveCosts(seat)
        self._last = seat.computing[-1]
        self._keys = [keys[seat.me, i] for i in range(len(seat.computing))]
        self._ahead: deque[tuple[str, int]] = deque()  # labels and lengths not known to be used

    def constant(self, ring: Ring, values: Array) -> Secret:
        return Secret(self, ring, ring.shape(values), ())

    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]:
        self._next(label)
        return {owner: Secret(self, ring, shape, ()) for owner in self.owners}

    def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]:
        label, x = self._next(label), factors(sums)
        masks = {id(y): a for y, a in zip(x, self._masks(label, x), strict=True)}
        self._deal(label, sums, [_sum(each, masks) for each in sums])
        return [Secret(self, each.ring, each.shape, ()) for each in sums]

    def _addends(
        self, label: str, x: Secret, ring: Ring, shape: tuple[int, ...], part: Part
    ) -> tuple[Secret, Secret]:
        label, one = self._next(label), Secret(self, ring, shape, ())
        (r,) = self._masks(label, [x])
        self._deal(label, [one], [part(x.ring.neg(r))])
        return Secret(self, ring, shape, (), known=True), one

    def _masks(self, label: str, like: Sequence[Sized]) -> list[Array]:
        """The sums of what all parties draw."""
        first, *others = self._keys
        masks = drawn(first, f"{label}/a", self._counter, like)
        for key in others:
            shares = drawn(key, f"{label}/a", self._counter, like)
            masks = [x.ring.add(a, b) for x, a, b in zip(like, masks, shares, strict=True)]
        return masks

    def _deal(self, label: str, like: Sequence[Sized], values: Sequence[Array]) -> None:
        """Send the last party its shares of values; the others draw theirs."""
        rest = list(values)
        for key in self._keys[:-1]:
            shares = drawn(key, f"{label}/c", self._counter, like)
            rest = [x.ring.sub(z, y) for x, z, y in zip(like, rest, shares, strict=True)]
        data = b"".join(x.ring.canonical(z).data for x, z in zip(like, rest, strict=True))
        while self._ahead and self._is_far(len(data)):
            self._hear()
        self._exchange(label, {self._last: data}, {})
        self._ahead.append((label, len(data)))

    def _is_far(self, more: int) -> bool:
        sent = sum(length for _, length in self._ahead)
        return sent + more > MAX_AHEAD or len(self._ahead) >= MAX_MESSAGES

    def _hear(self) -> None:
        """Wait until the first of what was sent is used."""
        label, _ = self._ahead.popleft()
        self._exchange(label, {}, {self._last: 0})

    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]:
        self._next(label)
        return [as_if_opened(x) for x in secrets]

    def _reveal(self, label: str, x: Secret, to: str) -> Array | None:
        self._next(label)
        return None

    def confirm(self) -> None:
        """It has nothing to compare."""
        self._declare(self.costs.confirm())
        self._next("confirm")
        self.settle()

    def settle(self) -> None:
        """Wait until all that was sent is used."""
        while self._ahead:
            self._hear()


def _sum(each: Products, masks: Mapping[int, Array]) -> Array:
    """The sum of the masks' products."""
    total = each.ring.zeros(each.shape)
    for x, y in each.pairs:
        total = each.ring.add(total, each.product(masks[id(x)], masks[id(y)]))
    return total


def as_if_opened(x: Sized) -> Array:
    """What a dealer goes on with where others open something: bits are 1."""
    nothing = x.ring.zeros(x.shape)
    return x.ring.invert(nothing) if isinstance(x.ring, BitRing) else nothing
