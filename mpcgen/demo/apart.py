"""`mpcgen demo --namespaces`: three hosts that reach a relay alone, which has one open port."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mpcgen.demo.hosts import MIDDLE, Hosts, NoHosts, hosts, why_not
from mpcgen.demo.prepare import PEOPLE, RELAY, RESULTS, prepare
from mpcgen.demo.show import hold_against_plink, make_way
from mpcgen.errors import MpcgenError

PORT = 443
MBIT = 10.0
LISTENS = "0A"  # a socket's state in /proc/net/tcp

Say = Callable[[str], object]


def show_apart(folder: Path, say: Say) -> None:
    """Run the demonstration across network namespaces, by way of a relay.

    Raises:
        NoHosts: namespaces are not permitted here.
        InputError: the folder exists and is no earlier demonstration.
        MpcgenError: a party failed, or a value differs from PLINK's.
    """
    if why := why_not():
        raise NoHosts(f"{why}; they take root, on Linux")
    make_way(folder)
    with hosts(list(PEOPLE), mbit=MBIT, joined=False) as there:
        plan = prepare(folder, f"{there.addresses[MIDDLE]}:{PORT}")
        say(f"Three hosts, each with a line of {MBIT:g} Mbit/s to a relay and to nobody else:")
        for name in PEOPLE:
            say(f"  {name} at {there.addresses[name]}")
        with _relay(there, folder / RELAY) as log:
            parties = {name: _party(there, plan, name) for name in PEOPLE}
            try:
                _await_all(log, parties)
                say("All have come. Ports that are open, on which host:")
                for host in (*PEOPLE, MIDDLE):
                    say(f"  {host:6} {', '.join(map(str, open_ports(there, host))) or 'none'}")
                _wait(parties)
            finally:
                for party in parties.values():
                    party.kill()
                    party.wait()
    hold_against_plink(folder, say)


@contextmanager
def _relay(there: Hosts, own: Path) -> Iterator[Path]:
    """The relay, while the block runs; its log."""
    words = ("--listen", f"{there.addresses[MIDDLE]}:{PORT}", "--allow", own / "allowed")
    command = _mpcgen("relay", "--identity", own / "relay.identity", *words)
    path = own / "log.jsonl"
    with (
        path.open("w") as log,
        subprocess.Popen(there.command(MIDDLE, *command), stdout=log) as relay,
    ):
        try:
            yield path
        finally:
            relay.terminate()


def _await_all(log: Path, parties: Mapping[str, "subprocess.Popen[str]"]) -> None:
    """Wait until the relay has let everybody in, or somebody has ended."""
    while all(party.poll() is None for party in parties.values()):
        if log.read_text().count('"event": "joined"') >= len(parties):
            return
        time.sleep(0.05)


def _party(there: Hosts, plan: Path, name: str) -> "subprocess.Popen[str]":
    folder = plan.parent
    words = ("--as", name, "--config", folder / name / f"{name}.toml")
    plots = "--plots" if name == next(iter(PEOPLE)) else "--no-plots"  # all have the same
    command = _mpcgen("run", plan, *words, "--out", folder / RESULTS / name, plots)
    return subprocess.Popen(
        there.command(name, *command),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _wait(parties: Mapping[str, "subprocess.Popen[str]"]) -> None:
    """Wait until all have ended.

    Raises:
        MpcgenError: what those that failed have told.
    """
    told = {name: party.communicate()[1].strip() for name, party in parties.items()}
    failed = [f"{n}: {told[n]}" for n, party in parties.items() if party.returncode]
    if failed:
        raise MpcgenError("\n".join(failed))


def open_ports(there: Hosts, host: str) -> list[int]:
    """The TCP ports at which anybody on a host listens."""
    read = there.command(host, "cat", "/proc/net/tcp", "/proc/net/tcp6")
    table = subprocess.run(read, capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in table.splitlines() if ":" in line]
    return sorted({int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == LISTENS})


def _mpcgen(*words: object) -> Sequence[object]:
    return (sys.executable, "-m", "mpcgen", *words)
