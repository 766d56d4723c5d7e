"""The loops behind mpcgen.ring_kernels, which Numba compiles; pairs of words are low, then high.

The 64 x 64 -> 128 bit multiplication is reached through LLVM's i128.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types, uint64
from numba.core.extending import intrinsic

from mpcgen.compiler import NUMBER, kernel, reads, writes

Array = npt.NDArray[Any]


def _high_product(_typing: Any, _x: Any, _y: Any) -> Any:
    """High word of the 128-bit product of two words."""

    def codegen(_context: Any, builder: Any, _signature: Any, words: Any) -> Any:
        x128, y128 = (builder.zext(word, ir.IntType(128)) for word in words)
        high = builder.lshr(builder.mul(x128, y128), ir.Constant(ir.IntType(128), 64))
        return builder.trunc(high, ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), codegen


_mulhi: Any = intrinsic(_high_product)
_BINARY = reads(np.uint64, 2), reads(np.uint64, 2), writes(np.uint64, 2)


@kernel(*_BINARY)
def add(x: Array, y: Array, z: Array) -> None:
    """Write x + y to z."""
    for i in range(len(z)):
        low = x[i, 0] + y[i, 0]
        z[i, 1] = x[i, 1] + y[i, 1] + uint64(low < x[i, 0])
        z[i, 0] = low


@kernel(*_BINARY)
def subtract(x: Array, y: Array, z: Array) -> None:
    """Write x - y to z."""
    for i in range(len(z)):
        z[i, 1] = x[i, 1] - y[i, 1] - uint64(x[i, 0] < y[i, 0])
        z[i, 0] = x[i, 0] - y[i, 0]


@kernel(*_BINARY)
def multiply(x: Array, y: Array, z: Array) -> None:
    """Write x y to z."""
    for i in range(len(z)):
        x0, x1, y0, y1 = x[i, 0], x[i, 1], y[i, 0], y[i, 1]
        z[i, 1] = _mulhi(x0, y0) + x0 * y1 + x1 * y0
        z[i, 0] = x0 * y0


@kernel(*_BINARY)
def scale(x: Array, y: Array, z: Array) -> None:
    """Write x times the one element of y to z."""
    y0, y1 = y[0, 0], y[0, 1]
    for i in range(len(z)):
        z[i, 1] = _mulhi(x[i, 0], y0) + x[i, 0] * y1 + x[i, 1] * y0
        z[i, 0] = x[i, 0] * y0


@kernel(reads(np.uint64, 2), writes(np.uint64, 2), NUMBER)
def rshift(x: Array, z: Array, places: int) -> None:
    """Shift by places < 64; the high word moves in two steps, since a shift by 64 is undefined."""
    n = uint64(places)
    for i in range(len(z)):
        z[i, 0] = x[i, 0] >> n | x[i, 1] << uint64(1) << (uint64(63) - n)
        z[i, 1] = x[i, 1] >> n


@kernel(reads(np.uint64, 4), writes(np.uint64, 3))
def add_second_axis(x: Array, z: Array) -> None:
    """Add the sum over the second axis to z."""
    for o in range(x.shape[0]):
        for j in range(x.shape[1]):
            for i in range(x.shape[2]):
                low = z[o, i, 0] + x[o, j, i, 0]
                z[o, i, 1] += x[o, j, i, 1] + uint64(low < z[o, i, 0])
                z[o, i, 0] = low


def _linear(x: Array, starts: Array, columns: Array, factors: Array, z: Array) -> None:
    """Write linear forms of the columns of x (m, c) to z (m, forms).

    Args:
        starts, columns, factors: form f is the sum of factors[j] x[:, columns[j]] over j from
            starts[f] to starts[f + 1].
    """
    for i in range(len(x)):
        for f in range(len(starts) - 1):
            total = uint64(0)
            for j in range(starts[f], starts[f + 1]):
                total += factors[j] * x[i, columns[j]]
            z[i, f] = total


_TERMS = reads(np.int64, 1), reads(np.int64, 1)
linear8, linear32, linear64 = (
    kernel(reads(word, 2), *_TERMS, reads(word, 1), writes(word, 2))(_linear)
    for word in (np.uint8, np.uint32, np.uint64)
)


@kernel(reads(np.uint64, 3), *_TERMS, reads(np.uint64, 2), writes(np.uint64, 3))
def linear128(x: Array, starts: Array, columns: Array, factors: Array, z: Array) -> None:
    """As _linear, on pairs of words."""
    for i in range(len(x)):
        for f in range(len(starts) - 1):
            low = high = uint64(0)
            for j in range(starts[f], starts[f + 1]):
                x0, x1 = x[i, columns[j], 0], x[i, columns[j], 1]
                f0, f1 = factors[j, 0], factors[j, 1]
                term = f0 * x0
                low += term
                high += _mulhi(f0, x0) + f0 * x1 + f1 * x0 + uint64(low < term)
            z[i, f, 0], z[i, f, 1] = low, high


def _add_product(x: Array, y: Array, z: Array) -> None:
    """Add x y to z; blocks of 64 rows of y stay in the second-level cache."""
    for l0 in range(0, x.shape[1], 64):
        for j0 in range(0, y.shape[1], 1024):
            for i in range(len(x)):
                row = z[i, j0 : j0 + 1024]
                for l in range(l0, min(l0 + 64, x.shape[1])):
                    factor, column = x[i, l], y[l, j0 : j0 + 1024]
                    for j in range(len(row)):
                        row[j] += factor * column[j]


add_product32, add_product64 = (
    kernel(reads(word, 2), reads(word, 2), writes(word, 2))(_add_product)
    for word in (np.uint32, np.uint64)
)


@kernel(reads(np.uint64, 3), reads(np.uint64, 3), writes(np.uint64, 3))
def add_product128(x: Array, y: Array, z: Array) -> None:
    """Add x y to z."""
    for l0 in range(0, x.shape[1], 64):
        for i in range(len(x)):
            for l in range(l0, min(l0 + 64, x.shape[1])):
                x0, x1 = x[i, l, 0], x[i, l, 1]
                for j in range(y.shape[1]):
                    y0, y1 = y[l, j, 0], y[l, j, 1]
                    low = z[i, j, 0] + x0 * y0
                    carry = uint64(low < z[i, j, 0])
                    z[i, j, 1] += _mulhi(x0, y0) + x0 * y1 + x1 * y0 + carry
                    z[i, j, 0] = low
