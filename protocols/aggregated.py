"""Totals by an aggregator and a key holder, under an additively homomorphic cipher; sums only.

Three roles: owners have data; the aggregator has none of the secret key and sees ciphertexts only;
the key holder decrypts only their sums. Owners need not talk to each other to compute. Semi-honest;
the aggregator and the key holder do not collude. Either may be an owner as well: the aggregator
then sees the others' ciphertexts, the key holder what everybody sees.

    [x]        owner i holds x_i, in plain: x = sum_i x_i. The others hold nothing.
    input      x_i <- x at owner i, 0 at the others: no message, and so is all that is linear.
    constant   x_1 <- c at the first owner, 0 at the others.

Opening, three rounds:
    1. owner i      c_i <- Enc(x_i), to the aggregator
    2. aggregator   c <- c_1 + ... + c_n, to the key holder
    3. key holder   x <- Dec(c), to everybody

Contributions are signed integers, and so is their sum: ranges are proved when the plan is checked,
so the key holder sees the total that everybody learns, and no wrap-around that tells of a single
owner. A total that leaves the signed range of its ring is not told.

No product and no comparison exists here, and nothing is revealed to one party alone, since the key
holder would see it. It would see as well what a floor withholds.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NoReturn

from mpcgen.abb import DIGEST_BYTES, Box, Exchange, Part, Products, Seat
from mpcgen.bits import BitRing
from mpcgen.cost import Cost, Costs, Size
from mpcgen.leakage import Leakage
from mpcgen.protocols.packing import Like
from mpcgen.ring import Z2_32, Array, Ring
from mpcgen.secret import Secret, split


class Cipher(ABC):
    """An additively homomorphic cipher, as one party has it."""

    @abstractmethod
    def encrypt(self, like: Like, values: Sequence[Array], label: str) -> bytes:
        """Ciphertexts of an owner's signed contributions.

        Args:
            label: used once in a session; the randomness is drawn under it.
        """

    @abstractmethod
    def add(self, sealed: dict[str, bytes]) -> bytes:
        """The sum of all owners' ciphertexts.

        Raises:
            Abort: an owner sent what is no ciphertext under this key.
        """

    @abstractmethod
    def decrypt(self, like: Like, sealed: bytes) -> list[Array]:
        """Totals out of the sum of all owners' ciphertexts; only the key holder can.

        Raises:
            Abort: these are no totals in their range, under this key.
        """


def pass_key(exchange: Exchange, seat: Seat, length: int, key: bytes | None) -> bytes | None:
    """The key holder's public key, told to all who encrypt or add: one round.

    Returns:
        The key; None at a party that neither has data nor computes.
    """
    aggregator, holder = seat.computing
    users = [p for p in seat.parties if p != holder and p in (*seat.owners, aggregator)]
    if seat.me in users:
        return exchange.exchange("key", {}, {holder: length})[holder]
    if key is not None:
        exchange.exchange("key", dict.fromkeys(users, key), {})
    return key


def lacking(what: str) -> NoReturn:
    """Refuse an operation. A plan that needs it is refused when it is checked."""
    raise NotImplementedError(f"an engine that only adds has no {what}")


class AggregatedCosts(Costs):
    """Owners send ciphertexts, the aggregator their sum, the key holder the totals.

    Args:
        sealed: bytes of values -> bytes of their ciphertexts.
    """

    def __init__(self, seat: Seat, sealed: Callable[[int], int]):
        self.parties, self.owners = seat.parties, seat.owners
        self.aggregator, self.holder = seat.computing
        self.sealed = sealed

    def input(self, b: Size) -> Cost:
        return Cost()

    def reshare(self, b: Size, f: Size) -> Cost:
        lacking("products")

    def addends(self, b: Size, f: Size) -> Cost:
        lacking("comparisons")

    def open(self, b: Size, of: Size | None = None) -> Cost:
        sealed = self.sealed(b.bytes)
        encrypted = Cost(1, {owner: sealed for owner in self.owners if owner != self.aggregator})
        told = Cost(1, {self.holder: b.bytes * (len(self.parties) - 1)})
        return encrypted + Cost(1, {self.aggregator: sealed}) + told

    def reveal(self, b: Size, to: str) -> Cost:
        lacking("way to reveal values to one party")

    def confirm(self) -> Cost:
        return Cost(1, dict.fromkeys(self.parties, DIGEST_BYTES * (len(self.parties) - 1)))


class Aggregated(Box):
    """A box of owners, an aggregator and a key holder.

    Args:
        cipher: with the public key; at the key holder with the secret one; None at a party that
            neither has data nor computes.
    """

    def __init__(
        self,
        exchange: Exchange,
        seat: Seat,
        leakage: Leakage,
        costs: AggregatedCosts,
        cipher: Cipher | None,
    ):
        super().__init__(exchange, seat, leakage)
        self.costs: AggregatedCosts = costs
        self._cipher = cipher
        self._owns = seat.me in seat.owners

    def constant(self, ring: Ring, values: Array) -> Secret:
        mine = values if self.me == self.owners[0] else ring.zeros(ring.shape(values))
        return Secret(self, ring, ring.shape(values), (mine,) if self._owns else ())

    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]:
        def parts(owner: str) -> tuple[Array, ...]:
            if values is None:
                return ()
            return (values if owner == self.me else ring.zeros(shape),)

        return {owner: Secret(self, ring, shape, parts(owner)) for owner in self.owners}

    def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]:
        lacking("products")

    def _addends(
        self, label: str, x: Secret, ring: Ring, shape: tuple[int, ...], part: Part
    ) -> tuple[Secret, Secret]:
        lacking("comparisons")

    def _reveal(self, label: str, x: Secret, to: str) -> Array | None:
        lacking("way to reveal values to one party")

    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]:
        like = [(_with_room(x.ring), x.shape) for x in secrets]
        length = self.costs.sealed(sum(x.nbytes for x in secrets))
        mine = None
        if self._cipher is not None and self._owns:
            values = [x._parts[0] for x in secrets]
            mine = self._cipher.encrypt(like, values, f"{label}#{self._counter}")
        encrypted = self._gather(self._next(label), mine, length)  # 1
        total = self._hand_over(self._next(label), encrypted, length)  # 2
        return self._tell(self._next(label), like, total, secrets)  # 3

    def _gather(self, label: str, mine: bytes | None, length: int) -> dict[str, bytes]:
        """At the aggregator, every owner's ciphertexts."""
        if self.me != self.costs.aggregator:
            self._exchange(label, {} if mine is None else {self.costs.aggregator: mine}, {})
            return {}
        others = [owner for owner in self.owners if owner != self.me]
        came = self._exchange(label, {}, dict.fromkeys(others, length))
        return came if mine is None else {self.me: mine, **came}

    def _hand_over(self, label: str, encrypted: dict[str, bytes], length: int) -> bytes:
        """At the key holder, the sum of the ciphertexts."""
        aggregator, holder = self.costs.aggregator, self.costs.holder
        if self.me == holder:
            return self._exchange(label, {}, {aggregator: length})[aggregator]
        send = {}
        if self._cipher is not None and encrypted:
            send[holder] = self._cipher.add(encrypted)
        self._exchange(label, send, {})
        return b""

    def _tell(
        self, label: str, like: Like, sealed: bytes, secrets: Sequence[Secret]
    ) -> list[Array]:
        """At everybody, the totals."""
        holder = self.costs.holder
        if self._cipher is None or self.me != holder:
            length = sum(x.nbytes for x in secrets)
            return split(self._exchange(label, {}, {holder: length})[holder], secrets)
        totals = self._cipher.decrypt(like, sealed)
        told = b"".join(ring.to_bytes(x) for (ring, _), x in zip(like, totals, strict=True))
        self._exchange(label, dict.fromkeys([p for p in self.parties if p != self.me], told), {})
        return totals


def _with_room(ring: Ring) -> Ring:
    if isinstance(ring, BitRing) or ring.k < Z2_32.k:
        lacking(f"openings of {ring}: totals of counts need 32 bits")
    return ring
