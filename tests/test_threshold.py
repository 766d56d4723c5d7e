"""Thresholds on shares, against exact fractions: what passes, the range proofs, the refusals."""

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from mpcgen.abb import Box, Seat
from mpcgen.dry import cost_of
from mpcgen.leakage import Leakage, Opening
from mpcgen.protocols import genotypic, stratified
from mpcgen.protocols.association import MIN_P, TESTS
from mpcgen.protocols.clear import Clear
from mpcgen.protocols.statistic import MAX_PEOPLE, Decision
from mpcgen.protocols.threshold import WIDE, Bound, bound, wide_bound
from tests import conformance, exact
from tests.one_party import ME, Alone
from tests.thresholds import CASES, Case, corners, flat, groups, tables_of

Integers: TypeAlias = NDArray[Any]  # Python's own, of any size

GUESTS = conformance.Setting("replicated", ("A", "B", "C", "D"), ("B", "D", "A"))
UNIT = Fraction(1, 1 << 15)

by_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def passes(decision: Decision, totals: Integers) -> list[bool]:
    """What a box of one party decides of joint totals (m, columns)."""
    m = len(totals)
    leakage = Leakage([Opening("passing", 1, (m,), (ME,))])
    box = Clear(Alone(), Seat(ME, (ME,), (ME,), (ME,)), leakage)
    total = box.input("totals", WIDE, totals.shape, WIDE.encode(totals))[ME]
    return list(map(bool, box.open_bits({"passing": decision.passes(box, total)}, m)["passing"]))


def shared(decision: Decision, totals: Integers) -> list[bool]:
    """What three parties decide of totals that four owners share; costs are as declared."""
    m = len(totals)
    parts = conformance.uniform(WIDE, (3, *totals.shape), 5)
    last = WIDE.sub(WIDE.encode(totals), WIDE.sum(parts, 0))
    values = dict(zip(GUESTS.owners, (*parts, last), strict=True))

    def program(box: Box) -> list[bool]:
        shares = box.input("totals", WIDE, totals.shape, conformance.given(box, values))
        before = box.declared
        bits = decision.passes(
            box, sum(shares.values(), box.constant(WIDE, WIDE.zeros(totals.shape)))
        )
        assert box.declared == before + cost_of(
            box.costs, lambda dry: decision.passes(dry, dry.secret(WIDE, totals.shape))
        )
        return list(map(bool, box.open_bits({"passing": bits}, m)["passing"]))

    manifest = [Opening("passing", 1, (m,), GUESTS.parties)]
    first, *others = conformance.run(GUESTS, manifest, program).values()
    assert all(other == first for other in others)
    assert isinstance(first, list)
    return first


Decide: TypeAlias = Callable[[Decision, Integers], list[bool]]

engines = pytest.mark.parametrize("decide", [passes, shared], ids=["clear", "replicated"])


def as_rows(rows: Sequence[Sequence[int]]) -> Integers:
    return np.array(rows, object)


few = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 400))


@settings(max_examples=25)
@by_case
@given(data=st.data())
def test_exactly_what_is_above_passes(case: Case, data: st.DataObject) -> None:
    """With thresholds next to the first statistic: at it, it does not pass."""
    table = st.lists(few, min_size=case.cells, max_size=case.cells)
    tables = data.draw(st.lists(table, min_size=1, max_size=8))
    people = max(200, *map(sum, tables))
    values = [case.value(cells) for cells in tables]
    step = math.floor((values[0] or 0) / UNIT)
    for t in {float(max(step + n, 0) * UNIT) for n in (-1, 0, 1)}:
        if t < case.limit(people):
            decision = case.above(t, people)
            assert all(each.value == t for each in case.bounds(decision))
            kept = passes(decision, as_rows([case.totals(cells) for cells in tables]))
            assert kept == [exact.above(value, t) for value in values]


# Cases and controls: homozygous ref, heterozygous, homozygous alt, one copy of ref, of alt.
DEGENERATE = {
    "absent": [0] * 10,
    "no cases": [0] * 5 + [5, 6, 7, 8, 9],
    "no controls": [5, 6, 7, 8, 9] + [0] * 5,
    "ref only": [9, 0, 0, 4, 0, 7, 0, 0, 3, 0],
    "alt only": [0, 0, 9, 0, 4, 0, 0, 7, 0, 3],
    "heterozygous only": [0, 9, 0, 0, 0, 0, 7, 0, 0, 0],
    "the same in both": [2, 4, 6, 0, 0, 3, 6, 9, 0, 0],
}


@engines
@pytest.mark.parametrize("name", ["allelic", "trend", "genotypic"])
def test_what_is_degenerate_never_passes(name: str, decide: Decide) -> None:
    """Not even a threshold of 0; one copy is no genotype."""
    case, haploid = CASES[name], [0, 0, 0, 9, 1, 0, 0, 0, 3, 7]
    rows = [*DEGENERATE.values(), haploid]
    kept = decide(case.above(0.0, 1000), as_rows([case.totals(cells) for cells in rows]))
    assert kept == [False] * len(DEGENERATE) + [name == "allelic"]


@engines
def test_degenerate_strata_and_pairs_never_pass(decide: Decide) -> None:
    """Institutions without a margin, and those whose deviations cancel; pairs without variance."""
    empty = [0, 0, 3, 4, 3, 4, 0, 0, 0, 5, 0, 6]
    cmh = [[0] * 12, empty, [5, 0, 6, 0] * 3, [9, 2, 3, 8, 3, 8, 9, 2, 0, 0, 0, 0]]
    case = CASES["cmh"]
    assert not any(decide(case.above(0.0, 1000), as_rows([case.totals(row) for row in cmh])))
    pairs = [[0] * 9, [5, 6, 7] + [0] * 6, [0, 5, 0, 0, 6, 0, 0, 7, 0], [1, 2, 3, 2, 4, 6, 3, 6, 9]]
    case = CASES["r2"]
    assert not any(decide(case.above(0.0, 1000), as_rows([case.totals(row) for row in pairs])))


@engines
def test_a_missing_genotype_leaves_one_degree_of_freedom(decide: Decide) -> None:
    """chi2 is 4.8 each time: above 4 with 1 degree of freedom, not above 5 with 2."""
    rows = [[8, 4, 0], [8, 0, 4], [0, 8, 4], [4, 8, 0], [7, 4, 1]]
    other = [[3, 9, 0], [3, 0, 9], [0, 3, 9], [9, 3, 0], [3, 8, 1]]
    tables = [[*a, 0, 0, *b, 0, 0] for a, b in zip(rows, other, strict=True)]
    values = [exact.genotypic(groups(cells)) for cells in tables]
    totals = as_rows([flat(cells) for cells in tables])
    for two, one in product((1.0, 2.0, 5.0), (4.0, 4.25, 5.0)):
        expected = [exact.above(value, one) for value in values[:4]] + [exact.above(values[4], two)]
        assert decide(genotypic.above(two, one, 100), totals) == expected


def thresholds(limit: int) -> list[float]:
    """The least and greatest that a plan can ask for, and some between."""
    most = stats.chi2.isf(MIN_P, 2)
    usual = (0.0, 1 / 3, 3.84, 29.72, most, limit / 2, limit - 2.0**-16)
    return [t for t in usual if t < min(limit, most + 1)]


def in_range(bound: Bound, left: int, right: int) -> None:
    """The comparison's numbers fit the bits that it looks at, or are decided without."""
    most = 1 << (bound.bits - 1)
    excess = bound.numerator * right - (left << bound.fraction_bits)
    if bound.beyond is not None:
        assert -most <= bound.beyond - left < most
        if left > bound.beyond:
            assert excess < 0
            return
    assert -most <= excess < most


@by_case
@engines
def test_nothing_overflows_in_the_largest_study(case: Case, decide: Decide) -> None:
    tables = list(corners(case, MAX_PEOPLE))
    totals, values = [case.totals(cells) for cells in tables], list(map(case.value, tables))
    beyond = 0
    for t in thresholds(case.limit(MAX_PEOPLE)):
        decision = case.above(t, MAX_PEOPLE)
        bounds = case.bounds(decision)
        for row in totals:
            for each, (left, right) in zip(bounds, case.sides(row), strict=True):
                in_range(each, left, right)
                beyond += each.beyond is not None and left > each.beyond
        effective = bounds[0].value
        if len({each.value for each in bounds}) == 1:
            assert decide(decision, as_rows(totals)) == [exact.above(v, effective) for v in values]
    assert beyond or not any(each.beyond for each in bounds)


@pytest.mark.parametrize(("name", "people"), [
    ("allelic", 4), ("trend", 4), ("genotypic", 6), ("r2", 4), ("cmh", 3),
])  # fmt: skip
def test_the_sides_are_proved_for_every_small_study(name: str, people: int) -> None:
    case = CASES[name]
    used = [0, 1, 2, 5, 6, 7] if case.cells == 10 and name != "allelic" else range(case.cells)
    limit = case.limit(people)
    decisions = [case.above(t, people) for t in (0.0, limit / 2, limit - 2.0**-16)]
    for some in tables_of(len(used), people):
        cells = [0] * case.cells
        for cell, n in zip(used, some, strict=True):
            cells[cell] = n
        for decision in decisions:
            sides = case.sides(case.totals(cells))
            for each, (left, right) in zip(case.bounds(decision), sides, strict=True):
                in_range(each, left, right)


@pytest.mark.parametrize("name", TESTS)
@pytest.mark.parametrize("people", [10, 92_682, 908_094, MAX_PEOPLE])
@given(exponent=st.floats(0.01, 299.9))
def test_what_takes_effect_is_no_weaker(name: str, people: int, exponent: float) -> None:
    p = 10**-exponent
    df = [2, 1] if name == "genotypic" else [1]
    limit = 2 * people if name in {"allelic", "cmh"} else people
    if stats.chi2.isf(p, df[0]) >= limit:
        with pytest.raises(ValueError, match=f"at most {limit}: none can be above"):
            TESTS[name].decision(p, people)
        return
    decision: Any = TESTS[name].decision(p, people)
    for d, t, each in zip(df, decision.effective, CASES[name].bounds(decision), strict=True):
        assert t.name == (f"genotypic chi2, {d} df" if name == "genotypic" else f"{name} chi2")
        assert t.value == each.value
        wanted = stats.chi2.isf(p, d)
        assert -wanted * 1e-14 <= t.value - wanted < 2.0**-each.fraction_bits + wanted * 1e-14
        assert t.p <= p * (1 + 1e-12)
        assert t.p == pytest.approx(stats.chi2.sf(t.value, d), rel=1e-10)


def test_thresholds_have_fifteen_bits_wherever_they_fit() -> None:
    for name, test in TESTS.items():
        for people in (100, 92_682, 908_094, MAX_PEOPLE):
            decision: Any = test.decision(5e-8, people)
            case = CASES[name]
            assert {each.fraction_bits for each in case.bounds(decision)} == {15}
            assert max(each.bits for each in case.bounds(decision)) <= WIDE.k
    least: Any = genotypic.above(stats.chi2.isf(MIN_P, 2), 1.0, MAX_PEOPLE)
    assert least.two.fraction_bits == 13


def test_one_comparison_is_enough_for_most_studies() -> None:
    """The largest studies that do with one, and the smallest that take two."""
    for people, alone in ((908_093, True), (908_094, False)):
        assert (genotypic.above(30.0, 30.0, people).two.beyond is None) is alone
    for people, alone in ((92_681, True), (92_682, False)):
        assert (stratified.above(30.0, people).bound.beyond is None) is alone
    for name in ("allelic", "trend", "r2"):
        assert CASES[name].above(0.5, MAX_PEOPLE).bound.beyond is None


@pytest.mark.parametrize("make", [bound, wide_bound])
def test_what_cannot_be_decided_is_refused(make: Callable[[float, int, int], Bound]) -> None:
    for t in (7.0, 7.5):
        with pytest.raises(ValueError, match="at most 7: none can be above 7"):
            make(t, 7, 100)
    assert make(6.99999, 7, 100).value == 7
    with pytest.raises(ValueError, match=r"up to 2\^116 leave less than 12 bits"):
        make(0.5, 1, 1 << 115)
    assert make(0.5, 1, 1 << 114).fraction_bits == 12


@given(st.floats(0, 2000), st.integers(1, 1 << 24), st.integers(1, 1 << 112))
@example(1.0, 1 << 14, (1 << 112) - 1)
@example(200.0, 1 << 20, (1 << 106) - 1)
def test_bounds_keep_their_promise(t: float, limit: int, largest: int) -> None:
    """Whatever the sides are, up to left = limit right, at the largest right."""
    try:
        chosen = wide_bound(t, limit, largest)
    except ValueError:
        assert t >= limit or math.ceil(t) * largest >= 1 << 115 or limit * largest >= 1 << 127
        return
    assert (
        Fraction(t) <= Fraction(chosen.value) < Fraction(t) + Fraction(2) ** -chosen.fraction_bits
    )
    assert chosen.bits <= WIDE.k
    near = chosen.numerator * largest >> chosen.fraction_bits
    for right in (0, 1, largest // 2, largest):
        for left in {0, 1, near, min(near + 1, limit * largest), limit * largest}:
            in_range(chosen, left, right)
