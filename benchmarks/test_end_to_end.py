"""Whole runs as whole processes, warm caches, beside PLINK on the pooled file in the same run.

The cohort comes from `mpcgen simulate` (three institutions of equal size, 22 chromosomes). PLINK's
two commands are timed together: one run of mpcgen gives both results. Peak memory is that of the
largest process, in megabytes, its mapped files included.
"""

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mpcgen.demo.prepare import ABOUT
from mpcgen.genome.sites import read_sites
from mpcgen.net.keys import create
from mpcgen.net.ports import free_ports
from mpcgen.simulate import simulate_cohort
from mpcgen.study.plan import Institution
from mpcgen.study.write import NO_FLOORS, plan_text

CACHE = Path(__file__).parents[1] / ".cache" / "benchmarks"
Size = tuple[int, int]
sizes = pytest.mark.parametrize(
    "size", [(30_000, 100_000), (100_000, 200_000)], ids=lambda s: f"N{s[0]}-m{s[1]}"
)
medium = pytest.mark.parametrize("size", [(30_000, 100_000)], ids=lambda s: f"N{s[0]}-m{s[1]}")

FREQUENCY_AND_ALLELIC = """
[[entries]]
statistic = "frequency"

[[entries]]
statistic = "association"
tests = ["allelic"]
"""
LINKAGE = """
[[entries]]
statistic = "linkage"
window = 50
kb = 1000
min_r2 = 0.2
"""
TOGETHER = 'consent = ["pairs together"]\n'


def cohort(size: Size) -> Path:
    """A simulated cohort, made once."""
    folder = CACHE / f"cohort-N{size[0]}-m{size[1]}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        simulate_cohort(folder, people=size[0], variants=size[1], seed=7)
        (folder / "done").touch()
    return folder


def plan(size: Size, entries: str, release: str = NO_FLOORS) -> Path:
    """A plan over the cohort, with fresh keys; PLINK, too, withholds nothing."""
    folder = cohort(size)
    study = CACHE / "study"
    shutil.rmtree(study, ignore_errors=True)
    study.mkdir(parents=True)
    institutions = []
    for name, port in zip("ABC", free_ports(3), strict=True):
        key = create(study / f"{name}.key").public
        institutions.append(Institution(name, f"127.0.0.1:{port}", key, size[0]))
        (study / f"{name}.toml").write_text(
            f'name = "{name}"\n[data]\nbfile = "{folder / name}"\nbuild = "GRCh38"\n'
            f'[key]\nfile = "{name}.key"\n'
        )
    shutil.copy(folder / "sites.tsv", study)
    sha256 = read_sites(study / "sites.tsv").sha256
    path = study / "plan.toml"
    path.write_text(plan_text(ABOUT, "sites.tsv", sha256, institutions, entries, release))
    return path


def time_runs(
    benchmark: Any, rounds: int, *commands: list[str], before: Callable[[], None]
) -> None:
    def run() -> None:
        for command in commands:
            subprocess.run(
                command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

    warm = 1 if rounds > 1 else 0
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    benchmark.pedantic(run, setup=before, rounds=rounds, warmup_rounds=warm)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
    benchmark.extra_info["CPU seconds a run"] = round(cpu / (rounds + warm), 2)
    benchmark.extra_info["peak MB of any process so far"] = round(ended.ru_maxrss / 1024)


def time_mpcgen(benchmark: Any, path: Path, rounds: int, *options: str) -> None:
    out = path.with_name("results")
    command = [sys.executable, "-m", "mpcgen", "run", str(path), "--local", str(path.parent)]
    time_runs(
        benchmark,
        rounds,
        [*command, "--out", str(out), *options],
        before=lambda: shutil.rmtree(out, ignore_errors=True),
    )


def time_plink(benchmark: Any, size: Size, rounds: int, *tasks: list[str]) -> None:
    program = shutil.which("plink1.9")
    if program is None:
        pytest.skip("plink1.9 is missing")
    common = [program, "--bfile", str(cohort(size) / "pooled"), "--keep-allele-order"]
    commands = [[*common, "--allow-no-sex", *task, "--out", str(CACHE / "plink")] for task in tasks]
    time_runs(benchmark, rounds, *commands, before=lambda: None)


@sizes
def test_frequency_and_allelic(benchmark: Any, size: Size) -> None:
    time_mpcgen(benchmark, plan(size, FREQUENCY_AND_ALLELIC), 5 if size[0] < 50_000 else 3)


@sizes
def test_frequency_and_allelic_with_floors(benchmark: Any, size: Size) -> None:
    """The default floors, decided on shares at every variant."""
    path = plan(size, FREQUENCY_AND_ALLELIC, release="")
    time_mpcgen(benchmark, path, 5 if size[0] < 50_000 else 3)


@sizes
def test_frequency_and_allelic_without_plots(benchmark: Any, size: Size) -> None:
    path = plan(size, FREQUENCY_AND_ALLELIC)
    time_mpcgen(benchmark, path, 5 if size[0] < 50_000 else 3, "--no-plots")


@sizes
def test_frequency_and_allelic_by_plink(benchmark: Any, size: Size) -> None:
    time_plink(benchmark, size, 5 if size[0] < 50_000 else 3, ["--freq", "counts"], ["--assoc"])


@medium
def test_linkage_window_50(benchmark: Any, size: Size) -> None:
    time_mpcgen(benchmark, plan(size, LINKAGE), 3)


@medium
def test_linkage_window_50_with_floors(benchmark: Any, size: Size) -> None:
    """Default floors at every variant and every pair."""
    time_mpcgen(benchmark, plan(size, LINKAGE, release=TOGETHER), 1)


@medium
def test_linkage_window_50_by_plink(benchmark: Any, size: Size) -> None:
    time_plink(benchmark, size, 1, ["--r2", "--ld-window", "50"])


def test_start_up(benchmark: Any) -> None:
    """The interpreter, and all that a party imports before it reads anything."""
    code = "import mpcgen.parties.run, mpcgen.net.zeromq"
    time_runs(benchmark, 5, [sys.executable, "-c", code], before=lambda: None)
