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


def start(folder: Path, cache: Path) -> str:
    """What a new interpreter prints that runs the kernel of the folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(cache)}
    run = [sys.executable, "-c", RUN]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_code_is_compiled_once_and_again_where_it_was_damaged(tiny: Path, tmp_path: Path) -> None:
    assert start(tiny, tmp_path) == "[61.0, 31.0] compiled"
    assert start(tiny, tmp_path) == "[61.0, 31.0] kept"
    (kept,) = (tmp_path / "mpcgen").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1])
    assert start(tiny, tmp_path) == "[61.0, 31.0] compiled"
    assert start(tiny, tmp_path) == "[61.0, 31.0] kept"


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
