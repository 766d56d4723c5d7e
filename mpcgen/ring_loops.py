"""The loops behind mpcgen.ring_kernels, which Numba compiles, named by the bits of an element.

Elements of more than 64 bits are pairs or triples of words, low first, on a trailing axis.

The 64 x 64 -> 128 bit multiplication is reached through LLVM's i128.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types, uint64
from numba.core.extending import intrinsic

from mpcgen.compiler import NUMBER, kernel, part, reads, writes

Array = npt.NDArray[Any]
Words = tuple[Any, ...]


def _high_product(_typing: Any, _x: Any, _y: Any) -> Any:
    """High word of the 128-bit product of two words."""

    def codegen(_context: Any, builder: Any, _signature: Any, words: Any) -> Any:
        x128, y128 = (builder.zext(word, ir.IntType(128)) for word in words)
        high = builder.lshr(builder.mul(x128, y128), ir.Constant(ir.IntType(128), 64))
        return builder.trunc(high, ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), codegen


_mulhi: Any = intrinsic(_high_product)


@part()
def _pair(x: Array, i: int) -> Words:
    """Element i of elements (n, 2); so, for three words, the next."""
    return x[i, 0], x[i, 1]


@part()
def _triple(x: Array, i: int) -> Words:
    return x[i, 0], x[i, 1], x[i, 2]


@part()
def _put_pair(z: Array, i: int, x: Words) -> None:
    z[i, 0], z[i, 1] = x


@part()
def _put_triple(z: Array, i: int, x: Words) -> None:
    z[i, 0], z[i, 1], z[i, 2] = x


@part()
def _plus_pair(x: Words, y: Words) -> Words:
    low = x[0] + y[0]
    return low, x[1] + y[1] + uint64(low < x[0])


@part()
def _plus_triple(x: Words, y: Words) -> Words:
    low, middle = x[0] + y[0], x[1] + y[1]
    carry = uint64(low < y[0])
    carried = middle + carry
    return low, carried, x[2] + y[2] + uint64(middle < y[1]) + uint64(carried < carry)


@part()
def _minus_pair(x: Words, y: Words) -> Words:
    return x[0] - y[0], x[1] - y[1] - uint64(x[0] < y[0])


@part()
def _minus_triple(x: Words, y: Words) -> Words:
    middle, borrow = x[1] - y[1], uint64(x[0] < y[0])
    high = x[2] - y[2] - uint64(x[1] < y[1]) - uint64(middle < borrow)
    return x[0] - y[0], middle - borrow, high


@part()
def _times_pair(x: Words, y: Words) -> Words:
    return x[0] * y[0], _mulhi(x[0], y[0]) + x[0] * y[1] + x[1] * y[0]


@part()
def _times_triple(x: Words, y: Words) -> Words:
    """The words of x_0 y_1 and x_1 y_0 are added to the high word of x_0 y_0, with two carries."""
    first, second = x[0] * y[1], x[1] * y[0]
    one = _mulhi(x[0], y[0]) + first
    middle = one + second
    high = _mulhi(x[0], y[1]) + _mulhi(x[1], y[0]) + x[0] * y[2] + x[1] * y[1] + x[2] * y[0]
    return x[0] * y[0], middle, high + uint64(one < first) + uint64(middle < second)


_BINARY = reads(np.uint64, 2), reads(np.uint64, 2), writes(np.uint64, 2)


class _Wide(NamedTuple):
    """What loops over elements (n, words) call, by the number of words."""

    get: Any
    put: Any
    plus: Any
    minus: Any
    times: Any


_WIDE = (
    _Wide(_pair, _put_pair, _plus_pair, _minus_pair, _times_pair),
    _Wide(_triple, _put_triple, _plus_triple, _minus_triple, _times_triple),
)


def _element_by_element(get: Any, put: Any, operation: Any) -> Any:
    """Return the loop that writes x operation y to z."""

    def loop(x: Array, y: Array, z: Array) -> None:
        for i in range(len(z)):
            put(z, i, operation(get(x, i), get(y, i)))

    return kernel(*_BINARY)(loop)


def _by_one(get: Any, put: Any, times: Any) -> Any:
    """Return the loop that writes x times the one element of y to z."""

    def loop(x: Array, y: Array, z: Array) -> None:
        factor = get(y, 0)
        for i in range(len(z)):
            put(z, i, times(get(x, i), factor))

    return kernel(*_BINARY)(loop)


add128, add192 = (_element_by_element(w.get, w.put, w.plus) for w in _WIDE)
subtract128, subtract192 = (_element_by_element(w.get, w.put, w.minus) for w in _WIDE)
multiply128, multiply192 = (_element_by_element(w.get, w.put, w.times) for w in _WIDE)
scale128, scale192 = (_by_one(w.get, w.put, w.times) for w in _WIDE)


def _rshift_of(words: int) -> Any:
    """Return the loop that shifts by places < 64."""

    def loop(x: Array, z: Array, places: int) -> None:
        """A higher word moves left in two steps, since a shift by 64 is undefined."""
        n = uint64(places)
        for i in range(len(z)):
            for w in range(words - 1):
                z[i, w] = x[i, w] >> n | x[i, w + 1] << uint64(1) << (uint64(63) - n)
            z[i, words - 1] = x[i, words - 1] >> n

    return kernel(reads(np.uint64, 2), writes(np.uint64, 2), NUMBER)(loop)


rshift128, rshift192 = _rshift_of(2), _rshift_of(3)


def _sum_of(get: Any, put: Any, plus: Any) -> Any:
    """Return the loop that adds the sum over the second axis to z."""

    def loop(x: Array, z: Array) -> None:
        for o in range(x.shape[0]):
            for j in range(x.shape[1]):
                for i in range(x.shape[2]):
                    put(z[o], i, plus(get(z[o], i), get(x[o, j], i)))

    return kernel(reads(np.uint64, 4), writes(np.uint64, 3))(loop)


add_second_axis128, add_second_axis192 = (_sum_of(w.get, w.put, w.plus) for w in _WIDE)


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


def _linear_of(get: Any, put: Any, plus: Any, times: Any) -> Any:
    """Return _linear for elements of several words; z is 0 before."""

    def loop(x: Array, starts: Array, columns: Array, factors: Array, z: Array) -> None:
        for i in range(len(x)):
            for f in range(len(starts) - 1):
                total = get(z[i], f)
                for j in range(starts[f], starts[f + 1]):
                    total = plus(total, times(get(factors, j), get(x[i], columns[j])))
                put(z[i], f, total)

    return kernel(reads(np.uint64, 3), *_TERMS, reads(np.uint64, 2), writes(np.uint64, 3))(loop)


linear128, linear192 = (_linear_of(w.get, w.put, w.plus, w.times) for w in _WIDE)


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


def _add_product_of(get: Any, put: Any, plus: Any, times: Any) -> Any:
    """Return the loop that adds x y to z, of elements of several words."""

    def loop(x: Array, y: Array, z: Array) -> None:
        for l0 in range(0, x.shape[1], 64):
            for i in range(len(x)):
                for l in range(l0, min(l0 + 64, x.shape[1])):
                    factor = get(x[i], l)
                    for j in range(y.shape[1]):
                        put(z[i], j, plus(get(z[i], j), times(factor, get(y[l], j))))

    return kernel(reads(np.uint64, 3), reads(np.uint64, 3), writes(np.uint64, 3))(loop)


add_product128, add_product192 = (_add_product_of(w.get, w.put, w.plus, w.times) for w in _WIDE)
