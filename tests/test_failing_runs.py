"""Runs that fail between institutions, through the real commands: who is named, what is left."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from mpcgen.errors import MpcgenError, TransportError
from mpcgen.net import keys
from mpcgen.net.channel import Channel
from mpcgen.parties import run
from mpcgen.parties.approvals import require_approved
from mpcgen.parties.party import Consume, Session, take_part
from mpcgen.parties.results import Output
from mpcgen.parties.run import zmq_channel
from mpcgen.parties.stops import undisturbed, whole
from mpcgen.study.institution import InstitutionConfig, read_config
from mpcgen.study.load import load_study
from mpcgen.study.loop import Part
from mpcgen.study.read import read_plan
from mpcgen.study.study import Study
from tests import small, studies
from tests.small import assert_refused, assert_told, command, edit, nothing_written, start
from tests.studies import approve

Connect = Callable[[], Channel]

HANDSHAKE = {"hello", "heard"}
PATIENCE = 300.0
# CPython ends the second way with -m where the stop came, and was caught, while an import ran code
# made out of text, as dataclasses are.
STOPPED = (1, -signal.SIGINT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    small.lay_out(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Programs hear control-C even where the tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def assert_failed(
    process: subprocess.Popen[str], *words: str, status: Collection[int] = (1,)
) -> None:
    out, told = process.communicate(timeout=PATIENCE)
    assert process.returncode in status, told
    assert "results" not in out
    assert_told(told, *words)


class Observer(threading.Thread):
    """An institution in this process, which notes what it receives and how it ends."""

    def __init__(self, plan: Path, name: str):
        super().__init__()
        self.study, self.config = load_study(plan), read_config(plan.with_name(f"{name}.toml"))
        self.labels: set[str] = set()
        self.error: MpcgenError | None = None
        self.start()

    def run(self) -> None:
        try:
            approvals = partial(require_approved, self.study.plan)
            take_part(self.study, self.config, self._channel, self._consume, approvals=approvals)
        except MpcgenError as error:
            self.error = error

    def _consume(self, parts: Iterator[Part], _people: object) -> None:
        for _part in parts:
            pass

    def _channel(self) -> Channel:
        channel = zmq_channel(self.study, self.config, absence=0.0)
        channel.on_message = self._note
        return channel

    def _note(self, way: str, _peer: str, label: str, _counter: int, _length: int) -> None:
        if way == "received":
            self.labels.add(label)


def observe(plan: Path, *names: str) -> list[Observer]:
    return [Observer(plan, name) for name in names]


def ended(observers: Sequence[Observer]) -> list[Observer]:
    for observer in observers:
        observer.join(PATIENCE)
        assert not observer.is_alive()
    return list(observers)


def other_plan(folder: Path, old: str, new: str) -> Path:
    """Another plan than plan.toml, beside it."""
    other = folder / "other.toml"
    other.write_text((folder / "plan.toml").read_text())
    edit(other, old, new)
    return other


def test_plans_that_differ(folder: Path) -> None:
    other = other_plan(folder, "a trait", "another trait")
    for plan in (folder / "plan.toml", other):
        approve(plan)
    with nothing_written(folder):
        a = start(folder / "plan.toml", "A")
        b, c = ended([*observe(folder / "plan.toml", "B"), *observe(other, "C")])
        mine, theirs = (read_plan(plan).sha256 for plan in (folder / "plan.toml", other))
        assert_failed(a, "the plan's SHA-256 differs", f"A has '{mine}'", f"C has '{theirs}'")
    assert "differs" in str(b.error)
    assert "differs" in str(c.error)
    assert b.labels | c.labels <= HANDSHAKE


def test_a_peer_with_another_key(folder: Path) -> None:
    plan = folder / "plan.toml"
    edit(plan, "connect_seconds = 300", "connect_seconds = 3")
    pinned = read_plan(plan).institution("C").key
    (folder / "C.key").unlink()
    other = other_plan(folder, pinned, keys.create(folder / "C.key").public)
    for each in (plan, other):
        approve(each)
    with nothing_written(folder):
        a = start(plan, "A")
        b, c = ended([*observe(plan, "B"), *observe(other, "C")])
        assert_failed(a, "C ", " come")
    assert_told(str(b.error), "C ", " come")
    assert isinstance(c.error, TransportError)
    assert_told(str(c.error), "refuses the key of C: the public key in")
    assert b.labels | c.labels == set()


def test_an_institution_that_never_comes(folder: Path) -> None:
    plan = folder / "plan.toml"
    edit(plan, "connect_seconds = 300", "connect_seconds = 3")
    address = read_plan(plan).institution("C").address
    approve(plan)
    with nothing_written(folder):
        a = start(plan, "A")
        (b,) = ended(observe(plan, "B"))
        assert_failed(a, *(absent := ("C ", f"nobody listens at {address}")))
    assert_told(str(b.error), *absent)  # one of them gives up first, and the other with it
    assert b.labels == set()


def test_a_port_that_is_taken(folder: Path) -> None:
    plan = folder / "plan.toml"
    address = read_plan(plan).institution("A").address
    host, _, port = address.rpartition(":")
    approve(plan)
    with socket.create_server((host, int(port))), nothing_written(folder):
        result = command("run", plan, "--as", "A", "--config", folder / "A.toml")
    assert_refused(result, f"A cannot listen at {address}", "another port in the plan")


@pytest.mark.parametrize(("code", "missing"), [(1, "cases"), (2, "controls")])
def test_a_joint_total_without_a_group(folder: Path, code: int, missing: str) -> None:
    for name in small.NAMES:
        lines = (folder / f"{name}.fam").read_text().splitlines()
        (folder / f"{name}.fam").write_text("".join(f"{line[:-1]}{code}\n" for line in lines))
    plan = folder / "plan.toml"
    approve(plan)
    with nothing_written(folder):
        a = start(plan, "A")
        b, c = ended(observe(plan, "B", "C"))
        assert_failed(a, f"there are no {missing} at any institution")
    assert missing in str(b.error)
    assert missing in str(c.error)
    opened = {label for label in b.labels | c.labels if "variants" in label}
    assert opened == set()


def test_kill_9_in_mid_run(folder: Path) -> None:
    """The others stop long before their time-out and say whom they lost."""
    plan = folder / "plan.toml"
    edit(plan, "timeout_seconds = 300", "timeout_seconds = 600")
    approve(plan)
    with nothing_written(folder):
        a, b = start(plan, "A"), start(plan, "B")
        with stalling(folder, "C") as c:
            os.kill(c.pid, signal.SIGKILL)
            assert_failed(a, "C was lost in the middle of the session")
            assert_failed(b, "C was lost in the middle of the session")


STALL = """
import sys, time
from pathlib import Path
from mpcgen.parties.approvals import require_approved
from mpcgen.parties.party import take_part
from mpcgen.parties.run import config_of, zmq_channel
from mpcgen.study.load import load_study

plan, name = Path(sys.argv[1]), sys.argv[2]
study, config = load_study(plan), config_of(name, plan.with_name(name + ".toml"))

def stall(parts, people):
    next(parts)
    print("in mid-run", flush=True)
    time.sleep(600)

approvals = lambda: require_approved(study.plan)
connect = lambda: zmq_channel(study, config, absence=0.0)
take_part(study, config, connect, stall, approvals=approvals)
"""


@contextmanager
def stalling(folder: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """A party that stops in the middle of a session, still connected."""
    words = [sys.executable, "-c", STALL, str(folder / "plan.toml"), name]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "in mid-run\n"
            yield process
        finally:
            process.kill()


AT = """
import importlib, os, sys, time
from mpcgen.cli import main

what, module, owner, method = sys.argv.pop(1), *sys.argv.pop(1).split()
ways = {"dies": lambda *_: os.kill(os.getpid(), 9), "falls silent": lambda *_: time.sleep(600)}
setattr(getattr(importlib.import_module(module), owner), method, ways[what])
main()
"""
DEALT = studies.Rules("additive", ("A", "B", "C"), release="", dealer="D")
SEALED = studies.Rules("paillier", ("A", "C"), key_bits=2048)
DEALS = "mpcgen.protocols.dealer Dealer _reshare"
DECRYPTS = "mpcgen.protocols.aggregated Aggregated _open"
ROLES = {  # how the role goes, its rules, who has it, where that happens
    "a dealer dies": ("dies", DEALT, "D", DEALS),
    "a dealer falls silent": ("falls silent", DEALT, "D", DEALS),
    "a key holder dies": ("dies", SEALED, "C", DECRYPTS),
    "a key holder falls silent": ("falls silent", SEALED, "C", DECRYPTS),
    "an aggregator dies": ("dies", SEALED, "A", DECRYPTS),
}


@pytest.mark.parametrize("what", ROLES)
def test_somebody_with_a_role_goes(
    what: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """All others stop and leave nothing; who waited for it names it."""
    how, rules, who, where = ROLES[what]
    names = (*small.NAMES, "D") if rules.dealer else small.NAMES
    plan = small.lay_out(tmp_path, studies.OF_ALL, rules, names)
    edit(plan, "timeout_seconds = 300", "timeout_seconds = 3")
    approve(plan)
    words = ["run", plan, "--as", who, "--config", tmp_path / f"{who}.toml"]
    words += ["--out", tmp_path_factory.mktemp("gone") / "out"]
    with nothing_written(tmp_path):
        others = [start(plan, name) for name in names if name != who]
        gone = subprocess.Popen(
            [sys.executable, "-c", AT, how, where, *map(str, words)], start_new_session=True
        )
        try:
            told = [other.communicate(timeout=PATIENCE)[1] for other in others]
            assert all(other.returncode == 1 for other in others), told
        finally:
            gone.kill()
            gone.wait()
    for text in told:
        assert_told(text, "mpcgen: ")
    lines = [line for text in told for line in text.splitlines()]
    assert any(re.match(rf"(mpcgen: |. was waiting for ){who} ?", line) for line in lines), told


def test_kill_9_of_one_of_a_rehearsal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing is left of any institution, its own drafts included."""

    def until_killed(
        study: Study, config: InstitutionConfig, connect: Connect, consume: Consume, **_: object
    ) -> Session:
        def die(parts: Iterator[Part], _people: object) -> None:
            next(parts)
            os.kill(os.getpid(), signal.SIGKILL)

        return take_part(study, config, connect, die if config.name == "C" else consume)

    monkeypatch.setattr(run, "take_part", until_killed)
    study = load_study(folder / "plan.toml")
    configs = {name: folder / f"{name}.toml" for name in small.NAMES}
    outputs = {name: Output(folder / "out" / name, plots=False) for name in small.NAMES}
    with nothing_written(folder), pytest.raises(MpcgenError, match=r"at C \(.*signal 9\)"):
        run.run_local(study, configs, outputs)
    told = capfd.readouterr().err
    assert_told(told, "A: C was lost", "B: C was lost")


def test_a_rehearsal_names_who_stopped_it(folder: Path) -> None:
    plan = folder / "plan.toml"
    edit(folder / "B.fam", "B3\tB3", "B1\tB1")
    with nothing_written(folder):
        words = ["run", plan, "--local", folder, "--each", "--out", folder / "a" / "b"]
        rehearsal = subprocess.run(
            [sys.executable, "-m", "mpcgen", *map(str, words)],
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
    assert rehearsal.returncode == 1
    told = "B.fam, line 4: the sample B1 B1 stands on line 2 already"
    assert_told(rehearsal.stderr, told, "mpcgen: the study stopped at B; there are no results")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_operator_stops_a_rehearsal(folder: Path, how: signal.Signals) -> None:
    """All its processes end with it; control-C in a terminal goes to every one of them."""
    plan = folder / "plan.toml"
    (folder / "C.fam").unlink()
    os.mkfifo(folder / "C.fam")  # C waits for somebody to write, and A and B for C
    words = [sys.executable, "-m", "mpcgen", "run", str(plan), "--local", str(folder)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as rehearsal:
        while len(members := group(rehearsal.pid)) < 4:
            assert rehearsal.poll() is None
            time.sleep(0.05)
        os.killpg(rehearsal.pid, how)
        assert_failed(rehearsal, "Aborted!", status=STOPPED)
    for process in members:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    assert not list(folder.glob(".*"))


def test_a_stop_waits_until_all_are_forked() -> None:
    """Also one that another thread takes, whatever this one's mask: Python ends the main thread."""
    done = threading.Event()
    reached: list[int] = []

    def fork() -> None:
        with undisturbed():
            os.kill(os.getpid(), signal.SIGINT)
            reached.extend(range(10_000))

    other = threading.Thread(target=done.wait)
    other.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            fork()
    finally:
        done.set()
        other.join()
    assert reached


def test_a_stop_waits_until_a_channel_is_whole(folder: Path) -> None:
    """ZeroMQ would wait for ever for a socket that is half made."""
    study, config = load_study(folder / "plan.toml"), read_config(folder / "A.toml")
    made: list[Channel] = []

    def connect() -> Channel:
        os.kill(os.getpid(), signal.SIGINT)
        made.append(zmq_channel(study, config, absence=0))
        return made[0]

    with pytest.raises(KeyboardInterrupt):
        whole(connect)
    (channel,) = made
    with pytest.raises(ValueError, match="the channel of A is closed"):
        channel.exchange("hello", {}, {"B": None})


def group(leader: int) -> list[int]:
    """All processes of a process group."""
    every = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [process for process in every if group_of(process) == leader]


def group_of(process: int) -> int:
    try:
        return os.getpgid(process)
    except ProcessLookupError:
        return -1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_operator_stops_a_party(folder: Path, how: signal.Signals) -> None:
    approve(folder / "plan.toml")
    with nothing_written(folder):
        a = start(folder / "plan.toml", "A")
        while not list(folder.glob(".*")):  # until it has begun
            assert a.poll() is None
            time.sleep(0.05)
        a.send_signal(how)
        assert_failed(a, "Aborted!", status=STOPPED)


def test_two_results_of_one_name(folder: Path) -> None:
    """The later one is refused, and the earlier one stays."""
    result = command("run", folder / "plan.toml", "--local", folder, "--no-plots")
    assert result.exit_code == 0, result.output
    with nothing_written(folder):
        again = command("run", folder / "plan.toml", "--local", folder, "--no-plots")
    assert_refused(again, "plan-results: results exist already; name another folder")
