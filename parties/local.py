"""All institutions of a plan as processes on this machine, for rehearsals and the demonstration."""

import multiprocessing
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from mpcgen.errors import MpcgenError

# How long the others have to tell what they saw after one has failed; in a session they see it at
# once, and before that they would wait for it until their time-out.
GRACE_SECONDS = 3.0
Started = Callable[[str, int], object]
INTERRUPTED = 130  # exit status of a process that its operator stopped


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
    if sys.platform == "linux":
        multiprocessing.set_start_method("fork", force=True)
    processes = {
        name: multiprocessing.Process(target=_child, args=(part,), name=name)
        for name, part in parts.items()
    }
    try:
        for name, process in processes.items():
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", r".*multi-threaded", DeprecationWarning)
                process.start()
            started(name, process.pid or 0)
        _wait(processes)
    finally:
        for process in processes.values():
            if process.is_alive():
                process.terminate()
            process.join()


def _child(part: Callable[[], object]) -> None:
    try:
        part()
    except (MpcgenError, OSError) as error:
        sys.stderr.write(f"{multiprocessing.current_process().name}: {error}\n")
        sys.stderr.flush()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _wait(processes: Mapping[str, BaseProcess]) -> None:
    waiting = {process.sentinel: name for name, process in processes.items()}
    failed: list[str] = []
    deadline: float | None = None
    while waiting and (deadline is None or time.monotonic() < deadline):
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ended = [waiting.pop(s) for s in wait(list(waiting), left) if isinstance(s, int)]
        for name in ended:
            processes[name].join()  # its sentinel can be ready before its exit code is
        failed += [name for name in ended if processes[name].exitcode and deadline is None]
        if failed and deadline is None:
            deadline = time.monotonic() + GRACE_SECONDS
    if failed:
        ends = [_end(name, processes[name].exitcode) for name in failed]
        raise InstitutionFailed(f"the study stopped at {' and '.join(ends)}; there are no results")


def _end(name: str, status: int | None) -> str:
    return f"{name} (its process was ended by signal {-status})" if status and status < 0 else name
