"""The arithmetic black box: what a protocol may do with a secret, whatever engine holds it.

A protocol is one plain function that every party runs with its own `Box`. Linear operations on a
`Secret` are local and written with operators; what needs messages is a method of the box: `input`,
`sum_products` (and `mul`, `matmul`), `open`, `reveal`, `confirm`. A party that owns data but does
not compute runs the same function: its secrets have no parts, and its linear operations do nothing.

The ideal functionality is Damgard and Nielsen's arithmetic black box (CRYPTO 2003, section 4) over
Z_2^k; each engine states what corruption it withstands.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import numpy as np

from mpcgen.cost import Cost, Costs
from mpcgen.errors import Abort
from mpcgen.leakage import Leakage, Opening
from mpcgen.ring import Array, Ring

DIGEST_BYTES = 32


@dataclass(frozen=True)
class Seat:
    """One party's place in a session.

    Attributes:
        parties: everybody in the session, in the plan's order.
        owners: who gives data.
        computing: who computes, in the engine's order.
    """

    me: str
    parties: tuple[str, ...]
    owners: tuple[str, ...]
    computing: tuple[str, ...]


class Exchange(Protocol):
    """The one verb by which a protocol reaches other parties; one call is one round."""

    def exchange(
        self, label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        """Send to each named peer, then wait for a message of the given length from each."""
        ...


class Secret:
    """Ring elements that no single party knows. Made only by a box; shape is the logical shape.

    It has no truth value, no number, no array, no bytes and no representation of its data.
    """

    __slots__ = ("_box", "_parts", "ring", "shape")
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None  # arrays leave `array * secret` to the secret

    def __init__(self, box: Box, ring: Ring, shape: tuple[int, ...], parts: tuple[Array, ...]):
        self._box = box
        self._parts = parts
        self.ring = ring
        self.shape = shape

    @property
    def nbytes(self) -> int:
        """Canonical bytes of a value of this ring and shape."""
        return nbytes(self.ring, self.shape)

    def __add__(self, other: Secret | Array | int) -> Secret:
        """The sum with a secret, or with public integers, broadcast to this secret's shape."""
        y = self._term(other)
        parts = zip(self._parts, y._parts, strict=True)
        sums = tuple(self.ring.add(a, b) for a, b in parts)
        return Secret(self._box, self.ring, self.shape, sums)

    def __sub__(self, other: Secret | Array | int) -> Secret:
        return self + -self._term(other)

    def __rsub__(self, other: Array | int) -> Secret:  # type: ignore[misc]
        return -self + other

    def __neg__(self) -> Secret:
        return self._map(self.ring.neg, self.shape)

    def __mul__(self, factor: object) -> Secret:
        """The product with public integers, broadcast to this secret's shape."""
        if isinstance(factor, Secret):
            raise TypeError("the product of two secrets takes a round: use box.mul")
        public = self._public(factor)
        return self._map(lambda part: self.ring.mul(part, public), self.shape)

    __radd__ = __add__
    __rmul__ = __mul__

    def __getitem__(self, index: Any) -> Secret:
        """Basic indexing and selection along the leading logical axes."""
        shape = np.broadcast_to(np.False_, self.shape)[index].shape
        return self._map(lambda part: self.ring.index(part, index), shape)

    def reshape(self, *shape: int) -> Secret:
        """The same elements in another shape; one length may be -1."""
        shape = np.broadcast_to(np.False_, self.shape).reshape(shape).shape
        return self._map(lambda part: self.ring.reshape(part, shape), shape)

    def sum(self, axis: int) -> Secret:
        """The sum along one axis."""
        shape = self.shape[:axis] + self.shape[axis:][1:]
        return self._map(lambda part: self.ring.sum(part, axis), shape)

    def reduce(self, ring: Ring) -> Secret:
        """The same value modulo a smaller power of two; shares reduce locally."""
        parts = tuple(self.ring.reduce(part, ring) for part in self._parts)
        return Secret(self._box, ring, self.shape, parts)

    def linear(self, forms: Sequence[Sequence[int]]) -> Secret:
        """Linear forms with public coefficients of the last axis: (..., c) gives (..., forms)."""
        return self._map(
            lambda part: _linear(self.ring, part, forms), (*self.shape[:-1], len(forms))
        )

    def _term(self, other: Secret | Array | int) -> Secret:
        """What can be added to this secret, as a secret of its ring and shape."""
        if not isinstance(other, Secret):
            return self._box.constant(self.ring, self._public(other))
        _same(self, other)
        return other

    def _public(self, integers: object) -> Array:
        """Public integers as ring elements of this secret's shape."""
        return self.ring.encode(np.broadcast_to(np.asarray(integers), self.shape))

    def _map(self, f: Any, shape: tuple[int, ...]) -> Secret:
        return Secret(self._box, self.ring, shape, tuple(f(part) for part in self._parts))

    def __repr__(self) -> str:
        return f"<Secret Z_2^{self.ring.k} {self.shape}>"

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("a secret has no value here; only box.open and box.reveal make one public")

    __bool__ = __int__ = __index__ = __float__ = __len__ = __iter__ = __array__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __bytes__ = __reduce__ = __reduce_ex__ = __copy__ = __deepcopy__ = __format__ = _refuse


def _linear(ring: Ring, x: Array, forms: Sequence[Sequence[int]]) -> Array:
    rows = ring.shape(x)[:-1]
    columns = []
    for form in forms:
        total = ring.zeros(rows)
        for c, factor in enumerate(form):
            if factor:
                term = ring.index(x, (Ellipsis, c))
                total = ring.add(total, term if factor == 1 else _times(ring, term, factor))
        columns.append(total)
    return ring.stack(columns, axis=len(rows))


def _times(ring: Ring, x: Array, factor: int) -> Array:
    return ring.mul(x, ring.encode(np.full(ring.shape(x), factor)))


class Box(ABC):
    """One party's side of the arithmetic black box.

    Every party calls the same operations in the same order, with the same labels.
    """

    costs: Costs

    def __init__(self, exchange: Exchange, seat: Seat, leakage: Leakage):
        self.me, self.parties, self.owners = seat.me, seat.parties, seat.owners
        self.leakage = leakage
        self.declared = Cost()
        self._exchange = exchange.exchange
        self._counter = 0
        self._seen = hashlib.sha256()

    # What an engine brings.

    @abstractmethod
    def constant(self, ring: Ring, values: Array) -> Secret:
        """A public value, given as ring elements, as a secret of the box."""

    @abstractmethod
    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]: ...

    @abstractmethod
    def _reshare(
        self,
        label: str,
        ring: Ring,
        shape: tuple[int, ...],
        pairs: Sequence[tuple[Secret, Secret]],
        product: Any,
    ) -> Secret: ...

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
        self._declare(self.costs.input(nbytes(ring, shape)))
        return self._input(label, ring, shape, values)

    def mul(self, x: Secret, y: Secret, label: str = "mul") -> Secret:
        """x y, elementwise: one round."""
        return self.sum_products([(x, y)], label)

    def sum_products(self, pairs: Sequence[tuple[Secret, Secret]], label: str = "dot") -> Secret:
        """The sum of elementwise products of pairs of one shape, reshared once: one round."""
        x = pairs[0][0]
        for a, b in pairs:
            _same(x, a)
            _same(x, b)
        self._declare(self.costs.reshare(x.nbytes))
        return self._reshare(label, x.ring, x.shape, pairs, x.ring.mul)

    def matmul(self, x: Secret, y: Secret, label: str = "matmul") -> Secret:
        """The matrix product of (n, c) and (c, d), reshared once: one round."""
        if x.ring != y.ring or x.shape[1:] != y.shape[:1]:
            raise ValueError(f"no product of {x} and {y}")
        shape = (x.shape[0], y.shape[1])
        self._declare(self.costs.reshare(nbytes(x.ring, shape)))
        return self._reshare(label, x.ring, shape, [(x, y)], x.ring.matmul)

    def open(self, secrets: Mapping[str, Secret]) -> dict[str, Array]:
        """Make named secrets public to all parties, in one round.

        Raises:
            NotInManifest: the plan does not release one of them; nothing was sent.
        """
        for label, x in secrets.items():
            self.leakage.spend(Opening(label, x.ring.k, x.shape, self.parties))
        labels = sorted(secrets)
        self._declare(self.costs.open(sum(x.nbytes for x in secrets.values())))
        opened = self._open("open", [secrets[label] for label in labels])
        result = dict(zip(labels, opened, strict=True))
        for label in labels:
            self._seen.update(hashlib.sha256(label.encode()).digest())
            self._seen.update(hashlib.sha256(secrets[label].ring.to_bytes(result[label])).digest())
        return result

    def reveal(self, label: str, x: Secret, to: str) -> Array | None:
        """Make a secret known to one party; the others get None. One round.

        Raises:
            NotInManifest: the plan does not release it to this party; nothing was sent.
        """
        self.leakage.spend(Opening(label, x.ring.k, x.shape, (to,)))
        self._declare(self.costs.reveal(x.nbytes, to))
        return self._reveal(label, x, to)

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


def nbytes(ring: Ring, shape: tuple[int, ...]) -> int:
    """Canonical bytes of values of a logical shape."""
    return ring.size * math.prod(shape)


def join(secrets: Sequence[Secret], part: int) -> bytes:
    """Canonical bytes of one part of each secret, one after the other."""
    return b"".join(x.ring.to_bytes(x._parts[part]) for x in secrets)


def split(data: bytes, like: Sequence[Secret]) -> list[Array]:
    """Consecutive values out of their canonical bytes, with the rings and shapes of secrets."""
    values, start = [], 0
    for x in like:
        values.append(x.ring.from_bytes(data[start : start + x.nbytes], x.shape))
        start += x.nbytes
    return values


def _same(x: Secret, y: Secret) -> None:
    if x.ring != y.ring or x.shape != y.shape:
        raise ValueError(f"{x} and {y} differ in ring or shape")
