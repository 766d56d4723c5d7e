"""What a plan's openings imply: floors on all of it, and plans that undo a threshold are refused.

The oracle is an attacker who tries every integer combination, with coefficients -2..2, of what a
plan opens of one variant and of the public group sizes.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgen.errors import PlanError
from mpcgen.protocols.catalogue import from_options
from mpcgen.protocols.floors import Minima
from mpcgen.protocols.genotype_counts import ALL, CASES, CLASSES, CONTROLS, DIPLOID, column
from mpcgen.study.batch import Task
from mpcgen.study.closure import Integers
from mpcgen.study.disclosure import HAPLOID, UNCALLED, kinds_of, undermined, variant_floors
from mpcgen.study.load import load_study
from mpcgen.study.plan import Entry
from tests import small, studies

FLOORED = studies.Rules(release="")
AGREED = studies.Rules(release=studies.TOGETHER)
BY_TEST = '[[entries]]\nstatistic = "association"\ntests = ["allelic", "genotypic", "trend"]\n'
GROUPS = (CASES, CONTROLS)
KINDS = ((*DIPLOID, *UNCALLED), CLASSES, (*HAPLOID, *UNCALLED))
MOST_PEOPLE, LEAST_P = 3000, 0.01


@pytest.mark.parametrize("entries", [studies.OF_GROUPS, BY_TEST])
def test_every_opened_cell_has_a_floor(entries: str, tmp_path: Path) -> None:
    """Genotypes of cases, and of controls, are opened here: each is a count of its own."""
    study = load_study(small.lay_out(tmp_path, entries, FLOORED))
    (batch,) = study.batches()
    assert batch.floors is not None
    floored = [floor.form for floor in batch.floors.counts]
    for group in study.groups:
        for genotype in DIPLOID:
            assert {column(group, genotype): 1} in floored


@pytest.mark.parametrize("entries", [studies.OF_GROUPS, BY_TEST])
def test_no_form_of_an_entry_hides_another(entries: str, tmp_path: Path) -> None:
    """As many forms reach the closure as the manifest opens."""
    for task in load_study(small.lay_out(tmp_path, entries, FLOORED)).tasks:
        assert len(task.forms) == sum(len(sums.forms) for sums in task.statistic.sums)


# Random plans against an attacker.


def subsets(*words: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), min_size=1, unique=True)


@st.composite
def plans(draw: st.DrawFn) -> tuple[tuple[str, ...], list[Task]]:
    """The groups and the entries of a plan."""
    frequency = st.tuples(st.just("frequency"), subsets(ALL, CASES, CONTROLS), st.just(False))
    tests = st.tuples(
        st.just("association"), subsets("allelic", "genotypic", "trend"), st.booleans()
    )
    drawn = draw(st.lists(frequency | tests, min_size=1, max_size=3))
    by_group = any(kind == "association" or words != [ALL] for kind, words, _ in drawn)
    groups = GROUPS if by_group else (ALL,)
    return groups, [task(f"e{n}", *entry, groups) for n, entry in enumerate(drawn)]


def task(name: str, kind: str, words: list[str], passing: bool, groups: tuple[str, ...]) -> Task:
    options: dict[str, object] = {"groups" if kind == "frequency" else "tests": words}
    options |= {"p": LEAST_P} if passing else {}
    statistic = from_options(kind, options, groups)
    entry = Entry(name, kind, "passing" if passing else "totals", options)
    return Task(entry, statistic, None, statistic.decisions(MOST_PEOPLE))


def rows(
    forms: Sequence[Mapping[str, int]], groups: Sequence[str], classes: Sequence[str]
) -> Integers:
    """Forms as vectors over the counts of every group, one group after the other."""
    columns = [column(group, genotype) for group in groups for genotype in classes]
    vectors = [[form.get(name, 0) for name in columns] for form in forms]
    return np.array(vectors, np.int64).reshape(-1, len(columns))


def opened(
    tasks: Sequence[Task], groups: Sequence[str], classes: Sequence[str]
) -> list[Mapping[str, int]]:
    """The forms that entries open, and the group sizes."""
    sizes = [{column(group, genotype): 1 for genotype in classes} for group in groups]
    return [*sizes, *(form for task in tasks for form in task.forms.values())]


def combinations(vectors: Integers) -> set[tuple[int, ...]]:
    """Every combination of the vectors with coefficients -2..2."""
    found = np.zeros((1, vectors.shape[1]), np.int64)
    for vector in vectors:
        found = (found[:, None] + np.arange(-2, 3)[:, None] * vector).reshape(-1, len(vector))
    return set(map(tuple, found.astype(np.int8).tolist()))


def chosen(data: st.DataObject, vectors: Integers) -> Integers:
    """Up to six of the vectors, different ones: what an attacker tries to combine."""
    vectors = np.unique(vectors, axis=0)
    return vectors[data.draw(st.permutations(range(len(vectors))))[:6]]


@lru_cache(100_000)
def is_sum(vector: tuple[int, ...], parts: tuple[tuple[int, ...], ...]) -> bool:
    """Whether the vector is a sum of the parts."""
    if not any(vector):
        return True
    first = next(j for j, x in enumerate(vector) if x)
    left = (tuple(x - y for x, y in zip(vector, p, strict=True)) for p in parts if p[first])
    return any(min(rest) >= 0 and is_sum(rest, parts) for rest in left)


@settings(max_examples=40, deadline=None)
@given(plans(), st.sampled_from(KINDS), st.data())
def test_no_combination_is_a_count_without_a_floor(
    plan: tuple[tuple[str, ...], list[Task]], classes: tuple[str, ...], data: st.DataObject
) -> None:
    """Where all thresholds are passed, which opens most."""
    groups, tasks = plan
    floors = variant_floors(tasks, groups, (classes,), Minima())
    floored = tuple(map(tuple, rows([f.form for f in floors], groups, classes).tolist()))
    never_small = rows([f.form for f in floors if not f.or_zero], groups, classes)
    vectors = rows(opened(tasks, groups, classes), groups, classes)
    for form in combinations(chosen(data, vectors)):
        if min(form) >= 0 and max(form) <= 2:
            assert is_sum(form, floored) or (np.array(form) >= never_small).all(axis=1).any()


@settings(max_examples=60, deadline=None)
@given(plans(), st.sampled_from(KINDS), st.data())
def test_what_a_threshold_withholds_is_not_opened_besides(
    plan: tuple[tuple[str, ...], list[Task]], classes: tuple[str, ...], data: st.DataObject
) -> None:
    """Where one entry's threshold is not passed and all others are, which opens most besides.

    What is common to cases and controls does not count, nor what follows from the group sizes: then
    the cases' and the controls' coefficients differ by a constant.
    """
    groups, tasks = plan
    if undermined(tasks, groups, (classes,)) is not None:
        return
    for withheld in (task for task in tasks if task.decisions):
        others = [task for task in tasks if task is not withheld]
        inner = rows(list(withheld.forms.values()), groups, classes)
        besides = rows(opened(others, groups, classes), groups, classes)
        for form in combinations(chosen(data, inner)) & combinations(chosen(data, besides)):
            cases, controls = np.array(form).reshape(2, -1)
            assert len(set((cases - controls).tolist())) == 1


# Worked refusals.

PLAIN = '\n[[entries]]\nname = "plain"\nstatistic = "association"\n'
ALLELIC = """
[[entries]]
name = "hits"
statistic = "association"
release = "passing"
p = 1e-3
tests = ["allelic"]
"""
ONE_GROUP = '\n[[entries]]\nname = "one"\nstatistic = "frequency"\ngroups = ["{}"]\n'
LD = '\n[[entries]]\nstatistic = "linkage"\nwindow = 3\n'
STRONG = """
[[entries]]
name = "strong"
statistic = "linkage"
window = 2
release = "passing"
r2 = 0.2
"""
OPENED = "which other entries open: "
REFUSED = {  # entries, which of them is named, and how it ends
    "cases besides": (
        ALLELIC + studies.FREQUENCY.format('["cases"]'),
        0,
        "entry hits: its threshold withholds hits: alleles.A1_CASE, "
        f"{OPENED}frequency: cases.HET + 2 x frequency: cases.HOM_ALT",
    ),
    "all less controls": (
        studies.FREQUENCY.format('["all"]') + ONE_GROUP.format("controls") + ALLELIC,
        2,
        f"withholds hits: alleles.A1_CASE, {OPENED}frequency: all.HET + 2 x frequency: all.HOM_ALT "
        "- one: controls.HET - 2 x one: controls.HOM_ALT",
    ),
    "half the alleles of cases": (
        PLAIN + ALLELIC.replace("allelic", "trend"),
        1,
        f"withholds hits: dosages.CASES, {OPENED}1/2 x plain: alleles.CASE_ALLELES",
    ),
    "a sum of genotypes": (
        PLAIN + ALLELIC.replace("allelic", "genotypic"),
        1,
        "withholds hits: genotypes.cases.HET + 2 x hits: genotypes.cases.HOM_ALT, "
        f"{OPENED}plain: alleles.A1_CASE",
    ),
    "a lower threshold besides": (
        ALLELIC + PLAIN + 'release = "passing"\np = 1e-2\ntests = ["trend"]\n',
        0,
        f"withholds hits: alleles.A1_CASE, {OPENED}plain: dosages.A1_CASE",
    ),
    "pairs in common": (LD + STRONG, 1, "entry strong: it has pairs in common with linkage"),
    "pairs in common, the other way round": (STRONG + LD, 1, "pairs in common with strong"),
    "stratified sums": (PLAIN + 'tests = ["cmh"]\n', 0, 'consent = ["stratified sums"]'),
}


@pytest.mark.parametrize("which", REFUSED)
def test_plans_that_undo_what_they_withhold_are_refused(which: str, tmp_path: Path) -> None:
    entries, named, words = REFUSED[which]
    small.assert_entry_refused(small.lay_out(tmp_path, entries, FLOORED), named, words)


@pytest.mark.parametrize(
    "entries",
    [
        ALLELIC + studies.FREQUENCY.format('["all"]') + LD,
        ALLELIC.replace('"allelic"', '"allelic", "genotypic", "trend"'),
        STRONG + PLAIN,
        PLAIN + studies.OF_GROUPS,
    ],
)
def test_plans_that_withhold_what_they_say(entries: str, tmp_path: Path) -> None:
    study = load_study(small.lay_out(tmp_path, entries, AGREED))
    assert len(study.tasks) == entries.count("[[entries]]")


def test_stratified_sums_by_consent(tmp_path: Path) -> None:
    agreed = studies.Rules(release='consent = ["stratified sums"]')
    load_study(small.lay_out(tmp_path, PLAIN + 'tests = ["cmh"]\n', agreed))


@pytest.mark.parametrize(
    ("entry", "follows"),
    [
        (studies.FREQUENCY.format('["controls"]'), {"cases.HOM_ALT": 1}),
        (ALLELIC, {"cases.HOM_REF": 1, "controls.HOM_ALT": 1}),
    ],
)
def test_pairs_open_everybodys_dosages(
    entry: str, follows: Mapping[str, int], tmp_path: Path
) -> None:
    """Counts by group less a pair's sums: the closure of a variant knows what pairs open of it."""
    study = load_study(small.lay_out(tmp_path, entry + LD, AGREED))
    floors = study.variant_floors(kinds_of(study.sites.chrom))
    assert floors is not None
    assert follows in [floor.form for floor in floors.counts]


@pytest.mark.parametrize(
    ("entries", "needed"),
    [
        (studies.OF_ALL + ALLELIC, True),
        (ALLELIC + LD, True),
        (ALLELIC, False),
        (studies.OF_ALL, False),
    ],
)
def test_somebody_is_heterozygous_where_alleles_are_counted(
    entries: str, needed: bool, tmp_path: Path
) -> None:
    """Where nobody is, six alternative alleles of cases are three cases."""
    study = load_study(small.lay_out(tmp_path, entries, AGREED))
    for kind, has in zip(KINDS, (needed, False, False), strict=True):
        floors = study.variant_floors((kind,))
        assert floors is not None
        found = [floor for floor in floors.counts if floor.name == "heterozygous"]
        assert [floor.behind for floor in found] == [True] * has


def test_names_that_give_two_openings_one_label(tmp_path: Path) -> None:
    entries = ALLELIC + LD.replace("[[entries]]", '[[entries]]\nname = "variants"')
    with pytest.raises(PlanError, match='two openings are named "variants0/keep"'):
        load_study(small.lay_out(tmp_path, entries, AGREED))
