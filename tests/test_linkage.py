"""r and r2 of pairs, against PLINK on the pooled data and numpy, and the windows they come from."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mpcgen.protocols.catalogue import from_options
from mpcgen.protocols.linkage import Linkage
from mpcgen.protocols.pair_options import PairOptions
from mpcgen.protocols.pair_sums import PAIR_SUMS
from mpcgen.protocols.pairs import ListedPairs, WindowPairs
from mpcgen.protocols.statistic import Table
from tests.agreement import assert_agrees, read_printed
from tests.one_party import Given, run
from tests.open_sets import NAMES, answer, institutions

WINDOW = PairOptions(window=50)
GROUPS = ("all",)


def whole(pairs: WindowPairs) -> NDArray[np.int64]:
    return pairs.between(0, pairs.total)


def linkage(sums: NDArray[Any], min_r2: float = 0.0) -> Table:
    return run(Linkage(WINDOW, min_r2), [Given(pair_sums=sums)], [])[""]


@pytest.mark.parametrize("name", NAMES)
def test_window_is_plinks(open_data: Path, name: str) -> None:
    owners = institutions(open_data, name)
    chosen = (open_data / name / "oracle" / "ld.ids").read_text().split()
    sites = np.flatnonzero(np.isin(owners[0].ids, chosen))
    chrom, pos = owners[0].chrom[sites].astype(int), owners[0].pos[sites]
    pairs = whole(WindowPairs(sites, chrom, pos, window=50, kb=100_000))
    sums = [Given(pair_sums=owner.pair_sums(pairs)) for owner in owners]
    table = run(Linkage(WINDOW), sums, [])[""]
    listed = pairs[table.rows]
    for printed, ours in (("R2", "R2"), ("R", "R")):
        theirs = answer(open_data, name, f"p1.{printed.lower()}.ld")
        for side, column in enumerate(("SNP_A", "SNP_B")):
            np.testing.assert_array_equal(owners[0].ids[listed[:, side]], theirs[column])
        assert_agrees(table.columns[ours], theirs[printed])
    assert table.undefined == len(pairs) - len(listed)


def test_x_takes_males_as_haploid(open_data: Path, program: Any, tmp_path: Path) -> None:
    data = open_data / "t1d_nssnp"
    command = (
        f"{program('plink1.9')} --bfile {data / 'pooled'} --keep-allele-order --allow-no-sex "
        f"--chr 23 --r --ld-window-r2 0 --ld-window 20 --ld-window-kb 100 --out {tmp_path / 'x'}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    theirs = read_printed(tmp_path / "x.ld")
    owners = institutions(open_data, "t1d_nssnp")
    sites = np.flatnonzero(owners[0].chrom == "23")
    pairs = whole(WindowPairs(sites, np.full(len(sites), 23), owners[0].pos[sites], 20, 100))
    table = run(Linkage(WINDOW), [Given(pair_sums=o.pair_sums(pairs)) for o in owners], [])[""]
    np.testing.assert_array_equal(owners[0].ids[pairs[table.rows, 1]], theirs["SNP_B"])
    assert_agrees(table.columns["R"], theirs["R"])


dosages = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=40)


@given(dosages)
def test_numpys_correlation_agrees(people: list[tuple[int, int]]) -> None:
    x, y = np.array(people).T
    sums = np.array([[len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y]])
    table = linkage(sums)
    if x.std() == 0 or y.std() == 0:
        assert len(table.rows) == 0
        assert table.undefined == 1
        return
    r = np.corrcoef(x, y)[0, 1]
    np.testing.assert_allclose(table.columns["R"], [r], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(table.columns["R2"], [r * r], rtol=1e-10, atol=1e-12)
    assert table.columns["N"][0] == len(x)


def test_the_largest_study_is_exact() -> None:
    N = 1 << 22
    assert PAIR_SUMS.max_people() == N
    half = N // 2
    sums = np.array(
        [
            [N, 2 * half, 2 * half, 4 * half, 4 * half, 4 * half],  # half carry two of both
            [N, 2 * half, 2 * half, 4 * half, 4 * half, 0],  # or of one each
            [N, 2 * N, 2 * N, 4 * N, 4 * N, 4 * N],  # everybody carries two of both
            [N, 1, 2 * N - 1, 1, 4 * N - 3, 1],
        ]
    )
    table = linkage(sums)
    assert list(table.rows) == [0, 1, 3]
    assert table.undefined == 1
    np.testing.assert_array_equal(table.columns["R"][:2], [1, -1])
    n, Sx, Sy, Sxx, Syy, Sxy = (int(s) for s in sums[3])
    exact = (n * Sxy - Sx * Sy) ** 2 / ((n * Sxx - Sx**2) * (n * Syy - Sy**2))
    assert table.columns["R2"][2] == pytest.approx(exact, rel=1e-14)


def test_pairs_below_min_r2_are_not_listed_but_are_not_undefined() -> None:
    sums = np.array([[4, 2, 2, 2, 2, 2], [4, 2, 2, 2, 2, 1], [4, 0, 2, 0, 2, 0]])
    table = linkage(sums, min_r2=0.5)
    assert list(table.rows) == [0]
    assert table.undefined == 1


runs = st.lists(
    st.tuples(st.integers(0, 26), st.lists(st.integers(0, 5000), min_size=1, max_size=12)),
    max_size=5,
    unique_by=lambda run: run[0],
)


@given(
    runs,
    st.one_of(st.none(), st.integers(2, 8)),
    st.one_of(st.none(), st.floats(0, 5)),
    st.integers(1, 7),
)
def test_windows_by_brute_force(
    runs: list[tuple[int, list[int]]], window: int | None, kb: float | None, step: int
) -> None:
    chrom = np.array([c for c, positions in runs for _ in positions], np.int64)
    pos = np.array([p for _, positions in runs for p in sorted(positions)], np.int64)
    sites = 3 * np.arange(len(chrom)) + 1
    pairs = WindowPairs(sites, chrom, pos, window, kb)
    expected = [
        (sites[i], sites[j])
        for i in range(len(sites))
        for j in range(i + 1, len(sites))
        if chrom[i] == chrom[j]
        and (window is None or j - i < window)
        and (kb is None or pos[j] - pos[i] <= round(kb * 1000))
    ]
    assert pairs.total == len(expected)
    cuts = range(0, pairs.total, step)
    ours = [pairs.between(start, min(start + step, pairs.total)) for start in cuts]
    assert [tuple(pair) for batch in ours for pair in batch] == expected


def test_listed_pairs_come_as_they_are() -> None:
    pairs = ListedPairs(np.array([[0, 5], [3, 4], [1, 9]]))
    assert pairs.total == 3
    np.testing.assert_array_equal(pairs.between(1, 3), [[3, 4], [1, 9]])


def test_windows_need_sorted_sites() -> None:
    sites = np.arange(3)
    with pytest.raises(ValueError, match="on chromosome 1 5 stands behind 7"):
        WindowPairs(sites, np.array([1, 1, 2]), np.array([7, 5, 1]), 5, None)
    with pytest.raises(ValueError, match="stand together"):
        WindowPairs(sites, np.array([1, 2, 1]), np.array([1, 1, 2]), 5, None)


def test_options() -> None:
    ours = from_options("linkage", {"window": 50, "kb": 1000, "min_r2": 0.2}, GROUPS)
    assert isinstance(ours, Linkage)
    assert ours.pairs == PairOptions(window=50, kb=1000.0)
    assert ours.min_r2 == 0.2
    listed = from_options("linkage", {"pairs": "pairs.txt", "pairs_sha256": "12"}, GROUPS)
    assert isinstance(listed, Linkage)
    assert listed.pairs == PairOptions(pairs="pairs.txt", pairs_sha256="12")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "needs window"),
        ({"window": 1}, "window is an integer of at least 2"),
        ({"window": True}, "window is an integer"),
        ({"kb": -1}, "kb is a number from 0"),
        ({"kb": "far"}, "kb is a number"),
        ({"window": 5, "min_r2": 1.5}, "min_r2 is a number from 0 to 1"),
        ({"pairs": "pairs.txt"}, "pairs needs pairs_sha256"),
        (
            {"pairs": "pairs.txt", "pairs_sha256": "12", "window": 5},
            'unknown option "window"; there are pairs',
        ),
        ({"pairs": 3}, "pairs is text"),
        ({"windows": 5}, 'unknown option "windows"; did you mean window'),
        ({"size": 5}, "there are min_r2, r2, window, kb, variants, variants_sha256, region"),
        ({"window": 5, "pairs_sha256": "12"}, "pairs_sha256 stands there without pairs"),
        (
            {"window": 5, "region": "2", "variants": "ids.txt", "variants_sha256": "12"},
            "variants or region, not both",
        ),
    ],
)
def test_wrong_options(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_options("linkage", options, GROUPS)
