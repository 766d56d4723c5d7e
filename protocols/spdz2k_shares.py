"""How the engine spdz2k holds values: in larger rings, and under MACs (mpcgen.protocols.spdz2k)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import NamedTuple

from mpcgen.abb import Exchange, Seat
from mpcgen.bits import BitRing
from mpcgen.prg import Prg
from mpcgen.protocols.additive import drawn
from mpcgen.protocols.keyed import KeyName, pass_keys
from mpcgen.ring import Z2_64, Z2_128, Z2_192, Array, Ring
from mpcgen.secret import Sized, nbytes
from mpcgen.tags import TAGS


def carrier(ring: Ring) -> Ring:
    """Where shares of a value of this ring live: Z_2^(k + s) with s >= 64; bits stay bits."""
    if isinstance(ring, BitRing):
        return ring
    return Z2_128 if ring.k <= Z2_64.k else Z2_192


def macs(ring: Ring) -> Ring:
    """Where shares of its MAC live."""
    return TAGS if isinstance(ring, BitRing) else carrier(ring)


def lift(ring: Ring, public: Array) -> Array:
    """Public elements of a ring as elements of its carrier."""
    return public if isinstance(ring, BitRing) else ring.extend(public, carrier(ring))


class Held(NamedTuple):
    """A party's share of a value, and of its MAC."""

    value: Array
    mac: Array


@dataclass(frozen=True)
class Form:
    """A ring and a logical shape."""

    ring: Ring
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Canonical bytes of values of this form."""
        return nbytes(self.ring, self.shape)


def values_of(like: Sequence[Sized]) -> list[Form]:
    """The forms of shares of values."""
    return [Form(carrier(x.ring), x.shape) for x in like]


def macs_of(like: Sequence[Sized]) -> list[Form]:
    """The forms of shares of their MACs."""
    return [Form(macs(x.ring), x.shape) for x in like]


@dataclass(frozen=True)
class MacKey:
    """A share of the global keys, or, at the dealer, the keys.

    Attributes:
        alpha: of the carriers, in the largest of them.
        delta: of bits, an element of GF(2^64).
    """

    alpha: Array
    delta: int

    @classmethod
    def drawn(cls, key: Prg) -> MacKey:
        """The share of the party whose key this is: 64 bits of each."""
        alpha = key.draw(Z2_64, (), "alpha", 0)
        return cls(Z2_64.extend(alpha, Z2_192), int.from_bytes(key.draw_bytes("delta", 0, 8)))

    @classmethod
    def total(cls, shares: Sequence[MacKey]) -> MacKey:
        """The keys of which these are all shares."""
        alpha = reduce(Z2_192.add, (share.alpha for share in shares))
        return cls(alpha, reduce(xor, (share.delta for share in shares)))

    def of(self, ring: Ring, x: Array) -> Array:
        """The key times elements of the ring's carrier, or times bits."""
        if isinstance(ring, BitRing):
            return TAGS.of(self.delta, x)
        held = carrier(ring)
        return held.mul(x, Z2_192.reduce(self.alpha, held))


@dataclass(frozen=True)
class Deal:
    """What is dealt in one operation: random values, and values that follow from them.

    P_i draws its shares of random values from its key. All but the last draw the rest too: shares
    of their MACs, of what follows, and of its MACs. The last is sent the rest.
    """

    label: str
    counter: int
    random: Sequence[Sized] = ()
    follow: Sequence[Sized] = ()

    @property
    def rest(self) -> list[Form]:
        """What the last party is sent."""
        return [*macs_of(self.random), *values_of(self.follow), *macs_of(self.follow)]

    @property
    def nbytes(self) -> int:
        """How long that is."""
        return sum(form.nbytes for form in self.rest)

    def masks(self, key: Prg) -> list[Array]:
        """A party's shares of the random values."""
        return drawn(key, f"{self.label}/a", self.counter, values_of(self.random))

    def drawn_rest(self, key: Prg) -> list[Array]:
        """A party's shares of the rest, if it is not the last."""
        return drawn(key, f"{self.label}/c", self.counter, self.rest)

    def shares(
        self, masks: Sequence[Array], rest: Sequence[Array]
    ) -> tuple[list[Held], list[Held]]:
        """A party's shares of the random values and of what follows from them."""
        n, m = len(self.random), len(self.follow)
        mine = (Held(*pair) for pair in zip(masks, rest[:n], strict=True))
        following = (Held(*pair) for pair in zip(rest[n : n + m], rest[n + m :], strict=True))
        return list(mine), list(following)


def mask_key(seat: Seat, party: str) -> KeyName:
    """The key from which masks are drawn that only this party and the dealer know."""
    return seat.dealer, len(seat.computing) + seat.parties.index(party)


def agree_on_keys(
    exchange: Exchange, seat: Seat, session: bytes, epoch: int, own: Prg
) -> Mapping[KeyName, Prg]:
    """The keys that the dealer makes or this party is given, for this session, in one round."""
    receivers = {(seat.dealer, i): [party] for i, party in enumerate(seat.computing)}
    receivers |= {mask_key(seat, party): [party] for party in seat.parties}
    keys = pass_keys(exchange, seat, own, list(receivers), receivers.__getitem__)
    return {
        name: Prg(key, fixed=own.fixed).for_session(session, epoch) for name, key in keys.items()
    }
