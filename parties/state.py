"""Where a party keeps what it needs to resume a study: FOLDER/PLAN'S HASH, of this user alone.

What stands there:

    FOLDER/storage.key       32 bytes, made once; for journals and for nothing else
    FOLDER/HASH/journal      see mpcgen.parties.journal; removed when the study has ended
    FOLDER/HASH/lock         held by the one process that runs the study
    FOLDER/HASH/ended.json   that the study has ended here, and the digest of its results
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mpcgen import codec
from mpcgen.errors import ConfigError, InputError, Refused, reason
from mpcgen.files import create_secret, read_secret
from mpcgen.parties.journal import Journal
from mpcgen.parties.records import Records
from mpcgen.prg import KEY_BYTES, fresh_bytes
from mpcgen.report.files import replacing, sync_folder

KEY, JOURNAL, LOCK, ENDED = "storage.key", "journal", "lock", "ended.json"


class PlanState:
    """The state of one plan, held by this process.

    Args:
        plan: the plan's hash, hex.
    """

    def __init__(self, folder: Path, plan: str):
        self.folder = folder / plan
        self._plan, self._journal = plan, None if self._ended.exists() else _journal(folder, plan)
        self._written: str | None = None

    @property
    def _ended(self) -> Path:
        return self.folder / ENDED

    @property
    def journal(self) -> Journal:
        """The study's journal.

        Raises:
            Refused: the study has ended here.
        """
        if self._journal is None:
            raise Refused(
                f"{self._ended}: this study has ended here, and is not run again: two runs on "
                "people who differ would tell of those; sign a new plan"
            )
        return self._journal

    def write(self, results: str) -> None:
        """Keep the digest of results that are about to take their name."""
        self._written = results
        Records(self.journal).keep("written", results=results)

    def has_written(self, results: str) -> bool:
        """Whether results of this digest are this study's, though its process may have died."""
        return self._results() == results

    def _results(self) -> str:
        """The digest of what this process, or one before, has written; "" where nothing was."""
        if self._written is None and self._journal is None:
            self._written = str(json.loads(self._ended.read_bytes())["results_sha256"])
        elif self._written is None:
            kept = [each for each in Records(self.journal) if each.kind == "written"]
            self._written = str(kept[-1].values["results"]) if kept else ""
        return self._written or ""

    def end(self) -> None:
        """The study has ended here: keep that alone, and the digest of its results."""
        ended = {"plan": self._plan, "results_sha256": self._results()}
        with replacing(self._ended) as file:
            file.write(json.dumps(ended, sort_keys=True, indent=2).encode() + b"\n")
        self.close()
        (self.folder / JOURNAL).unlink(missing_ok=True)

    def close(self) -> None:
        """Keep nothing more."""
        if self._journal is not None:
            self._journal.close()


@contextmanager
def plan_state(folder: Path, plan: str) -> Iterator[PlanState]:
    """The state of one plan, made if need be; nobody else has it as long as the block lasts.

    Raises:
        Refused: another process runs this study here.
        InputError: the folder cannot be used, or what stands in it is damaged.
    """
    own = folder / plan
    try:
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(own / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InputError(f"no state can be kept here: {reason(error)}", path=own) from None
    try:
        _hold(lock, own)
        state = PlanState(folder, plan)
        try:
            yield state
        finally:
            state.close()
    finally:
        os.close(lock)


def digest_of(folder: Path) -> str:
    """SHA-256 of the names and contents of all files in a folder, hex."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    parts: list[codec.Value] = [
        [str(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).digest()]
        for path in files
    ]
    return codec.digest("mpcgen results", parts).hex()


def _hold(lock: int, own: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refused(f"{own}: another process runs this study here already") from None


def _journal(folder: Path, plan: str) -> Journal:
    journal = Journal(folder / plan / JOURNAL, _storage_key(folder), bytes.fromhex(plan))
    for each in (folder / plan, folder):
        sync_folder(each)
    return journal


def _storage_key(folder: Path) -> bytes:
    """The institution's storage key, made where there is none yet."""
    path = folder / KEY
    if not path.is_symlink() and not path.exists():
        _make_key(path)
    key = read_secret(path, KEY_BYTES + 1, "storage key")
    if len(key) != KEY_BYTES:
        raise ConfigError(f"a storage key has {KEY_BYTES} bytes, not {len(key)}", path=path)
    return key


def _make_key(path: Path) -> None:
    """Under another name first, so that a process that dies leaves no part of a key."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)  # of a process that had this number before
    try:
        create_secret(part, fresh_bytes(KEY_BYTES), "storage key")
        with part.open("rb") as file:
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another plan's process was first
            path.hardlink_to(part)
    except OSError as error:
        raise ConfigError(f"no storage key can be made: {reason(error)}", path=path) from None
    finally:
        part.unlink(missing_ok=True)
