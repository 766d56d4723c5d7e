"""The loops behind mpcgen.tag_kernels, which Numba compiles; tags are (n, 8), bits (n,)."""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types, uint64
from numba.core.extending import intrinsic

from mpcgen.compiler import kernel, part, reads, writes

Array = npt.NDArray[Any]
_TAGS, _BITS = reads(np.uint64, 2), reads(np.uint8, 1)


@part()
def _mask(byte: Any, t: int) -> Any:
    """All bits of a word where bit t of the byte is 1, else none."""
    return uint64(0) - (uint64(byte) >> uint64(t) & uint64(1))


@kernel(_TAGS, _BITS, writes(np.uint64, 2))
def scale(x: Array, bits: Array, z: Array) -> None:
    """Write x where the bit is 1, else 0, to z."""
    for i in range(len(bits)):
        for t in range(8):
            z[i, t] = x[i, t] & _mask(bits[i], t)


@kernel(reads(np.uint64, 1), _BITS, writes(np.uint64, 2))
def times_bits(key: Array, bits: Array, z: Array) -> None:
    """Write the one key where the bit is 1, else 0, to z."""
    word = key[0]
    for i in range(len(bits)):
        for t in range(8):
            z[i, t] = word & _mask(bits[i], t)


def _rows_added(_typing: Any, z: Any, x: Any, bits: Any, out: Any, i: Any) -> Any:
    """Row i of out becomes that of z + x where the bit is 1: the byte is a mask of eight words."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def row(n: int, kind: Any, length: int) -> Any:
            data = context.make_array(signature.args[n])(context, builder, args[n]).data
            place = builder.mul(args[4], ir.Constant(args[4].type, length))
            return builder.bitcast(builder.gep(data, [place]), kind.as_pointer())

        words = ir.VectorType(ir.IntType(64), 8)
        where = builder.load(row(2, ir.VectorType(ir.IntType(1), 8), 1), align=1)
        added = builder.load(row(1, words, 8), align=8)
        added = builder.select(where, added, ir.Constant(words, [0] * 8))
        total = builder.xor(builder.load(row(0, words, 8), align=8), added)
        builder.store(total, row(3, words, 8), align=8)
        return context.get_dummy_value()

    return types.void(z, x, bits, out, i), codegen


_add_row: Any = intrinsic(_rows_added)


@kernel(*(_TAGS, _BITS, _TAGS, _BITS, _TAGS), writes(np.uint64, 2))
def add_swapped(z: Array, d: Array, a: Array, e: Array, b: Array, out: Array) -> None:
    """Write z + d b + e a to out."""
    for i in range(len(d)):
        _add_row(z, b, d, out, i)
        _add_row(out, a, e, out, i)


@kernel(reads(np.uint64, 1), reads(np.uint64, 1), writes(np.uint64, 2))
def add_to_buckets(x: Array, weights: Array, buckets: Array) -> None:
    """Add each word of x to buckets[j, v] (8, 256) for every byte j of its weight, of value v."""
    for i in range(len(x)):
        for j in range(8):
            v = weights[i] >> uint64(8 * j) & uint64(255)
            buckets[j, v] ^= x[i]


@kernel(_BITS, _TAGS, writes(np.uint64, 1))
def add_where(bits: Array, x: Array, sums: Array) -> None:
    """Add the tags of all bits that are 1 to sums (8,), by their place in the byte."""
    for i in range(len(bits)):
        for t in range(8):
            sums[t] ^= x[i, t] & _mask(bits[i], t)
