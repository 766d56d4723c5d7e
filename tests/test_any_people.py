"""Studies of people of any sex and descent, at any number of institutions, against PLINK.

Four or five institutions have data, one only computes, and those that compute are not the first.
The people's genotypes are random: heterozygous haploids, females with Y, unknown sexes.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mpcgen.report.tables import read_table
from tests import studies
from tests.agreement import assert_agrees, read_printed
from tests.plink_answers import (
    Printed,
    assert_allelic,
    assert_counts,
    assert_linkage,
    assert_model,
    assert_stratified,
    rows_of,
)
from tests.plink_files import FATHER, MOTHER, Files, random_files

CHROMOSOMES = (1, 2, 23, 24, 25, 26)
OWNERS = ("A", "B", "C", "D", "E")
COMPUTING = ("D", "F", "B")  # A, C and E give data and do not compute; F computes and has none
WINDOW = 7
LINKED = (1, 2, 23, 24, 25)  # PLINK 1.9 takes a heterozygous mitochondrion as dosage 1

Plink = Callable[..., Printed]


@pytest.fixture(scope="module")
def everybody() -> Files:
    return random_files(5, CHROMOSOMES, 12, 500)


@pytest.fixture(scope="module")
def folder(everybody: Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everybody's files, those of each institution, and who is where."""
    out = tmp_path_factory.mktemp("people")
    everybody.write(out / "all")
    where = np.random.default_rng(6).choice(len(OWNERS), len(everybody.fam))
    for name, part in zip(OWNERS, everybody.parts(where, len(OWNERS)), strict=True):
        part.write(out / f"of{name}")
    rows = zip(everybody.fam, where, strict=True)
    (out / "strata.txt").write_text("".join(f"{r[0]} {r[1]} {w}\n" for r, w in rows))
    linked = (row[1] for row in everybody.bim if int(row[0]) in LINKED)
    (out / "linked.txt").write_text("".join(f"{name}\n" for name in linked))
    return out


@pytest.fixture(scope="module")
def plink(folder: Path, program: Any) -> Plink:
    def run(suffix: str, *arguments: str) -> Printed:
        command = [program("plink1.9"), "--bfile", str(folder / "all"), "--allow-no-sex"]
        command += ["--keep-allele-order", "--threads", "1", *arguments]
        subprocess.run([*command, "--out", str(folder / "answer")], check=True, capture_output=True)
        return read_printed(folder / f"answer{suffix}")

    return run


def run(folder: Path, name: str, entries: str, *, founders_only: bool) -> Callable[[str], Any]:
    own = folder / name
    own.mkdir()
    members = [studies.Member(owner, folder / f"of{owner}") for owner in OWNERS]
    members.append(studies.Member("F", None))
    entries += studies.linkage(own, (folder / "linked.txt").read_text().split(), WINDOW)
    rules = studies.Rules(computing=COMPUTING, founders_only=founders_only)
    plan = studies.lay_out(own, members, folder / "all.bim", entries, rules)
    launch = studies.run_in_threads if founders_only else studies.run_in_processes
    out = launch(plan, own / "out")
    assert studies.tables(out / "E") == studies.tables(out / "F")
    return lambda table: read_table(out / "F" / f"{table}.tsv")


def test_association(folder: Path, plink: Plink) -> None:
    ours = run(folder, "groups", studies.OF_GROUPS + studies.ASSOCIATION, founders_only=False)
    counts = plink(".assoc", "--assoc", "counts")
    assert_allelic(ours("association.allelic"), counts, plink(".assoc", "--assoc", "--ci", ".95"))
    model = plink(".model", "--model", "--cell", "0")
    assert_model(ours("association.genotypic"), model, "GENO")
    assert_model(ours("association.trend"), model, "TREND")
    strata = ("--within", str(folder / "strata.txt"))
    assert_stratified(ours("association.cmh"), plink(".cmh", "--mh", "--ci", ".95", *strata))
    assert_frequency(ours("frequency"), plink, "--nonfounders", "--prune")
    # PLINK 1.9 takes founders for r and r2 even with --nonfounders.
    assert_pairs(ours("linkage"), plink, folder, "--make-founders", "--prune")


def test_founders_only(folder: Path, plink: Plink, everybody: Files) -> None:
    ours = run(folder, "founders", studies.OF_ALL, founders_only=True)
    assert_frequency(ours("frequency"), plink)
    assert_pairs(ours("linkage"), plink, folder)
    founders = (everybody.fam[:, [FATHER, MOTHER]] == "0").all(axis=1)
    assert people_of(ours("frequency")) == {founders.sum()}


def people_of(table: pd.DataFrame) -> set[int]:
    """How many people autosomal variants have."""
    counts = [c for c in table.columns if c.endswith("_CT") and c != "ABSENT_CT"]
    return set(table[table["#CHROM"].isin(["1", "2"])][counts].sum(axis=1))


def test_founders_only_holds_for_the_whole_plan(folder: Path, plink: Plink) -> None:
    entries = studies.OF_GROUPS + studies.ASSOCIATION
    ours = run(folder, "founding groups", entries, founders_only=True)
    counts = plink(".assoc", "--assoc", "counts", "--filter-founders")
    assert_allelic(ours("association.allelic"), counts, None)
    assert_frequency(ours("frequency"), plink, "--prune")


def assert_frequency(table: pd.DataFrame, plink: Plink, *people: str) -> None:
    """Against `--freqx` and `--freq`, which take MT as diploid and count females missing on Y."""
    printed = plink(".frqx", "--freqx", *people)
    assert list(table["ID"]) == list(printed["SNP"])
    diploid = np.asarray(table["#CHROM"] != "MT")
    columns = {
        "HOM_REF_CT": "C(HOM A2)", "HET_CT": "C(HET)", "HOM_ALT_CT": "C(HOM A1)",
        "HAP_REF_CT": "C(HAP A2)", "HAP_ALT_CT": "C(HAP A1)",
    }  # fmt: skip
    assert_counts(table[diploid], rows_of(printed, diploid), columns)
    with_missing = np.asarray(~table["#CHROM"].isin(["Y", "MT"]))
    missing = {"MISSING_CT": "C(MISSING)"}
    assert_counts(table[with_missing], rows_of(printed, with_missing), missing)
    assert_agrees(table["AF"][diploid], plink(".frq", "--freq", *people)["MAF"][diploid])


def assert_pairs(table: pd.DataFrame, plink: Plink, folder: Path, *people: str) -> None:
    window = ("--ld-window-r2", "0", "--ld-window", str(WINDOW), "--ld-window-kb", "1000")
    chosen = ("--extract", str(folder / "linked.txt"), *window, *people)
    assert_linkage(table, plink(".ld", "--r2", *chosen), plink(".ld", "--r", *chosen))
