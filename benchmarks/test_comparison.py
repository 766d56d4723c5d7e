"""Comparison on shares: bit planes, comparisons, and whether chi-squared exceeds 1901/64.

The chi-squared test of 100,000 variants runs three processes over ZeroMQ and CURVE on loopback.
Before the clock starts every party has loaded its kernels and the counts are shared in Z_2^128; the
clock stops when all know all bits. CPU time is that of all threads of all three processes; bytes
are payloads and message headers.
"""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np
import pytest

from mpcgen.abb import Box, Seat
from mpcgen.bits import BITS
from mpcgen.demo.prepare import free_ports
from mpcgen.leakage import Leakage, Opening
from mpcgen.net import keys
from mpcgen.net.channel import Channel
from mpcgen.net.zeromq import Peer, ZmqChannel
from mpcgen.prg import Prg
from mpcgen.protocols.allelic import CHISQ
from mpcgen.protocols.case_control import chi2_above
from mpcgen.protocols.comparison import negative
from mpcgen.protocols.engines import ENGINES
from mpcgen.protocols.replicated import Replicated
from mpcgen.protocols.statistic import Integers
from mpcgen.ring import Z2_32, Z2_128, Array, Ring
from mpcgen.secret import Secret

NAMES = ("A", "B", "C")
SEED, SESSION = 1, b"benchmark".ljust(16)
ROUNDS, WARMUPS = 7, 2
UNITS, PEOPLE, THRESHOLD = 100_000, 1 << 22, 1901 / 64
ABOVE = CHISQ.above(THRESHOLD, PEOPLE, partial(chi2_above, "allelic chi2", 1))


def counts(me: str) -> Integers:
    """Genotype counts (m, 14) of 20,000 people, rare to common; every fifth variant associated."""
    rng = np.random.default_rng((SEED, NAMES.index(me)))
    f = np.linspace(0.001, 0.5, UNITS)
    cases = np.where(np.arange(UNITS) % 5 == 0, f * 1.15, f)
    table = np.zeros((UNITS, 2, 7), np.int64)
    for group, p in enumerate((cases, f)):
        classes = np.stack([(1 - p) ** 2, 2 * p * (1 - p), p * p], axis=-1)
        table[:, group, :3] = rng.multinomial(10_000, classes)
    return table.reshape(UNITS, -1)


def expected() -> Array:
    """Whether chi-squared is above the threshold, in Python's integers."""
    total = np.sum([counts(name) for name in NAMES], axis=0).astype(object)
    named = {name: total[:, n] for n, name in enumerate(ABOVE.source.columns)}

    def value(form: Any) -> Any:
        return sum(factor * named[name] for name, factor in form.items())

    u, v, w = (sum(value(a) * value(b) for a, b in q) for q in (CHISQ.u, CHISQ.v, CHISQ.w))
    return np.asarray(64 * value(CHISQ.n) * u * u > 1901 * v * w, np.bool_)


# One party's own work: the bits of integers, and a comparison of which the messages are replayed.

widths = pytest.mark.parametrize(
    ("ring", "bits", "m"),
    [(Z2_128, 119, 100_000), (Z2_32, 17, 1 << 18), (Z2_32, 17, 10_000_000)],
    ids=lambda x: f"k{x.k}" if isinstance(x, Ring) else str(x),
)


def uniform(ring: Ring, m: int) -> Array:
    return ring.from_bytes(np.random.default_rng(SEED).bytes(ring.size * m), (m,))


@widths
def test_bit_planes(benchmark: Any, ring: Ring, bits: int, m: int) -> None:
    x = uniform(ring, m)
    benchmark.pedantic(BITS.planes, (ring, x, range(bits)), rounds=5, warmup_rounds=1)
    per_element(benchmark, m)


@widths
def test_comparison_of_one_party(benchmark: Any, ring: Ring, bits: int, m: int) -> None:
    """The third party: it cuts its component, and multiplies as the others do."""

    def shares() -> tuple[tuple[Box, Secret, int], dict[str, object]]:
        box = _alone()
        return (box, Secret(box, ring, (m,), (uniform(ring, m), uniform(ring, m))), bits), {}

    benchmark.pedantic(negative, setup=shares, rounds=5, warmup_rounds=1)
    per_element(benchmark, m)


class _Replay:
    """What others send does not matter for the time that it takes."""

    def exchange(self, _label: str, _send: object, receive: dict[str, int]) -> dict[str, bytes]:
        return {peer: bytes(length) for peer, length in receive.items()}


def _alone() -> Box:
    seat = Seat("C", NAMES, NAMES, NAMES)
    generators = {(name, j): Prg.fresh() for j, name in enumerate(NAMES)}
    return Replicated(_Replay(), seat, Leakage([]), generators)  # type: ignore[arg-type]


def per_element(benchmark: Any, m: int) -> None:
    benchmark.extra_info["ns"] = round(benchmark.stats.stats.min / m * 1e9, 1)


# The chi-squared test of 100,000 variants.


class Spent(NamedTuple):
    """What one round took of a party: CPU seconds, and bytes sent."""

    cpu: float
    sent: int


ENGINE = {"replicated": NAMES, "replicated4": (*NAMES, "D")}


class Party:
    """A computing party, connected, with counts shared by A, B and C; `measure` is timed."""

    def __init__(
        self, me: str, engine: str, addresses: dict[str, str], pairs: dict[str, keys.KeyPair]
    ):
        book = {n: Peer(at, pairs[n].public) for n, at in addresses.items() if n != me}
        self.channel: Channel = ZmqChannel(me, addresses[me], pairs[me], book, timeout=60.0)
        self.channel.bind_session(SESSION)
        everybody = ENGINE[engine]
        lines = (Opening(f"bits {n}", 1, (UNITS,), everybody) for n in range(ROUNDS + WARMUPS))
        seat, leakage = Seat(me, everybody, NAMES, everybody), Leakage(lines)
        self.box = ENGINES[engine].set_up(self.channel, seat, leakage, SESSION, 0, Prg.fresh())
        values = Z2_128.encode(counts(me)) if me in NAMES else None
        shares = self.box.input("counts", Z2_128, (UNITS, 14), values)
        self.total = shares["A"] + shares["B"] + shares["C"]

    def meet(self) -> None:
        """Start together."""
        others = self.channel.peers
        self.channel.exchange("ready", dict.fromkeys(others, b""), dict.fromkeys(others, 0))

    def measure(self, spent: list[Spent]) -> Array:
        """Open for every variant whether its statistic is above the threshold."""
        cpu, sent, label = time.process_time(), self._sent(), f"bits {len(spent)}"
        bits = self.box.open_bits({label: ABOVE.passes(self.box, self.total)}, UNITS)[label]
        spent.append(Spent(time.process_time() - cpu, self._sent() - sent))
        return bits

    def _sent(self) -> int:
        return sum(traffic.bytes + traffic.framing for traffic in self.channel.sent.values())


def serve(
    me: str,
    engine: str,
    addresses: dict[str, str],
    pairs: dict[str, keys.KeyPair],
    report: Connection,
) -> None:
    """A party in a process of its own, as often as the one that is timed."""
    party, spent = Party(me, engine, addresses, pairs), list[Spent]()
    for _ in range(ROUNDS + WARMUPS):
        party.meet()
        party.measure(spent)
        report.send(spent[-1])
    party.channel.close()


@contextmanager
def facing(engine: str, reports: dict[str, Connection]) -> Iterator[Party]:
    """Party A here, the others in processes of their own, whose reports come by name."""
    names = ENGINE[engine]
    ports = zip(names, free_ports(len(names)), strict=True)
    addresses = {name: f"127.0.0.1:{port}" for name, port in ports}
    pairs = {name: keys.generate() for name in names}
    spawn = multiprocessing.get_context("spawn")
    others = []
    for name in names[1:]:
        reports[name], theirs = spawn.Pipe(duplex=False)
        others.append(spawn.Process(target=serve, args=(name, engine, addresses, pairs, theirs)))
        others[-1].start()
    party = Party("A", engine, addresses, pairs)
    try:
        yield party
    finally:
        party.channel.close()
        for process in others:
            process.join(10)
            process.kill()


@pytest.mark.parametrize("engine", ENGINE)
def test_chi_squared_above_a_threshold(benchmark: Any, engine: str) -> None:
    """The chi-squared test of 100,000 variants; A is timed here, and all CPU time is added up."""
    pipes: dict[str, Connection] = {}
    mine: list[Spent] = []
    found: list[Array] = []
    with facing(engine, pipes) as party:
        benchmark.pedantic(
            lambda: found.append(party.measure(mine)),
            setup=party.meet, rounds=ROUNDS, warmup_rounds=WARMUPS,
        )  # fmt: skip
        spent = [mine, *([pipe.recv() for _ in mine] for pipe in pipes.values())]
    assert all(np.array_equal(bits, expected()) for bits in found[-1:])
    cpu = np.sum([[each.cpu for each in rounds[WARMUPS:]] for rounds in spent], axis=0)
    sent = [rounds[-1].sent / UNITS for rounds in spent]
    benchmark.extra_info |= {
        "CPU s of all parties": round(float(np.median(cpu)), 3),
        "bytes a party a variant": ", ".join(f"{each:.1f}" for each in sent),
        "bytes a variant": round(sum(sent), 1),
        "bits": ABOVE.bound.bits,
    }
