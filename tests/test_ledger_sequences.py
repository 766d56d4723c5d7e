"""Whatever plans come one after the other: those that are accepted never isolate a few people.

The oracle knows nothing of atoms and hashes. It adds and subtracts sets of released people, one
combination after the other, as an attacker would.
"""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from itertools import combinations, product
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mpcgen.errors import Differenced
from tests.ledgers import Wanted, X, ledger_in, run

PEOPLE, LEAST = 16, 3
Weights = NDArray[np.int64]


@st.composite
def plans(draw: st.DrawFn, on_x: bool) -> list[Wanted]:
    """Plans on people much like those of each other."""
    people = st.frozensets(st.integers(0, PEOPLE - 1), max_size=3)
    base = [set(range(8)), set(range(8, 16)), set(range(16))]
    males = frozenset(range(0, PEOPLE, 2))
    found: list[Wanted] = []
    for n in range(draw(st.integers(2, 3 if on_x else 5))):
        cases = draw(st.sampled_from(base)) ^ draw(people)
        controls = None if on_x else draw(st.none() | st.sampled_from(base))
        if controls is not None:
            controls = (controls ^ draw(people)) - cases
        base.append(cases)
        found.append(
            Wanted(
                cases,
                controls,
                males=males ^ draw(people),
                sites=draw(st.sampled_from([(1,), (2,), (1, 2)])),
                chrom=X if on_x else 1,
                least=LEAST,
                statistic=f"statistic {n}",
            )
        )
    return found


def released(wanted: Wanted) -> Weights:
    """Everybody's weight in each set of which totals are opened."""
    groups = [wanted.everybody, *wanted.groups.values()]
    if wanted.chrom == X:
        groups += [groups[0] & set(wanted.males), groups[0] - set(wanted.males)]
    return np.array([[int(p in group) for p in range(PEOPLE)] for group in groups])


@cache
def signs(sets: int, most: int) -> Weights:
    """All coefficients -1, 0 and 1 of which at most so many are not 0."""
    every = (
        [dict(zip(rows, some, strict=True)).get(i, 0) for i in range(sets)]
        for size in range(min(sets, most) + 1)
        for rows in combinations(range(sets), size)
        for some in product((-1, 1), repeat=size)
    )
    return np.array(list(every), np.int64).reshape(-1, sets)


def fewest(accepted: Sequence[Wanted]) -> int:
    """The fewest people that any combination concerns, nobody apart.

    One release's sets, with up to four sets of those before it that have a site in common.
    """
    least = PEOPLE
    for n, last in enumerate(accepted):
        ours = signs(len(released(last)), 9)[1:] @ released(last)
        for site in last.sites:
            before = [released(wanted) for wanted in accepted[:n] if site in wanted.sites]
            earlier = np.unique(np.concatenate([np.zeros((1, PEOPLE), np.int64), *before]), axis=0)
            theirs = signs(len(earlier), 4) @ earlier
            for own in np.unique(ours, axis=0):
                concerned = ((theirs + own) != 0).sum(axis=1)
                least = min([least, *concerned[concerned > 0]])
    return int(least)


@given(plans(on_x=False) | plans(on_x=True))
@settings(max_examples=50, deadline=None)
def test_no_accepted_sequence_isolates_anybody(wanted: list[Wanted]) -> None:
    accepted: list[Wanted] = []
    with tempfile.TemporaryDirectory() as folder:
        ledger = ledger_in(Path(folder))
        for plan in wanted:
            with suppress(Differenced):
                run(ledger, plan)
                accepted.append(plan)
    assert fewest(accepted) >= LEAST


@given(plans(on_x=False) | plans(on_x=True))
@settings(max_examples=30, deadline=None)
def test_what_is_refused_would_have_isolated_somebody(wanted: list[Wanted]) -> None:
    """Unless it takes a set more than once, which the oracle does not try."""
    accepted: list[Wanted] = []
    with tempfile.TemporaryDirectory() as folder:
        ledger = ledger_in(Path(folder))
        for plan in wanted:
            refused = ""
            try:
                run(ledger, plan)
                accepted.append(plan)
            except Differenced as error:
                refused = str(error)
            if refused and " x the " not in refused:
                assert fewest([*accepted, plan]) < LEAST, refused


@given(st.lists(st.integers(1, 4), min_size=2, max_size=6))
@settings(max_examples=15, deadline=None)
def test_disjoint_and_identical_people_are_accepted(sizes: list[int]) -> None:
    """Cohorts of other people each, and every one once more with another statistic."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = ledger_in(Path(folder))
        for n, size in enumerate(sizes):
            cases, controls = range(100 * n, 100 * n + 10 * size), range(100 * n + 50, 100 * n + 70)
            for statistic in ("association", "linkage"):
                run(ledger, Wanted(cases, controls, statistic=statistic))
