"""What follows from a pair's sums has a floor, whichever genotypes are opened as absent.

An attacker has a pair's sums and how many people have each genotype at both variants. Who has one
of the two genotypes has the other, or the pair is not opened. A sum of people with small weights
has a floor if it is a sum of counts that have one.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations, product
from pathlib import Path

import numpy as np
import pytest

from mpcgen.errors import PlanError
from mpcgen.protocols.floors import Minima
from mpcgen.protocols.genotype_counts import ALL, DIPLOID
from mpcgen.protocols.pairs import ListedPairs, WindowPairs
from mpcgen.study.closure import Span, atoms
from mpcgen.study.disclosure import HAPLOID, PEOPLE_A_VARIANT, Kinds, kinds_of
from mpcgen.study.load import load_study
from mpcgen.study.pair_disclosure import PAIR_COLUMNS, pair_floors
from mpcgen.study.study import Study
from tests import brute_floors, small, studies
from tests.brute_floors import Ints
from tests.brute_sets import Person, anybody, paired
from tests.mixed_plans import Plan
from tests.test_disclosure import is_sum

Row = tuple[int, ...]
CHROMOSOMES = ("1", "23", "26")
WEIGHTS = 4
SOME = ((0, 1, 2), (0, 1), (1, 2))  # dosages of people with two copies: somebody has two alleles
OF_ONE = ((0, 1), (0,), (1,))


def kinds(chrom: str) -> Kinds:
    return kinds_of(np.array([int(chrom)], np.int8))


def persons(chrom: str) -> list[Person]:
    """Everybody with both genotypes; men and women alike where they have as many copies."""
    of = [p for p in anybody((chrom, chrom), (ALL,)) if p.called]
    return [p for n, p in enumerate(of) if p.at not in [q.at for q in of[:n]]]


def floored(chrom: str, people: Sequence[Person]) -> Ints:
    """Counts with floors, (counts, people): those of a pair, and people by genotype."""
    sums = paired(people)
    forms = [
        np.sum([c * sums[name] for name, c in floor.form.items()], axis=0)
        for floor in pair_floors((ALL,), Minima(), kinds(chrom))
        if floor.or_zero
    ]
    margins = [sums[name] for name in PAIR_COLUMNS if "." in name]
    return np.array([*forms, *(margin for margin in margins if margin.any())])


def without_floor(chrom: str, at: Sequence[Sequence[str]], most: int) -> Iterator[Row]:
    """Sums with weights up to `most` of the people with these genotypes that have no floor."""
    people = [p for p in persons(chrom) if all(g in some for g, some in zip(p.at, at, strict=True))]
    if not people:
        return
    everybody = persons(chrom)
    parts = floored(chrom, everybody)[:, [everybody.index(p) for p in people]]
    assert (parts >= 0).all()
    known = {name: form.tolist() for name, form in paired(people).items()}
    of = tuple(map(tuple, parts.tolist()))
    found = map(tuple, atoms(Span(len(people), known), most).tolist())
    yield from (form for form in found if not is_sum(form, of))


def two_copies(dosages: Sequence[int]) -> list[str]:
    return [DIPLOID[d] for d in dosages]


def one_copy(dosages: Sequence[int]) -> list[str]:
    return [HAPLOID[d] for d in dosages]


@pytest.mark.parametrize("pair", [*product(SOME, repeat=2)], ids=str)
def test_autosomes(pair: Sequence[Sequence[int]]) -> None:
    assert not list(without_floor("1", [two_copies(some) for some in pair], WEIGHTS))


@pytest.mark.parametrize("pair", [*product(SOME, repeat=2)], ids=str)
def test_atoms_are_those_of_brute_force(pair: Sequence[Sequence[int]]) -> None:
    cells = [*product(*pair)]
    margins = [[int(c[side] == d) for c in cells] for side in (0, 1) for d in range(3)]
    known = np.array([*margins, [x * y for x, y in cells]])
    found = brute_floors.smallest(brute_floors.within(known, WEIGHTS))
    names = {str(n): row.tolist() for n, row in enumerate(known)}
    ours = atoms(Span(len(cells), names), WEIGHTS)
    assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, ours.tolist()))


@pytest.mark.parametrize("pair", [*product(OF_ONE, repeat=2)], ids=str)
def test_one_copy(pair: Sequence[Sequence[int]]) -> None:
    assert not list(without_floor("26", [one_copy(some) for some in pair], WEIGHTS))


@pytest.mark.parametrize("men", [*product([*OF_ONE, ()], repeat=2)], ids=str)
@pytest.mark.parametrize("women", [*product(SOME, repeat=2)], ids=str)
def test_x(women: Sequence[Sequence[int]], men: Sequence[Sequence[int]]) -> None:
    """Women have two copies and men one; of men there may be none, of one genotype or of both."""
    at = [[*two_copies(w), *one_copy(m)] for w, m in zip(women, men, strict=True)]
    assert not list(without_floor("23", at, 2))


def test_x_with_all_weights() -> None:
    assert not list(without_floor("23", [[*DIPLOID, *HAPLOID]] * 2, WEIGHTS))


def test_products_without_heterozygotes_would_need_more() -> None:
    """So somebody must be heterozygous at both variants: four times a count of people has a floor,
    and the count has none."""
    at = [two_copies((0, 2))] * 2
    assert list(without_floor("1", at, WEIGHTS))
    needed = [f for f in pair_floors((ALL,), Minima(), kinds("1")) if "heterozygous" in f.name]
    assert [f.form for f in needed] == [{"X.HET": 1}, {"Y.HET": 1}]
    assert all(f.behind for f in needed)


@pytest.mark.parametrize("chrom", CHROMOSOMES)
@pytest.mark.parametrize("side", [0, 1])
def test_floors_do_not_depend_on_which_allele_is_the_effect_allele(chrom: str, side: int) -> None:
    other = dict(zip([*DIPLOID, *HAPLOID], [*DIPLOID[::-1], *HAPLOID[::-1]], strict=True))
    people = persons(chrom)
    swapped = [
        p._replace(at=tuple(other[g] if n == side else g for n, g in enumerate(p.at)))
        for p in people
    ]
    forms = floored(chrom, people)
    turned = forms[:, [people.index(p) for p in swapped]]
    assert {*map(tuple, forms.tolist())} == {*map(tuple, turned.tolist())}


# Many variants in pairs together: lattice reduction on their Gram matrix.

LINKAGE = '\n[[entries]]\nstatistic = "linkage"\nwindow = {}\n'
FLOORED = studies.Rules(release=studies.TOGETHER)


@pytest.mark.parametrize("window", [2, 3, 40])
def test_people_for_each_variant_of_a_window(window: int, tmp_path: Path) -> None:
    study = load_study(small.lay_out(tmp_path, LINKAGE.format(window), FLOORED))
    together = min(window, max(np.bincount(study.sites.chrom)))
    assert study.together == together
    assert study.people_floors is not None
    floor = study.people_floors.counts[-1]
    assert f"{PEOPLE_A_VARIANT} for each of {together} variants" in floor.name
    sizes = np.array([floor.at_least - 1])
    unit = 1 if "groups of" not in floor.name else int(floor.name.split()[2])
    assert floor.at_least * unit >= PEOPLE_A_VARIANT * together
    assert study.people_tables(unit * sizes)[1][0, 0] == floor.at_least - 1
    assert study.people_tables(unit * sizes + unit)[1][0, 0] == floor.at_least


def test_windows_of_several_entries_add_up(tmp_path: Path) -> None:
    entries = LINKAGE.format(3) + LINKAGE.format(5).replace(
        "[[entries]]", '[[entries]]\nname = "b"'
    )
    study = load_study(small.lay_out(tmp_path, entries, FLOORED))
    assert study.together == 1 + 2 + 4


@pytest.mark.parametrize(
    ("pairs", "together"),
    [
        ([(0, 1), (2, 3)], 2),
        ([(0, 1), (0, 2), (1, 2), (2, 1)], 3),
        ([(0, j) for j in range(1, 9)], 9),
        ([(j, 8) for j in range(8)], 5),  # of the 8 partners half, as in a window
        ([(8, j) for j in range(8)], 5),
        ([(j, 8) for j in range(7)], 5),
        ([*combinations(range(8, 11), 2), *product(range(8), range(8, 11))], 6),
        ([*combinations(range(9), 2)], 9),
    ],
)
def test_people_for_listed_pairs(
    pairs: list[tuple[int, int]], together: int, tmp_path: Path
) -> None:
    text = "".join(f"s{i} s{j}\n" for i, j in pairs)
    digest = hashlib.sha256(text.encode()).hexdigest()
    entry = f'\n[[entries]]\nstatistic = "linkage"\npairs = "pairs"\npairs_sha256 = "{digest}"\n'
    plan = small.lay_out(tmp_path, entry, FLOORED)
    (tmp_path / "pairs").write_text(text)
    assert load_study(plan).together == together


@pytest.mark.parametrize("kb", [1, 2.5, 4, 100])
def test_windows_by_distance_count_as_many_earlier_variants_as_later(kb: float) -> None:
    pos = np.array([1, 2, 3, 4, 5, 6, 9, 12, 13, 14, 15, 16, 17]) * 1000
    window = WindowPairs(np.arange(len(pos)), np.ones_like(pos), pos, None, kb)
    listed = ListedPairs(window.between(0, window.total))
    assert listed.partners == window.partners


def test_no_pairs_ask_for_no_more_people(tmp_path: Path) -> None:
    study = load_study(small.lay_out(tmp_path, studies.OF_ALL, FLOORED))
    assert study.together == 0
    assert study.people_floors is not None
    assert len(study.people_floors.counts) == len(study.groups)


# Pairs of which one variant is of two copies and the other of one.


@pytest.mark.parametrize("chroms", [*permutations(CHROMOSOMES, 2), ("2", "24")])
def test_pairs_of_different_numbers_of_copies_are_refused(chroms: tuple[str, str]) -> None:
    with pytest.raises(PlanError, match="entry linkage: v0 and v1 are on chromosomes of which"):
        listed(chroms)


@pytest.mark.parametrize("chroms", [("1", "2"), ("23", "23"), ("24", "26"), ("2", "25")])
def test_pairs_of_the_same_number_of_copies_are_not(chroms: tuple[str, str]) -> None:
    assert len(listed(chroms).kinds_of_pairs) == 1


def listed(chroms: tuple[str, str]) -> Study:
    """A study of the one pair of two variants on these chromosomes."""
    pairs = "v0 v1\n"
    digest = hashlib.sha256(pairs.encode()).hexdigest()
    entry = '[[entries]]\nstatistic = "linkage"\npairs = "0.pairs"\n'
    return Plan(chroms, f'{entry}pairs_sha256 = "{digest}"\n', (pairs,)).load(Minima())
