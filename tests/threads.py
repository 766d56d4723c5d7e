"""All parties of a session as threads over the memory transport."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from mpcgen.net.channel import AbortReason, Channel, MessageLog
from mpcgen.net.memory import MemoryNetwork

T = TypeVar("T")


def in_threads(
    names: Sequence[str],
    part: Callable[[Channel], T],
    *,
    log: Callable[[str], MessageLog] | None = None,
    timeout: float = 120.0,
) -> dict[str, T]:
    """Run part(channel) for every party; results by name. The first party's own error is raised."""
    network = MemoryNetwork(names)
    results: dict[str, T] = {}
    errors: list[BaseException] = []

    def run(name: str) -> None:
        channel = network.channel(
            name, timeout=timeout, on_message=None if log is None else log(name)
        )
        with channel:
            try:
                results[name] = part(channel)
            except BaseException as error:
                errors.append(error)
                channel.abort(AbortReason.FAULT)

    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
