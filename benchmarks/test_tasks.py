"""The tasks T1 to T5 on every engine that can run them, as `mpcgen bench` does.

Without paillier, which takes minutes for the smallest size of T1.

Each party is a process of its own; pytest-benchmark times party A, which is this one. Start-up and
loading kernels are not timed. docs/benchmarks.md says how all is counted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pytest

from mpcgen.bench.answers import EXACT, Values
from mpcgen.bench.networks import LOOPBACK, NETWORKS, Network
from mpcgen.bench.party import Job, Party
from mpcgen.bench.tasks import SIZES, task
from mpcgen.bench.trial import WARM_UPS, Ours, collect, places, started
from mpcgen.protocols.engines import ENGINES

REPEATS, LIMIT = 3, 120.0
MEASURED = [e.name for e in ENGINES.values() if e.hides and e.name != "paillier"]
SMALL = [(name, sizes[0]) for name, sizes in SIZES.items() if name != "T1"]
CASES = [(name, units, LOOPBACK) for name, sizes in SIZES.items() for units in sizes]
CASES += [(*case, network) for case in SMALL for network in NETWORKS.values() if network.emulated]


def _id(case: tuple[str, int, Network]) -> str:
    name, units, network = case
    return f"{name}-{units}-{network.name}"


@contextmanager
def facing(job: Job, network: Network) -> Iterator[tuple[Party, dict[str, Connection]]]:
    """Party A here, the others in processes of their own."""
    with places(job, network) as seats:
        mine = seats.pop("A")
        with started(seats.values()) as reports:
            party = Party(*mine)
            try:
                yield party, reports
            finally:
                party.channel.close()


@pytest.mark.parametrize("case", CASES, ids=_id)
@pytest.mark.parametrize("engine", MEASURED, ids=lambda e: f"{e}-{len(Job(e, '', 0, 0).parties)}")
def test_task(benchmark: Any, engine: str, case: tuple[str, int, Network]) -> None:
    """All that is opened is compared with exact integers."""
    name, units, network = case
    if why := Ours(engine).cannot(task(name, units), network):
        pytest.skip(f"{engine} {why}")
    found: list[Values] = []
    with facing(Job(engine, name, units, REPEATS + WARM_UPS), network) as (party, reports):
        benchmark.pedantic(
            lambda: found.append(party.measure()),
            setup=party.meet, rounds=REPEATS, warmup_rounds=WARM_UPS,
        )  # fmt: skip
        party.channel.close()
        spent = [party.spent, *(each for each, _ in collect(reports, LIMIT).values())]
    assert party.task.answer().accuracy(found[-1]) == EXACT
    cpu = np.sum([[each.cpu for each in rounds[WARM_UPS:]] for rounds in spent], axis=0)
    benchmark.extra_info |= {
        "CPU s of all parties": round(float(np.median(cpu)), 3),
        "MB of all parties": round(sum(rounds[-1].sent for rounds in spent) / 1e6, 2),
        "rounds": party.spent[-1].rounds,
        "peak MB of a party": round(max(r.peak for rounds in spent[1:] for r in rounds) / 1e6, 1),
    }
