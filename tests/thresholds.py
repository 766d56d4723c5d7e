"""Statistics with thresholds: of people, exactly, and the sides of their comparison."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from mpcgen.protocols import allelic, genotypic, linkage, stratified, trend
from mpcgen.protocols.statistic import Threshold
from mpcgen.protocols.threshold import Bound
from tests import exact
from tests.one_party import Given

NAMED = partial(Threshold, "t")
PAIRS = [(x, y) for x, y in product(range(3), repeat=2)]  # of dosages


@dataclass(frozen=True)
class Case:
    """One statistic.

    Attributes:
        cells: how many nonnegative integers one unit takes: who has which genotypes.
        above: threshold, people -> decision.
        totals: cells -> columns of the joint totals.
        value: cells -> the statistic.
        sides: joint totals -> the sides of each comparison, left > t right.
        bounds: decision -> the bounds of these.
    """

    cells: int
    above: Callable[[float, int], Any]
    totals: Callable[[Sequence[int]], list[int]]
    value: Callable[[Sequence[int]], Fraction | None]
    sides: Callable[[Sequence[int]], list[tuple[int, int]]]
    bounds: Callable[[Any], list[Bound]] = lambda decision: [decision.bound]
    limit: Callable[[int], int] = lambda people: people


def groups(cells: Sequence[int]) -> list[list[int]]:
    return [[*cells[:5], 0, 0], [*cells[5:], 0, 0]]


def flat(cells: Sequence[int]) -> list[int]:
    return [n for group in groups(cells) for n in group]


def of_groups(statistic: Callable[[exact.Groups], Fraction | None]) -> Callable[..., Any]:
    return lambda cells: statistic(groups(cells))


def allelic_sides(totals: Sequence[int]) -> list[tuple[int, int]]:
    (a, b), (c, d) = exact.alleles([totals[:7], totals[7:]])
    return [((a + b + c + d) * (a * d - b * c) ** 2, (a + b) * (c + d) * (a + c) * (b + d))]


def trend_sides(totals: Sequence[int]) -> list[tuple[int, int]]:
    cases, controls = exact.genotypes([totals[:7], totals[7:]])
    both = [a + c for a, c in zip(cases, controls, strict=True)]
    R, N, S, S1 = sum(cases), sum(both), both[1] + 2 * both[2], cases[1] + 2 * cases[2]
    Q = both[1] + 4 * both[2]
    return [(N * (N * S1 - R * S) ** 2, R * (N - R) * (N * Q - S * S))]


def genotypic_sides(totals: Sequence[int]) -> list[tuple[int, int]]:
    cases, controls = exact.genotypes([totals[:7], totals[7:]])
    m = [a + c for a, c in zip(cases, controls, strict=True)]
    R, N, S = sum(cases), sum(m), sum(controls)
    squares = [(N * a - R * n) ** 2 for a, n in zip(cases, m, strict=True)]
    two = sum(squares[j] * m[j - 1] * m[j - 2] for j in range(3)), R * S * math.prod(m)
    one = N * sum(squares), 2 * R * S * (m[0] * m[1] + m[0] * m[2] + m[1] * m[2])
    return [two, one if not all(m) else (0, 0)]


def pair_totals(cells: Sequence[int]) -> list[int]:
    sums = [0] * 6
    for (x, y), n in zip(PAIRS, cells, strict=True):
        for j, value in enumerate((1, x, y, x * x, y * y, x * y)):
            sums[j] += n * value
    return sums


def pair_value(cells: Sequence[int]) -> Fraction | None:
    return exact.correlation(dict(zip(PAIRS, cells, strict=True)))


def pair_sides(totals: Sequence[int]) -> list[tuple[int, int]]:
    n, sx, sy, sxx, syy, sxy = totals
    return [((n * sxy - sx * sy) ** 2, (n * sxx - sx * sx) * (n * syy - sy * sy))]


def strata(cells: Sequence[int]) -> list[list[list[int]]]:
    """Institutions of people with two copies of one allele."""
    tables = (cells[i : i + 4] for i in range(0, len(cells), 4))
    return [[[b, 0, a, 0, 0, 0, 0], [d, 0, c, 0, 0, 0, 0]] for a, b, c, d in tables]


def stratified_totals(cells: Sequence[int]) -> list[int]:
    terms = [stratified.CMH_TERMS.local(Given(np.array([table])))[0] for table in strata(cells)]
    return [sum(map(int, column)) for column in zip(*terms, strict=True)]


def stratified_sides(totals: Sequence[int]) -> list[tuple[int, int]]:
    V, R, S, *_ = totals
    return [((R - S) ** 2, V << 40)]


def stratified_value(cells: Sequence[int]) -> Fraction | None:
    """Of the sums as they are opened, to 2^-40."""
    ((left, right),) = stratified_sides(stratified_totals(cells))
    return Fraction(left, right) if right else None


CASES = {
    "allelic": Case(
        10, lambda t, N: allelic.CHISQ.above(t, N, NAMED), flat, of_groups(exact.allelic),
        allelic_sides, limit=lambda people: 2 * people,
    ),
    "trend": Case(
        10, lambda t, N: trend.CHISQ.above(t, N, NAMED), flat, of_groups(exact.trend), trend_sides
    ),
    "genotypic": Case(
        10, lambda t, N: genotypic.above(t, t, N), flat, of_groups(exact.genotypic),
        genotypic_sides, lambda decision: [decision.two, decision.one],
    ),
    "r2": Case(
        9, lambda t, N: linkage.R2.above(t, N, NAMED), pair_totals, pair_value, pair_sides,
        limit=lambda _: 1,
    ),
    "cmh": Case(
        12, stratified.above, stratified_totals, stratified_value, stratified_sides,
        limit=lambda people: 2 * people,
    ),
}  # fmt: skip


def corners(case: Case, people: int) -> Iterator[list[int]]:
    """Everybody in a few cells, in shares of a sixth or an eighth; some people move one cell on."""
    rng = np.random.default_rng(case.cells)
    for parts in (2, 3, 6, 8):
        for _ in range(90):
            cells = [0] * case.cells
            used = rng.choice(case.cells, rng.integers(1, 7))
            for cell in rng.choice(used, parts):
                cells[int(cell)] += people // parts
            cells[int(used[0])] += people - sum(cells)
            moved = min(int(rng.integers(0, 3)), max(cells))
            cells[cells.index(max(cells))] -= moved
            cells[int(rng.integers(0, case.cells))] += moved
            yield cells
    yield from perfect(case, people)


def perfect(case: Case, people: int) -> Iterator[list[int]]:
    """All of one kind with one allele, all of the other with the other one; or with two others."""
    half = people // 2
    for one, other in ((half, half), (1, people - 1), (people // 3, people - people // 3)):
        cells = [0] * case.cells
        cells[0], cells[7 if case.cells == 10 else -1] = one, other
        yield cells
    third = people // 3
    yield ([0, third] * 2 + [0, 0, third] + [0] * 5)[: case.cells]


def tables_of(cells: int, people: int) -> Iterator[tuple[int, ...]]:
    """All ways in which up to so many people can be in so many cells."""
    if cells == 1:
        yield from ((n,) for n in range(people + 1))
        return
    for n in range(people + 1):
        yield from ((n, *rest) for rest in tables_of(cells - 1, people - n))
