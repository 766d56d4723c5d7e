"""The arithmetic black box: what a protocol may do with a secret, whatever engine holds it.

A protocol is one plain function that every party runs with its own `Box`. Linear operations on a
`Secret` are local and written with operators; what needs messages is a method of the box: `input`,
`sums_of_products` (and `mul`, `matmul`), `addends`, `open`, `reveal`, `confirm`. A party that owns
data but does not compute runs the same function: its secrets have no parts, and its linear
operations do nothing.

The ideal functionality is Damgard and Nielsen's arithmetic black box (CRYPTO 2003, section 4) over
Z_2^k; each engine states what corruption it withstands.
"""

from __future__ import annotations

import hashlib
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcgen.bits import BITS, BitRing
from mpcgen.cost import Cost, Costs, Size
from mpcgen.errors import Abort, NotInManifest
from mpcgen.keeper import TOKEN_BYTES, Keeper
from mpcgen.leakage import Leakage, Opening
from mpcgen.ring import Array, Product, Ring
from mpcgen.secret import Secret, Sized, check_same, nbytes

DIGEST_BYTES = 32

Part: TypeAlias = Callable[[Array], Array]  # a function of an addend, 0 where that is
Choose: TypeAlias = Callable[[Mapping[str, Secret]], Mapping[str, Secret]]


@dataclass(frozen=True)
class Seat:
    """One party's place in a session.

    Attributes:
        parties: everybody in the session but a dealer, in the plan's order.
        owners: who gives data.
        computing: who computes, in the engine's order.
        key_bits: size of the key holder's key, where the engine has one.
        dealer: who deals correlated randomness, where the engine has one; it learns nothing.
    """

    me: str
    parties: tuple[str, ...]
    owners: tuple[str, ...]
    computing: tuple[str, ...]
    key_bits: int = 0
    dealer: str = ""


class Exchange(Protocol):
    """The one verb by which a protocol reaches other parties; one call is one round."""

    def exchange(
        self, label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        """Send to each named peer, then wait for a message of the given length from each."""
        ...


@dataclass(frozen=True)
class Products:
    """Products of pairs of secrets, to be summed and reshared as one value.

    Attributes:
        matrices: they are products of matrices, not of elements.
    """

    ring: Ring
    shape: tuple[int, ...]
    pairs: Sequence[tuple[Secret, Secret]]
    matrices: bool = False

    @property
    def product(self) -> Product:
        """The product of two arrays of elements of the ring."""
        return self.product_in(self.ring)

    def product_in(self, ring: Ring) -> Product:
        """The same product in another ring."""
        return ring.matmul if self.matrices else ring.mul

    @property
    def nbytes(self) -> int:
        """Canonical bytes of the sum."""
        return nbytes(self.ring, self.shape)

    def of(self, chosen: Callable[[Secret, Secret], bool]) -> Self:
        """The sum of some of the products."""
        return replace(self, pairs=[pair for pair in self.pairs if chosen(*pair)])


class Box(ABC):
    """One party's side of the arithmetic black box.

    Every party calls the same operations in the same order, with the same labels.
    """

    costs: Costs
    bits: BitRing = BITS  # what comparisons work on

    def __init__(self, exchange: Exchange, seat: Seat, leakage: Leakage):
        self.me, self.parties, self.owners = seat.me, seat.parties, seat.owners
        self.leakage = leakage
        self.declared = Cost()
        self._exchange = exchange.exchange
        self._counter = 0
        self._seen = hashlib.sha256()
        self._chosen: dict[str, NDArray[np.bool_]] = {}  # bits opened, by label
        self.keeper: Keeper | None = None  # of openings, where a broken session can be resumed

    # What an engine brings.

    def _ready(self, secrets: Mapping[str, Secret]) -> Mapping[str, Secret]:
        """What is done to secrets before rows of them are chosen to be opened: here nothing."""
        return secrets

    def part_ring(self, ring: Ring, n: int) -> Ring:  # noqa: ARG002
        """Where part n of a shared secret of this ring lives: here in the ring itself."""
        return ring

    def lifted(self, ring: Ring, n: int, public: Array) -> Array:  # noqa: ARG002
        """Public elements of this ring, as factors of part n: here as they are."""
        return public

    @abstractmethod
    def constant(self, ring: Ring, values: Array) -> Secret:
        """A public value, given as ring elements, as a secret of the box."""

    @abstractmethod
    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]: ...

    @abstractmethod
    def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]: ...

    @abstractmethod
    def _addends(
        self, label: str, x: Secret, ring: Ring, shape: tuple[int, ...], part: Part
    ) -> tuple[Secret, Secret]: ...

    @abstractmethod
    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]: ...

    @abstractmethod
    def _reveal(self, label: str, x: Secret, to: str) -> Array | None: ...

    # What a protocol uses.

    def input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None = None
    ) -> dict[str, Secret]:
        """Every owner's values (ring elements of the given shape), shared at once: one round.

        Args:
            values: this party's own, if it is an owner; otherwise None.
        """
        if (values is None) == (self.me in self.owners):
            raise ValueError(f"{self.me} gives values to {label} exactly if it is an owner")
        if values is not None and ring.shape(values) != shape:
            raise ValueError(f"{label}: {ring.shape(values)} values where {shape} are declared")
        if self.keeper is not None and values is not None:
            self.keeper.given(label, ring.to_bytes(values))
        self._declare(self.costs.input(Size.of(ring, shape)))
        return self._input(label, ring, shape, values)

    def mul(self, x: Secret, y: Secret, label: str = "mul") -> Secret:
        """x y, elementwise: one round."""
        return self.sum_products([(x, y)], label)

    def sum_products(self, pairs: Sequence[tuple[Secret, Secret]], label: str = "dot") -> Secret:
        """The sum of elementwise products of pairs of one shape, reshared once: one round."""
        return self.sums_of_products([pairs], label)[0]

    def sums_of_products(
        self, sums: Sequence[Sequence[tuple[Secret, Secret]]], label: str = "dot"
    ) -> list[Secret]:
        """Several sums of products, each with a shape and ring of its own: one round for all."""
        return self._products(label, [_elementwise(pairs) for pairs in sums])

    def matmul(self, x: Secret, y: Secret, label: str = "matmul") -> Secret:
        """The matrix product of (n, c) and (c, d), reshared once: one round."""
        if x.ring != y.ring or x.shape[1:] != y.shape[:1]:
            raise ValueError(f"no product of {x!r} and {y!r}")
        shape = (x.shape[0], y.shape[1])
        return self._products(label, [Products(x.ring, shape, [(x, y)], matrices=True)])[0]

    def _products(self, label: str, sums: Sequence[Products]) -> list[Secret]:
        """Sums of products: those of a secret that is known to who computes are local."""
        rest = [each.of(lambda x, y: not (x.known or y.known)) for each in sums]
        asked = [each for each in rest if each.pairs]
        found: Iterator[Secret] = iter(())
        if asked:
            opened = Size.total(_forms(factors(asked, each_time=self.costs.each_time)))
            self._declare(self.costs.reshare(Size.total(_forms(asked)), opened))
            found = iter(self._reshare(label, asked))
        results = []
        for each, others in zip(sums, rest, strict=True):
            terms = [next(found)] if others.pairs else []
            terms += [self._local(each, x, y) for x, y in each.pairs if x.known or y.known]
            results.append(reduce(operator.add, terms))
        return results

    def _local(self, each: Products, x: Secret, y: Secret) -> Secret:
        """A product of which one factor is known: of each part of the other one."""
        known, other = (x, y) if x.known else (y, x)
        parts = []
        for n, part in enumerate(other._parts):
            factor, ring = other.lifted(n, known._parts[0]), other.ring_of(n)
            if not each.matrices:
                parts.append(ring.scale(part, factor))
            elif other is y:
                parts.append(ring.matmul(factor, part))
            else:
                parts.append(ring.matmul(part, factor))
        return Secret(self, each.ring, each.shape, tuple(parts), known=other.known)

    def addends(
        self, x: Secret, positions: Sequence[int], pairs: int, label: str = "addends"
    ) -> tuple[Secret, Secret]:
        """Two integers that add up to x modulo 2^k, as shared bits: at most one round.

        Returns:
            For (..., m) two secrets (len(positions) + pairs, ..., packed(m)) of bits: the bit
            planes at these positions, then products of them, as `BitRing.planes` has them. With
            some engines the first is `known`.
        """
        *rows, m = x.shape
        shape = (len(positions) + pairs, *rows, self.bits.packed(m))
        return self.parts(
            x, self.bits, shape, lambda y: self.bits.planes(x.ring, y, positions, pairs), label
        )

    def parts(
        self,
        x: Secret,
        ring: Ring,
        shape: tuple[int, ...],
        part: Part,
        label: str = "parts",
    ) -> tuple[Secret, Secret]:
        """A function of each of two addends of x, as secrets of another ring: at most one round.

        Args:
            part: elements of x's ring and shape -> elements of `ring` and `shape`; of 0 it is 0.
        """
        self._declare(self.costs.addends(Size.of(ring, shape), x.size))
        return self._addends(label, x.shared(), ring, shape, part)

    def open(self, secrets: Mapping[str, Secret], where: str | None = None) -> dict[str, Array]:
        """Make named secrets public to all parties, in one round.

        Args:
            where: label of bits opened before: only the rows where it is 1 are opened.

        Raises:
            NotInManifest: the plan does not release one of them, or the bits that say where were
                not opened; nothing was sent.
        """
        for label, x in secrets.items():
            self.leakage.spend(Opening(label, x.ring.k, x.shape, self.parties, where))
        if where is None:
            return self._once(secrets)
        rows = self._rows(where, secrets)
        return self._once(secrets, lambda all_: {label: x[rows] for label, x in all_.items()})

    def _rows(self, where: str, secrets: Mapping[str, Secret]) -> NDArray[np.intp]:
        """Rows of these secrets where the bits opened under a label are 1."""
        if where not in self._chosen:
            raise NotInManifest(f"{', '.join(secrets)}: {where}, which says where, was not opened")
        chosen = self._chosen[where]
        for label, x in secrets.items():
            if x.shape[0] != len(chosen):
                raise ValueError(f"{label} has {x.shape[0]} rows, {where} {len(chosen)} bits")
        return np.flatnonzero(chosen)

    def open_bits(self, bits: Mapping[str, Secret], m: int) -> dict[str, NDArray[np.bool_]]:
        """Make named bits of m units, (packed(m),) each, public to all parties, in one round.

        Raises:
            NotInManifest: the plan does not release one of them; nothing was sent.
        """
        for label in bits:
            self.leakage.spend(Opening(label, 1, (m,), self.parties))
        inside = self.bits.pack(np.ones(m, np.bool_))
        opened = self._once({label: x * inside for label, x in bits.items()})
        chosen = {label: self.bits.unpack(x, m) for label, x in opened.items()}
        self._chosen.update(chosen)
        return chosen

    def _once(
        self, secrets: Mapping[str, Secret], choose: Choose = lambda secrets: secrets
    ) -> dict[str, Array]:
        """Open what `choose` leaves of secrets, if it was not opened in an earlier session."""
        labels = sorted(secrets)
        if self.keeper is not None:
            chosen = choose(secrets)
            kept = self.keeper.answer([chosen[label] for label in labels])
            if kept is not None:
                return self._see({n: chosen[n].ring for n in labels}, kept)
        ready = choose(self._ready(secrets))
        return self._open_all(ready, Size.total(_forms(secrets.values())))

    def _open_all(
        self, secrets: Mapping[str, Secret], whole: Size | None = None
    ) -> dict[str, Array]:
        labels = sorted(secrets)
        self._declare(self.costs.open(Size.total(_forms(secrets.values())), whole))
        shares = [secrets[label].shared() for label in labels]
        if self.keeper is not None:
            shares = self._kept(self.keeper, shares)
        opened = self._open("open", shares)
        if self.keeper is not None:
            parts = zip(shares, opened, strict=True)
            self.keeper.opened(b"".join(x.ring.to_bytes(value) for x, value in parts))
        return self._see({label: secrets[label].ring for label in labels}, opened)

    def _kept(self, keeper: Keeper, shares: Sequence[Secret]) -> list[Secret]:
        """Shares of an opening, once every party has kept its own: one round, a dealer apart."""
        kept = keeper.prepare(shares)
        if self.me in self.parties:
            others = [p for p in self.parties if p != self.me]
            each = dict.fromkeys(self.parties, TOKEN_BYTES * len(others))
            self._declare(Cost(1, each))
            came = self._exchange(
                f"ready#{self._counter}",
                dict.fromkeys(others, keeper.token),
                dict.fromkeys(others, TOKEN_BYTES),
            )
            keeper.all_ready(came)
        return kept

    def _see(self, rings: Mapping[str, Ring], opened: Sequence[Array]) -> dict[str, Array]:
        """Values by label, which go into what is compared at the end."""
        for (label, ring), values in zip(rings.items(), opened, strict=True):
            self._seen.update(hashlib.sha256(label.encode()).digest())
            self._seen.update(hashlib.sha256(ring.to_bytes(values)).digest())
        return dict(zip(rings, opened, strict=True))

    def follow(self, earlier: Box) -> None:
        """Go on where another box of the same run has stopped: what was opened, and is allowed."""
        self.leakage, self.keeper = earlier.leakage, earlier.keeper
        self._seen, self._chosen = earlier._seen, earlier._chosen

    def reveal(self, label: str, x: Secret, to: str) -> Array | None:
        """Make a secret known to one party; the others get None. One round.

        Raises:
            NotInManifest: the plan does not release it to this party; nothing was sent.
        """
        if self.keeper is not None:
            raise NotImplementedError("what is revealed to one party alone is not kept")
        self.leakage.spend(Opening(label, x.ring.k, x.shape, (to,)))
        self._declare(self.costs.reveal(x.size, to))
        return self._reveal(label, x.shared(), to)

    def confirm(self) -> None:
        """Compare a digest of all that was opened with every party, before anything is written.

        Raises:
            Abort: a party saw other values opened.
        """
        self._declare(self.costs.confirm())
        mine = self._seen.digest()
        others = [p for p in self.parties if p != self.me]
        theirs = self._exchange(
            self._next("confirm"), dict.fromkeys(others, mine), dict.fromkeys(others, DIGEST_BYTES)
        )
        for party, seen in theirs.items():
            if seen != mine:
                raise Abort(f"{party} saw other values opened than {self.me} did")

    def _declare(self, cost: Cost) -> None:
        self.declared = self.declared + cost

    def _next(self, label: str) -> str:
        """The label of the next message round: the same at every party that keeps step."""
        self._counter += 1
        return f"{label}#{self._counter}"


def factors(sums: Sequence[Products], *, each_time: bool = False) -> list[Secret]:
    """The secrets that are multiplied, each once, or each time that it is a factor."""
    found = [x for each in sums for pair in each.pairs for x in pair]
    return found if each_time else list({id(x): x for x in found}.values())


def _forms(values: Iterable[Sized]) -> Iterator[tuple[Ring, tuple[int, ...]]]:
    """Rings and shapes."""
    return ((x.ring, x.shape) for x in values)


def _elementwise(pairs: Sequence[tuple[Secret, Secret]]) -> Products:
    x = pairs[0][0]
    for a, b in pairs:
        check_same(x, a)
        check_same(x, b)
    return Products(x.ring, x.shape, pairs)
