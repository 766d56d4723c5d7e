"""Genotypes against unpacked data and against PLINK."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.genome import genotypes, kernels
from mpcgen.genome.bed import BedFile
from mpcgen.genome.bim import read_bim
from mpcgen.genome.chromosomes import MT, XY, X, Y
from mpcgen.genome.classes import Class
from mpcgen.genome.columns import strings
from mpcgen.genome.genotypes import Genotypes
from mpcgen.genome.people import People, PeopleSource, read_people
from tests.agreement import assert_agrees, read_printed
from tests.open_sets import NAMES
from tests.test_kernels import HET, MISSING, all_pairs, pack, plain_sums

HEADER = b"\x6c\x1b\x01"
CHROMOSOMES = [1, 22, XY, X, Y, MT]
FREQX = ("C(HOM A2)", "C(HET)", "C(HOM A1)", "C(HAP A2)", "C(HAP A1)")  # PLINK's, as Class has them
CLASS = np.array(  # of codes 00 01 10 11, with two copies and with one
    [
        [Class.HOM_ALT, Class.MISSING, Class.HET, Class.HOM_REF],
        [Class.HAP_ALT, Class.MISSING, Class.MISSING, Class.HAP_REF],
    ]
)


@dataclass(frozen=True)
class Rows:
    """The part of an Alignment that counting needs."""

    rows: NDArray[np.int64]
    swapped: NDArray[np.bool_]


@dataclass
class Cohort:
    """m sites and N people: what a Genotypes sees, and what it should say."""

    codes: NDArray[np.int8]  # (m, N) in the order of the sites; the file's alleles
    chromosomes: NDArray[np.int8]
    rows: NDArray[np.int64]
    swapped: NDArray[np.bool_]
    people: People

    @property
    def eligible(self) -> NDArray[np.bool_]:
        male = self.people.sex == 1
        return np.asarray(self.people.used & ((self.chromosomes != Y)[:, None] | male))

    @property
    def haploid(self) -> NDArray[np.bool_]:
        of_males = np.isin(self.chromosomes, (X, Y))[:, None] & (self.people.sex == 1)
        return np.asarray(of_males | (self.chromosomes == MT)[:, None])

    def counts(self) -> NDArray[np.int64]:
        codes = np.where(self.swapped[:, None], np.array([3, 1, 2, 0])[self.codes], self.codes)
        classes = CLASS[self.haploid.astype(int), codes]
        classes[self.rows < 0] = Class.ABSENT
        return np.array(
            [
                [
                    np.bincount(of[who & (self.people.group == g)], minlength=len(Class))
                    for g in range(len(self.people.groups))
                ]
                for of, who in zip(classes, self.eligible, strict=True)
            ]
        )

    def pair_sums(self, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        present = self.eligible & (self.rows >= 0)[:, None]
        sums = plain_sums(self.codes, present, self.haploid, self.swapped)
        return np.asarray(sums[pairs[:, 0], pairs[:, 1]])

    @contextmanager
    def opened(self, folder: Path) -> Iterator[Genotypes]:
        """Its Genotypes, from a file with rows that no site uses."""
        m, people = self.codes.shape
        in_file = np.zeros((max(m, 1 + int(self.rows.max())), people), np.int8)
        in_file[self.rows[self.rows >= 0]] = self.codes[self.rows >= 0]
        path = folder / "cohort.bed"
        path.write_bytes(HEADER + pack(in_file, padding=MISSING).tobytes())
        with BedFile(path, people, len(in_file)) as bed:
            yield Genotypes(bed, Rows(self.rows, self.swapped), self.chromosomes, self.people)


def cohort(m: int, people: int, seed: int) -> Cohort:
    """Random in everything."""
    rng = np.random.default_rng(seed)
    used = rng.random(people) < 0.8
    group = np.where(used, rng.integers(0, 2, people), -1).astype(np.int8)
    sex = rng.integers(0, 3, people).astype(np.int8)
    return Cohort(
        codes=rng.choice(4, (m, people), p=[0.2, 0.02, 0.28, 0.5]).astype(np.int8),
        chromosomes=rng.choice(np.array(CHROMOSOMES, np.int8), m),
        rows=np.where(rng.random(m) < 0.15, -1, rng.permutation(m + 5)[:m]),
        swapped=rng.random(m) < 0.3,
        people=People(
            *(used, group, sex, used, ("cases", "controls"), {}),
            ids=strings(map(str, range(people))),
            missing=~used,
        ),
    )


@pytest.mark.parametrize("people", [1, 2, 5, 63, 64, 65, 333, 2 * 4 * kernels.CHUNK + 77])
def test_equals_unpacked_data(tmp_path: Path, people: int) -> None:
    made = cohort(40, people, seed=people)
    pairs = all_pairs(40)
    with made.opened(tmp_path) as ours:
        assert ours.groups == ("cases", "controls")
        assert np.array_equal(ours.counts(0, 40), made.counts())
        assert np.array_equal(ours.counts(7, 19), made.counts()[7:19])
        assert np.array_equal(ours.pair_sums(pairs), made.pair_sums(pairs))
        het = (made.codes == HET) & made.eligible & made.haploid & (made.rows >= 0)[:, None]
        counts, het_haploids = ours.counts_and_het_haploids(3, 40)
        assert np.array_equal(counts, made.counts()[3:])
        assert np.array_equal(het_haploids, het.sum(axis=1)[3:])


def test_a_row_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Males and females, cases and controls, and what is wrong with the genotypes."""
    made, read = cohort(40, 65, seed=11), []
    count_codes = kernels.count_codes

    def counting(data: Any, starts: NDArray[np.int64], *others: Any) -> None:
        read.extend(starts.tolist())
        count_codes(data, starts, *others)

    monkeypatch.setattr(kernels, "count_codes", counting)
    with made.opened(tmp_path) as ours:
        ours.counts_and_het_haploids(0, 40)
    assert len(read) == len(set(read)) == (made.rows >= 0).sum()


def test_blocks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genotypes, "BLOCK", 1)
    monkeypatch.setattr(genotypes, "SITES", 5)
    monkeypatch.setattr(genotypes, "SEGMENT", 3)
    made = cohort(12, 50, seed=1)
    pairs = np.random.default_rng(2).permutation(all_pairs(12))
    with made.opened(tmp_path) as ours:
        assert np.array_equal(ours.counts(0, 12), made.counts())
        assert np.array_equal(ours.pair_sums(pairs), made.pair_sums(pairs))


@pytest.mark.parametrize("row", [0, 7])
def test_people_beyond_the_fam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: int) -> None:
    """The first rows are looked at before anything is counted, the others when they are read."""
    monkeypatch.setattr(genotypes, "LOOKED_AT_FIRST", 5)
    made = cohort(12, 50, seed=9)
    made.rows[:] = np.arange(12)
    rows = pack(made.codes, padding=0)
    rows[row, -1] |= 0b11000000
    (tmp_path / "cohort.bed").write_bytes(HEADER + rows.tobytes())
    words = rf"cohort.bed: variant {row + 1} .* beyond the .fam, which has 50 people"
    with BedFile(tmp_path / "cohort.bed", 50, 12) as bed:
        given = bed, Rows(made.rows, made.swapped), made.chromosomes, made.people
        if row < 5:
            with pytest.raises(InputError, match=words):
                Genotypes(*given)
            return
        ours = Genotypes(*given)
        with pytest.raises(InputError, match=words):
            ours.counts(0, 12)
        with pytest.raises(InputError, match=words):
            ours.pair_sums(all_pairs(12))
        ours.counts(0, row)


def test_a_file_padded_with_missing_genotypes(
    open_data: Path, tmp_path: Path, program: Callable[[str], str]
) -> None:
    """Which PLINK 1.9 reads, though it writes zeros itself."""
    prefix = open_data / "edge" / "lct_kg_eur"
    with pooled(prefix, with_phenotype=False) as (data, bim):
        counts = data.counts(0, len(bim))[:, 0]
    out = str(tmp_path / "lct")
    command = [program("plink1.9"), "--bfile", str(prefix), "--keep-allele-order", "--nonfounders"]
    subprocess.run([*command, "--freqx", "--out", out], check=True, capture_output=True)
    theirs = column(read_printed(Path(f"{out}.frqx")), *FREQX, "C(MISSING)")
    assert np.array_equal(counts[:, :6], theirs)


def test_empty_ranges(tmp_path: Path) -> None:
    with cohort(3, 5, seed=3).opened(tmp_path) as ours:
        assert ours.counts(2, 2).shape == (0, 2, 7)
        assert ours.pair_sums(np.empty((0, 2), np.int64)).shape == (0, 6)


def test_refuses_what_is_of_another_file(tmp_path: Path) -> None:
    made = cohort(3, 5, seed=3)
    with made.opened(tmp_path) as ours:
        for pair in ([0, 3], [-1, 0]):
            with pytest.raises(IndexError, match="pairs of 3 sites"):
                ours.pair_sums(np.array([pair]))
    path = tmp_path / "cohort.bed"
    path.write_bytes(HEADER + bytes(2 * 4))
    rows, swapped = np.arange(3), np.zeros(3, np.bool_)
    for people, first in ((6, 0), (5, 2)):
        with BedFile(path, people, 4) as bed, pytest.raises(ValueError, match="has other rows"):
            Genotypes(bed, Rows(rows + first, swapped), made.chromosomes, made.people)


def test_an_institution_with_no_variant_and_one_with_nobody(tmp_path: Path) -> None:
    made = cohort(6, 20, seed=4)
    made.rows[:] = -1
    with made.opened(tmp_path) as ours:
        assert np.array_equal(ours.counts(0, 6), made.counts())
        assert not ours.pair_sums(all_pairs(6)).any()
    made = cohort(6, 20, seed=5)
    made.people.used[:] = False
    made.people.group[:] = -1
    with made.opened(tmp_path) as ours:
        assert not ours.counts(0, 6).any()
        assert not ours.pair_sums(all_pairs(6)).any()


@contextmanager
def pooled(prefix: Path, with_phenotype: bool) -> Iterator[tuple[Genotypes, Any]]:
    """The Genotypes of PLINK files in their own order, and their .bim."""
    people = read_people(PeopleSource(prefix.with_suffix(".fam")), with_phenotype)
    bim = read_bim(prefix.with_suffix(".bim"))
    rows = Rows(np.arange(len(bim)), np.zeros(len(bim), np.bool_))
    with BedFile(prefix.with_suffix(".bed"), len(people.used), len(bim)) as bed:
        yield Genotypes(bed, rows, bim.chrom, people), bim


def column(table: dict[str, NDArray[Any]], *names: str) -> NDArray[np.int64]:
    texts = np.stack([table[name] for name in names], axis=1)
    return np.where(texts == "NA", "0", texts).astype(np.int64)  # NA: everybody is missing


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_plinks(open_data: Path, name: str) -> None:
    oracle = open_data / name / "oracle"
    with pooled(open_data / name / "pooled", with_phenotype=False) as (data, bim):
        counts = data.counts(0, len(bim))[:, 0]
    gcount = read_printed(oracle / "p2.gcount")
    of_genotypes = ("HOM_REF_CT", "HET_REF_ALT_CTS", "TWO_ALT_GENO_CTS")
    of_haploids = ("HAP_REF_CT", "HAP_ALT_CTS", "MISSING_CT")
    assert np.array_equal(counts[:, :6], column(gcount, *of_genotypes, *of_haploids))
    assert not counts[:, Class.ABSENT].any()
    allele = [0, 1, 2, 0, 1, 0, 0] @ counts.T
    seen = [2, 2, 2, 1, 1, 0, 0] @ counts.T
    acount = {name: of[bim.chrom != X] for name, of in read_printed(oracle / "p2.acount").items()}
    ours = np.stack([allele, seen], 1)[bim.chrom != X]  # on X PLINK 2 halves heterozygous haploids
    assert np.array_equal(ours, column(acount, "ALT_CTS", "OBS_CT"))
    diploid = bim.chrom < X
    freqx = read_printed(oracle / "p1.frqx")
    ours_x = counts[:, [Class.HOM_ALT, Class.HET, Class.HOM_REF, Class.MISSING]]
    theirs = column(freqx, "C(HOM A1)", "C(HET)", "C(HOM A2)", "C(MISSING)")
    assert np.array_equal(ours_x[diploid], theirs[diploid])


@pytest.mark.parametrize("name", NAMES)
def test_counts_of_cases_and_controls_are_plinks(open_data: Path, name: str) -> None:
    with pooled(open_data / name / "pooled", with_phenotype=True) as (ours, bim):
        counts = ours.counts(0, len(bim))
    alleles = counts @ np.array([0, 1, 2, 0, 1, 0, 0])
    assoc = read_printed(open_data / name / "oracle" / "p1.counts.assoc")
    assert np.array_equal(alleles, column(assoc, "C_A", "C_U"))


@pytest.mark.parametrize("name", NAMES)
def test_correlations_are_plinks(open_data: Path, name: str) -> None:
    table = read_printed(open_data / name / "oracle" / "p1.r.ld")
    with pooled(open_data / name / "pooled", with_phenotype=False) as (ours, bim):
        index = {variant: i for i, variant in enumerate(bim.id.to_pylist())}
        pairs = np.array([[index[name] for name in table[s]] for s in ("SNP_A", "SNP_B")]).T
        n, sx, sy, sxx, syy, sxy = ours.pair_sums(np.ascontiguousarray(pairs)).T.astype(np.float64)
    r = (n * sxy - sx * sy) / np.sqrt((n * sxx - sx**2) * (n * syy - sy**2))
    assert_agrees(r, table["R"])


def test_heterozygous_haploids_are_plinks(tmp_path: Path, program: Callable[[str], str]) -> None:
    made = cohort(60, 101, seed=6)
    made.rows[:] = np.arange(60)
    made.swapped[:] = False
    made.chromosomes.sort()
    made.people.used[:] = True
    made.people.group[:] = 0
    with made.opened(tmp_path) as ours:
        counts, het_haploids = ours.counts_and_het_haploids(0, 60)
        counts = counts.sum(1)
    people = [f"f{i} i{i} 0 0 {sex} 1\n" for i, sex in enumerate(made.people.sex)]
    sites = [f"{c} v{i} 0 {i + 1} A C\n" for i, c in enumerate(made.chromosomes)]
    (tmp_path / "cohort.fam").write_text("".join(people))
    (tmp_path / "cohort.bim").write_text("".join(sites))
    prefix = str(tmp_path / "cohort")
    keep = ["--keep-allele-order", "--allow-no-sex", "--nonfounders"]
    command = [program("plink1.9"), "--bfile", prefix, *keep, "--freqx", "--out", prefix]
    subprocess.run(command, check=True, capture_output=True)
    theirs = read_printed(tmp_path / "cohort.frqx")
    on = made.chromosomes < MT
    assert np.array_equal(counts[on, :5], column(theirs, *FREQX)[on])
    listed = (tmp_path / "cohort.hh").read_text().splitlines()
    on_mt = (made.codes[made.chromosomes == MT] == HET).sum()  # which PLINK does not list
    assert het_haploids.sum() == len(listed) + on_mt
