"""Palindromic variants under the plan's rules, as whole studies, against a pool made by hand.

Half of the variants are A/T. C's file has half of these on the other strand: its genotypes of A
stand under T. The site list has the frequencies of alt among everybody, as they truly are.
"""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from mpcgen.demo.prepare import prepare
from mpcgen.errors import PlanError
from mpcgen.genome.sites import read_sites
from mpcgen.report.tables import read_table
from mpcgen.study.load import load_study
from tests import studies
from tests.agreement import read_printed
from tests.plink_files import HET, HOM_ALT, HOM_REF, MISSING, Files, pooled

VARIANTS = 400
PEOPLE = {"A": 150, "B": 120, "C": 90}
MOST = 0.40  # minor frequency, of both, up to which frequencies tell the strands apart
PALINDROMIC = np.arange(VARIANTS) % 2 == 0
FLIPPED = np.arange(VARIANTS) % 4 == 0  # at C
OTHER_STRAND = np.array([HOM_REF, MISSING, HET, HOM_ALT], np.uint8)  # by code


def true_parts() -> list[Files]:
    """The institutions' files if all were on the strand of the site list."""
    rng = np.random.default_rng(11)
    frequency = rng.uniform(0.02, 0.98, (VARIANTS, 1))
    ref, alt = np.where(PALINDROMIC, "T", "G"), np.full(VARIANTS, "A")
    number = np.arange(1, VARIANTS + 1).astype(str)
    one = np.full(VARIANTS, "1")
    bim = np.array([one, np.char.add("v", number), np.full(VARIANTS, "0"), number, alt, ref]).T
    parts = []
    for name, people in PEOPLE.items():
        codes = np.array([HOM_REF, HET, HOM_ALT], np.uint8)[
            rng.binomial(2, frequency, (VARIANTS, people))
        ]
        codes[rng.random(codes.shape) < 0.03] = MISSING
        fam = np.array([[name, f"{name}{i}", "0", "0", "2", "-9"] for i in range(people)])
        parts.append(Files(bim, fam, codes))
    return parts


def on_the_other_strand(part: Files, rows: NDArray[np.bool_]) -> Files:
    """The files with the genotypes of A under T, and those of T under A."""
    return Files(part.bim, part.fam, np.where(rows[:, None], OTHER_STRAND[part.codes], part.codes))


def without(part: Files, rows: NDArray[np.bool_]) -> Files:
    """The files without a genotype at some variants."""
    return Files(part.bim, part.fam, np.where(rows[:, None], np.uint8(MISSING), part.codes))


def alt_frequency(part: Files) -> NDArray[np.float64]:
    """Frequency of column 5's allele, (m,)."""
    count = {code: (part.codes == code).sum(axis=1) for code in (HOM_ALT, HET, HOM_REF)}
    alleles = 2 * sum(count.values())
    return np.asarray((2 * count[HOM_ALT] + count[HET]) / alleles)


def study(folder: Path, parts: list[Files], rule: str) -> pd.DataFrame:
    """The frequencies of a study in threads, where C has FLIPPED on the other strand."""
    everybody = pooled(parts)
    rows = zip(everybody.bim, alt_frequency(everybody), strict=True)
    lines = [
        f"{c}\t{pos}\t{name}\t{ref}\t{alt}\t{f:.3f}" for (c, name, _, pos, alt, ref), f in rows
    ]
    source = folder / "source"
    source.mkdir()
    sites = source / "sites.tsv"
    sites.write_text("\n".join(("CHROM\tPOS\tID\tREF\tALT\tAF", *lines)) + "\n")
    files = [*parts[:2], on_the_other_strand(parts[2], FLIPPED)]
    members = [
        studies.Member(name, part.write(folder / f"of{name}"))
        for name, part in zip(PEOPLE, files, strict=True)
    ]
    rules = studies.Rules(palindromic=rule)
    plan = studies.lay_out(folder, members, sites, studies.OF_ALL, rules)
    return read_table(studies.run_in_threads(plan, folder / "out") / "B" / "frequency.tsv")


def assert_is(table: pd.DataFrame, parts: list[Files], folder: Path, plink: str) -> None:
    """Genotype counts of everybody are PLINK's; those without the variant are missing there."""
    bfile = pooled(parts).write(folder / "pooled")
    command = [plink, "--bfile", str(bfile), "--keep-allele-order", "--freqx", "--out", str(bfile)]
    subprocess.run(command, check=True, capture_output=True)
    printed = read_printed(folder / "pooled.frqx")
    assert list(table["ID"]) == list(printed["SNP"])
    columns = {"HOM_REF_CT": "C(HOM A2)", "HET_CT": "C(HET)", "HOM_ALT_CT": "C(HOM A1)"}
    for ours, theirs in columns.items():
        np.testing.assert_array_equal(table[ours], printed[theirs].astype(int))
    missing = table["MISSING_CT"] + table["ABSENT_CT"]
    np.testing.assert_array_equal(missing, printed["C(MISSING)"].astype(int))


def test_left_out(tmp_path: Path, program: Any) -> None:
    parts = true_parts()
    table = study(tmp_path, parts, "leave_out")
    kept = [without(part, PALINDROMIC) for part in parts]
    assert_is(table, kept, tmp_path, program("plink1.9"))
    absent = np.where(PALINDROMIC, sum(PEOPLE.values()), 0)
    np.testing.assert_array_equal(table["ABSENT_CT"], absent)
    assert table["AF"].isna().to_numpy().tolist() == PALINDROMIC.tolist()


def test_as_given(tmp_path: Path, program: Any) -> None:
    parts = true_parts()
    table = study(tmp_path, parts, "as_given")
    given = [*parts[:2], on_the_other_strand(parts[2], FLIPPED)]
    assert_is(table, given, tmp_path, program("plink1.9"))
    assert not table["ABSENT_CT"].any()


def test_by_reference_frequency(tmp_path: Path, program: Any) -> None:
    parts = true_parts()
    table = study(tmp_path, parts, "by_reference_frequency")
    reference = alt_frequency(pooled(parts)).round(3)
    kept, absent = [], np.zeros(VARIANTS, np.int64)
    for part in parts:
        own = alt_frequency(part)
        minor = np.maximum(np.minimum(reference, 1 - reference), np.minimum(own, 1 - own))
        unclear = PALINDROMIC & (minor > MOST)
        # Frequencies that differ by less than what tells strands apart are on the right one.
        turned = PALINDROMIC & ~unclear & (abs(1 - own - reference) < abs(own - reference))
        assert not turned.any()
        kept.append(without(part, unclear))
        absent += unclear * part.codes.shape[1]
    assert 0 < (absent > 0).sum() < PALINDROMIC.sum() / 2
    assert len(set(absent)) > 4  # some are left out at some institutions only
    assert_is(table, kept, tmp_path, program("plink1.9"))
    np.testing.assert_array_equal(table["ABSENT_CT"], absent)


@pytest.mark.parametrize("pinned", ["", 'frequency_sha256 = "00"\n'], ids=["missing", "another"])
def test_the_plan_pins_the_frequencies(tmp_path: Path, pinned: str) -> None:
    """Institutions with other frequencies would orient palindromic variants another way round."""
    sites = tmp_path / "sites.tsv"
    sites.write_text("CHROM\tPOS\tID\tREF\tALT\tAF\n1\t5\trs1\tA\tT\t0.25\n1\t6\trs2\tC\tG\tNA\n")
    plan = prepare(tmp_path / "study")
    text = plan.read_text().replace('"as_given"', '"by_reference_frequency"')
    hashes = {read_sites(plan.parent / "sites.tsv").sha256: read_sites(sites).sha256}
    for old, new in hashes.items():
        text = text.replace(old, new)
    sites.rename(plan.parent / "sites.tsv")
    text = text.replace("[sites]\n", f"[sites]\n{pinned}").partition("[[entries]]")[0]
    plan.write_text(text + studies.FREQUENCY)
    wanted = read_sites(plan.parent / "sites.tsv").frequency_sha256
    with pytest.raises(PlanError, match=f"{wanted}; the plan has frequency_sha256"):
        load_study(plan)
