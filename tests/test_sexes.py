"""Every rule of ploidy and sex at once: PLINK on random genotypes of all kinds of chromosomes."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgen.protocols.association import TESTS, Association
from mpcgen.protocols.linkage import Linkage
from mpcgen.protocols.pair_options import PairOptions
from mpcgen.protocols.pairs import WindowPairs
from mpcgen.protocols.statistic import Table
from tests.agreement import assert_agrees, read_printed
from tests.one_party import Given, run
from tests.plain import Plain, read_plain

CHROMOSOMES = (1, 23, 24, 25, 26)
OF_EACH = 8
PEOPLE = 240
STRATA = 3


@dataclass(frozen=True)
class Answers:
    """A cohort, our tables with its strata as institutions, and where PLINK writes."""

    plain: Plain
    tables: dict[str, Table]
    plink: list[str]
    out: Path

    def table(self, *arguments: str, suffix: str) -> dict[str, NDArray[Any]]:
        """What PLINK prints."""
        out = self.out / "answer"
        command = [*self.plink, *arguments, "--out", str(out)]
        subprocess.run(command, check=True, capture_output=True)
        return read_printed(out.with_suffix(suffix))


@pytest.fixture(scope="module")
def answers(program: Any, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    out = tmp_path_factory.mktemp("sexes")
    write_cohort(out)
    plink = [program("plink1.9"), "--bfile", str(out / "all")]
    plink += ["--allow-no-sex", "--keep-allele-order", "--threads", "1"]
    plain = read_plain(out / "all")
    stratum = np.arange(PEOPLE) % STRATA
    owners = [Given(part(plain, stratum == s).counts) for s in range(STRATA)]
    tables = run(Association(tuple(TESTS)), owners, plain.chrom.astype(int))
    return Answers(plain, tables, plink, out)


def write_cohort(out: Path) -> None:
    """Any genotype on any chromosome: heterozygous haploids, females with Y, unknown sexes."""
    rng = np.random.default_rng(20261123)
    chrom = np.repeat(CHROMOSOMES, OF_EACH)
    codes = rng.choice(4, (len(chrom), PEOPLE), p=(0.35, 0.1, 0.3, 0.25)).astype(np.uint8)
    quads = codes.reshape(len(chrom), -1, 4)
    data = (quads << np.array([0, 2, 4, 6], np.uint8)).sum(axis=2, dtype=np.uint8)
    (out / "all.bed").write_bytes(b"\x6c\x1b\x01" + data.tobytes())
    sites = (f"{c}\tv{j}\t0\t{j + 1}\tA\tG\n" for j, c in enumerate(chrom))
    (out / "all.bim").write_text("".join(sites))
    sex, phenotype = rng.integers(0, 3, PEOPLE), rng.choice(["1", "2", "-9"], PEOPLE)
    people = (f"f{i} i{i} 0 0 {sex[i]} {phenotype[i]}\n" for i in range(PEOPLE))
    (out / "all.fam").write_text("".join(people))
    strata = (f"f{i} i{i} s{i % STRATA}\n" for i in range(PEOPLE))
    (out / "strata.txt").write_text("".join(strata))


def part(plain: Plain, people: NDArray[np.bool_]) -> Plain:
    return Plain(
        plain.chrom,
        plain.pos,
        plain.ids,
        plain.sex[people],
        plain.phenotype[people],
        plain.genotypes[:, people],
    )


def test_allelic(answers: Answers) -> None:
    printed = answers.table("--assoc", "counts", suffix=".assoc")
    table = answers.tables["allelic"]
    assert_agrees(table.columns["A1_CASE_CT"], printed["C_A"])
    assert_agrees(table.columns["A1_CTRL_CT"], printed["C_U"])
    for column in ("CHISQ", "P", "OR"):
        assert_agrees(table.columns[column], printed[column])


@pytest.mark.parametrize(("test", "label"), [("genotypic", "GENO"), ("trend", "TREND")])
def test_genotypes(answers: Answers, test: str, label: str) -> None:
    printed = answers.table("--model", "--cell", "0", suffix=".model")
    rows = printed["TEST"] == label
    table = answers.tables[test]
    np.testing.assert_array_equal(answers.plain.ids[table.rows], printed["SNP"][rows])
    for column in ("CHISQ", "DF", "P"):
        assert_agrees(table.columns[column], printed[column][rows])


def test_stratified(answers: Answers) -> None:
    within = str(answers.out / "strata.txt")
    printed = answers.table("--mh", "--within", within, suffix=".cmh")
    for column in ("CHISQ", "P", "OR", "SE", "L95", "U95"):
        assert_agrees(answers.tables["cmh"].columns[column], printed[column])


def test_genotype_counts(answers: Answers) -> None:
    printed = answers.table("--freqx", suffix=".frqx")
    ours = answers.plain.counts_of_all[:, 0]
    columns = ["C(HOM A2)", "C(HET)", "C(HOM A1)", "C(HAP A2)", "C(HAP A1)", "C(MISSING)"]
    theirs = np.stack([printed[column].astype(int) for column in columns], axis=1)
    diploid = ~np.isin(answers.plain.chrom, ("24", "26"))
    np.testing.assert_array_equal(ours[diploid, :6], theirs[diploid])


def test_linkage_windows_take_every_chromosome(answers: Answers) -> None:
    arguments = ("--r", "--ld-window-r2", "0", "--ld-window", "5", "--ld-window-kb", "1")
    printed = answers.table(*arguments, suffix=".ld")
    plain = answers.plain
    sites = np.arange(len(plain.ids))
    window = WindowPairs(sites, plain.chrom.astype(int), plain.pos, 5, 1)
    pairs = window.between(0, window.total)
    table = run(Linkage(PairOptions(5)), [Given(pair_sums=plain.pair_sums(pairs))], [])[""]
    for side, column in enumerate(("SNP_A", "SNP_B")):
        np.testing.assert_array_equal(plain.ids[pairs[table.rows, side]], printed[column])
    # PLINK 1.9 takes a heterozygous mitochondrion as dosage 1; here it is missing everywhere.
    rows = printed["CHR_A"] != "26"
    assert_agrees(table.columns["R"][rows], printed["R"][rows])
