"""Studies between hosts of their own: network namespaces, cables and a rate, no loopback at all."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpcgen.demo import hosts as making
from mpcgen.demo.apart import open_ports
from mpcgen.demo.hosts import MIDDLE, Hosts, NoHosts, hosts
from mpcgen.study.read import read_plan
from tests import small, studies
from tests.faulty import party_command
from tests.small import NAMES, command, edit

PORT = 7001
PATIENCE = 300.0
NOTICED = 1_000


@pytest.fixture(scope="module", autouse=True)
def _possible() -> None:
    why = making.why_not()
    if why.startswith("there is no") and "MPCGEN_REQUIRE_ORACLES" in os.environ:
        pytest.fail(why)
    if why:
        pytest.skip(why)


@pytest.fixture
def mesh() -> Iterator[Hosts]:
    with hosts(NAMES, mbit=10, joined=True) as there:
        yield there


@pytest.fixture
def plan(mesh: Hosts, tmp_path: Path) -> Path:
    """A small study whose parties listen at their hosts' addresses."""
    path = small.lay_out(tmp_path)
    edit(path, "absence_seconds = 1", "absence_seconds = 60")
    for institution in read_plan(path).institutions:
        edit(path, institution.address, f"{mesh.addresses[institution.name]}:{PORT}")
    studies.approve(path)
    return path


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("right")
    return studies.tables(studies.run_in_threads(small.lay_out(folder), folder / "out"))


def started(mesh: Hosts, plan: Path) -> dict[str, "subprocess.Popen[str]"]:
    return {
        name: subprocess.Popen(
            mesh.command(name, *party_command(plan, name, plan.parent / "out", NOTICED)),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in NAMES
    }  # fmt: skip


def finish(parties: dict[str, "subprocess.Popen[str]"]) -> None:
    try:
        told = [party.communicate(timeout=PATIENCE) for party in parties.values()]
        assert [party.returncode for party in parties.values()] == [0, 0, 0], told
    finally:
        for party in parties.values():
            party.kill()
            party.wait()


def test_three_hosts_with_lines_of_10_mbit(
    mesh: Hosts, plan: Path, right: dict[str, bytes]
) -> None:
    finish(started(mesh, plan))
    assert studies.tables(plan.parent / "out") == right


def test_a_cable_that_is_pulled_and_put_back(
    mesh: Hosts, plan: Path, right: dict[str, bytes]
) -> None:
    """Nobody is told that a connection ended: all find out, wait, and go on."""
    mesh.cut("C")
    parties = started(mesh, plan)
    for name in "AB":
        while not open_ports(mesh, name):
            assert parties[name].poll() is None
    mesh.mend("C")
    pulls = 0

    def pull() -> None:
        nonlocal pulls
        while not done.wait(0.7):
            mesh.cut("C")
            pulls += 1
            done.wait(1.5 * NOTICED / 1000)
            mesh.mend("C")

    done = threading.Event()
    puller = threading.Thread(target=pull)
    puller.start()
    try:
        finish(parties)
    finally:
        done.set()
        puller.join()
    assert pulls > 0
    assert studies.tables(plan.parent / "out") == right


def test_the_demonstration_by_way_of_a_relay(tmp_path: Path) -> None:
    result = command("demo", "--namespaces", "--out", tmp_path / "demo")
    assert result.exit_code == 0, result.output
    said = [line.split() for line in result.output.splitlines()]
    ports = {words[0]: words[1] for words in said if words and words[0] in {*NAMES, MIDDLE}}
    assert [words for words in said if len(words) == 2 and words[1] in {"none", "443"}] == [
        ["A", "none"],
        ["B", "none"],
        ["C", "none"],
        [MIDDLE, "443"],
    ], ports
    differences = [line.rpartition(" ")[2] for line in result.output.splitlines() if " --" in line]
    assert differences == ["0"] * 8


def test_hosts_behind_a_relay_do_not_reach_each_other() -> None:
    with hosts(NAMES, mbit=10, joined=False) as there:
        connect = "import socket, sys; socket.create_connection((sys.argv[1], 9), 1)"

        def tried(host: str) -> str:
            words = there.command("A", "python3", "-c", connect, there.addresses[host])
            return subprocess.run(words, capture_output=True, text=True, check=False).stderr

        assert "refused" in tried(MIDDLE)  # nobody listens, and it was asked
        assert "refused" not in tried("B")
        assert "Error" in tried("B")


def test_nothing_of_the_hosts_is_left() -> None:
    def there_are() -> str:
        return subprocess.run(
            ["ip", "netns", "list"], capture_output=True, text=True, check=True
        ).stdout

    own = f"mpcgen-{os.getpid()}-"
    with pytest.raises(NoHosts, match="tbf"), hosts(NAMES, mbit=0, joined=True):
        pass
    assert own not in there_are()
