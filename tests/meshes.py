"""Channels of one session in threads of this process, each behind a proxy that can be broken."""

import contextlib
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Unpack

from mpcgen.bench.proxy import Proxy
from mpcgen.net import keys
from mpcgen.net.channel import Channel, ChannelOptions
from mpcgen.net.zeromq import Peer, ZmqChannel
from tests.ports import LOOPBACK, free_ports


class Mesh:
    """Parties that reach each other through proxies alone.

    Attributes:
        proxies: of each party, where the others connect to it.
    """

    def __init__(self, names: Sequence[str]):
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.keys = {name: keys.generate() for name in names}
        self.proxies = {name: Proxy(port) for name, port in self.ports.items()}

    def channel(self, me: str, **options: Unpack[ChannelOptions]) -> ZmqChannel:
        book = {
            name: Peer(f"{LOOPBACK}:{proxy.port}", self.keys[name].public)
            for name, proxy in self.proxies.items()
            if name != me
        }
        return ZmqChannel(me, f"{LOOPBACK}:{self.ports[me]}", self.keys[me], book, **options)

    def channels(self, **options: Unpack[ChannelOptions]) -> dict[str, Channel]:
        return {name: self.channel(name, **options) for name in self.ports}

    def close(self) -> None:
        for proxy in self.proxies.values():
            proxy.close()


@contextlib.contextmanager
def mesh(names: Sequence[str]) -> Iterator[Mesh]:
    """A mesh whose proxies end with the block."""
    with ExitStack() as ending:
        found = Mesh(names)
        ending.callback(found.close)
        yield found


@contextlib.contextmanager
def cutting(
    proxies: Sequence[Proxy], rng: random.Random, seconds: float, most: int = 1_000_000
) -> Iterator[list[int]]:
    """Cut one connection after another while the block runs; the list counts them.

    Args:
        seconds: mean time from one to the next.
    """
    done, cuts = threading.Event(), [0]

    def cut() -> None:
        while cuts[0] < most and not done.wait(rng.expovariate(1 / seconds)):
            standing = [each for proxy in proxies for each in proxy.connections]
            if standing:
                rng.choice(standing).cut(reset=rng.random() < 0.5)
                cuts[0] += 1

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        yield cuts
    finally:
        done.set()
        thread.join()
