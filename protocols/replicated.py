"""Replicated secret sharing among three computing parties; semi-honest, one of three corrupt.

Araki, Furukawa, Lindell, Nof, Ohara: High-Throughput Semi-Honest Secure Three-Party Computation
with an Honest Majority, CCS 2016 (in the form with x = x_0 + x_1 + x_2). Indices are modulo 3.

    [x]        P_i holds (x_i, x_{i+1}), so x_j is known to P_j and P_{j-1}.
    keys       k_j is known to P_j and P_{j-1}, fresh in every session.
    zero       a_i = F(k_i) - F(k_{i+1}); a_0 + a_1 + a_2 = 0, and each looks random to the others.

Input of P_i (no party learns more than one uniform element of it):
    x_i <- F(k_i),  x_{i+1} <- x - x_i,  x_{i+2} <- 0;   P_i sends x_{i+1} to P_{i+1}.
Input of an owner O that does not compute, who gave the holders of x_0 and x_1 a key for each:
    x_0 <- F(k_0^O),  x_1 <- F(k_1^O),  x_2 <- x - x_0 - x_1;   O sends x_2 to P_2 and P_1.
Product:
    z_i <- x_i y_i + x_i y_{i+1} + x_{i+1} y_i + a_i;   P_i sends z_i to P_{i-1}.
Addends, for comparison (Mohassel, Rindal, ABY3, CCS 2018, section 5.3):
    s = x_0 + x_1, known to P_0, and x_2, known to P_1 and P_2, as shares of bits:
    s_0 <- F(k_0),  s_1 <- s xor s_0,  s_2 <- 0;   P_0 sends s_1 to P_1;
    x_2 is its own component 2, the others are 0: no message.
Opening:
    P_i sends x_i to P_{i+1}, who lacks it. A party that holds nothing gets each x_j from P_j and a
    digest of it from P_{j-1}, and compares.

What an opening shows beyond the value x: the missing component, which is x less the two components
that the party has; so the view follows from the value and the party's own randomness.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from mpcgen.abb import DIGEST_BYTES, Exchange, Part, Products, Seat
from mpcgen.cost import Cost, Costs, Size
from mpcgen.errors import Abort
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.keyed import Keyed, KeyName, pass_keys
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret, join, nbytes, split

PARTIES: Final = 3


class ReplicatedCosts(Costs):
    """Each computing party sends one element for each element reshared or opened."""

    def __init__(self, seat: Seat):
        self.parties, self.owners, self.computing = seat.parties, seat.owners, seat.computing
        self._guests = [p for p in self.parties if p not in self.computing]

    def input(self, b: Size) -> Cost:
        return Cost(1, {o: b.bytes * (1 if o in self.computing else 2) for o in self.owners})

    def reshare(self, b: Size, f: Size) -> Cost:
        return Cost(1, dict.fromkeys(self.computing, b.bytes))

    def addends(self, b: Size, f: Size) -> Cost:
        return Cost(1, {self.computing[0]: b.bytes})

    def open(self, b: Size, of: Size | None = None) -> Cost:
        guests = len(self._guests) * (b.bytes + DIGEST_BYTES)
        return Cost(1, dict.fromkeys(self.computing, b.bytes + guests))

    def reveal(self, b: Size, to: str) -> Cost:
        if to in self.computing:
            return Cost(1, {self.computing[self.computing.index(to) - 1]: b.bytes})
        return Cost(1, dict.fromkeys(self.computing, b.bytes + DIGEST_BYTES))

    def confirm(self) -> Cost:
        return Cost(1, dict.fromkeys(self.parties, DIGEST_BYTES * (len(self.parties) - 1)))


class Replicated(Keyed):
    """A box of three computing parties and any number of owners.

    Args:
        keys: (maker, j) -> generator of the key from which x_j of the maker's inputs is drawn, at
            the maker and at the two holders of x_j: k_j of P_j, k_0^O and k_1^O of an owner O that
            does not compute.
    """

    size: ClassVar = PARTIES

    def __init__(
        self, exchange: Exchange, seat: Seat, leakage: Leakage, keys: Mapping[KeyName, Prg]
    ):
        super().__init__(exchange, seat, leakage, keys)
        self.costs = ReplicatedCosts(seat)

    @staticmethod
    def _agree_on_keys(exchange: Exchange, seat: Seat, own: Prg) -> dict[KeyName, bytes]:
        """In one round."""
        computing = seat.computing
        makers = dict.fromkeys((*computing, *seat.owners))
        names = [(maker, j) for maker in makers for j in _drawn_components(computing, maker)]

        def receivers(name: KeyName) -> list[str]:
            maker, j = name
            return [p for p in _holders(computing, j) if p != maker]

        return pass_keys(exchange, seat, own, names, receivers)

    def constant(self, ring: Ring, values: Array) -> Secret:
        zero = ring.zeros(ring.shape(values))
        match self._i:  # x_0 = values, x_1 = x_2 = 0
            case 0:
                parts: tuple[Array, ...] = (values, zero)
            case 1:
                parts = (zero, zero)
            case 2:
                parts = (zero, values)
            case _:
                parts = ()
        return Secret(self, ring, ring.shape(values), parts)

    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]:
        label = self._next(label)
        known: dict[KeyName, Array] = {}  # (owner, j) -> x_j
        send: dict[str, bytes] = {}
        receive: dict[str, int | None] = {}
        sent_index = {o: self._sent_component(o) for o in self.owners}
        for owner in self.owners:
            drawn = _drawn_components(self._computing, owner)
            for j in drawn:
                if (key := self._keys.get((owner, j))) is not None:
                    known[owner, j] = key.draw(ring, shape, f"{label}/{owner}", self._counter)
            j = sent_index[owner]
            if owner == self.me and values is not None:
                rest = values
                for d in drawn:
                    rest = ring.sub(rest, known[owner, d])
                known[owner, j] = rest
                data = ring.to_bytes(rest)
                send = {h: data for h in _holders(self._computing, j) if h != self.me}
            elif self.me in _holders(self._computing, j):
                receive[owner] = nbytes(ring, shape)
        came = self._exchange(label, send, receive)
        for owner, data in came.items():
            known[owner, sent_index[owner]] = ring.from_bytes(data, shape)
        zero = ring.zeros(shape)
        return {
            owner: Secret(
                self, ring, shape, tuple(known.get((owner, j), zero) for j in self._components())
            )
            for owner in self.owners
        }

    def _sent_component(self, owner: str) -> int:
        """The component of this owner's inputs that is sent."""
        return (self._computing.index(owner) + 1) % PARTIES if owner in self._computing else 2

    def _components(self) -> tuple[int, ...]:
        return () if self._i is None else (self._i, (self._i + 1) % PARTIES)

    def _neighbours(self, i: int) -> tuple[str, str]:
        """The computing parties before and after P_i."""
        return self._computing[i - 1], self._computing[(i + 1) % PARTIES]

    def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]:
        label = self._next(label)
        if self._i is None:
            return [Secret(self, each.ring, each.shape, ()) for each in sums]
        mine = [
            Secret(self, each.ring, each.shape, (self._summand(each, f"{label}/{n}"),))
            for n, each in enumerate(sums)
        ]
        before, after = self._neighbours(self._i)
        came = self._exchange(label, {before: join(mine, 0)}, {after: sum(x.nbytes for x in mine)})
        return [
            Secret(self, z.ring, z.shape, (*z._parts, other))
            for z, other in zip(mine, split(came[after], mine), strict=True)
        ]

    def _summand(self, each: Products, label: str) -> Array:
        """z_i: this party's terms of the products, under a share of zero."""
        ring = each.ring
        first, second = (
            self._keys[self._computing[j], j].draw(ring, each.shape, label, self._counter)
            for j in self._components()
        )
        z = ring.sub(first, second)
        for (x0, x1), (y0, y1) in ((x._parts, y._parts) for x, y in each.pairs):
            z = ring.add_cross(z, (x0, x1), (y0, y1), each.product)
        return z

    def _addends(
        self, label: str, x: Secret, ring: Ring, shape: tuple[int, ...], part: Part
    ) -> tuple[Secret, Secret]:
        label = self._next(label)
        if self._i is None:
            return Secret(self, ring, shape, ()), Secret(self, ring, shape, ())
        zero, maker = ring.zeros(shape), self._computing[0]
        if (key := self._keys.get((maker, 0))) is not None:
            s0 = key.draw(ring, shape, f"{label}/{maker}", self._counter)
        match self._i:
            case 0:
                s1 = ring.sub(part(x.ring.add(*x._parts)), s0)
                self._exchange(label, {self._computing[1]: ring.to_bytes(s1)}, {})
                parts, others = (s0, s1), (zero, zero)
            case 1:
                came = self._exchange(label, {}, {maker: nbytes(ring, shape)})
                parts = (ring.from_bytes(came[maker], shape), zero)
                others = (zero, part(x._parts[1]))
            case _:
                self._exchange(label, {}, {})
                parts, others = (zero, s0), (part(x._parts[0]), zero)
        return Secret(self, ring, shape, parts), Secret(self, ring, shape, others)

    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]:
        label = self._next(label)
        length = sum(x.nbytes for x in secrets)
        if self._i is None:
            return self._assemble(secrets, self._exchange(label, {}, self._from_holders(length)))
        send = self._to_guests(secrets, [p for p in self.parties if p not in self._computing])
        before, after = self._neighbours(self._i)
        send[after] = join(secrets, 0)
        came = self._exchange(label, send, {before: length})
        return [
            x.ring.add(x.ring.add(*x._parts), missing)
            for x, missing in zip(secrets, split(came[before], secrets), strict=True)
        ]

    def _reveal(self, label: str, x: Secret, to: str) -> Array | None:
        label = self._next(label)
        if to not in self._computing:
            send = {} if self._i is None else self._to_guests([x], [to])
            came = self._exchange(
                label, send, self._from_holders(x.nbytes) if to == self.me else {}
            )
            return self._assemble([x], came)[0] if to == self.me else None
        before = self._computing[self._computing.index(to) - 1]
        send = {to: join([x], 0)} if self.me == before else {}
        came = self._exchange(label, send, {before: x.nbytes} if to == self.me else {})
        if to != self.me:
            return None
        return x.ring.add(x.ring.add(*x._parts), x.ring.from_bytes(came[before], x.shape))

    def _to_guests(self, secrets: Sequence[Secret], guests: Sequence[str]) -> dict[str, bytes]:
        if not guests:
            return {}
        data = join(secrets, 0) + hashlib.sha256(join(secrets, 1)).digest()
        return dict.fromkeys(guests, data)

    def _from_holders(self, length: int) -> dict[str, int | None]:
        return dict.fromkeys(self._computing, length + DIGEST_BYTES)

    def _assemble(self, secrets: Sequence[Secret], came: Mapping[str, bytes]) -> list[Array]:
        """Values from all components, each compared with its second holder's digest."""
        parts = [came[p][:-DIGEST_BYTES] for p in self._computing]
        for j, data in enumerate(parts):
            second = self._computing[j - 1]
            if hashlib.sha256(data).digest() != came[second][-DIGEST_BYTES:]:
                raise Abort(f"{self._computing[j]} and {second} sent different shares")
        columns = zip(secrets, *(split(data, secrets) for data in parts), strict=True)
        return [x.ring.add(x.ring.add(a, b), c) for x, a, b, c in columns]


def _drawn_components(computing: Sequence[str], owner: str) -> tuple[int, ...]:
    """Components of this owner's inputs that come from keys of its making."""
    return (computing.index(owner),) if owner in computing else (0, 1)


def _holders(computing: Sequence[str], j: int) -> tuple[str, str]:
    """The two parties that know component j."""
    return computing[j], computing[j - 1]
