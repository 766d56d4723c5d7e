"""Columns as text, in bulk: what the writers of tables, VCF and GWAS-SSF share."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpcgen.genome.columns import Strings, strings, tab_lines, to_arrow

CHUNK = 1 << 14  # rows that one thread turns into text at a time
THREADS = 2


def arrow(values: Any) -> Any:
    """An Arrow array of numbers or strings, null where a float is NaN, 0 where it is -0."""
    if isinstance(values, pa.Array):
        return values
    values = np.asarray(values)
    if values.dtype.kind in "OU":
        return strings(values.tolist())
    if values.dtype.kind != "f":
        return to_arrow(values)
    numbers = to_arrow(values + 0.0)
    buffers = [_bits(~np.isnan(values)), numbers.buffers()[1]]
    return pa.Array.from_buffers(numbers.type, len(values), buffers)


def mask(values: NDArray[np.bool_]) -> Any:
    """Truth values (m,) as an Arrow array."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])


def _bits(values: NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(values, bitorder="little").data)


def texts(values: Any) -> Strings:
    """Any column as strings: floats with the shortest decimals that read back the same."""
    string: Strings = arrow(values).cast(pa.string())
    return string


def among(column: Strings, *words: str) -> Any:
    """Where a column of strings is one of some words: an Arrow array of truth values."""
    return pc.is_in(column, value_set=strings(words))


def where(condition: Any, then: Strings, otherwise: Strings) -> Strings:
    """Row by row, one column where an Arrow array of truth values holds, else the other."""
    choose: Any = pc.if_else
    chosen: Strings = choose(condition, then, otherwise)
    return chosen


def lines(columns: Sequence[Any]) -> Iterator[memoryview]:
    """Columns (m rows each) as tab-separated lines, NA for undefined, some thousand at a time."""
    arrays = [arrow(c) for c in columns]
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(arrays[0]), THREADS * CHUNK):
            pieces = [[a.slice(start + i * CHUNK, CHUNK) for a in arrays] for i in range(THREADS)]
            yield from pool.map(_lines, pieces)


def _lines(arrays: Sequence[Any]) -> memoryview:
    return tab_lines([texts(a) for a in arrays])
