"""Ports of this machine that no other process takes before a party listens there.

The operating system gives a free port to the next who asks, so another process may get it between
its choice and its use. Here each process has a block of its own, below those that it gives out.
"""

import atexit
import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import cycle
from typing import Final

LOOPBACK: Final = "127.0.0.1"
BLOCK: Final = 500
BLOCKS: Final = range(10_000, 32_000, BLOCK)


def free_ports(number: int) -> list[int]:
    """Ports of this process that nobody listens on, none of them lately chosen.

    Raises:
        OSError: all are in use.
    """
    _, ports = _block()
    chosen: list[int] = []
    for _ in range(BLOCK):
        if len(chosen) == number:
            return chosen
        port = next(ports)
        with suppress(OSError), socket.socket() as tried:
            # As listeners do: else ports are taken for a minute after their connections ended.
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((LOOPBACK, port))
            chosen.append(port)
    raise OSError(f"no {number} ports are free")


@cache
def _block() -> tuple[socket.socket, Iterator[int]]:
    """The first port of a block, which is held until this process ends, and the others."""
    for first in BLOCKS:
        mark = socket.socket()
        try:
            mark.bind((LOOPBACK, first))
        except OSError:
            mark.close()
        else:
            atexit.register(mark.close)
            return mark, cycle(range(first + 1, first + BLOCK))
    raise OSError("every block of ports is taken")
