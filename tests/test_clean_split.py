"""Studies of the open sets' clean splits, in processes: PLINK's numbers on the pooled data."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mpcgen.report.record import RunRecord
from mpcgen.report.tables import read_table
from tests import studies
from tests.agreement import assert_agrees, read_printed
from tests.open_sets import Answers
from tests.plain import read_plain
from tests.plink_answers import (
    assert_allelic,
    assert_columns,
    assert_counts,
    assert_linkage,
    assert_model,
    assert_same_variants,
    assert_stratified,
    rows_of,
)

WINDOW = 50

Results = Mapping[str, pd.DataFrame]


def run(folder: Path, open_set: Path, entries: str) -> Path:
    ids = (open_set / "oracle" / "ld.ids").read_text().split()
    entries += studies.linkage(folder, ids, WINDOW)
    plan = studies.lay_out(
        folder, studies.split(open_set / "clean"), open_set / "pooled.bim", entries
    )
    return studies.run_in_processes(plan, folder / "out")


@pytest.fixture(scope="module")
def everybody_out(open_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("everybody"), open_set, studies.OF_ALL)


@pytest.fixture(scope="module")
def groups_out(open_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    entries = studies.OF_GROUPS + studies.ASSOCIATION
    return run(tmp_path_factory.mktemp("groups"), open_set, entries)


def read(out: Path) -> Results:
    return {
        path.name.removesuffix(".tsv"): read_table(path)
        for path in (out / "C").glob("*.tsv")
        if "gwas-ssf" not in path.name
    }


@pytest.fixture(scope="module")
def everybody(everybody_out: Path) -> Results:
    return read(everybody_out)


@pytest.fixture(scope="module")
def groups(groups_out: Path) -> Results:
    return read(groups_out)


def test_all_institutions_write_the_same(everybody_out: Path, groups_out: Path) -> None:
    for out in (everybody_out, groups_out):
        first, *others = (studies.tables(out / name) for name in studies.NAMES)
        assert {"frequency.tsv", "linkage.tsv"} <= first.keys()
        assert all(other == first for other in others)


def test_what_was_sent_is_what_was_declared(everybody_out: Path, groups_out: Path) -> None:
    for out in (everybody_out, groups_out):
        for name in studies.NAMES:
            (cost,) = RunRecord.read(out / name / "record.json").costs
            assert cost.bytes_measured == cost.bytes_declared > 0


def test_genotype_counts(everybody: Results, answers: Answers) -> None:
    table, printed = everybody["frequency"], answers("p2.gcount")
    assert_same_variants(table, printed)
    hom = {"HOM_REF_CT": "HOM_REF_CT", "HOM_ALT_CT": "TWO_ALT_GENO_CTS"}
    rest = {"HET_CT": "HET_REF_ALT_CTS", "HAP_REF_CT": "HAP_REF_CT", "HAP_ALT_CT": "HAP_ALT_CTS"}
    assert_counts(table, printed, hom | rest | {"MISSING_CT": "MISSING_CT"})
    assert not table["ABSENT_CT"].any()
    printed = answers("p1.frqx")
    assert_same_variants(table, printed)
    diploid = np.asarray(table["#CHROM"] != "MT")  # PLINK 1.9 takes MT as diploid here
    hom = {"HOM_REF_CT": "C(HOM A2)", "HET_CT": "C(HET)", "HOM_ALT_CT": "C(HOM A1)"}
    hap = {"HAP_REF_CT": "C(HAP A2)", "HAP_ALT_CT": "C(HAP A1)", "MISSING_CT": "C(MISSING)"}
    assert_counts(table[diploid], rows_of(printed, diploid), hom | hap)


def test_allele_counts(everybody: Results, answers: Answers) -> None:
    table, printed = everybody["frequency"], answers("p2.acount")
    assert_same_variants(table, printed)
    # PLINK 2 counts a heterozygous haploid male as half an allele; he is missing here.
    halved = np.char.endswith(printed["ALT_CTS"].astype(str), ".5")
    assert set(table["#CHROM"][halved]) <= {"X"}
    assert_counts(table[~halved], rows_of(printed, ~halved), {"AC": "ALT_CTS", "AN": "OBS_CT"})
    diploid = np.asarray(table["#CHROM"] != "MT")
    for name in ("p1.frq.counts", "p1.frq"):
        assert_same_variants(table, answers(name))
    table = table[diploid]
    counts, printed = (rows_of(answers(n), diploid) for n in ("p1.frq.counts", "p1.frq"))
    assert_counts(table, counts, {"AC": "C1"})
    np.testing.assert_array_equal(table["AN"] - table["AC"], counts["C2"].astype(int))
    assert_counts(table, printed, {"AN": "NCHROBS"})
    assert_columns(table, printed, AF="MAF")


def test_call_rates(everybody: Results, answers: Answers) -> None:
    table, printed = everybody["frequency"], answers("p1.lmiss")
    assert [*table["ID"]] == [*printed["SNP"]]
    # PLINK 1.9 counts a heterozygous haploid as called here, so p2 has the missing ones above.
    rows = np.asarray(~table["#CHROM"].isin(["X", "Y", "MT"]))
    assert_agrees((1 - table["CALL_RATE"])[rows], printed["F_MISS"][rows])
    assert_counts(table[rows], rows_of(printed, rows), {"MISSING_CT": "N_MISS"})


def test_frequencies_of_cases_and_controls(groups: Results, answers: Answers) -> None:
    counts, printed = answers("p1.counts.assoc"), answers("p1.frq.cc")
    diploid = np.asarray(groups["frequency"]["#CHROM"] != "MT")
    for group, ac, af, an in (("cases", "C_A", "MAF_A", "NCHROBS_A"),
                              ("controls", "C_U", "MAF_U", "NCHROBS_U")):  # fmt: skip
        table = groups[f"frequency.{group}"]
        for each in (counts, printed):
            assert_same_variants(table, each)
        np.testing.assert_array_equal(table["AC"], _integers(counts[ac]))
        assert_counts(table[diploid], rows_of(printed, diploid), {"AN": an})
        assert_agrees(table["AF"][diploid], printed[af][diploid])
    every, *parts = (groups[f"frequency{part}"] for part in ("", ".cases", ".controls"))
    for column in every.columns[every.columns.str.endswith("_CT")].union(["AC", "AN"]):
        np.testing.assert_array_equal(every[column], parts[0][column] + parts[1][column])


def test_missing_genotypes_of_cases_and_controls(groups: Results, answers: Answers) -> None:
    table = groups["frequency"]
    diploid = ~table["#CHROM"].isin(["X", "Y", "MT"])
    some = diploid & (table["MISSING_CT"] > 0) & (table["CALL_RATE"] > 0)
    if not some.any():
        return  # and PLINK's table is empty
    printed = answers("p1.missing")  # of variants that some, but not all have
    rows = rows_of(printed, np.asarray(pd.Series(printed["SNP"]).isin(table["ID"][diploid])))
    for group, column in (("cases", "F_MISS_A"), ("controls", "F_MISS_U")):
        shown = groups[f"frequency.{group}"][some]
        assert list(shown["ID"]) == list(rows["SNP"])
        assert_agrees(1 - shown["CALL_RATE"], rows[column])


def _integers(printed: NDArray[Any]) -> NDArray[np.int64]:
    """Counts, NA where PLINK has nobody to count."""
    return np.where(printed == "NA", "0", printed).astype(np.int64)


def test_allelic(groups: Results, answers: Answers) -> None:
    assert_allelic(groups["association.allelic"], answers("p1.counts.assoc"), answers("p1.assoc"))


@pytest.mark.parametrize(("test", "label"), [("genotypic", "GENO"), ("trend", "TREND")])
def test_models(groups: Results, answers: Answers, test: str, label: str) -> None:
    assert_model(groups[f"association.{test}"], answers("p1.cell0.model"), label)


def test_stratified(groups: Results, answers: Answers) -> None:
    assert_stratified(groups["association.cmh"], answers("p1.site.cmh"))


def test_linkage(everybody: Results, everybody_out: Path, answers: Answers, open_set: Path) -> None:
    table = everybody["linkage"]
    assert_linkage(table, answers("p1.r2.ld"), answers("p1.r.ld"))
    pooled = read_plain(open_set / "pooled")
    place = {name: row for row, name in enumerate(pooled.ids)}
    pairs = np.array([[place[name] for name in table[side]] for side in ("ID_A", "ID_B")]).T
    np.testing.assert_array_equal(table["N"], pooled.pair_sums(pairs)[:, 0])
    chosen = pooled.chrom[np.isin(pooled.ids, (open_set / "oracle" / "ld.ids").read_text().split())]
    total = sum(min(WINDOW - 1, n) for m in np.unique(chosen, return_counts=True)[1]
                for n in range(m))  # fmt: skip
    counted = RunRecord.read(everybody_out / "A" / "record.json").counted
    assert counted.get("linkage: undefined pairs", 0) == total - len(table)


def test_linkage_is_of_the_plans_people(
    everybody_out: Path, groups_out: Path, open_set: Path, program: Any, tmp_path: Path
) -> None:
    file = "A/linkage.tsv"
    if "-9" not in read_plain(open_set / "pooled").phenotype:
        assert (groups_out / file).read_bytes() == (everybody_out / file).read_bytes()
        return
    command = (
        f"{program('plink1.9')} --bfile {open_set / 'pooled'} --keep-allele-order --allow-no-sex "
        f"--prune --extract {open_set / 'oracle' / 'ld.ids'} --r2 --ld-window-r2 0 "
        f"--ld-window {WINDOW} --ld-window-kb 100000 --out {tmp_path / 'ld'}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    assert_linkage(read_table(groups_out / file), read_printed(tmp_path / "ld.ld"))
