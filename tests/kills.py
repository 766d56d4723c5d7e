"""Parties as processes that are killed at chosen points, and what each of them sent and drew.

A point is before or after a message is handed to the network, before, in the middle of, or after a
record of the journal is written, before or after the results take their name. A process that is
told to dies at its n-th point by SIGKILL; nothing in it is unwound.
"""

import hashlib
import multiprocessing
import os
import re
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NoReturn

from mpcgen.errors import MpcgenError, told
from mpcgen.net.channel import Channel
from mpcgen.parties.journal import Journal
from mpcgen.parties.openings import Openings
from mpcgen.parties.records import Record, Records
from mpcgen.parties.results import Output
from mpcgen.parties.run import config_of, run_institution
from mpcgen.parties.state import PlanState
from mpcgen.prg import Prg
from mpcgen.report import folders
from mpcgen.study.study import Study

PATIENCE = 300.0
BLOCK = 16
_OPENING = re.compile(r"open#[0-9]+( told)?")


@dataclass(frozen=True)
class Kill:
    """One party is killed.

    Attributes:
        point: at its n-th point.
        record: once it has kept the n-th record of a kind.
        seconds: so many after it was started.
    """

    party: str
    point: int = 0
    record: tuple[str, int] | None = None
    seconds: float = 0.0


class Points:
    """Counts the points of this process, and ends it at one of them."""

    def __init__(self, kill: Kill):
        self.passed, self._last, self._record = 0, kill.point, kill.record
        self._kinds: Counter[str] = Counter()

    def kept(self, kind: str) -> None:
        """A record of this kind was kept."""
        self._kinds[kind] += 1
        if self._record == (kind, self._kinds[kind]):
            die()

    def __call__(self) -> None:
        self.passed += 1
        if self.passed == self._last:
            die()

    @property
    def is_next(self) -> bool:
        """Whether the next point is the last."""
        return self.passed + 1 == self._last


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a process does not outlive this")


@dataclass
class Watched:
    """Writes down, in this process, what it sends of openings and what it draws."""

    log: Path
    points: Points
    op: int = -1
    pid: int = field(default_factory=os.getpid)

    def watch(self) -> None:
        """From now on; there is no way back."""
        sent = self.log.with_suffix(f".{self.pid}.sent").open("w", buffering=1)
        drawn = self.log.with_suffix(f".{self.pid}.drawn").open("wb", buffering=0)
        send, draw, ready = Channel._send, Prg.draw_bytes, Openings.all_ready
        write, rename, end = Journal._write, folders._rename, PlanState.end
        points, keep = self.points, Records.keep

        def noted_ready(openings: Openings, tokens: Mapping[str, bytes]) -> None:
            ready(openings, tokens)
            self.op = openings._at

        def noted_send(channel: Channel, peer: str, label: str, payload: Any) -> None:
            points()
            if _OPENING.fullmatch(label):
                share = hashlib.sha256(payload).hexdigest()
                sent.write(f"{self.op}{label.partition(' ')[2]} {peer} {share}\n")
            send(channel, peer, label, payload)
            points()

        def noted_draw(prg: Prg, label: str, counter: int, n: int) -> bytes:
            data = draw(prg, label, counter, n)
            drawn.write(data[: n - n % BLOCK])
            return data

        def torn_write(journal: Journal, *data: bytes) -> None:
            points()
            if points.is_next:
                whole = b"".join(data)
                journal._file.seek(journal._end)
                journal._file.write(whole[: len(whole) * (points.passed % 5) // 4])
                journal._file.flush()
            points()
            write(journal, *data)
            points()

        def noted_keep(records: Records, kind: str, data: bytes = b"", **values: Any) -> Record:
            record = keep(records, kind, data, **values)
            points.kept(kind)
            return record

        def noted_rename(draft: Path, folder: Path) -> None:
            points()
            rename(draft, folder)
            points()

        def noted_end(state: PlanState) -> None:
            points()
            end(state)
            points()

        patches = (
            (Channel, "_send", noted_send), (Prg, "draw_bytes", noted_draw),
            (Openings, "all_ready", noted_ready), (Journal, "_write", torn_write),
            (folders, "_rename", noted_rename), (PlanState, "end", noted_end),
            (Records, "keep", noted_keep),
        )  # fmt: skip
        for owner, name, patch in patches:
            setattr(owner, name, patch)


@dataclass(frozen=True)
class Ended:
    """How a party ended, of all its processes the last.

    Attributes:
        points: that the last process passed.
    """

    status: int
    said: str
    points: int


class Cast:
    """All parties of one study, in processes."""

    def __init__(self, study: Study, folder: Path):
        self.study, self.folder = study, folder
        self._context = multiprocessing.get_context("fork")
        self.logs, self.out = folder / "logs", folder / "out"

    def play(self, kills: Sequence[Kill] = ()) -> dict[str, Ended]:
        """Run the study, start whoever is killed once more, and say how each party ended."""
        self.logs.mkdir(exist_ok=True)
        left: dict[str, list[Kill]] = defaultdict(list)
        for kill in kills:
            left[kill.party].append(kill)
        running: dict[str, BaseProcess] = {}
        due: dict[str, float] = {}
        ended: dict[str, int] = {}
        deadline = time.monotonic() + PATIENCE

        def start(name: str) -> None:
            kill = left[name].pop(0) if left[name] else Kill(name)
            running[name] = self._context.Process(target=self._part, args=(name, kill))
            running[name].start()
            if kill.seconds:
                due[name] = time.monotonic() + kill.seconds

        try:
            for name in self.study.plan.names:
                start(name)
            while running:
                now = time.monotonic()
                assert now < deadline, f"{', '.join(running)} did not end in {PATIENCE:g} s"
                for name in [name for name, at in due.items() if at <= now]:
                    del due[name]
                    if name in running:
                        running[name].kill()
                wait(
                    [p.sentinel for p in running.values()],
                    min([0.5, *(at - now for at in due.values())]),
                )
                for name in [name for name, p in running.items() if not p.is_alive()]:
                    status = running.pop(name).exitcode or 0
                    ended[name] = status
                    if status == -signal.SIGKILL:
                        start(name)
        finally:
            for process in running.values():
                process.kill()
                process.join()
        return {name: self._ended(name, ended[name]) for name in self.study.plan.names}

    def _ended(self, name: str, status: int) -> Ended:
        points = self.logs / f"{name}.points"
        said = (self.logs / f"{name}.said").read_text()
        return Ended(status, said, int(points.read_text()) if points.exists() else 0)

    def _part(self, name: str, kill: Kill) -> None:
        """One party's process."""
        said = (self.logs / f"{name}.said").open("a", buffering=1)
        sys.stderr = sys.stdout = said
        points = Points(kill)
        Watched(self.logs / name, points).watch()
        config = config_of(name, self.folder / f"{name}.toml")
        try:
            run_institution(self.study, config, Output(self.out / name, plots=False))
        except (MpcgenError, OSError) as error:
            said.write(f"ENDED {told(error)}\n")
            sys.exit(1)
        (self.logs / f"{name}.points").write_text(str(points.passed))

    def shares_sent(self, name: str) -> dict[str, set[str]]:
        """Opening and peer -> what a party's processes have sent for it, as digests."""
        found: dict[str, set[str]] = defaultdict(set)
        for path in self.logs.glob(f"{name}.*.sent"):
            for line in path.read_text().splitlines():
                where, _, share = line.rpartition(" ")
                found[where].add(share)
        return found

    def drawn_twice(self, name: str) -> int:
        """Blocks that a party's processes have drawn more than once, over all their sessions."""
        drawn = b"".join(path.read_bytes() for path in self.logs.glob(f"{name}.*.drawn"))
        blocks = Counter(drawn[at : at + BLOCK] for at in range(0, len(drawn), BLOCK))
        return sum(n - 1 for n in blocks.values())
