"""The clear engine: one party computes in the open. The oracle behind the same interface.

It hides nothing: the computing party sees what every owner gives. It is there to test protocols
and statistics, and for data that are public anyway.
"""

from collections.abc import Sequence

from mpcgen.abb import DIGEST_BYTES, Box, Exchange, Part, Products, Seat
from mpcgen.cost import Cost, Costs, Size
from mpcgen.leakage import Leakage
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret, join, nbytes, split


class ClearCosts(Costs):
    """Owners send to the computing party, it sends to everybody."""

    def __init__(self, seat: Seat):
        self.parties, self.owners = seat.parties, seat.owners
        (self.computing,) = seat.computing

    def input(self, b: Size) -> Cost:
        return Cost(1, {o: b.bytes for o in self.owners if o != self.computing})

    def reshare(self, b: Size, f: Size) -> Cost:
        return Cost()

    def addends(self, b: Size, f: Size) -> Cost:
        return Cost()

    def open(self, b: Size, of: Size | None = None) -> Cost:
        return Cost(1, {self.computing: b.bytes * (len(self.parties) - 1)})

    def reveal(self, b: Size, to: str) -> Cost:
        return Cost(1, {} if to == self.computing else {self.computing: b.bytes})

    def confirm(self) -> Cost:
        return Cost(1, dict.fromkeys(self.parties, DIGEST_BYTES * (len(self.parties) - 1)))


class Clear(Box):
    """A box whose secrets are plain values at the computing party and nothing elsewhere."""

    def __init__(self, exchange: Exchange, seat: Seat, leakage: Leakage):
        super().__init__(exchange, seat, leakage)
        self.costs = ClearCosts(seat)
        (self._computing,) = seat.computing
        self._here = seat.me == self._computing

    def constant(self, ring: Ring, values: Array) -> Secret:
        return Secret(self, ring, ring.shape(values), (values,) if self._here else ())

    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]:
        sent = {} if values is None or self._here else {self._computing: ring.to_bytes(values)}
        senders = [o for o in self.owners if o != self.me] if self._here else []
        came = self._exchange(self._next(label), sent, dict.fromkeys(senders, nbytes(ring, shape)))
        known = {owner: ring.from_bytes(data, shape) for owner, data in came.items()}
        if values is not None:
            known[self.me] = values
        return {
            owner: Secret(self, ring, shape, (known[owner],) if self._here else ())
            for owner in self.owners
        }

    def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]:
        return [self._sum(each) for each in sums]

    def _sum(self, each: Products) -> Secret:
        if not self._here:
            return Secret(self, each.ring, each.shape, ())
        total = each.ring.zeros(each.shape)
        for x, y in each.pairs:
            total = each.ring.add(total, each.product(x._parts[0], y._parts[0]))
        return Secret(self, each.ring, each.shape, (total,))

    def _addends(
        self, label: str, x: Secret, ring: Ring, shape: tuple[int, ...], part: Part
    ) -> tuple[Secret, Secret]:
        first = (part(x._parts[0]),) if self._here else ()
        second = (ring.zeros(shape),) if self._here else ()
        return Secret(self, ring, shape, first), Secret(self, ring, shape, second)

    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]:
        others = [p for p in self.parties if p != self.me]
        if self._here:
            data = join(secrets, 0)
            self._exchange(self._next(label), dict.fromkeys(others, data), {})
        else:
            length = sum(x.nbytes for x in secrets)
            data = self._exchange(self._next(label), {}, {self._computing: length})[self._computing]
        return split(data, secrets)

    def _reveal(self, label: str, x: Secret, to: str) -> Array | None:
        send, receive = {}, {}
        if self._here and to != self.me:
            send[to] = x.ring.to_bytes(x._parts[0])
        if self.me == to and not self._here:
            receive[self._computing] = x.nbytes
        came = self._exchange(self._next(label), send, receive)
        if self.me != to:
            return None
        return x._parts[0] if self._here else x.ring.from_bytes(came[self._computing], x.shape)
