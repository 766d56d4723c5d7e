"""Lines with a delay and a bandwidth, on one machine: proxies on loopback, a process of their own.

Delay is that of one way, as `tc netem delay` on every party's interface has it; a round trip takes
twice as long. Bandwidth is that of everything a party sends, to all others together.
"""

import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue

HOST = "127.0.0.1"
CHUNK = 1 << 16  # bytes that travel together
AHEAD = 0.05  # seconds of sending that a line takes in before its sender has to wait

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


class Uplink:
    """What a party sends, one chunk after the other."""

    def __init__(self, network: Network):
        self._rate, self._delay = network.mbit * 1e6 / 8, network.delay / 1000
        self._free = 0.0
        self._lock = threading.Lock()

    def take(self, size: int) -> float:
        """When so many bytes, sent now, arrive; waits while much is on the way before them."""
        with self._lock:
            self._free = gone = max(self._free, time.monotonic()) + size / self._rate
        _until(gone - AHEAD)
        return gone + self._delay


def _until(moment: float) -> None:
    left = moment - time.monotonic()
    if left > 0:
        time.sleep(left)


def carry(source: socket.socket, target: socket.socket, line: Uplink) -> None:
    """Everything that source sends, to target, as the line allows; then the end of it."""
    travelling: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
    threading.Thread(target=_deliver, args=(travelling, target), daemon=True).start()
    data = b"something"
    while data:
        try:
            data = source.recv(CHUNK)
        except OSError:  # the other direction found it broken
            data = b""
        travelling.put((line.take(len(data)), data))


def _deliver(travelling: "SimpleQueue[tuple[float, bytes]]", target: socket.socket) -> None:
    with suppress(OSError):  # nobody is there to take it any more
        while True:
            moment, data = travelling.get()
            _until(moment)
            if not data:
                break
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _forward(listener: socket.socket, port: int, there: Uplink, back: Uplink) -> None:
    """Take connections in and hand them on to a port of this machine."""
    while True:
        near, _ = listener.accept()
        far = socket.socket()
        try:
            far.connect((HOST, port))
        except OSError:  # nobody listens there yet; who dialled tries again
            near.close()
            continue
        for each in (near, far):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for way in ((near, far, there), (far, near, back)):
            threading.Thread(target=carry, args=way, daemon=True).start()


def _serve(network: Network, ports: Ports, ready: Connection) -> None:
    """Proxies between all parties; ends with who started it."""
    lines = {name: Uplink(network) for name in ports}
    doors = {}
    for me in ports:
        for peer in ports.keys() - {me}:
            listener = socket.create_server((HOST, 0))
            doors[me, peer] = listener.getsockname()[1]
            way = (listener, ports[peer], lines[me], lines[peer])
            threading.Thread(target=_forward, args=way, daemon=True).start()
    ready.send(doors)
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
