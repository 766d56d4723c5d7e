"""Lines with a delay and a bandwidth, on one machine: proxies on loopback, a process of their own.

Delay is that of one way, as `tc netem delay` on every party's interface has it; a round trip takes
twice as long. Bandwidth is that of everything a party sends, to all others together.
"""

import multiprocessing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

from mpcgen.bench.proxy import HOST, Proxy, Uplink

__all__ = ["HOST", "LOOPBACK", "NETWORKS", "Network", "between"]

Ports = Mapping[str, int]  # party -> port


@dataclass(frozen=True)
class Network:
    """What is between two parties.

    Attributes:
        mbit: what a party can send, Mbit/s.
        delay: milliseconds from a party to another, one way.
    """

    name: str
    mbit: float
    delay: float

    @property
    def emulated(self) -> bool:
        """Whether it is slower than this machine's own loopback."""
        return self is not LOOPBACK

    def uplink(self) -> Uplink:
        """What one party sends by, to all others together."""
        return Uplink(self.mbit * 1e6 / 8, self.delay / 1000)

    def __str__(self) -> str:
        words = f"{self.mbit:g} Mbit/s, {self.delay:g} ms one way"
        return f"{self.name}: {words if self.emulated else 'this machine, nothing added'}"


LOOPBACK = Network("loopback", float("inf"), 0)
NETWORKS = {
    network.name: network
    for network in (
        LOOPBACK,
        Network("lan", 1000, 1),
        Network("wan-50", 100, 50),
        Network("wan-200", 100, 200),
    )
}


def _serve(network: Network, ports: Ports, ready: Connection) -> None:
    """Proxies between all parties; ends with who started it."""
    lines = {name: network.uplink() for name in ports}
    ways = [(me, peer) for me in ports for peer in ports if peer != me]
    proxies = {(me, peer): Proxy(ports[peer], lines[me], lines[peer]) for me, peer in ways}
    ready.send({way: proxy.port for way, proxy in proxies.items()})
    with suppress(EOFError, KeyboardInterrupt):
        ready.recv()


@contextmanager
def between(network: Network, ports: Ports) -> Iterator[dict[str, dict[str, str]]]:
    """Where each party reaches the others, while the block runs.

    Args:
        ports: where the parties listen on this machine.

    Returns:
        party -> peer -> HOST:PORT.
    """
    if not network.emulated:
        yield {me: {p: f"{HOST}:{at}" for p, at in ports.items() if p != me} for me in ports}
        return
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(network, ports, there), daemon=True)
    process.start()
    there.close()
    try:
        doors = here.recv()
        yield {me: {p: f"{HOST}:{doors[me, p]}" for p in ports if p != me} for me in ports}
    finally:
        here.close()
        process.join(5)
        process.kill()
