"""What a resident party knows of one study, and what happens to it next."""

import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from mpcgen.parties.resident_child import AGAIN, Child
from mpcgen.parties.resident_folder import PRIVATE, StudyFolder
from mpcgen.parties.resident_log import Log, now
from mpcgen.parties.resident_status import (
    LASTING,
    State,
    Status,
    read_status,
    write_status,
)
from mpcgen.prg import fresh_bytes

FIRST_PAUSE = 2.0
MOST_PAUSE = 60.0
"""Seconds between two tries. Shorter than the two minutes in which parties wait for each other by
default, so that those who try again find each other."""

_RUNS = (State.APPROVED, State.AGAIN, State.STOPPED)


@dataclass
class Watched:
    """One study.

    Attributes:
        files: digest of its files when it was last looked at; "" before.
        looked: the day on which it was; a policy may depend on it.
        due: when it may be tried again, on the monotonic clock.
        child: the process that looks at it or runs it.
    """

    folder: StudyFolder
    log: Log
    status: Status
    files: str = ""
    looked: date | None = None
    due: float = 0.0
    child: Child | None = None

    @classmethod
    def of(cls, folder: StudyFolder, log: Log) -> "Watched":
        """A study that is found; what outlives a resident process is read from its status."""
        status = read_status(folder.status)
        if status.state not in LASTING:
            return cls(folder, log, Status(study=status.study, plan=status.plan))
        return cls(folder, log, status, status.files, today())

    @property
    def runs(self) -> bool:
        """Whether it waits for its turn."""
        ready = self.status.state in _RUNS and self.looked == today()
        return ready and self.child is None and self.due <= time.monotonic()

    @property
    def wants_look(self) -> bool:
        """Whether nobody has looked at it as it is now."""
        new = self.status.state is State.NEW
        stale = self.status.state not in LASTING and self.looked != today()
        return (new or stale) and self.child is None and self.due <= time.monotonic()

    def see(self, files: str, name: str) -> None:
        """Take in how its directory is now."""
        if self.child is not None or self.status.state is State.DONE:
            return
        if self.folder.results(name).exists():
            self.become(replace(self.status, state=State.DONE, because=()), files)
        elif files != self.files or self._forgotten:
            self.files, self.due = files, 0.0
            self.status = Status()

    @property
    def _forgotten(self) -> bool:
        """Whether somebody has removed the status of a failure, to have it tried again."""
        return self.status.state is State.FAILED and not self.folder.status.exists()

    def look_began(self, child: Child) -> None:
        """A look has begun."""
        self.child, self.looked = child, today()

    def run_began(self, child: Child) -> None:
        """A run has begun."""
        self.child = child
        attempts = self.status.attempts + 1
        self.become(replace(self.status, state=State.RUNNING, because=(), attempts=attempts))

    def not_looked(self, error: OSError) -> None:
        """No process could be started to look at it, for now."""
        self.due = time.monotonic() + MOST_PAUSE
        self.log("not looked at", study=self.folder.path.name, because=[str(error.strerror)])

    def look_ended(self, found: Status) -> None:
        """A look has ended; what waits for another try goes on waiting if nothing has changed."""
        self.child = None
        if found.state is State.APPROVED and self.status.state in _RUNS:
            return
        self.become(found)

    def run_ended(self, name: str, *, stopping: bool) -> None:
        """A run has ended."""
        code = self.child.process.returncode if self.child else None
        self.child = None
        if code == 0 and self.folder.results(name).exists():
            self.become(replace(self.status, state=State.DONE))
        elif stopping:
            self.become(replace(self.status, state=State.STOPPED))
        elif code is not None and (code == AGAIN or code < 0):
            self.due = time.monotonic() + pause(self.status.attempts)
            how = "the network or another party failed" if code > 0 else f"signal {-code} ended it"
            self._again(f"{how}; {PRIVATE} says more")
        else:
            self.become(replace(self.status, state=State.FAILED, because=(f"see {PRIVATE}",)))

    def not_started(self, error: OSError) -> None:
        """No process could be started, for now."""
        self.due = time.monotonic() + pause(self.status.attempts + 1)
        self._again(f"no process could be started: {error.strerror}")

    def _again(self, why: str) -> None:
        self.become(replace(self.status, state=State.AGAIN, because=(why,)))

    def become(self, status: Status, files: str = "") -> None:
        """Come into a state: log it, and write it beside the study."""
        self.files = files or self.files
        self.status = replace(status, since=now(), files=self.files)
        name = self.folder.path.name
        self.log(
            "study",
            study=name,
            id=status.study,
            state=str(status.state),
            because=list(status.because),
            attempts=status.attempts,
        )
        try:
            write_status(self.folder.status, self.status)
        except OSError as error:
            self.log("status not written", study=name, because=[str(error.strerror)])


def pause(attempts: int) -> float:
    """Seconds until the next try: twice as long each time, and never as long as another's."""
    share = (1 + int.from_bytes(fresh_bytes(2), "big") / (1 << 16)) / 2
    return float(min(FIRST_PAUSE * 2 ** (min(attempts, 10) - 1), MOST_PAUSE) * share)


def today() -> date:
    """The day, in UTC."""
    return datetime.now(UTC).date()
