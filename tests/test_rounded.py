"""Rounded statistics against Python's integers: all that is opened alone, at corners."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import floor, isqrt
from typing import TypeAlias

import numpy as np
import pytest

from mpcgen.abb import Box
from mpcgen.errors import RangeError
from mpcgen.protocols import allelic
from mpcgen.protocols.association import Association
from mpcgen.protocols.case_control import GROUPS
from mpcgen.protocols.division import UNDEFINED
from mpcgen.protocols.engines import COMPARISONS, LONG, PRODUCTS
from mpcgen.protocols.frequency import Frequency
from mpcgen.protocols.linkage import R2, Linkage
from mpcgen.protocols.pair_options import PairOptions
from mpcgen.protocols.rounded import Rounded, Sides
from mpcgen.protocols.statistic import MAX_PEOPLE, Value
from tests import conformance, exact
from tests.conformance import given, run
from tests.test_comparison import shared

Row: TypeAlias = Sequence[int]  # totals of one unit
FOURTH = MAX_PEOPLE // 4
ASSOCIATION = Association(("allelic", "trend"))
N = MAX_PEOPLE

# Genotype counts of cases, then of controls: HOM_REF HET HOM_ALT HAP_REF HAP_ALT MISSING ABSENT.
COUNTS: Mapping[str, Row] = {
    "counts of 1": (0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0),
    "one alt allele": (99, 1, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0),
    "monomorphic": (50, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0),
    "nobody has ref": (0, 0, 5, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0),
    "all missing": (0, 0, 0, 0, 0, 50, 0, 0, 0, 0, 0, 0, 40, 0),
    "no cases called": (0, 0, 0, 0, 0, 9, 0, 3, 4, 5, 0, 0, 0, 0),
    "perfect": (0, 0, 70, 0, 0, 0, 0, 80, 0, 0, 0, 0, 0, 0),
    "perfect, in large": (0, 0, N // 2, 0, 0, 0, 0, N // 2, 0, 0, 0, 0, 0, 0),
    "one against all": (0, 0, 1, 0, 0, 0, 0, N - 1, 0, 0, 0, 0, 0, 0),
    "nearly perfect": (1, 0, N // 2 - 1, 0, 0, 0, 0, N // 2 - 1, 1, 0, 0, 0, 0, 0),
    "half and half": (FOURTH // 2, FOURTH, FOURTH // 2, 0, 0, 0, 0) * 2,
    "a hair off": (FOURTH, FOURTH, 1, 0, 0, 0, 0, FOURTH, FOURTH - 1, 2, 0, 0, 0, 0),
    "haploid": (0, 0, 0, 30, 20, 0, 0, 0, 0, 0, 10, 44, 0, 0),
    "a zero cell": (10, 0, 0, 0, 0, 0, 0, 5, 5, 0, 0, 0, 0, 0),
    "of X": (40, 33, 12, 21, 9, 3, 0, 55, 30, 8, 30, 5, 1, 0),
}
# n, Sx, Sy, Sxx, Syy, Sxy.
PAIRS: Mapping[str, Row] = {
    "nobody": (0, 0, 0, 0, 0, 0),
    "one person": (1, 1, 2, 1, 4, 2),
    "monomorphic": (9, 18, 5, 36, 7, 10),
    "the same": (N, N, N, N + FOURTH, N + FOURTH, N + FOURTH),
    "opposite": (N, N, N, 2 * N, 2 * N, 0),
    "unrelated": (N, N, N, 2 * N, 2 * N, N),
    "a hair": (N, N, N, 2 * N, 2 * N, N + 1),
    "one carrier each": (N, 1, 1, 1, 1, 0),
    "small": (7, 5, 4, 7, 6, 5),
}


def groups(row: Row) -> list[Row]:
    return [row[:7], row[7:]]


def odds(row: Row) -> Fraction | None:
    (a, b), (c, d) = exact.alleles(groups(row))
    return Fraction(a * d, b * c) if b * c else None


def frequency(of: slice) -> Callable[[Row], Fraction | None]:
    def value(row: Row) -> Fraction | None:
        table = exact.alleles(groups(row))[of]
        alt, both = sum(a for a, _ in table), sum(a + b for a, b in table)
        return Fraction(alt, both) if both else None

    return value


def every(digits: int) -> Iterator[Value]:
    """All values of single variants, the odds ratio apart."""
    yield from ASSOCIATION.values(("chisq",), digits, N)
    if digits < 22:
        yield from Frequency(("all", "cases"), GROUPS).values(("af",), digits, N)


EXACT: Mapping[str, Callable[[Row], Fraction | None]] = {
    "allelic.chisq": lambda row: exact.allelic(groups(row)),
    "trend.chisq": lambda row: exact.trend(groups(row)),
    "all.af": frequency(slice(None)),
    "cases.af": frequency(slice(1)),
}


def wanted(value: Fraction | None, digits: int) -> int:
    return UNDEFINED if value is None else floor(value * 2**digits + Fraction(1, 2))


def opened(setting: conformance.Setting, value: Value, rows: Sequence[Row]) -> list[int]:
    """The values of units with these totals as every party opens them; the cost is as declared."""
    ring, totals = value.ring, np.array(rows, object)

    def program(box: Box) -> list[int]:
        own = given(box, shared(setting, ring, ring.encode(totals)))
        first, *others = box.input("totals", ring, totals.shape, own).values()
        before = box.declared
        y = value.secret(box, sum(others, first), "y")
        assert before + value.cost(box.costs, len(rows)) == box.declared
        return [int(x) for x in value.opened.signed(box.open({"y": y})["y"])]

    first, *others = run(setting, [("y", value.opened, (len(rows),))], program).values()
    assert all(other == first for other in others)
    assert isinstance(first, list)
    return first


by_setting = conformance.by_setting(PRODUCTS, COMPARISONS, LONG)


@by_setting
@pytest.mark.parametrize("name", EXACT)
def test_single_variants(setting: conformance.Setting, name: str) -> None:
    rows = list(COUNTS.values())
    (value,) = (value for value in every(10) if value.name == name)
    found = opened(setting, value, rows)
    assert found == [wanted(EXACT[name](row), 10) for row in rows]


@by_setting
def test_odds_ratios(setting: conformance.Setting) -> None:
    rows = list(COUNTS.values())
    (value,) = Association(("allelic",)).values(("or",), 9, N)
    assert opened(setting, value, rows) == [wanted(odds(row), 9) for row in rows]


@by_setting
def test_pairs(setting: conformance.Setting) -> None:
    rows = list(PAIRS.values())
    (value,) = Linkage(PairOptions(window=2)).values(("r2",), 12, N)
    found = opened(setting, value, rows)
    assert found == [wanted(exact.r2(*row), 12) for row in rows]
    assert 0 in found
    assert 1 << 12 in found
    assert UNDEFINED in found


def correlation(row: Row, digits: int) -> int:
    """(1 + r) 2^digits, halves away from r = 0, from the root of an integer."""
    n, sx, sy, sxx, syy, sxy = row
    C, V = n * sxy - sx * sy, (n * sxx - sx * sx) * (n * syy - sy * sy)
    if V == 0:
        return UNDEFINED
    size = (isqrt((C * C << 2 * digits + 2) // V) + 1) // 2
    return (1 << digits) + (size if C > 0 else -size)


def random_pair(rng: np.random.Generator, most: int) -> Row:
    """Sums of two dosages of which people have each combination."""
    people = {
        (x, y): int(rng.integers(0, most)) for x in range(3) for y in range(3) if rng.integers(2)
    }
    of = (lambda x, y: 1, lambda x, y: x, lambda x, y: y, lambda x, y: x * x,
          lambda x, y: y * y, lambda x, y: x * y)  # fmt: skip
    return [sum(f(*both) * count for both, count in people.items()) for f in of]


@by_setting
@pytest.mark.parametrize("digits", [12, 17, 0])
def test_correlations(setting: conformance.Setting, digits: int) -> None:
    rng = np.random.default_rng(digits)
    rows = [*PAIRS.values(), *(random_pair(rng, 1 << n) for n in (1, 3, 18) for _ in range(10))]
    _, value = Linkage(PairOptions(window=2)).values(("r2", "r"), digits, N)
    found = opened(setting, value, rows)
    assert found == [correlation(row, digits) for row in rows]
    assert value.value(np.array([0, 1 << digits, UNDEFINED])).tolist()[:2] == [-1, 0]
    assert 0 in found
    assert 2 << digits in found


@pytest.mark.parametrize(
    ("name", "digits"), [("allelic.chisq", 30), ("trend.chisq", 30), ("all.af", 21)]
)
def test_random_tables_to_the_finest_step(name: str, digits: int) -> None:
    rng = np.random.default_rng(3)
    rows = [tuple(map(int, rng.integers(0, 1 << n, 14))) for n in (1, 3, 8, 18) for _ in range(100)]
    (value,) = (value for value in every(digits) if value.name == name)
    found = opened(conformance.SETTINGS[0], value, rows)
    assert found == [wanted(EXACT[name](row), digits) for row in rows]


@pytest.mark.parametrize(
    ("ratio", "digits", "people", "words"),
    [
        (allelic.CHISQ, 31, N, "x to 31 binary digits does not fit Z_2^128 among up to 4194304 "
         "people: 30 digits do, and so many digits do among 2097152 people"),
        (allelic.ODDS_RATIO, 10, N, "9 digits do, and so many digits do among 2097152 people"),
        (R2, 60, 1000, "53 digits do"),
    ],
)  # fmt: skip
def test_what_does_not_fit_says_what_does(
    ratio: Sides, digits: int, people: int, words: str
) -> None:
    with pytest.raises(RangeError, match=re.escape(words)):
        Rounded(ratio, digits, people, "x")
