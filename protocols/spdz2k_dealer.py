"""The dealer of the engine spdz2k: that of `additive`, and MACs on all that it deals.

It makes all keys, and so knows alpha and Delta, every mask and no value: inputs are masked by what
it gave, and what they are masked to goes to the computing parties alone. See
mpcgen.protocols.dealer for how it runs ahead, and mpcgen.protocols.spdz2k for what is dealt. It is
trusted to deal rightly; what it sends has no other check than its length.
"""

from collections.abc import Callable, Mapping, Sequence

from mpcgen.abb import Box, Exchange, Part, Products, Seat, factors
from mpcgen.bits import BitRing
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.additive import drawn
from mpcgen.protocols.dealer import Dealer, check_seat
from mpcgen.protocols.keyed import KeyName
from mpcgen.protocols.spdz2k import Spdz2k
from mpcgen.protocols.spdz2k_costs import Spdz2kCosts
from mpcgen.protocols.spdz2k_shares import (
    Deal,
    MacKey,
    agree_on_keys,
    carrier,
    lift,
    mask_key,
    values_of,
)
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret, Sized


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
    if seat.me == seat.dealer:
        return Spdz2kDealer(exchange, seat, leakage, keys, own.for_session(session, epoch))
    return Spdz2k(exchange, seat, leakage, keys, own.for_session(session, epoch), session, epoch)


class Spdz2kDealer(Dealer):
    """A box whose secrets have no parts, and that deals what the others' need, under MACs.

    Args:
        keys: generators of all keys that it gave.
        own: its own generator, for what nobody else knows.
    """

    def __init__(
        self,
        exchange: Exchange,
        seat: Seat,
        leakage: Leakage,
        keys: Mapping[KeyName, Prg],
        own: Prg,
    ):
        super().__init__(exchange, seat, leakage, keys)
        self._own = own
        self.costs = Spdz2kCosts(seat)
        self._mac = MacKey.total([MacKey.drawn(key) for key in self._keys])
        self._mask_keys = {party: keys[mask_key(seat, party)] for party in seat.parties}

    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]:
        label = self._next(label)
        secrets = {owner: Secret(self, ring, shape, ()) for owner in self.owners}
        masks = [
            self._mask(label, owner, form)
            for owner, form in zip(self.owners, values_of(list(secrets.values())), strict=True)
        ]
        self._give(Deal(label, self._counter, follow=list(secrets.values())), lambda _: masks)
        return secrets

    def _mask(self, label: str, party: str, x: Sized) -> Array:
        """A mask of this form that this party draws as well."""
        return drawn(self._mask_keys[party], f"{label}/{party}", self._counter, [x])[0]

    def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]:
        x = factors(sums)

        def products(a: Sequence[Array]) -> list[Array]:
            masks = {id(y): mask for y, mask in zip(x, a, strict=True)}
            return [_sum(each, masks) for each in sums]

        self._give(Deal(self._next(label), self._counter, x, sums), products)
        return [Secret(self, each.ring, each.shape, ()) for each in sums]

    def _addends(
        self, label: str, x: Secret, ring: Ring, shape: tuple[int, ...], part: Part
    ) -> tuple[Secret, Secret]:
        one = Secret(self, ring, shape, ())
        self._give(
            Deal(self._next(label), self._counter, [x], [one]),
            lambda a: [lift(ring, part(carrier(x.ring).reduce(a[0], x.ring)))],
        )
        return Secret(self, ring, shape, (), known=True), one

    def _ready(self, secrets: Mapping[str, Secret]) -> Mapping[str, Secret]:
        label = self._next("masks")
        masked = [secrets[n] for n in sorted(secrets) if not isinstance(secrets[n].ring, BitRing)]
        self._give(Deal(label, self._counter, masked), lambda _: [])
        return secrets

    def _reveal(self, label: str, x: Secret, to: str) -> Array | None:
        label = self._next(label)
        mask = lift(x.ring, self._mask(label, to, x))
        if not isinstance(x.ring, BitRing):
            held = carrier(x.ring)
            (high,) = drawn(self._own, f"{label}/high", self._counter, values_of([x]))
            mask = held.add(mask, held.lshift(high, x.ring.k))
        self._give(Deal(label, self._counter, follow=[x]), lambda _: [mask])
        return None

    def _give(self, deal: Deal, follow: Callable[[Sequence[Array]], Sequence[Array]]) -> None:
        """Send the last party its part of a deal, of what follows from random values."""
        random = self._masks(deal.label, values_of(deal.random))
        following = follow(random)
        self._deal(
            deal.label,
            deal.rest,
            [*self._macs(deal.random, random), *following, *self._macs(deal.follow, following)],
        )

    def _macs(self, like: Sequence[Sized], values: Sequence[Array]) -> list[Array]:
        return [self._mac.of(x.ring, value) for x, value in zip(like, values, strict=True)]

    def confirm(self) -> None:
        self._next("check")
        super().confirm()


def _sum(each: Products, masks: Mapping[int, Array]) -> Array:
    """The sum of the masks' products."""
    ring = carrier(each.ring)
    product, total = each.product_in(ring), ring.zeros(each.shape)
    for x, y in each.pairs:
        total = ring.add(total, product(masks[id(x)], masks[id(y)]))
    return total
