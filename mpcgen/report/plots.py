"""Manhattan and QQ plots and LD maps, each as PNG and SVG.

Here is what a plot shows, as plain arrays; mpcgen.report.drawing, which alone imports matplotlib,
puts it on paper. The files depend on their input only: no dates, no random names.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.genome.chromosomes import MT, NAMES, XY, X
from mpcgen.genome.sites import SiteList

Floats = NDArray[np.float64]
Indices = NDArray[np.integer]

GENOME_WIDE = 5e-8
SUGGESTIVE = 1e-5  # peaks beyond it are named
PEAKS = 8
PEAK_WIDTH = 500_000  # base pairs on either side that one peak covers
PEAK_ROOM = 0.02  # of the page's width, likewise
REGION = 60  # variants of an LD map


@dataclass(frozen=True)
class Manhattan:
    """Variants along the genome: x in [0, 1], y = -log10 p, both (m,) without undefined ones."""

    x: Floats
    y: Floats
    odd: NDArray[np.bool_]  # (m,) whether on every second chromosome
    ticks: tuple[tuple[float, str], ...]
    axis: str  # title of the x axis
    peaks: tuple[tuple[float, float, str], ...]  # x, y, name, from left to right


@dataclass(frozen=True)
class Quantiles:
    """Sorted -log10 p against its expectation, and the 95 % band of a null study."""

    expected: Floats  # (m,) falling
    observed: Floats  # (m,) falling
    band_at: Floats  # (b,) expected
    low: Floats  # (b,)
    high: Floats  # (b,)


@dataclass(frozen=True)
class Triangle:
    """r2 (n, n) of n neighbouring variants above the diagonal, NaN where not listed."""

    r2: Floats
    pos: Indices  # (n,)
    names: tuple[str, ...]
    chrom: str


def manhattan(
    stem: Path,
    sites: SiteList,
    neg_log10_p: Floats,
    *,
    title: str,
    threshold: float = GENOME_WIDE,
) -> list[Path]:
    """Draw -log10 p (m,) of all sites as STEM.png and STEM.svg; NaN is left out."""
    from mpcgen.report import drawing  # noqa: PLC0415

    layout = manhattan_layout(sites, neg_log10_p)
    return drawing.save(drawing.manhattan(layout, title, threshold), stem)


def qq(
    stem: Path, neg_log10_p: Floats, *, title: str, lambda_gc: float | None = None
) -> list[Path]:
    """Draw the quantiles of -log10 p (m,) as STEM.png and STEM.svg, lambda printed in the plot."""
    from mpcgen.report import drawing  # noqa: PLC0415

    return drawing.save(drawing.qq(quantiles(neg_log10_p), title, lambda_gc), stem)


def ld_map(
    stem: Path, sites: SiteList, i: Indices, j: Indices, r2: Floats, *, title: str
) -> list[Path]:
    """Draw r2 (P,) of the pairs of sites i, j (P,) in the strongest region of REGION variants."""
    from mpcgen.report import drawing  # noqa: PLC0415

    return drawing.save(drawing.ld_map(strongest_region(sites, i, j, r2), title), stem)


def manhattan_layout(sites: SiteList, neg_log10_p: Floats) -> Manhattan:
    """Chromosomes side by side, each from its first to its last site, with gaps between them."""
    shown = np.flatnonzero(np.isfinite(neg_log10_p))
    if not len(shown):
        raise InputError("no variant has a defined p-value: there is nothing to plot")
    chrom = np.where(sites.chrom == XY, X, sites.chrom).astype(np.intp)[shown]
    pos, y = sites.pos[shown].astype(np.float64), neg_log10_p[shown]
    start, end = np.full(MT + 1, np.inf), np.full(MT + 1, -np.inf)
    np.minimum.at(start, chrom, pos)
    np.maximum.at(end, chrom, pos)
    codes = np.flatnonzero(end >= start)
    length = np.maximum(end[codes] - start[codes], 1)
    length = np.maximum(length, 0.015 * length.sum())  # MT, and a chromosome of one site
    gap = 0.006 * length.sum() if len(codes) > 1 else 0.0
    begin = np.cumsum(length + gap) - length - gap / 2
    total = (length + gap).sum()
    column = np.searchsorted(codes, chrom)
    room = (length - (end - start)[codes]) / 2
    x = (begin[column] + room[column] + pos - start[chrom]) / total
    return Manhattan(
        x=x,
        y=y,
        odd=column % 2 == 1,
        ticks=_genome_ticks(codes, (begin + length / 2) / total, start, end),
        axis="Chromosome" if len(codes) > 1 else f"Position on chromosome {NAMES[codes[0]]} (Mb)",
        peaks=_peaks(chrom, pos, x, y, sites, shown),
    )


def _genome_ticks(
    codes: Indices, centre: Floats, start: Floats, end: Floats
) -> tuple[tuple[float, str], ...]:
    """Names of the chromosomes where there is room for them; of a single one, megabases."""
    if len(codes) == 1:
        low, high = start[codes[0]], end[codes[0]]
        marks = round_marks(low / 1e6, high / 1e6)
        return tuple(((1e6 * mark - low) / max(high - low, 1), name) for mark, name in marks)
    ticks: list[tuple[float, str]] = []
    for code, x in zip(codes, centre, strict=True):
        if not ticks or x - ticks[-1][0] > 0.0075 * (1 + len(NAMES[code])):
            ticks.append((float(x), NAMES[code]))
    return tuple(ticks)


def round_marks(low: float, high: float, most: int = 8) -> list[tuple[float, str]]:
    """At most so many multiples of 1, 2 or 5 times a power of ten from low to high, with names."""
    rough = max(high - low, 1e-6) / most
    power = int(np.floor(np.log10(rough)))
    factor = next(f for f in (1, 2, 5, 10) if f * 10.0**power >= rough)
    step, decimals = factor * 10.0**power, max(0, -power - (factor == 10))
    marks = step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)
    return [(float(mark), f"{mark:.{decimals}f}") for mark in marks]


def _peaks(
    chrom: Indices, pos: Floats, x: Floats, y: Floats, sites: SiteList, shown: Indices
) -> tuple[tuple[float, float, str], ...]:
    """The strongest variant of each of the strongest regions."""
    rows = np.flatnonzero(y > -np.log10(SUGGESTIVE))
    found: list[tuple[float, float, str]] = []
    while len(rows) and len(found) < PEAKS:
        top = rows[y[rows].argmax()]
        site = int(shown[top])
        name = str(sites.id[site])
        place = f"{NAMES[chrom[top]]}:{sites.pos[site]}"
        found.append((float(x[top]), float(y[top]), place if name in {"", "."} else name))
        close = np.abs(pos[rows] - pos[top]) <= PEAK_WIDTH
        close |= np.abs(x[rows] - x[top]) <= PEAK_ROOM
        rows = rows[~(close & (chrom[rows] == chrom[top]))]
    return tuple(sorted(found))


def quantiles(neg_log10_p: Floats, band_points: int = 120) -> Quantiles:
    """Order statistics: the i-th smallest of n uniform p is Beta(i, n + 1 - i) distributed."""
    from scipy.special import betaincinv  # noqa: PLC0415

    observed = np.sort(neg_log10_p[np.isfinite(neg_log10_p)])[::-1]
    n = len(observed)
    if not n:
        raise InputError("no variant has a defined p-value: there is nothing to plot")
    rank = np.unique(np.geomspace(1, n, band_points).astype(np.int64))
    return Quantiles(
        expected=-np.log10((np.arange(n) + 0.5) / n),
        observed=observed,
        band_at=-np.log10((rank - 0.5) / n),
        low=-np.log10(betaincinv(rank, n + 1 - rank, 0.975)),
        high=-np.log10(betaincinv(rank, n + 1 - rank, 0.025)),
    )


def strongest_region(
    sites: SiteList, i: Indices, j: Indices, r2: Floats, width: int = REGION
) -> Triangle:
    """The stretch of `width` neighbouring listed variants with the largest sum of r2 squared.

    It stays on one chromosome; squares let blocks outweigh many weak pairs. Raises InputError
    where no pair is listed.
    """
    if not len(i):
        raise InputError("no pair of variants has a defined r2: there is nothing to plot")
    used = np.zeros(len(sites), np.bool_)
    used[i] = used[j] = True
    listed, row = np.flatnonzero(used), np.cumsum(used) - 1
    left, right = row[i], row[j]
    left, right = np.minimum(left, right), np.maximum(left, right)
    weight = np.where(right - left < width, np.square(r2), 0)
    starts = np.bincount(left, weight, len(listed))
    total = np.concatenate([[0.0], np.cumsum(starts)])
    chrom = sites.chrom[listed]
    stop = np.minimum(np.arange(len(listed)) + width, np.searchsorted(chrom, chrom, side="right"))
    first = int((total[stop] - total[:-1]).argmax())
    n = int(stop[first]) - first
    matrix = np.full((n, n), np.nan)
    inside = (left >= first) & (right < first + n)
    matrix[left[inside] - first, right[inside] - first] = r2[inside]
    region = listed[first : first + n]
    return Triangle(
        r2=matrix,
        pos=sites.pos[region],
        names=tuple(str(sites.id[int(site)]) for site in region),
        chrom=NAMES[chrom[first]],
    )
