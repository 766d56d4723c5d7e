"""The messy split of the open data: every planted problem is reported, and the pool is PLINK's."""

import csv
import gzip
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mpcgen.genome.alignment import Status
from mpcgen.genome.people import PeopleSource
from mpcgen.genome.sites import read_sites
from mpcgen.parties.data_check import DataCheck, check_data
from mpcgen.study.institution import DataSource, InstitutionConfig

NAMES = ("hm3_pops", "kg_eur_chr2", "kgp1_chr22", "t1d_nssnp")
INVISIBLE = {"palindromic_flip", "duplicate_sample"}  # to one institution by itself
STATUS = {"incompatible_alleles": "incompatible", "position_mismatch": "misplaced"}
FLAGS = {
    "swapped_A1A2": {"swapped"},
    "strand_flip": {"flipped"},
    "renamed": {"renamed"},
    "highmissing": {"low-call-rate"},
    "monomorphic": {"monomorphic"},
    "monomorphic_label0": {"monomorphic", "zero-labelled"},
}


@cache
def checked(data: Path, name: str, site: str) -> DataCheck:
    folder = data / name
    bfile = folder / "messy" / f"site{site}"
    source = DataSource(bfile, "GRCh37", PeopleSource(bfile.with_name(f"{bfile.name}.fam")))
    config = InstitutionConfig(Path(f"{site}.toml"), site, source, None, None)
    sites = read_sites(folder / "pooled.bim")
    return check_data(config, sites, "as_given", with_phenotype=False)


def truth(data: Path, name: str) -> list[tuple[str, str, str]]:
    """(issue without its site, sites, ID) of every planted problem."""
    with (data / name / "messy" / "truth.tsv").open() as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return [
        (row["issue"].rsplit("_at_")[0].removesuffix("_C"), row["site"], row["ID"]) for row in rows
    ]


@pytest.mark.parametrize("name", NAMES)
def test_planted_problems_are_reported(name: str, open_data: Path) -> None:
    status: dict[tuple[str, str], str] = {}
    flags: dict[tuple[str, str], str] = {}
    for site in "ABC":
        table = checked(open_data, name, site).variants
        columns = [table[key] for key in ("SITE_ID", "STATUS", "FLAGS")]
        for own, what, marks in zip(*columns, strict=True):
            assert (site, own) not in status
            status[site, str(own)], flags[site, str(own)] = str(what), str(marks)
    planted = truth(open_data, name)
    broken = {(site, own) for issue, site, own in planted if issue in {*STATUS, "palindromic_flip"}}
    gone = {(site, own) for issue, site, own in planted if issue == "missing"}
    gone |= {(site, own) for issue, _, own in planted for site in "AB" if issue == "only"}
    seen = 0
    for issue, where, own in planted:
        if issue in INVISIBLE:
            continue
        if issue in STATUS:
            assert status[where, own] == STATUS[issue]
        elif (where, own) in gone:  # with whatever else was planted there
            assert status[where, own] == "absent"
        elif issue == "only":
            assert [status[site, own] for site in "ABC"] == ["absent", "absent", "used"]
        elif (where, own) in broken:  # has no orientation of its own
            continue
        else:
            assert status[where, own] == "used"
            assert FLAGS[issue] <= set(flags[where, own].split(","))
        seen += 1
    assert seen > 3000
    for flag, issue in (("swapped", "swapped_A1A2"), ("flipped", "strand_flip")):
        unplanned = {
            (site, own) for (site, own), marks in flags.items() if flag in marks.split(",")
        } - {(site, own) for kind, site, own in planted if kind == issue}
        assert unplanned <= broken


@pytest.mark.parametrize("name", NAMES)
def test_what_all_three_use_is_the_harmonised_pool(
    name: str, open_data: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    """PLINK's allele counts of each institution, turned as aligned, add up to the pool's."""
    planted = truth(open_data, name)
    flips = {own for issue, _, own in planted if issue == "palindromic_flip"}
    twice = [own.replace(":", " ") for issue, _, own in planted if issue == "duplicate_sample"]
    (tmp_path / "twice.txt").write_text("\n".join(twice) + "\n")
    alignments = [checked(open_data, name, site).alignment for site in "ABC"]
    ids = alignments[0].sites.id.to_pylist()
    everywhere = np.all([found.site_status == Status.USED for found in alignments], axis=0)
    totals = np.zeros((len(ids), 2), np.int64)
    for site, found in zip("ABC", alignments, strict=True):
        out = tmp_path / site
        command = [program("plink1.9"), "--bfile", str(open_data / name / "messy" / f"site{site}")]
        command += ["--keep-allele-order", "--allow-no-sex", "--freq", "counts", "--out", str(out)]
        command += ["--remove", str(tmp_path / "twice.txt")] if site == "B" else []
        subprocess.run(command, check=True, capture_output=True)
        counts = read_counts(out.with_suffix(".frq.counts").read_text())
        own = found.bim.id.to_pylist()
        for index in np.flatnonzero(everywhere):
            alt, ref = counts[str(own[found.rows[index]])]
            totals[index] += (ref, alt) if found.swapped[index] else (alt, ref)
    pooled = read_counts(
        gzip.decompress((open_data / name / "oracle" / "h.frq.counts.gz").read_bytes()).decode()
    )
    joint = {str(ids[i]): tuple(totals[i].tolist()) for i in np.flatnonzero(everywhere)}
    assert joint.keys() - flips == pooled.keys()
    assert {own: joint[own] for own in pooled} == pooled


def read_counts(text: str) -> dict[str, tuple[int, int]]:
    """Return C1 and C2 of every variant of a .frq.counts table."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return {row[1]: (int(row[4]), int(row[5])) for row in rows}
