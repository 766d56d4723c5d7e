"""Attacks by subtraction on real genotypes: they find people without floors, and nobody with them.

The attacker is an institution. It has what the study opened, its own files, and what anyone knows;
the truth is looked at only to count what it got right.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from mpcgen.protocols.floors import Minima
from tests import brute_floors, open_sets, studies
from tests.attacks.watcher import Watcher, watch
from tests.brute_floors import Ints
from tests.plain import Plain

WINDOW, LINKED = 50, 500
FEWER = {"t1d_nssnp": 40}  # 199 people without its largest institution
NO_FLOORS = 'floors = "none"'
LEAST = Minima()
MISSES = {"hm3_pops", "t1d_nssnp"}  # sets in which single people miss single genotypes
CALLED, DOSAGE = np.array(brute_floors.CALLED), np.array(brute_floors.ALT)


def everybody(open_set: Path) -> tuple[Plain, ...]:
    return open_sets.institutions(open_set.parent, open_set.name)


def seen_by_a(folder: Path, open_set: Path, release: str, entries: str) -> Watcher:
    rules = studies.Rules("clear", studies.NAMES[:1], release=release)
    members = studies.split(open_set / "clean")
    return watch(studies.lay_out(folder, members, open_set / "pooled.bim", entries, rules))


def linked(folder: Path, open_set: Path, release: str, first: int = LINKED) -> Watcher:
    """Frequencies of all variants, and linkage of some."""
    ids = (open_set / "oracle" / "ld.ids").read_text().split()[:first]
    window = FEWER.get(open_set.name, WINDOW)
    entries = studies.OF_ALL + studies.linkage(folder, ids, window)
    return seen_by_a(folder, open_set, release, entries)


class Lacking(NamedTuple):
    """Those with a genotype at variants x, and none at y: how many, and their alt alleles at x.

    Each (2 P,): a pair is looked at from both sides.
    """

    x: Ints
    y: Ints
    people: Ints
    dosage: Ints


def lacking(counts: Ints, pairs: Ints, sums: Ints) -> Lacking:
    """Counts (m, 7) of variants less sums (P, 6) of pairs."""
    x, y = np.concatenate([pairs, pairs[:, ::-1]]).T
    n, dosage = np.concatenate([sums[:, 0]] * 2), np.concatenate([sums[:, 1], sums[:, 2]])
    return Lacking(x, y, (counts @ CALLED)[x] - n, (counts @ DOSAGE)[x] - dosage)


def differences(seen: Watcher, owners: tuple[Plain, ...]) -> Iterator[Lacking]:
    """What the sums say of all, and of all but the people of each insider."""
    pairs, sums = seen.rows["linkage"], seen.sums["linkage"]["pair_sums"]
    counts = np.zeros((len(owners[0].ids), 7), np.int64)
    counts[seen.rows["frequency"]] = seen.sums["frequency"]["all"]
    yield lacking(counts, pairs, sums)
    for own in owners:
        yield lacking(counts - own.counts_of_all[:, 0], pairs, sums - own.pair_sums(pairs))


def genotypes(open_set: Path) -> Ints:
    """The truth: everybody's dosages (m, N), 3 where there is none."""
    return np.concatenate([brute_floors.dosages(own) for own in everybody(open_set)], axis=1)


def test_linkage_less_frequencies(open_set: Path, tmp_path: Path) -> None:
    """Where one person lacks a genotype, the difference is that person's other genotype."""
    truth, owners = genotypes(open_set), everybody(open_set)
    found = next(differences(linked(tmp_path, open_set, NO_FLOORS), owners))
    people = set()
    for row in np.flatnonzero(found.people == 1):
        x, y = found.x[row], found.y[row]
        (person,) = np.flatnonzero((truth[x] < 3) & (truth[y] == 3))
        assert truth[x, person] == found.dosage[row]
        people.add(person)
    assert len(people) > 100 if open_set.name in MISSES else not people
    for name, release in (("default", ""), ("any missing", "min_missing = 1\n")):
        folder = tmp_path / name
        folder.mkdir()
        seen = linked(folder, open_set, studies.TOGETHER + release)
        assert len(seen.rows["linkage"]) > 100
        for found in differences(seen, owners):
            assert not found.people.any()


def test_pairs_less_pairs(open_data: Path, tmp_path: Path) -> None:
    """Two pairs of one variant x, whose people differ by one: that person's genotype at x.

    Among those with x, whoever misses y misses z too, but for one person: an array that fails
    for a batch of people does that. The attacker does not know it, but sees that the differences
    of people, dosages and squares are those of one person, at several x.
    """
    open_set = open_data / "t1d_nssnp"
    seen, truth = linked(tmp_path, open_set, studies.TOGETHER, 2000), genotypes(open_set)
    claimed: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for x, y, z, person in of_one_person(seen):
        claimed.setdefault((y, z), []).append((x, *person))
    found = set()
    for (y, z), claims in claimed.items():
        for x, dosage, square in claims:
            here = (truth[x] < 3) & (truth[y] < 3) & (truth[z] == 3)
            if here.sum() == 1 and len(claims) > 1 and dosage**2 == square:
                found.add((int(np.flatnonzero(here)[0]), x))
    assert not found


def test_products_of_alt_and_ref_alleles(open_data: Path, tmp_path: Path) -> None:
    """2 Sx - Sxy is small where carriers at x have two alt alleles at y, but for a few people.

    If it is 1 there is one carrier with one ref allele at y, and no other carrier has any. Which
    allele is alt means nothing, so this is as much of a count as Sxy, which has a floor.
    """
    seen = linked(tmp_path, open_data / "kgp1_chr22", studies.TOGETHER, 2000)
    n, sx, sy, _, _, sxy = seen.sums["linkage"]["pair_sums"].T
    for count in (sxy, 2 * sx - sxy, 2 * sy - sxy, 4 * n - 2 * sx - 2 * sy + sxy):
        assert (count >= 0).all()
        assert not ((count > 0) & (count < LEAST.min_cell)).any()


def of_one_person(seen: Watcher) -> Iterator[tuple[int, int, int, tuple[int, int]]]:
    """Variants x, y, z with one more person at (x, y) than at (x, z): x's dosage and its square."""
    pairs, sums = seen.rows["linkage"], seen.sums["linkage"]["pair_sums"]
    both = np.concatenate([pairs, pairs[:, ::-1]])
    at_x = np.concatenate([sums[:, [0, 1, 3]], sums[:, [0, 2, 4]]])
    for x in np.unique(both[:, 0]):
        rows = np.flatnonzero(both[:, 0] == x)
        of = at_x[rows]
        for i, j in np.argwhere(np.subtract.outer(of[:, 0], of[:, 0]) == 1):
            dosage, square = (of[i] - of[j])[1:]
            yield int(x), int(both[rows[i], 1]), int(both[rows[j], 1]), (int(dosage), int(square))


OPENED_AS = {
    "frequency": ("frequency", "all"),
    "allelic": ("association", "alleles"),
    "genotypic": ("association", "genotypes"),
    "trend": ("association", "dosages"),
}


def derived(
    seen: Watcher, owners: tuple[Plain, ...], entries: tuple[str, ...]
) -> Iterator[tuple[Ints, Ints]]:
    """Every count that follows at the variants, of all and of all but each insider's people.

    Each: values (m, counts), by solving for the count in the forms that were opened, and the truth.
    """
    forms = [form for entry in entries for form in brute_floors.OPENED[entry]]
    known = np.array([*forms, *np.kron(np.eye(2, dtype=int), brute_floors.PEOPLE)])
    rows = seen.rows["association"]
    opened = [seen.sums[entry][name] for entry, name in map(OPENED_AS.__getitem__, entries)]
    sizes = [[seen.people["cases"], seen.people["controls"]]] * len(rows)
    values = np.concatenate([*opened, np.array(sizes)], axis=1)
    counts = [own.counts[rows].reshape(len(rows), -1).astype(np.int64) for own in owners]
    kinds = np.array([brute_floors.kind(c) for c in owners[0].chrom[rows]])
    for mine in [np.zeros_like(counts[0]), *counts]:
        for kind in np.unique(kinds):
            of = kinds == kind
            columns = brute_floors.KINDS[kind]
            places = [7 * g + c for g in (0, 1) for c in columns]
            wanted = brute_floors.of_variant(entries, 2, columns)
            how = np.linalg.lstsq(known[:, places].T, wanted[:, places].T)[0]
            told = np.isclose(known[:, places].T @ how, wanted[:, places].T).all(axis=0)
            how, wanted = how[:, told], wanted[told]  # the sexes at X follow from other variants
            found = (values[of] - mine[of] @ known.T) @ how
            np.testing.assert_allclose(found, np.rint(found), atol=1e-6)
            truth = (np.sum(counts, axis=0) - mine)[of] @ wanted.T
            yield np.rint(found).astype(np.int64), truth


@pytest.mark.parametrize("entries", [("frequency", "allelic"), tuple(OPENED_AS)], ids=len)
def test_all_against_cases_and_controls(
    entries: tuple[str, ...], open_set: Path, tmp_path: Path
) -> None:
    """Entries of one plan less each other, and less the insider's own: no count of 1 to 4."""
    tests = ", ".join(f'"{name}"' for name in entries if name != "frequency")
    text = f'{studies.OF_ALL}\n[[entries]]\nstatistic = "association"\ntests = [{tests}]\n'
    owners = everybody(open_set)
    for release, some in ((NO_FLOORS, True), ("", False)):
        folder = tmp_path / f"{some}"
        folder.mkdir()
        seen, few = seen_by_a(folder, open_set, release, text), []
        assert len(seen.rows["association"]) > 1000
        np.testing.assert_array_equal(seen.rows["association"], seen.rows["frequency"])
        for found, truth in derived(seen, owners, entries):
            np.testing.assert_array_equal(found, truth)
            few.append(int(((found > 0) & (found < LEAST.min_cell)).sum()))
        assert all(few) == any(few) == some


def test_people_without_a_phenotype(open_set: Path, tmp_path: Path) -> None:
    """All less cases less controls.

    One plan has one set of people: `all` is not opened besides cases and controls, and pairs are of
    the same people. It takes two plans, whose difference is the people without a phenotype.
    """
    owners, seen = everybody(open_set), {}
    ids = (open_set / "oracle" / "ld.ids").read_text().split()[:20]
    for name, entries in (("groups", studies.OF_GROUPS), ("everybody", studies.OF_ALL)):
        folder = tmp_path / name
        folder.mkdir()
        text = entries + studies.linkage(folder, ids, WINDOW)
        seen[name] = seen_by_a(folder, open_set, NO_FLOORS, text)
    groups = seen["groups"]
    assert groups.sums["frequency"].keys() == {"cases", "controls"}
    assert groups.sums["linkage"]["pair_sums"][:, 0].max() <= sum(groups.people.values())
    counts = [seen["everybody"].sums["frequency"]["all"], *groups.sums["frequency"].values()]
    without = sum(own.counts_of_all[:, 0] - own.counts.sum(axis=1) for own in owners)
    np.testing.assert_array_equal(counts[0] - counts[1] - counts[2], without)
    nobody = sum((own.phenotype == "-9").sum() for own in owners) == 0
    assert (not np.any(without)) == nobody == (open_set.name != "hm3_pops")
