"""Peers: three processes in an environment of their own, measured as engines are."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.peers import peer
from benchmarks.peers.__main__ import PEERS, main
from benchmarks.peers.peer import Peer
from mpcgen import cli
from mpcgen.bench.answers import EXACT
from mpcgen.bench.networks import LOOPBACK, NETWORKS
from mpcgen.bench.tasks import SIZES, Task, task
from mpcgen.bench.trial import Found, TooSlow, TrialFailed

UNITS = 6
PARTY = """
import sys, time
sys.path.insert(0, {folder!r})
from meter import Trial
trial = Trial()
assert len(trial.addresses) == 3
sent = [0, 0]
def once():
    {once}
    sent[0] += 100 * (1 + trial.rank)
    return None if trial.rank else {opened}
trial.measure(lambda: None, once, lambda: tuple(sent))
"""


@pytest.fixture
def clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Peer:
    """A peer that computes in the open, by the Python that runs the tests."""
    (tmp_path / "clear" / "bin").mkdir(parents=True)
    (tmp_path / "clear" / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(peer, "ENVIRONMENTS", tmp_path)
    return Peer("in the open", "clear", (), tuple(SIZES))


def run(
    it: Peer, which: Task, monkeypatch: pytest.MonkeyPatch, opened: str, once: str = "pass"
) -> Found:
    script = PARTY.format(folder=str(Path(peer.__file__).parent), opened=opened, once=once)
    folder = peer.ENVIRONMENTS
    (folder / "clear_party.py").write_text(script)
    monkeypatch.setattr(peer, "FOLDER", folder)
    return it.run(which, LOOPBACK, 2, 20.0 if once == "pass" else 2.0)


CHISQ = (
    "(lambda a, b, c, d: (a + b + c + d) * (a * d - b * c) ** 2"
    " / ((a + b) * (c + d) * (a + c) * (b + d)))(*trial.total.astype(float).T)"
)
R2 = (
    "(lambda n, x, y, xx, yy, xy: (n * xy - x * y) ** 2"
    " / ((n * xx - x * x) * (n * yy - y * y)))(*trial.total.astype(float).T)"
)


@pytest.mark.parametrize(
    ("name", "opened", "error"),
    [
        ("T1", "trial.total", None),
        ("T2", CHISQ, 1e-12),
        ("T3", R2, 1e-12),
        ("T4", "trial.total.T @ trial.total", None),
        ("T5", f"{CHISQ} > 1901 / 64", None),
    ],
)
def test_what_a_peer_is_given_is_what_engines_are(
    name: str, opened: str, error: float | None, clear: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(clear, task(name, UNITS), monkeypatch, opened)
    assert found.accuracy == EXACT if error is None else float(found.accuracy) < error
    assert (found.parties, found.sent, found.rounds) == (3, 600, None)
    assert found.peak > 1e6
    assert found.wall > 0


def test_wrong_values_are_seen(clear: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(clear, task("T2", UNITS), monkeypatch, f"1.001 * {CHISQ}")
    assert float(found.accuracy) == pytest.approx(1e-3, rel=0.06)


def test_a_party_that_fails_is_told(clear: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrialFailed, match=r"in the open: .*ZeroDivisionError"):
        run(clear, task("T1", UNITS), monkeypatch, "1 // 0")


def test_a_slow_one_is_ended(clear: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooSlow, match="not done in 2 s"):
        run(clear, task("T1", UNITS), monkeypatch, "0", once="time.sleep(60)")


def test_options_are_those_of_the_command_and_one_more() -> None:
    named = [{option.name for option in command.params} for command in (cli.bench, main)]
    assert named[1] == named[0] | {"install"} != named[0]


def test_errors_are_told_in_a_line(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["--engine", "abacus", "--out", str(tmp_path / "out")])
    assert said.exit_code == 1
    assert said.output.startswith("Error: no engine is 'abacus'; one of clear, replicated, ")


def test_what_is_left_out(clear: Peer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert clear.cannot(task("T1", UNITS), LOOPBACK) == ""
    monkeypatch.setattr(peer, "ENVIRONMENTS", tmp_path / "nowhere")
    assert clear.cannot(task("T1", UNITS), LOOPBACK).startswith("is not installed: python -m ")
    sums = Peer("sums", "clear", (), ("T1",), on_lines=False)
    assert sums.cannot(task("T2", UNITS), LOOPBACK) == "does not run it"
    assert sums.cannot(task("T1", UNITS), NETWORKS["lan"]) == "cannot be reached through proxies"


@pytest.mark.parametrize("name", [each.name for each in PEERS])
def test_installed_peers(name: str) -> None:
    """The real ones, where somebody has installed them."""
    (it,) = (each for each in PEERS if each.name == name)
    which = task("T5", UNITS)  # which all of them run
    if why := it.cannot(which, LOOPBACK):
        pytest.skip(f"{name} {why}")
    assert it.run(which, LOOPBACK, 1, 60.0).accuracy == EXACT
