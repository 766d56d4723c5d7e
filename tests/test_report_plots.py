import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from scipy import stats

from mpcgen.errors import InputError
from mpcgen.genome.sites import SiteList
from mpcgen.report import drawing, plots
from mpcgen.report.layouts import Dots, Floats, Indices, Layout, Plot, from_bytes, to_bytes
from mpcgen.report.region import StrongestRegion, strongest_region
from tests.site_lists import site_list

TITLE = "Diabète & <b>$x_1$ 糖尿病"  # no markup, no mathematics, no Chinese letters in the font


def study(m: int) -> tuple[SiteList, Floats]:
    """Sites over all chromosomes in any order, some p undefined, a few peaks."""
    rng = np.random.default_rng(1)
    chrom, pos = rng.integers(1, 27, m), rng.integers(1, 10**8, m)
    names = [f"rs{i}" if i % 11 else "." for i in range(m)]
    score = rng.exponential(0.4343, m)
    score[::13] = np.nan
    score[[1, 2, 5, 11]] = 30.0, 25.0, 9.0, 5000.0
    return site_list(chrom, pos, names, "A" * m, "A" * m), score


def pairs(n: int) -> tuple[Indices, Indices, Floats]:
    """Weak r2 of all pairs fewer than 40 apart, and a strong block at 150 to 180."""
    i, j = np.triu_indices(n, 1)
    near = j - i < 40
    i, j = i[near], j[near]
    r2 = np.random.default_rng(2).random(len(i)) * 0.1
    r2[(i >= 150) & (j < 180)] = 0.9
    return i, j, r2


def test_chromosomes_stand_side_by_side() -> None:
    sites, score = study(5_000)
    layout = plots.manhattan(sites, score)
    shown = np.isfinite(score)
    np.testing.assert_array_equal(layout.y, score[shown])
    assert layout.x.min() >= 0
    assert layout.x.max() <= 1
    chrom, pos = np.where(sites.chrom == 25, 23, sites.chrom)[shown], sites.pos[shown]
    by_place = np.lexsort((pos, chrom))
    assert (np.diff(layout.x[by_place]) >= 0).all()
    edge = np.flatnonzero(np.diff(chrom[by_place]))
    assert (np.diff(layout.x[by_place])[edge] > 0.0001).all()
    assert (layout.odd[by_place][edge] != layout.odd[by_place][edge + 1]).all()
    assert [name for _, name in layout.ticks][::3] == [
        "1",
        "4",
        "7",
        "10",
        "13",
        "16",
        "19",
        "22",
        "MT",
    ]


def test_chosen_sites_stand_where_they_would_among_all() -> None:
    sites, score = study(5_000)
    score = np.nan_to_num(score)
    everything = plots.manhattan(sites, score)
    rows = np.array([1, 5, 77, 4_999])
    layout = plots.manhattan(sites.take(rows), score[rows], along=sites)
    np.testing.assert_array_equal(layout.x, everything.x[rows])
    np.testing.assert_array_equal(layout.odd, everything.odd[rows])
    assert (layout.ticks, layout.axis) == (everything.ticks, everything.axis)


def test_one_chromosome_has_megabases_below_it() -> None:
    sites = site_list(
        np.full(3, 23),
        np.array([2_000_000, 2_400_000, 3_000_000]),
        "abc",
        "AAA",
        "CCC",
    )
    layout = plots.manhattan(sites, np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(layout.x, [0, 0.4, 1])
    assert [name for _, name in layout.ticks] == ["2.0", "2.2", "2.4", "2.6", "2.8", "3.0"]
    np.testing.assert_allclose([x for x, _ in layout.ticks], np.linspace(0, 1, 6), atol=1e-12)
    assert layout.axis == "Position on chromosome X (Mb)"


def test_a_single_site_can_be_drawn(tmp_path: Path) -> None:
    sites = site_list([26], [7], ["."], "A", "C")
    layout = plots.manhattan(sites, np.array([9.0]))
    assert [name for _, _, name in layout.peaks] == ["MT:7"]
    for name, one in (("one", layout), ("two", plots.quantiles(np.array([9.0])))):
        drawing.draw(Plot(tmp_path / name, "", one))


def test_peaks_are_the_strongest_of_their_region() -> None:
    pos = np.array([1, 300_000, 80_000_000, 81_000_000, 5, 99])
    sites = site_list([1, 1, 1, 1, 2, 2], pos, "abcdef", "A" * 6, "C" * 6)
    layout = plots.manhattan(sites, np.array([8.0, 9.0, 6.0, 5.5, 4.9, 7.0]))
    assert [(y, name) for _, y, name in layout.peaks] == [(9.0, "b"), (6.0, "c"), (7.0, "f")]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=200))
def test_thinning_keeps_one_point_a_cell(points: list[tuple[float, float]]) -> None:
    x, y = np.array(points).T
    kept = drawing.thin(x, y, 7, 3)
    cells = np.stack([(x * 7).astype(int), (y * 3).astype(int)], axis=1)
    _, first = np.unique(cells, axis=0, return_index=True)
    np.testing.assert_array_equal(kept, np.sort(first))


def test_quantiles_and_their_band() -> None:
    score = -np.log10(np.random.default_rng(3).random(1_000))
    data = plots.quantiles(np.append(score, np.nan))
    np.testing.assert_array_equal(data.observed, np.sort(score)[::-1])
    np.testing.assert_allclose(10**-data.expected, (np.arange(1_000) + 0.5) / 1_000)
    at, low, high = data.band()
    rank = np.rint(10**-at * 1_000 + 0.5)
    assert rank[0] == 1
    assert rank[-1] == 1_000
    for side, share in ((low, 0.975), (high, 0.025)):
        np.testing.assert_allclose(10**-side, stats.beta.ppf(share, rank, 1_001 - rank), rtol=1e-9)
    observed = data.observed[rank.astype(int) - 1]
    assert np.mean((low <= observed) & (observed <= high)) > 0.9


def test_the_strongest_region_is_found() -> None:
    chrom, pos, names = np.repeat([1, 2], 200), np.arange(400) * 10, map(str, range(400))
    sites = site_list(chrom, pos, names, "A" * 400, "A" * 400)
    i, j, r2 = pairs(400)
    region = strongest_region(sites, j, i, r2, width=60)  # either order of a pair
    first = int(region.pos[0]) // 10
    assert 120 <= first <= 150
    assert len(region.pos) == len(region.names) == 60
    assert region.chrom == "1"
    expected = np.full((60, 60), np.nan)
    inside = (i >= first) & (j < first + 60)
    expected[i[inside] - first, j[inside] - first] = r2[inside]
    np.testing.assert_array_equal(region.r2, expected)
    end = strongest_region(sites, np.array([198, 199]), np.array([199, 200]), np.ones(2))
    assert end.names == tuple(str(sites.id[k]) for k in (198, 199))


def test_a_wide_region_is_drawn_at_its_positions() -> None:
    """59 x 60 Mb is no 32-bit number, and a site list's positions are."""
    pos = np.linspace(1_000_000, 61_000_000, 60).astype(np.int32)
    sites = site_list(np.ones(60, np.int8), pos, map(str, range(60)), "A" * 60, "C" * 60)
    region = strongest_region(sites, np.arange(59), np.arange(1, 60), np.ones(59))
    axes = drawing.figure(Plot(Path("map"), "", region)).axes[0]
    connectors = np.asarray(axes.lines[0].get_xdata()).reshape(60, 3)
    np.testing.assert_allclose(connectors[:, 1], connectors[:, 0], atol=1e-4)
    assert (np.diff(axes.get_xticks()) > 0).all()
    assert [label.get_text() for label in axes.get_xticklabels()][:2] == ["10", "20"]


def test_a_map_says_what_grey_is_and_cuts_long_names() -> None:
    names = ["chr7:117559590:ATCT:A", "rs1", "A" * 300_000]
    sites = site_list(np.ones(3), np.arange(3), names, "A" * 3, "C" * 3)
    region = strongest_region(sites, np.arange(2), np.arange(1, 3), np.ones(2))
    drawn = drawing.figure(Plot(Path("map"), "", region))
    words = [text.get_text() for axes in drawn.axes for text in axes.texts]
    assert set(names[:2]) | {"A" * 23 + "…"} <= set(words)
    assert "grey: r² < 0.02, undefined or not opened" in words
    canvas: Any = FigureCanvasAgg(drawn)
    renderer = canvas.get_renderer()
    axes = drawn.axes[0]
    foot = axes.transData.transform((0, np.nanmin(np.asarray(axes.lines[0].get_ydata()))))[1]
    for text in axes.texts:
        assert text.get_window_extent(renderer).y1 < foot  # of the connectors


@pytest.mark.parametrize("score", [6.5, 6.9, 7.1, 7.25, 7.3, 7.35])
@pytest.mark.parametrize("place", [0, 1])
def test_no_line_strikes_through_a_name(score: float, place: int) -> None:
    """Nor is it written over the line's own."""
    sites = site_list(np.ones(3), [1, 50, 100], ["left", "middle", "right"], "A" * 3, "C" * 3)
    scores = np.full(3, 1.0)
    scores[place] = score
    drawn = drawing.figure(Plot(Path("manhattan"), "", plots.manhattan(sites, scores)))
    (axes,) = drawn.axes
    canvas: Any = FigureCanvasAgg(drawn)
    renderer = canvas.get_renderer()
    own, name = (
        next(text for text in axes.texts if word in text.get_text()).get_window_extent(renderer)
        for word in ("p = ", ("left", "middle")[place])
    )
    level = axes.transData.transform((0, -np.log10(5e-8)))[1]
    assert name.y0 > level or name.y1 < level
    assert not name.overlaps(own)


def test_small_chromosomes_have_their_names() -> None:
    """As in the demonstration: two of 1 Mb, and X, Y and MT."""
    sizes = {1: 1_160_000, 2: 1_160_000, 23: 124_800, 24: 23_391, 26: 15_887}
    chrom = np.repeat(list(sizes), 2)
    pos = np.stack([np.ones(5), np.array(list(sizes.values()))], axis=1).ravel()
    sites = site_list(chrom, pos, "." * 10, "A" * 10, "C" * 10)
    layout = plots.manhattan(sites, np.ones(10))
    assert [name for _, name in layout.ticks] == ["1", "2", "X", "Y", "MT"]


def in_memory(
    sites: SiteList, i: Indices, j: Indices, r2: Floats, width: int
) -> tuple[list[str], Floats]:
    """The strongest region's variants and r2, from all pairs at once, by its definition."""
    listed = np.unique(np.concatenate([i, j]))
    left, right = np.searchsorted(listed, i), np.searchsorted(listed, j)
    regions = []
    for first in range(len(listed)):
        last = min(first + width, len(listed))
        last = first + int((sites.chrom[listed[first:last]] == sites.chrom[listed[first]]).sum())
        counted = (left >= first) & (left < last) & (right - left < width)
        regions.append((float(np.square(r2[counted]).sum()), -first, last))
    _, first, last = max(regions)
    first = -first
    r2_of = np.full((last - first, last - first), np.nan)
    inside = (left >= first) & (right < last)
    r2_of[left[inside] - first, right[inside] - first] = r2[inside]
    return [str(sites.id[int(site)]) for site in listed[first:last]], r2_of


@given(st.data())
def test_the_region_does_not_depend_on_how_pairs_come(data: st.DataObject) -> None:
    m, width = data.draw(st.integers(2, 60)), data.draw(st.integers(1, 8))
    reach = data.draw(st.integers(1, 12))
    chrom = np.sort(data.draw(st.lists(st.integers(1, 3), min_size=m, max_size=m)))
    sites = site_list(chrom, np.arange(m), map(str, range(m)), "A" * m, "A" * m)
    i, j = np.triu_indices(m, 1)
    near = (j - i <= reach) & (chrom[i] == chrom[j])
    kept = np.flatnonzero(near)
    kept = kept[
        np.array(data.draw(st.lists(st.booleans(), min_size=len(kept), max_size=len(kept))), bool)
    ]
    if not len(kept):
        return
    i, j = i[kept], j[kept]
    r2 = np.array(data.draw(st.lists(st.integers(1, 64), min_size=len(i), max_size=len(i)))) / 64
    cuts = sorted(data.draw(st.lists(st.integers(0, len(i)), max_size=5)))
    region = StrongestRegion(sites, width)
    for rows in np.split(np.arange(len(i)), cuts):
        region.add(np.stack([i, j], axis=1)[rows], r2[rows])
    found, (names, r2_of) = region.triangle(), in_memory(sites, i, j, r2, width)
    assert list(found.names) == names
    np.testing.assert_array_equal(found.r2, r2_of)


@pytest.mark.parametrize("listed", [False, True])
def test_variants_of_weak_pairs_alone_stay_on_the_map(listed: bool) -> None:
    sites = site_list(np.ones(5), np.arange(5), "abcde", "A" * 5, "C" * 5)
    i, j, r2 = np.array([0, 0, 1, 2]), np.array([1, 3, 2, 3]), np.array([0.5, 0.01, 0.019, 0.3])
    if listed:
        found = strongest_region(sites, i, j, r2, least=0.02)
    else:
        region = StrongestRegion(sites, least=0.02)
        region.add(np.stack([i, j], axis=1), r2)
        found = region.triangle()
    assert found.names == tuple("abcd")
    assert np.argwhere(np.isfinite(found.r2)).tolist() == [[0, 1], [2, 3]]
    with pytest.raises(InputError, match="no pair"):
        strongest_region(sites, i, j, np.full(4, 0.01), least=0.02)


def test_pairs_that_passed_by_are_not_kept() -> None:
    """300,000 pairs are 7 MB; a batch of 15,000 and two regions are a tenth of that."""
    m, window, batch = 10_000, 30, 500
    sites = site_list(np.ones(m, np.int8), np.arange(m), map(str, range(m)), "A" * m, "A" * m)
    region = StrongestRegion(sites)
    tracemalloc.start()
    try:
        for start in range(0, m - window - batch, batch):
            first = np.repeat(np.arange(start, start + batch), window)
            second = first + np.tile(np.arange(1, window + 1), batch)
            region.add(np.stack([first, second], axis=1), np.full(len(first), 0.5))
        kept, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000
    assert region.triangle().names == tuple(map(str, range(60)))


def test_nothing_to_plot_is_said() -> None:
    sites, score = study(20)
    none = np.full(20, np.nan)
    with pytest.raises(InputError, match="no variant has a defined p-value"):
        plots.manhattan(sites, none)
    with pytest.raises(InputError, match="no variant has a defined p-value"):
        plots.quantiles(none)
    with pytest.raises(InputError, match="no pair"):
        strongest_region(sites, np.arange(0), np.arange(0), score[:0])


def layouts() -> dict[str, Layout]:
    sites, score = study(100_000)
    one = site_list(np.full(400, 2), np.arange(400) * 10, *3 * ["A" * 400])
    return {
        "manhattan.allelic": plots.manhattan(sites, score),
        "qq": plots.quantiles(score, 1.0234),
        "ld": strongest_region(one, *pairs(400)),
        "bench": Dots(
            np.array([[[0.5, 0.9]], [[np.nan, 1]]]),
            ("wall, s", "CPU, s"),
            ("T2",),
            ("ours", "theirs"),
        ),
    }


def draw(folder: Path) -> list[Path]:
    drawn = [drawing.draw(Plot(folder / name, TITLE, layout)) for name, layout in layouts().items()]
    return [path for both in drawn for path in both]


@pytest.mark.parametrize("name", ["manhattan.allelic", "qq", "ld", "bench"])
def test_a_plot_survives_its_way_to_another_process(name: str, tmp_path: Path) -> None:
    plot = Plot(tmp_path / name, TITLE, layouts()[name])
    came = from_bytes(to_bytes(plot))
    assert (came.stem, came.title, type(came.layout)) == (plot.stem, TITLE, type(plot.layout))
    for field, value in vars(plot.layout).items():
        np.testing.assert_array_equal(getattr(came.layout, field), value, strict=True)


def test_files_are_complete_small_and_the_same_again(tmp_path: Path) -> None:
    """The second time in another process, with another hash seed."""
    (tmp_path / "again").mkdir()
    script = (
        "import sys; from pathlib import Path; from tests.test_report_plots import draw;"
        "draw(Path(sys.argv[1]))"
    )
    again = [sys.executable, "-c", script, str(tmp_path / "again")]
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    subprocess.run(again, check=True, cwd=Path(__file__).parents[1], env=environment)
    written = draw(tmp_path)
    assert [path.name for path in written] == [
        f"{name}.{kind}" for name in layouts() for kind in ("png", "svg")
    ]
    for path in written:
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
        assert path.stat().st_size < 500_000
        if path.suffix == ".png":
            with Image.open(path) as image:
                image.verify()
                assert min(image.size) > 500
                assert "Software" not in image.info
        else:
            text = "".join(ET.parse(path).getroot().itertext())
            assert TITLE in text
            assert "dc:date" not in path.read_text()
    svg = {path.stem: "".join(ET.parse(path).getroot().itertext()) for path in written[1::2]}
    assert "λ = 1.023" in svg["qq"]
    assert "92,307 variants" in svg["qq"]
    assert "p = 5·10⁻⁸" in svg["manhattan.allelic"]
    assert "rs1" in svg["manhattan.allelic"]
    assert "0.5" in svg["bench"]
    assert "mathdefault" not in svg["bench"]


def test_only_drawing_imports_matplotlib_and_never_pyplot() -> None:
    script = (
        "import sys; import mpcgen.report.plots; assert 'matplotlib' not in sys.modules;"
        "import mpcgen.report.drawing; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
