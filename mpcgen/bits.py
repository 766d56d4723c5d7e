"""Bits beside each other: the ring (Z_2)^8, and integers cut into bit planes.

A bit of each of m variants is packed into ceil(m / 8) bytes, variant i in bit i mod 8 of byte
i // 8. On such bytes exclusive or is an addition and `and` a multiplication, so that a box shares,
adds, multiplies and opens them as it does the elements of any other ring.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from mpcgen.ring import Array, Product, Ring


def _kernels() -> ModuleType:
    """Import the compiled kernels when first needed."""
    from mpcgen import bit_kernels  # noqa: PLC0415

    return bit_kernels


@dataclass(frozen=True)
class BitRing(Ring):
    """(Z_2)^k: k = 8 bits in a byte, + is exclusive or, the product `and`. k = 1 is for tests."""

    def packed(self, m: int) -> int:
        """Number of elements that hold m bits."""
        return -(-m // self.k)

    def add(self, x: Array, y: Array) -> Array:
        """Return x xor y."""
        return self.xor(x, y)

    def sub(self, x: Array, y: Array) -> Array:
        """Return x xor y."""
        return self.xor(x, y)

    def mul(self, x: Array, y: Array) -> Array:
        """Return x and y."""
        return self.and_(x, y)

    def neg(self, x: Array) -> Array:
        """Return x: every element is its own opposite."""
        self.check(x)
        return x.copy()

    def sum(self, x: Array, axis: int) -> Array:
        """Exclusive or over one logical axis."""
        self.check(x)
        return np.asarray(np.bitwise_xor.reduce(x, axis=self._axis(x, axis)))

    def linear(self, x: Array, forms: Sequence[Sequence[int]]) -> Array:
        """Linear forms of the last axis, their factors modulo 2: (..., c) gives (..., forms)."""
        self.check(x)
        *units, columns = self.shape(x)
        if any(len(form) != columns for form in forms):
            raise ValueError(f"a linear form of {columns} columns has as many factors")
        z = self.zeros((*units, len(forms)))
        for f, form in enumerate(forms):
            total = self.index(z, (..., f))
            for c in (c for c, factor in enumerate(form) if factor % 2):
                total ^= self.index(x, (..., c))
        return z

    def pack(self, bits: Array) -> Array:
        """Booleans (..., m) as elements (..., packed(m)); padding is 0."""
        if self.k == 1:
            return bits.astype(self.dtype)
        return np.packbits(bits, axis=-1, bitorder="little")

    def unpack(self, x: Array, m: int) -> Array:
        """The first m bits (..., m) of the elements (..., packed(m)), as booleans."""
        self.check(x)
        if self.k == 1:
            return x.astype(np.bool_)
        return np.unpackbits(x, axis=-1, count=m, bitorder="little").view(np.bool_)

    def planes(self, ring: Ring, x: Array, positions: Sequence[int], pairs: int = 0) -> Array:
        """Bits of ring elements (..., m) at some positions, one plane each, and products of them.

        Returns:
            (len(positions) + pairs, ..., packed(m)): behind the bits, in the order of their
            positions, the products of planes i and pairs + i for i < pairs.

        Raises:
            ValueError: the ring's elements have no such bit, or more than 128.
        """
        ring.check(x)
        if ring.k > 128:
            raise ValueError(f"elements of Z_2^{ring.k} are reduced before they are cut into bits")
        if not all(0 <= b < ring.k for b in positions):
            raise ValueError(f"an element of Z_2^{ring.k} has no bits {positions}")
        *rows, m = ring.shape(x)
        planes = np.empty((len(positions) + pairs, *rows, self.packed(m)), self.dtype)
        self._fill(ring, x, positions, planes)
        np.bitwise_and(planes[:pairs], planes[pairs : 2 * pairs], planes[len(planes) - pairs :])
        return planes

    def levels_of_forms(
        self,
        tables: Sequence[Array],
        forms: Sequence[Sequence[int]],
        rows: Sequence[Sequence[int]],
    ) -> Array:
        """Whether linear forms of all columns of tables, (m, c) each of int32, are above v.

        Args:
            rows: of each form, the planes of its bits for v = 0, 1 ...

        Returns:
            As many planes as rows names, (planes, packed(m)).

        Raises:
            ValueError: a form has another number of factors than there are columns.
        """
        places = np.full((len(forms), max(map(len, rows))), -1)
        for place, row in zip(places, rows, strict=True):
            place[: len(row)] = row
        planes = np.empty((1 + int(places.max()), self.packed(len(tables[0]))), self.dtype)
        _kernels().fill_levels(tables, forms, places, planes)
        return planes

    def _fill(self, ring: Ring, x: Array, positions: Sequence[int], planes: Array) -> None:
        if self.k == 1:
            for plane, b in zip(planes, positions, strict=False):
                plane[...] = ring.reduce(ring.rshift(x, b), Ring(1))
            return
        *rows, m = ring.shape(x)
        words = ring.reshape(x, (math.prod(rows), m))
        _kernels().fill_planes(words, positions, planes.reshape(len(planes), len(words), -1))

    def add_cross(
        self, z: Array, x: tuple[Array, Array], y: tuple[Array, Array], _product: Product
    ) -> Array:
        """Return z + x_0 y_0 + x_0 y_1 + x_1 y_0; bits have one product only."""
        for part in (z, *x, *y):
            self.check(part)
        return np.asarray(_kernels().add_cross(z, x, y))


BITS = BitRing(8)
