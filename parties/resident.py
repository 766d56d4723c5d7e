"""A resident party: a process that stays, finds approved studies in a folder and runs each one.

Everything that reads a study's files or takes part in it is a child process of its own, so that
no study can harm another or this process, which only starts and ends them:

    1. every few seconds it sees which directories there are, and which have changed
    2. a child looks at each changed one: is it whole, approved by all, within the policy?
    3. a child runs each approved one, so many at once
    4. one that failed for the network is tried again, after a pause; one that was refused is not
"""

import fcntl
import os
import select
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mpcgen import __version__
from mpcgen.errors import ConfigError, reason
from mpcgen.parties import resident_child
from mpcgen.parties.health import Health
from mpcgen.parties.resident_folder import studies_in
from mpcgen.parties.resident_log import Log, now
from mpcgen.parties.resident_study import Watched
from mpcgen.study.institution import InstitutionConfig

TICK = 1.0  # seconds at most between two looks at the children


@dataclass(frozen=True)
class Service:
    """What a resident party serves.

    Attributes:
        folder: it has one directory a study.
        at_once: how many studies run at the same time.
        poll: seconds between two looks at the folder.
        grace: seconds that children have to end by themselves.
        health: host:port of loopback, or None.
    """

    config: InstitutionConfig
    folder: Path
    log: Log
    at_once: int = 1
    poll: float = 10.0
    grace: float = 30.0
    health: str | None = None


class Resident:
    """A resident party. `run` returns after `stop`, SIGTERM, a hang-up or control-C."""

    def __init__(self, service: Service):
        self._service = service
        self._log = service.log
        self._watched: dict[Path, Watched] = {}
        self._looking: Watched | None = None
        self._running: list[Watched] = []
        self._stopping = self._readable = False
        self._waked, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._began = now()

    def run(self) -> None:
        """Serve until it is told to stop.

        Raises:
            ConfigError: the folder is served already, or is none; the health address is wrong.
            PortTaken: of the health address.
        """
        with _held(self._service.folder), self._signals(), self._health():
            self._log("up", version=__version__, institution=self._service.config.name)
            seen = float("-inf")
            while not self._stopping:
                self._reap()
                if time.monotonic() - seen >= self._service.poll:
                    seen = time.monotonic()
                    self._see()
                self._start()
                self._wait(min(TICK, self._service.poll))
            self._end()
            self._log("down")

    def stop(self) -> None:
        """Have `run` end; signal handlers and other threads may call it."""
        self._stopping = True
        self._wake()

    def report(self) -> Mapping[str, object]:
        """What health tells: that it is up, and how many studies are in which state."""
        states = Counter(str(w.status.state) for w in list(self._watched.values()))
        return {
            "status": "up",
            "version": __version__,
            "since": self._began,
            "folder": "readable" if self._readable else "not readable",
            "studies": dict(sorted(states.items())),
        }

    def _see(self) -> None:
        """Take in which studies there are, and which have changed."""
        config = self._service.config
        others = [path for path in (config.path, config.policy_file) if path is not None]
        try:
            folders = studies_in(self._service.folder)
        except OSError as error:
            if self._readable:
                self._log("folder not readable", because=[reason(error)])
            self._readable = False
            return
        self._readable = True
        found = {}
        for folder in folders:
            if files := folder.state(others):
                watched = self._watched.get(folder.path) or Watched.of(folder, self._log)
                watched.see(files, config.name)
                found[folder.path] = watched
        busy = {path: w for path, w in self._watched.items() if w.child is not None}
        self._watched = busy | found

    def _start(self) -> None:
        """Start the next look, and as many runs as may be."""
        config = self._service.config
        for watched in self._watched.values():
            if self._looking is None and watched.wants_look:
                try:
                    watched.look_began(resident_child.look(watched.folder, config.path))
                    self._looking = watched
                except OSError as error:
                    watched.not_looked(error)
        ready = [watched for watched in self._watched.values() if watched.runs]
        # The same order at every institution, so that they take up the same study first.
        for watched in sorted(ready, key=lambda w: w.status.plan):
            if len(self._running) < self._service.at_once:
                self._run(watched)

    def _run(self, watched: Watched) -> None:
        config = self._service.config
        try:
            lock = watched.folder.lock()
            if lock is None:  # a party of an earlier resident process still runs it
                return
            try:
                child = resident_child.run(watched.folder, config.path, config.name, lock)
            finally:
                os.close(lock)
        except OSError as error:
            watched.not_started(error)
            return
        watched.run_began(child)
        self._running.append(watched)

    def _reap(self) -> None:
        """Take in which children have ended."""
        looking = self._looking
        if looking is not None and looking.child is not None and looking.child.ended:
            self._looking = None
            looking.look_ended(looking.child.found())
        for watched in list(self._running):
            if watched.child is not None and watched.child.ended:
                self._running.remove(watched)
                watched.run_ended(self._service.config.name, stopping=self._stopping)

    def _end(self) -> None:
        """Tell all children to end, wait for them, and end those that do not."""
        if self._looking is not None and self._looking.child is not None:
            self._looking.child.kill()
            self._looking.child.process.wait()
            self._looking.child.close()
            self._looking = None
        children = [watched.child for watched in self._running if watched.child is not None]
        for child in children:
            child.stop()
        self._log("stopping", running=len(children))
        deadline = time.monotonic() + self._service.grace
        while self._running and time.monotonic() < deadline:
            self._wait(min(TICK, max(0.0, deadline - time.monotonic())))
            self._reap()
        for watched in self._running:
            if watched.child is not None:
                watched.child.kill()
                watched.child.process.wait()
                self._log("killed", study=watched.folder.path.name)
        self._reap()

    def _wait(self, seconds: float) -> None:
        """Wait, at most until a signal comes."""
        select.select([self._waked], [], [], seconds)
        with suppress(BlockingIOError):
            os.read(self._waked, 1024)

    def _wake(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._waker, b"\0")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Stop on SIGTERM, a hang-up and control-C, and wake when a child ends."""
        stops = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
        handlers = dict.fromkeys(stops, lambda *_: self.stop())
        handlers[signal.SIGCHLD] = lambda *_: self._wake()
        before = {kind: signal.signal(kind, handler) for kind, handler in handlers.items()}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    @contextmanager
    def _health(self) -> Iterator[None]:
        if self._service.health is None:
            yield
            return
        health = Health(self._service.health, self.report)
        self._log("health", port=health.port)
        try:
            yield
        finally:
            health.close()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep a folder to this process.

    Raises:
        ConfigError: it is no folder, or another process has it.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"studies are found in a folder: {reason(error)}", path=folder) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ConfigError("another resident party serves this folder", path=folder) from None
    except OSError:  # a file system without locks, where nobody can take one
        pass
    try:
        yield
    finally:
        os.close(descriptor)
