"""Compiled kernels: kept, loaded without Numba, and called with nothing but what they take."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mpcgen import compiler, jit
from mpcgen.compiler import NUMBER, kernel, reads, writes
from tests import terminals

TINY = """
import numpy as np
from mpcgen.compiler import NUMBER, kernel, reads, writes

@kernel(reads(np.int8, 2), NUMBER, writes(np.float64, 1))
def add_rows(x, factor, sums):
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            sums[i] += factor * x[i, j]
"""
RUN = """
import sys, numpy as np
from mpcgen.jit import load

sums = np.ones(2)
load("tiny_loops").add_rows(np.array([[1, 2, 3], [4, 5, -6]], np.int8), 10, sums)
print(sums.tolist(), "compiled" if "numba" in sys.modules else "kept")
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny_loops.py").write_text(TINY)
    return folder


def started(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A new interpreter that has run the kernel of the folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder)} | environment
    run = [sys.executable, "-c", RUN]
    return subprocess.run(run, env=environment, capture_output=True, text=True, check=True)


def start(folder: Path, cache: Path) -> str:
    """What a new interpreter prints that runs the kernel of the folder."""
    return started(folder, XDG_CACHE_HOME=str(cache)).stdout.strip()


def test_code_is_compiled_once_and_again_where_it_was_damaged(tiny: Path, tmp_path: Path) -> None:
    assert start(tiny, tmp_path) == "[61.0, 31.0] compiled"
    assert start(tiny, tmp_path) == "[61.0, 31.0] kept"
    (kept,) = (tmp_path / "mpcgen").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1])
    assert start(tiny, tmp_path) == "[61.0, 31.0] compiled"
    assert start(tiny, tmp_path) == "[61.0, 31.0] kept"


def test_only_what_this_user_alone_may_write_is_run(tiny: Path, tmp_path: Path) -> None:
    assert start(tiny, tmp_path) == "[61.0, 31.0] compiled"
    (kept,) = (tmp_path / "mpcgen").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    for mode in (0o620, 0o602):
        kept.chmod(mode)
        assert start(tiny, tmp_path) == "[61.0, 31.0] compiled"
        assert kept.stat().st_mode & 0o777 == 0o600
    elsewhere = kept.rename(tmp_path / "elsewhere")
    kept.symlink_to(elsewhere)
    assert start(tiny, tmp_path) == "[61.0, 31.0] compiled"
    assert not kept.is_symlink()
    assert start(tiny, tmp_path) == "[61.0, 31.0] kept"


def test_what_another_user_owns_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jit._write(tmp_path / "code", b"code")
    assert jit._read(tmp_path / "code") == b"code"
    monkeypatch.setattr(os, "geteuid", lambda: (tmp_path / "code").stat().st_uid + 1)
    assert jit._read(tmp_path / "code") is None


def test_who_starts_slowly_is_told_so_once(tiny: Path) -> None:
    done = started(tiny, XDG_CACHE_HOME=str(tiny / "tiny_loops.py"))
    assert done.stdout == "[61.0, 31.0] compiled\n"
    assert done.stderr.count("mpcgen: compiled code cannot be kept") == 1
    assert len(done.stderr.splitlines()) == 1


def test_who_watches_is_told_what_is_waited_for(tiny: Path, tmp_path: Path) -> None:
    for words in ("mpcgen: compiling its kernels for this machine, once\n", ""):
        with terminals.opened() as (slave, terminal):
            environment = {**os.environ, "PYTHONPATH": str(tiny), "XDG_CACHE_HOME": str(tmp_path)}
            subprocess.run([sys.executable, "-c", RUN], env=environment, stderr=slave, check=True)
        assert terminal.shown() == words


def test_where_code_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for void in ("", "relative/folder"):
        monkeypatch.setenv("XDG_CACHE_HOME", void)
        assert jit._folder() == tmp_path / ".cache" / "mpcgen"

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert jit._folder() is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jit._folder() == tmp_path / "mpcgen"


def test_another_numba_makes_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    before = jit._made_of("mpcgen.ring_loops")
    monkeypatch.setattr(jit, "version", lambda _package: "0.0")
    assert jit._made_of("mpcgen.ring_loops") != before


@pytest.fixture(scope="module")
def loops(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Loaded where nothing can be kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tiny)
        patch.setenv("XDG_CACHE_HOME", str(tiny / "tiny_loops.py"))
        return jit.load("tiny_loops")


X = np.array([[1, 2, 3], [4, 5, -6]], np.int8)


def test_code_that_cannot_be_kept_runs(loops: SimpleNamespace) -> None:
    sums = np.zeros(2)
    loops.add_rows(X, np.int64(2), sums)
    assert sums.tolist() == [12, 6]


@pytest.mark.parametrize(
    ("x", "factor", "sums"),
    [
        (X.astype(np.uint8), 1, np.zeros(2)),
        (X.T, 1, np.zeros(3)),
        (X[0], 1, np.zeros(2)),
        (X, 1.0, np.zeros(2)),
        (X, 1, np.zeros(4)[::2]),
        (X, 1, np.frombuffer(bytes(16))),
    ],
)
def test_a_kernel_takes_only_what_it_was_compiled_for(
    loops: SimpleNamespace, x: npt.NDArray[Any], factor: Any, sums: npt.NDArray[Any]
) -> None:
    with pytest.raises(TypeError):
        loops.add_rows(x, factor, sums)


def test_a_kernel_takes_all_its_arguments(loops: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match="shorter"):
        loops.add_rows(X, 1)


def _allocates(x: npt.NDArray[Any], _n: int, sums: npt.NDArray[Any]) -> None:
    room = np.zeros(len(x))
    for i in range(len(x)):
        room[x[i] & 3] += 1.0
    sums[0] = room[0]


def _raises(x: npt.NDArray[Any], n: int, sums: npt.NDArray[Any]) -> None:
    for i in range(0, len(x), n):
        sums[i] += x[i]


@pytest.mark.parametrize("function", [_allocates, _raises])
def test_a_kernel_that_needs_numba_when_it_runs_is_refused(function: Any) -> None:
    module: Any = ModuleType("wrong_loops")
    module.wrong = kernel(reads(np.int64, 1), NUMBER, writes(np.float64, 1))(function)
    with pytest.raises(TypeError, match="kernel wrong may neither allocate nor raise"):
        compiler.compiled(module, jit.target_machine())
