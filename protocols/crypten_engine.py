"""The engine crypten: additive shares, and products by CrypTen; semi-honest, not for real data.

Sharing, input, opening are those of mpcgen.protocols.additive, without its dealer. An element of
Z_2^k, k <= 64, is held modulo 2^k and handed to CrypTen as one of its Z_2^64: sums and products
modulo 2^64 are right modulo 2^k. Bits are CrypTen's BinarySharedTensor.

    keys       k_i is made by P_i, known to P_i and P_{i+1}, fresh in every session
    zero       F(k_{i-1}) - F(k_i) at P_i; for bits with exclusive or     (CrypTen's PRZS)
    triples    [a], [b], [c], c = a b: drawn by P_0, who adds each to a sharing of zero
    product    d <- open [x - a], e <- open [y - b];  [c] + d [b] + [a] e + d e
    addends    P_i for i > 1 sends x_i plus its zero to P_1: then x is the sum of what P_0 holds and
               what P_1 holds, and bits of each are shared by who holds it, without a message, as
               CrypTen's A2B begins; with two parties nothing is sent

P_0 knows a and b, and so reads whatever is multiplied or compared: the trusted first party of
CrypTen's name is trusted with everything. Every other single party sees uniform values only.
"""

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mpcgen.abb import Exchange, Part, Products, Seat
from mpcgen.bits import BitRing
from mpcgen.cost import Cost, Size
from mpcgen.errors import InputError
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.additive import Additive, AdditiveCosts, drawn_shares
from mpcgen.protocols.keyed import KeyName, pass_keys
from mpcgen.ring import Z2_64, Array, Ring
from mpcgen.secret import Secret

if TYPE_CHECKING:
    from mpcgen.protocols.crypten_party import Party

_ZEROS = -1  # the key that a computing party makes for sharings of zero
UNFIT = (
    "CrypTen is a framework for research, and by its default the first computing party draws all "
    "triples and can read every value that is multiplied or compared"
)


class CryptenCosts(AdditiveCosts):
    """Each product opens both its factors, however often they occur in others."""

    each_time: ClassVar[bool] = True
    known_addend: ClassVar[bool] = False

    def reshare(self, b: Size, f: Size) -> Cost:
        return self._masked(f)

    def addends(self, b: Size, f: Size) -> Cost:
        return Cost(1 if self.computing[2:] else 0, dict.fromkeys(self.computing[2:], f.bytes))


class Crypten(Additive):
    """A box of computing parties that multiply by CrypTen, and any number of owners.

    Args:
        keys: (owner, i) -> generator of the key from which P_i's share of its inputs is drawn.
        party: CrypTen, at a computing party.
    """

    def __init__(
        self,
        exchange: Exchange,
        seat: Seat,
        leakage: Leakage,
        keys: dict[KeyName, Prg],
        party: "Party | None",
    ):
        super().__init__(exchange, seat, leakage, keys)
        self.costs = CryptenCosts(seat)
        self._party = party

    def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]:
        label = self._next(label)
        if self._party is None:
            return [self._nothing(each) for each in sums]
        products = iter(self._multiplied(self._party, label, sums))
        shares = []
        for each in sums:
            z = each.ring.zeros(each.shape)
            for _ in each.pairs:
                z = each.ring.add(z, each.ring.reshape(next(products), each.shape))
            shares.append(self._secret(each.ring, each.shape, z))
        return shares

    @staticmethod
    def _multiplied(party: "Party", label: str, sums: Sequence[Products]) -> list[Array]:
        """This party's shares of all products, in one round.

        Raises:
            ValueError: bits and integers, or several matrix products, want rounds of their own.
        """
        pairs = [(x._parts[0], y._parts[0]) for each in sums for x, y in each.pairs]
        rings = [each.ring for each in sums for _ in each.pairs]
        if len(pairs) == 1 and sums[0].matrices:
            return [party.matmul(label, _within(rings[0]), *pairs[0])]
        if any(each.matrices for each in sums):
            raise ValueError("CrypTen takes a matrix product in a round of its own")
        x, y = ([each.reshape(-1) for each in side] for side in zip(*pairs, strict=True))
        bits = [isinstance(ring, BitRing) for ring in rings]
        if all(bits):
            z = party.join(label, np.concatenate(x), np.concatenate(y))
            return np.split(z, np.cumsum([len(each) for each in x])[:-1])
        if any(bits):
            raise ValueError("CrypTen multiplies bits and integers in rounds of their own")
        return party.multiply(label, [_within(ring) for ring in rings], x, y)

    def _addends(
        self, label: str, x: Secret, ring: Ring, shape: tuple[int, ...], part: Part
    ) -> tuple[Secret, Secret]:
        party, one = self._party, Secret(self, ring, shape, ())
        label = self._next(label)
        if party is None or self._i is None:
            return one, one
        held = x._parts[0] if len(self._computing) == 2 else self._of_two(label, party, x)
        shares = []
        for source in (0, 1):
            value = part(held) if self._i == source else None
            shares.append(self._secret(ring, shape, party.share(ring, shape, source, value)))
        return shares[0], shares[1]

    def _of_two(self, label: str, party: "Party", x: Secret) -> Array:
        """Shares that P_0 and P_1 hold alone, out of all parties' shares: one round."""
        fresh = x.ring.add(x._parts[0], party.share(_within(x.ring), x.shape, 0, None))
        _, to, *givers = self._computing
        send = {to: x.ring.to_bytes(fresh)} if self.me in givers else {}
        due = dict.fromkeys(givers if self.me == to else (), x.nbytes)
        came = self._exchange(label, send, due)
        return reduce(x.ring.add, (x.ring.from_bytes(y, x.shape) for y in came.values()), fresh)


def set_up(
    exchange: Exchange, seat: Seat, leakage: Leakage, session: bytes, epoch: int, own: Prg
) -> Crypten:
    """Agree on the session's keys, in one round, and make the box.

    Raises:
        InputError: CrypTen is not installed.
    """
    computing = seat.computing
    names = [(maker, _ZEROS) for maker in computing]
    for owner in seat.owners:
        names += [(owner, i) for i in drawn_shares(computing, owner)]

    def receivers(name: KeyName) -> list[str]:
        maker, i = name
        after = (computing.index(maker) + 1) % len(computing) if i == _ZEROS else i
        return [computing[after]]

    if seat.me in computing:
        try:
            from mpcgen.protocols.crypten_party import Party  # noqa: PLC0415
        except ImportError as error:
            raise InputError(
                "the engine crypten needs CrypTen and torch: pip install 'mpcgen[crypten]'"
            ) from error
    keys = {
        name: Prg(key, fixed=own.fixed).for_session(session, epoch)
        for name, key in pass_keys(exchange, seat, own, names, receivers).items()
    }
    if seat.me not in computing:
        return Crypten(exchange, seat, leakage, keys, None)
    before = computing[computing.index(seat.me) - 1]
    streams = {
        "prev": keys.pop((before, _ZEROS)),
        "next": keys.pop((seat.me, _ZEROS)),
        "local": own.for_session(session, epoch),
    }
    return Crypten(exchange, seat, leakage, keys, Party(exchange, seat.me, computing, streams))


def _within(ring: Ring) -> Ring:
    if ring.k > Z2_64.k:
        raise NotImplementedError(f"CrypTen has no arithmetic modulo 2^{ring.k}")
    return ring
