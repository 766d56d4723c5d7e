"""A party's journal on its own disk: records that are encrypted, appended, and never changed.

    file        segments, one after the other; each process that opens the journal begins one
    segment     b"S", 32 bytes of salt, then its records
    record      b"R", length of what follows (8 bytes, network order), a check of it (8 bytes of a
                hash), AES-256-GCM of the record
    key         HKDF-SHA256 (RFC 5869) of the storage key, with the segment's salt, for one purpose
    nonce       number of the record in its segment: a key never meets a nonce twice, even if the
                disk forgets a record, since the next process has another salt
    chain       associated data of each record: a hash of all that stands before it, so that records
                and segments are neither dropped, swapped, nor taken from another journal

A record is on the disk when `append` returns. A process that is killed leaves at most one record
that is not whole, at the end: it is cut off (the check tells it from one whose length was damaged).
Anything else that does not fit is refused. That whole records are missing at the end, as in a file
put back from a copy, cannot be told here: parties compare how far they have come
(mpcgen.parties.standing).
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mpcgen.errors import InputError, reason
from mpcgen.prg import KEY_BYTES, fresh_bytes

SALT_BYTES = 32
TAG_BYTES = 16
MAX_RECORD = 1 << 30  # bytes; as a message
_SEGMENT, _RECORD = b"S", b"R"
_LENGTH_BYTES = _CHECK_BYTES = 8
_HEADER_BYTES = 1 + _LENGTH_BYTES + _CHECK_BYTES
_NONCE_BYTES = 12


@dataclass(frozen=True)
class _Place:
    """Where a record stands, and what opens it."""

    cipher: AESGCM
    nonce: bytes
    chain: bytes
    offset: int
    length: int


class Journal:
    """An open journal; a context manager. One process at a time has it (mpcgen.parties.state).

    Args:
        key: the institution's storage key.
        purpose: what the journal is for; another purpose gives other keys.

    Raises:
        InputError: the file cannot be read, is another's, or is damaged.
    """

    def __init__(self, path: Path, key: bytes, purpose: bytes):
        if len(key) != KEY_BYTES:
            raise ValueError(f"a storage key has {KEY_BYTES} bytes, not {len(key)}")
        self.path, self._key, self._purpose = path, key, purpose
        self._places: list[_Place] = []
        self._cipher: AESGCM | None = None
        self._end = self._in_segment = 0
        self._chain = hashlib.sha256(b"mpcgen journal" + purpose).digest()
        self._file = _opened(path)
        try:
            self._file.truncate(self._read_all())
            self._begin()
        except OSError as error:
            self._file.close()
            raise InputError(f"the journal cannot be kept: {reason(error)}", path=path) from None
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        """How many records it has."""
        return len(self._places)

    def __getitem__(self, n: int) -> bytes:
        """A record; it is read from the disk."""
        place = self._places[n]
        self._file.seek(place.offset)
        return self._decrypted(place, self._file.read(place.length), n)

    def append(self, record: bytes) -> int:
        """Keep a record, on the disk before this returns; its number."""
        if len(record) > MAX_RECORD:
            raise ValueError(f"a record has at most {MAX_RECORD} bytes, not {len(record)}")
        place = self._next_place(len(record) + TAG_BYTES)
        sealed = place.cipher.encrypt(place.nonce, record, place.chain)
        self._write(self._header(len(sealed)), sealed)
        self._add(place, sealed)
        return len(self) - 1

    def close(self) -> None:
        """Nothing more is kept."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        """Begin this process's segment."""
        salt = fresh_bytes(SALT_BYTES)
        self._write(_SEGMENT + salt)
        self._end = self._file.tell()
        self._turn(salt)

    def _turn(self, salt: bytes) -> None:
        """From here on records are those of the segment of this salt."""
        derived = HKDF(SHA256(), KEY_BYTES, salt, b"mpcgen journal" + self._purpose)
        self._cipher = AESGCM(derived.derive(self._key))
        self._in_segment = 0
        self._chain = hashlib.sha256(self._chain + _SEGMENT + salt).digest()

    def _write(self, *data: bytes) -> None:
        self._file.seek(self._end)
        for each in data:
            self._file.write(each)
        self._file.flush()
        os.fsync(self._file.fileno())

    def _header(self, length: int) -> bytes:
        """What stands before a record of this length."""
        written = length.to_bytes(_LENGTH_BYTES)
        return _RECORD + written + hashlib.sha256(self._chain + written).digest()[:_CHECK_BYTES]

    def _next_place(self, length: int) -> _Place:
        assert self._cipher is not None, "a segment has begun"
        nonce = self._in_segment.to_bytes(_NONCE_BYTES)
        return _Place(self._cipher, nonce, self._chain, self._end + _HEADER_BYTES, length)

    def _add(self, place: _Place, sealed: bytes) -> None:
        self._places.append(place)
        self._in_segment += 1
        self._end = place.offset + place.length
        self._chain = hashlib.sha256(self._chain + _RECORD + sealed[-TAG_BYTES:]).digest()

    def _read_all(self) -> int:
        """Check every record, one at a time; where the last whole one ends."""
        size = os.fstat(self._file.fileno()).st_size
        while self._end < size and self._read_next(size):
            pass
        return self._end

    def _read_next(self, size: int) -> bool:
        """Take in what stands at the end of what was read; False where it is cut short."""
        self._file.seek(self._end)
        header = self._file.read(_HEADER_BYTES)
        if header[:1] == _SEGMENT:
            return self._read_segment()
        if header[:1] != _RECORD or self._cipher is None:
            raise self._damaged(len(self))
        if len(header) < _HEADER_BYTES:
            return False
        length = int.from_bytes(header[1 : 1 + _LENGTH_BYTES])
        if header != self._header(length) or not TAG_BYTES <= length <= MAX_RECORD + TAG_BYTES:
            raise self._damaged(len(self))
        place = self._next_place(length)
        if place.offset + place.length > size:
            return False
        sealed = self._file.read(place.length)
        self._decrypted(place, sealed, len(self))
        self._add(place, sealed)
        return True

    def _read_segment(self) -> bool:
        self._file.seek(self._end + len(_SEGMENT))
        salt = self._file.read(SALT_BYTES)
        if len(salt) < SALT_BYTES:
            return False
        self._end += len(_SEGMENT) + SALT_BYTES
        self._turn(salt)
        return True

    def _decrypted(self, place: _Place, sealed: bytes, n: int) -> bytes:
        try:
            return place.cipher.decrypt(place.nonce, sealed, place.chain)
        except InvalidTag:
            raise self._damaged(n) from None

    def _damaged(self, n: int) -> InputError:
        return InputError(
            f"record {n + 1} of this journal is damaged, or was made under another storage key; "
            "put both files back as they were, or sign a new plan",
            path=self.path,
        )


def _opened(path: Path) -> BinaryIO:
    """The file, made if need be, of this user and for nobody else."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise InputError(f"no journal can be kept: {reason(error)}", path=path) from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        os.close(descriptor)
        raise InputError("the journal is not a regular file of this user", path=path)
    return os.fdopen(descriptor, "r+b")
