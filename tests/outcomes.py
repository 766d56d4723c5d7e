"""How a session ends for each of its parties, honest or not, over the memory transport."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from mpcgen.net.channel import AbortReason, Channel, MessageLog
from mpcgen.net.memory import MemoryNetwork

T = TypeVar("T")
Sent = list[tuple[str, str, int]]
"""What a party sent, in order: peer, label, length."""


def outcomes(
    names: Sequence[str],
    part: Callable[[Channel], T],
    *,
    log: Callable[[str], MessageLog] | None = None,
    timeout: float = 120.0,
    network: MemoryNetwork | None = None,
) -> dict[str, T | BaseException]:
    """Run part(channel) for every party in threads: name -> result, or what it raised.

    A party that fails tells the others, as a real one does. Its thread has its name.
    """
    network = network or MemoryNetwork(names)
    ended: dict[str, T | BaseException] = {}

    def run(name: str) -> None:
        note = None if log is None else log(name)
        with network.channel(name, timeout=timeout, on_message=note) as channel:
            try:
                ended[name] = part(channel)
            except BaseException as error:
                ended[name] = error
                channel.abort(AbortReason.of(error))

    threads = [threading.Thread(target=run, args=(name,), name=name) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {name: ended[name] for name in names}


def everybody(ended: Mapping[str, T | BaseException]) -> dict[str, T]:
    """The results, where nobody raised."""
    results: dict[str, T] = {}
    for name, result in ended.items():
        if isinstance(result, BaseException):
            raise result
        results[name] = result
    return results


class SentBy:
    """What every party sent: give it to `outcomes` as its log."""

    def __init__(self) -> None:
        self.by: dict[str, Sent] = {}

    def __call__(self, name: str) -> MessageLog:
        sent = self.by.setdefault(name, [])

        def note(direction: str, peer: str, label: str, _counter: int, length: int) -> None:
            if direction == "sent":
                sent.append((peer, label, length))

        return note
