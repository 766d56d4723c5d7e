"""A bar on anything that takes longer than two seconds."""

import mmap
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

DELAY = 2.0  # seconds without a bar
TICK = 0.25  # seconds from one drawing to the next
COLUMNS = 79  # to draw in on a terminal that does not say how many it has: 80, but for the last


class _Counter:
    """A number that a process and those forked from it share; one of them adds."""

    def __init__(self) -> None:
        self._words: Any = memoryview(mmap.mmap(-1, 8)).cast("q")

    def add(self, units: int) -> None:
        self._words[0] += units

    @property
    def value(self) -> int:
        return int(self._words[0])


@contextmanager
def progress_bar(
    total: int, what: str, shown: bool | None = None
) -> Iterator[Callable[[int], None]]:
    """Give a function to be told how many more units, of total, are done.

    It may be told in a process forked from this one; the bar is drawn here, also before the first
    unit is done.

    Args:
        shown: whether there is a bar; None: where standard error is a terminal.
    """
    done, ended = _Counter(), Event()
    if not (_terminal() if shown is None else shown):
        yield done.add
        return
    drawing = Thread(target=_draw, args=(_bar(total, what), done, ended), daemon=True)
    drawing.start()
    try:
        yield done.add
    finally:
        ended.set()
        drawing.join()


def _terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _bar(total: int, what: str) -> "tqdm[Any]":
    """A bar that is not drawn yet; its clock runs."""
    from tqdm import tqdm  # noqa: PLC0415

    class Bar(tqdm):  # type: ignore[type-arg]
        monitor_interval = 0  # it is drawn by a thread of ours

    return Bar(total=total, desc=what, unit="", unit_scale=True, delay=DELAY, ncols=_columns())


def _columns() -> int | None:
    """COLUMNS on a terminal that reports none; None: as wide as the terminal."""
    with suppress(OSError, ValueError):
        return COLUMNS if os.get_terminal_size(sys.stderr.fileno()).columns == 0 else None
    return None


def _draw(bar: "tqdm[Any]", done: _Counter, ended: Event) -> None:
    """Draw from DELAY on until all is done, or the end."""
    wait = bar.start_t + DELAY - time.time()
    shown = wait <= 0 or not ended.wait(wait)
    with suppress(OSError):  # the terminal is gone
        while shown:
            bar.delay, bar.n = 0, done.value  # with a delay it would not end its line
            bar.refresh()
            if bar.n >= (bar.total or 0) or ended.wait(TICK):
                break
        bar.n = done.value
        bar.close()
