"""What a plot shows, as plain arrays, and their bytes on the way to a process that draws.

mpcgen.report.plots makes these from results, and mpcgen.report.drawing puts them on paper.
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.integer]

MAP_MIN_R2 = 0.02  # weaker pairs are grey on an LD map


@dataclass(frozen=True)
class Manhattan:
    """Variants along the genome: x in [0, 1], y = -log10 p, both (m,) without undefined ones."""

    x: Floats
    y: Floats
    odd: NDArray[np.bool_]  # (m,) whether on every second chromosome
    ticks: tuple[tuple[float, str], ...]
    axis: str  # title of the x axis
    peaks: tuple[tuple[float, float, str], ...]  # x, y, name, from left to right
    threshold: float  # p of the line


@dataclass(frozen=True)
class Quantiles:
    """Sorted -log10 p of m variants; in a null study the i-th smallest p is Beta(i, m + 1 - i)."""

    observed: Floats  # (m,) falling
    lambda_gc: float | None  # None: not to be told

    @property
    def expected(self) -> Floats:
        """What a null study is expected to have: (m,) falling."""
        m = len(self.observed)
        return -np.log10((np.arange(m) + 0.5) / m)

    def band(self, points: int = 120) -> tuple[Floats, Floats, Floats]:
        """Some expected values, and where 95 % of null studies lie there: low and high, (b,)."""
        from scipy.special import betaincinv  # noqa: PLC0415

        m = len(self.observed)
        rank = np.unique(np.geomspace(1, m, points).astype(np.int64))
        low, high = (-np.log10(betaincinv(rank, m + 1 - rank, p)) for p in (0.975, 0.025))
        return -np.log10((rank - 0.5) / m), low, high


@dataclass(frozen=True)
class Triangle:
    """r2 (n, n) of n neighbouring variants above the diagonal, NaN where not listed."""

    r2: Floats
    pos: Indices  # (n,)
    names: tuple[str, ...]
    chrom: str


@dataclass(frozen=True)
class Dots:
    """Numbers (panels, rows, series) above 0, NaN where there is none, on logarithmic scales."""

    values: Floats
    panels: tuple[str, ...]  # title of each panel's scale
    rows: tuple[str, ...]
    series: tuple[str, ...]


Layout: TypeAlias = Manhattan | Quantiles | Triangle | Dots


@dataclass(frozen=True)
class Plot:
    """A layout, its title, and the files to draw: STEM.png and STEM.svg."""

    stem: Path
    title: str
    layout: Layout


def round_marks(low: float, high: float, most: int = 8) -> list[tuple[float, str]]:
    """At most so many multiples of 1, 2 or 5 times a power of ten from low to high, with names."""
    rough = max(high - low, 1e-6) / most
    power = int(np.floor(np.log10(rough)))
    factor = next(f for f in (1, 2, 5, 10) if f * 10.0**power >= rough)
    step, decimals = factor * 10.0**power, max(0, -power - (factor == 10))
    marks = step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)
    return [(float(mark), f"{mark:.{decimals}f}") for mark in marks]


def to_bytes(plot: Plot) -> bytes:
    """A plot for another process of this machine: its arrays, and the rest as JSON."""
    fields = vars(plot.layout)
    arrays = {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}
    rest = {name: value for name, value in fields.items() if name not in arrays}
    words = json.dumps([str(plot.stem), plot.title, type(plot.layout).__name__, rest])
    file, save = io.BytesIO(), cast(Any, np.savez)
    save(file, np.array(words), **arrays)
    return file.getvalue()


def from_bytes(data: bytes) -> Plot:
    """The plot behind `to_bytes`."""
    with np.load(io.BytesIO(data)) as found:
        arrays = {name: found[name] for name in found.files}
    stem, title, kind, rest = json.loads(arrays.pop("arr_0").item())
    kinds: dict[str, type[Layout]] = {c.__name__: c for c in get_args(Layout)}
    values: dict[str, Any] = arrays | {name: _frozen(value) for name, value in rest.items()}
    return Plot(Path(stem), title, kinds[kind](**values))


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
