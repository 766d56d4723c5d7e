"""What a party of the engine spdz2k holds and is dealt (mpcgen.protocols.spdz2k)."""

from collections.abc import Mapping, Sequence
from functools import reduce

from mpcgen import codec
from mpcgen.abb import Box, Exchange, Seat
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.additive import drawn
from mpcgen.protocols.keyed import KeyName
from mpcgen.protocols.spdz2k_check import Check
from mpcgen.protocols.spdz2k_costs import Spdz2kCosts
from mpcgen.protocols.spdz2k_shares import (
    Deal,
    Form,
    Held,
    MacKey,
    carrier,
    lift,
    macs,
    mask_key,
)
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret, Sized, split


class Party(Box):
    """A box that holds shares under MACs, or nothing where its party does not compute.

    Args:
        keys: generators of the keys that the dealer gave this party.
        own: this party's own generator.
        session, epoch: what commitments are bound to.
    """

    def __init__(
        self,
        exchange: Exchange,
        seat: Seat,
        leakage: Leakage,
        keys: Mapping[KeyName, Prg],
        own: Prg,
        session: bytes,
        epoch: int,
    ):
        super().__init__(exchange, seat, leakage)
        self.costs = Spdz2kCosts(seat)
        self._channel = exchange
        self._computing, self._dealer = seat.computing, seat.dealer
        self._guests = [p for p in seat.parties if p not in seat.computing]
        self._others = [p for p in seat.computing if p != seat.me]
        self._last = seat.me == seat.computing[-1]
        self._i = seat.computing.index(seat.me) if seat.me in seat.computing else None
        self._mask_key = keys[mask_key(seat, seat.me)]
        self._masks_high_bits = False  # of what is opened next
        if self._i is not None:
            self._key = keys[seat.dealer, self._i]
            self._mac = MacKey.drawn(self._key)
            bound = codec.digest("mpcgen spdz2k session", session, epoch)
            self._check = Check(exchange, seat.me, seat.computing, self._mac, own, bound)

    def part_ring(self, ring: Ring, n: int) -> Ring:
        return macs(ring) if n else carrier(ring)

    def lifted(self, ring: Ring, n: int, public: Array) -> Array:
        return lift(ring, public)

    def constant(self, ring: Ring, values: Array) -> Secret:
        form = Form(ring, ring.shape(values))
        if self._i is None:
            return self._nothing(form)
        return self._secret(form, self._public(ring, lift(ring, values)))

    def _public(self, ring: Ring, values: Array) -> Held:
        """This party's share of public elements of a ring's carrier."""
        zeros = carrier(ring).zeros(carrier(ring).shape(values))
        return Held(zeros if self._i else values, self._mac.of(ring, values))

    def _secret(self, like: Sized, mine: Held) -> Secret:
        return Secret(self, like.ring, like.shape, tuple(mine))

    def _nothing(self, like: Sized) -> Secret:
        """What a party that does not compute holds of a secret."""
        return Secret(self, like.ring, like.shape, ())

    @staticmethod
    def _plus(ring: Ring, x: Held, y: Held) -> Held:
        return Held(carrier(ring).add(x.value, y.value), macs(ring).add(x.mac, y.mac))

    @staticmethod
    def _minus(ring: Ring, x: Held, y: Held) -> Held:
        return Held(carrier(ring).sub(x.value, y.value), macs(ring).sub(x.mac, y.mac))

    def _to_dealer(self) -> dict[str, bytes]:
        """The last party says that the dealer may go on."""
        return {self._dealer: b""} if self._last else {}

    def _from_dealer(self, deal: Deal) -> dict[str, int]:
        return {self._dealer: deal.nbytes} if self._last else {}

    def _dealt(
        self, deal: Deal, masks: Sequence[Array], came: dict[str, bytes]
    ) -> tuple[list[Held], list[Held]]:
        """This party's shares of what is dealt; `came` loses what is the dealer's."""
        if self._i is None:
            return [], []
        if self._last:
            return deal.shares(masks, split(came.pop(self._dealer), deal.rest))
        return deal.shares(masks, deal.drawn_rest(self._key))

    def _mask(self, label: str, x: Sized) -> Array:
        """A mask of this form that only this party and the dealer know."""
        return drawn(self._mask_key, f"{label}/{self.me}", self._counter, [x])[0]

    def _gather(
        self,
        label: str,
        forms: Sequence[Form],
        mine: Sequence[Array],
        send: Mapping[str, bytes],
        due: Mapping[str, int],
    ) -> tuple[list[Array], dict[str, bytes]]:
        """Add up all computing parties' shares: one round; the sums, and what came besides."""
        data = b"".join(x.ring.canonical(y).data for x, y in zip(forms, mine, strict=True))
        came = self._exchange(
            label,
            {**dict.fromkeys(self._others, data), **send},
            {**dict.fromkeys(self._others, len(data)), **due},
        )
        parts = [mine, *(split(came.pop(p), forms) for p in self._others)]
        return [reduce(x.ring.add, each) for x, *each in zip(forms, *parts, strict=True)], came
