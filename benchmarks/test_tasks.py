"""The tasks T1 to T5 on every engine that multiplies: three or four processes on loopback.

Start-up and loading kernels are not timed. CPU time is that of all threads of all processes; bytes
are payloads and message headers of all parties.
"""

from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pytest

from benchmarks.facing import COMPUTING, Job, facing
from benchmarks.tasks import Opened

ROUNDS, WARMUPS = 3, 1


@pytest.mark.parametrize("engine", COMPUTING)
@pytest.mark.parametrize(
    ("task", "units"),
    [("T1", 100_000), ("T1", 1_000_000), ("T2", 10_000), ("T2", 100_000), ("T3", 100_000),
     ("T4", 1000), ("T5", 10_000), ("T5", 100_000)],
)  # fmt: skip
def test_task(benchmark: Any, engine: str, task: str, units: int) -> None:
    """A is timed here; all that is opened is compared with exact integers."""
    pipes: dict[str, Connection] = {}
    found: list[Opened] = []
    with facing(Job(engine, task, units, ROUNDS + WARMUPS), pipes) as party:
        benchmark.pedantic(
            lambda: found.append(party.measure()),
            setup=party.meet, rounds=ROUNDS, warmup_rounds=WARMUPS,
        )  # fmt: skip
        spent = [party.spent, *([pipe.recv() for _ in party.spent] for pipe in pipes.values())]
        np.testing.assert_array_equal(found[-1], party.task.expected())
    cpu = np.sum([[each.cpu for each in rounds[WARMUPS:]] for rounds in spent], axis=0)
    benchmark.extra_info |= {
        "CPU s of all parties": round(float(np.median(cpu)), 3),
        "MB of all parties": round(sum(rounds[-1].sent for rounds in spent) / 1e6, 2),
        "rounds": party.spent[-1].rounds,
    }
