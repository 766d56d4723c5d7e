"""Additive secret sharing among n >= 2 computing parties, with a dealer; semi-honest, n - 1 of n.

Beaver, Efficient multiparty protocols using circuit randomization, CRYPTO 1991, over Z_2^k and over
bits. The last of the parties is P_l. The dealer is none of them, brings no data, and colludes with
nobody: what it deals is what the masks are made of.

    [x]        x = x_0 + ... + x_l; P_i holds x_i.
    keys       k_i is made by the dealer and known to P_i, fresh in every session; k_i^O is made by
               an owner O, for all P_i but one.
    dealt [a]  a_i <- F(k_i), a random a; or, of an a that follows from others,
               a_i <- F(k_i) for i < l, and the dealer sends a_l to P_l.

Input of an owner O:
    x_i <- F(k_i^O) but for one i: O's own, or if it does not compute 0;  x_i <- x - the others.
    An O that does not compute sends x_0 to P_0.
Products, of a sum s of x y; each factor is masked once, however often it occurs:
    [a] for each factor, [c] with c the same sum of the masks' products        dealt
    d <- open [x - a], e <- open [y - b]                                       all to all
    s_i <- c_i + sum of d b_i + a_i e (and d e, for i = 0)
Addends, for comparison: with f(x) = bits of x, or what else one addend determines,
    [r] and [f(-r)]                                                            dealt
    v <- open [x + r];  f(v) is known to all of them, f(-r) is shared, and x = v + (-r) modulo 2^k.
    Products of f(v) with anything are local.
Opening: every party sends x_i to everybody but the dealer, who learns nothing.

What is opened inside is uniform, since a and r are, and each is used once. At an opening the other
parties' shares add up to the value less one's own, and are uniform but for that: every s_i and
every input is masked by draws of its own. (Spelled out in tests/attacks/test_views_of_additive.py.)

A message of the dealer travels in the exchange that needs it, so it takes no round; see
mpcgen.protocols.dealer for how far it runs ahead.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import ClassVar

from mpcgen.abb import DIGEST_BYTES, Box, Exchange, Part, Products, Seat, factors
from mpcgen.cost import Cost, Costs, Size
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.keyed import KeyName, pass_keys
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret, Sized, join, nbytes, split

LEAST = 2  # computing parties


class AdditiveCosts(Costs):
    """Each computing party sends what it opens to each other one, the dealer what it corrects."""

    known_addend: ClassVar = True

    def __init__(self, seat: Seat):
        self.parties, self.owners, self.computing = seat.parties, seat.owners, seat.computing
        self.dealer = seat.dealer

    def input(self, b: Size) -> Cost:
        guests = [owner for owner in self.owners if owner not in self.computing]
        return Cost(1 if guests else 0, dict.fromkeys(guests, b.bytes))

    def reshare(self, b: Size, f: Size) -> Cost:
        return self._masked(f) + Cost(0, {self.dealer: b.bytes})

    def addends(self, b: Size, f: Size) -> Cost:
        return self._masked(f) + Cost(0, {self.dealer: b.bytes})

    def _masked(self, f: Size) -> Cost:
        return Cost(1, dict.fromkeys(self.computing, f.bytes * (len(self.computing) - 1)))

    def open(self, b: Size, of: Size | None = None) -> Cost:
        return Cost(1, dict.fromkeys(self.computing, b.bytes * (len(self.parties) - 1)))

    def reveal(self, b: Size, to: str) -> Cost:
        return Cost(1, {p: b.bytes for p in self.computing if p != to})

    def confirm(self) -> Cost:
        return Cost(1, dict.fromkeys(self.parties, DIGEST_BYTES * (len(self.parties) - 1)))


class Additive(Box):
    """A box of computing parties and any number of owners; the dealer's own is `Dealer`.

    Args:
        keys: (maker, i) -> generator of the key from which share i is drawn of what the maker, an
            owner or the dealer, gives; at the maker and at P_i.
    """

    def __init__(
        self, exchange: Exchange, seat: Seat, leakage: Leakage, keys: Mapping[KeyName, Prg]
    ):
        super().__init__(exchange, seat, leakage)
        self.costs = AdditiveCosts(seat)
        self._computing, self._dealer = seat.computing, seat.dealer
        self._i = seat.computing.index(seat.me) if seat.me in seat.computing else None
        self._keys = keys

    def constant(self, ring: Ring, values: Array) -> Secret:
        mine = values if self._i == 0 else ring.zeros(ring.shape(values))
        return self._secret(ring, ring.shape(values), mine)

    def _secret(self, ring: Ring, shape: tuple[int, ...], mine: Array) -> Secret:
        return Secret(self, ring, shape, () if self._i is None else (mine,))

    def _nothing(self, like: Sized) -> Secret:
        """What a party that does not compute holds of a secret."""
        return Secret(self, like.ring, like.shape, ())

    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]:
        label = self._next(label)
        known: dict[KeyName, Array] = {
            (owner, i): key.draw(ring, shape, f"{label}/{owner}", self._counter)
            for owner in self.owners
            for i in drawn_shares(self._computing, owner)
            if (key := self._keys.get((owner, i))) is not None
        }
        guests = [owner for owner in self.owners if owner not in self._computing]
        send: dict[str, bytes] = {}
        if values is not None:
            rest = reduce(
                ring.sub, (x for (owner, _), x in known.items() if owner == self.me), values
            )
            known[self.me, self._i or 0] = rest
            if self.me in guests:
                send = {self._computing[0]: ring.to_bytes(rest)}
        due = dict.fromkeys(guests if self._i == 0 else (), nbytes(ring, shape))
        if guests:
            for owner, data in self._exchange(label, send, due).items():
                known[owner, 0] = ring.from_bytes(data, shape)
        if self._i is None:
            return {owner: Secret(self, ring, shape, ()) for owner in self.owners}
        return {owner: self._secret(ring, shape, known[owner, self._i]) for owner in self.owners}

    def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]:
        label, x = self._next(label), factors(sums)
        if self._i is None:
            return [self._nothing(each) for each in sums]
        a = self._drawn(f"{label}/a", x)
        masked = [y.ring.sub(y._parts[0], mask) for y, mask in zip(x, a, strict=True)]
        d, c = self._unmask(label, x, masked, sums)
        known = {id(y): both for y, *both in zip(x, d, a, strict=True)}
        return [
            self._secret(each.ring, each.shape, self._sum(each, z, known))
            for each, z in zip(sums, c, strict=True)
        ]

    def _sum(self, each: Products, z: Array, known: Mapping[int, Sequence[Array]]) -> Array:
        """This party's share of a sum of products: z = c_i, and of each factor x: x - a and a_i."""
        add = each.ring.add_cross if self._i == 0 else each.ring.add_swapped
        for x, y in each.pairs:
            (d, a), (e, b) = known[id(x)], known[id(y)]
            z = add(z, (d, a), (e, b), each.product)
        return z

    def _addends(
        self, label: str, x: Secret, ring: Ring, shape: tuple[int, ...], part: Part
    ) -> tuple[Secret, Secret]:
        label, one = self._next(label), Secret(self, ring, shape, ())
        if self._i is None:
            return Secret(self, ring, shape, (), known=True), one
        (r,) = self._drawn(f"{label}/a", [x])
        (v,), (second,) = self._unmask(label, [x], [x.ring.add(x._parts[0], r)], [one])
        first = Secret(self, ring, shape, (part(v),), known=True)
        return first, self._secret(ring, shape, second)

    def _drawn(self, label: str, like: Sequence[Sized]) -> list[Array]:
        """This party's shares of what its key gives."""
        return drawn(self._keys[self._dealer, self._i or 0], label, self._counter, like)

    def _unmask(
        self, label: str, x: Sequence[Secret], masked: Sequence[Array], dealt: Sequence[Sized]
    ) -> tuple[list[Array], list[Array]]:
        """Open masked values to the computing parties, and take in what is dealt beside: 1 round.

        Returns:
            The opened values, and this party's shares of what follows from the masks.
        """
        data = b"".join(y.ring.canonical(m).data for y, m in zip(x, masked, strict=True))
        others = [p for p in self._computing if p != self.me]
        send: dict[str, bytes] = dict.fromkeys(others, data)
        due: dict[str, int | None] = dict.fromkeys(others, len(data))
        last = self.me == self._computing[-1]
        if last:
            send[self._dealer] = b""  # it may go on
            due[self._dealer] = sum(each.nbytes for each in dealt)
        came = self._exchange(label, send, due)
        shares = split(came.pop(self._dealer), dealt) if last else self._drawn(f"{label}/c", dealt)
        parts = [masked, *(split(each, x) for each in came.values())]
        return [reduce(y.ring.add, each) for y, *each in zip(x, *parts, strict=True)], shares

    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]:
        return self._show(self._next(label), secrets, self.parties)

    def _reveal(self, label: str, x: Secret, to: str) -> Array | None:
        opened = self._show(self._next(label), [x], (to,))
        return opened[0] if opened else None

    def _show(self, label: str, secrets: Sequence[Secret], to: Sequence[str]) -> list[Array]:
        """Values of secrets at those who are to learn them, nothing elsewhere."""
        data = b"" if self._i is None else join(secrets, 0)
        readers = [p for p in to if p != self.me] if self._i is not None else []
        holders = [p for p in self._computing if p != self.me] if self.me in to else []
        due = dict.fromkeys(holders, sum(x.nbytes for x in secrets))
        came = self._exchange(label, dict.fromkeys(readers, data), due)
        if self.me not in to:
            return []
        parts = [split(each, secrets) for each in came.values()]
        return [
            reduce(x.ring.add, (*x._parts, *others))
            for x, *others in zip(secrets, *parts, strict=True)
        ]


def drawn_shares(computing: Sequence[str], owner: str) -> list[int]:
    """Shares of an owner's inputs that are drawn from keys: all but its own, or the first."""
    kept = computing.index(owner) if owner in computing else 0
    return [i for i in range(len(computing)) if i != kept]


def drawn(key: Prg, label: str, counter: int, like: Sequence[Sized]) -> list[Array]:
    """Uniform values of these forms out of a key."""
    return [key.draw(x.ring, x.shape, f"{label}{n}", counter) for n, x in enumerate(like)]


def agree_on_keys(
    exchange: Exchange, seat: Seat, session: bytes, epoch: int, own: Prg
) -> dict[KeyName, Prg]:
    """The keys that this party makes or is given, for this session, in one round."""
    names = [(seat.dealer, i) for i in range(len(seat.computing))]
    for owner in seat.owners:
        names += [(owner, i) for i in drawn_shares(seat.computing, owner)]
    keys = pass_keys(exchange, seat, own, names, lambda name: [seat.computing[name[1]]])
    return {
        name: Prg(key, fixed=own.fixed).for_session(session, epoch) for name, key in keys.items()
    }
