"""Small files of this user: secrets that nobody else may read, and what is replaced as a whole."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from mpcgen.errors import ConfigError, InputError, reason


def is_beside(name: str) -> bool:
    """Whether a name in a file that others wrote is of a file in its folder, or below that."""
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def create_secret(path: Path, content: bytes, what: str = "key") -> None:
    """Write a new file that its owner alone may read.

    Args:
        what: how an error calls it.

    Raises:
        ConfigError: the file exists (nothing is overwritten), or cannot be made.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(content)
    except FileExistsError:
        raise ConfigError(f"exists already; a {what} is never overwritten", path=path) from None
    except OSError as error:
        raise ConfigError(f"cannot be written: {reason(error)}", path=path) from None


def read_secret(path: Path, most: int, what: str = "secret key") -> bytes:
    """At most so many bytes of a file that this user owns and no other one may read.

    Raises:
        ConfigError: it is not such a file.
    """
    try:
        descriptor = _open(path)
    except OSError as error:
        raise ConfigError(f"no {what} can be read: {_why(path, error)}", path=path) from None
    try:
        _check_secret(path, os.fstat(descriptor), what)
        return _read(descriptor, most)
    finally:
        os.close(descriptor)


def read_small(path: Path, most: int) -> bytes:
    """A file that has at most so many bytes.

    Raises:
        InputError: it cannot be read, is not a regular file, or is longer.
    """
    try:
        descriptor = _open(path)
    except OSError as error:
        raise InputError(f"cannot be read: {_why(path, error)}", path=path) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InputError("this is not a regular file", path=path)
        content = _read(descriptor, most + 1)
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise InputError(f"this has more than {most} bytes", path=path)
    return content


def replace_file(path: Path, content: bytes) -> None:
    """Write a file, new or in the place of an old one: whole, or not at all.

    Raises:
        OSError: it cannot be written; what was there before still is.
    """
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _why(path: Path, error: OSError) -> str:
    return "this is a link; name the file itself" if path.is_symlink() else reason(error)


def _read(descriptor: int, most: int) -> bytes:
    content = b""
    while len(content) < most and (more := os.read(descriptor, most - len(content))):
        content += more
    return content


def _check_secret(path: Path, status: os.stat_result, what: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"the {what} is not a regular file", path=path)
    if status.st_uid != os.geteuid():
        raise ConfigError(f"the {what} belongs to another user", path=path)
    if status.st_mode & 0o077:
        raise ConfigError(
            f"others may read the {what} (mode {stat.S_IMODE(status.st_mode):o}); chmod 600",
            path=path,
        )
