"""The parts of a resident party: status files, folders, logs, children and pauses."""

import json
import os
import stat
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from mpcgen.parties import resident_child, resident_log
from mpcgen.parties.resident_child import Child
from mpcgen.parties.resident_folder import StudyFolder, studies_in
from mpcgen.parties.resident_status import State, Status, read_status, write_status
from mpcgen.parties.resident_study import FIRST_PAUSE, MOST_PAUSE, Watched, pause

STATUS = Status(State.FAILED, "t1d", "ab" * 32, ("a", "b"), 3, "2026-11-29T08:00:00Z", "cd")


def test_a_status_file(tmp_path: Path) -> None:
    path = tmp_path / "status"
    assert read_status(path) == Status()
    write_status(path, replace(STATUS, state=State.RUNNING))
    write_status(path, STATUS)
    assert read_status(path) == STATUS
    assert [file.name for file in tmp_path.iterdir()] == ["status"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", "\0", "[" * 10_000, '{"format": 1}', '{"format": 1, "state": "done"}'],
)
def test_what_is_no_status(text: str, tmp_path: Path) -> None:
    path = tmp_path / "status"
    path.write_text(text)
    assert read_status(path) == Status()


@pytest.mark.parametrize(
    ("key", "value"),
    [("state", "well"), ("attempts", "3"), ("study", None), ("because", 3), ("more", 1)],
)
def test_a_status_of_another_form(key: str, value: object, tmp_path: Path) -> None:
    path = tmp_path / "status"
    write_status(path, STATUS)
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    assert read_status(path) == Status()


def test_a_status_that_is_a_pipe_or_a_link(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_status(tmp_path / "pipe") == Status()
    write_status(tmp_path / "status", STATUS)
    (tmp_path / "link").symlink_to(tmp_path / "status")
    assert read_status(tmp_path / "link") == Status()


def test_a_folder_changes_with_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (study,) = studies_in(tmp_path)
    policy = tmp_path / "policy"
    assert study.state() == ""
    study.plan.write_text("x")
    seen = [study.state([policy])]

    def changed() -> bool:
        seen.append(study.state([policy]))
        return len(set(seen)) == len(seen)

    (study.path / "sites.tsv").write_text("x")
    assert changed()
    (study.path / "sites.tsv").write_text("xy")
    assert changed()
    (study.path / "plan-approvals" / "history").mkdir(parents=True)
    (study.path / "plan-approvals" / "A.json").write_text("x")
    assert changed()
    (study.path / "plan-approvals" / "history" / "A-1.json").write_text("x")
    assert changed()
    policy.write_text("x")
    assert changed()
    write_status(study.status, STATUS)
    study.private.write_text("x")
    (study.path / "gone").symlink_to("nothing")
    assert not changed()
    os.mkfifo(study.path / "pipe")
    assert study.state([policy]) == ""


def test_one_process_has_a_study(tmp_path: Path) -> None:
    study = StudyFolder(tmp_path)
    lock = study.lock()
    assert lock is not None
    sleep = [sys.executable, "-c", "input()"]
    with subprocess.Popen(sleep, stdin=subprocess.PIPE, pass_fds=(lock,)) as child:
        os.close(lock)
        assert study.lock() is None  # the child has it
        child.communicate(b"\n")
    again = study.lock()
    assert again is not None
    os.close(again)


def test_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "log"
    log = resident_log.log_to(file)
    log("study", study="a\nb", because=["x" * 5000], attempts=1)
    file.rename(tmp_path / "old")
    log("down")
    (row,) = map(json.loads, (tmp_path / "old").read_text().splitlines())
    assert (row["event"], row["study"], row["attempts"]) == ("study", "a\nb", 1)
    assert len(row["because"][0]) == resident_log.MAX_TEXT
    assert json.loads(file.read_text())["event"] == "down"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    resident_log.log_to(tmp_path)("elsewhere")
    assert json.loads(capsys.readouterr().err)["event"] == "elsewhere"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (b'{"state": "waiting", "study": "s", "plan": "p", "because": ["C"]}', State.WAITING),
        (b"", State.INCOMPLETE),
        (b"[]", State.INCOMPLETE),
        (b'{"state": "well", "study": "s", "plan": "p", "because": []}', State.INCOMPLETE),
    ],
)
def test_what_a_look_says(said: bytes, state: State, tmp_path: Path) -> None:
    child = looking(tmp_path, "pass")
    assert child.said is not None
    child.said.write(said)
    child.process.wait()
    assert child.ended
    assert child.found().state is state


def looking(folder: Path, code: str, deadline: float | None = None) -> Child:
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    return Child(StudyFolder(folder), process, tempfile.TemporaryFile(), deadline)


def test_a_look_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    child = looking(tmp_path, "import time; time.sleep(1000)", deadline=0.0)
    while not child.ended:
        pass
    assert child.found().state is State.INCOMPLETE


def test_a_private_file_that_is_something_else(tmp_path: Path) -> None:
    study = StudyFolder(tmp_path)
    os.mkfifo(study.private)
    with pytest.raises(OSError, match="No such device"):
        resident_child.look(study, tmp_path)


def test_a_private_file_does_not_grow(tmp_path: Path) -> None:
    study = StudyFolder(tmp_path)
    study.private.write_bytes(b"x" * (resident_child.MAX_PRIVATE + 1))
    study.private.chmod(0o644)
    child = resident_child.look(study, tmp_path / "none.toml")
    child.process.wait()
    assert child.found().state is State.INCOMPLETE
    assert study.private.stat().st_size < resident_child.MAX_PRIVATE
    assert stat.S_IMODE(study.private.stat().st_mode) == 0o600


def test_pauses() -> None:
    for attempts, most in ((1, FIRST_PAUSE), (3, 4 * FIRST_PAUSE), (50, MOST_PAUSE)):
        found = [pause(attempts) for _ in range(50)]
        assert all(most / 2 <= seconds <= most for seconds in found)
        assert len(set(found)) > 1


def test_a_finished_study_is_finished_for_good(tmp_path: Path) -> None:
    study = StudyFolder(tmp_path)
    study.plan.write_text("x")
    write_status(study.status, replace(STATUS, state=State.DONE))
    watched = Watched.of(study, lambda *_, **__: None)
    watched.see("other", "A")
    assert watched.status.state is State.DONE
    assert not watched.runs
    assert not watched.wants_look
