"""Folders that appear whole or not at all, and what killed processes leave."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mpcgen.errors import InputError
from mpcgen.report.folders import replacing_folder

HOLD = """
import os, sys, time
from pathlib import Path
from mpcgen.report.folders import replacing_folder

with replacing_folder(Path(sys.argv[1])) as draft:
    (draft / "opened").write_text("not compared yet")
    if os.fork():
        print(draft, flush=True)
    time.sleep(600)
"""


@contextmanager
def holder(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process, and one forked from it, that write to a draft of a folder, which is named."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().strip())
        finally:
            kill_all(process)


def kill_all(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    assert process.stdout is not None
    process.stdout.read()  # until the last of them has let go of it
    process.wait()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    with holder(tmp_path / "out") as (process, draft):
        kill_all(process)
        assert names(tmp_path) == {draft.name}
        with replacing_folder(tmp_path / "other"):
            assert draft.exists()
        with replacing_folder(tmp_path / "out") as own:
            assert names(tmp_path) == {own.name, "other"}
    assert names(tmp_path) == {"out", "other"}


def test_what_a_process_or_one_forked_from_it_holds_is_not(tmp_path: Path) -> None:
    with holder(tmp_path / "out") as (process, draft):
        with replacing_folder(tmp_path / "out"):
            assert (draft / "opened").exists()
        (tmp_path / "out").rmdir()
        process.kill()
        process.wait()
        with replacing_folder(tmp_path / "out"):
            assert (draft / "opened").exists()


def test_what_only_looks_like_a_draft_stays(tmp_path: Path) -> None:
    mine = {".out-abcdefgh", ".out-A-abcdefgh.draft", "out-abcdefgh.draft", ".out-abcdefg.draft"}
    for name in mine:
        (tmp_path / name).mkdir()
    (tmp_path / ".out-aaaaaaaa.draft").write_text("a file")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".out-bbbbbbbb.draft").symlink_to(tmp_path / "elsewhere")
    before = names(tmp_path)
    with replacing_folder(tmp_path / "out"):
        pass
    assert names(tmp_path) == before | {"out"}


def test_it_vanishes_on_failure_with_the_folders_made_for_it(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), replacing_folder(tmp_path / "new" / "out"):
        raise RuntimeError
    assert names(tmp_path) == set()


def test_a_folder_that_has_come_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    taken = tmp_path / "out" / "mine"
    with pytest.raises(InputError, match="cannot take this name"), replacing_folder(taken.parent):
        taken.mkdir(parents=True)
    assert names(tmp_path) == {"out"}
