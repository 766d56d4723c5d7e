"""Combinations of sets of people: against all of them, tried one by one."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgen.errors import RangeError
from mpcgen.study import isolation
from mpcgen.study.isolation import TERMS, Mask, isolated

PEOPLE = 14


@cache
def coefficients(sets: int, most: int, together: int) -> list[tuple[int, ...]]:
    """All with each up to `most` and together up to `together`, without signs."""
    every = product(range(-most, most + 1), repeat=sets)
    return [c for c in every if sum(map(abs, c)) <= together]


def concerned(
    new: Sequence[Mask], earlier: Sequence[Mask], *, with_new: bool
) -> Iterator[tuple[int, int]]:
    """How many people each combination within reach concerns, and how many sets it takes."""
    ours = coefficients(len(new), TERMS, TERMS * len(new)) if with_new else [(0,) * len(new)]
    sets = np.array([*new, *earlier], np.int64)
    for c in coefficients(len(earlier), TERMS, TERMS):
        for a in ours:
            if any(a) == with_new:
                w = np.array([*a, *c]) @ sets
                yield int((w != 0).sum()), sum(map(abs, c))


@st.composite
def populations(draw: st.DrawFn) -> tuple[list[Mask], list[Mask], int]:
    """Disjoint new sets, earlier sets that are much like them and like each other, and a least."""
    groups = draw(st.integers(1, 2))
    home = np.array(draw(st.lists(st.integers(-1, groups - 1), min_size=PEOPLE, max_size=PEOPLE)))
    new = [home == i for i in range(groups)]
    earlier: list[Mask] = []
    for _ in range(draw(st.integers(0, 4))):
        mask = np.zeros(PEOPLE, np.bool_)
        for other in draw(st.lists(st.sampled_from([*new, *earlier]), max_size=2)):
            mask ^= other
        mask[draw(st.lists(st.integers(0, PEOPLE - 1), max_size=3))] ^= True
        earlier.append(mask)
    return new, earlier, draw(st.integers(2, 4))


@given(populations())
@settings(max_examples=100, deadline=None)
def test_equals_all_combinations_one_by_one(case: tuple[list[Mask], list[Mask], int]) -> None:
    new, earlier, least = case
    found = isolated(new, earlier, least)
    if found is not None:
        w = np.array(found.new) @ np.array(new, np.int64)
        w = w + sum(c * earlier[i].astype(np.int64) for i, c in found.earlier.items())
        assert any(found.new)
        assert sum(map(abs, found.earlier.values())) <= TERMS
        assert int((w != 0).sum()) == found.people
        assert 0 < found.people < least
        return
    alone = [n for n, _ in concerned(new, earlier, with_new=False) if 0 < n < least]
    if not alone:  # what earlier sets tell by themselves is no matter of the new ones
        assert not [n for n, _ in concerned(new, earlier, with_new=True) if 0 < n < least]


def test_earlier_sets_that_isolate_somebody_do_not_refuse_others() -> None:
    mask = np.arange(40) < 20
    earlier = [mask, mask & (np.arange(40) > 0)]
    assert isolated([~mask], earlier, 10) is None
    assert isolated([mask], earlier, 10) is not None


def test_a_cohort_that_grows_a_hundred_times() -> None:
    people = np.arange(20_000)
    earlier = [people < 100 * i for i in range(120)]
    assert isolated([people >= 10_000], earlier, 10) is None
    found = isolated([(people >= 700) & (people < 3000) | (people == 19_999)], earlier, 10)
    assert found is not None
    assert found.people == 1
    assert found.earlier in ({7: 1, 30: -1}, {7: -1, 30: 1})


def test_a_hundred_sets_that_are_drawn_anew() -> None:
    rng = np.random.default_rng(1)
    earlier = [rng.random(5000) < 0.5 for _ in range(100)]
    new = rng.random(5000) < 0.5
    assert isolated([new], earlier, 10) is None
    four = earlier[3] & earlier[50], earlier[3] & ~earlier[50], ~earlier[3] & earlier[50]
    parts = [*earlier[:3], *four, *earlier[4:50], *earlier[51:]]  # the new set is the fourth
    new = ~(earlier[3] | earlier[50])
    new[np.flatnonzero(new)[:2]] = False
    parts.append(np.ones(5000, np.bool_))
    found = isolated([new], parts, 10)
    assert found is not None
    assert found.people == 2
    assert found.earlier.keys() == {3, 4, 5, len(parts) - 1}


def test_what_cannot_all_be_tried_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    earlier = [rng.random(500) < 0.5 for _ in range(20)]
    new = [rng.random(500) < 0.5]
    assert isolated(new, earlier, 10) is None
    monkeypatch.setattr(isolation, "MOST_HASHED", 1000)
    with pytest.raises(RangeError, match="20 different sets of people are too many to combine"):
        isolated(new, earlier, 10)
    monkeypatch.undo()
    monkeypatch.setattr(isolation, "MOST_PAIRED", 10)
    alike = [np.ones(500, np.bool_) for _ in range(20)]
    for mask in alike:
        mask[rng.choice(40, 12, replace=False)] = False
    with pytest.raises(RangeError, match="combine in too many ways"):
        isolated([np.arange(500) >= 20], alike, 10)
