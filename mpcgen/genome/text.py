"""Text tables of the field, read whole and checked: one error names the file and the line.

Every reader of this package takes its bytes from `read_text` and its columns from `Table`.
"""

import gzip
import io
import re
import zlib
from collections.abc import Sequence
from csv import reader as csv_rows
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from mpcgen.errors import InputError, reason
from mpcgen.genome.columns import Strings, contiguous, to_numpy, whole_numbers

# While it reads a file Arrow takes the operator's stop itself, and now and then loses it.
pa.enable_signal_handlers(False)

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_UTF8_MARK, _UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_CONTROLS = {*range(32), 127} - {*b"\t\n"}
_NO_CONTROLS = bytes(byte for byte in range(256) if byte not in _CONTROLS)
_UNSEEN = re.compile(  # U+0080-009F, U+2028-202E, U+2066-2069 in UTF-8: controls, what turns text
    rb"\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]"
)
_LINES_NAMED = 5


def read_text(path: Path) -> bytes:
    """Return the file's UTF-8 bytes, unpacked (gzip, zstd), with plain line ends.

    A byte-order mark and blank lines at the end are dropped. Raises InputError where the file
    cannot be read, is empty, is not UTF-8, or has control characters, line separators or marks
    that turn the direction of text (naming the line).
    """
    text = _unpack(path).removeprefix(_UTF8_MARK)
    if text.startswith(_UTF16_MARKS):
        raise InputError("this is UTF-16 text; save it as UTF-8", path=path)
    try:
        text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise InputError("this is not UTF-8 text", path=path, line=line) from None
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if control := _control(text):
        line = text.count(b"\n", 0, text.index(control)) + 1
        message = f"there is a control character ({ascii(control.decode())[1:-1]})"
        raise InputError(message, path=path, line=line)
    text = text.rstrip(b"\n")
    if not text.strip():
        raise InputError("the file is empty", path=path)
    return text


def _control(text: bytes) -> bytes:
    """Return a character of UTF-8 text that could change how other text is shown, or nothing."""
    if controls := text.translate(None, _NO_CONTROLS):
        return controls[:1]
    found = None if text.isascii() else _UNSEEN.search(text)
    return found[0] if found else b""


def _unpack(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(reason(error), path=path) from None
    try:
        if raw.startswith(_GZIP):
            return gzip.decompress(raw)
        if raw.startswith(_ZSTD):
            return _unzstd(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot be unpacked: {error}", path=path) from None
    return raw


def _unzstd(raw: bytes) -> bytes:
    stream: Any = pa.CompressedInputStream(pa.BufferReader(raw), "zstd")
    return cast(bytes, stream.read())


def squeeze_blanks(text: bytes, columns: int) -> bytes:
    """Return the text with every run of spaces and tabs made one tab, and none at line ends.

    Text that has one tab fewer than columns on average, and no space, is returned as it is.
    """
    if b" " not in text and text.count(b"\t") == (columns - 1) * (text.count(b"\n") + 1):
        return text
    chars = np.frombuffer(text.replace(b" ", b"\t"), np.uint8)
    tab = chars == ord("\t")
    again = np.ones_like(tab)
    again[1:] = tab[:-1] | (chars[:-1] == ord("\n"))
    squeezed: bytes = chars[~(tab & again)].tobytes()
    return squeezed.replace(b"\t\n", b"\n").rstrip(b"\t\n")


def lines_in_words(lines: NDArray[np.int64]) -> str:
    """Return ' (and lines 7, 9 and 3 more)' for all but the first of the lines, or nothing."""
    rest = lines[1:]
    if not rest.size:
        return ""
    named = ", ".join(map(str, rest[:_LINES_NAMED]))
    more = f" and {rest.size - _LINES_NAMED} more" if rest.size > _LINES_NAMED else ""
    return f" (and line{'s' * (rest.size > 1)} {named}{more})"


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of strings from one file; row i stands on line `first_line` + i."""

    path: Path
    first_line: int
    columns: dict[str, Strings]

    @cached_property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> Strings:
        return self.columns[name]

    def refuse(self, bad: NDArray[np.bool_], message: str, column: str | None = None) -> None:
        """Raise InputError for the first row where bad, and name the other lines.

        `{}` in the message stands for that row's value in the column.
        """
        rows = np.flatnonzero(bad)
        if not rows.size:
            return
        if column is not None:
            message = message.replace("{}", repr(self[column][int(rows[0])].as_py()))
        lines = rows + self.first_line
        raise InputError(message + lines_in_words(lines), path=self.path, line=int(lines[0]))


def read_table(
    text: bytes,
    names: Sequence[str],
    path: Path,
    *,
    first_line: int = 1,
    separator: str = "\t",
    wanted: Sequence[str] | None = None,
) -> Table:
    """Split text into columns of strings; every line must have len(names) values.

    Only a comma as the separator makes '"' a quoting character.
    """
    try:
        table = csv.read_csv(
            io.BytesIO(text),
            csv.ReadOptions(column_names=list(names)),
            csv.ParseOptions(
                delimiter=separator,
                quote_char='"' if separator == "," else False,
                ignore_empty_lines=False,
            ),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                include_columns=list(wanted or names),
            ),
        )
    except pa.ArrowInvalid as error:
        raise _uneven(text, names, path, first_line, separator, str(error)) from None
    blank = 0 if text.startswith(b"\n") else text.find(b"\n\n") + 1
    if blank or text.startswith(b"\n"):
        line = first_line + text.count(b"\n", 0, blank)
        raise InputError("the line is empty", path=path, line=line)
    return Table(path, first_line, {name: contiguous(table[name]) for name in table.column_names})


def _uneven(
    text: bytes, names: Sequence[str], path: Path, first_line: int, separator: str, why: str
) -> InputError:
    """Return the error that names every line with another number of values than names."""
    rows = text.decode().split("\n")
    if separator == ",":
        counts = np.array([sum(map(len, csv_rows([row]))) for row in rows])
    else:
        counts = np.array([row.count(separator) + 1 for row in rows])
    bad = np.flatnonzero(counts != len(names))
    if not bad.size:
        return InputError(why, path=path)
    found = int(counts[bad[0]])
    message = f"{found} value{'' if found == 1 else 's'} where {len(names)} are due"
    message += f" ({' '.join(names)})" if len(names) <= 10 else ""
    lines = bad + first_line
    return InputError(message + lines_in_words(lines), path=path, line=int(lines[0]))


def integers(table: Table, column: str, low: int, high: int, message: str) -> NDArray[np.int32]:
    """Return a column as whole numbers in low..high; Table.refuse says where one is not."""
    values = table[column]
    table.refuse(~whole_numbers(values), message, column)
    numbers = to_numpy(values.cast(pa.int64()))
    table.refuse((numbers < low) | (numbers > high), message, column)
    return numbers.astype(np.int32)
