"""Parties of an engine in processes of their own, over ZeroMQ and CURVE on loopback."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import NamedTuple

from benchmarks.tasks import OWNERS, Opened, tasks
from mpcgen.abb import Seat
from mpcgen.demo.prepare import free_ports
from mpcgen.leakage import Leakage
from mpcgen.net import keys
from mpcgen.net.channel import Channel
from mpcgen.net.zeromq import Peer, ZmqChannel
from mpcgen.prg import Prg
from mpcgen.protocols.engines import ENGINES

SESSION = b"benchmark".ljust(16)
COMPUTING = {"replicated": OWNERS, "replicated4": (*OWNERS, "D")}


class Job(NamedTuple):
    """A task on an engine, so many times."""

    engine: str
    task: str
    units: int
    rounds: int


class Spent(NamedTuple):
    """What one round took of a party: CPU seconds of all threads, bytes with headers, rounds."""

    cpu: float
    sent: int
    rounds: int


class Party:
    """A computing party, connected; `measure` is timed."""

    def __init__(
        self, me: str, job: Job, addresses: dict[str, str], pairs: dict[str, keys.KeyPair]
    ):
        everybody = COMPUTING[job.engine]
        book = {n: Peer(at, pairs[n].public) for n, at in addresses.items() if n != me}
        self.channel: Channel = ZmqChannel(me, addresses[me], pairs[me], book, timeout=120.0)
        self.channel.bind_session(SESSION)
        self.task = tasks(job.units)[job.task]
        lines = (self.task.line(f"result {n}", everybody) for n in range(job.rounds))
        seat, leakage = Seat(me, everybody, OWNERS, everybody), Leakage(lines)
        self.box = ENGINES[job.engine].set_up(self.channel, seat, leakage, SESSION, 0, Prg.fresh())
        self._given = self.task.total(self.box, "given") if self.task.shared_first else None
        self.spent: list[Spent] = []

    def meet(self) -> None:
        """Start together."""
        others = self.channel.peers
        self.channel.exchange("ready", dict.fromkeys(others, b""), dict.fromkeys(others, 0))

    def measure(self) -> Opened:
        """Do the task once."""
        cpu, sent, rounds = time.process_time(), self._sent(), self.channel.rounds
        label = f"result {len(self.spent)}"
        given = self._given
        if given is None:
            given = self.task.total(self.box, f"given {label}")
        opened = self.task.timed(self.box, label, given)
        cpu, sent = time.process_time() - cpu, self._sent() - sent
        self.spent.append(Spent(cpu, sent, self.channel.rounds - rounds))
        return opened

    def _sent(self) -> int:
        return sum(traffic.bytes + traffic.framing for traffic in self.channel.sent.values())


def serve(
    me: str, job: Job, addresses: dict[str, str], pairs: dict[str, keys.KeyPair], report: Connection
) -> None:
    """A party in a process of its own, as often as the one that is timed."""
    party = Party(me, job, addresses, pairs)
    for _ in range(job.rounds):
        party.meet()
        party.measure()
        report.send(party.spent[-1])
    party.channel.close()


@contextmanager
def facing(job: Job, reports: dict[str, Connection]) -> Iterator[Party]:
    """Party A here, the others in processes of their own, whose reports come by name."""
    names = COMPUTING[job.engine]
    ports = zip(names, free_ports(len(names)), strict=True)
    addresses = {name: f"127.0.0.1:{port}" for name, port in ports}
    pairs = {name: keys.generate() for name in names}
    spawn = multiprocessing.get_context("spawn")
    others = []
    for name in names[1:]:
        reports[name], theirs = spawn.Pipe(duplex=False)
        others.append(spawn.Process(target=serve, args=(name, job, addresses, pairs, theirs)))
        others[-1].start()
    party = Party("A", job, addresses, pairs)
    try:
        yield party
    finally:
        party.channel.close()
        for process in others:
            process.join(10)
            process.kill()
