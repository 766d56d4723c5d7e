"""Numba kernels behind mpcgen.ring: Z_2^128, and matrix products.

The 64 x 64 -> 128 bit multiplication is reached through LLVM's i128. Kernels run without the GIL
and hold no thread pool of Numba's, whose default layer dies when two threads enter it.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types, uint32, uint64
from numba.core.extending import intrinsic

Array = npt.NDArray[Any]
Function = TypeVar("Function", bound=Callable[..., Any])


def _kernel(*signatures: Any) -> Callable[[Function], Function]:
    """Compile for these types, cache, and run without the GIL."""
    compiler: Any = njit(list(signatures), cache=True, nogil=True)
    return compiler  # type: ignore[no-any-return]


def _in(word: Any, ndim: int) -> Any:
    """Type of an argument that is only read: to Numba a read-only array is a type of its own."""
    return types.Array(word, ndim, "C", readonly=True)


def _out(word: Any, ndim: int) -> Any:
    return types.Array(word, ndim, "C")


def _high_product(_typing: Any, _x: Any, _y: Any) -> Any:
    """High word of the 128-bit product of two words."""

    def codegen(_context: Any, builder: Any, _signature: Any, words: Any) -> Any:
        x128, y128 = (builder.zext(word, ir.IntType(128)) for word in words)
        high = builder.lshr(builder.mul(x128, y128), ir.Constant(ir.IntType(128), 64))
        return builder.trunc(high, ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), codegen


_mulhi: Any = intrinsic(_high_product)


_ELEMENTWISE = types.void(_in(uint64, 2), _in(uint64, 2), _out(uint64, 2), types.intp, types.intp)


@_kernel(_ELEMENTWISE)
def _add(x: Array, y: Array, z: Array, dx: int, dy: int) -> None:
    for i in range(len(z)):
        low = x[i * dx, 0] + y[i * dy, 0]
        z[i, 1] = x[i * dx, 1] + y[i * dy, 1] + uint64(low < x[i * dx, 0])
        z[i, 0] = low


@_kernel(_ELEMENTWISE)
def _subtract(x: Array, y: Array, z: Array, dx: int, dy: int) -> None:
    for i in range(len(z)):
        borrow = uint64(x[i * dx, 0] < y[i * dy, 0])
        z[i, 0] = x[i * dx, 0] - y[i * dy, 0]
        z[i, 1] = x[i * dx, 1] - y[i * dy, 1] - borrow


@_kernel(_ELEMENTWISE)
def _multiply(x: Array, y: Array, z: Array, dx: int, dy: int) -> None:
    for i in range(len(z)):
        x0, x1, y0, y1 = x[i * dx, 0], x[i * dx, 1], y[i * dy, 0], y[i * dy, 1]
        z[i, 0] = x0 * y0
        z[i, 1] = _mulhi(x0, y0) + x0 * y1 + x1 * y0


def elementwise(name: str, x: Array, y: Array) -> Array:
    """Add, subtract or multiply pairs of words (..., 2), broadcast against each other.

    A single element meets an array with step 0; any other broadcast is written out first.
    """
    shape = np.broadcast_shapes(x.shape, y.shape)
    z = np.empty(shape, np.uint64)
    kernel = {"add": _add, "subtract": _subtract, "multiply": _multiply}[name]
    flat = [a if a.size == 2 else np.broadcast_to(a, shape) for a in (x, y)]
    x, y = (np.ascontiguousarray(a).reshape(-1, 2) for a in flat)
    kernel(x, y, z.reshape(-1, 2), int(len(x) > 1), int(len(y) > 1))
    return z


@_kernel(types.void(_in(uint64, 4), _out(uint64, 3)))
def _sum(x: Array, z: Array) -> None:
    for o in range(x.shape[0]):
        for j in range(x.shape[1]):
            for i in range(x.shape[2]):
                low = z[o, i, 0] + x[o, j, i, 0]
                z[o, i, 1] += x[o, j, i, 1] + uint64(low < z[o, i, 0])
                z[o, i, 0] = low


def sum128(x: Array, axis: int) -> Array:
    """Sum of pairs of words (..., 2) over one axis, counted from 0."""
    z = np.zeros(x.shape[:axis] + x.shape[axis + 1 :], np.uint64)
    outer, inner = int(np.prod(x.shape[:axis])), int(np.prod(x.shape[axis + 1 : -1]))
    blocks = np.ascontiguousarray(x).reshape(outer, x.shape[axis], inner, 2)
    _sum(blocks, z.reshape(outer, inner, 2))
    return z


def _product(word: Any) -> Any:
    return types.void(_in(word, 2), _in(word, 2), _out(word, 2))


@_kernel(_product(uint32), _product(uint64))
def _matmul(x: Array, y: Array, z: Array) -> None:
    for i in range(x.shape[0]):
        for l in range(x.shape[1]):
            for j in range(y.shape[1]):
                z[i, j] += x[i, l] * y[l, j]


@_kernel(types.void(_in(uint64, 3), _in(uint64, 3), _out(uint64, 3)))
def _matmul128(x: Array, y: Array, z: Array) -> None:
    for i in range(x.shape[0]):
        for l in range(x.shape[1]):
            x0, x1 = x[i, l, 0], x[i, l, 1]
            for j in range(y.shape[1]):
                low = x0 * y[l, j, 0]
                high = _mulhi(x0, y[l, j, 0]) + x0 * y[l, j, 1] + x1 * y[l, j, 0]
                low += z[i, j, 0]
                z[i, j, 1] += high + uint64(low < z[i, j, 0])
                z[i, j, 0] = low


def matmul(x: Array, y: Array) -> Array:
    """Matrix product of words (n, l) x (l, m), or of pairs of words; rows shared out to threads."""
    z = np.zeros((x.shape[0], *y.shape[1:]), x.dtype)
    x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
    kernel = _matmul if x.ndim == 2 else _matmul128
    threads = len(os.sched_getaffinity(0))
    if x.size * y.shape[1] < 2**20:
        kernel(x, y, z)
        return z
    with ThreadPoolExecutor(threads) as pool:
        parts = (np.array_split(a, threads) for a in (x, z))
        list(pool.map(lambda part: kernel(part[0], y, part[1]), zip(*parts, strict=True)))
    return z
