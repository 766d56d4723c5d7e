"""An institution withdraws from a study that has not finished: signed, for good, and felt by all.

From then on the plan runs nowhere where the withdrawal is known: a run is refused, one under way
stops at its next batch, and what a party has kept of the plan is erased. What was opened before is
known, and stays so.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path

from mpcgen.audit.approvals import WITHDRAW
from mpcgen.audit.identity import Ask, nobody_to_ask
from mpcgen.errors import ApprovalError, InputError, reason
from mpcgen.parties.approvals import file_of, history_of, withdrawals
from mpcgen.parties.signing import decide
from mpcgen.parties.state import ENDED, LOCK
from mpcgen.study.institution import InstitutionConfig
from mpcgen.study.loop import Progress
from mpcgen.study.plan import Plan


class Forgotten(Enum):
    """What became of a plan's state, in words."""

    NOTHING = "nothing was kept of the plan"
    ERASED = "what was kept of the plan is erased"
    ENDED = "the study has ended here before: what it opened stays known, and no more is kept"
    RUNNING = "a process runs the study here: it stops at its next batch, and erases what it kept"


_SHA256 = re.compile("[0-9a-f]{64}")


def withdraw(
    plan: Plan,
    config: InstitutionConfig,
    *,
    note: str = "",
    ask: Ask = nobody_to_ask,
    now: datetime | None = None,
) -> Path:
    """Sign that an institution withdraws from a plan; a run of it here stops.

    Returns:
        The file, for all other institutions.

    Raises:
        As `signing.decide`.
    """
    return decide(plan, config, WITHDRAW, note=note, ask=ask, now=now)


def forget(plan_sha256: str, state_folder: Path) -> Forgotten:
    """Erase all that was kept of a plan to resume it, unless a process runs it.

    That the study has ended here, where it has, stays known: it must not run a second time.

    Raises:
        InputError: the state cannot be erased.
    """
    if not _SHA256.fullmatch(plan_sha256):
        raise InputError(f"{plan_sha256!r:.80} is no plan's SHA-256")
    folder = state_folder / plan_sha256
    try:
        with _held(folder):
            return _erase(folder)
    except BlockingIOError:
        return Forgotten.RUNNING
    except OSError as error:
        raise InputError(f"the state cannot be erased: {reason(error)}", path=folder) from None


def forget_withdrawn(plan: Plan, config: InstitutionConfig) -> Forgotten:
    """Erase what an institution has kept of a plan, if somebody has withdrawn from it.

    Raises:
        InputError: as `forget`.
    """
    if config.state_folder is None or not withdrawals(plan):
        return Forgotten.NOTHING
    return forget(plan.sha256, config.state_folder)


@contextmanager
def heeding_withdrawals(
    plan: Plan, config: InstitutionConfig, progress: Progress
) -> Iterator[Progress]:
    """For the time of a run: its progress, which stops it when somebody has withdrawn.

    At the end, whatever it is, the state of a plan from which somebody has withdrawn is erased.

    Raises:
        ApprovalError: from the progress; who has withdrawn.
    """
    known = _traces(plan)

    def told(units: int) -> None:
        nonlocal known
        progress(units)
        now = _traces(plan)
        if now != known:
            known = now
            _refuse_withdrawn(plan)

    try:
        yield told
    finally:
        forget_withdrawn(plan, config)


def _refuse_withdrawn(plan: Plan) -> None:
    who = [statement.institution for statement in withdrawals(plan)]
    if who:
        verb = "has" if len(who) == 1 else "have"
        words = f"{', '.join(who)} {verb} withdrawn from the plan; the study stops"
        raise ApprovalError(words, path=plan.path)


def _traces(plan: Plan) -> list[tuple[int, int] | None]:
    """What changes when a decision does: cheap enough for every batch."""
    return [_trace(path) for path in (history_of(plan), *(file_of(plan, n) for n in plan.names))]


def _trace(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_ino)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a plan's state, where there is one, against a process that would run it.

    Raises:
        BlockingIOError: a process runs it.
    """
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)


def _erase(folder: Path) -> Forgotten:
    if not folder.is_dir():
        return Forgotten.NOTHING
    if not (folder / ENDED).exists():
        shutil.rmtree(folder)
        return Forgotten.ERASED
    others = [path for path in folder.iterdir() if path.name not in (LOCK, ENDED)]
    for path in others:
        path.unlink()
    return Forgotten.ENDED
