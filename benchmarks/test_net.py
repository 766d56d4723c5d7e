"""Channels against sockets with CURVE alone, each party a process on loopback.

A bare party has the same sockets, set in the same way, and no more: no header, no checks, no
watch over its peers, and nothing is kept to be sent again. What it costs more is the price of the
channel's promises. By way of a relay everything goes through a third process.
"""

import hashlib
import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import pytest
import zmq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mpcgen.errors import PartyLost
from mpcgen.memory import keep_freed_memory
from mpcgen.net import keys, sockets
from mpcgen.net.channel import Channel
from mpcgen.net.handshake import public_bytes
from mpcgen.net.ports import LOOPBACK, free_ports
from mpcgen.net.relay.channel import Relay, RelayChannel
from mpcgen.net.relay.gate import Limits, Log
from mpcgen.net.relay.hub import Hub
from mpcgen.net.sealed import Opener, Sealer
from mpcgen.net.zeromq import Peer, ZmqChannel

BATCH = 64
MEGABYTE = 1_000_000
RELAY = "relay"
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
        self.peers = tuple(name for name in addresses if name not in {me, RELAY})
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
        keep_freed_memory()  # as a party does
        others = [name for name in addresses if name not in {me, RELAY}]
        self.channel = self.make(me, others, addresses, pairs)
        self.channel.bind_session(bytes(range(16)))
        self.peers = self.channel.peers

    def make(self, me: str, others: list[str], addresses: Addresses, pairs: Pairs) -> Channel:
        book = {name: Peer(addresses[name], pairs[name].public) for name in others}
        return ZmqChannel(me, addresses[me], pairs[me], book, timeout=60.0)

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


class Relayed(Ours):
    def make(self, me: str, others: list[str], addresses: Addresses, pairs: Pairs) -> Channel:
        own = identity_of(pairs[me])
        peers = {name: public_bytes(identity_of(pairs[name])) for name in others}
        relay = Relay(addresses[RELAY], public_bytes(identity_of(pairs[RELAY])))
        return RelayChannel(me, relay, own, peers, b"measure", timeout=60.0)


def identity_of(pair: keys.KeyPair) -> Ed25519PrivateKey:
    """One that follows from a transport's key, so that a process needs only these."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(pair.secret.encode()).digest())


def carry(addresses: Addresses, pairs: Pairs) -> None:
    """The relay, in a process of its own."""
    keep_freed_memory()
    host, _, port = addresses[RELAY].rpartition(":")
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        listener = socket.create_server((host, int(port)))
        Hub(listener, identity_of(pairs[RELAY]), None, Log(nowhere), Limits()).run()


KINDS: dict[str, Callable[[str, Addresses, Pairs], Party]] = {
    "bare": Bare, "channel": Ours, "relay": Relayed,
}  # fmt: skip


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
    everybody = [*names, RELAY]
    ports = zip(everybody, free_ports(len(everybody)), strict=True)
    addresses = {name: f"{LOOPBACK}:{port}" for name, port in ports}
    pairs = {name: keys.generate() for name in everybody}
    spawn = multiprocessing.get_context("spawn")
    hub = spawn.Process(target=carry, args=(addresses, pairs))
    if kind == "relay":
        hub.start()
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
        if kind == "relay":
            hub.kill()


@pytest.mark.parametrize("kind", ["channel", "relay", "bare"])
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


@pytest.mark.parametrize("kind", ["channel", "relay", "bare"])
@pytest.mark.parametrize("size", [100, 100_000], ids=lambda size: f"size{size}-parties3")
def test_round(benchmark: Any, size: int, kind: str) -> None:
    payload = bytes(size)
    with facing(kind, "ABC", answer_rounds, size) as party:
        benchmark.pedantic(one_round, (party, payload), rounds=500, warmup_rounds=50)
    benchmark.extra_info["us/round"] = round(benchmark.stats.stats.median * 1e6)


def test_sealing(benchmark: Any) -> None:
    """End to end, on one core: what one party seals and another opens."""
    sealer, opener = Sealer(bytes(32)), Opener(bytes(32), "B")
    payload = bytes(MEGABYTE)

    def batch() -> None:
        for _ in range(BATCH):
            opener.open(sealer.seal(payload))

    benchmark.pedantic(batch, rounds=20, warmup_rounds=2)
    rate = 2 * BATCH * MEGABYTE / 1e6 / benchmark.stats.stats.median
    benchmark.extra_info["MB/s"] = round(rate)
