"""The loops behind mpcgen.bit_kernels, which Numba compiles."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import int32, types, uint8, uint32
from numba.core.extending import intrinsic

from mpcgen.compiler import NUMBER, kernel, part, reads, writes

Array = npt.NDArray[Any]
LANES: Final = 32  # bytes in a vector


def _slices(_typing: Any, x: Any, at: Any, planes: Any, to: Any) -> Any:
    """Bit b of the bytes x[at : at + 32] becomes the word at planes[b, to], for b = 0 to 7.

    A comparison of all bytes with 0 gives their highest bits: one instruction on most processors.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, sink = (
            context.make_array(signature.args[n])(context, builder, args[n]) for n in (0, 2)
        )
        vector, word = ir.VectorType(ir.IntType(8), LANES), ir.IntType(LANES)
        start = builder.bitcast(builder.gep(source.data, [args[1]]), vector.as_pointer())
        values, zeros = builder.load(start, align=1), ir.Constant(vector, [0] * LANES)
        stride = builder.extract_value(sink.strides, 0)
        for b in reversed(range(8)):
            place = builder.add(args[3], builder.mul(stride, ir.Constant(stride.type, b)))
            pointer = builder.bitcast(builder.gep(sink.data, [place]), word.as_pointer())
            signs = builder.bitcast(builder.icmp_signed("<", values, zeros), word)
            builder.store(signs, pointer, align=1)
            values = builder.add(values, values)
        return context.get_dummy_value()

    return types.void(x, at, planes, to), codegen


_slice: Any = intrinsic(_slices)


@part()
def _spread(lanes: Array, tile: Array, row_of: Array, planes: Array, count: int) -> None:
    """Write bit b of so many bytes to planes[row_of[b]], by way of the tile."""
    for i in range(len(lanes) // LANES):
        _slice(lanes, LANES * i, tile, LANES // 8 * i)
    for b in range(8):
        row = row_of[b]
        if row >= 0:
            for i in range((count + 7) // 8):
                planes[row, i] = tile[b, i]


def _planes_of(words: int) -> Any:
    """Return the loop over elements of this many words."""

    def planes(x: Array, row_of: Array, lanes: Array, tile: Array, planes: Array) -> None:
        """Write bit b of x (rows, m words) to planes[row_of[b]]; where that is -1, nowhere.

        Args:
            lanes, tile: room for bytes (n,) and their planes (8, n / 8), n a multiple of 32.
        """
        m = x.shape[1] // words
        for r in range(len(x)):
            for t in range((m + len(lanes) - 1) // len(lanes)):
                start = t * len(lanes)
                count = min(len(lanes), m - start)
                for byte in range(len(row_of) // 8):
                    shift = x.dtype.type(8 * (byte % x.itemsize))
                    words_of = x[r, words * start + byte // x.itemsize :]
                    for i in range(count):
                        lanes[i] = uint8(words_of[words * i] >> shift)
                    for i in range(count, len(lanes)):
                        lanes[i] = 0
                    _spread(lanes, tile, row_of[8 * byte :], planes[:, r, start // 8 :], count)

    return planes


planes8, planes32, planes64, planes128 = (
    kernel(
        *(reads(word, 2), reads(np.int64, 1)),
        *(writes(np.uint8, 1), writes(np.uint8, 2), writes(np.uint8, 3)),
    )(_planes_of(words))
    for word, words in ((np.uint8, 1), (np.uint32, 1), (np.uint64, 1), (np.uint64, 2))
)


def _words(_typing: Any, address: Any) -> Any:
    """The word at an address."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(32).as_pointer())
        return builder.load(pointer, align=4)

    return types.uint32(address), codegen


_word: Any = intrinsic(_words)


@kernel(
    *(NUMBER, reads(np.int64, 1), reads(np.int64, 1)),
    *(reads(np.int64, 1), reads(np.int64, 1), reads(np.uint32, 1), reads(np.int64, 2)),
    *(writes(np.uint32, 2), writes(np.uint32, 1)),
    *(writes(np.uint8, 1), writes(np.uint8, 2), writes(np.uint8, 2)),
)
def levels_of_forms(
    m: int,
    addresses: Array,
    steps: Array,
    starts: Array,
    columns: Array,
    factors: Array,
    rows: Array,
    across: Array,
    values: Array,
    lanes: Array,
    tile: Array,
    planes: Array,
) -> None:
    """Write whether form f of columns is above v to planes[rows[f, v]]; where that is -1, nowhere.

    Args:
        m: length of a column.
        addresses, steps: of each column's first word, and from one to the next, in bytes.
        starts, columns, factors: form f is the sum of factors[j] times columns[j] over j from
            starts[f] to starts[f + 1], a signed word.
        rows: (forms, a multiple of 8).
        across, values, lanes, tile: room for n elements: (c, n), (n,), (n,), (8, n / 8).
    """
    for t in range((m + len(values) - 1) // len(values)):
        start = t * len(values)
        count = min(len(values), m - start)
        for c in range(len(addresses)):
            for i in range(count):
                across[c, i] = _word(addresses[c] + (start + i) * steps[c])
        for f in range(len(starts) - 1):
            values[:] = 0
            for j in range(starts[f], starts[f + 1]):
                column, factor = across[columns[j]], factors[j]
                for i in range(count):
                    values[i] += factor * column[i]
            for byte in range(rows.shape[1] // 8):
                if rows[f, 8 * byte] < 0:
                    break
                for i in range(len(lanes)):
                    above = min(max(int32(values[i]) - int32(8 * byte), int32(0)), int32(8))
                    lanes[i] = uint8((uint32(1) << uint32(above)) - uint32(1))
                _spread(lanes, tile, rows[f, 8 * byte :], planes[:, start // 8 :], count)


@kernel(*(5 * [reads(np.uint8, 1)]), writes(np.uint8, 1))
def add_cross(z: Array, x0: Array, x1: Array, y0: Array, y1: Array, out: Array) -> None:
    """Add x_0 y_0 + x_0 y_1 + x_1 y_0 to z, all of them bits."""
    for i in range(len(out)):
        out[i] = z[i] ^ (x0[i] & (y0[i] ^ y1[i])) ^ (x1[i] & y0[i])
