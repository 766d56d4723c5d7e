"""What stands in a record of a party's journal: a kind, a few values, and bytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mpcgen import codec
from mpcgen.errors import BadMessage, InputError
from mpcgen.parties.journal import Journal

_LENGTH_BYTES = 4


@dataclass(frozen=True)
class Record:
    """One record without its bytes.

    Attributes:
        number: of the record in its journal.
        values: what the kind has; who reads them has written them.
    """

    number: int
    kind: str
    values: dict[str, Any]


class Records:
    """The records of a journal."""

    def __init__(self, journal: Journal):
        self._journal = journal

    def __iter__(self) -> Iterator[Record]:
        """All that were kept so far."""
        for number in range(len(self._journal)):
            yield self._split(number)[0]

    def data(self, number: int) -> memoryview:
        """The bytes of a record."""
        return self._split(number)[1]

    def keep(self, kind: str, data: bytes = b"", **values: codec.Value) -> Record:
        """Append a record; it is on the disk when this returns."""
        head = codec.encode({"kind": kind, **values})
        number = self._journal.append(len(head).to_bytes(_LENGTH_BYTES) + head + data)
        return Record(number, kind, dict(values))

    def _split(self, number: int) -> tuple[Record, memoryview]:
        view = memoryview(self._journal[number])
        end = _LENGTH_BYTES + int.from_bytes(view[:_LENGTH_BYTES])
        try:
            head = codec.decode(bytes(view[_LENGTH_BYTES:end]))
        except BadMessage:
            head = None
        if not isinstance(head, dict):
            raise InputError("was written by another version of mpcgen", path=self._journal.path)
        values = {str(name): value for name, value in head.items() if name != "kind"}
        return Record(number, str(head["kind"]), values), view[end:]
