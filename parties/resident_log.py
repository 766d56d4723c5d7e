"""A resident party's log: one line of JSON an event, of what happened and to which study.

It says nothing of people: no counts, and nothing of what a party says of its own data, which goes
to a private file beside the study.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

Value = str | int | float | bool | None | list[str]
Log = Callable[..., None]
MAX_TEXT = 2000  # characters of one value


def log_to(file: Path | None) -> Log:
    """A function that logs: log(event, **values).

    A file is opened for each line, readable by its owner alone where it is new, so that it may be
    moved away at any time. A line that cannot be written there goes to standard error: a full disk
    stops no study.

    Args:
        file: None: standard error.
    """

    def log(event: str, **values: Value) -> None:
        row = {"time": now(), "event": event, **{key: _cut(v) for key, v in values.items()}}
        line = f"{json.dumps(row)}\n"
        if file is None or not _appended(file, line.encode()):
            sys.stderr.write(line)
            sys.stderr.flush()

    return log


def now() -> str:
    """The time as ISO 8601 in UTC, to a second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cut(value: Value) -> Value:
    if isinstance(value, list):
        return [text[:MAX_TEXT] for text in value[:50]]
    return value[:MAX_TEXT] if isinstance(value, str) else value


def _appended(file: Path, line: bytes) -> bool:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(file, flags, 0o600)
    except OSError:
        return False
    try:
        return os.write(descriptor, line) == len(line)
    except OSError:
        return False
    finally:
        os.close(descriptor)
