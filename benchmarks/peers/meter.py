"""What one party of a peer measures of itself, as mpcgen.bench.party does for an engine.

Imported in the peer's own environment: the standard library and NumPy only.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SELF = Path("/proc/self")


class Trial:
    """A party's place in a trial, from the file and the rank that its command line names.

    Attributes:
        rank: its own, of 0, 1 and 2.
        task, units, rounds: what is run, and how often.
        options: of the peer.
        given: the owners' integers, three arrays.
        addresses: HOST:PORT of every rank as this one reaches it; its own: where it listens.
    """

    def __init__(self) -> None:
        self.folder, self.rank = Path(sys.argv[1]), int(sys.argv[2])
        job = json.loads((self.folder / "job.json").read_text())
        self.task, self.units, self.rounds = job["task"], job["units"], job["rounds"]
        self.options: dict[str, str] = job["options"]
        self.addresses: list[str] = job["addresses"][self.rank]
        self.given = [np.load(self.folder / f"given{owner}.npy") for owner in range(3)]

    @property
    def total(self) -> Any:
        """The owners' sum."""
        return sum(self.given)

    def measure(
        self,
        meet: Callable[[], object],
        once: Callable[[], Any],
        sent: Callable[[], tuple[int, int]],
    ) -> None:
        """Run a task again and again, and leave what was spent and opened in the trial's folder.

        Args:
            meet: returns when all are ready.
            once: does the task; what was opened, or None.
            sent: bytes and rounds so far; 0 rounds: not known.
        """
        spent, opened = [], None
        for _ in range(self.rounds):
            meet()
            (SELF / "clear_refs").write_text("5")
            before = sent()
            wall, cpu = time.perf_counter(), time.process_time()
            opened = once()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            size, rounds = (now - then for now, then in zip(sent(), before, strict=True))
            spent.append([wall, cpu, size, rounds, _peak()])
        if opened is not None:
            np.save(self.folder / "opened.npy", np.asarray(opened))
        (self.folder / f"spent{self.rank}.json").write_text(json.dumps(spent))


def _peak() -> int:
    status = (SELF / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
