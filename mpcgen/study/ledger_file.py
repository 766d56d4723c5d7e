"""The ledger's file: rows that are only ever added, each chained to the one before it.

A row is one line of canonical JSON (`codec`): its number from 1, the SHA-256 of the line before,
the time, its kind, what the kind has, and the SHA-256 of all that. Whoever changes, drops or moves
a row breaks the chain. A line without an end was torn by a crash: what it should have allowed was
not done, since that waits until the row is on the disk. The next row says that the line was torn;
nothing is ever removed.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mpcgen import codec
from mpcgen.codec import Value
from mpcgen.errors import BadMessage, LedgerError, reason

START = "0" * 64  # what stands for the line before the first
TORN = "torn"  # kind of the row that says that the line before it was
MOST_BYTES = 1 << 28
_FRAME = ("number", "previous", "at", "kind", "sha256")


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        at: when it was added, UTC.
        values: what its kind has.
    """

    number: int
    at: str
    kind: str
    values: Mapping[str, Value]


class LedgerFile:
    """An opened ledger; no other process writes to it meanwhile.

    Attributes:
        torn: the bytes of a last line without an end; the next row tells of them.
        last: SHA-256 of the last whole line.
    """

    def __init__(self, path: Path, descriptor: int):
        self.path = path
        self._descriptor = descriptor
        *lines, self.torn = _read(path, descriptor).split(b"\n")
        self.rows = list(_rows(path, lines))
        self._lines = len(lines)
        self.last = _digest(lines[-1]) if lines else START

    def append(self, kind: str, values: Mapping[str, Value]) -> Row:
        """Add a row; it is on the disk when this returns.

        Raises:
            LedgerError: it cannot be written.
        """
        if self.torn:
            torn, self.torn = self.torn, b""
            self._write(b"\n", torn)
            self.append(TORN, {"bytes": len(torn)})
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        row = Row(self._lines + 1, at, kind, values)
        content = {**values, **_frame(row, self.last)}
        line = codec.encode({**content, "sha256": _digest(codec.encode(content))})
        self._write(line + b"\n", line)
        self.rows.append(row)
        return row

    def _write(self, content: bytes, line: bytes) -> None:
        """Add bytes that end a line."""
        try:
            written = os.write(self._descriptor, content)
            os.fsync(self._descriptor)
        except OSError as error:
            raise LedgerError(f"cannot be written: {reason(error)}", path=self.path) from None
        if written < len(content):
            raise LedgerError("could be written in part only: is the disk full?", path=self.path)
        self._lines, self.last = self._lines + 1, _digest(line)


@contextmanager
def opened(path: Path, *, create: bool = False, write: bool = True) -> Iterator[LedgerFile]:
    """Open a ledger; others who write wait until it is closed, and with `write` all others.

    Raises:
        LedgerError: there is none, it cannot be opened, or it is broken.
    """
    flags = os.O_RDWR | os.O_APPEND if write else os.O_RDONLY
    flags |= (os.O_CREAT if create else 0) | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise LedgerError(f"cannot be opened: {reason(error)}", path=path) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if write else fcntl.LOCK_SH)
        yield LedgerFile(path, descriptor)
    finally:
        os.close(descriptor)


def _frame(row: Row, previous: str) -> dict[str, Value]:
    return {"number": row.number, "previous": previous, "at": row.at, "kind": row.kind}


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _read(path: Path, descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    if size > MOST_BYTES:
        raise LedgerError(f"has {size} bytes; at most {MOST_BYTES} are read", path=path)
    content = b""
    while more := os.pread(descriptor, 1 << 24, len(content)):
        content += more
    return content


def _rows(path: Path, lines: list[bytes]) -> Iterator[Row]:
    """The rows of whole lines.

    Raises:
        LedgerError: the line at which the chain is broken.
    """
    previous, torn = START, False
    for number, line in enumerate(lines, 1):
        row = _row(line, number, previous)
        if torn and (row is None or row.kind != TORN):
            raise LedgerError(f"the chain is broken here. {_BROKEN}", path=path, line=number - 1)
        if row is not None:
            yield row
        previous, torn = _digest(line), row is None
    if torn:
        raise LedgerError(f"the chain is broken here. {_BROKEN}", path=path, line=len(lines))


_BROKEN = (
    "A row was changed, lost or moved after it was written; without it nobody knows what was "
    "released, so nothing more is. Put the ledger back as it was from a copy"
)


def _row(line: bytes, number: int, previous: str) -> Row | None:
    """The row in a line; None where it is not one, or not the next one."""
    try:
        values = codec.decode(line)
    except BadMessage:
        return None
    if not isinstance(values, Mapping) or not set(_FRAME) <= values.keys():
        return None
    content = {key: value for key, value in values.items() if key != "sha256"}
    if values["sha256"] != _digest(codec.encode(content)):
        return None
    at, kind = values["at"], values["kind"]
    if values["number"] != number or values["previous"] != previous:
        return None
    if not isinstance(at, str) or not isinstance(kind, str):
        return None
    own = {key: value for key, value in values.items() if key not in _FRAME}
    return Row(number, at, kind, own)
