"""A peer as a contestant of mpcgen.bench: three processes in its own environment."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpcgen.bench.inputs import OWNERS
from mpcgen.bench.networks import HOST, Network, between
from mpcgen.bench.party import Spent
from mpcgen.bench.tasks import Task
from mpcgen.bench.trial import WARM_UPS, Found, TooSlow, TrialFailed
from mpcgen.net.ports import free_ports

FOLDER = Path(__file__).parent
ENVIRONMENTS = FOLDER.parents[1] / ".cache" / "peers"
ALLELES = np.array([[2, 0], [1, 1], [0, 2]])  # alleles of each diploid genotype


@dataclass(frozen=True)
class Peer:
    """Another system.

    Attributes:
        environment: the name of its folder under .cache/peers.
        packages: what pip installs there.
        tasks: those that it runs.
        options: passed to its parties.
        on_lines: its parties can be reached through proxies.
    """

    name: str
    environment: str
    packages: Sequence[str]
    tasks: Sequence[str]
    options: Mapping[str, str] = field(default_factory=dict)
    on_lines: bool = True

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return ENVIRONMENTS / self.environment / "bin" / "python"

    def install(self) -> None:
        """Make its environment, if there is none."""
        if not self.python.exists():
            subprocess.run(
                [sys.executable, "-m", "venv", ENVIRONMENTS / self.environment], check=True
            )
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *self.packages], check=True)

    def cannot(self, which: Task, network: Network) -> str:
        """Why it does not run a task; empty: it does."""
        if which.name not in self.tasks:
            return "does not run it"
        if network.emulated and not self.on_lines:
            return "cannot be reached through proxies"
        if not self.python.exists():
            return "is not installed: python -m benchmarks.peers --install"
        return ""

    def run(self, which: Task, network: Network, repeats: int, limit: float) -> Found:
        """Measure a task.

        Raises:
            TrialFailed: a party failed.
            TooSlow: not all ended in `limit` seconds.
        """
        ports = dict(zip(OWNERS, free_ports(len(OWNERS)), strict=True))
        with tempfile.TemporaryDirectory() as name, between(network, ports) as reach:
            folder = Path(name)
            addresses = [[reach[me].get(p, f"{HOST}:{ports[p]}") for p in OWNERS] for me in OWNERS]
            self._lay_out(folder, which, repeats + WARM_UPS, addresses)
            self._run(folder, limit)
            spent = [
                [Spent(*each) for each in json.loads((folder / f"spent{i}.json").read_text())]
                for i in range(len(OWNERS))
            ]
            opened = np.load(folder / "opened.npy")
        accuracy = which.answer().accuracy(opened)
        return Found.of([each[WARM_UPS:] for each in spent], accuracy)

    def _lay_out(
        self, folder: Path, which: Task, rounds: int, addresses: Sequence[Sequence[str]]
    ) -> None:
        for i, owner in enumerate(OWNERS):
            np.save(folder / f"given{i}.npy", _plain(which, owner))
        job = {
            "task": which.name, "units": which.units, "rounds": rounds, "addresses": addresses,
            "options": dict(self.options),
        }  # fmt: skip
        (folder / "job.json").write_text(json.dumps(job))

    def _run(self, folder: Path, limit: float) -> None:
        script = str(FOLDER / f"{self.environment}_party.py")
        errors = [folder / f"errors{rank}" for rank in range(len(OWNERS))]
        parties = []
        try:
            for rank, path in enumerate(errors):
                with path.open("wb") as told:
                    command = [str(self.python), script, str(folder), str(rank)]
                    parties.append(subprocess.Popen(command, stdout=told, stderr=told, cwd=folder))
            deadline = time.monotonic() + limit
            while any(party.poll() is None for party in parties):
                if time.monotonic() > deadline:
                    raise TooSlow(f"not done in {limit:g} s")
                if any(party.poll() for party in parties):
                    break
                time.sleep(0.05)
        finally:
            for party in parties:
                party.kill()
                party.wait()
        for party, path in zip(parties, errors, strict=True):
            if party.returncode > 0:
                last = path.read_text(errors="replace").strip().splitlines()[-1:]
                raise TrialFailed(f"{self.name}: {''.join(last)}")


def _plain(which: Task, owner: str) -> NDArray[np.int64]:
    """An owner's integers as peers take them: for T2 and T5 the alleles of cases and controls."""
    given = which.given(owner)
    if which.name in {"T2", "T5"}:
        classes = given.reshape(which.units, 2, 7)[..., :3]
        return np.asarray((classes @ ALLELES).reshape(which.units, 4))
    return np.asarray(given)
