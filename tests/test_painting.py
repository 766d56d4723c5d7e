"""The process that draws: it draws, it can be lost, and nothing is left of it."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mpcgen.parties import painting as module
from mpcgen.parties.local import run_as_processes
from mpcgen.parties.painting import Painter, draw_here, painting
from mpcgen.report.layouts import Plot
from mpcgen.report.plots import quantiles

SCORE = -np.log10((np.arange(100) + 0.5) / 100)
NAMES = ("one", "two")


def plot(folder: Path, name: str) -> Plot:
    return Plot(folder / name, "A plot", quantiles(SCORE, 1.0))


def painters(parent: int) -> list[int]:
    """The painters that a process has started and that still live."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            state, ppid = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if b"mpcgen.report.painter" in words and int(ppid) == parent and state != "Z":
            found.append(int(folder.name))
    return found


def assert_drawn(folder: Path) -> None:
    """Both plots stand there, with the bytes that this process writes."""
    draw_here(plot(folder, "here"))
    for kind in ("png", "svg"):
        here = (folder / f"here.{kind}").read_bytes()
        assert [(folder / f"{name}.{kind}").read_bytes() for name in NAMES] == [here, here]
    assert len(list(folder.iterdir())) == 6


@pytest.fixture
def not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_plot: Plot) -> None:
        raise AssertionError("drawn in the process that asks")

    monkeypatch.setattr(module, "draw_here", refuse)


def test_another_process_draws(tmp_path: Path, not_here: None) -> None:
    with painting() as drawing:
        assert isinstance(drawing, Painter)
        for name in NAMES:
            drawing.draw(plot(tmp_path, name))
        assert len(painters(os.getpid())) == 1
    assert painters(os.getpid()) == []
    assert_drawn(tmp_path)


def test_a_forked_process_may_ask(tmp_path: Path, not_here: None) -> None:
    with painting() as drawing:
        assert drawing is not None
        for name in NAMES:
            run_as_processes({"A": partial(drawing.draw, plot(tmp_path, name))})
    assert_drawn(tmp_path)


def test_it_is_lost(tmp_path: Path) -> None:
    with painting() as drawing:
        assert drawing is not None
        drawing.draw(plot(tmp_path, "one"))
        (process,) = painters(os.getpid())
        os.kill(process, signal.SIGKILL)
        drawing.draw(plot(tmp_path, "two"))
    assert_drawn(tmp_path)


def test_an_error_is_met_by_who_asks(tmp_path: Path) -> None:
    with painting() as drawing:
        assert drawing is not None
        with pytest.raises(FileNotFoundError, match="nowhere"):
            drawing.draw(plot(tmp_path / "nowhere", "one"))


ORPHAN = """
import os, signal
from mpcgen.parties.painting import painting
with painting():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_ends_with_who_started_it() -> None:
    """Its standard output stays open for as long as it lives."""
    words = [sys.executable, "-c", ORPHAN]
    done = subprocess.run(words, stdout=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL


def test_the_current_folder_is_not_imported_from(
    tmp_path: Path, not_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, out = tmp_path / "here", tmp_path / "out"
    here.mkdir()
    out.mkdir()
    (here / "numbers.py").write_text("raise SystemExit('imported from the current folder')\n")
    monkeypatch.chdir(here)
    with painting() as drawing:
        assert drawing is not None
        for name in NAMES:
            drawing.draw(plot(out, name))
    assert_drawn(out)


def test_where_no_process_starts_none_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with painting() as drawing:
        assert drawing is None


def test_nothing_temporary_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder of its own to write to, matplotlib makes a temporary one."""
    out, temporary, void = tmp_path / "out", tmp_path / "temporary", tmp_path / "void"
    out.mkdir()
    temporary.mkdir()
    void.touch()
    monkeypatch.setattr(module, "TO_END", 60)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("MPLCONFIGDIR", str(void))
    with painting() as drawing:
        assert drawing is not None
        drawing.draw(plot(out, "one"))
        assert list(temporary.iterdir())
    assert not list(temporary.iterdir())


def test_what_cannot_draw_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('broken')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with painting() as drawing:
        assert drawing is not None
        for name in NAMES:
            drawing.draw(plot(tmp_path, name))
    assert (tmp_path / "two.png").exists()
    assert capfd.readouterr().err == ""


def test_none_is_wanted() -> None:
    with painting(False) as drawing:
        assert drawing is None
        assert painters(os.getpid()) == []


def test_it_imports_nothing_but_what_draws() -> None:
    code = (
        "import sys, mpcgen.parties.painting; assert 'numpy' not in sys.modules;"
        "import mpcgen.report.painter, mpcgen.report.drawing;"
        "print(*{'pyarrow', 'numba'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
