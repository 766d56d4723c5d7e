"""Studies of the open sets' messy splits: PLINK's numbers on the pool that was harmonised by hand.

The site list is all of pooled.bim, palindromic variants are taken as given, and the two people
who are also at A are excluded at B by its own configuration. The harmonised pool has only the
variants that all institutions have and whose palindromic alleles are not flipped.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mpcgen.report.tables import read_table
from tests import studies
from tests.agreement import assert_agrees, read_printed
from tests.open_sets import Answers
from tests.plink_answers import (
    Printed,
    assert_columns,
    assert_counts,
    assert_linkage,
    assert_same_variants,
    rows_of,
)

WINDOW = 20
ABSENT = ("missing", "only", "incompatible_alleles", "position_mismatch")

Tables = Mapping[str, pd.DataFrame]


@pytest.fixture(scope="module")
def planted(open_set: Path) -> Printed:
    """The problems: issue, site, ID."""
    return read_printed(open_set / "messy" / "truth.tsv")


def lay_out(folder: Path, open_set: Path, planted: Printed, entries: str) -> Path:
    twice = planted["ID"][planted["issue"] == "duplicate_sample"]
    assert len(twice) == 2
    exclude = folder / "known_at_A.txt"
    exclude.write_text("".join(f"{who.replace(':', ' ')}\n" for who in twice))
    a, b, c = studies.split(open_set / "messy")
    b = studies.Member(b.name, b.bfile, {"exclude_samples": exclude.name})
    return studies.lay_out(folder, [a, b, c], open_set / "pooled.bim", entries)


@pytest.fixture(scope="module")
def everybody(
    open_set: Path, planted: Printed, answers: Answers, tmp_path_factory: pytest.TempPathFactory
) -> Tables:
    folder = tmp_path_factory.mktemp("everybody")
    ids = (open_set / "oracle" / "ld.ids").read_text().split()
    shared = set(answers("h.frq.counts")["SNP"])
    entries = studies.linkage(folder, [name for name in ids if name in shared], WINDOW)
    plan = lay_out(folder, open_set, planted, studies.OF_ALL + entries)
    out = studies.run_in_processes(plan, folder / "out") / "B"
    return {name: read_table(out / f"{name}.tsv") for name in ("frequency", "linkage")}


@pytest.fixture(scope="module")
def groups(open_set: Path, planted: Printed, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("groups")
    plan = lay_out(folder, open_set, planted, studies.OF_GROUPS + studies.ASSOCIATION)
    out = studies.run_in_threads(plan, folder / "out") / "A"
    names = ("frequency.cases", "frequency.controls", "association.allelic")
    return {name: read_table(out / f"{name}.tsv") for name in names}


def shared(table: pd.DataFrame, printed: Printed) -> pd.DataFrame:
    """The rows of the variants that PLINK has, of which none is missing here."""
    rows = table[table["ID"].isin(printed["SNP"])].reset_index(drop=True)
    assert_same_variants(rows, printed)
    return rows


def people(open_set: Path) -> dict[str, int]:
    fams = {name: open_set / "clean" / f"site{name}.fam" for name in studies.NAMES}
    return {name: len(fam.read_text().splitlines()) for name, fam in fams.items()}


def test_people_at_institutions_without_the_variant(
    everybody: Tables, open_set: Path, planted: Printed
) -> None:
    table, size = everybody["frequency"], people(open_set)
    expected = pd.Series(0, index=table["ID"])
    for issue, site, variant in zip(planted["issue"], planted["site"], planted["ID"], strict=True):
        if issue.startswith(ABSENT):
            sites = "AB" if issue.startswith("only") else site
            expected[variant] += sum(size[at] for at in sites)
    np.testing.assert_array_equal(table["ABSENT_CT"], expected)


def test_only_absent_and_flipped_variants_are_not_in_the_pool(
    everybody: Tables, answers: Answers, planted: Printed
) -> None:
    table = everybody["frequency"]
    ours = ~table["ID"].isin(answers("h.frq.counts")["SNP"])
    flipped = table["ID"].isin(planted["ID"][planted["issue"] == "palindromic_flip_at_C"])
    np.testing.assert_array_equal(ours, (table["ABSENT_CT"] > 0) | flipped)


def test_counts_of_everybody(everybody: Tables, answers: Answers) -> None:
    printed = answers("h.frq.counts")
    table = shared(everybody["frequency"], printed)
    diploid = np.asarray(table["#CHROM"] != "MT")  # PLINK 1.9 counts MT twice
    table, printed = table[diploid], rows_of(printed, diploid)
    assert_counts(table, printed, {"AC": "C1"})
    np.testing.assert_array_equal(table["AN"] - table["AC"], printed["C2"].astype(int))
    two = np.asarray(~table["#CHROM"].isin(["X", "Y"]))
    assert_counts(table[two], rows_of(printed, two), {"MISSING_CT": "G0"})


def test_genotypes(everybody: Tables, groups: Tables, answers: Answers) -> None:
    printed = answers("h.hwe")
    parts = {"ALL": everybody["frequency"]} | {
        label: groups[f"frequency.{group}"]
        for label, group in (("AFF", "cases"), ("UNAFF", "controls"))
    }
    for label, table in parts.items():
        rows = rows_of(printed, np.char.startswith(printed["TEST"].astype(str), label))
        ours = table[table["ID"].isin(rows["SNP"])]
        assert_same_variants(ours, rows)
        cells = np.array([cell.split("/") for cell in rows["GENO"]]).astype(int)
        there = np.asarray(~ours["#CHROM"].isin(["Y", "MT"]))
        for column, expected in zip(("HOM_ALT_CT", "HET_CT", "HOM_REF_CT"), cells.T, strict=True):
            np.testing.assert_array_equal(ours[column][there], expected[there])


def test_association(groups: Tables, answers: Answers) -> None:
    printed = answers("h.assoc")
    table = shared(groups["association.allelic"], printed)
    assert_columns(table, printed, "CHISQ", "P", "OR")
    assert_agrees(table["A1_CASE_CT"] / table["CASE_ALLELE_CT"], printed["F_A"])
    assert_agrees(table["A1_CTRL_CT"] / table["CTRL_ALLELE_CT"], printed["F_U"])


def test_linkage(everybody: Tables, answers: Answers) -> None:
    assert_linkage(everybody["linkage"], answers("h.r2.ld"))
