"""The rows of a benchmark: as text while they come, then as a TSV and a plot."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mpcgen import __version__
from mpcgen.bench.trial import Found
from mpcgen.report.layouts import Dots, Plot
from mpcgen.report.tables import write_table

NAME = "bench"
MEGABYTE = 1e6
COLUMNS = {  # name in the TSV -> width as text
    "TASK": 5, "ENGINE": 16, "PARTIES": 8, "SIZE": 9, "NETWORK": 9, "WALL_S": 9, "CPU_S": 9,
    "SENT_MB": 9, "ROUNDS": 7, "PEAK_MB": 8, "ACCURACY": 0,
}  # fmt: skip
PANELS = {"WALL_S": "wall, s", "CPU_S": "CPU of all parties, s", "SENT_MB": "sent by all, MB"}
_MISSING = "NA"


@dataclass(frozen=True)
class Row:
    """One engine's trial of a task.

    Attributes:
        found: what it took, or why there is nothing.
    """

    task: str
    engine: str
    units: int
    network: str
    found: Found | str
    failed: bool = False

    def values(self) -> dict[str, str | float | int | None]:
        """Its columns; None where nothing was measured."""
        found = self.found
        first: dict[str, str | float | int | None]
        first = {"TASK": self.task, "ENGINE": self.engine, "PARTIES": None, "SIZE": self.units}
        first |= {"NETWORK": self.network}
        if isinstance(found, str):
            return first | dict.fromkeys(list(COLUMNS)[5:-1]) | {"ACCURACY": found}
        return first | {
            "PARTIES": found.parties,
            "WALL_S": found.wall,
            "CPU_S": found.cpu,
            "SENT_MB": found.sent / MEGABYTE,
            "ROUNDS": found.rounds,
            "PEAK_MB": found.peak / MEGABYTE or None,
            "ACCURACY": found.accuracy,
        }

    def text(self) -> str:
        """Its columns as a line of text; numbers with four digits."""
        return _line([_text(value) for value in self.values().values()])


def heading() -> str:
    """The names of the columns, as `Row.text` has them."""
    return _line(list(COLUMNS))


def _line(words: Sequence[str]) -> str:
    sized = zip(words, COLUMNS.items(), strict=True)
    return "".join(
        word.ljust(width) if name in {"TASK", "ENGINE"} else word.rjust(width)
        if width else f"  {word}" for word, (name, width) in sized
    ).rstrip()  # fmt: skip


def _text(value: str | float | int | None) -> str:
    if value is None:
        return _MISSING
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def machine() -> str:
    """Where this runs, and what: processor, cores, memory, system, versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}; "
        f"mpcgen {__version__}, Python {platform.python_version()}, NumPy {np.__version__}"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def write(rows: Sequence[Row], folder: Path) -> None:
    """Write bench.tsv; each line has the machine too, so that tables of several can be joined."""
    columns: dict[str, list[object]] = {name: [] for name in COLUMNS}
    for row in rows:
        for name, value in row.values().items():
            columns[name].append(_text(value) if name in {"PARTIES", "ROUNDS"} else value)
    table = {n: _floats(c) if n.endswith(("_S", "_MB")) else c for n, c in columns.items()}
    write_table(folder / f"{NAME}.tsv", table | {"MACHINE": [machine()] * len(rows)})


def _floats(values: Sequence[object]) -> object:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def chart(rows: Sequence[Row], folder: Path) -> Plot:
    """Wall and CPU seconds and megabytes, one line for each task, size and network."""
    measured = [row for row in rows if isinstance(row.found, Found)]
    lines = list(dict.fromkeys(_place(row) for row in measured))
    engines = list(dict.fromkeys(row.engine for row in measured))
    values = np.full((len(PANELS), len(lines), len(engines)), np.nan)
    for row in measured:
        numbers = row.values()
        at = lines.index(_place(row)), engines.index(row.engine)
        values[(slice(None), *at)] = [numbers[name] or np.nan for name in PANELS]
    panels = tuple(PANELS.values())
    return Plot(folder / NAME, machine(), Dots(values, panels, tuple(lines), tuple(engines)))


def _place(row: Row) -> str:
    return f"{row.task}  {row.units:,}  {row.network}"
