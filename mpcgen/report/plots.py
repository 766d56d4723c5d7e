"""Manhattan and QQ plots: where everything stands in them."""

import numpy as np

from mpcgen.errors import InputError
from mpcgen.genome.chromosomes import MT, NAMES, XY, X
from mpcgen.genome.sites import SiteList
from mpcgen.report.layouts import Floats, Indices, Manhattan, Quantiles, round_marks

GENOME_WIDE = 5e-8
SUGGESTIVE = 1e-5  # peaks beyond it are named
PEAKS = 8
PEAK_WIDTH = 500_000  # base pairs on either side that one peak covers
PEAK_ROOM = 0.02  # of the page's width, likewise


def manhattan(
    sites: SiteList,
    neg_log10_p: Floats,
    threshold: float = GENOME_WIDE,
    along: SiteList | None = None,
) -> Manhattan:
    """-log10 p (m,) of all sites, with a line at p = `threshold`; NaN is left out.

    Chromosomes stand side by side, each from its first to its last site, with gaps between them:
    those of `along`, where the sites were chosen among these, else those shown.

    Raises:
        InputError: no value is defined.
    """
    shown = np.flatnonzero(np.isfinite(neg_log10_p))
    if not len(shown):
        raise InputError("no variant has a defined p-value: there is nothing to plot")
    chrom, pos = _places(sites, shown)
    y = neg_log10_p[shown]
    start, end = np.full(MT + 1, np.inf), np.full(MT + 1, -np.inf)
    for extreme, bounds in ((np.minimum, start), (np.maximum, end)):
        extreme.at(bounds, *((chrom, pos) if along is None else _places(along)))
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
        threshold=threshold,
    )


def _places(sites: SiteList, rows: Indices | slice = slice(None)) -> tuple[Indices, Floats]:
    """Chromosomes and positions of some sites; XY is on X."""
    chrom = np.where(sites.chrom == XY, X, sites.chrom).astype(np.intp)
    return chrom[rows], sites.pos[rows].astype(np.float64)


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
        if not ticks or x - ticks[-1][0] > 0.0043 * len(ticks[-1][1] + NAMES[code]) + 0.005:
            ticks.append((float(x), NAMES[code]))
    return tuple(ticks)


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


def quantiles(neg_log10_p: Floats, lambda_gc: float | None = None) -> Quantiles:
    """The quantiles of -log10 p (m,), with lambda to be printed in the plot; NaN is left out.

    Raises:
        InputError: no value is defined.
    """
    observed = np.sort(neg_log10_p[np.isfinite(neg_log10_p)])[::-1]
    if not len(observed):
        raise InputError("no variant has a defined p-value: there is nothing to plot")
    return Quantiles(observed, lambda_gc)
