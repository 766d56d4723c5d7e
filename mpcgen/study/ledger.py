"""An institution's ledger of what was released about its people, kept by itself alone.

    FOLDER/ledger.jsonl   rows, see `ledger_file`
    FOLDER/key            32 bytes that people's pseudonyms are made with, read by its owner alone
    FOLDER/sets/          sets of people and of positions, see `ledger_store`

Kinds of rows, with the row that they speak of:

    made       the first: whose ledger it is, and by what its key is known
    release    a plan is about to be run; from here on anything that it opens may be known
    again      (of) the same plan, people and genotypes once more: a rerun, or a resumed session
    finished   (of) which positions were opened
    nothing    (of) it ended before anything about a site was opened
    torn       the line before was torn by a crash
"""

import hmac
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mpcgen.errors import InputError, LedgerError, reason
from mpcgen.files import create_secret, read_secret
from mpcgen.prg import fresh_bytes
from mpcgen.study.ledger_file import LedgerFile, Row, opened
from mpcgen.study.ledger_release import Release
from mpcgen.study.ledger_rules import Past, check
from mpcgen.study.ledger_store import PeopleIds, Positions, Store, pseudonyms, sync_folder

VERSION = 1
KEY_BYTES = 32
LEDGER, KEY, SETS = "ledger.jsonl", "key", "sets"
MADE, RELEASE, AGAIN, FINISHED, NOTHING = "made", "release", "again", "finished", "nothing"

TORN_WORDS = (
    "the last line of the ledger has no end: a crash tore it while it was written. What it was to "
    "allow did not happen; the next row will say that it was torn"
)


@dataclass(frozen=True)
class Ledger:
    """An institution's ledger.

    Attributes:
        institution: its name.
        store: the sets that its rows name.
    """

    folder: Path
    institution: str
    store: Store
    _key: bytes

    @property
    def path(self) -> Path:
        """The file of its rows."""
        return self.folder / LEDGER

    @classmethod
    def open(
        cls, folder: Path, institution: str, warn: Callable[[str], object] = lambda _words: None
    ) -> "Ledger":
        """The ledger in a folder; it is made where there is none.

        Args:
            warn: told of a torn line.

        Raises:
            LedgerError: it is broken, incomplete, or another institution's.
            ConfigError: its key cannot be read, or not by its owner alone.
        """
        _own_folder(folder)
        with opened(folder / LEDGER, create=True) as file:
            if not file.rows:
                _make(folder, file, institution)
            elif file.torn:
                warn(f"{folder / LEDGER}: {TORN_WORDS}")
            key = read_key(folder)
            check_made(file, institution, key)
        return cls(folder, institution, Store(folder / SETS), key)

    def pseudonyms(self, ids: Iterable[str]) -> PeopleIds:
        """What stands for each person in the sets, in the given order."""
        return pseudonyms(ids, self._key)

    def check(self, new: Release, signed: Collection[str] = ()) -> str:
        """Refuse a release that tells too much beside earlier ones; returns what is to be said.

        Args:
            signed: identities (or names, of institutions without one) of those who agreed that
                institutions come and go.

        Raises:
            Differenced: by which rule, because of which plan, and what to do.
            LedgerError: the ledger is broken.
        """
        with opened(self.path, write=False) as file:
            return self._check(file, new, signed)[1]

    def begin(self, new: Release, signed: Collection[str] = ()) -> int:
        """Check again, and add the row that must be there before anything is opened.

        Returns:
            The row's number, which `finish` and `nothing` want.

        Raises:
            Differenced, LedgerError: as `check`.
        """
        with opened(self.path) as file:
            of, _ = self._check(file, new, signed)
            self.store.flush()
            if of is None:
                return file.append(RELEASE, new.row()).number
            return file.append(AGAIN, {"of": of, "session": new.session}).number

    def finish(self, begun: int, positions: Positions) -> None:
        """Add that a release ended, and where something was opened."""
        name = self.store.add_positions(positions)
        self.store.flush()
        with opened(self.path) as file:
            file.append(FINISHED, {"of": begun, "opened": name, "positions": len(positions)})

    def nothing(self, begun: int) -> None:
        """Add that a run ended before anything about a site was opened."""
        with opened(self.path) as file:
            file.append(NOTHING, {"of": begun})

    def _check(
        self, file: LedgerFile, new: Release, signed: Collection[str]
    ) -> tuple[int | None, str]:
        pasts = past_releases(file.path, file.rows)
        for past in pasts:
            if past.release.repeats(new):
                return past.number, (
                    "the ledger has this very plan with the same people and genotypes, "
                    f"{past.name}: it opens the same numbers again"
                )
        check(new, pasts, self.store, signed)
        return None, ""


def past_releases(path: Path, rows: Iterable[Row]) -> list[Past]:
    """The releases of which something may have been opened, in the order of their rows.

    What a run that has not ended has opened is not known, so it counts as all it asked for.

    Raises:
        LedgerError: a row has another form, or speaks of one that is not there.
    """
    found: dict[int, Past] = {}
    first: dict[int, int] = {}  # row that began a run -> row of its release
    before: dict[int, str | None] = {}  # the same -> what was known to be opened before it
    for row in rows:
        with _named(path, row):
            match row.kind:
                case "release":
                    release = Release.of_row(row.values)
                    found[row.number] = Past(row.number, row.at, release, release.sites)
                    first[row.number], before[row.number] = row.number, None
                case "again":
                    of = first[_number(row)]
                    first[row.number], before[row.number] = of, found[of].opened
                    found[of] = replace(found[of], opened=found[of].release.sites)
                case "finished":
                    of = first[_number(row)]
                    found[of] = replace(found[of], opened=str(row.values["opened"]))
                case "nothing":
                    of, known = first[_number(row)], before[_number(row)]
                    found[of] = replace(found[of], opened=known or "")
    return [past for past in found.values() if past.opened]


@contextmanager
def _named(path: Path, row: Row) -> Iterator[None]:
    """Say which row is wrong."""
    try:
        yield
    except (KeyError, InputError) as error:
        words = error if isinstance(error, InputError) else "it speaks of a row that is not there"
        raise LedgerError(f"{words}", path=path, line=row.number) from None


def _number(row: Row) -> int:
    of = row.values["of"]
    if not isinstance(of, int):
        raise InputError("of is the number of a row")
    return of


def _own_folder(folder: Path) -> None:
    """Make the folders that are not there, and refuse one that others may look into.

    Raises:
        LedgerError: it cannot be made, or is open to others.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for each in (folder, folder / SETS):
            each.mkdir(mode=0o700, exist_ok=True)
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError as error:
        raise LedgerError(f"no ledger can be made: {reason(error)}", path=folder) from None
    if mode & 0o077:
        raise LedgerError(f"others may look into it (mode {mode:o}); chmod 700", path=folder)


def _make(folder: Path, file: LedgerFile, institution: str) -> None:
    if any((folder / SETS).iterdir()):
        raise LedgerError(
            f"there are sets of people in {SETS}, and no row of {LEDGER} tells of them: put back "
            "the ledger from a copy",
            path=folder,
        )
    if not (folder / KEY).exists():
        create_secret(folder / KEY, fresh_bytes(KEY_BYTES), "ledger's key")
        _sync(folder / KEY)
    sync_folder(folder)
    known = _known_by(read_key(folder))
    file.append(MADE, {"version": VERSION, "institution": institution, "key": known})


def read_key(folder: Path) -> bytes:
    """A ledger's key.

    Raises:
        ConfigError, LedgerError: it cannot be read by its owner alone, or is none.
    """
    key = read_secret(folder / KEY, KEY_BYTES + 1, "ledger's key")
    if len(key) != KEY_BYTES:
        raise LedgerError(
            f"a ledger's key has {KEY_BYTES} bytes, not {len(key)}", path=folder / KEY
        )
    return key


def _known_by(key: bytes) -> str:
    """What tells one key from another, and nothing about it."""
    return hmac.digest(key, b"mpcgen ledger", "sha256").hex()


def check_made(file: LedgerFile, institution: str, key: bytes) -> None:
    """Refuse another institution's ledger, one of another version, and another key.

    Raises:
        LedgerError: which of these it is.
    """
    made = file.rows[0]
    if made.kind != MADE or made.values.get("version") != VERSION:
        raise LedgerError(f"this is no ledger of version {VERSION}", path=file.path, line=1)
    if made.values.get("institution") != institution:
        whose = made.values.get("institution")
        raise LedgerError(f"this is the ledger of {whose}, not of {institution}", path=file.path)
    if made.values.get("key") != _known_by(key):
        raise LedgerError(
            f"{KEY} is not the key that this ledger's people were written with: put it back, since "
            "with another one nobody is found again",
            path=file.path,
        )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
