"""Whether pairs go round in a cycle, and what `study check` says of it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mpcgen.protocols.pairs import ListedPairs, PairList, WindowPairs
from mpcgen.study.apart import apart
from mpcgen.study.load import load_study
from tests import small, studies

SITES = 7
LINKAGE = '\n[[entries]]\nstatistic = "linkage"\nwindow = {}\n'
TOGETHER, BY_GROUP = "Pairs go round", "Floors of pairs are on cases and"

pair = st.tuples(*[st.integers(0, SITES - 1)] * 2).filter(lambda sites: sites[0] != sites[1])
listed = st.lists(pair, min_size=1, max_size=5).map(lambda rows: ListedPairs(np.array(rows)))


@given(st.lists(listed, min_size=1, max_size=3))
def test_pairs_without_a_cycle(chosen: list[ListedPairs]) -> None:
    rows = np.unique(np.sort(np.concatenate([pairs.sites for pairs in chosen])), axis=0)
    graph = coo_array((np.ones(len(rows)), rows.T), shape=(SITES, SITES))
    parts, _ = connected_components(graph, directed=False)
    assert apart(chosen) == (len(rows) == SITES - parts)


def window(size: int | None, kb: float | None = None) -> PairList:
    chrom = np.repeat([1, 2], [4, 3])
    return WindowPairs(np.arange(SITES), chrom, 1000 * np.arange(SITES), size, kb)


def test_windows() -> None:
    assert apart([window(2), window(2)])
    assert apart([window(None, 1)])
    assert not apart([window(3)])
    assert not apart([window(None, 2)])
    assert apart([window(2), ListedPairs(np.array([[3, 4]]))])  # of two chromosomes
    assert not apart([window(2), ListedPairs(np.array([[0, 2]]))])


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (LINKAGE.format(2), set()),
        (LINKAGE.format(3), {TOGETHER}),
        (LINKAGE.format(2) + studies.OF_GROUPS, {BY_GROUP}),
        (LINKAGE.format(3) + studies.OF_GROUPS, {TOGETHER, BY_GROUP}),
    ],
)
def test_what_check_says(entries: str, words: set[str], tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path, entries, studies.Rules(release=""))
    assert load_study(plan).of_pairs
    said = " ".join(small.succeeded("study", "check", plan).split())
    assert {each for each in (TOGETHER, BY_GROUP) if each in said} == words
