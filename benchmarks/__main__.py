"""Run all benchmarks and write RESULTS.md: python -m benchmarks [pytest options]."""

import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent

# ours -> what it is held against, measured in the same run, and the goal for the ratio
RATIOS = (
    ("test_counts[{}]", "test_counts_by_plink[plink1.9-{}]", "N30000-m100000", 1.0),
    ("test_frequency_and_allelic[{}]", "test_frequency_and_allelic_by_plink[{}]",
     "N30000-m100000", 2.0),
    ("test_frequency_and_allelic_without_plots[{}]", "test_frequency_and_allelic_by_plink[{}]",
     "N30000-m100000", 2.0),
    ("test_frequency_and_allelic[{}]", "test_frequency_and_allelic_by_plink[{}]",
     "N100000-m200000", 1.0),
    ("test_frequency_and_allelic_without_plots[{}]", "test_frequency_and_allelic_by_plink[{}]",
     "N100000-m200000", 1.0),
    ("test_linkage_window_50[{}]", "test_linkage_window_50_by_plink[{}]", "N30000-m100000", 1.0),
    ("test_frequency_and_allelic_with_floors[{}]", "test_frequency_and_allelic[{}]",
     "N30000-m100000", 1.5),
    ("test_frequency_and_allelic_with_floors[{}]", "test_frequency_and_allelic[{}]",
     "N100000-m200000", 1.5),
    ("test_linkage_window_50_with_floors[{}]", "test_linkage_window_50[{}]", "N30000-m100000", 1.5),
    *(
        ("test_task[replicated4-4-{}-loopback]", "test_task[replicated-3-{}-loopback]", size, 3.0)
        for size in ("T1-1000000", "T2-100000", "T3-100000", "T4-1000", "T5-100000")
    ),
)  # fmt: skip


def main(options: list[str]) -> int:
    """Run the benchmarks and write the report; pytest's exit code."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # warm: modules are compiled once
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        code = pytest.main(
            [
                str(FOLDER),
                "-o",
                "python_files=test_*.py",
                f"--benchmark-json={report}",
                "-q",
                *options,
            ]
        )
        if report.exists():
            found = json.loads(report.read_text())
            (FOLDER / "RESULTS.md").write_text("\n".join(_lines(found, options)) + "\n")
    return int(code)


def _lines(found: dict[str, Any], options: list[str]) -> Iterator[str]:
    stats = {bench["name"]: bench for bench in found["benchmarks"]}
    yield "# Measurements"
    yield ""
    yield "Written by `python -m benchmarks`, in one run. Seconds of wall time, medians."
    yield ""
    yield f"- {datetime.now(UTC):%Y-%m-%d}; {_machine(found)}"
    yield f"- Python {platform.python_version()}, " + ", ".join(
        f"{name} {version(name)}" for name in ("numpy", "numba", "pyarrow", "pyzmq")
    )
    yield f"- {_first_line('plink1.9', '--version')}; {_first_line('plink2', '--version')}"
    if options:
        yield f"- not all: `{shlex.join(options)}`"
    yield ""
    yield "## Ratios"
    yield ""
    yield "| ours | s | held against | s | ratio | goal |"
    yield "|---|---|---|---|---|---|"
    for ours, theirs, size, goal in RATIOS:
        a, b = stats.get(ours.format(size)), stats.get(theirs.format(size))
        if a and b:
            x, y = a["stats"]["median"], b["stats"]["median"]
            names = f"{ours.format(size)} | {x:.2f} | {theirs.format(size)}"
            yield f"| {names} | {y:.2f} | {x / y:.2f} | {goal:g} |"
    yield ""
    yield "## All"
    yield ""
    yield "| benchmark | min | median | max | rounds | |"
    yield "|---|---|---|---|---|---|"
    for name, bench in stats.items():
        s = bench["stats"]
        extra = ", ".join(f"{key}: {value}" for key, value in bench["extra_info"].items())
        times = " | ".join(f"{s[key]:.3g}" for key in ("min", "median", "max"))
        yield f"| {name} | {times} | {s['rounds']} | {extra} |"


def _machine(found: dict[str, Any]) -> str:
    cpu = found["machine_info"]["cpu"]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{cpu.get('brand_raw', platform.machine())}, {os.cpu_count()} cores, "
        f"{memory:.0f} GiB, {platform.system()}"
    )


def _first_line(*command: str) -> str:
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return f"{command[0]} is missing"
    return " ".join(told.split("\n", 1)[0].split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
