"""Plans of several kinds of entries: no set of people that follows is smaller than the floors.

Random plans mix frequency, association and linkage, of totals and of what passes a threshold, on
every kind of chromosome. A plan that is not refused meets an attacker who tries all sets of people
among the combinations of what it opens, whatever the coefficients: of a variant by group, and of an
opened pair with both its variants by group. Group sizes are known. The attacker may be an
institution, which counts without its own people.

Not searched: sums other than 0 or 1 a person (see test_disclosure and test_pair_disclosure), and,
since they are known to have no floor, sums over three variants, and, of pairs on Y and MT, sets
that tell cases from controls. Nor is it secret how many have no copy of Y.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st
from scipy.linalg import null_space
from scipy.optimize import Bounds, LinearConstraint, milp

from mpcgen.errors import PlanError
from mpcgen.protocols.floors import Floor, Minima
from mpcgen.study.batch import Task
from mpcgen.study.disclosure import kinds_of
from mpcgen.study.study import Study
from tests import brute_sets
from tests.brute_floors import Bools, Ints, kind, none_or, views
from tests.brute_sets import NOBODY, Person, anybody, counted, how_many, paired
from tests.mixed_plans import Plan, cohort, minima, plans
from tests.test_floors import gated

Tasks: TypeAlias = Sequence[Task]
COHORTS = 3  # of every plan
MOST = 100  # of each person, in the cohorts that an integer program looks for


class View:
    """What entries open of one variant, or of a pair and its two variants.

    Args:
        chroms: of the variants.
        tasks: of each variant, the entries that open it.
        pair: the entries that open the pair.
    """

    def __init__(
        self, study: Study, chroms: Sequence[str], tasks: Sequence[Tasks], pair: Tasks = ()
    ):
        self.study, self.chroms, self.tasks, self.pair = study, chroms, tasks, pair
        self.people = anybody(chroms, study.groups)

    def of_variant(self, place: int, tasks: Tasks) -> Ints:
        """What entries open of one of the variants, (forms, people)."""
        forms = [counted(f, self.people, place) for task in tasks for f in task.forms.values()]
        return self._rows(forms)

    @cached_property
    def known(self) -> Ints:
        """All that is opened, (forms, people)."""
        sizes = [[p.group == group for p in self.people] for group in self.study.groups]
        variants = [self.of_variant(place, tasks) for place, tasks in enumerate(self.tasks)]
        sums = paired(self.people) if self.pair else {}
        pair = [sums[name] for task in self.pair for form in task.forms.values() for name in form]
        return np.concatenate([self._rows(sizes), *variants, self._rows(pair)])

    @cached_property
    def sets(self) -> Ints:
        """All sets of people that follow and must not be small, (sets, people)."""
        return self._rows([s for s in brute_sets.sets(self.known) if self._must_not_be_small(s)])

    def _must_not_be_small(self, members: Ints) -> bool:
        who = self.who(members)
        if any(NOBODY in person.at for person in who):
            return False
        if len(self.chroms) == 1 or kind(self.chroms[0]) != "haploid":
            return True  # also two variants on X, which people with two copies keep apart
        first, *others = ({p[1:] for p in who if p.group == g} for g in self.study.groups)
        return all(other == first for other in others)

    def who(self, members: Ints) -> list[Person]:
        """The persons that are counted at all."""
        return [person for person, n in zip(self.people, members, strict=True) if n]

    def least(self, floors: Minima) -> Ints:
        """How many people must be in each of the sets, if any, (sets,)."""
        called = np.array([person.called for person in self.people])
        some, others = ((self.sets[:, those] > 0).any(axis=1) for those in (called, ~called))
        cell, missing = floors.min_cell, floors.min_missing
        return np.where(some & others, min(cell, missing), np.where(some, cell, missing))

    def _rows(self, forms: Sequence[Any]) -> Ints:
        return np.array(forms, np.int64).reshape(-1, len(self.people))


def loaded(plan: Plan, least: Minima) -> Study | None:
    """The study; None where the plan is refused."""
    try:
        study = plan.load(least)
    except PlanError:
        event("refused")
        return None
    event(f"{len(study.of_variants)} of variants, {len(study.of_pairs)} of pairs")
    return study


def widest(study: Study, chroms: Sequence[str]) -> Iterator[View]:
    """All that could be opened of every kind of variant and pair: all thresholds are passed."""
    for chrom in dict.fromkeys(chroms):
        yield View(study, [chrom], [study.of_variants])
    rows = [pair for task in study.of_pairs for pair in rows_of(task)]
    for pair in dict.fromkeys((chroms[i], chroms[j]) for i, j in rows):
        yield View(study, pair, [study.of_variants] * 2, study.of_pairs[:1])


def rows_of(task: Task) -> list[list[int]]:
    """The rows of an entry's pairs."""
    assert task.chosen is not None
    found: list[list[int]] = task.chosen.between(0, task.chosen.total).tolist()
    return found


# Every cohort: an integer program looks for one.


@settings(max_examples=60)
@given(plans(), minima)
def test_no_people_meet_all_floors_and_are_few_together(plan: Plan, least: Minima) -> None:
    study = loaded(plan, least)
    for view in widest(study, plan.chroms) if study else ():
        floors = list(asked(view))
        for members, few in zip(view.sets, view.least(least), strict=True):
            people = a_few(members, few, floors)
            assert people is None, (view.who(members), [*zip(view.people, people, strict=True)])


def asked(view: View) -> Iterator[tuple[Ints, Floor]]:
    """The floors that a study has there, and what they count of every person."""
    floors = view.study.variant_floors(kinds_of(view.study.sites.chrom))
    assert floors is not None
    for place, chrom in enumerate(view.chroms):
        (classes,) = kinds_of(np.array([int(chrom)], np.int8))
        for floor in floors.counts:
            if floor.on is None or classes in floor.on:
                yield counted(floor.form, view.people, place), floor
    if view.pair:
        assert view.study.pair_floors is not None
        sums = paired(view.people)
        for floor in view.study.pair_floors.counts:
            if floor.on is not None and classes not in floor.on:
                continue
            yield np.sum([c * sums[name] for name, c in floor.form.items()], axis=0), floor


def a_few(members: Ints, few: int, floors: Sequence[tuple[Ints, Floor]]) -> Ints | None:
    """How many of each person (n,) meet all floors and are 1 to few - 1 of a set; None: nobody.

    The unknowns are these numbers and, of each floor that allows 0, whether its count is above.
    """
    if any(f.at_least >= few and (form == members).all() for form, f in floors):
        return None
    n, zero = len(members), [(form, f) for form, f in floors if f.or_zero]
    above = iter(np.eye(len(zero), dtype=int))
    rows, low, high = [np.r_[members, [0] * len(zero)]], [1.0], [few - 1.0]
    for form, floor in floors:
        this = next(above) if floor.or_zero else np.zeros(len(zero), int)
        rows.append(np.r_[form, -floor.at_least * this])
        low.append(0 if floor.or_zero else floor.at_least)
        high.append(np.inf)
        if floor.or_zero:
            rows.append(np.r_[form, -MOST * form.sum() * this])
            low.append(-np.inf)
            high.append(0)
    unknowns = np.ones(n + len(zero), np.int64)
    found = milp(
        unknowns,
        constraints=LinearConstraint(np.array(rows), low, high),
        integrality=unknowns,
        bounds=Bounds(0, np.r_[np.full(n, MOST), np.ones(len(zero))]),
    )
    return None if found.x is None else np.rint(found.x[:n]).astype(np.int64)


# Random cohorts, through the gate.


@settings(max_examples=50)
@given(plans(), minima, st.integers(0, 2**32))
def test_no_few_people_are_told_apart_in_a_cohort(plan: Plan, least: Minima, seed: int) -> None:
    rng, study = np.random.default_rng(seed), loaded(plan, least)
    if study is None:
        return
    for _ in range(COHORTS):
        owners = cohort(rng, plan.chroms)
        for rows, view in opened(study, plan.chroms, gated(study, owners)):
            event(f"{'pair' if view.pair else 'variant'} on {' and '.join(view.chroms)}")
            counts = [how_many(owner, rows, view.people, study.groups) for owner in owners]
            for others in views(counts):
                assert none_or((view.sets @ others)[:, None], view.least(least)[:, None]).all()


def opened(
    study: Study, chroms: Sequence[str], bits: Mapping[str, Bools]
) -> Iterator[tuple[tuple[int, ...], View]]:
    """Rows of every variant and pair of which something is opened, and what."""
    found: dict[tuple[int, ...], list[Task]] = {}
    for batch in study.batches():
        units = np.arange(batch.units)[:, None] if batch.pairs is None else batch.pairs
        for task in batch.tasks:
            for unit in units[bits[batch.where(task) or ""]].tolist():
                found.setdefault(tuple(unit), []).append(task)
    for rows, tasks in found.items():
        variants = [found.get((row,), []) for row in rows] if len(rows) == 2 else [tasks]
        pair = tasks if len(rows) == 2 else []
        yield rows, View(study, [chroms[row] for row in rows], variants, pair)


# What thresholds withhold.


@settings(max_examples=60)
@given(plans(withheld=True), minima)
def test_what_a_threshold_withholds_does_not_follow_from_pairs(plan: Plan, least: Minima) -> None:
    """Where one entry's threshold is not passed at a variant, and all others are everywhere.

    What is common to cases and controls does not count, nor what is the same whatever genotype
    people have: how many of each group, and of each sex, have one.
    """
    study = loaded(plan, least)
    for view in widest(study, plan.chroms) if study else ():
        for withheld in (task for task in view.study.of_variants if task.decisions):
            event(f"of a {'pair' if view.pair else 'variant'}")
            others = [task for task in view.study.of_variants if task is not withheld]
            rest = View(view.study, view.chroms, [others, *view.tasks[1:]], view.pair)
            spans = [rest.of_variant(0, [withheld]), rest.known, says_nothing(view.people)]
            apart = [null_space(span.astype(float)).T for span in spans]
            common, allowed = (np.linalg.matrix_rank(np.concatenate(x)) for x in (apart[:2], apart))
            assert common == allowed


def says_nothing(people: Sequence[Person]) -> Ints:
    """Forms (forms, people) that say nothing of an association at the first variant."""
    marks = [(p.at[0], (p.group, p.male, p.called)) for p in people]
    return np.array([[mark in own for own in marks] for mark in {*sum(marks, ())}], np.int64)


@settings(max_examples=60)
@given(plans(), minima)
def test_pairs_with_a_threshold_are_in_no_other_entry(plan: Plan, least: Minima) -> None:
    study = loaded(plan, least)
    seen: dict[frozenset[int], Task] = {}
    for task in study.of_pairs if study else ():
        for pair in map(frozenset, rows_of(task)):
            other = seen.setdefault(pair, task)
            assert other is task or not (task.decisions or other.decisions)
