"""What became of a study, as a resident party keeps it beside the study.

The file is replaced as a whole, so that whoever reads it finds a whole one.
"""

import json
import os
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path

from mpcgen.files import replace_file

MAX_BYTES = 1 << 16
FORMAT = 1


class State(StrEnum):
    """How far a study has come."""

    NEW = "new"  # nobody has looked at it yet
    INCOMPLETE = "incomplete"  # it cannot be read, or not yet
    WAITING = "waiting"  # for approvals
    REFUSED = "refused"  # by this institution's policy, or by somebody's steward
    APPROVED = "approved"  # by all; it waits for its turn
    RUNNING = "running"
    AGAIN = "again"  # the network or another party failed; it waits for its next turn
    STOPPED = "stopped"  # with the resident process; it goes on with the next one
    FAILED = "failed"  # it will not be tried again as it is
    DONE = "done"


LASTING = (State.FAILED, State.DONE)
"""States that outlive the resident process; all others are found again."""


@dataclass(frozen=True)
class Status:
    """What became of a study.

    Attributes:
        study: the plan's id, "" where it is not known.
        plan: the plan's SHA-256, or "".
        because: why it is in this state: whose approval is waited for, which rules it breaks.
        attempts: how often it was started since its files last changed.
        since: when it came into this state.
        files: digest of its files when it came into this state.
    """

    state: State = State.NEW
    study: str = ""
    plan: str = ""
    because: tuple[str, ...] = ()
    attempts: int = 0
    since: str = ""
    files: str = ""


def write_status(path: Path, status: Status) -> None:
    """Replace a study's status.

    Raises:
        OSError: it cannot be written; the former one stands.
    """
    values = {"format": FORMAT, **asdict(status)}
    replace_file(path, f"{json.dumps(values, indent=1)}\n".encode())


def read_status(path: Path) -> Status:
    """A study's status; a new one where there is none, or what is there is something else."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            values = json.loads(file.read(MAX_BYTES))
        if values.pop("format") != FORMAT or values.keys() != {f.name for f in fields(Status)}:
            return Status()
        values |= {"state": State(values["state"]), "because": tuple(values["because"])}
        status = Status(**values)
        kinds = ("study", str), ("plan", str), ("since", str), ("files", str), ("attempts", int)
        if all(isinstance(getattr(status, name), kind) for name, kind in kinds):
            return status
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    return Status()
