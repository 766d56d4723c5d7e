"""A process that draws plots: it loads the drawing library while the parties compute.

It is a fresh interpreter, started before all else, that imports nothing but what draws. Who started
it may ask it, or one process forked from there. It ends with them, or when it is no longer wanted;
should it be lost, a plot is drawn by who asks.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mpcgen.report.layouts import Plot

TO_END = 1.0  # seconds that it has to end in order


def draw_here(plot: "Plot") -> None:
    """Draw a plot in this process."""
    from mpcgen.report.drawing import draw  # noqa: PLC0415

    draw(plot)


class Painter:
    """The way to a process that draws; made by `painting`."""

    def __init__(self, connection: Any):
        self._connection = connection

    def draw(self, plot: "Plot") -> None:
        """Have a plot drawn; returns when its files stand."""
        from mpcgen.report.layouts import to_bytes  # noqa: PLC0415

        data = to_bytes(plot)
        with suppress(OSError, EOFError):
            self._connection.send_bytes(data)
            self._connection.recv_bytes()
            return
        draw_here(plot)


@contextmanager
def painting(wanted: bool = True) -> Iterator[Painter | None]:
    """A painter for as long as the block lasts; None if none is wanted, or if none can start."""
    if not wanted or sys.platform != "linux":
        yield None
        return
    ours, theirs = Pipe()
    with ours:
        process = _started(theirs)
        if process is None:
            yield None
            return
        try:
            yield Painter(ours)
        finally:
            ours.close()  # ends it in order: its drawing library has a folder to remove
            with suppress(subprocess.TimeoutExpired):
                process.wait(TO_END)
            process.kill()
            process.wait()


def _started(connection: Any) -> subprocess.Popen[bytes] | None:
    """Start it at its end of the connection; None where the system has no room for a process."""
    with connection, suppress(OSError):
        return subprocess.Popen(
            # -P: nothing is imported from the current folder
            [sys.executable, "-P", "-m", "mpcgen.report.painter"],
            stdin=connection.fileno(),
            process_group=0,  # control-C is for who started it, and ends it from there
        )
    return None
