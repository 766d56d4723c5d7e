"""Channels between threads of one process: the transport of tests, with every check of a real one.

Nothing here is encrypted, and nothing depends on time but time-outs. A party that is killed is
simulated by `MemoryNetwork.kill`, one that ends by closing its channel.
"""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from threading import Condition, Thread
from typing import ClassVar, TypeVar, Unpack

from mpcgen.net.channel import AbortReason, Channel, ChannelOptions, MessageLog
from mpcgen.net.message import Arrival, Header

T = TypeVar("T")


class MemoryNetwork:
    """The parties of one session in one process; `channel(name)` once for each of them."""

    def __init__(self, names: Collection[str]):
        self.names = tuple(names)
        self.changed = Condition()
        self.inbox: dict[str, deque[tuple[str, bytes]]] = {name: deque() for name in names}
        self.killed: set[str] = set()

    def channel(self, name: str, **options: Unpack[ChannelOptions]) -> "MemoryChannel":
        """The channel of party `name`, to be used by one thread at a time."""
        return MemoryChannel(self, name, **options)

    def kill(self, name: str) -> None:
        """End a party as a crash does: everybody who waits for anything loses it."""
        with self.changed:
            self.killed.add(name)
            self.changed.notify_all()


class MemoryChannel(Channel):
    """A party's end of a MemoryNetwork."""

    real: ClassVar[bool] = False
    lossless: ClassVar[bool] = True

    def __init__(self, network: MemoryNetwork, name: str, **options: Unpack[ChannelOptions]):
        super().__init__(name, [n for n in network.names if n != name], **options)
        self._network = network
        self._inbox = network.inbox[name]
        self._missing = {name}

    def _connect(self) -> None:
        """Everybody is there from the start."""

    def _put(self, peer: str, header: bytes, part: memoryview) -> bool:
        with self._network.changed:
            self._network.inbox[peer].append((self.me, header + part))
            self._network.changed.notify_all()
        return True

    def _take(self, wait: float) -> Arrival | None:
        network = self._network
        with network.changed:
            network.changed.wait_for(lambda: self._inbox or network.killed - self._missing, wait)
            if self._inbox:
                peer, frame = self._inbox.popleft()
                return Arrival(peer, *Header.split(peer, frame))
            for peer in network.killed.intersection(self.peers):
                self._missing.add(peer)
                self._missed(peer)
            return None

    def _close(self) -> None:
        """Nothing to release: what was sent already lies with the others."""


def in_threads(
    names: Sequence[str],
    part: Callable[[Channel], T],
    *,
    log: Callable[[str], MessageLog] | None = None,
    timeout: float = 120.0,
) -> dict[str, T]:
    """Run part(channel) for every party in a thread; results by name.

    Raises:
        BaseException: what the first party that failed has raised.
    """
    network = MemoryNetwork(names)
    results: dict[str, T] = {}
    errors: list[BaseException] = []

    def run(name: str) -> None:
        note = None if log is None else log(name)
        with network.channel(name, timeout=timeout, on_message=note) as channel:
            try:
                results[name] = part(channel)
            except BaseException as error:
                errors.append(error)
                channel.abort(AbortReason.FAULT)

    threads = [Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
