"""A value that no single party knows, and what can be done with it without a message."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol

import numpy as np

from mpcgen.cost import Size
from mpcgen.ring import Array, Ring


class Maker(Protocol):
    """What a secret asks of the box that made it."""

    def constant(self, ring: Ring, values: Array) -> Secret:
        """A public value, given as ring elements, as a secret of the box."""
        ...

    def part_ring(self, ring: Ring, n: int) -> Ring:
        """Where part n of a shared secret of this ring lives."""
        ...

    def lifted(self, ring: Ring, n: int, public: Array) -> Array:
        """Public elements of this ring, as factors of part n of a shared secret."""
        ...


class Sized(Protocol):
    """What has a ring and a logical shape, and so a length in canonical bytes."""

    @property
    def ring(self) -> Ring:
        """The ring of its elements."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Its logical shape."""
        ...

    @property
    def nbytes(self) -> int:
        """Canonical bytes of values of this ring and shape."""
        ...


class Secret:
    """Ring elements that no single party knows. Made only by a box; shape is the logical shape.

    It has no truth value, no number, no array, no bytes and no representation of its data.

    Attributes:
        known: its only part is the value itself, at every computing party: a masked value that an
            engine has opened among them. Its products with other secrets are local.
    """

    __slots__ = ("_box", "_parts", "known", "ring", "shape")
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None  # arrays leave `array * secret` to the secret

    def __init__(
        self,
        box: Maker,
        ring: Ring,
        shape: tuple[int, ...],
        parts: tuple[Array, ...],
        *,
        known: bool = False,
    ):
        self._box = box
        self._parts = parts
        self.known = known
        self.ring = ring
        self.shape = shape

    @property
    def nbytes(self) -> int:
        """Canonical bytes of a value of this ring and shape."""
        return nbytes(self.ring, self.shape)

    @property
    def size(self) -> Size:
        """How much it is, for costs."""
        return Size.of(self.ring, self.shape)

    def __add__(self, other: Secret | Array | int) -> Secret:
        """The sum with a secret, or with public integers, broadcast to this secret's shape."""
        x, y = alike([self, self._term(other)])
        parts = enumerate(zip(x._parts, y._parts, strict=True))
        sums = tuple(x.ring_of(n).add(a, b) for n, (a, b) in parts)
        return Secret(self._box, self.ring, self.shape, sums, known=x.known)

    def __sub__(self, other: Secret | Array | int) -> Secret:
        return self + -self._term(other)

    def __rsub__(self, other: Array | int) -> Secret:  # type: ignore[misc]
        return -self + other

    def __neg__(self) -> Secret:
        return self._map(lambda _, ring, part: ring.neg(part), self.shape)

    def __mul__(self, factor: object) -> Secret:
        """The product with public integers, broadcast to this secret's shape."""
        if isinstance(factor, Secret):
            raise TypeError("the product of two secrets takes a round: use box.mul")
        public = self._public(factor)
        return self._map(lambda n, ring, part: ring.scale(part, self.lifted(n, public)), self.shape)

    __radd__ = __add__
    __rmul__ = __mul__

    def __getitem__(self, index: Any) -> Secret:
        """Basic indexing and selection along the leading logical axes."""
        parts = tuple(self.ring_of(n).index(part, index) for n, part in enumerate(self._parts))
        if parts:
            shape = self.ring_of(0).shape(parts[0])
        else:
            shape = np.broadcast_to(np.False_, self.shape)[index].shape
        return Secret(self._box, self.ring, shape, parts, known=self.known)

    def reshape(self, *shape: int) -> Secret:
        """The same elements in another shape; one length may be -1."""
        shape = np.broadcast_to(np.False_, self.shape).reshape(shape).shape
        return self._map(lambda _, ring, part: ring.reshape(part, shape), shape)

    def transpose(self) -> Secret:
        """The same elements with their logical axes in reverse order."""
        return self._map(lambda _, ring, part: ring.transpose(part), self.shape[::-1])

    def sum(self, axis: int) -> Secret:
        """The sum along one axis."""
        shape = self.shape[:axis] + self.shape[axis:][1:]
        return self._map(lambda _, ring, part: ring.sum(part, axis), shape)

    def reduce(self, ring: Ring) -> Secret:
        """The same value modulo a smaller power of two; shares reduce locally.

        Raises:
            ValueError: the ring is larger; shares do not widen.
        """
        if ring.k > self.ring.k:
            raise ValueError(f"{self!r} does not widen to Z_2^{ring.k}")
        reduced = Secret(self._box, ring, self.shape, (), known=self.known)
        reduced._parts = tuple(
            self.ring_of(n).reduce(part, reduced.ring_of(n)) for n, part in enumerate(self._parts)
        )
        return reduced

    def shared(self) -> Secret:
        """The same value in the parts that the engine's protocols work on."""
        if not self.known:
            return self
        if not self._parts:
            return Secret(self._box, self.ring, self.shape, ())
        return self._box.constant(self.ring, self._parts[0])

    def linear(self, forms: Sequence[Sequence[int]]) -> Secret:
        """Linear forms with public coefficients of the last axis: (..., c) gives (..., forms)."""
        shape = (*self.shape[:-1], len(forms))
        return self._map(lambda _, ring, part: ring.linear(part, forms), shape)

    def _term(self, other: Secret | Array | int) -> Secret:
        """What can be added to this secret, as a secret of its ring and shape."""
        if not isinstance(other, Secret):
            return self._box.constant(self.ring, self._public(other))
        check_same(self, other)
        return other

    def _public(self, integers: object) -> Array:
        """Public integers as ring elements of this secret's shape."""
        return self.ring.broadcast_to(self.ring.encode(np.asarray(integers)), self.shape)

    def _map(self, f: Callable[[int, Ring, Array], Array], shape: tuple[int, ...]) -> Secret:
        """A function of each part, of its place and its ring."""
        parts = tuple(f(n, self.ring_of(n), part) for n, part in enumerate(self._parts))
        return Secret(self._box, self.ring, shape, parts, known=self.known)

    def ring_of(self, n: int) -> Ring:
        """Where its part n lives; what is known is plain."""
        return self.ring if self.known else self._box.part_ring(self.ring, n)

    def lifted(self, n: int, public: Array) -> Array:
        """Public elements of its ring, as factors of part n."""
        return public if self.known else self._box.lifted(self.ring, n, public)

    def __repr__(self) -> str:
        return f"<Secret Z_2^{self.ring.k} {self.shape}>"

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("a secret has no value here; only box.open and box.reveal make one public")

    __bool__ = __int__ = __index__ = __float__ = __len__ = __iter__ = __array__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __bytes__ = __reduce__ = __reduce_ex__ = __copy__ = __deepcopy__ = __format__ = _refuse


def nbytes(ring: Ring, shape: tuple[int, ...]) -> int:
    """Canonical bytes of values of a logical shape."""
    return ring.size * math.prod(shape)


def join(secrets: Sequence[Secret], part: int) -> bytes:
    """Canonical bytes of one part of each secret, one after the other."""
    return b"".join(x.ring.canonical(x._parts[part]).data for x in secrets)


def split(data: bytes | memoryview, like: Sequence[Sized]) -> list[Array]:
    """Consecutive values out of their canonical bytes, with the rings and shapes of others."""
    values, start, view = [], 0, memoryview(data)
    for x in like:
        values.append(x.ring.from_bytes(view[start : start + x.nbytes], x.shape))
        start += x.nbytes
    return values


def parts_of(secrets: Sequence[Secret]) -> bytes:
    """Canonical bytes of all parts of secrets, to be kept by the party that holds them."""
    return b"".join(
        x.ring_of(n).canonical(part).data for x in secrets for n, part in enumerate(x._parts)
    )


def with_parts(like: Sequence[Secret], data: memoryview) -> list[Secret]:
    """Secrets of the forms of others, with parts that `parts_of` has given."""
    found, start = [], 0
    for x in like:
        parts = []
        for n in range(len(x._parts)):
            length = nbytes(x.ring_of(n), x.shape)
            parts.append(x.ring_of(n).from_bytes(data[start : start + length], x.shape))
            start += length
        found.append(Secret(x._box, x.ring, x.shape, tuple(parts)))
    return found


def check_same(x: Secret, y: Secret) -> None:
    """Raise ValueError where two secrets differ in ring or shape."""
    if x.ring != y.ring or x.shape != y.shape:
        raise ValueError(f"{x!r} and {y!r} differ in ring or shape")


def alike(secrets: Sequence[Secret]) -> list[Secret]:
    """Secrets that are all known to the computing parties, or all shared."""
    known = all(x.known for x in secrets)
    return [x if known else x.shared() for x in secrets]


def concatenate(secrets: Sequence[Secret], axis: int = 0) -> Secret:
    """Secrets of one box and ring behind each other along one axis."""
    first = secrets[0]
    filled = [x for x in secrets if x.shape[axis]]
    if len(filled) == 1:
        return filled[0]
    length = sum(x.shape[axis] for x in secrets)
    shape = (*first.shape[:axis], length, *first.shape[axis + 1 :])
    same = alike(secrets)
    columns = enumerate(zip(*(x._parts for x in same), strict=True))
    parts = tuple(same[0].ring_of(n).concatenate(arrays, axis) for n, arrays in columns)
    return Secret(first._box, first.ring, shape, parts, known=same[0].known)
