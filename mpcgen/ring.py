"""The rings Z_2^k on NumPy arrays: all arithmetic that shares are made of.

An element of Z_2^k is stored in the smallest unsigned word that holds it; beyond 64 bits it is
k / 64 uint64 words, low first, on a trailing axis. Whoever goes through Ring sees *logical* shapes
and axes only and need not know k. Every operation wraps modulo 2^k and returns a new array
(reshape, broadcast_to, transpose and index may return views), never a NumPy scalar.
"""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import EllipsisType, ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from mpcgen.errors import BadMessage

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Key = int | slice | EllipsisType | None | Array
"""What may stand between the brackets of an index, alone or in a tuple."""
Product = Callable[[Array, Array], Array]

WORD = 64  # bits of the widest word


def _kernels() -> ModuleType:
    """Load the compiled kernels when first needed."""
    from mpcgen import ring_kernels  # noqa: PLC0415

    return ring_kernels


@dataclass(frozen=True)
class Ring:
    """Z_2^k for k = 1..8 (small enough to enumerate, for tests), 32, 64, 128 or 192."""

    k: int

    def __post_init__(self) -> None:
        if self.k not in {*range(1, 9), 32, 64, 128, 192}:
            raise ValueError(f"no ring Z_2^{self.k}: k is 1 to 8, 32, 64, 128 or 192")

    # What the ring is

    @property
    def size(self) -> int:
        """Bytes of one element on the wire."""
        return (self.k + 7) // 8

    @property
    def modulus(self) -> int:
        """2^k."""
        return 1 << self.k

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The word that elements are stored in."""
        return np.dtype(f"u{min(self.size, 8)}")

    @property
    def _name(self) -> str:
        return f"Z_2^{self.k}"

    @property
    def _words(self) -> Shape:
        """The trailing axes behind the logical ones."""
        return (self.k // WORD,) if self.k > WORD else ()

    def check(self, x: Array) -> None:
        """Raise TypeError unless x has the dtype and the trailing axis of this ring."""
        if not isinstance(x, np.ndarray) or x.dtype != self.dtype:
            kind = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
            raise TypeError(f"{self._name} is stored in arrays of {self.dtype}, not {kind}")
        if self._words and x.shape[-1:] != self._words:
            words = self._words[0]
            raise TypeError(
                f"{self._name} needs a trailing axis of {words} words, not shape {x.shape}"
            )

    # In and out

    def zeros(self, shape: Shape) -> Array:
        """Zeros of a logical shape."""
        return np.zeros((*shape, *self._words), self.dtype)

    def encode(self, values: npt.ArrayLike) -> Array:
        """Integers (or booleans), negative ones too, modulo 2^k. TypeError on anything else."""
        ints: Array = np.asarray(values, getattr(values, "dtype", object))
        if ints.dtype == object:
            return self._encode_python(ints)
        if ints.dtype.kind not in "biu":
            raise TypeError(f"only integers are encoded in Z_2^{self.k}, not {ints.dtype}")
        if self.k > WORD:
            x = self.zeros(ints.shape)
            x[..., 0] = ints
            if ints.dtype.kind == "i":
                x[..., 1:] = (ints >> ints.dtype.type(8 * ints.itemsize - 1))[..., None]
            return x
        return self._mask(np.asarray(ints.astype(self.dtype)))

    def _encode_python(self, ints: Array) -> Array:
        """Python integers of any size, from an object array."""
        x = self.zeros(ints.shape)
        canonical = np.frompyfunc(lambda v: operator.index(v) % self.modulus, 1, 1)(ints)
        if self.k <= WORD:
            x[...] = canonical
            return x
        for w in range(*self._words):
            x[..., w] = canonical >> WORD * w & (2**WORD - 1)
        return x

    def unsigned(self, x: Array) -> Array:
        """Map to [0, 2^k): int64 for k <= 32, uint64 for 64, Python integers beyond."""
        self.check(x)
        if self.k > WORD:
            ints = np.zeros(self.shape(x), object)
            for w in reversed(range(*self._words)):
                ints[...] = (ints << WORD) + x[..., w].astype(object)
            return ints
        return x.astype(np.uint64 if self.k == WORD else np.int64)

    def signed(self, x: Array) -> Array:
        """Map to [-2^(k-1), 2^(k-1)): int64 for k <= 64, Python integers beyond."""
        if self.k == WORD:
            self.check(x)
            return x.astype(np.int64)
        ints = self.unsigned(x)
        return np.where(ints >= self.modulus // 2, ints - self.modulus, ints)

    def to_bytes(self, x: Array) -> bytes:
        """Canonical bytes: elements in C order, each little-endian in `size` bytes."""
        return self.canonical(x).tobytes()

    def canonical(self, x: Array) -> Array:
        """The same elements in an array whose buffer is their canonical bytes."""
        self.check(x)
        return np.asarray(x, self.dtype.newbyteorder("<"), order="C")

    def from_bytes(self, data: bytes | bytearray | memoryview, shape: Shape) -> Array:
        """Elements, a read-only view if possible; BadMessage unless data are canonical bytes."""
        expected = math.prod(shape) * self.size
        if len(data) != expected:
            raise BadMessage(f"{len(data)} bytes for {shape} of {self._name}, not {expected}")
        words = np.frombuffer(data, self.dtype.newbyteorder("<"))
        x = np.require(words, self.dtype, "A").reshape((*shape, *self._words))
        if self.k < 8 and (x >= self.modulus).any():
            raise BadMessage(f"an element outside Z_2^{self.k}")
        x.flags.writeable = False
        return x

    def reduce(self, x: Array, to: "Ring") -> Array:
        """Drop the bits above to.k: shares of x become, each by itself, shares of x mod 2^to.k."""
        self.check(x)
        if to.k > self.k:
            raise ValueError(f"Z_2^{self.k} does not widen to Z_2^{to.k}")
        if to.k > WORD:
            return x[..., : to.k // WORD].copy()
        low = x[..., 0] if self.k > WORD else x
        return to._mask(low.astype(to.dtype))

    def extend(self, x: Array, to: "Ring") -> Array:
        """Elements of a larger ring of the same unsigned representatives.

        For public values only: shares of x are not shares of x in a larger ring.
        """
        self.check(x)
        if to.k < self.k:
            raise ValueError(f"Z_2^{self.k} does not fit Z_2^{to.k}")
        if to.k <= WORD:
            return x.astype(to.dtype)
        words = x if self.k > WORD else x[..., None]
        z = to.zeros(self.shape(x))
        z[..., : words.shape[-1]] = words
        return z

    # Arithmetic

    def add(self, x: Array, y: Array) -> Array:
        """Return x + y."""
        return self._binary("add", x, y)

    def sub(self, x: Array, y: Array) -> Array:
        """Return x - y."""
        return self._binary("subtract", x, y)

    def mul(self, x: Array, y: Array) -> Array:
        """Return x y, element by element."""
        return self._binary("multiply", x, y)

    def scale(self, x: Array, factors: Array) -> Array:
        """Return x times public elements."""
        return self.mul(x, factors)

    def neg(self, x: Array) -> Array:
        """Return -x."""
        return self.mul(x, self.encode(-1))

    def sum(self, x: Array, axis: int) -> Array:
        """Sum over one logical axis."""
        self.check(x)
        axis = self._axis(x, axis)
        if self.k > WORD:
            return np.asarray(_kernels().total(x, axis))
        return self._mask(np.asarray(np.sum(x, axis=axis, dtype=self.dtype)))

    def matmul(self, x: Array, y: Array) -> Array:
        """Matrix product (n, l) x (l, m) -> (n, m)."""
        self.check(x)
        self.check(y)
        first, second = self.shape(x), self.shape(y)
        if len(first) != 2 or len(second) != 2 or first[1] != second[0]:
            raise ValueError(f"no matrix product of {first} and {second}")
        return self._mask(x @ y) if self.k <= 8 else np.asarray(_kernels().matmul(x, y))

    def add_cross(
        self, z: Array, x: tuple[Array, Array], y: tuple[Array, Array], product: Product
    ) -> Array:
        """Return z + x_0 y_0 + x_0 y_1 + x_1 y_0, with `mul` or `matmul` as the product."""
        return self.add(z, self.add(product(x[0], self.add(*y)), product(x[1], y[0])))

    def add_swapped(
        self, z: Array, x: tuple[Array, Array], y: tuple[Array, Array], product: Product
    ) -> Array:
        """Return z + x_0 y_1 + x_1 y_0."""
        return self.add(z, self.add(product(x[0], y[1]), product(x[1], y[0])))

    def linear(self, x: Array, forms: Sequence[Sequence[int]]) -> Array:
        """Linear forms of the last axis: (..., c) gives (..., forms)."""
        *units, columns = self.shape(x)
        if any(len(form) != columns for form in forms):
            raise ValueError(f"a linear form of {columns} columns has as many factors")
        terms = [[c for c, factor in enumerate(form) if factor] for form in forms]
        factors = self.encode(
            [form[c] for form, used in zip(forms, terms, strict=True) for c in used]
        )
        m = math.prod(units)
        z = self.zeros((m, len(forms)))
        _kernels().linear(self.reshape(x, (m, columns)), terms, factors, z)
        return self.reshape(self._mask(z), (*units, len(forms)))

    def _binary(self, name: str, x: Array, y: Array) -> Array:
        """Apply NumPy's operation of this name, or beyond a word the kernel of this name."""
        self.check(x)
        self.check(y)
        wide = self.k > WORD and name in {"add", "subtract", "multiply"}
        return self._mask(np.asarray(getattr(_kernels() if wide else np, name)(x, y)))

    def _mask(self, x: Array) -> Array:
        """Clear the bits of a word above k."""
        return x if self.k >= 8 else np.asarray(x & self.dtype.type(self.modulus - 1))

    # Bits

    def and_(self, x: Array, y: Array) -> Array:
        """Bitwise and."""
        return self._binary("bitwise_and", x, y)

    def or_(self, x: Array, y: Array) -> Array:
        """Bitwise or."""
        return self._binary("bitwise_or", x, y)

    def xor(self, x: Array, y: Array) -> Array:
        """Bitwise exclusive or."""
        return self._binary("bitwise_xor", x, y)

    def invert(self, x: Array) -> Array:
        """Bitwise complement within k bits."""
        self.check(x)
        return self._mask(np.asarray(np.invert(x)))

    def lshift(self, x: Array, n: int) -> Array:
        """Return x 2^n for n >= 0."""
        return self.mul(x, self.encode(1 << n))

    def rshift(self, x: Array, n: int) -> Array:
        """Return x // 2^n for n >= 0, of the unsigned representative: a logical shift."""
        self.check(x)
        if n < 0:
            raise ValueError("negative shift count")
        if n >= self.k:
            return np.zeros_like(x)
        if self.k > WORD:
            return np.asarray(_kernels().rshift(x, n))
        return np.asarray(np.right_shift(x, self.dtype.type(n)))

    # Shape

    def shape(self, x: Array) -> Shape:
        """Logical shape."""
        return x.shape[: x.ndim - len(self._words)]

    def reshape(self, x: Array, shape: Shape) -> Array:
        """Give the same elements another logical shape; one length may be -1."""
        return x.reshape((*shape, *self._words))

    def broadcast_to(self, x: Array, shape: Shape) -> Array:
        """View x, read-only, as a larger logical shape."""
        return np.broadcast_to(x, (*shape, *self._words))

    def transpose(self, x: Array, axes: Shape | None = None) -> Array:
        """Logical axes in another order; reversed by default."""
        order = tuple(reversed(range(len(self.shape(x))))) if axes is None else axes
        return x.transpose(*order, *(x.ndim - 1 for _ in self._words))

    def index(self, x: Array, key: Key | tuple[Key, ...]) -> Array:
        """x[key] on logical axes."""
        if isinstance(key, np.ndarray) and key.dtype.kind in "iu":
            return np.take(x, key, axis=0)  # several times as fast as x[key]
        keys = key if isinstance(key, tuple) else (key,)
        rest = () if any(part is Ellipsis for part in keys) else (Ellipsis,)
        return np.asarray(x[(*keys, *rest, *(slice(None) for _ in self._words))])

    def concatenate(self, arrays: Sequence[Array], axis: int = 0) -> Array:
        """Join along one logical axis."""
        return np.concatenate(arrays, self._axis(arrays[0], axis))

    def stack(self, arrays: Sequence[Array], axis: int = 0) -> Array:
        """Join along a new logical axis."""
        return np.stack(arrays, axis - len(self._words) if axis < 0 else axis)

    def _axis(self, x: Array, axis: int) -> int:
        """Count a logical axis from 0."""
        dimensions = len(self.shape(x))
        if not -dimensions <= axis < dimensions:
            raise ValueError(f"no axis {axis} in a logical shape of {dimensions} dimensions")
        return axis % dimensions


Z2_32, Z2_64, Z2_128, Z2_192 = Ring(32), Ring(64), Ring(128), Ring(192)
