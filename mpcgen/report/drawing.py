"""Plots on paper, each as PNG and SVG: the only file that imports matplotlib.

The files depend on their input only: no dates, no random names. No pyplot, so no state: a Figure
and a canvas for each format. Colours are of Okabe and Ito's palette and single-hued scales, which
the colour-blind can tell apart. Dense clouds of points are thinned to what the page can show and
rasterised in the SVG.
"""

import warnings
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from mpcgen.report.files import replacing
from mpcgen.report.layouts import (
    MAP_MIN_R2,
    Dots,
    Floats,
    Manhattan,
    Plot,
    Quantiles,
    Triangle,
    round_marks,
)

DPI = 150
CELL = 2.0  # pixels in which one point of a dense cloud is enough
NAMED = 60  # variants of an LD map that have room for their names
LONGEST = 24  # letters of a name; what is longer is cut
LETTER = 0.073  # inches, of a name on an LD map
HIGH = 0.035  # a name's height in a Manhattan plot, of the axes' own
INK, GREY, PALE = "#333333", "#8a8a8a", "#d9d9d9"
DARK, LIGHT, SIGNAL = "#0b4f7d", "#6aaed6", "#d55e00"
UNLISTED, CLEAR = (239, 239, 239, 255), (255, 255, 255, 0)
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", INK, GREY)
MARKS = "osD^vP"  # of series; with the colours, no two alike among the first 24
HEAT = ("#fdf6ec", "#fdd49e", "#fc8d59", "#d7301f", "#7f0000")
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "mpcgen",
}


def draw(plot: Plot) -> list[Path]:
    """Write STEM.png and STEM.svg of a plot, whole or not at all."""
    return _save(figure(plot), plot.stem)


def figure(plot: Plot) -> Figure:
    """A plot on paper, in memory."""
    match plot.layout:
        case Manhattan():
            return _manhattan(plot.layout, plot.title)
        case Quantiles():
            return _qq(plot.layout, plot.title)
        case Triangle():
            return _ld_map(plot.layout, plot.title)
        case Dots():
            return _dot_chart(plot.layout, plot.title)


def _save(figure: Figure, stem: Path) -> list[Path]:
    png, svg = stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}.svg")
    agg, vectors = cast(Any, FigureCanvasAgg(figure)), cast(Any, FigureCanvasSVG(figure))
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # it is drawn as a box
        with replacing(png) as file:
            agg.print_png(file, metadata={"Software": None}, pil_kwargs={"compress_level": 3})
        with replacing(svg) as file:
            vectors.print_svg(file, metadata={"Date": None, "Creator": "mpcgen"})
    return [png, svg]


def _widest(r2: Floats) -> int:
    """Distance of the farthest listed pair, in variants."""
    left, right = np.nonzero(np.isfinite(r2))
    return int((right - left).max(initial=1))


def _rotated(r2: Floats, depth: float, pixels: int) -> NDArray[np.uint8]:
    """The upper triangle (n, n), its diagonal turned level, as an RGBA image; pale: not listed."""
    n, fine = len(r2), 2 * pixels
    scale = LinearSegmentedColormap.from_list("r2", HEAT)
    colours = np.full((n + 2, n + 2, 4), CLEAR, np.uint8)  # a clear rim takes what is outside
    colours[1:-1, 1:-1] = scale(np.nan_to_num(r2), bytes=True)
    colours[1:-1, 1:-1][np.isnan(r2)] = UNLISTED
    above = np.subtract.outer(np.arange(n + 2), np.arange(n + 2))
    colours[(above >= 0) | (above < 1 - 2 * depth)] = CLEAR
    x = (np.arange(fine) + 0.5) * n / fine
    y = (np.arange(2 * round(pixels * depth / n)) + 0.5) * n / fine
    i = np.clip(np.floor(x - y[:, None]) + 1, 0, n + 1).astype(np.intp)
    j = np.clip(np.floor(x + y[:, None]) + 1, 0, n + 1).astype(np.intp)
    image = colours.astype(np.uint16)[i, j]
    four = image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]
    smooth: NDArray[np.uint8] = (four // 4).astype(np.uint8)
    return smooth


def along(region: Triangle, positions: Floats) -> Floats:
    """Where base pairs (k,) stand on the x axis of an LD map: its first at 0.5, its last n - 0.5.

    In floats: a product of n and a position leaves what the positions' integers hold.
    """
    low, high = float(region.pos[0]), float(region.pos[-1])
    return 0.5 + (len(region.pos) - 1) * (positions - low) / max(high - low, 1.0)


def _megabases(axes: Axes, region: Triangle) -> None:
    """The x axis on top: positions, not the variants' numbers."""
    low, high = float(region.pos[0]), float(region.pos[-1])
    marks = round_marks(low / 1e6, high / 1e6, most=max(2, min(8, len(region.pos) // 2)))
    places = along(region, 1e6 * np.array([mark for mark, _ in marks]))
    axes.set_xticks(places, [name for _, name in marks])
    axes.set_yticks([])
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(f"Position on chromosome {region.chrom} (Mb)")
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.spines["top"].set_visible(True)


def _colour_bar(figure: Figure) -> None:
    width, height = figure.get_size_inches()
    bar = figure.add_axes((0.4 / width, 0.3 / height, 1.8 / width, 0.12 / height))
    scale = LinearSegmentedColormap.from_list("r2", HEAT)
    bar.imshow(np.linspace(0, 1, 256)[None], cmap=scale, aspect="auto", extent=(0, 1, 0, 1))
    bar.set(yticks=[], xticks=[0, 0.5, 1])
    bar.tick_params(length=2, labelsize=7.5)
    bar.spines[:].set_visible(False)
    bar.text(1.06, 0.5, "r²", va="center")
    swatch = figure.add_axes((2.8 / width, 0.3 / height, 0.12 / width, 0.12 / height))
    swatch.set(xticks=[], yticks=[], facecolor=np.array(UNLISTED) / 255)
    swatch.spines[:].set(visible=True, color=GREY, linewidth=0.5)
    words = f"grey: r² < {MAP_MIN_R2:g}, undefined or not opened"
    swatch.text(1.6, 0.5, words, va="center", size=7.5)


def thin(x: Floats, y: Floats, columns: float, rows: float) -> NDArray[np.intp]:
    """Indices of one point, the first, in every cell of a grid over x in [0, 1], y in [0, 1]."""
    wide, high = int(columns) + 1, int(rows) + 1
    cell = (x * columns).astype(np.intp) * high + (y * rows).astype(np.intp)
    first = np.full(wide * high, -1, np.intp)
    first[cell[::-1]] = np.arange(len(cell))[::-1]
    return np.sort(first[first >= 0])


def _axes(
    size: tuple[float, float], box: tuple[float, float, float, float], title: str
) -> tuple[Figure, Axes]:
    """A new figure with axes at `box`, inches from the left, bottom, right and top edge."""
    (width, height), (left, bottom, right, top) = size, box
    figure = Figure(figsize=size, dpi=DPI)
    axes = figure.add_axes(
        (left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height)
    )
    figure.text(left / width, 1 - 0.1 / height, title, va="top", size=10.5)
    return figure, axes


def _manhattan(layout: Manhattan, title: str) -> Figure:
    """Points in two alternating blues, beyond the line in vermilion."""
    line = -float(np.log10(layout.threshold))
    with mpl.rc_context(STYLE):
        figure, axes = _axes((10, 4.2), (0.65, 0.5, 0.15, 0.35), title)
        top = (1.15 if layout.peaks else 1.06) * max(line, float(layout.y.max()))
        axes.set(xlim=(0, 1), ylim=(0, top), ylabel="\N{MINUS SIGN}log₁₀ p")
        kept = thin(layout.x, layout.y / top, 9.2 * DPI / CELL, 3.3 * DPI / CELL)
        x, y, odd = layout.x[kept], layout.y[kept], layout.odd[kept]
        hit = y > line
        for rows, colour in ((~odd & ~hit, DARK), (odd & ~hit, LIGHT), (hit, SIGNAL)):
            _dots(axes, x[rows], y[rows], colour, rasterized=True)
        axes.axhline(line, color=SIGNAL, lw=0.8, ls=(0, (5, 4)))
        axes.text(
            0.004, line + 0.01 * top, f"p = {_power(layout.threshold)}", color=SIGNAL, size=7.5
        )
        axes.xaxis.set_visible(False)  # matplotlib's own ticks cost as much as all points
        for x_name, name in (*layout.ticks, (0.5, f"\n{layout.axis}")):
            axes.text(x_name, -0.02 * top, name, ha="center", va="top", linespacing=1.6)
        _name_peaks(axes, layout.peaks, top, line)
    return figure


def _power(value: float) -> str:
    """A small number as people write it: 5 x 10 to the -8."""
    digits, exponent = f"{value:e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{float(digits):.3g}·10{raised}"


def _dots(axes: Axes, x: Floats, y: Floats, colour: str, *, rasterized: bool = False) -> None:
    style: dict[str, Any] = {"ms": 2.6, "mew": 0, "color": colour, "clip_on": False}
    axes.plot(x, y, "o", rasterized=rasterized, zorder=3, **style)


def _name_peaks(
    axes: Axes, peaks: tuple[tuple[float, float, str], ...], top: float, line: float
) -> None:
    """Names above their points, moved up where one would cover another, the line or its name."""
    bar = line / top
    taken = [(0.04, 0.04, bar + 0.01)]
    for x, y, full in peaks:
        name = shortened(full)
        half = 0.0036 * len(name)
        middle, level = min(max(x, half), 1 - half), y / top + 0.018
        if bar - HIGH < level < bar + 0.01:
            level = bar + 0.01
        while any(abs(middle - m) < half + h and abs(level - v) < 0.05 for m, h, v in taken):
            level += 0.05
        taken.append((middle, half, level))
        axes.plot([x, middle], [y, level * top], color=GREY, lw=0.5, zorder=2)
        colour = INK if y > line else GREY
        axes.text(middle, level * top, name, ha="center", va="bottom", size=7.5, color=colour)


def shortened(name: str) -> str:
    """A variant's name as plots have room for it."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _qq(data: Quantiles, title: str) -> Figure:
    """Observed against expected, with the diagonal, the null's band and lambda."""
    expected = data.expected
    with mpl.rc_context(STYLE):
        figure, axes = _axes((4.6, 4.7), (0.65, 0.5, 0.2, 0.4), title)
        right = 1.03 * float(expected[0])
        top = 1.05 * max(right, float(data.observed[0]))
        axes.set(xlim=(0, right), ylim=(0, top))
        axes.set(xlabel="Expected \N{MINUS SIGN}log₁₀ p", ylabel="Observed \N{MINUS SIGN}log₁₀ p")
        axes.fill_between(*data.band(), color=PALE, lw=0)
        axes.plot([0, right], [0, right], color=GREY, lw=0.8)
        kept = thin(expected / right, data.observed / top, 4 * DPI, 4 * DPI)
        _dots(axes, expected[kept], data.observed[kept], DARK)
        words = f"{len(data.observed):,} variants"
        if data.lambda_gc is not None:
            words = f"λ = {data.lambda_gc:.3f}\n{words}"
        axes.text(0.04, 0.96, words, va="top", transform=axes.transAxes, linespacing=1.5)
    return figure


def _ld_map(region: Triangle, title: str) -> Figure:
    """r2 of each pair where its variants' diagonals meet, below the variants' true places."""
    n = len(region.pos)
    unit = min(8.2 / n, 0.5)  # inches
    width = max(n * unit + 0.8, 5.6)
    depth = 0.5 * (1 + _widest(region.r2))
    labels = tuple(map(shortened, region.names)) if n <= NAMED else ()
    room = max(0.75, 0.12 + LETTER * max(map(len, labels))) if labels else 0.1
    names, track = room / unit, 0.55 / unit
    height = (depth + names + track) * unit
    with mpl.rc_context(STYLE):
        figure, axes = _axes(
            (width, height + 1.45), (0.4, 0.65, width - n * unit - 0.4, 0.8), title
        )
        axes.set(xlim=(0, n), ylim=(-depth, names + track))
        axes.imshow(
            _rotated(region.r2, depth, round(n * unit * DPI)),
            extent=(0, n, -depth, 0),
            interpolation="nearest",
            aspect="auto",
        )
        centre = np.arange(n) + 0.5
        place = along(region, region.pos.astype(np.float64))
        gaps = np.full(n, np.nan)
        axes.plot(
            np.stack([centre, place, gaps], axis=1).ravel(),
            np.stack([np.full(n, names), np.full(n, names + track), gaps], axis=1).ravel(),
            color=GREY,
            lw=0.5,
        )
        for x, name in zip(centre, labels, strict=False):
            axes.text(x, 0.1, name, rotation=90, ha="center", va="bottom", size=min(7, 58 * unit))
        _megabases(axes, region)
        _colour_bar(figure)
    return figure


def _dot_chart(chart: Dots, title: str) -> Figure:
    """A line for each row, a panel for each number, a colour and a mark for each series."""
    below, above, row = 0.5, 0.75, 0.24
    panels, rows, series = chart.values.shape
    size = (2.6 + 2.5 * panels, max(below + above + row * rows, 3.4))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, dpi=DPI)
        figure.text(0.1 / size[0], 1 - 0.1 / size[1], title, va="top", size=10.5)
        height = 1 - (below + above) / size[1]
        for p, name in enumerate(chart.panels):
            left = (2.5 + 2.5 * p) / size[0]
            axes = figure.add_axes((left, below / size[1], 2.2 / size[0], height))
            axes.set(xscale="log", ylim=(rows - 0.5, -0.5), xlabel=name)
            _decades(axes, chart.values[p])
            axes.set_yticks(range(rows), chart.rows if p == 0 else [""] * rows)
            axes.tick_params(axis="y", length=0)
            axes.grid(axis="both", color=PALE, lw=0.5)
            for s in range(series):
                colour, mark = SERIES[s % len(SERIES)], MARKS[s % len(MARKS)]
                x = chart.values[p, :, s]
                label = chart.series[s] if p == 0 else None
                axes.plot(x, range(rows), mark, ms=5, mew=0, color=colour, label=label, zorder=3)
        figure.legend(
            loc="upper left", bbox_to_anchor=(0, 1 - 0.3 / size[1]), ncols=8, frameon=False,
            handletextpad=0.1, columnspacing=1.2,
        )  # fmt: skip
    return figure


def _decades(axes: Axes, x: Floats) -> None:
    """Plain numbers on a logarithmic scale, for few decades at 2 and 5 as well."""
    known = x[np.isfinite(x)]
    few = len(known) < 2 or known.max() < 50 * known.min()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_locator(NullLocator())
