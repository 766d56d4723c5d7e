"""The simulator: PLINK, NumPy and population genetics as oracles."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mpcgen.errors import InputError, MpcgenError
from mpcgen.simulate import mosaic, simulate_cohort

INSTITUTIONS = ("north", "south")
SHARES = (1.0, 2.0)
PEOPLE, VARIANTS, MISSING = 601, 1500, 0.02
STRATA = ("--within", "people.tsv")  # the third column is the institution
SMALL: dict[str, Any] = {"people": 50, "variants": 300, "autosomes": 2, "causal": 2}


def codes(bfile: Path) -> NDArray[np.uint8]:
    """Return the .bed codes (variants, people)."""
    data = np.fromfile(bfile.with_suffix(".bed"), dtype=np.uint8)
    assert data[:3].tobytes() == b"\x6c\x1b\x01"
    people, variants = (
        len(bfile.with_suffix(end).read_text().splitlines()) for end in (".fam", ".bim")
    )
    assert len(data) == 3 + variants * -(-people // 4)
    rows = data[3:].reshape(variants, -1)
    four: NDArray[np.uint8] = (rows[:, :, None] >> np.arange(0, 8, 2, dtype=np.uint8)) & np.uint8(3)
    four = four.reshape(variants, -1)
    assert not four[:, people:].any()
    return four[:, :people]


@dataclass(frozen=True)
class Cohort:
    folder: Path
    progress: list[tuple[int, int]]

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / name, sep=r"\s+")

    def columns(self, name: str) -> NDArray[Any]:
        return np.array([line.split() for line in (self.folder / name).read_text().splitlines()])

    def plink(self, plink: str, suffix: str, *options: str) -> pd.DataFrame:
        """Return PLINK's table on the pool; any warning or error fails."""
        always = ["--bfile", "pooled", "--keep-allele-order", "--threads", "1", "--out", "p"]
        run = [plink, *always, *options]
        done = subprocess.run(run, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "arning" not in done.stdout + done.stderr
        return self.table(f"p.{suffix}")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder, progress = tmp_path_factory.mktemp("cohort"), list[tuple[int, int]]()
    simulate_cohort(
        folder,
        people=PEOPLE,
        variants=VARIANTS,
        institutions=INSTITUTIONS,
        shares=SHARES,
        autosomes=2,
        sex_chromosomes=True,
        causal=3,
        heritability=0.4,
        stratification=0.5,
        missing=MISSING,
        missing_phenotype=0.02,
        seed=7,
        progress=lambda done, total: progress.append((done, total)),
    )
    return Cohort(folder, progress)


def test_sizes_are_as_asked(cohort: Cohort) -> None:
    assert [codes(cohort.folder / n).shape for n in (*INSTITUTIONS, "pooled")] == [
        (VARIANTS, 200),
        (VARIANTS, 401),
        (VARIANTS, 601),
    ]
    chromosomes, counts = np.unique(
        cohort.columns("pooled.bim")[:, 0].astype(int), return_counts=True
    )
    assert dict(zip(chromosomes.tolist(), counts.tolist(), strict=True)) == {
        1: 698,
        2: 697,
        23: 75,
        24: 15,
        26: 15,
    }
    assert cohort.progress[-1] == (VARIANTS, VARIANTS)
    assert sorted(set(cohort.progress)) == cohort.progress


def test_the_pool_is_the_institutions_one_after_the_other(cohort: Cohort) -> None:
    parts = [codes(cohort.folder / name) for name in INSTITUTIONS]
    assert np.array_equal(np.concatenate(parts, axis=1), codes(cohort.folder / "pooled"))
    fam = "".join((cohort.folder / f"{name}.fam").read_text() for name in INSTITUTIONS)
    assert fam == (cohort.folder / "pooled.fam").read_text()
    bims = {(cohort.folder / f"{name}.bim").read_bytes() for name in (*INSTITUTIONS, "pooled")}
    assert len(bims) == 1


def test_tables_agree_with_the_plink_files(cohort: Cohort) -> None:
    bim, sites = cohort.columns("pooled.bim"), cohort.columns("sites.tsv")
    assert sites[0].tolist() == ["CHROM", "POS", "ID", "REF", "ALT"]
    assert np.array_equal(sites[1:], bim[:, [0, 3, 1, 5, 4]])
    assert len(set(bim[:, 1])) == VARIANTS
    assert (bim[:, 4] != bim[:, 5]).all()
    for name in INSTITUTIONS:
        pheno, fam = cohort.columns(f"{name}.pheno.tsv"), cohort.columns(f"{name}.fam")
        assert pheno[0].tolist() == ["FID", "IID", "CC"]
        assert np.array_equal(pheno[1:], fam[:, [0, 1, 5]])


def test_cases_and_missing_phenotypes_are_as_asked(cohort: Cohort) -> None:
    status = cohort.columns("pooled.fam")[:, 5]
    assert (status == "-9").sum() == 12
    assert (status == "2").sum() == pytest.approx(0.4 * PEOPLE, abs=12)
    assert set(status) == {"1", "2", "-9"}


def test_missing_genotypes_are_as_many_as_asked(cohort: Cohort) -> None:
    autosomal = codes(cohort.folder / "pooled")[:1395]
    error = np.sqrt(MISSING / autosomal.size)
    assert abs(np.mean(autosomal == 1) - MISSING) < 5 * error


def test_haploid_chromosomes_have_no_heterozygotes(cohort: Cohort) -> None:
    chromosome = cohort.columns("pooled.bim")[:, 0].astype(int)
    male = cohort.columns("pooled.fam")[:, 4] == "1"
    four = codes(cohort.folder / "pooled")
    assert not (four[chromosome == 26] == 2).any()
    assert not (four[chromosome == 23][:, male] == 2).any()
    assert (four[chromosome == 23][:, ~male] == 2).any()
    assert (four[chromosome == 24][:, ~male] == 1).all()
    assert not (four[chromosome == 24][:, male] == 2).any()


def test_plink_counts_the_same_genotypes(cohort: Cohort, program: Callable[[str], str]) -> None:
    cohort.plink(program("plink1.9"), "frqx", "--freqx")
    rows = [line.split("\t") for line in (cohort.folder / "p.frqx").read_text().splitlines()]
    assert rows[0][4:7] == ["C(HOM A1)", "C(HET)", "C(HOM A2)"]
    four = codes(cohort.folder / "pooled")[:1395]
    ours = [(four == code).sum(axis=1).tolist() for code in (0, 2, 3)]
    assert np.array_equal(np.array(rows[1:1396])[:, 4:7].astype(int).T, ours)


def test_ld_decays_with_distance(cohort: Cohort, program: Callable[[str], str]) -> None:
    window = ["--ld-window", "99999", "--ld-window-kb", "1000", "--ld-window-r2", "0"]
    pairs = cohort.plink(program("plink1.9"), "ld", "--chr", "1", "--maf", "0.05", "--r2", *window)
    distance = pairs.BP_B - pairs.BP_A
    near, middle, far = (
        pairs.R2[(distance > low) & (distance <= high)].mean()
        for low, high in ((0, 5_000), (20_000, 60_000), (300_000, 600_000))
    )
    assert near > 0.15
    assert near > 2 * middle > 2 * far
    assert far < 0.04


def test_institutions_differ_in_ancestry(cohort: Cohort, program: Callable[[str], str]) -> None:
    fst = cohort.plink(program("plink1.9"), "fst", "--fst", *STRATA)
    assert 0.005 < fst.FST.mean() < 0.1


def test_causal_variants_are_associated(cohort: Cohort, program: Callable[[str], str]) -> None:
    causal = cohort.table("causal.tsv")
    cmh = cohort.plink(program("plink1.9"), "cmh", "--mh", *STRATA)
    found = cmh.set_index("SNP").loc[causal.ID]
    assert len(causal) == 3
    assert found.P.max() < 1e-4
    assert ((found.OR > 1).to_numpy() == (causal.LIABILITY_PER_ALT > 0).to_numpy()).all()


def test_strata_take_the_confounding_out(tmp_path: Path, program: Callable[[str], str]) -> None:
    simulate_cohort(tmp_path, people=1500, variants=2000, causal=0, stratification=0.5, seed=3)
    cohort, plink = Cohort(tmp_path, []), program("plink1.9")
    crude = cohort.plink(plink, "assoc", "--assoc").CHISQ.median()
    adjusted = cohort.plink(plink, "cmh", "--mh", *STRATA).CHISQ.median()
    assert crude > 2 * 0.455  # the median of chi-squared with one degree of freedom
    assert 0.85 * 0.455 < adjusted < 1.15 * 0.455


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_seed_gives_the_same_bytes_on_any_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate_cohort(tmp_path / "a", **SMALL, seed=1)
    simulate_cohort(tmp_path / "other", **SMALL, seed=2)
    monkeypatch.setattr(mosaic, "THREADS", 3)
    simulate_cohort(tmp_path / "b", **SMALL, seed=1)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert len(files(tmp_path / "a")) == 4 * 3 + 3 + 3
    assert files(tmp_path / "a")["pooled.bed"] != files(tmp_path / "other")["pooled.bed"]


@settings(max_examples=30, deadline=None)
@given(
    people=st.integers(1, 70),
    words=st.integers(1, 3),
    start=st.integers(0, 40),
    seed=st.integers(0, 2**32 - 1),
)
def test_planes_become_bed_bytes(people: int, words: int, start: int, seed: int) -> None:
    planes = np.random.default_rng(seed).integers(
        0, 2**64, (start + people + 1, 2, words), dtype=np.uint64
    )
    bits = (planes[..., None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    expected = bits.transpose(2, 3, 0, 1).reshape(64 * words, -1, 2)[:, start : start + people]
    rows = np.packbits(expected.reshape(64 * words, -1).astype(np.uint8), axis=1, bitorder="little")
    assert np.array_equal(mosaic.bed_rows(planes, start, start + people), rows)


def test_without_events_everybody_is_two_founders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mosaic, "MISCOPY", 0.0)
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2**64, (10, 2), dtype=np.uint64)  # two populations of five
    haplotypes = (bits[:, :, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    haplotypes = haplotypes.reshape(10, 128)
    population = np.array([0, 1, 1, 0])
    copies = mosaic.chains(population, 5, np.array([2, 2, 1, 0]), switch=0.0, missing=0.0, rng=rng)
    planes = copies.copy(bits, 0, 2)
    dosage = np.stack([mosaic.dosages(planes, v) for v in range(128)], axis=1)
    founder = copies.founder.reshape(4, 2)
    assert (founder // 5 == population[:, None]).all()
    assert np.array_equal(dosage[:2], haplotypes[founder[:2]].sum(axis=1))
    assert np.array_equal(dosage[2], 2 * haplotypes[founder[2, 0]])
    assert np.isnan(dosage[3]).all()


def test_events_come_at_their_rates() -> None:
    rng = np.random.default_rng(2)
    words, people = 200, 50
    bits = np.zeros((2, words), dtype=np.uint64)
    bits[1] = ~np.uint64(0)
    copies = mosaic.chains(
        np.zeros(people, dtype=np.int64), 2, np.ones(people, dtype=np.int64),
        switch=0.02, missing=0.05, rng=rng,
    )  # fmt: skip
    halves = [copies.copy(bits, first, words // 2) for first in (0, words // 2)]
    planes = np.concatenate(halves, axis=2)
    dosage = np.stack([mosaic.dosages(planes, v) for v in range(64 * words)], axis=1)
    known = ~np.isnan(dosage)
    assert 1 - known.mean() == pytest.approx(0.05, rel=0.05)
    both = known[:, 1:] & known[:, :-1]
    changes = (dosage[:, 1:] != dosage[:, :-1])[both].mean()  # half the switches, two a miscopy
    assert changes == pytest.approx(0.01 + 2 * mosaic.MISCOPY, rel=0.05)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"institutions": ("A", "A")}, "differ"),
        ({"institutions": ("A", "pooled")}, "pooled"),
        ({"institutions": ()}, "differ"),
        ({"institutions": ("A/B",)}, "A/B"),
        ({"shares": (1.0, 2.0)}, "3 institutions"),
        ({"shares": (1.0, 2.0, 0.0)}, "positive"),
        ({"people": 2}, "empty"),
        ({"variants": 1}, "empty"),
        ({"variants": 10, "sex_chromosomes": True}, "empty"),
        ({"autosomes": 23}, "23"),
        ({"autosomes": 0}, "0"),
        ({"causal": -1}, "negative"),
        ({"causal": 290}, r"chromosome 1 has \d+ common variants, .* 145 of the 290 causal ones"),
        ({"seed": -1}, "negative"),
        ({"missing": 1.0}, "missing"),
        ({"heritability": -0.1}, "heritability"),
    ],
)
def test_what_makes_no_cohort_is_refused(wrong: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        simulate_cohort(tmp_path / "out", **({**SMALL, "seed": 1} | wrong))
    assert not list(tmp_path.iterdir())


def test_without_msprime_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "msprime", None)
    with pytest.raises(MpcgenError, match=r"not installed: pip install msprime$"):
        simulate_cohort(tmp_path / "out", **SMALL, seed=1)
    assert not (tmp_path / "out").exists()
