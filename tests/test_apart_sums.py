"""Pairs without a cycle, beside counts of their variants: nothing follows but what has floors.

Forms are arrays (3, .., 3) of the weight of a person with these genotypes: a sum of functions of
each variant and of products of each pair. Nothing else follows by adding and subtracting. Looked
for are those that are nowhere negative, so that a small count is of few people. Without a cycle
they are sums of what single pairs and variants have floors on, and with one they are not.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mpcgen.protocols.floors import Floor, Minima
from mpcgen.protocols.pairs import ListedPairs
from mpcgen.study.apart import apart
from mpcgen.study.pair_disclosure import two_copies
from tests.brute_sets import DOSAGE_OF, anybody
from tests.mixed_plans import Plan
from tests.plain import MT, X
from tests.test_mixed_plans import View, a_few, asked

Ints = NDArray[np.int64]
Pairs = Sequence[tuple[int, int]]
COHORTS = 500  # that are tried at once
MOST = 10  # of which so many that meet the floors are looked at
LEAST = 3  # of what is opened at a variant and at a pair, or 0
SMALL = range(-2, 3)  # factors that are all tried
CELLS = np.array(list(product(range(3), repeat=3)))  # genotypes of three variants

PATH, TRIANGLE = ((0, 1), (1, 2)), ((0, 1), (1, 2), (0, 2))
FORESTS: tuple[Pairs, ...] = (
    ((0, 1),), PATH, ((0, 1), (0, 2), (0, 3)), ((0, 1), (1, 2), (2, 3)), ((0, 1), (2, 3)),
)  # fmt: skip


def _atoms_of_pairs() -> Ints:
    """Tables (.., 3, 3) of weights that floors are set on: margins, and the atoms of Sxy."""
    ones = np.ones(3, np.int64)
    margins = [np.outer(row, ones) for row in np.eye(3, dtype=np.int64)]
    return np.array([*margins, *(margin.T for margin in margins), *two_copies()], np.int64)


ATOMS_OF_PAIRS = _atoms_of_pairs()


def known(pair: tuple[int, int], genotypes: Ints) -> Ints:
    """What floors are set on at a pair and its variants, of people (N, m): (atoms, N)."""
    x, y = genotypes[:, pair].T
    return ATOMS_OF_PAIRS[:, x, y]


def floored(pairs: Pairs) -> Ints:
    """The same of all pairs, for each of CELLS."""
    return np.concatenate([known(pair, CELLS) for pair in pairs])


def nowhere_negative(pairs: Pairs) -> NDArray[np.float32]:
    """Forms (.., 27) with factors of SMALL of genotypes and products, 0 somewhere."""
    columns = [CELLS[:, v] == d for v in range(3) for d in (1, 2)]
    columns += [CELLS[:, i] * CELLS[:, j] for i, j in pairs]
    half = len(columns) // 2
    left, right = (
        np.array(list(product(SMALL, repeat=len(part))), np.float32) @ np.array(part, np.float32)
        for part in (columns[:half], columns[half:])
    )
    forms: NDArray[np.float32] = (left[:, None] + right).reshape(-1, len(CELLS))
    forms -= forms.min(axis=1, keepdims=True)
    return forms


@pytest.fixture(scope="module")
def of_a_path() -> NDArray[np.float32]:
    """All that follow with these factors."""
    return nowhere_negative(PATH)


kinds = st.lists(st.integers(0, len(CELLS) - 1), min_size=1, max_size=9, unique=True)


@settings(max_examples=15)
@given(kinds, st.integers(0, 2**32))
def test_no_few_people_on_a_path(
    of_a_path: NDArray[np.float32], kinds: list[int], seed: int
) -> None:
    """Cohorts of a few kinds of people that meet the floors of each pair: no sum is of fewer."""
    some = np.zeros((COHORTS, len(CELLS)), np.int64)
    some[:, kinds] = np.random.default_rng(seed).integers(1, 2 * LEAST, (COHORTS, len(kinds)))
    counts = some[none_or_least(some @ floored(PATH).T)][:MOST]
    event(f"{len(counts)} cohorts")
    sums = of_a_path @ counts.T.astype(np.float32)
    assert none_or_least(sums).all()


def test_a_few_people_where_pairs_go_round() -> None:
    """All floors are met, and what follows from the three pairs is a single person's."""
    x, y, z = CELLS.T
    counts = 10 * ((z == x + y) & (z < 2)) + ((x == 0) & (y == 0) & (z == 1))
    assert none_or_least((floored(TRIANGLE) @ counts)[None]).all()
    assert (z - x - y) ** 2 @ counts == 1
    assert not apart([ListedPairs(np.array(TRIANGLE))])


def none_or_least(counts: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether all of the counts (rows, ..) are 0 or at least LEAST, (rows,)."""
    return np.asarray(((counts == 0) | (counts >= LEAST)).all(axis=1))


# Whatever the factors: a form is taken to pieces as the module says.

factors = st.integers(-9, 9)


@given(st.sampled_from(FORESTS), st.data())
def test_what_follows_is_a_sum_of_what_single_pairs_tell(pairs: Pairs, data: st.DataObject) -> None:
    assert apart([ListedPairs(np.array(pairs))])
    cells = np.indices((3,) * (1 + max(map(max, pairs))))
    form = np.zeros(cells.shape[1:], np.int64)
    for x in cells:
        form += data.draw(factors) * (x == 1) + data.draw(factors) * (x == 2)
    for i, j in pairs:
        form += data.draw(factors) * cells[i] * cells[j]
    form -= form.min()
    rest = form.copy()
    for pair in reversed(pairs):  # the second of the last pair is in no pair that is left
        part = beside_others(rest, *pair).min(axis=1, keepdims=True)
        part = beside_others(rest, *pair) - part
        assert_sum_of_atoms(part, ATOMS_OF_PAIRS)
        rest -= part[cells[pair[0]], cells[pair[1]]]
        assert rest.min() == 0
    for v, x in enumerate(cells):
        alone = np.moveaxis(rest, v, -1).reshape(-1, 3)[0]
        assert_sum_of_atoms(alone - alone.min(), np.eye(3, dtype=np.int64))
        rest -= (alone - alone.min())[x]
    assert not rest.any()


def beside_others(form: Ints, i: int, j: int) -> Ints:
    """What it is at the genotypes of two variants, where all others have dosage 0: (3, 3)."""
    found: Ints = np.moveaxis(form, (i, j), (-2, -1)).reshape(-1, 3, 3)[0]
    return found


def assert_sum_of_atoms(form: Ints, atoms: Ints) -> None:
    """As long as anything is left, an atom is below it, and is taken away."""
    while form.any():
        below = [atom for atom in atoms if (atom <= form).all()]
        assert below
        form = form - below[0]


# Every cohort: an integer program looks for one that meets the floors of a plan.


class Path:
    """A plan of linkage alone, of the pairs of neighbours on one chromosome.

    Attributes:
        people: all persons, by sex and genotypes.
        floors: each with what it counts of every person.
        opened: forms that are opened, (forms, people); on X also who is male.
    """

    def __init__(self, chrom: str, variants: int):
        text = "".join(f"v{i} v{i + 1}\n" for i in range(variants - 1))
        digest = hashlib.sha256(text.encode()).hexdigest()
        entry = (
            f'[[entries]]\nstatistic = "linkage"\npairs = "0.pairs"\npairs_sha256 = "{digest}"\n'
        )
        plan = Plan((chrom,) * variants, entry, (text,))
        study = plan.load(Minima(1, LEAST, LEAST, 1, 1, 1, 1))
        self.people = [p for p in anybody(plan.chroms, study.groups) if p.called]
        self.floors: list[tuple[Ints, Floor]] = []
        for i in range(variants - 1):
            view = View(study, plan.chroms[i : i + 2], [()] * 2, study.of_pairs)
            view.people = [person._replace(at=person.at[i : i + 2]) for person in self.people]
            self.floors += asked(view)
        dosages = np.array([[DOSAGE_OF[genotype] for genotype in p.at] for p in self.people]).T
        opened = [np.array([chrom == X and person.male for person in self.people])]
        opened += [own == d for own in dosages for d in (1, 2)]
        opened += [x * y for x, y in pairwise(dosages)]
        self.opened = np.array(opened, np.int64)

    def form(self, factors: Sequence[int]) -> Ints:
        """What follows with these factors of what is opened, made nowhere negative."""
        found: Ints = np.array(factors) @ self.opened
        found -= found.min()
        return found


PATHS = [Path(chrom, 3) for chrom in ("1", X, MT)]


@settings(max_examples=150)
@given(st.sampled_from(PATHS), st.data())
def test_no_cohort_meets_all_floors_and_has_a_few(path: Path, data: st.DataObject) -> None:
    few = st.integers(-3, 3)
    form = path.form([data.draw(few) for _ in path.opened])
    if form.any():
        event(f"weights up to {form.max()}")
        assert a_few(form, LEAST, path.floors) is None


def test_a_man_in_a_pair_on_x() -> None:
    """Dosages of both sexes meet the floors, and he alone has no alternative allele at x.

    A sum of what is opened is 1 of him, and 0 of all others here.
    """
    pair = Path(X, 2)
    cohort: dict[tuple[str, ...], int] = dict.fromkeys(
        (("HAP_ALT", "HAP_ALT"), ("HOM_REF", "HOM_ALT"), ("HET", "HET")), LEAST
    )
    cohort["HAP_REF", "HAP_ALT"] = 1
    counts = np.array([cohort.get(person.at, 0) for person in pair.people])
    # men; dosages 1 and 2 at x, and at y; their product
    form = pair.form((0, -2, -3, -2, -3, 1))
    assert form @ counts == 1
    unmet = [f.name for of, f in pair.floors if not none_or_least((of @ counts)[None, None])]
    assert "all.HAP_REF" in unmet
