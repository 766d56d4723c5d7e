"""Ring elements as expressions in inputs and draws, so that it shows what masks a message.

A symbolic ring stands where a ring of numbers stood, and engines and protocols run on it as they
are. Its elements are numbers of lines in a book; a line is an expression

    constant + sum of factor * atom   modulo 2^k

whose atoms are leaves (an input, a draw) and whatever is not linear: a product, a bit of a sum. Of
such an atom the book has the value, and the leaves that may be in it. Equal lines have one number.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from threading import RLock
from typing import Any

import numpy as np

from mpcgen.bits import BitRing
from mpcgen.ring import Array, Ring, Shape

Line = tuple[int, int, tuple[tuple[int, int], ...]]  # k, constant, (atom, factor) by atom
NUMBER = np.dtype("<u4")


@dataclass(frozen=True)
class Atom:
    """What lines are made of.

    Attributes:
        leaves: a set of leaves, one bit each: those that may be in it.
        mask: k of a draw; 0 for what is not uniform.
    """

    value: int
    leaves: int
    mask: int = 0


class Book:
    """Lines and atoms of all parties of one run."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._atoms: list[Atom] = []
        self._atom_of: dict[object, int] = {}
        self._leaves = 0
        self._lines: list[Line] = []
        self._number_of: dict[Line, int] = {}

    def leaf(self, name: object, k: int, value: int, *, drawn: bool) -> int:
        """Line of an input or a draw."""
        with self._lock:
            if name not in self._atom_of:
                self._add(name, Atom(value, 1 << self._leaves, k if drawn else 0))
                self._leaves += 1
            return self._line(k, 0, {self._atom_of[name]: 1})

    def opaque(self, key: object, k: int, value: int, leaves: int) -> int:
        """Line of something that is not linear; equal keys name equal things."""
        with self._lock:
            if key not in self._atom_of:
                self._add(key, Atom(value, leaves))
            return self._line(k, 0, {self._atom_of[key]: 1})

    def sum(self, k: int, terms: Iterable[tuple[int, int]], constant: int = 0) -> int:
        """Line of constant + the sum of factor * line."""
        total: dict[int, int] = {}
        with self._lock:
            for number, factor in terms:
                _, c, atoms = self._lines[number]
                constant += factor * c
                for atom, times in atoms:
                    total[atom] = total.get(atom, 0) + factor * times
            return self._line(k, constant, total)

    def product(self, k: int, x: int, y: int) -> int:
        """Line of the product of two lines."""
        for one, other in ((x, y), (y, x)):
            _, constant, atoms = self._lines[one]
            if not atoms:
                return self.sum(k, [(other, constant)])
        pair = (min(x, y), max(x, y))
        value = self.value(x) * self.value(y) % (1 << k)
        return self.opaque(("product", k, pair), k, value, self.leaves(x) | self.leaves(y))

    def value(self, number: int) -> int:
        """What a line is in this run."""
        k, constant, atoms = self._lines[number]
        return (constant + sum(f * self._atoms[a].value for a, f in atoms)) % (1 << k)

    def leaves(self, number: int) -> int:
        """All leaves that may be in a line."""
        found = 0
        for atom, _ in self._lines[number][2]:
            found |= self._atoms[atom].leaves
        return found

    def masks(self, number: int) -> int:
        """Draws that make a line uniform whatever the other leaves are.

        An odd multiple of each is added to something in which it is not.
        """
        k, _, atoms = self._lines[number]
        masks = once = more = 0
        for atom, factor in atoms:
            each = self._atoms[atom]
            more |= once & each.leaves
            once |= each.leaves
            if each.mask >= k and factor % 2:
                masks |= each.leaves
        return masks & ~more

    def _add(self, key: object, atom: Atom) -> None:
        self._atom_of[key] = len(self._atoms)
        self._atoms.append(atom)

    def _line(self, k: int, constant: int, total: dict[int, int]) -> int:
        modulus = 1 << k
        reduced = ((atom, factor % modulus) for atom, factor in sorted(total.items()))
        line = (k, constant % modulus, tuple(term for term in reduced if term[1]))
        number = self._number_of.setdefault(line, len(self._lines))
        if number == len(self._lines):
            self._lines.append(line)
        return number


@dataclass(frozen=True)
class SymbolicRing(Ring):
    """Z_2^k on lines of a book; k may be any that a ring has."""

    book: Book = field(default_factory=Book, compare=False, repr=False)

    @property
    def base(self) -> Ring:
        """The ring of numbers."""
        return Ring(self.k)

    @property
    def size(self) -> int:
        return NUMBER.itemsize

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        return NUMBER

    @property
    def _words(self) -> Shape:
        return ()

    def zeros(self, shape: Shape) -> Array:
        return np.full(shape, self.book.sum(self.k, []), NUMBER)

    def encode(self, values: Any) -> Array:
        ints = self.base.unsigned(self.base.encode(values))
        return _each(lambda c: self.book.sum(self.k, [], int(c)), ints)

    def unsigned(self, x: Array) -> Array:
        values = _each(self.book.value, x, np.dtype(object))
        return values if self.k > 32 else values.astype(np.int64)

    def from_bytes(self, data: bytes | bytearray | memoryview, shape: Shape) -> Array:
        return np.frombuffer(data, NUMBER).reshape(shape)

    def reduce(self, x: Array, to: Ring) -> Array:
        return _each(lambda number: self.book.sum(to.k, [(number, 1)]), x)

    def sum(self, x: Array, axis: int) -> Array:
        return self._forms(np.moveaxis(x, axis, -1), np.ones((1, x.shape[axis]), int))[..., 0]

    def linear(self, x: Array, forms: Any) -> Array:
        return self._forms(x, forms)

    def _forms(self, x: Array, forms: Any) -> Array:
        flat = x.reshape(-1, x.shape[-1]).tolist()
        found = [
            [self.book.sum(self.k, zip(row, map(int, form), strict=True)) for form in forms]
            for row in flat
        ]
        return np.array(found, NUMBER).reshape(*x.shape[:-1], len(forms))

    def add_cross(self, z: Array, x: Any, y: Any, product: Any) -> Array:
        return Ring.add_cross(self, z, x, y, product)

    def _binary(self, name: str, x: Array, y: Array) -> Array:
        self.check(x)
        self.check(y)
        k, book = self.k, self.book
        match name:
            case "add":
                return _each(lambda a, b: book.sum(k, [(a, 1), (b, 1)]), (x, y))
            case "subtract":
                return _each(lambda a, b: book.sum(k, [(a, 1), (b, -1)]), (x, y))
            case "multiply":
                return _each(lambda a, b: book.product(k, a, b), (x, y))
            case _:
                return np.asarray(self._not_linear("_binary", name, x, y))

    def _not_linear(self, method: str, *given: object, **named: object) -> Any:
        """What the ring of numbers makes of these; any leaf of theirs may be in any part of it."""
        of = next((each for each in given if isinstance(each, SymbolicRing)), self)
        numbers: list[Array] = []

        def value(each: object) -> object:
            if isinstance(each, SymbolicRing):
                return each.base
            if isinstance(each, np.ndarray) and each.dtype == NUMBER:
                numbers.append(each)
                return of.base.encode(of.unsigned(each))
            return [value(one) for one in each] if isinstance(each, list | tuple) else each

        values = [value(each) for each in given], {k: value(v) for k, v in named.items()}
        found = getattr(self.base, method)(*values[0], **values[1])
        if not numbers:
            return found
        leaves = 0
        for number in {n for each in numbers for n in each.reshape(-1).tolist()}:
            leaves |= self.book.leaves(number)
        shown = [g.tolist() if isinstance(g, np.ndarray) else g for g in (*given, *named.values())]
        key = method, self.k, repr((shown, *named)), *((n.shape, n.tobytes()) for n in numbers)
        lines = (
            self.book.opaque((key, place), self.k, int(v), leaves)
            for place, v in enumerate(self.base.unsigned(found).reshape(-1))
        )
        return np.fromiter(lines, NUMBER).reshape(self.base.shape(found))


@dataclass(frozen=True)
class SymbolicBits(SymbolicRing, BitRing):
    """Bits on lines of a book, one a line: Z_2, and what is done with bits of integers."""

    @property
    def base(self) -> Ring:
        return BitRing(1)

    def unpack(self, x: Array, m: int) -> Array:
        return self.unsigned(x)[..., :m].astype(np.bool_)

    def _binary(self, name: str, x: Array, y: Array) -> Array:
        names = {"bitwise_xor": "add", "bitwise_and": "multiply"}
        return super()._binary(names.get(name, name), x, y)


def _other(method: str) -> Callable[..., Array]:
    return lambda self, *given, **named: self._not_linear(method, *given, **named)


# Whatever else a ring of bits can do, now or one day, is not linear as far as we know.
_KNOWN = {"packed", "pack", *vars(Ring), *vars(SymbolicBits)}
for _name in ("matmul", "invert", "rshift", "signed"):
    setattr(SymbolicRing, _name, _other(_name))
for _name in vars(BitRing):
    if not _name.startswith("_") and _name not in _KNOWN:
        setattr(SymbolicBits, _name, _other(_name))


def _each(f: Callable[..., Any], x: Any, dtype: np.dtype[Any] = NUMBER) -> Array:
    """f of every element, or of every pair of elements of two arrays."""
    arrays = np.broadcast_arrays(*x) if isinstance(x, tuple) else (x,)
    columns = (array.reshape(-1).tolist() for array in arrays)
    found = np.empty(arrays[0].size, dtype)
    found[:] = [f(*elements) for elements in zip(*columns, strict=True)]
    return found.reshape(arrays[0].shape)
