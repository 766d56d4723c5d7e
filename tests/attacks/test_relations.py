"""What consent to pairs together gives away: their sums tell more than floors cover.

Without consent = ["pairs together"] plans of such pairs are refused; here all agree to them.

Dense variants of a small part of the genome are nearly sums of each other: who carries z carries
either x or y, but for a few people. With t = g_z - g_x - g_y - c for everybody,

    sum of t^2        follows from the sums of the pairs of x, y and z
    sum of t g_w      from those of each with w, if they are opened
    sum of t of cases from the counts of alleles of cases

If the first is 1, t is that of a single person, so the others are this person's genotype at w, and
phenotype. No floor on pairs sees it: each is of many people (docs/release.md, What remains).
The attacker here has what is published, and nothing else; the truth is looked at to count what it
got right.
"""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, permutations, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgen.errors import PlanError
from mpcgen.protocols.floors import Minima
from mpcgen.study.disclosure import PEOPLE_A_VARIANT
from mpcgen.study.load import load_study
from mpcgen.study.pair_disclosure import two_copies
from tests import small, studies
from tests.attacks.watcher import Watcher, watch
from tests.brute_floors import Ints, dosages
from tests.plain import read_plain
from tests.plink_files import Files

WINDOW = 70  # 280 people without the largest institution; there are 293
SIZES = (210, 160, 133)
LEAST = Minima().min_cell
FEW = 68  # variants, with which all others stand in pairs
LISTED = '\n[[entries]]\nstatistic = "linkage"\npairs = "pairs.txt"\npairs_sha256 = "{}"\n'
ASSOCIATION = '\n[[entries]]\nstatistic = "association"\ntests = ["{}"]\n'


class Scene(NamedTuple):
    """What is published of a study, and the truth: dosages (m, N), and who is a case (N,)."""

    seen: Watcher
    truth: Ints
    case: NDArray[np.bool_]


@pytest.fixture(scope="module")
def scene(open_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A window over all variants."""
    folder = tmp_path_factory.mktemp("window")
    files = lct(open_data)
    return published(folder, files, studies.linkage(folder, files.bim[:, 1], WINDOW))


def lct(open_data: Path) -> Files:
    """607 variants around LCT of 503 Europeans, of whom each is a case by a coin."""
    files = Files.read(open_data / "edge" / "lct_kg_eur")
    fam = files.fam.copy()
    fam[:, 5] = np.random.default_rng(1).choice(["1", "2"], len(fam))
    return replace(files, fam=fam)


def lay_out(
    folder: Path, files: Files, linkage: str, test: str = "allelic"
) -> tuple[Path, list[studies.Member]]:
    """The plan and the members of three institutions' association and linkage, with all floors."""
    of, members = np.repeat(np.arange(3), SIZES), []
    of = of[np.random.default_rng(2).permutation(len(of))]
    for name, part in zip(studies.NAMES, files.parts(of, 3), strict=True):
        members.append(studies.Member(name, part.write(folder / f"of{name}")))
    (folder / "source").mkdir()
    sites = Path(shutil.copy(folder / "ofA.bim", folder / "source" / "sites.bim"))
    rules = studies.Rules("clear", studies.NAMES[:1], release=studies.TOGETHER)
    entries = ASSOCIATION.format(test) + linkage
    return studies.lay_out(folder, members, sites, entries, rules), members


def published(folder: Path, files: Files, linkage: str, test: str = "allelic") -> Scene:
    """What they publish, and the truth."""
    plan, members = lay_out(folder, files, linkage, test)
    owners = [read_plain(member.bfile) for member in members if member.bfile]
    return Scene(
        watch(plan),
        np.concatenate([dosages(own) for own in owners], axis=1).astype(np.int64),
        np.concatenate([own.phenotype == "2" for own in owners]),
    )


@pytest.mark.parametrize("pairs", ["window", "few"])
@pytest.mark.parametrize("test", ["allelic", "genotypic"])
def test_without_consent_these_plans_are_refused(
    pairs: str, test: str, open_data: Path, tmp_path: Path
) -> None:
    files = lct(open_data)
    ids = files.bim[:, 1].tolist()
    linkage = (
        studies.linkage(tmp_path, ids, WINDOW)
        if pairs == "window"
        else with_all_others(tmp_path, ids[-FEW:], ids[:-FEW])
    )
    plan, _ = lay_out(tmp_path, files, linkage, test)
    load_study(plan)
    small.edit(plan, studies.TOGETHER, "")
    words = 'linkage: pairs go round, .* and linkage stands beside .*"pairs together"'
    with pytest.raises(PlanError, match=words):
        load_study(plan)


class Opened:
    """Sums as matrices, NaN where they are not opened: of products G, of dosages S."""

    def __init__(self, scene: Scene):
        seen, m = scene.seen, len(scene.truth)
        (x, y), sums = seen.rows["linkage"].T, seen.sums["linkage"]["pair_sums"]
        self.people = sum(seen.people.values())
        self.S, self.G = np.full(m, np.nan), np.full((m, m), np.nan)
        for side, dosage, square in ((x, 1, 3), (y, 2, 4)):
            self.S[side], self.G[side, side] = sums[:, dosage], sums[:, square]
        self.G[x, y] = self.G[y, x] = sums[:, 5]


class Relation(NamedTuple):
    """Variants, their factors and a constant: t of everybody is 0 but for few people."""

    variants: tuple[int, int, int]
    factors: tuple[int, int, int]
    constant: int

    def of(self, sums: NDArray[Any], one: NDArray[np.float64] | int = 1) -> Any:
        """What t gives from what the dosages of all variants give (m, ..), and a 1 of everybody."""
        return np.tensordot(self.factors, sums[list(self.variants)], 1) - self.constant * one


def relations(opened: Opened, t2: int) -> Iterator[Relation]:
    """Those of three variants with this sum of t^2."""
    S, G, N = opened.S, opened.G, opened.people
    for a in np.flatnonzero(~np.isnan(S)):
        with_a = np.flatnonzero(~np.isnan(G[a]))
        with_a = with_a[with_a > a]
        g, s, square = G[a, with_a], S[with_a], np.diag(G)[with_a]
        for b, c in product((1, -1), repeat=2):
            t = S[a] + np.add.outer(b * s, c * s)
            constant = np.rint(t / N)
            found = G[a, a] + np.add.outer(square + 2 * b * g, square + 2 * c * g)
            found += 2 * b * c * G[np.ix_(with_a, with_a)] - 2 * constant * t + N * constant**2
            for i, j in np.argwhere(np.triu(found == t2, 1)):
                of = int(a), int(with_a[i]), int(with_a[j])
                yield Relation(of, (1, b, c), int(constant[i, j]))


def of_single_people(scene: Scene, opened: Opened) -> set[tuple[int, int, float]]:
    """Persons, variants and these persons' genotypes there. Whose they are is looked up."""
    told = set()
    for relation in relations(opened, 1):
        (person,) = np.flatnonzero(relation.of(scene.truth))
        dosage = relation.of(opened.S, opened.people) * relation.of(opened.G, opened.S)
        told |= {(int(person), int(w), dosage[w]) for w in np.flatnonzero(~np.isnan(dosage))}
    return told


def test_relations_of_three_variants_find_people(scene: Scene) -> None:
    """What remains: genotypes and phenotypes of single people, from sums that meet all floors."""
    opened, seen = Opened(scene), scene.seen
    told = of_single_people(scene, opened)
    assert all(scene.truth[w, person] == dosage for person, w, dosage in told)
    assert len(told) > 300
    of_cases = np.full(len(scene.truth), np.nan)
    of_cases[seen.rows["association"]] = seen.sums["association"]["alleles"][:, 0]
    phenotypes = set()
    for relation in relations(opened, 1):
        sign = relation.of(opened.S, opened.people)
        (person,) = np.flatnonzero(relation.of(scene.truth))
        phenotypes.add((person, sign * relation.of(of_cases, seen.people["cases"])))
    assert all(scene.case[person] == phenotype for person, phenotype in phenotypes)
    assert len(phenotypes) > 10


def with_all_others(folder: Path, few: Sequence[str], others: Sequence[str]) -> str:
    """An entry for the pairs of a few variants with each other and with all others."""
    pairs = [*combinations(few, 2), *product(others, few)]
    text = "".join(f"{x} {y}\n" for x, y in pairs)
    (folder / "pairs.txt").write_text(text)
    return LISTED.format(hashlib.sha256(text.encode()).hexdigest())


def test_a_few_variants_in_pairs_with_all_others(open_data: Path, tmp_path: Path) -> None:
    """Whom a few dense variants find, all others tell more of: that takes more people.

    Each variant stands in pairs with no more than 68 later ones, as the few are the last; but each
    of the few with all.
    """
    files = lct(open_data)
    ids = files.bim[:, 1].tolist()
    linkage = with_all_others(tmp_path, ids[-FEW:], ids[:-FEW])
    with pytest.raises(PlanError, match="too few people"):
        published(tmp_path, files, linkage)
    study = load_study(tmp_path / "plan.toml")
    assert study.together == 1 + len(ids) // 2
    assert PEOPLE_A_VARIANT * study.together > sum(SIZES)


def test_a_few_variants_in_pairs_with_as_many_as_may_be(open_data: Path, tmp_path: Path) -> None:
    """What remains: as of a window, the few tell of people where they may stand in pairs."""
    files = lct(open_data)
    ids = files.bim[:, 1].tolist()
    partners = 2 * (WINDOW - 1)  # of each variant of a window
    others = ids[:-FEW][FEW - 1 - partners :]
    linkage = with_all_others(tmp_path, ids[-FEW:], others)
    scene = published(tmp_path, files, linkage)
    assert load_study(tmp_path / "plan.toml").together == WINDOW
    told = of_single_people(scene, Opened(scene))
    assert all(scene.truth[w, person] == dosage for person, w, dosage in told)
    everywhere = np.bincount([person for person, _, _ in told])
    assert 10 < everywhere.max() <= partners


def test_relations_tell_pairs_that_floors_close(scene: Scene) -> None:
    """What remains: where t is 0 of everybody, a closed pair follows from two that are open."""
    opened, told = Opened(scene), {}
    for relation in relations(opened, 0):
        products = opened.G[list(relation.variants)]
        for w in np.flatnonzero(np.isnan(products).sum(axis=0) == 1):
            (place,) = np.flatnonzero(np.isnan(products[:, w]))
            rest = np.nansum(np.array(relation.factors) * products[:, w])
            sxy = (relation.constant * opened.S[w] - rest) * relation.factors[place]
            if not np.isnan(sxy):
                told[relation.variants[place], w] = sxy
    few = 0
    for (x, y), sxy in told.items():
        assert (scene.truth[x] * scene.truth[y]).sum() == sxy
        table = np.bincount(3 * scene.truth[x] + scene.truth[y], minlength=9)
        counts = np.reshape(two_copies(), (-1, 9)) @ table
        few += int(((counts > 0) & (counts < LEAST)).any())
    assert few > 1000


def test_a_pair_beside_alleles_by_group(scene: Scene) -> None:
    """What remains: counts of 1 to 4 cases, or controls.

    Where nobody has fewer alleles at x than at y, those of cases differ by the people who have one
    more. The pair's sums say so; floors of pairs are on cases and controls together.
    """
    seen = scene.seen
    pairs, sums = seen.rows["linkage"], seen.sums["linkage"]["pair_sums"].T
    alleles = np.full((len(scene.truth), 5), -1)
    alleles[seen.rows["association"]] = seen.sums["association"]["alleles"]
    _, sx, sy, sxx, syy, sxy = sums
    found = 0
    for group, members in ((0, scene.case), (2, ~scene.case)):
        for side in (1, -1):  # (d^2 - d) / 2 is 0 where the difference d is 0 or 1
            nobody = sxx + syy - 2 * sxy == side * (sx - sy)
            x, y = pairs[nobody].T
            more = side * (alleles[x, group] - alleles[y, group])
            for row in np.flatnonzero((more > 0) & (more < LEAST)):
                differ = scene.truth[x[row], members] != scene.truth[y[row], members]
                assert differ.sum() == more[row]
                found += 1
    assert found


def test_a_pair_beside_genotypes_by_group(open_data: Path, tmp_path: Path) -> None:
    """What remains: a sum over some cases and some controls, by adding and subtracting alone.

    Two tables of weights in which Sxy has one factor: the one of cases with the other of controls
    is Sxy and counts of genotypes by group. Floors are on each table of both groups together.
    """
    files = lct(open_data)
    linkage = studies.linkage(tmp_path, files.bim[:, 1], WINDOW)
    scene = published(tmp_path, files, linkage, "genotypic")
    seen, found = scene.seen, 0
    x, y = seen.rows["linkage"].T
    sxy = seen.sums["linkage"]["pair_sums"][:, 5]
    genotypes = np.zeros((2, len(scene.truth), 3), np.int64)  # of cases, of controls
    opened = seen.sums["association"]["genotypes"].reshape(-1, 2, 3)
    genotypes[:, seen.rows["association"]] = opened.swapaxes(0, 1)
    weights = np.array(two_copies())
    factors = weights[:, 1, 1] - weights[:, 1, 0] - weights[:, 0, 1] + weights[:, 0, 0]
    for a, b in permutations(range(len(weights)), 2):
        if factors[a] != factors[b]:
            continue
        count = factors[a] * sxy
        for of, table in zip(genotypes, weights[[a, b]], strict=True):
            count = count + of[x] @ table[:, 0] + of[y] @ (table[0] - table[0, 0])
        for row in np.flatnonzero((count > 0) & (count < LEAST)):
            at = scene.truth[x[row]], scene.truth[y[row]]
            people = np.where(scene.case, weights[a][at], weights[b][at])
            assert people.sum() == count[row]
            found += 1
    assert found
