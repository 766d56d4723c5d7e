"""Folders of results appear whole or not at all.

All is written into a hidden draft beside the wanted folder, which takes its name at the end. It is
locked while the process that made it, or one forked from there, lives; who writes to the same name
next removes what a killed one has left.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mpcgen.errors import InputError, reason

SUFFIX = ".draft"
_RANDOM = "[a-z0-9_]{8}"  # of tempfile's names


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which takes the wanted name at the end and vanishes on failure.

    Raises:
        InputError: no folder can be made there.
    """
    new = [parent for parent in folder.parents if not parent.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(folder)
        draft, lock = _draft(folder)
    except OSError as error:
        raise InputError(f"no folder can be made here: {reason(error)}", path=folder) from None
    try:
        yield draft
        draft.chmod(0o755)
        _rename(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        for parent in new:
            with suppress(OSError):  # somebody else has put something there
                parent.rmdir()
        raise
    finally:
        os.close(lock)


def remove_stale(folder: Path) -> None:
    """Remove drafts of a folder that this user's processes have made and that none holds."""
    pattern = re.compile(rf"\.{re.escape(folder.name)}-{_RANDOM}{re.escape(SUFFIX)}")
    with suppress(OSError):  # a folder that may be written, but not listed
        for path in list(folder.parent.iterdir()):
            if pattern.fullmatch(path.name):
                with suppress(OSError):
                    _remove_unheld(path)


def _remove_unheld(draft: Path) -> None:
    """Remove a draft; OSError where it is locked, no folder, or gone."""
    lock = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(lock).st_uid == os.geteuid():
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(draft, ignore_errors=True)
    finally:
        os.close(lock)


def _draft(folder: Path) -> tuple[Path, int]:
    """A new draft of a folder, and the descriptor that locks it."""
    while True:
        prefix = f".{folder.name}-"
        draft = Path(tempfile.mkdtemp(prefix=prefix, suffix=SUFFIX, dir=folder.parent))
        with suppress(FileNotFoundError):  # somebody took it for a stale one before it was locked
            lock = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
            with suppress(OSError):  # a file system without locks, where nobody can take one
                fcntl.flock(lock, fcntl.LOCK_EX)
            if draft.exists():
                return draft, lock
            os.close(lock)


def _rename(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError as error:
        words = f"the new folder cannot take this name: {reason(error)}"
        raise InputError(words, path=folder) from None
