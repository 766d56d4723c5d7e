"""Columns as text, in bulk: what the writers of tables, VCF and GWAS-SSF share."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 1 << 14  # rows that one thread turns into text at a time
THREADS = 2


def arrow(values: Any) -> Any:
    """An Arrow array with null for undefined and 0 for -0; nothing is copied that need not be."""
    import pyarrow as pa  # noqa: PLC0415

    if isinstance(values, pa.Array):
        return values
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return pa.array(values + 0.0, mask=np.isnan(values))
    return pa.array(values)


def texts(values: Any) -> "pa.StringArray":
    """Any column as strings: floats with the shortest decimals that read back the same."""
    import pyarrow as pa  # noqa: PLC0415

    string: pa.StringArray = arrow(values).cast(pa.string())
    return string


def filled(column: Any, word: str) -> Any:
    """A column of strings with a word in place of null."""
    return column.fill_null(word) if column.null_count else column


def among(column: Any, words: Sequence[str]) -> Any:
    """Where a column of strings is one of some words: an Arrow array of booleans."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    return pc.is_in(column, value_set=pa.array(words, pa.string()))


def where(mask: Any, then: Any, otherwise: Any) -> Any:
    """Row by row, one column or plain string where an Arrow or NumPy mask holds, else the other."""
    import pyarrow.compute as pc  # noqa: PLC0415

    choose: Any = pc.if_else
    return choose(arrow(mask), then, otherwise)


def matches(column: Any, form: str) -> NDArray[np.bool_]:
    """Where a column of strings has the form of a regular expression; null has none."""
    import pyarrow.compute as pc  # noqa: PLC0415

    found: Any = pc.match_substring_regex(column, form)
    mask: NDArray[np.bool_] = found.fill_null(value=False).to_numpy(zero_copy_only=False)
    return mask


def joined(separator: str, *columns: Any) -> Any:
    """Row by row, the strings of some columns with a separator; a plain string fills its column."""
    import pyarrow.compute as pc  # noqa: PLC0415

    join: Any = pc.binary_join_element_wise
    return join(*columns, separator)


def lines(columns: Sequence[Any]) -> Iterator[memoryview]:
    """Columns (m rows each) as tab-separated lines, NA for undefined, some thousand at a time."""
    arrays = [arrow(c) for c in columns]
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(arrays[0]), THREADS * CHUNK):
            pieces = [[a.slice(start + i * CHUNK, CHUNK) for a in arrays] for i in range(THREADS)]
            yield from pool.map(_lines, pieces)


def _lines(arrays: Sequence[Any]) -> memoryview:
    cells = [filled(texts(a), "NA") for a in arrays]
    rows = joined("\t", *cells[:-1], joined("", cells[-1], "\n"))
    ends = np.frombuffer(rows.buffers()[1], np.int32)
    return memoryview(rows.buffers()[2])[: ends[len(rows)]]
