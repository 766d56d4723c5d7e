"""Resident parties: real processes that pick up studies, run them once, and stop when told to."""

import json
import os
import signal
import socket
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import policies, residents, small, studies
from tests.ports import free_ports
from tests.residents import Home, alive, children, serving, until
from tests.small import assert_refused, assert_told, command, edit

HALF = 200  # bytes of a plan


@pytest.fixture
def homes(tmp_path: Path) -> list[Home]:
    return residents.lay_out(tmp_path)


def asked(port: int, request: str = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n") -> Any:
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(request.encode())
        answer = b"".join(iter(lambda: line.recv(4096), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    return json.loads(body)


def litter(home: Home) -> None:
    """Put into a folder of studies what is none, or not yet."""
    for name in ("empty", ".hidden", "half", "fifo", "pipe", "folder"):
        (home.studies / name).mkdir()
    plan = home.study / "plan.toml"
    (home.studies / ".hidden" / "plan.toml").write_bytes(plan.read_bytes())
    (home.studies / "half" / "plan.toml").write_bytes(plan.read_bytes()[:HALF])
    os.mkfifo(home.studies / "fifo" / "plan.toml")
    (home.studies / "folder" / "plan.toml").mkdir()
    (home.studies / "file").write_text("nothing")
    (home.studies / "link").symlink_to(home.study)
    (home.studies / "pipe" / "plan.toml").write_bytes(b"\xff\x00" * 100)


def test_three_parties_take_up_a_study_when_the_last_approval_comes(
    homes: list[Home], tmp_path: Path
) -> None:
    a, b, c = homes
    (tmp_path / "never").write_text("A0 A0\n")
    policies.write(
        tmp_path / "policy",
        policies.GENERAL.replace("42", "04")
        + ('[release]\nno_floors = true\n[people]\nopt_outs = "never"\n'),
    )
    edit(a.config, "[key]", '[policy]\nfile = "../policy"\n[key]')
    litter(a)
    a.approve(b, c)
    b.approve(a, c)
    (port,) = free_ports(1)
    with ExitStack() as stack:
        served = [
            stack.enter_context(
                serving(home, *(["--health", f"127.0.0.1:{port}"] if home is a else []))
            )
            for home in homes
        ]
        until(lambda: all(home.status().get("state") == "waiting" for home in homes))
        until(lambda: a.status("half") and a.status("pipe"))
        assert_told(a.status()["because"][0], "C: no decision is here")
        assert asked(port)["studies"] == {"incomplete": 2, "waiting": 1}
        c.approve(a, b)
        until(lambda: all(home.status()["state"] == "done" for home in homes))
        assert asked(port)["studies"] == {"done": 1, "incomplete": 2}
        assert served[0].states() == ["waiting", "approved", "running", "done"]
        tables = [studies.tables(home.study / f"plan-results-{home.name}") for home in homes]
        assert tables[0]
        assert tables[0] == tables[1] == tables[2]
        for party in served:
            party.stop()
    log = served[0].file.read_text()
    assert "WARNING" not in log
    assert "never" not in log
    private = a.study / "party-private.log"
    assert_told(private.read_text(), "WARNING  A: ", "1 people opted out and are left out")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert not [path for path in a.study.iterdir() if path.name.startswith(".")]
    assert sorted(path.name for path in (a.studies / "empty").iterdir()) == []
    written = {home: (home.study / f"plan-results-{home.name}").stat() for home in homes}
    with serving(a) as again:
        until(lambda: again.events("study"))
        again.stop()
    assert "running" not in again.states()
    assert written[a] == (a.study / "plan-results-A").stat()


def test_a_plan_that_breaks_the_policy(homes: list[Home], tmp_path: Path) -> None:
    a, *others = homes
    for home in (a, *others):
        home.approve(a)
    policy = policies.write(tmp_path / "policy", policies.GENERAL)
    edit(a.config, "[key]", '[policy]\nfile = "../policy"\n[key]')
    with serving(a) as served:
        until(lambda: a.status().get("state") == "refused")
        rules = " ".join(a.status()["because"])
        assert_told(
            rules, "line 4: [use] permission: DUO:0000042", "[release] no_floors: the plan has"
        )
        assert served.events("study")[-1]["because"] == a.status()["because"]
        allowed = policies.GENERAL.replace("42", "04") + "[release]\nno_floors = true\n"
        policies.write(policy, allowed)
        until(lambda: a.status()["state"] == "running")
        (child,) = children(served.process)
        os.kill(child, signal.SIGKILL)
        until(lambda: served.states()[3:])
        assert_told(str(served.events("study")[3]["because"]), "signal 9 ended it")
        until(lambda: a.status()["state"] == "running")
        (child,) = children(served.process)
        served.stop()
        assert not alive(child)
    assert a.status()["state"] == "stopped"
    assert a.status()["attempts"] == 2
    states = ["refused", "approved", "running", "again", "running", "stopped"]
    assert served.states() == states
    assert [row["event"] for row in served.log()[-2:]] == ["study", "down"]
    assert not list(a.study.glob(".plan-results-A*"))


def test_what_fails_for_the_network_is_tried_again_and_nothing_else_is(tmp_path: Path) -> None:
    a, *others = residents.lay_out(tmp_path, connect_seconds=1)
    for home in (a, *others):
        home.approve(a)
    with serving(a) as served:
        until(lambda: a.status().get("state") == "again")
        assert_told(
            a.status()["because"][0], "the network or another party failed", "party-private"
        )
        assert a.status()["attempts"] == 1
        (tmp_path / "common" / "A.fam").write_text("nonsense\n")
        until(lambda: a.status()["state"] == "failed")
        served.stop()
    failed = a.status()
    assert_told((a.study / "party-private.log").read_text(), "did not come in 1 s", "A.fam")
    assert "A.fam" not in served.file.read_text()
    with serving(a) as served:
        until(lambda: served.events("up"))
        served.stop()
    assert a.status() == failed
    (a.study / "party-status.json").unlink()  # as the page says
    with serving(a) as served:
        until(lambda: a.status().get("state") == "failed")
        served.stop()
    assert served.states() == ["approved", "running", "failed"]


def test_one_folder_has_one_resident_party(homes: list[Home]) -> None:
    a = homes[0]
    words = ("party", "serve", "--config", a.config, "--studies", a.studies)
    with serving(a) as served:
        until(lambda: served.events("up"))
        assert_refused(command(*words), f"{a.studies}: another resident party serves this folder")
        served.stop(signal.SIGINT)
    assert_refused(command(*words[:-1], a.config), "studies are found in a folder")
    assert_refused(command(*words, "--health", "0.0.0.0:8080"), "0.0.0.0:8080 is not on loopback")
    assert_refused(command(*words, "--health", "localhost:8080"), "is not 127.0.0.1:PORT")


def test_exit_status_of_what_passes(tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path, studies.OF_ALL)
    edit(plan, "connect_seconds = 300", "connect_seconds = 1")
    studies.approve(plan)
    words = ("run", plan, "--as", "A", "--config", tmp_path / "A.toml", "--no-plots")
    assert command(*words, "--temporary").exit_code == 75
    assert command(*words).exit_code == 1
    (tmp_path / "A.fam").write_text("nonsense\n")
    assert command(*words, "--temporary").exit_code == 1
