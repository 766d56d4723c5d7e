"""Many counters in one integer, with room for the sum of several such integers.

    digits     x in Z_2^k, signed  ->  x + 2^(k-1), in 0 .. 2^k - 1
    width      (k / 32) u bits, u = 32 + bits(n) for n owners: n 2^k < 2^width, so that the sum of
               n digits carries nothing into the next one
    sum        of n such integers, less n - 1 times that of zeros: digits x_1 + ... + x_n + 2^(k-1)
    order      wide digits first, and a multiple of four units of u bits in each integer: no digit
               stands in two of them

The bits above k of a digit are 0 exactly if the total lies in -2^(k-1) .. 2^(k-1) - 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mpcgen.errors import RangeError
from mpcgen.ring import Array, Ring

Like: TypeAlias = Sequence[tuple[Ring, tuple[int, ...]]]  # ring and logical shape of each array

UNIT_BYTES = 4  # of a value, for each unit


@dataclass(frozen=True)
class Packing:
    """How values of Z_2^32, Z_2^64 and Z_2^128 stand in integers below 2^bits.

    Attributes:
        owners: how many such integers are summed at most.
    """

    owners: int
    bits: int

    @property
    def unit(self) -> int:
        """Bits for each 32 bits of a value."""
        return 8 * UNIT_BYTES + self.owners.bit_length()

    @property
    def units(self) -> int:
        """Units in one integer."""
        return self.bits // self.unit // 4 * 4

    def count(self, b: int) -> int:
        """Number of integers that hold values of b canonical bytes."""
        return -(-b // (UNIT_BYTES * self.units))

    def pack(self, like: Like, values: Sequence[Array]) -> list[int]:
        """One owner's signed values as integers."""
        digits = [self._digits(like[i][0], values[i]) for i in _widest_first(like)]
        bits = np.concatenate(digits) if digits else np.zeros(0, np.uint8)
        length = self.units * self.unit
        bits = np.pad(bits, (0, -len(bits) % length)).reshape(-1, length)
        rows = np.packbits(bits, axis=1, bitorder="little")
        return [int.from_bytes(row.tobytes(), "little") for row in rows]

    def unpack(self, like: Like, sums: Sequence[int]) -> list[Array]:
        """Totals out of the sums of all owners' integers.

        Raises:
            RangeError: a total leaves the signed range of its ring, or these are no such sums.
        """
        zeros = self.pack(like, [ring.zeros(shape) for ring, shape in like])
        length = self.units * self.unit
        totals = [x - (self.owners - 1) * zero for x, zero in zip(sums, zeros, strict=True)]
        if not all(0 <= total < 1 << length for total in totals):
            raise RangeError("a total leaves the signed range of its ring")
        size = -(-length // 8)
        data = b"".join(total.to_bytes(size, "little") for total in totals)
        rows = np.frombuffer(data, np.uint8).reshape(len(totals), size)
        bits = np.unpackbits(rows, axis=1, count=length, bitorder="little").ravel()
        values = dict(self._values(like, bits))
        return [values[i] for i in range(len(like))]

    def _digits(self, ring: Ring, x: Array) -> Array:
        """Bits of the digits, lowest first."""
        data = np.frombuffer(ring.to_bytes(x), np.uint8).reshape(-1, ring.size)
        bits = np.zeros((len(data), self._width(ring)), np.uint8)
        bits[:, : ring.k] = np.unpackbits(data, axis=1, bitorder="little")
        bits[:, ring.k - 1] ^= 1
        return bits.ravel()

    def _values(self, like: Like, bits: Array) -> Iterator[tuple[int, Array]]:
        """Place of an array, and the array, out of the bits of all digits."""
        for i in _widest_first(like):
            ring, shape = like[i]
            width = self._width(ring)
            end = int(np.prod(shape)) * width
            digits, bits = bits[:end].reshape(-1, width), bits[end:]
            if digits[:, ring.k :].any():
                raise RangeError(f"a total leaves the signed range of Z_2^{ring.k}")
            low = digits[:, : ring.k].copy()
            low[:, ring.k - 1] ^= 1
            packed = np.packbits(low, axis=1, bitorder="little")
            yield i, ring.from_bytes(packed.tobytes(), shape)
        if bits.any():
            raise RangeError("a total where no value stands")

    def _width(self, ring: Ring) -> int:
        return ring.size // UNIT_BYTES * self.unit


def _widest_first(like: Like) -> list[int]:
    return sorted(range(len(like)), key=lambda i: -like[i][0].k)
