"""Resident parties of tests: folders with signed studies, and processes that serve them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpcgen.audit.approvals import APPROVE
from mpcgen.parties.signing import decide
from mpcgen.study.institution import read_config
from mpcgen.study.read import read_plan
from tests import small, studies

PATIENCE = 300.0
STUDY = "first"


@dataclass(frozen=True)
class Home:
    """What is at one institution: its configuration and its folder of studies."""

    name: str
    config: Path
    studies: Path

    @property
    def study(self) -> Path:
        """The folder of the one study."""
        return self.studies / STUDY

    def status(self, study: str = STUDY) -> dict[str, Any]:
        """What became of a study; empty: nobody has said yet."""
        try:
            found: dict[str, Any] = json.loads(
                (self.studies / study / "party-status.json").read_text()
            )
        except FileNotFoundError:
            return {}
        return found

    def approve(self, *others: "Home") -> None:
        """Have the steward sign the plan here, and send it to others."""
        signed = decide(read_plan(self.study / "plan.toml"), read_config(self.config), APPROVE)
        for other in others:
            folder = other.study / "plan-approvals"
            folder.mkdir(exist_ok=True)
            draft = folder / f".{signed.name}"
            shutil.copy(signed, draft)
            draft.rename(folder / signed.name)


def lay_out(folder: Path, entries: str = studies.OF_ALL, **network: float) -> list[Home]:
    """A study of A, B and C, copied into everybody's folder."""
    common = folder / "common"
    common.mkdir()
    plan = small.lay_out(common, entries)
    for key, value in network.items():
        small.edit(plan, f"{key} = 300", f"{key} = {value}")
    homes = [Home(name, common / f"{name}.toml", folder / name) for name in studies.NAMES]
    for home in homes:
        copy(plan, home.study)
    return homes


def copy(plan: Path, folder: Path) -> None:
    """Copy a plan and its site list into a study's folder."""
    folder.mkdir(parents=True)
    for file in (plan, plan.with_name("sites.tsv")):
        shutil.copy(file, folder)


@dataclass(frozen=True)
class Served:
    """A resident party that runs.

    Attributes:
        file: what it says on standard error, which is its log.
    """

    process: subprocess.Popen[bytes]
    file: Path

    def log(self) -> list[dict[str, Any]]:
        """All lines of its log so far; each is JSON."""
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's lines of one event."""
        return [row for row in self.log() if row["event"] == name]

    def states(self, study: str = STUDY) -> list[str]:
        """The states that a study went through."""
        return [row["state"] for row in self.events("study") if row["study"] == study]

    def stop(self, kind: int = signal.SIGTERM) -> None:
        """Stop it, and see that it ends well."""
        self.process.send_signal(kind)
        assert self.process.wait(PATIENCE) == 0, self.file.read_text()


@contextmanager
def serving(home: Home, *more: object) -> Iterator[Served]:
    """A resident party of an institution; whatever is left of it at the end is ended."""
    file = home.config.with_name(f"{home.name}.served")
    words = ["party", "serve", "--config", home.config, "--studies", home.studies, *more]
    with file.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "mpcgen", *map(str, words), "--poll", "0.2"],
            stderr=said, stdout=said,
        )  # fmt: skip
    try:
        yield Served(process, file)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes that a process has started and that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(stat[1]) == process.pid and stat[0] != "Z":
                found.append(int(entry.name))
    return found


def alive(pid: int) -> bool:
    """Whether a process is still there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
