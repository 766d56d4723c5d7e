"""People: who is used, in which group, and every file that is refused."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mpcgen.errors import InputError
from mpcgen.genome.people import People, PeopleSource, read_people

FAM = "f1 a 0 0 1 2\nf1 b 0 0 2 1\nf2 c a b 0 1\nf3 d 0 b 9 -9\nf4 a 0 0 2 2\n"


class Folder:
    """Writes an institution's files and reads them."""

    def __init__(self, path: Path):
        self.path = path
        self.write("own.fam", FAM)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def source(self, options: dict[str, str]) -> PeopleSource:
        """The .fam with these settings; file names are relative to the folder."""
        files = {"table", "keep_samples", "exclude_samples", "opt_outs"}
        found = {name: self.path / v if name in files else v for name, v in options.items()}
        return PeopleSource(self.path / "own.fam", **found)  # type: ignore[arg-type]

    def read(self, **options: str) -> People:
        return read_people(self.source(options), with_phenotype=True)

    def read_all(self, **options: str) -> People:
        return read_people(self.source(options), with_phenotype=False)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_people_of_a_fam(folder: Folder) -> None:
    people = folder.read()
    assert people.groups == ("cases", "controls")
    assert people.group.tolist() == [0, 1, 1, -1, 0]
    assert people.used.tolist() == [True, True, True, False, True]
    assert people.sex.tolist() == [1, 2, 0, 0, 2]
    assert people.founder.tolist() == [True, True, False, False, True]
    assert people.counts["missing_phenotype"] == 1


def test_without_a_phenotype_everybody_counts(folder: Folder) -> None:
    folder.write("own.fam", FAM.replace("-9", "what"))
    people = folder.read_all()
    assert people.groups == ("all",)
    assert people.used.all()
    assert people.group.tolist() == [0] * 5
    assert people.counts["all"] == 5


@pytest.mark.parametrize(
    "text",
    [
        FAM.replace("\n", "\r\n"),
        FAM.replace(" ", "\t"),
        FAM.replace(" ", " \t  "),
        "\ufeff" + FAM + "\n\n",
        FAM.rstrip("\n"),
    ],
)
def test_other_ways_to_write_a_fam(text: str, folder: Folder) -> None:
    folder.write("own.fam", text)
    assert folder.read().group.tolist() == [0, 1, 1, -1, 0]


TABLES = {
    "tabs": "FID\tIID\tage\tCC\nf4\ta\t\t2\nf1\tb\t7\t\nf1\ta\t8\t1\nf9\tz\t9\t2\nf2\tc\t9\t-9\n",
    "commas": 'FID,IID,age,"CC"\n"f4","a","7,5","2"\nf1,b,,\nf1,a,8, 1 \nf9,z,9,2\nf2,c,9,NA\n',
    "blanks": "#FID IID  age CC\nf4 a 7 2\nf1  b 7 0\nf1 a 8 1\nf9 z 9 2\nf2 c 9 -9\n",
    "windows": "FID\tIID\tCC\r\nf4\ta\t2\r\nf1\tb\t\r\nf1\ta\t1\r\nf9\tz\t2\r\nf2\tc\t0\r\n",
}


@pytest.mark.parametrize("table", TABLES)
def test_table_with_family_ids(table: str, folder: Folder) -> None:
    folder.write("t", TABLES[table])
    people = folder.read(table="t", phenotype_column="CC")
    assert people.group.tolist() == [1, -1, -1, -1, 0]
    assert people.counts == {
        "people": 5,
        "not_kept": 0,
        "excluded": 0,
        "opted_out": 0,
        "not_in_table": 1,
        "missing_phenotype": 2,
        "cases": 1,
        "controls": 1,
        "unknown_in_keep": 0,
        "unknown_in_exclude": 0,
        "unknown_in_opt_outs": 0,
        "only_in_table": 1,
    }


def test_table_without_family_ids(folder: Folder) -> None:
    folder.write("t.csv", "person,disease\nc,yes\nb,no\nd,0\nx,yes\n")
    own = {"iid_column": "person", "phenotype_column": "disease", "case": "yes", "control": "no"}
    people = folder.read(table="t.csv", **own)
    assert people.group.tolist() == [-1, 1, 0, -1, -1]
    assert people.counts["not_in_table"] == 2
    assert people.counts["only_in_table"] == 1


def test_an_iid_of_two_people(folder: Folder) -> None:
    folder.write("t", "IID\tCC\nb\t1\na\t2\n")
    with pytest.raises(
        InputError, match=r"IID a is two people's in own.fam \(lines 1 and 5\)"
    ) as e:
        folder.read(table="t", phenotype_column="CC")
    assert e.value.line == 3
    folder.write("k", "a\n")
    with pytest.raises(InputError, match="give FID and IID"):
        folder.read(exclude_samples="k")


def test_declared_codes(folder: Folder) -> None:
    folder.write("own.fam", "f a 0 0 1 1\nf b 0 0 1 0\nf c 0 0 1 -9\nf d 0 0 1 NA\n")
    with pytest.raises(InputError, match='declare case = "1", control = "0"') as caught:
        folder.read()
    assert caught.value.line == 2
    assert folder.read(case="1", control="0").group.tolist() == [0, 1, -1, -1]
    with pytest.raises(InputError, match="line 1: the phenotype '1' is neither a case"):
        folder.read(case="5", control="6")
    with pytest.raises(InputError, match="case and control are both '1'"):
        folder.read(case="1", control="1")


@pytest.mark.parametrize("codes", [["1", "1"], ["2", "2"], ["1", "-9"], ["2", "0"]])
def test_all_cases_or_all_controls_is_legal(codes: list[str], folder: Folder) -> None:
    folder.write("own.fam", "".join(f"f {i} 0 0 1 {code}\n" for i, code in enumerate(codes)))
    want = [{"1": 1, "2": 0}.get(code, -1) for code in codes]
    assert folder.read().group.tolist() == want


@pytest.mark.parametrize("code", ["3", "2.0", "case", "-1", "nan", "1 "])
def test_unknown_phenotypes(code: str, folder: Folder) -> None:
    folder.write("t.csv", f"IID,CC\nb,1\nc,2\nd,{code}\n")
    if code == "1 ":  # blanks around a value do not count
        assert folder.read(table="t.csv", phenotype_column="CC").group.tolist() == [-1, 1, 0, 1, -1]
        return
    with pytest.raises(InputError, match=f"the phenotype '{code}' is neither a case") as caught:
        folder.read(table="t.csv", phenotype_column="CC")
    assert caught.value.line == 4


def test_lists(folder: Folder) -> None:
    folder.write("keep", "f1 a\nf4 a\nf1 b\nf7 z\n")
    folder.write("drop", "#IID\r\nb\r\nnobody\r\n")
    people = folder.read(keep_samples="keep", exclude_samples="drop")
    assert people.used.tolist() == [True, False, False, False, True]
    assert people.counts == {
        "people": 5,
        "not_kept": 2,
        "excluded": 1,
        "opted_out": 0,
        "not_in_table": 0,
        "missing_phenotype": 0,
        "cases": 2,
        "controls": 0,
        "unknown_in_keep": 1,
        "unknown_in_exclude": 1,
        "unknown_in_opt_outs": 0,
        "only_in_table": 0,
    }
    assert people.warnings == (
        f"{folder.path / 'keep'}: 1 of the 4 people on the list are not in own.fam",
        f"{folder.path / 'drop'}: 1 of the 2 people on the list are not in own.fam",
    )


def test_who_has_opted_out_is_never_used(folder: Folder) -> None:
    folder.write("keep", "f1 a\nf4 a\nf1 b\n")
    folder.write("never", "f4 a\nf1 b\nf9 z\n")
    people = folder.read(keep_samples="keep", opt_outs="never")
    assert people.used.tolist() == [True, False, False, False, False]
    assert (people.counts["not_kept"], people.counts["opted_out"]) == (2, 2)
    assert people.counts["unknown_in_opt_outs"] == 1
    assert people.warnings == (
        f"{folder.path / 'never'}: 1 of the 3 people on the list are not in own.fam",
        f"{folder.path / 'never'}: 2 people opted out and are left out",
    )


def test_opt_outs_who_are_elsewhere(folder: Folder) -> None:
    """A policy's list is for all data of an institution, and need not match these."""
    folder.write("never", "f9 z\n")
    people = folder.read_all(opt_outs="never")
    assert people.used.all()
    assert people.warnings == (
        f"{folder.path / 'never'}: 1 of the 1 people on the list are not in own.fam",
    )


def test_opt_outs_that_leave_nobody(folder: Folder) -> None:
    folder.write("never", "f1 a\n")
    folder.write("keep", "f1 a\n")
    with pytest.raises(InputError, match="never: the list leaves nobody"):
        folder.read(keep_samples="keep", opt_outs="never")


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        ("own.fam", "", None, "is empty"),
        ("own.fam", b"\xff\xfe", None, "UTF-16"),
        ("own.fam", "f a 0 0 1 1\nf \u00e9 0 0 1 1\n".encode("latin1"), 2, "not UTF-8"),
        ("own.fam", FAM + "f5 e 0 0 1\n", 6, "5 values where 6 are due"),
        ("own.fam", FAM + "f1 b 0 0 1 1\n", 6, "the sample f1 b stands on line 2 already"),
        ("own.fam", FAM.replace("-9", "0").replace(" 2\n", " 0\n"), 1, "0 and 1, and none is 2"),
        ("own.fam", FAM.replace("-9", "9"), 4, "the phenotype '9' is neither"),
        ("own.fam", "f a 0 0 1 -9\nf b 0 0 1 NA\n", None, "nobody has a phenotype"),
        ("t", "", None, "is empty"),
        ("t", "FID\tIID\tCC\n", None, "nobody below the header"),
        ("t", "FID\tID\tCC\nf1\ta\t1\n", 1, "is no column 'IID'; the columns are FID, ID, CC"),
        ("t", "FID\tIID\tPHENO\nf1\ta\t1\n", 1, "'CC'; the columns are FID, IID, PHENO"),
        ("t", "FID\tIID\tCC\tCC\nf1\ta\t1\t1\n", 1, "are several columns 'CC'"),
        ("t", "FID\tIID\tCC\nf1\ta\t1\nf1\tb\n", 3, "2 values where 3 are due"),
        ("t", "FID\tIID\tCC\nf1\ta\t1\n\nf1\tb\t1\n", 3, "values where 3 are due|line is empty"),
        ("t", "FID\tIID\tCC\nf1\ta\t1\nf1\tb\t1\nf1\ta\t2\n", 4, "f1 a stands on line 2 already"),
        ("t", "FID\tIID\tCC\nf1\ta\t1\nf1\tb\t0\n", 3, "0 and 1, and none is 2"),
        ("t", "FID\tIID\tCC\nf1\tx\t1\n", None, "nobody in the .fam is in the table"),
        ("t", 'IID,CC\n"b,1",1\nb\n', 3, "1 value where 2 are due"),
        ("t", 'IID,CC\n"b\nb,1\n', 2, "1 value where 2 are due"),
        ("t", b"FID\tIID\tCC\nf1\t\xe9\t1\n", 2, "not UTF-8"),
        ("k", "", None, "is empty"),
        ("k", "f1 a 7\n", 1, "a line is 'FID IID', or 'IID'"),
        ("k", "f1 a\nb\n", 2, "1 value where 2 are due"),
        ("k", "f1 a\nf1 b\nf1 a\n", 3, "the sample f1 a stands on line 1 already"),
        ("k", "f8 a\n", None, "the list matches nobody"),
        ("x", "f8 a\nf9 a\n", None, "the list matches nobody"),
        ("x", "FID IID\nf1 a\nf1 b\nf2 c\nf3 d\nf4 a\n", None, "the list leaves nobody"),
        ("x", "#FID IID\nf1 a\n\nf1 b\n", 3, "values where 2 are due|line is empty"),
    ],
)
def test_bad_files_are_refused(
    name: str, text: str | bytes, line: int | None, message: str, folder: Folder
) -> None:
    path = folder.write(name, text)
    options: dict[str, dict[str, str]] = {
        "own.fam": {},
        "t": {"table": "t", "phenotype_column": "CC"},
        "k": {"keep_samples": "k"},
        "x": {"exclude_samples": "x"},
    }
    with pytest.raises(InputError, match=message) as caught:
        folder.read(**options[name])
    assert caught.value.path == path
    assert caught.value.line == line


def test_a_table_wants_a_phenotype_column(folder: Folder) -> None:
    folder.write("t", "FID\tIID\tCC\nf1\ta\t1\n")
    with pytest.raises(InputError, match="no phenotype column is named; the columns are FID"):
        folder.read(table="t")
    assert folder.read_all(table="t").used.all()
    with pytest.raises(InputError, match="no such file"):
        folder.read(table="none", phenotype_column="CC")


@pytest.mark.parametrize("name", ["hm3_pops", "t1d_nssnp"])
def test_people_are_those_of_plink(
    name: str, open_data: Path, program: Callable[[str], str], tmp_path: Path
) -> None:
    """The same people, sexes and phenotypes as PLINK keeps, excludes and writes."""
    stem = open_data / name / "pooled"
    ids = [line.split()[:2] for line in stem.with_suffix(".fam").read_text().splitlines()]
    keep, drop = tmp_path / "keep", tmp_path / "drop"
    keep.write_text("".join(f"{fid}\t{iid}\n" for fid, iid in ids[:300]) + "no\tbody\n")
    drop.write_text("".join(f"{fid} {iid}\n" for fid, iid in ids[250:350]))
    table = stem.with_suffix(".pheno.tsv")
    command = [
        program("plink1.9"),
        "--bfile",
        str(stem),
        "--keep",
        str(keep),
        "--remove",
        str(drop),
    ]
    command += ["--pheno", str(table), "--pheno-name", "CC", "--prune", "--make-just-fam"]
    subprocess.run([*command, "--out", str(tmp_path / "p")], check=True, capture_output=True)
    written = [line.split() for line in (tmp_path / "p.fam").read_text().splitlines()]
    source = PeopleSource(
        stem.with_suffix(".fam"),
        table=table,
        phenotype_column="CC",
        keep_samples=keep,
        exclude_samples=drop,
    )
    people = read_people(source, with_phenotype=True)
    rows = np.flatnonzero(people.used)
    assert [ids[row] for row in rows] == [row[:2] for row in written]
    assert people.sex[rows].tolist() == [int(row[4]) for row in written]
    assert [["2", "1"][people.group[row]] for row in rows] == [row[5] for row in written]
    left = ("not_kept", "excluded", "opted_out", "not_in_table", "missing_phenotype")
    assert sum(people.counts[part] for part in (*left, "cases", "controls")) == len(ids)
    assert people.counts["unknown_in_keep"] == 1
