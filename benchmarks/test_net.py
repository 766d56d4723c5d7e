"""The channel against sockets with CURVE alone, each party a process on loopback.

A bare party has the same sockets, set in the same way, and no more: no header, no checks, no
watch over its peers. What it costs more is the price of the channel's promises.
"""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import pytest
import zmq

from mpcgen.errors import PartyLost
from mpcgen.net import keys, sockets
from mpcgen.net.ports import free_ports
from mpcgen.net.zeromq import Peer, ZmqChannel

BATCH = 64
MEGABYTE = 1_000_000
Pairs = dict[str, keys.KeyPair]
Addresses = dict[str, str]


class Party(Protocol):
    peers: tuple[str, ...]

    def send(self, payload: bytes) -> None: ...
    def receive(self) -> list[bytes]: ...
    def close(self) -> None: ...


class Bare:
    """A PULL and, for each peer, a PUSH; an empty message ends the other side."""

    def __init__(self, me: str, addresses: Addresses, pairs: Pairs):
        self.peers = tuple(name for name in addresses if name != me)
        self.context = zmq.Context()
        self.listener = self.context.socket(zmq.PULL)
        self.listener.curve_server = 1
        self.listener.curve_secretkey = pairs[me].secret.encode()
        self.listener.bind(f"tcp://{addresses[me]}")
        self.senders = []
        for name in self.peers:
            sender = sockets.sender(self.context, pairs[me], pairs[name].public)
            sender.immediate = 0
            sockets.dial(sender, addresses[name])
            self.senders.append(sender)

    def send(self, payload: bytes) -> None:
        for sender in self.senders:
            sender.send(payload, copy=False)

    def receive(self) -> list[bytes]:
        return [self.listener.recv(copy=False).bytes for _ in self.peers]

    def close(self) -> None:
        self.send(b"")
        self.context.destroy(linger=5000)


class Ours:
    def __init__(self, me: str, addresses: Addresses, pairs: Pairs):
        book = {n: Peer(at, pairs[n].public) for n, at in addresses.items() if n != me}
        self.channel = ZmqChannel(me, addresses[me], pairs[me], book, timeout=60.0)
        self.channel.bind_session(bytes(range(16)))
        self.peers = self.channel.peers

    def send(self, payload: bytes) -> None:
        self.channel.exchange("measure", dict.fromkeys(self.peers, payload), {})

    def receive(self) -> list[bytes]:
        return list(self.channel.exchange("measure", {}, dict.fromkeys(self.peers)).values())

    def round(self, payload: bytes) -> None:
        everybody = self.peers
        self.channel.exchange(
            "measure", dict.fromkeys(everybody, payload), dict.fromkeys(everybody)
        )

    def close(self) -> None:
        self.channel.close()


KINDS: dict[str, Callable[[str, Addresses, Pairs], Party]] = {"bare": Bare, "channel": Ours}


def one_round(party: Party, payload: bytes) -> None:
    if isinstance(party, Ours):
        party.round(payload)
    else:
        party.send(payload)
        party.receive()


def answer_rounds(kind: str, me: str, addresses: Addresses, pairs: Pairs, size: int) -> None:
    """A peer in a process of its own: one round after another, until somebody ends."""
    party = KINDS[kind](me, addresses, pairs)
    with suppress(PartyLost):
        while True:
            if isinstance(party, Ours):
                party.round(bytes(size))
            else:
                party.send(bytes(size))
                if b"" in party.receive():
                    break
    party.close()


def swallow(kind: str, me: str, addresses: Addresses, pairs: Pairs, size: int) -> None:
    """A peer in a process of its own that takes a batch of messages and says so."""
    party = KINDS[kind](me, addresses, pairs)
    with suppress(PartyLost):
        while all(len(party.receive()[0]) == size for _ in range(BATCH)):
            party.send(b"1")
    party.close()


@contextmanager
def facing(
    kind: str, names: str, other: Callable[[str, str, Addresses, Pairs, int], None], size: int
) -> Iterator[Party]:
    """Party A here, everybody else of `names` in processes that run `other`."""
    ports = zip(names, free_ports(len(names)), strict=True)
    addresses = {name: f"127.0.0.1:{port}" for name, port in ports}
    pairs = {name: keys.generate() for name in names}
    spawn = multiprocessing.get_context("spawn")
    rest = [
        spawn.Process(target=other, args=(kind, name, addresses, pairs, size))
        for name in names
        if name != "A"
    ]
    for process in rest:
        process.start()
    party = KINDS[kind]("A", addresses, pairs)
    try:
        yield party
    finally:
        party.close()
        for process in rest:
            process.join(10)
            process.kill()


@pytest.mark.parametrize("kind", ["channel", "bare"])
@pytest.mark.parametrize("size", [MEGABYTE], ids=lambda size: f"size{size}-batch{BATCH}")
def test_throughput(benchmark: Any, size: int, kind: str) -> None:
    payload = bytes(size)

    def batch() -> None:
        for _ in range(BATCH):
            party.send(payload)
        party.receive()

    with facing(kind, "AB", swallow, size) as party:
        benchmark.pedantic(batch, rounds=10, warmup_rounds=2)
    rate = BATCH * size / 1e6 / benchmark.stats.stats.median
    benchmark.extra_info["MB/s"] = round(rate)


@pytest.mark.parametrize("kind", ["channel", "bare"])
@pytest.mark.parametrize("size", [100, 100_000], ids=lambda size: f"size{size}-parties3")
def test_round(benchmark: Any, size: int, kind: str) -> None:
    payload = bytes(size)
    with facing(kind, "ABC", answer_rounds, size) as party:
        benchmark.pedantic(one_round, (party, payload), rounds=500, warmup_rounds=50)
    benchmark.extra_info["us/round"] = round(benchmark.stats.stats.median * 1e6)
