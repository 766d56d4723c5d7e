"""Small studies of real processes whose lines can be broken, and how they ended."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mpcgen.bench.proxy import Fault, Proxy, Uplink
from mpcgen.study.read import read_plan
from tests import small, studies
from tests.small import edit

PATIENCE = 300.0
# As `mpcgen`, but silence on a connection is noticed after so many milliseconds, not 20 seconds.
NOTICING = """
import sys
from mpcgen.net import sockets
sockets.SILENCE_MS = int(sys.argv.pop(1))
sockets.HEARTBEAT_MS = sockets.SILENCE_MS // 4
from mpcgen.cli import main
main()
"""


def party_command(plan: Path, name: str, out: Path, silence: int) -> list[str]:
    """`mpcgen run PLAN --as NAME`, with results below `out`; see NOTICING."""
    words = ("run", plan, "--as", name, "--config", plan.with_name(f"{name}.toml"))
    options = ("--out", out / name, "--no-plots")
    return [sys.executable, "-c", NOTICING, str(silence), *map(str, (*words, *options))]


@dataclass(frozen=True)
class Ended:
    """How a party's process ended."""

    status: int
    told: str


@dataclass(frozen=True)
class Faulty:
    """A study laid out in a folder, each party behind a proxy of its own."""

    folder: Path
    proxies: Mapping[str, Proxy]

    @property
    def plan(self) -> Path:
        return self.folder / "plan.toml"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def passed(self) -> int:
        return sum(proxy.passed for proxy in self.proxies.values())

    def suffer(self, fault: Fault) -> None:
        for proxy in self.proxies.values():
            proxy.suffer(fault)

    def part(self) -> None:
        """Nobody reaches anybody."""
        self.suffer(Fault.CLOSED)
        cut = [proxy.cut() for proxy in self.proxies.values()]
        assert all(cut)

    def start(self, silence: int) -> dict[str, subprocess.Popen[str]]:
        """Every party's process."""
        return {
            name: subprocess.Popen(
                party_command(self.plan, name, self.out, silence),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for name in self.proxies
        }  # fmt: skip

    def run(
        self,
        meanwhile: Callable[[dict[str, subprocess.Popen[str]]], object] = lambda _parties: None,
        *,
        silence: int = 20_000,
    ) -> dict[str, Ended]:
        """Run the study; `meanwhile` is called with the parties once they are started."""
        parties = self.start(silence)
        try:
            meanwhile(parties)
            told = {name: party.communicate(timeout=PATIENCE)[1] for name, party in parties.items()}
        finally:
            for party in parties.values():
                party.kill()
                party.wait()
        return {name: Ended(parties[name].returncode, words) for name, words in told.items()}

    def reach(self, size: int, parties: Mapping[str, subprocess.Popen[str]]) -> None:
        """Wait until so many bytes have gone over the lines."""
        while self.passed < size:
            assert all(party.poll() is None for party in parties.values()), "it ended before"
            time.sleep(0.002)


@contextmanager
def faulty(
    folder: Path,
    *,
    entries: str = small.ENTRIES,
    rules: studies.Rules | None = None,
    rate: float = float("inf"),
    delay: float = 0.0,
    absence: float = 60.0,
) -> Iterator[Faulty]:
    """A small study behind proxies that end with the block.

    Args:
        rate: bytes a second that a party can send to each other.
        delay: seconds one way.
        absence: the plan's absence_seconds.
    """
    plan = small.lay_out(folder, entries, rules)
    edit(plan, "absence_seconds = 1", f"absence_seconds = {absence}")
    with behind_proxies(plan, rate=rate, delay=delay) as proxies:
        yield Faulty(folder, proxies)


@contextmanager
def behind_proxies(plan: Path, *, rate: float, delay: float) -> Iterator[dict[str, Proxy]]:
    """Put a proxy in front of every party of a plan, which changes, and is approved again."""
    proxies: dict[str, Proxy] = {}
    with ExitStack() as ending:
        for institution in read_plan(plan).institutions:
            name, address = institution.name, institution.address
            host, _, port = address.rpartition(":")
            lines = (Uplink(rate, delay), Uplink(rate, delay))
            proxies[name] = ending.enter_context(Proxy(int(port), *lines))
            edit(plan, address, f"{host}:{proxies[name].port}")
            config = plan.with_name(f"{name}.toml")
            config.write_text(f'{config.read_text()}[network]\nlisten = "{address}"\n')
        studies.approve(plan)
        yield proxies
