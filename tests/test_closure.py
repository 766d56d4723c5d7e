"""What follows from opened sums: worked examples, and random forms against brute force."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.linalg import null_space

from mpcgen.errors import RangeError
from mpcgen.study.closure import Integers, Span, Vector, atoms, text, yields
from tests import brute_floors, brute_sets

CLASSES = ("HOM_REF", "HET", "HOM_ALT", "MISSING", "ABSENT")
NONE = [0] * 5
ALL = [1] * 5
ALT = [0, 1, 2, 0, 0]
REF = [2, 1, 0, 0, 0]
CALLED = [1, 1, 1, 0, 0]
UNSEEN = [0, 0, 0, 1, 1]
SIZES = {"cases": ALL + NONE, "controls": NONE + ALL}
ALLELIC = {
    "A1_CASE": ALT + NONE,
    "CASE_ALLELES": [2 * x for x in CALLED] + NONE,
    "A1_CTRL": NONE + ALT,
    "CTRL_ALLELES": NONE + [2 * x for x in CALLED],
    "OBS": CALLED + CALLED,
}


def one(*columns: int, n: int = 10) -> list[int]:
    return [int(j in columns) for j in range(n)]


OF_ALL = {f"all.{name}": one(j, j + 5) for j, name in enumerate(CLASSES)}
OF_CASES = {f"cases.{name}": one(j) for j, name in enumerate(CLASSES)}
SYMMETRIC = Span(10, OF_ALL | SIZES)


def as_set(vectors: Any) -> set[tuple[int, ...]]:
    return {tuple(map(int, v)) for v in vectors}


def pair_forms() -> tuple[dict[str, list[int]], list[list[int]]]:
    """The sums of two dosages over a 3x3 table, and its rows and columns as sets."""
    x, y = ([cell[i] for cell in product(range(3), repeat=2)] for i in range(2))
    forms = {
        "N": [1] * 9, "SX": x, "SY": y,
        "SXX": [a * a for a in x], "SYY": [b * b for b in y],
        "SXY": [a * b for a, b in zip(x, y, strict=True)],
    }  # fmt: skip
    return forms, [[int(a == d) for a in axis] for axis in (x, y) for d in range(3)]


def test_allelic_table_opens_alleles_and_who_is_called() -> None:
    found = atoms(Span(10, ALLELIC | SIZES), 2)
    sides = [half for part in (ALT, REF, CALLED, UNSEEN) for half in (part + NONE, NONE + part)]
    assert as_set(found) == as_set(sides)
    assert len(found) == 8


def test_allelic_and_frequency_of_all_isolate_homozygotes_across_groups() -> None:
    found = as_set(atoms(Span(10, ALLELIC | SIZES | OF_ALL), 2))
    sides = [half for part in (ALT, REF, CALLED, UNSEEN) for half in (part + NONE, NONE + part)]
    across = [one(0, 7), one(2, 5)]  # HOM_REF of the ones and HOM_ALT of the others
    assert found == as_set([*sides, *OF_ALL.values(), *across])
    assert len(found) == 15


def test_pair_sums_open_dosages_of_each_variant() -> None:
    forms, sets = pair_forms()
    span = Span(9, forms)
    assert as_set(atoms(span, 1)) == as_set(sets)


def test_fourteen_columns_apart_and_linked() -> None:
    units = {str(j): one(j, n=14) for j in range(14)}
    assert as_set(atoms(Span(14, units), 2)) == as_set(units.values())
    # Orthogonal to seven ones and seven minus ones: one of the former and one of the latter.
    pairs = [one(i, j, n=14) for i in range(7) for j in range(7, 14)]
    assert as_set(atoms(Span(14, dict(zip("abcdefghijklm", linked(7), strict=True))), 2)) == (
        as_set(pairs)
    )


def linked(half: int) -> list[list[int]]:
    """2 half - 1 independent pairs of one column of the first half and one of the second."""
    n = 2 * half
    return [one(0, j, n=n) for j in range(half, n)] + [one(i, half, n=n) for i in range(1, half)]


def test_too_many_joint_counts_are_refused() -> None:
    span = Span(16, {str(j): form for j, form in enumerate(linked(8))})
    with pytest.raises(RangeError, match="15 joint counts"):
        atoms(span, 2)


def test_large_coefficients_are_refused() -> None:
    with pytest.raises(RangeError, match="too large"):
        Span(2, {"large": [1, 2**62]}).contains([1, 1])


def test_forms_have_one_length() -> None:
    with pytest.raises(ValueError, match="b has 2 coefficients, not 3"):
        Span(3, {"a": [1, 1, 1], "b": [1, 1]})
    with pytest.raises(ValueError, match="reshape"):
        Span(3, {"a": [1, 1, 1]}).contains([1] * 6)


@pytest.mark.parametrize(
    ("vector", "words"),
    [
        (one(1), "all.HET - controls.HET"),
        (one(6), "controls.HET"),
        ([3 * x for x in one(1, 6)], "3 x all.HET"),
        (one(5, 6), "controls.HOM_REF + controls.HET"),
        ([-x for x in one(6)], "- controls.HET"),
        ([0] * 10, "0"),
    ],
)
def test_combinations_are_short(vector: Vector, words: str) -> None:
    of_controls = {f"controls.{name}": one(j + 5) for j, name in enumerate(CLASSES)}
    found = Span(10, OF_ALL | SIZES | of_controls).combination(vector)
    assert found is not None
    assert text(found) == words


def test_combinations_have_fractions() -> None:
    found = Span(10, ALLELIC).combination(CALLED + NONE)
    assert found == {"CASE_ALLELES": Fraction(1, 2)}
    assert text(found) == "1/2 x CASE_ALLELES"
    assert Span(10, ALLELIC).combination(one(1)) is None


def test_totals_of_all_yield_nothing_about_the_association() -> None:
    withheld = Span(10, ALLELIC)
    assert yields(withheld, Span(10, OF_ALL | SIZES), SYMMETRIC) is None
    assert yields(withheld, Span(10, {}), Span(10, {})) is None


def test_totals_of_cases_yield_the_allelic_table() -> None:
    found = yields(Span(10, ALLELIC), Span(10, OF_CASES | SIZES), SYMMETRIC)
    assert found is not None
    assert found.vector == tuple(ALT + NONE)
    assert found.withheld == "A1_CASE"
    assert found.available == "cases.HET + 2 x cases.HOM_ALT"


def test_a_combination_of_withheld_forms_is_found() -> None:
    difference = [a - b for a, b in zip(ALLELIC["A1_CASE"], ALLELIC["A1_CTRL"], strict=True)]
    found = yields(Span(10, ALLELIC), Span(10, {"difference": difference}), SYMMETRIC)
    assert found is not None
    assert found.withheld == "A1_CASE - A1_CTRL"
    assert found.available == "difference"


# Random forms. Ranks of small integer matrices in float64 are the oracle for membership.


def matrices(n: int, most: int) -> st.SearchStrategy[list[list[int]]]:
    row = st.lists(st.integers(0, 2), min_size=n, max_size=n)
    return st.lists(row, min_size=1, max_size=most)


some_forms = st.integers(2, 6).flatmap(lambda n: matrices(n, 6))


def named(rows: list[list[int]], letter: str = "f") -> dict[str, list[int]]:
    return {f"{letter}{i}": row for i, row in enumerate(rows)}


def rank(*rows: Any) -> int:
    return int(np.linalg.matrix_rank(np.concatenate([np.asarray(r, float) for r in rows])))


def in_span(rows: list[list[int]], vectors: Integers) -> Any:
    """Which of the vectors leave the rank as it is."""
    stacked = np.concatenate(
        [np.broadcast_to(np.array(rows), (len(vectors), *np.shape(rows))), vectors[:, None]], axis=1
    )
    return np.linalg.matrix_rank(stacked.astype(float)) == rank(rows)


def combined(rows: list[list[int]], most: int) -> set[tuple[int, ...]]:
    """All combinations of the rows with coefficients -most..most."""
    values = np.array(list(product(range(-most, most + 1), repeat=len(rows))))
    return as_set(np.unique(values @ np.array(rows), axis=0))


def sums(parts: Integers, w: int) -> set[tuple[int, ...]]:
    """All sums of the parts with entries up to w."""
    reached = {(0,) * parts.shape[1]}
    for part in map(tuple, parts.tolist()):
        grown = reached
        while grown:
            moved = {tuple(x + y for x, y in zip(v, part, strict=True)) for v in grown}
            grown = {v for v in moved if max(v) <= w} - reached
            reached = reached | grown
    return reached


@settings(max_examples=60, deadline=None)
@given(some_forms, st.integers(1, 2))
def test_atoms_are_the_minimal_vectors_of_the_span(rows: list[list[int]], w: int) -> None:
    n = len(rows[0])
    box = np.array(list(product(range(w + 1), repeat=n)), np.int64)
    inside = box[in_span(rows, box)]
    span = Span(n, named(rows))
    assert as_set(inside) == as_set(box[span.contains_all(box)])
    nonzero = inside[inside.any(axis=1)]
    below = (nonzero[:, None] >= nonzero[None]).all(axis=2).sum(axis=1)
    assert as_set(atoms(span, w)) == as_set(nonzero[below == 1])


@settings(max_examples=60, deadline=None)
@given(some_forms, st.integers(1, 2), st.data())
def test_floors_on_atoms_hold_for_every_combination(
    rows: list[list[int]], w: int, data: st.DataObject
) -> None:
    n = len(rows[0])
    found = atoms(Span(n, named(rows)), w)
    derived = [v for v in combined(rows, 2) if min(v) >= 0 and max(v) <= w]
    assert set(derived) <= sums(found, w)
    people = np.array(data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)))
    floor = min((count for count in (found @ people).tolist() if count), default=1)
    assert all(count == 0 or count >= floor for count in (np.array(derived) @ people).tolist())


@settings(max_examples=60, deadline=None)
@given(some_forms)
def test_sets_of_people_are_those_of_all_vectors(rows: list[list[int]]) -> None:
    """The attacker of mixed plans, who gives up early, against one who tries all vectors."""
    assume(any(map(any, rows)))
    every = brute_floors.smallest(brute_floors.within(np.array(rows), 1))
    found = brute_sets.sets(np.array(rows))
    assert as_set(found) == as_set(every)
    assert len(found) == len(every)


@settings(max_examples=100, deadline=None)
@given(some_forms, st.data())
def test_combinations_give_the_vector(rows: list[list[int]], data: st.DataObject) -> None:
    n, forms = len(rows[0]), named(rows)
    coefficients = data.draw(st.lists(st.integers(-2, 2), min_size=len(rows), max_size=len(rows)))
    given_by = {name: Fraction(c) for name, c in zip(forms, coefficients, strict=True) if c}
    vector = total(given_by, forms, n)
    found = Span(n, forms).combination(vector)
    assert found is not None
    assert total(found, forms, n) == vector
    assert len(found) <= max(len(given_by), rank(rows) if len(given_by) > 3 else 0)
    assert all(found.values())


def total(combination: Mapping[str, Fraction], forms: Mapping[str, Vector], n: int) -> list[int]:
    return [
        int(sum((c * forms[f][j] for f, c in combination.items()), Fraction())) for j in range(n)
    ]


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 6).flatmap(lambda n: st.tuples(*[matrices(n, 3)] * 3)))
def test_yields_against_brute_force(spans: tuple[list[list[int]], ...]) -> None:
    withheld, available, allowed = spans
    n = len(withheld[0])
    names = (named(rows, letter) for rows, letter in zip(spans, "wao", strict=True))
    found = yields(*(Span(n, forms) for forms in names))
    # Complement of the sum of complements: the dimensions of the two intersections.
    apart = [null_space(np.array(rows, float)).T for rows in spans]
    common = n - rank(*apart[:2])
    assert (found is None) == (common == n - rank(*apart))
    both = np.array(sorted(combined(withheld, 2) & combined(available, 2)), np.int64)
    if found is None:
        assert in_span(allowed, both).all()
        return
    vector = np.array([found.vector])
    assert in_span(withheld, vector).all()
    assert in_span(available, vector).all()
    assert not in_span(allowed, vector).any()
    own = np.array(withheld)
    own = own[in_span(available, own) & ~in_span(allowed, own)]
    assert not len(own) or found.vector == tuple(own[0])
