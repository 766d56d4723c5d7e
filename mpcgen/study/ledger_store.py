"""What the ledger's rows name by its hash: sets of people, and of positions, a file each.

People are 16 bytes each: HMAC-SHA256 under the ledger's key over the text 'FID<tab>IID' in UTF-8,
cut to 128 bits. Without the key nobody can tell who that is, nor try names. Positions are 8 bytes
each: the chromosome's code times 2^32 plus the base, little-endian, XY as X. Both are sorted, each
once.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import InputError, LedgerError, reason
from mpcgen.files import read_small, replace_file
from mpcgen.genome.chromosomes import XY, X, Y, position_keys

PERSON_BYTES = 16
MOST_BYTES = 1 << 30
PERSON = np.dtype((np.void, PERSON_BYTES))
POSITION = np.dtype("<i8")

T = TypeVar("T", np.void, np.int64)

PeopleIds: TypeAlias = NDArray[np.void]  # sorted, each once
Positions: TypeAlias = NDArray[np.int64]  # sorted, each once


class Store:
    """Contents by their hash, in a folder; what is new is on the disk after `flush`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._people: dict[str, PeopleIds] = {}
        self._positions: dict[str, Positions] = {}
        self._pending: dict[str, bytes] = {}

    def add_people(self, people: PeopleIds) -> str:
        """Keep a set of people, in any order; returns its name, the SHA-256 of its bytes."""
        ordered = np.sort(people)
        name = self._add(ordered.tobytes())
        self._people[name] = ordered
        return name

    def add_positions(self, places: Positions) -> str:
        """The same for positions, sorted and each once."""
        name = self._add(places.tobytes())
        self._positions[name] = places
        return name

    def _add(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        self._pending[name] = content
        return name

    def people(self, name: str) -> PeopleIds:
        """A set of people.

        Raises:
            LedgerError: its file is not there, or not what it was.
        """
        if name not in self._people:
            self._people[name] = self._values(name, PERSON)
        return self._people[name]

    def positions(self, name: str) -> Positions:
        """A set of positions.

        Raises:
            LedgerError: its file is not there, or not what it was.
        """
        if name not in self._positions:
            self._positions[name] = self._values(name, POSITION)
        return self._positions[name]

    def in_common(self, ours: str, theirs: str) -> NDArray[np.bool_]:
        """Which of one set's positions are in another one."""
        places = self.positions(ours)
        if ours == theirs:
            return np.ones(len(places), np.bool_)
        return np.isin(places, self.positions(theirs), assume_unique=True)

    def _values(self, name: str, dtype: "np.dtype[T]") -> NDArray[T]:
        content = self._content(name)
        if len(content) % dtype.itemsize:
            raise LedgerError("is not of the kind that its row says", path=self.folder / name)
        values = np.frombuffer(content, dtype)
        if (values[1:] == values[:-1]).any() or not np.array_equal(np.sort(values), values):
            raise LedgerError("is not in order", path=self.folder / name)
        return values

    def _content(self, name: str) -> bytes:
        if not re.fullmatch("[0-9a-f]{64}", name):
            raise LedgerError(f"{name!r:.80} names no set", path=self.folder)
        path = self.folder / name
        try:
            content = read_small(path, MOST_BYTES)
        except InputError as error:
            words = f"the ledger names a file that cannot be read: {error}; put it back"
            raise LedgerError(words) from None
        if hashlib.sha256(content).hexdigest() != name:
            raise LedgerError("was changed; put it back from a copy", path=path)
        return content

    def flush(self) -> None:
        """Bring what was added to the disk.

        Raises:
            LedgerError: it cannot be written.
        """
        try:
            for name, content in self._pending.items():
                if not (self.folder / name).exists():
                    replace_file(self.folder / name, content)
            sync_folder(self.folder)
        except OSError as error:
            raise LedgerError(f"cannot be written: {reason(error)}", path=self.folder) from None
        self._pending.clear()


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def pseudonyms(ids: Iterable[str], key: bytes) -> PeopleIds:
    """What stands for each person, in the given order."""
    keyed = (hmac.digest(key, name.encode(), "sha256")[:PERSON_BYTES] for name in ids)
    return np.frombuffer(b"".join(keyed), PERSON)


def among(some: PeopleIds, others: PeopleIds) -> NDArray[np.bool_]:
    """Which people of one sorted set are in another one."""
    if not len(others):
        return np.zeros(len(some), np.bool_)
    rows = np.minimum(np.searchsorted(others, some), len(others) - 1)
    found: NDArray[np.bool_] = others[rows] == some
    return found


def positions(chrom: NDArray[np.int8], pos: NDArray[np.int32]) -> Positions:
    """Sorted positions, each once: variants at one of them have people's genotypes in common."""
    return np.unique(position_keys(np.where(chrom == XY, X, chrom), pos)).astype(POSITION)


def on_sex_chromosomes(places: Positions) -> NDArray[np.bool_]:
    """Which positions are on X, XY or Y, where males and others are counted apart."""
    found: NDArray[np.bool_] = np.isin(places >> 32, [X, Y])
    return found
