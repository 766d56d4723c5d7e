"""The folders of a resident party: one directory a study, and what lies in it.

    plan.toml               the plan; beside it its site list and other lists
    plan-approvals/         the institutions' signatures
    plan-results-NAME/      this institution's results, once there are any
    party-status.json       what became of the study
    party-private.log       what the party said of its own data: it stays with the institution

Here nothing is read but names, sizes and times: whatever is copied in, half or whole, costs the
resident process nothing.
"""

import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mpcgen import codec

PLAN = "plan.toml"
APPROVALS = "plan-approvals"
HISTORY = "history"
STATUS = "party-status.json"
PRIVATE = "party-private.log"
MAX_STUDIES = 1000
MAX_FILES = 10_000  # of one study
_OWN = (STATUS, PRIVATE)


@dataclass(frozen=True)
class StudyFolder:
    """The directory of one study."""

    path: Path

    @property
    def plan(self) -> Path:
        """Its plan."""
        return self.path / PLAN

    @property
    def status(self) -> Path:
        """What became of it."""
        return self.path / STATUS

    @property
    def private(self) -> Path:
        """What the party said of its own data."""
        return self.path / PRIVATE

    def results(self, name: str) -> Path:
        """Where the results of an institution are, once there are any."""
        return self.path / f"plan-results-{name}"

    def state(self, others: Iterable[Path] = ()) -> str:
        """A digest of which files there are, with sizes and times; "" where it is no study's.

        Args:
            others: files elsewhere on which it rests whether the study runs.
        """
        try:
            if not stat.S_ISREG(self.plan.lstat().st_mode):
                return ""
            whole = self.path.resolve()
            approvals = whole / APPROVALS
            rows = [*_rows(whole), *_rows(approvals), *_rows(approvals / HISTORY)]
            rows += [_row(path.resolve()) for path in others]
        except OSError:
            return ""
        if len(rows) > MAX_FILES:
            return ""
        return codec.digest("mpcgen study folder", sorted(rows)).hex()

    def lock(self) -> int | None:
        """A descriptor that locks the directory as long as any process has it; None: it is locked.

        A party that outlives the resident process which started it keeps its study to itself.

        Raises:
            OSError: the directory is gone.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:  # a file system without locks
            return descriptor
        return descriptor


def studies_in(folder: Path) -> list[StudyFolder]:
    """The directories of studies, by name; hidden ones, links and files are none.

    Raises:
        OSError: the folder cannot be listed.
    """
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                    found.append(StudyFolder(folder / entry.name))
            if len(found) >= MAX_STUDIES:
                break
    return sorted(found, key=lambda study: study.path.name)


def _rows(folder: Path) -> Iterator[str]:
    """A row for each file that is not the party's own; none where there is no folder.

    Raises:
        OSError: there are too many, or pipes and devices, on which whoever reads them waits.
    """
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for n, entry in enumerate(entries):
            with suppress(FileNotFoundError):  # a link to nothing
                mode = entry.stat().st_mode
                if n > MAX_FILES or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                    raise OSError(f"{entry.path} is no file")
                if stat.S_ISREG(mode) and entry.name not in _OWN:
                    yield _row(Path(entry.path))


def _row(path: Path) -> str:
    try:
        found = path.stat()
    except FileNotFoundError:
        return f"{os.fsencode(path)!r}"
    return f"{os.fsencode(path)!r} {found.st_size} {found.st_mtime_ns} {found.st_ino}"
