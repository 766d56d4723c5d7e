"""A terminal that remembers what it was shown."""

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Thread

import pytest


class Terminal:
    """Reads what is written to its end of a pseudo-terminal, so that nobody waits for it."""

    def __init__(self, master: int):
        self._master, self._shown, self._changed = master, "", Condition()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:  # all other ends are closed
                return
            with self._changed:
                self._shown += data.decode().replace("\r\n", "\n")
                self._changed.notify_all()

    def wait_for(self, words: str) -> None:
        """Return once it has shown these words."""
        with self._changed:
            assert self._changed.wait_for(lambda: words in self._shown, 300), self._shown

    def shown(self) -> str:
        """All of it, once nobody can write any more."""
        self._reader.join()
        return self._shown


@contextmanager
def opened(columns: int = 80) -> Iterator[tuple[int, Terminal]]:
    """A descriptor that is a terminal, and what it shows."""
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, columns))
    try:
        yield slave, Terminal(master)
    finally:
        os.close(slave)


@contextmanager
def as_stderr(monkeypatch: pytest.MonkeyPatch, columns: int = 80) -> Iterator[Terminal]:
    """Standard error is a terminal."""
    with (
        opened(columns) as (slave, terminal),
        os.fdopen(os.dup(slave), "w", buffering=1) as stderr,
        monkeypatch.context() as patch,
    ):
        patch.setattr(sys, "stderr", stderr)
        yield terminal
