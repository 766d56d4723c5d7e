"""A resident party's children: each looks at one study, or runs it, in a process of its own.

What a child says on standard error may concern the institution's own data, so it goes to a private
file of the study; the resident process reads none of it. It learns the exit status, and of a look
one line of JSON.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from mpcgen.parties.resident_folder import PRIVATE, StudyFolder
from mpcgen.parties.resident_status import State, Status

LOOK_SECONDS = 600.0  # a site list of millions of rows takes a minute
MAX_PRIVATE = 1 << 20  # bytes of a private file; what is beyond is cut when a child starts
MAX_SAID = 1 << 16
AGAIN = 75
"""Exit status of `mpcgen run --temporary` where another try may succeed: EX_TEMPFAIL."""


@dataclass
class Child:
    """A process of this party's.

    Attributes:
        said: what a look prints; None of a run.
        deadline: when a look is ended; None: a run ends by the plan's own time-outs.
    """

    study: StudyFolder
    process: subprocess.Popen[bytes]
    said: IO[bytes] | None = None
    deadline: float | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def ended(self) -> bool:
        """Whether it has ended; one that looks too long is ended here."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            self.kill()
        return self.process.poll() is not None

    def stop(self) -> None:
        """Ask it to end: it tells the other parties, and leaves nothing half done."""
        with suppress(OSError):
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, and whatever it has started."""
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def found(self) -> Status:
        """What a look, which has ended, found."""
        try:
            if self.said is None or self.process.returncode:
                return Status(State.INCOMPLETE, because=(f"see {PRIVATE}",))
            self.said.seek(0)
            values = json.loads(self.said.read(MAX_SAID))
            return Status(
                State(values["state"]),
                study=str(values["study"]),
                plan=str(values["plan"]),
                because=tuple(map(str, values["because"])),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return Status(State.INCOMPLETE, because=("what was found of it cannot be read",))
        finally:
            self.close()

    def close(self) -> None:
        """Give up what a look says."""
        if self.said is not None:
            self.said.close()


def look(study: StudyFolder, config: Path) -> Child:
    """Start to look whether a study may run.

    Raises:
        OSError: no process can be started.
    """
    words = ["party", "look", str(study.path.resolve()), "--config", str(config)]
    said = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        return Child(study, _start(study, words, said), said, time.monotonic() + LOOK_SECONDS)
    except OSError:
        said.close()
        raise


def run(study: StudyFolder, config: Path, name: str, lock: int) -> Child:
    """Start to run a study.

    Args:
        lock: a descriptor that the child keeps as long as it lives.

    Raises:
        OSError: no process can be started.
    """
    folder = study.path.resolve()
    words = ["run", str(folder / study.plan.name), "--as", name, "--config", str(config)]
    words += ["--out", str(folder / study.results(name).name), "--temporary"]
    return Child(study, _start(study, words, subprocess.DEVNULL, (lock,)))


def _start(
    study: StudyFolder, words: Sequence[str], out: IO[bytes] | int, kept: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start `mpcgen WORDS` with a process group of its own: a terminal's control-C is ours."""
    with _private(study.private) as file:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "mpcgen", *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=file,
            start_new_session=True,
            pass_fds=kept,
        )


def _private(path: Path) -> IO[bytes]:
    """A file that its owner alone can read, to append to.

    Raises:
        OSError: it is no regular file, or another user's.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.fdopen(os.open(path, flags, 0o600), "ab")
    os.fchmod(file.fileno(), 0o600)
    if os.fstat(file.fileno()).st_size > MAX_PRIVATE:
        file.truncate(0)
    return file
