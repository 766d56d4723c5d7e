"""Whole studies that open rounded values alone, against exact integers and PLINK's answers."""

from dataclasses import replace
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgen.leakage import Opening
from mpcgen.report.tables import read_table
from mpcgen.study.load import load_study
from tests import exact, studies
from tests.agreement import half_unit
from tests.attacks.cohorts import HOM_REF, MISSING, cohort, lay_out
from tests.attacks.cohorts import run as run_cohorts
from tests.open_sets import Answers, institutions
from tests.outcomes import everybody
from tests.test_passing import run

WINDOW = 20
ALONE = 'release = "statistic"\n'
TESTS = f'\n[[entries]]\nstatistic = "association"\n{ALONE}tests = ["allelic", "trend"]\n'
ODDS = TESTS + 'values = ["chisq", "or"]\n'
AF = f'\n[[entries]]\nstatistic = "frequency"\n{ALONE}groups = ["all", "cases", "controls"]\n'
RULES = {
    "clear": studies.CLEAR,
    "replicated": studies.Rules(),
    "replicated4": studies.Rules("replicated4", (*studies.NAMES, "D")),
    "additive": studies.Rules("additive", ("D", "B"), dealer="E"),
    "spdz2k": studies.Rules("spdz2k", ("D", "B"), dealer="E"),
}

Exact = NDArray[np.object_]  # of integers


def rounded(p: Exact, q: Exact, digits: int) -> NDArray[np.float64]:
    """p / q (m,) to the nearest multiple of 2^-digits, halves up; NaN where q is 0."""
    one = np.where(q == 0, 1, q)
    numbers = ((p * 2 ** (digits + 1) + one) // (2 * one)).astype(np.float64)
    return np.where(q == 0, np.nan, np.ldexp(numbers, -digits))


def alleles(counts: NDArray[Any]) -> tuple[Exact, Exact, Exact, Exact]:
    """Alt and ref alleles of cases, then of controls, from genotype counts (m, 2, 7)."""
    alt, both = (counts.astype(object) @ np.array(of) for of in (exact.ALT, exact.ALLELES))
    return alt[:, 0], both[:, 0] - alt[:, 0], alt[:, 1], both[:, 1] - alt[:, 1]


def allelic(counts: NDArray[Any]) -> tuple[Exact, Exact]:
    a, b, c, d = alleles(counts)
    return (a + b + c + d) * (a * d - b * c) ** 2, (a + b) * (c + d) * (a + c) * (b + d)


def odds(counts: NDArray[Any]) -> tuple[Exact, Exact]:
    a, b, c, d = alleles(counts)
    return a * d, b * c


def trend(counts: NDArray[Any]) -> tuple[Exact, Exact]:
    two = counts[:, :, :3].astype(object)
    (R, C), (S1, S0) = two.sum(axis=2).T, (two @ np.array([0, 1, 2])).T
    N, S, Q = R + C, S1 + S0, (two @ np.array([0, 1, 4])).sum(axis=1)
    return N * (N * S1 - R * S) ** 2, R * C * (N * Q - S * S)


def frequency(counts: NDArray[Any]) -> tuple[Exact, Exact]:
    a, b, c, d = alleles(counts)
    return a + c, a + b + c + d


def assert_near(ours: NDArray[np.float64], printed: NDArray[Any], digits: int) -> None:
    """Rounded values are PLINK's, within half a step and half of its last digit."""
    theirs = np.where(printed == "NA", "nan", printed).astype(np.float64)
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    within = [half_unit(str(x)) if str(x)[-1].isdigit() else 0.0 for x in printed]
    off = np.abs(ours - theirs) > 2.0 ** -(digits + 1) + np.array(within) + 1e-9 * np.abs(theirs)
    assert not off.any()


def test_variants_of_open_data(open_set: Path, answers: Answers, tmp_path: Path) -> None:
    """Every value is the exact one rounded, and PLINK's to half a step."""
    out = run(tmp_path, open_set / "clean", open_set / "pooled.bim", ODDS + AF, studies.Rules())
    owners = institutions(open_set.parent, open_set.name)
    place = {name: row for row, name in enumerate(owners[0].ids)}
    counts = np.stack([owner.counts for owner in owners]).sum(axis=0, dtype=np.int64)
    for name, column, of, digits in (
        ("association.allelic", "CHISQ", allelic(counts), 10),
        ("association.allelic", "OR", odds(counts), 10),
        ("association.trend", "CHISQ", trend(counts), 10),
        ("frequency", "AF", frequency(counts), 12),
        ("frequency.cases", "AF", frequency(counts * np.array([[[1], [0]]])), 12),
        ("frequency.controls", "AF", frequency(counts * np.array([[[0], [1]]])), 12),
    ):
        table = read_table(out / f"{name}.tsv")
        rows = [place[variant] for variant in table["ID"]]
        assert len(rows) > 0.99 * len(place)
        np.testing.assert_array_equal(table[column], rounded(*of, digits)[rows], f"{name} {column}")
    table = read_table(out / "association.allelic.tsv")
    printed = answers("p1.assoc")
    assert list(table["ID"]) == list(printed["SNP"])
    assert_near(table["CHISQ"].to_numpy(np.float64), printed["CHISQ"], 10)
    assert_near(table["OR"].to_numpy(np.float64), printed["OR"], 10)
    kept = answers("p1.cell0.model")["TEST"] == "TREND"
    assert_near(
        read_table(out / "association.trend.tsv")["CHISQ"].to_numpy(np.float64),
        answers("p1.cell0.model")["CHISQ"][kept], 10,
    )  # fmt: skip
    assert not list(out.glob("*.vcf")) + list(out.glob("*gwas-ssf*"))


def test_pairs_of_open_data(open_set: Path, answers: Answers, tmp_path: Path) -> None:
    ids = (open_set / "oracle" / "ld.ids").read_text().split()[:150]
    entry = studies.linkage(tmp_path, ids, WINDOW) + ALONE + 'values = ["r2", "r"]\n'
    out = run(tmp_path, open_set / "clean", open_set / "pooled.bim", entry, studies.Rules())
    owners = institutions(open_set.parent, open_set.name)
    place = {name: row for row, name in enumerate(owners[0].ids)}
    table = read_table(out / "linkage.tsv")
    pairs = np.array(
        [[place[a], place[b]] for a, b in zip(table["ID_A"], table["ID_B"], strict=True)]
    )
    sums = np.stack([owner.pair_sums(pairs).astype(object) for owner in owners]).sum(axis=0)
    n, sx, sy, sxx, syy, sxy = sums.T
    C, Vx, Vy = n * sxy - sx * sy, n * sxx - sx * sx, n * syy - sy * sy
    assert len(table) > 1000
    assert list(table.columns)[6:] == ["R", "R2"]
    np.testing.assert_array_equal(table["R2"], rounded(C * C, Vx * Vy, 12))
    size = [(isqrt((c * c << 26) // v) + 1) // 2 for c, v in zip(C, Vx * Vy, strict=True)]
    np.testing.assert_array_equal(table["R"], np.sign(C).astype(int) * np.array(size) * 2.0**-12)
    printed = answers("p1.r2.ld")
    named = zip(printed["SNP_A"], printed["SNP_B"], strict=True)
    theirs = dict(zip(named, printed["R2"], strict=True))
    both = [theirs[pair] for pair in zip(table["ID_A"], table["ID_B"], strict=True)]
    assert_near(table["R2"].to_numpy(np.float64), np.array(both), 12)


# Small studies: all kinds of chromosomes, all engines, floors.

NAMES = tuple(RULES["replicated4"].computing)
PEOPLE = {name: cohort(n + 60, 90 + 20 * n, (1, 0, 4, 3)) for n, name in enumerate(NAMES)}
FLOORED = studies.TOGETHER + "min_cases = 20\nmin_controls = 20\nmin_cell = 12\nmin_missing = 2\n"
LINKAGE = f'\n[[entries]]\nstatistic = "linkage"\nwindow = 4\nregion = "1"\n{ALONE}'
ALL = ODDS + AF + LINKAGE


def small(folder: Path, engine: str, entries: str, release: str) -> Path:
    """The plan of a study of PEOPLE."""
    rules = replace(RULES[engine], release=release)
    return lay_out(folder, PEOPLE, rules=rules, entries=entries, window=0)


@pytest.mark.parametrize("release", ['floors = "none"', FLOORED], ids=["all", "floors"])
def test_all_engines_give_the_same_tables(release: str, tmp_path: Path) -> None:
    found = []
    for engine in RULES:
        plan = small(tmp_path / engine, engine, ALL, release)
        everybody(run_cohorts(plan, out=tmp_path / engine / "out"))
        found += [studies.tables(tmp_path / engine / "out" / name) for name in NAMES]
    assert len(found[0]) == 6
    assert all(tables == found[0] for tables in found)


def test_floors_leave_rows_out_and_change_no_value(tmp_path: Path) -> None:
    rows = {}
    for name, release in (("all", 'floors = "none"'), ("kept", FLOORED)):
        plan = small(tmp_path / name, "clear", ALL, release)
        everybody(run_cohorts(plan, out=tmp_path / name / "out"))
        found = sorted((tmp_path / name / "out" / "A").glob("*.tsv"))
        rows[name] = {path.name: path.read_text().splitlines() for path in found}
    for table, every in rows["all"].items():
        kept = rows["kept"][table]
        assert 1 < len(kept) < len(every) + (table == "linkage.tsv")
        assert kept == [row for row in every if row in set(kept)]


def test_only_what_is_listed_is_opened(tmp_path: Path) -> None:
    """Bits and values, each once; of a variant that is not kept nothing."""
    plan = small(tmp_path / "study", "replicated", ALL, FLOORED)
    out = tmp_path / "out"
    sessions = everybody(run_cohorts(plan, out=out))
    study = load_study(plan)
    manifest = study.manifest()
    assert set(sessions["A"].opened) == set(manifest)
    values = {o for o in manifest if o.k == 64}
    assert values == set(manifest) - {o for o in manifest if o.k == 1 or o.label == "people"}
    assert {o.where for o in values} == {"variants0/keep", "linkage0/keep"}
    odds = Opening("variants0/association/allelic.or", 64, (36,), NAMES, "variants0/keep")
    assert odds in values
    assert 0 < len(read_table(out / "A" / "association.allelic.tsv")) < 36


def test_undefined_values_are_counted(tmp_path: Path) -> None:
    """On Y nobody has two copies; nobody at all has a genotype of a variant that all miss."""
    people = dict(PEOPLE)
    for name, own in people.items():
        genotypes = own.genotypes.copy()
        genotypes[3], genotypes[5] = MISSING, HOM_REF
        people[name] = replace(own, genotypes=genotypes)
    rules = studies.Rules()
    plan = lay_out(tmp_path / "study", people, rules=rules, entries=ALL, window=0)
    studies.run_in_processes(plan, tmp_path / "out")
    table = read_table(tmp_path / "out" / "A" / "association.allelic.tsv").set_index("ID")
    assert table["CHISQ"].isna().sum() == 2
    assert table.loc[["v3", "v5"], ["CHISQ", "OR", "DF", "P", "NEG_LOG10_P"]].isna().all(axis=None)
    af = read_table(tmp_path / "out" / "A" / "frequency.tsv").set_index("ID")["AF"]
    assert af["v5"] == 0
    assert np.isnan(af["v3"])
    record, *others = studies.records(tmp_path / "out")
    assert len(others) == 3
    assert record.parameters["association"]["binary_digits"] == 10
    assert record.parameters["frequency"]["step"] == 2.0**-12
    assert record.kept["association"].kept == 36
    assert any("association.allelic has what was opened alone" in w for w in record.warnings)
    counted = record.counted
    assert counted["association.allelic: undefined CHISQ"] == 2
    assert counted["association.allelic: undefined OR"] == 2
    assert counted["association.trend: undefined CHISQ"] == 2
    assert counted["frequency.cases: undefined AF"] == 1
    assert counted["linkage: undefined pairs"] > 0
