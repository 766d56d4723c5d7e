"""Behind mpcgen.ring: arithmetic beyond 64 bits, and matrix products, by compiled kernels."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from mpcgen.jit import cores, load

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
_loops = load("mpcgen.ring_loops")


def add(x: Array, y: Array) -> Array:
    """Add elements (..., words), broadcast against each other; so the two below."""
    return _broadcast("add", x, y)


def subtract(x: Array, y: Array) -> Array:
    """Subtract y from x."""
    return _broadcast("subtract", x, y)


def multiply(x: Array, y: Array) -> Array:
    """Multiply x by y."""
    words = x.shape[-1]
    if x.size == words:
        x, y = y, x
    return _broadcast("scale" if y.size == words else "multiply", x, y)


def _broadcast(name: str, x: Array, y: Array) -> Array:
    shape = np.broadcast(x, y).shape
    z = np.empty(shape, np.uint64)
    one = shape if name != "scale" else y.shape
    _loop(name, z, z.ndim - 1)(_elements(x, shape), _elements(y, one), _elements(z, shape))
    return z


def _elements(x: Array, shape: Shape) -> Array:
    """Elements in C order (n, words) of x, written out to the shape."""
    words = shape[-1]
    if x.shape != shape:
        whole = x.view(f"V{8 * words}")  # an element as one item, which NumPy moves whole
        x = np.broadcast_to(whole, (*shape[:-1], 1)).copy().view(np.uint64)
    return np.ascontiguousarray(x).reshape(-1, words)


def _loop(name: str, x: Array, axes: int) -> Callable[..., None]:
    """The kernel of this name for the elements of x, behind whose logical axes are their words."""
    kernel: Callable[..., None] = getattr(
        _loops, f"{name}{8 * x.itemsize * math.prod(x.shape[axes:])}"
    )
    return kernel


def linear(x: Array, terms: Sequence[Sequence[int]], factors: Array, z: Array) -> None:
    """Write linear forms of the columns of x (m, c), of one word or several, to z.

    Args:
        terms: columns of each form.
        factors: elements, one for each term of the first form, then of the second ...
        z: zeros (m, forms).
    """
    starts = np.cumsum([0, *map(len, terms)])
    columns = np.array([c for form in terms for c in form], np.int64)
    _loop("linear", x, 2)(np.ascontiguousarray(x), starts, columns, factors, z)


def rshift(x: Array, n: int) -> Array:
    """Shift elements (..., words) right by fewer places than they have bits."""
    words, places = divmod(n, 64)
    z = np.zeros(x.shape, np.uint64)
    z[..., : x.shape[-1] - words] = x[..., words:]
    _loop("rshift", z, z.ndim - 1)(_elements(z, z.shape), _elements(z, z.shape), places)
    return z


def total(x: Array, axis: int) -> Array:
    """Sum of elements (..., words) over one axis, counted from 0."""
    before, after, words = x.shape[:axis], x.shape[axis + 1 : -1], x.shape[-1]
    outer, inner = math.prod(before), math.prod(after)
    z = np.zeros((*before, *after, words), np.uint64)
    blocks = np.ascontiguousarray(x).reshape(outer, x.shape[axis], inner, words)
    _loop("add_second_axis", x, x.ndim - 1)(blocks, z.reshape(outer, inner, words))
    return z


def matmul(x: Array, y: Array) -> Array:
    """Matrix product (n, l) x (l, m) of one word or several an element; threads share rows."""
    z = np.zeros((len(x), *y.shape[1:]), x.dtype)
    x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
    add_product = _loop("add_product", x, 2)
    threads = cores() if x.size * y.shape[1] > 2**22 else 1
    if threads == 1:
        add_product(x, y, z)
        return z
    rows = zip(np.array_split(x, threads), np.array_split(z, threads), strict=True)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: add_product(part[0], y, part[1]), rows))
    return z
