"""Between pyarrow's columns of text and NumPy's arrays, by buffers.

pyarrow's own bridges (pa.array, pa.scalar, to_numpy) import pandas where it is installed, which
costs every process a third of a second; a party's start-up has no use for it.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Strings: TypeAlias = pa.StringArray


def strings(values: Iterable[str]) -> Strings:
    """Return the values as a column."""
    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return _column(len(encoded), ends, b"".join(encoded))


def repeated(value: str, n: int) -> Strings:
    """Return a column of n times the same value."""
    encoded = value.encode()
    return _column(n, np.arange(n + 1, dtype=np.int32) * np.int32(len(encoded)), encoded * n)


def _column(n: int, ends: NDArray[np.int32], text: bytes) -> Strings:
    return pa.StringArray.from_buffers(n, _buffer(ends), _buffer(text))


def _buffer(memory: Any) -> pa.Buffer:
    return pa.py_buffer(memory)


def contiguous(column: Any) -> Strings:
    """Return a chunked column as one array."""
    return cast(Strings, column.combine_chunks())


def joined(columns: Sequence[Strings]) -> Strings:
    """Return the columns' values one after the other, as one column."""
    return pa.concat_arrays(columns)


def to_arrow(values: NDArray[Any]) -> Any:
    """Return an array of numbers as a pyarrow array on the same memory."""
    dtype = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(dtype, len(values), [None, _buffer(np.ascontiguousarray(values))])


def to_numpy(values: Any) -> NDArray[Any]:
    """Return a pyarrow array of numbers or truth values as a NumPy array; -1 where null."""
    if pa.types.is_boolean(values.type):
        return to_numpy(values.cast(pa.uint8())).astype(np.bool_)
    dtype = values.type.to_pandas_dtype()
    numbers = np.frombuffer(values.buffers()[1] or b"", dtype)
    numbers = numbers[values.offset : values.offset + len(values)]
    if values.null_count:
        numbers = np.where(to_numpy(values.is_valid()), numbers, -1)
    return numbers


def take(column: Strings, rows: NDArray[Any]) -> Strings:
    """Return column[rows]."""
    return column.take(to_arrow(rows))


def equal(left: Strings, right: Strings) -> NDArray[np.bool_]:
    """Return where two columns hold the same value."""
    return to_numpy(pc.equal(left, right))


def matches(column: Strings, pattern: str) -> NDArray[np.bool_]:
    """Return where the regular expression (RE2) matches anywhere in the value."""
    return to_numpy(pc.match_substring_regex(column, pattern))


def whole_numbers(column: Strings) -> NDArray[np.bool_]:
    """Return where the value is a whole number of at most ten digits."""
    digits = to_numpy(pc.ascii_is_decimal(column)) & (to_numpy(pc.binary_length(column)) <= 10)
    return digits if digits.all() else matches(column, r"^-?[0-9]{1,10}$")


def encode(column: Strings) -> tuple[NDArray[np.int32], list[str]]:
    """Return each value's code, and the distinct values in the order of their codes."""
    encoded = column.dictionary_encode()
    return to_numpy(encoded.indices), cast(list[str], encoded.dictionary.to_pylist())


def find(values: Strings, among: Strings) -> NDArray[np.int32]:
    """Return the (first) index of every value in another column, -1 where there is none."""
    return to_numpy(pc.index_in(values, value_set=among))


def trimmed(column: Strings) -> Strings:
    """Return the values without blanks at their ends."""
    return pc.utf8_trim_whitespace(column)


def rows_joined(separator: str, *columns: Strings | str, null: str = "NA") -> Strings:
    """Return each row's values as one, a separator between them; a plain string fills its column.

    `null` stands for what is undefined.
    """
    n = next(len(c) for c in columns if not isinstance(c, str))
    full = [repeated(c, n) if isinstance(c, str) else c for c in columns]
    return pc.binary_join_element_wise(
        *full, repeated(separator, n), null_handling="replace", null_replacement=null
    )


def tab_lines(columns: Sequence[Strings]) -> memoryview:
    """Return rows of columns as text: tabs between the values, a newline after each row."""
    if not len(columns[0]):
        return memoryview(b"")
    rows: Any = rows_joined("\t", *columns[:-1], rows_joined("", columns[-1], "\n"))
    _, ends, text = rows.buffers()
    return memoryview(text)[: np.frombuffer(ends, np.int32)[len(rows)]]
