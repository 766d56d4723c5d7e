"""All institutions of a plan as processes on this machine, for rehearsals and the demonstration."""

import multiprocessing
import signal
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import cast

from mpcgen.errors import Abort, MpcgenError, PartyLost, PartyStopped, PartyTimeout, told
from mpcgen.parties.stops import STOPS, undisturbed

# How long the others have to tell what they saw after one has failed; in a session they see it at
# once, and before that they would wait for it until their time-out.
GRACE_SECONDS = 3.0
FAILED, FOLLOWED = 1, 3  # exit status: by itself, or because of another party
Started = Callable[[str, int], object]


class InstitutionFailed(MpcgenError):
    """A party on this machine ended with an error, which it has told."""


def run_as_processes(
    parts: Mapping[str, Callable[[], object]],
    started: Started = lambda _name, _process: None,
) -> None:
    """Run one function for each institution, each in a process of its own.

    Args:
        started: called with the institution and its process id.

    Raises:
        InstitutionFailed: which ones failed first; the others were stopped.
    """
    # A fork shares what the parent has imported, so start-up is paid once. The parent has no
    # sockets, and no threads but the idle pools of Arrow and OpenBLAS, which survive a fork; Python
    # 3.12 and later warn of any.
    fork = sys.platform == "linux"
    context = multiprocessing.get_context("fork") if fork else multiprocessing.get_context("spawn")
    processes = {
        name: context.Process(target=_child, args=(part,), name=name)
        for name, part in parts.items()
    }
    try:
        with undisturbed(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", r".*multi-threaded", DeprecationWarning)
            for name, process in processes.items():
                process.start()
                started(name, process.pid or 0)
        _wait(processes)
    finally:
        for process in processes.values():
            if process.pid is not None:
                process.terminate()
                process.join()


def _child(part: Callable[[], object]) -> None:
    # The parent hears control-C, ends everybody and owns all drafts; nothing is to unwind here.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    try:
        part()
    except (MpcgenError, OSError) as error:
        sys.stderr.write(f"{multiprocessing.current_process().name}: {told(error)}\n")
        sys.stderr.flush()
        lost = isinstance(error, PartyLost | PartyTimeout | PartyStopped)
        followed = lost or type(error) is Abort
        sys.exit(FOLLOWED if followed else FAILED)


def _wait(processes: Mapping[str, BaseProcess]) -> None:
    """Wait until all have ended, and not much longer once one has failed."""
    waiting = {process.sentinel: process for process in processes.values()}
    deadline: float | None = None
    while waiting and (deadline is None or time.monotonic() < deadline):
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        for sentinel in wait(list(waiting), left):
            process = waiting.pop(cast(int, sentinel))
            process.join()  # its sentinel can be ready before its exit code is
            if process.exitcode and deadline is None:
                deadline = time.monotonic() + GRACE_SECONDS
    failed = {
        n: p.exitcode for n, p in processes.items() if p.exitcode and p.sentinel not in waiting
    }
    if failed:
        causes = {name: status for name, status in failed.items() if status != FOLLOWED} or failed
        ends = " and ".join(_end(name, status) for name, status in causes.items())
        raise InstitutionFailed(f"the study stopped at {ends}; there are no results")


def _end(name: str, status: int) -> str:
    return f"{name} (its process was ended by signal {-status})" if status < 0 else name
