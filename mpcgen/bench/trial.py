"""All parties of a task on one network, each a process of its own, and what they spent.

The first round of all is not measured: it loads kernels and takes memory.
"""

import multiprocessing
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection, wait
from statistics import median
from typing import NamedTuple, cast

from mpcgen.bench.networks import HOST, Network, between
from mpcgen.bench.party import Job, Party, Spent
from mpcgen.bench.tasks import Task
from mpcgen.errors import MpcgenError, told
from mpcgen.memory import keep_freed_memory
from mpcgen.net import keys
from mpcgen.net.ports import free_ports
from mpcgen.protocols.engines import ENGINES

WARM_UPS = 1
EXTRAS = {"bfv": "tenseal", "crypten": "crypten"}  # engine -> the package that it needs


Report = tuple[list[Spent], str]


class TrialFailed(MpcgenError):
    """A party of a benchmark ended with an error."""


class TooSlow(MpcgenError):
    """The parties of a benchmark did not end in time."""


@dataclass(frozen=True)
class Found:
    """What a trial took; medians of its repeats.

    Attributes:
        wall: seconds of the slowest party.
        cpu: seconds of all parties.
        sent: bytes of all parties.
        rounds: of messages; None: not known.
        peak: bytes of the largest party.
        accuracy: `exact`, or how far from it.
    """

    parties: int
    wall: float
    cpu: float
    sent: float
    rounds: int | None
    peak: float
    accuracy: str

    @classmethod
    def of(cls, spent: Sequence[Sequence[Spent]], accuracy: str) -> "Found":
        """What each party spent in each repeat, (parties, repeats)."""
        rounds = list(zip(*spent, strict=True))
        return cls(
            len(spent),
            median(max(s.wall for s in each) for each in rounds),
            median(sum(s.cpu for s in each) for each in rounds),
            median(sum(s.sent for s in each) for each in rounds),
            max(s.rounds for s in rounds[-1]) or None,
            max(s.peak for each in rounds for s in each),
            accuracy,
        )


@dataclass(frozen=True)
class Ours:
    """An engine of the project."""

    name: str

    def cannot(self, which: Task, network: Network) -> str:  # noqa: ARG002
        """Why it does not run a task; empty: it does."""
        extra = EXTRAS.get(self.name)
        if extra is not None and find_spec(extra) is None:
            return f"is not installed: pip install 'mpcgen[{self.name}]'"
        lacks = sorted(which.needs - ENGINES[self.name].offers)
        return f"has no {' and no '.join(lacks)}" if lacks else ""

    def run(self, which: Task, network: Network, repeats: int, limit: float) -> Found:
        """Measure a task.

        Raises:
            TrialFailed: a party failed.
        TooSlow: not all ended in `limit` seconds.
        """
        job = Job(self.name, which.name, which.units, repeats + WARM_UPS)
        with places(job, network) as seats, started(seats.values()) as reports:
            came = collect(reports, limit)
        spent = [spent[WARM_UPS:] for spent, _ in came.values()]
        return Found.of(spent, came[job.parties[0]][1])


class Place(NamedTuple):
    """What a party needs to take part in a job."""

    me: str
    job: Job
    listen: str
    reach: Mapping[str, str]
    pairs: Mapping[str, keys.KeyPair]


@contextmanager
def places(job: Job, network: Network) -> Iterator[dict[str, Place]]:
    """Every party's place, while the block runs."""
    ports = dict(zip(job.parties, free_ports(len(job.parties)), strict=True))
    pairs = {name: keys.generate() for name in job.parties}
    with between(network, ports) as reach:
        yield {me: Place(me, job, f"{HOST}:{ports[me]}", reach[me], pairs) for me in ports}


@contextmanager
def started(seats: Iterable[Place]) -> Iterator[dict[str, Connection]]:
    """Parties in processes of their own, and where they report."""
    spawn = multiprocessing.get_context("spawn")
    reports, processes = {}, []
    try:
        for place in seats:
            reports[place.me], theirs = spawn.Pipe(duplex=False)
            processes.append(spawn.Process(target=_serve, args=(place, theirs), daemon=True))
            processes[-1].start()
            theirs.close()
        yield reports
        for process in processes:
            process.join(10)
    finally:
        for process in processes:
            process.kill()
            process.join()


def _serve(place: Place, report: Connection) -> None:
    """A party from start to end; its report is what it spent, and how right it was."""
    keep_freed_memory()
    try:
        party = Party(*place)
        for _ in range(place.job.rounds):
            party.meet()
            opened = party.measure()
        party.channel.close()
        first = place.me == place.job.parties[0]
        report.send((party.spent, party.task.answer().accuracy(opened) if first else ""))
    except (MpcgenError, OSError) as error:
        report.send(told(error))
    except KeyboardInterrupt:  # who started it tells
        pass


def collect(reports: Mapping[str, Connection], limit: float) -> dict[str, Report]:
    """Everybody's report.

    Raises:
        TooSlow: not all came in `limit` seconds.
        TrialFailed: a party failed.
    """
    came: dict[str, Report] = {}
    names, deadline = {reports[name]: name for name in reports}, time.monotonic() + limit
    while len(came) < len(reports):
        ready = wait([r for r in names if names[r] not in came], deadline - time.monotonic())
        if not ready:
            raise TooSlow(f"not done in {limit:g} s")
        for report in cast("list[Connection]", ready):
            try:
                found = report.recv()
            except EOFError:
                found = "its process ended"
            if isinstance(found, str):
                raise TrialFailed(f"{names[report]}: {found}")
            came[names[report]] = found
    return came
