"""One party of an engine: connects, waits for the others, measures itself."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mpcgen.abb import Seat
from mpcgen.bench.answers import Values
from mpcgen.bench.inputs import OWNERS
from mpcgen.bench.tasks import task
from mpcgen.leakage import Leakage
from mpcgen.net.channel import Channel
from mpcgen.net.keys import KeyPair
from mpcgen.net.zeromq import Peer, ZmqChannel
from mpcgen.prg import Prg
from mpcgen.protocols.dealer import Dealer
from mpcgen.protocols.engines import ENGINES

SESSION = b"benchmark".ljust(16)
NAMES = "ABCDEFGH"
DEALER = "Z"
_SELF = Path("/proc/self")


class Job(NamedTuple):
    """A task on an engine, so many times."""

    engine: str
    task: str
    units: int
    rounds: int

    @property
    def computing(self) -> tuple[str, ...]:
        """Who computes: owners first."""
        engine = ENGINES[self.engine]
        return tuple(NAMES[: len(OWNERS) if engine.more else engine.computing])

    @property
    def dealer(self) -> str:
        """Who deals, where the engine has a dealer."""
        return DEALER if ENGINES[self.engine].deals else ""

    @property
    def parties(self) -> tuple[str, ...]:
        """Everybody: owners, then who computes without data, then a dealer."""
        return tuple(dict.fromkeys((*OWNERS, *self.computing, *filter(None, [self.dealer]))))

    @property
    def readers(self) -> tuple[str, ...]:
        """Who learns results."""
        return tuple(name for name in self.parties if name != self.dealer)


class Spent(NamedTuple):
    """What one round took of a party.

    Attributes:
        wall, cpu: seconds; CPU time is that of all threads.
        sent: bytes of payloads and message headers.
        rounds: of messages.
        peak: most memory at a time, bytes; 0 where the system does not tell.
    """

    wall: float
    cpu: float
    sent: int
    rounds: int
    peak: int


class Party:
    """A party of a job, connected.

    Args:
        listen: HOST:PORT of its own.
        reach: peer -> HOST:PORT.
        pairs: everybody's keys.
    """

    def __init__(
        self, me: str, job: Job, listen: str, reach: Mapping[str, str], pairs: Mapping[str, KeyPair]
    ):
        engine, readers = ENGINES[job.engine], job.readers
        book = {peer: Peer(at, pairs[peer].public) for peer, at in reach.items()}
        self.channel: Channel = ZmqChannel(me, listen, pairs[me], book)
        self.channel.bind_session(SESSION)
        self.task = task(job.task, job.units)
        lines = (self.task.line(f"result {n}", readers) for n in range(job.rounds))
        seat = Seat(me, readers, OWNERS, job.computing, max(engine.key_bits, default=0), job.dealer)
        self.box = engine.set_up(self.channel, seat, Leakage(lines), SESSION, 0, Prg.fresh())
        self._given = self.task.total(self.box, "given") if self.task.shared_first else None
        self.spent: list[Spent] = []

    def meet(self) -> None:
        """Start together; a dealer is ahead until what it sent is used."""
        if isinstance(self.box, Dealer):
            self.box.settle()
        others = self.channel.peers
        self.channel.exchange("ready", dict.fromkeys(others, b""), dict.fromkeys(others, 0))

    def measure(self) -> Values:
        """Do the task once."""
        forget_peak()
        label = f"result {len(self.spent)}"
        sent, rounds = self._sent(), self.channel.rounds
        wall, cpu = time.perf_counter(), time.process_time()
        given = self._given
        if given is None:
            given = self.task.total(self.box, f"given {label}")
        opened = self.task.timed(self.box, label, given)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        sent, rounds = self._sent() - sent, self.channel.rounds - rounds
        self.spent.append(Spent(wall, cpu, sent, rounds, peak()))
        return opened

    def _sent(self) -> int:
        return sum(traffic.bytes + traffic.framing for traffic in self.channel.sent.values())


def forget_peak() -> None:
    """From now on `peak` is of what comes, where the system can be told so."""
    if (_SELF / "clear_refs").exists():
        (_SELF / "clear_refs").write_text("5")


def peak() -> int:
    """Most memory that this process held at a time, bytes; 0 where the system does not tell."""
    status = _SELF / "status"
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
