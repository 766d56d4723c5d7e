"""Behind mpcgen.ring: arithmetic in Z_2^128, and matrix products, by compiled kernels."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mpcgen.jit import cores, load

Array = npt.NDArray[Any]
PAIR = np.dtype("V16")  # an element of Z_2^128 as one item, which NumPy moves whole
_loops = load("mpcgen.ring_loops")
_PRODUCTS: Final = {
    (2, 4): _loops.add_product32,
    (2, 8): _loops.add_product64,
    (3, 8): _loops.add_product128,
}  # by axes and bytes of a word
_LINEAR: Final = {
    (2, 1): _loops.linear8,
    (2, 4): _loops.linear32,
    (2, 8): _loops.linear64,
    (3, 8): _loops.linear128,
}  # the same


def add(x: Array, y: Array) -> Array:
    """Add pairs of words (..., 2), broadcast against each other; so the two below."""
    return _broadcast(_loops.add, x, y)


def subtract(x: Array, y: Array) -> Array:
    """Subtract y from x."""
    return _broadcast(_loops.subtract, x, y)


def multiply(x: Array, y: Array) -> Array:
    """Multiply x by y."""
    if x.size == 2:
        x, y = y, x
    return _broadcast(_loops.scale if y.size == 2 else _loops.multiply, x, y)


def _broadcast(operation: Callable[..., None], x: Array, y: Array) -> Array:
    shape = np.broadcast(x, y).shape
    z = np.empty(shape, np.uint64)
    one = shape if operation is not _loops.scale else y.shape
    operation(_pairs(x, shape), _pairs(y, one), z.reshape(-1, 2))
    return z


def _pairs(x: Array, shape: tuple[int, ...]) -> Array:
    """Elements in C order (n, 2) of x, written out to the shape."""
    if x.shape != shape:
        x = np.broadcast_to(x.view(PAIR), (*shape[:-1], 1)).copy().view(np.uint64)
    return np.ascontiguousarray(x).reshape(-1, 2)


def linear(x: Array, terms: Sequence[Sequence[int]], factors: Array, z: Array) -> None:
    """Write linear forms of the columns of x, words (m, c) or pairs of words, to z.

    Args:
        terms: columns of each form.
        factors: elements, one for each term of the first form, then of the second ...
        z: (m, forms).
    """
    starts = np.cumsum([0, *map(len, terms)])
    columns = np.array([c for form in terms for c in form], np.int64)
    _LINEAR[x.ndim, x.itemsize](np.ascontiguousarray(x), starts, columns, factors, z)


def rshift(x: Array, n: int) -> Array:
    """Shift pairs of words (..., 2) right by n = 0..127."""
    z = np.zeros(x.shape, np.uint64)
    if n >= 64:
        z[..., 0] = x[..., 1] >> np.uint64(n - 64)
    else:
        _loops.rshift(np.ascontiguousarray(x).reshape(-1, 2), z.reshape(-1, 2), n)
    return z


def sum128(x: Array, axis: int) -> Array:
    """Sum of pairs of words (..., 2) over one axis, counted from 0."""
    before, after = x.shape[:axis], x.shape[axis + 1 : -1]
    outer, inner = math.prod(before), math.prod(after)
    z = np.zeros((*before, *after, 2), np.uint64)
    blocks = np.ascontiguousarray(x).reshape(outer, x.shape[axis], inner, 2)
    _loops.add_second_axis(blocks, z.reshape(outer, inner, 2))
    return z


def matmul(x: Array, y: Array) -> Array:
    """Matrix product of words (n, l) x (l, m), or of pairs of words; threads share rows."""
    z = np.zeros((len(x), *y.shape[1:]), x.dtype)
    x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
    add_product = _PRODUCTS[x.ndim, x.itemsize]
    threads = cores() if x.size * y.shape[1] > 2**22 else 1
    if threads == 1:
        add_product(x, y, z)
        return z
    rows = zip(np.array_split(x, threads), np.array_split(z, threads), strict=True)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: add_product(part[0], y, part[1]), rows))
    return z
