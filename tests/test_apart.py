"""Whether pairs go round in a cycle, what then needs consent, and what `study check` says of it."""

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
from mpcgen.study.plan import PAIRS_TOGETHER
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


PASSING = '\n[[entries]]\nstatistic = "association"\nrelease = "passing"\np = 0.01\n'
STRONG = 'release = "passing"\nr2 = 0.2\n'
ALONE = 'release = "statistic"\n'
OTHER = LINKAGE.replace("[[entries]]", '[[entries]]\nname = "other"')
PLANS = {  # entries, which of them is refused without consent, and why
    "a window": (LINKAGE.format(3), 0, "go round"),
    "a window and frequencies": (studies.OF_ALL + LINKAGE.format(3), 1, "go round"),
    "of strong pairs": (LINKAGE.format(3) + STRONG, 0, "go round"),
    "of values alone": (LINKAGE.format(3) + ALONE, 0, "go round"),
    "of two entries": (OTHER.format(2) + LINKAGE.format(4), 0, "go round"),
    "beside groups": (studies.OF_GROUPS + LINKAGE.format(2), 1, "beside entries that tell"),
    "beside hits": (PASSING + LINKAGE.format(2), 1, "beside entries that tell"),
    "strong ones beside hits": (
        LINKAGE.format(2) + STRONG + PASSING,
        0,
        "beside entries that tell",
    ),
    "a window beside groups": (studies.OF_GROUPS + LINKAGE.format(3), 1, "), and linkage stands"),
    "values beside hits": (LINKAGE.format(2) + ALONE + PASSING, 0, "beside entries that tell"),
}


@pytest.mark.parametrize("which", PLANS)
def test_what_floors_do_not_cover_needs_consent(which: str, tmp_path: Path) -> None:
    entries, named, why = PLANS[which]
    plan = small.lay_out(tmp_path, entries, studies.Rules(release=""))
    small.assert_entry_refused(plan, named, why)
    small.assert_entry_refused(plan, named, 'write consent = ["pairs together"] under [release]')
    small.edit(plan, "[release]", '[release]\nconsent = ["stratified sums"]')
    small.assert_entry_refused(plan, named, why)
    small.edit(plan, "stratified sums", "pairs together")
    said = " ".join(small.succeeded("study", "check", plan).split())
    assert f"WARNING {PAIRS_TOGETHER}" in said
    assert "The plan agrees to what floors cannot mend: pairs together" in said


@pytest.mark.parametrize("which", PLANS)
def test_without_floors_no_consent_is_needed(which: str, tmp_path: Path) -> None:
    plan = load_study(small.lay_out(tmp_path, PLANS[which][0])).plan
    assert PAIRS_TOGETHER not in plan.warnings


@pytest.mark.parametrize("more", ["", STRONG, ALONE], ids=["totals", "passing", "statistic"])
def test_pairs_apart_need_no_consent(more: str, tmp_path: Path) -> None:
    beside = "" if more == ALONE else studies.OF_ALL
    rules = studies.Rules(release="")
    plan = load_study(small.lay_out(tmp_path, beside + LINKAGE.format(2) + more, rules)).plan
    assert plan.warnings == ()


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
    plan = small.lay_out(tmp_path, entries, studies.Rules(release=studies.TOGETHER))
    assert load_study(plan).of_pairs
    said = " ".join(small.succeeded("study", "check", plan).split())
    assert {each for each in (TOGETHER, BY_GROUP) if each in said} == words
