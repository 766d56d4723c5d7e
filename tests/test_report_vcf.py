import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mpcgen.errors import InputError
from mpcgen.report.vcf import write_sites_vcf
from tests.site_lists import site_list, sites_of

Program = Callable[[str], str]


def bcftools(program: Program, *arguments: str | Path) -> str:
    done = subprocess.run(
        [program("bcftools"), *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr  # it warns of undeclared contigs, symbols and fields there
    return done.stdout


def read_back(program: Program, path: Path) -> list[list[str]]:
    """CHROM, POS, ID, REF, ALT, AC, AN, AF, PR of all rows, after a way through BCF."""
    bcf = path.with_suffix(".bcf")
    bcftools(program, "view", "-Ob", "-o", bcf, path)
    bcftools(program, "index", "-f", bcf)
    form = "%CHROM\\t%POS\\t%ID\\t%REF\\t%ALT\\t%AC\\t%AN\\t%AF\\t%PR\\n"
    return [line.split("\t") for line in bcftools(program, "query", "-f", form, bcf).splitlines()]


def test_corner_cases(tmp_path: Path, program: Program) -> None:
    rows = sites_of(
        (26, 9, "mt", "A", "G"),
        (25, 50, "par", "A", "<DEL>"),
        (23, 70, "", "ACGT", "A"),
        (23, 20, "x", "t", "c"),
        (24, 5, "y", "A", "<CNV:TR>"),
        (2, 4, "a;b", "0", "T"),
        (2, 4, "mono", "C", "0"),
        (1, 8, "none", "C", "*"),
    )
    ac, an = np.array([3, 2, 1, 0, 1, 7, 0, 0]), np.array([3, 8, 3, 4, 2, 8, 9, 0])
    path = tmp_path / "sites.vcf"
    write_sites_vcf(path, rows, ac, an, ref_known=False)
    assert read_back(program, path) == [
        ["1", "8", "none", "C", "*", "0", "0", ".", "1"],
        ["2", "4", "a;b", "N", "T", "7", "8", "0.875", "1"],
        ["2", "4", "mono", "C", ".", ".", "9", ".", "1"],
        ["X", "20", "x", "t", "c", "0", "4", "0", "1"],
        ["X", "50", "par", "A", "<DEL>", "2", "8", "0.25", "1"],
        ["X", "70", ".", "ACGT", "A", "1", "3", "0.333333", "1"],
        ["Y", "5", "y", "A", "<CNV:TR>", "1", "2", "0.5", "1"],
        ["MT", "9", "mt", "A", "G", "3", "3", "1", "1"],
    ]
    text = path.read_text()
    assert '##ALT=<ID=DEL,Description="Deletion">' in text
    assert [line for line in text.splitlines() if line.startswith("##contig")] == [
        f"##contig=<ID={name}>" for name in ("1", "2", "X", "Y", "MT")
    ]
    write_sites_vcf(path, rows, ac, an, ref_known=True)
    assert {row[-1] for row in read_back(program, path)} == {"."}


@pytest.mark.parametrize(
    ("ref", "alt", "message"),
    [
        ("1", "2", r"REF 1 of XY:9 \(bad\), one of 1"),
        ("A", "I", "ALT I of XY:9"),
        ("A", "C,G", "ALT C,G"),
        ("<DEL>", "A", "REF <DEL>"),
        ("A", "<D L>", "ALT <D L>"),
        ("R", "A", "REF R"),
        ("", "A", "REF "),
    ],
)
def test_alleles_that_vcf_cannot_hold(tmp_path: Path, ref: str, alt: str, message: str) -> None:
    rows = sites_of((1, 1, "good", "A", "C"), (25, 9, "bad", ref, alt))
    with pytest.raises(InputError, match=message):
        write_sites_vcf(tmp_path / "sites.vcf", rows, np.arange(2), np.arange(2), ref_known=False)
    assert not list(tmp_path.iterdir())


def test_real_frequencies(tmp_path: Path, program: Program, open_data: Path) -> None:
    """Counts of PLINK (C1 of alt, C2 of ref) come back for every site, through BCF."""
    folder = open_data / "hm3_pops"
    bim = np.loadtxt(folder / "pooled.bim", dtype=str)
    with gzip.open(folder / "oracle" / "p1.frq.counts.gz", "rt") as file:
        counts = np.loadtxt(file, dtype=str, skiprows=1)
    rows = site_list(bim[:, 0].astype(int), bim[:, 3].astype(int), *(bim[:, i] for i in (1, 5, 4)))
    ac, other = counts[:, 4].astype(int), counts[:, 5].astype(int)
    write_sites_vcf(tmp_path / "sites.vcf", rows, ac, ac + other, ref_known=False)
    back = read_back(program, tmp_path / "sites.vcf")
    found = {row[2]: (row[3], row[4], int(row[5]), int(row[6])) for row in back}
    assert found == {
        name: (ref, alt, a, a + b)
        for name, ref, alt, a, b in zip(bim[:, 1], bim[:, 5], bim[:, 4], ac, other, strict=True)
    }
    assert [row[0] for row in back] == sorted(
        (row[0] for row in back), key=lambda c: {"X": 23, "Y": 24, "MT": 26}.get(c) or int(c)
    )
