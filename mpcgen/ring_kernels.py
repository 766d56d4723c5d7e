"""Numba kernels behind mpcgen.ring: Z_2^128, and matrix products.

The 64 x 64 -> 128 bit multiplication is reached through LLVM's i128.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types, uint32, uint64
from numba.core.extending import intrinsic

from mpcgen.jit import cores, kernel, reads, writes

Array = npt.NDArray[Any]
PAIR = np.dtype("V16")  # an element of Z_2^128 as one item, which NumPy moves whole


def _high_product(_typing: Any, _x: Any, _y: Any) -> Any:
    """High word of the 128-bit product of two words."""

    def codegen(_context: Any, builder: Any, _signature: Any, words: Any) -> Any:
        x128, y128 = (builder.zext(word, ir.IntType(128)) for word in words)
        high = builder.lshr(builder.mul(x128, y128), ir.Constant(ir.IntType(128), 64))
        return builder.trunc(high, ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), codegen


_mulhi: Any = intrinsic(_high_product)


_BINARY = types.void(reads(uint64, 2), reads(uint64, 2), writes(uint64, 2))


@kernel(_BINARY)
def _add(x: Array, y: Array, z: Array) -> None:
    for i in range(len(z)):
        low = x[i, 0] + y[i, 0]
        z[i, 1] = x[i, 1] + y[i, 1] + uint64(low < x[i, 0])
        z[i, 0] = low


@kernel(_BINARY)
def _subtract(x: Array, y: Array, z: Array) -> None:
    for i in range(len(z)):
        z[i, 1] = x[i, 1] - y[i, 1] - uint64(x[i, 0] < y[i, 0])
        z[i, 0] = x[i, 0] - y[i, 0]


@kernel(_BINARY)
def _multiply(x: Array, y: Array, z: Array) -> None:
    for i in range(len(z)):
        x0, x1, y0, y1 = x[i, 0], x[i, 1], y[i, 0], y[i, 1]
        z[i, 1] = _mulhi(x0, y0) + x0 * y1 + x1 * y0
        z[i, 0] = x0 * y0


@kernel(_BINARY)
def _scale(x: Array, y: Array, z: Array) -> None:
    """Multiply by the one element of y."""
    y0, y1 = y[0, 0], y[0, 1]
    for i in range(len(z)):
        z[i, 1] = _mulhi(x[i, 0], y0) + x[i, 0] * y1 + x[i, 1] * y0
        z[i, 0] = x[i, 0] * y0


def add(x: Array, y: Array) -> Array:
    """Add pairs of words (..., 2), broadcast against each other; so the two below."""
    return _broadcast(_add, x, y)


def subtract(x: Array, y: Array) -> Array:
    """Subtract y from x."""
    return _broadcast(_subtract, x, y)


def multiply(x: Array, y: Array) -> Array:
    """Multiply x by y."""
    if x.size == 2:
        x, y = y, x
    return _broadcast(_scale if y.size == 2 else _multiply, x, y)


def _broadcast(operation: Callable[..., None], x: Array, y: Array) -> Array:
    shape = np.broadcast(x, y).shape
    z = np.empty(shape, np.uint64)
    one = shape if operation is not _scale else y.shape
    operation(_pairs(x, shape), _pairs(y, one), z.reshape(-1, 2))
    return z


def _pairs(x: Array, shape: tuple[int, ...]) -> Array:
    """Elements in C order (n, 2) of x, written out to the shape."""
    if x.shape != shape:
        x = np.broadcast_to(x.view(PAIR), (*shape[:-1], 1)).copy().view(np.uint64)
    return np.ascontiguousarray(x).reshape(-1, 2)


@kernel(types.void(reads(uint64, 2), writes(uint64, 2), uint64))
def _rshift(x: Array, z: Array, n: int) -> None:
    """n < 64; the high word moves in two steps, since a shift by 64 is undefined."""
    for i in range(len(z)):
        z[i, 0] = x[i, 0] >> n | x[i, 1] << uint64(1) << (uint64(63) - n)
        z[i, 1] = x[i, 1] >> n


def rshift(x: Array, n: int) -> Array:
    """Shift pairs of words (..., 2) right by n = 0..127."""
    z = np.zeros(x.shape, np.uint64)
    if n >= 64:
        z[..., 0] = x[..., 1] >> np.uint64(n - 64)
    else:
        _rshift(np.ascontiguousarray(x).reshape(-1, 2), z.reshape(-1, 2), n)
    return z


@kernel(types.void(reads(uint64, 4), writes(uint64, 3)))
def _sum(x: Array, z: Array) -> None:
    for o in range(x.shape[0]):
        for j in range(x.shape[1]):
            for i in range(x.shape[2]):
                low = z[o, i, 0] + x[o, j, i, 0]
                z[o, i, 1] += x[o, j, i, 1] + uint64(low < z[o, i, 0])
                z[o, i, 0] = low


def sum128(x: Array, axis: int) -> Array:
    """Sum of pairs of words (..., 2) over one axis, counted from 0."""
    before, after = x.shape[:axis], x.shape[axis + 1 : -1]
    outer, inner = math.prod(before), math.prod(after)
    z = np.zeros((*before, *after, 2), np.uint64)
    blocks = np.ascontiguousarray(x).reshape(outer, x.shape[axis], inner, 2)
    _sum(blocks, z.reshape(outer, inner, 2))
    return z


def _product(word: Any) -> Any:
    return types.void(reads(word, 2), reads(word, 2), writes(word, 2))


@kernel(_product(uint32), _product(uint64))
def _matmul(x: Array, y: Array, z: Array) -> None:
    """Add x y to z; blocks of 64 rows of y stay in the second-level cache."""
    for l0 in range(0, x.shape[1], 64):
        for j0 in range(0, y.shape[1], 1024):
            for i in range(len(x)):
                row = z[i, j0 : j0 + 1024]
                for l in range(l0, min(l0 + 64, x.shape[1])):
                    factor, column = x[i, l], y[l, j0 : j0 + 1024]
                    for j in range(len(row)):
                        row[j] += factor * column[j]


@kernel(types.void(reads(uint64, 3), reads(uint64, 3), writes(uint64, 3)))
def _matmul128(x: Array, y: Array, z: Array) -> None:
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


def matmul(x: Array, y: Array) -> Array:
    """Matrix product of words (n, l) x (l, m), or of pairs of words; threads share rows."""
    z = np.zeros((len(x), *y.shape[1:]), x.dtype)
    x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
    add_product = _matmul if x.ndim == 2 else _matmul128
    threads = cores() if x.size * y.shape[1] > 2**22 else 1
    rows = zip(np.array_split(x, threads), np.array_split(z, threads), strict=True)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: add_product(part[0], y, part[1]), rows))
    return z
