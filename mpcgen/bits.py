"""Bits beside each other: the ring (Z_2)^8, and integers cut into bit planes.

A bit of each of m variants is packed into ceil(m / 8) bytes, variant i in bit i mod 8 of byte
i // 8. On such bytes exclusive or is an addition and `and` a multiplication, so that a box shares,
adds, multiplies and opens them as it does the elements of any other ring.
"""

from dataclasses import dataclass

import numpy as np

from mpcgen.ring import Array, Ring


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
        """Exclusive or over one axis."""
        self.check(x)
        return np.asarray(np.bitwise_xor.reduce(x, axis=axis))

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

    def planes(self, ring: Ring, x: Array, bits: int) -> Array:
        """The low bits of ring elements (..., m), lowest first: (bits, ..., packed(m)).

        Raises:
            ValueError: the ring's elements have fewer bits.
        """
        ring.check(x)
        if bits > ring.k:
            raise ValueError(f"an element of Z_2^{ring.k} has no {bits} bits")
        if self.k == 1:
            return np.stack([ring.reduce(ring.rshift(x, b), Ring(1)) for b in range(bits)])
        from mpcgen.bit_kernels import bit_planes  # noqa: PLC0415 - compiled code, when needed

        shape = ring.shape(x)
        rows = np.ascontiguousarray(x).view(np.uint8).reshape(-1, shape[-1], ring.size)
        return bit_planes(rows, bits).reshape(bits, *shape[:-1], self.packed(shape[-1]))

    def with_products(self, planes: Array) -> Array:
        """Bit planes (bits, ...), and behind them planes 1 and 0, 3 and 2, ... multiplied.

        The last plane, a sign, is in no product: (bits + (bits - 1) // 2, ...).
        """
        below = len(planes) - 1
        products = planes[1:below:2] & planes[0 : below - 1 : 2] if below > 1 else planes[:0]
        return np.concatenate([planes, products])


BITS = BitRing(8)
