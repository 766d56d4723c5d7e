"""Bad input through the real commands: a clear error, nothing written and nothing sent."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mpcgen.net import keys
from tests import small
from tests.small import assert_refused, command, edit, nobody_called, nothing_written
from tests.studies import approve

Sabotage = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    small.lay_out(tmp_path)
    return tmp_path


def write(name: str, content: bytes) -> Sabotage:
    return lambda folder: (folder / name).write_bytes(content)


def cut(name: str, start: int | None, stop: int | None) -> Sabotage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[start:stop])


def grow(name: str, more: bytes) -> Sabotage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes() + more)


def replace(name: str, old: str, new: str) -> Sabotage:
    return lambda folder: edit(folder / name, old, new)


def recode(codes: str) -> Sabotage:
    """Give the people of A these phenotypes."""

    def sabotage(folder: Path) -> None:
        lines = (folder / "A.fam").read_text().splitlines()
        rows = [f"{line[:-1]}{code}\n" for line, code in zip(lines, codes, strict=True)]
        (folder / "A.fam").write_text("".join(rows))

    return sabotage


def with_people(keys_of_people: str, **files: bytes) -> Sabotage:
    """Add keys to [people] of A's configuration, and files beside it."""

    def sabotage(folder: Path) -> None:
        edit(folder / "A.toml", "[people]\n", f"[people]\n{keys_of_people}\n")
        for name, content in files.items():
            (folder / name).write_bytes(content)

    return sabotage


def another_key(folder: Path) -> None:
    (folder / "A.key").unlink()
    keys.create(folder / "A.key")


def open_key(folder: Path) -> None:
    (folder / "A.key").chmod(0o644)


LATIN = "Zürich".encode("latin-1")
TABLE = 'table = "table"\nphenotype = "CC"'
KEEP, EXCLUDE = 'keep_samples = "keep"', 'exclude_samples = "exclude"'

OF_ONE: dict[str, tuple[Sabotage, tuple[str, ...]]] = {
    "wrong magic": (
        write("A.bed", b"PK\x03" + bytes(24)),
        ("A.bed", "is not a PLINK 1 .bed file", "6c 1b"),
    ),
    "sample-major": (
        write("A.bed", b"\x6c\x1b\x00" + bytes(24)),
        ("A.bed", "sample-major", "plink --make-bed"),
    ),
    "truncated bed": (cut("A.bed", None, -1), ("A.bed", "is truncated", "25 bytes", "has 24")),
    "bed of 10 variants": (cut("A.bed", None, -2), ("A.bed", "its .bim", "10", "11")),
    "bed of more people": (grow("A.bed", bytes(11)), ("A.bed", "its .fam", "9 to 12", "has 8")),
    "empty bed": (write("A.bed", b""), ("A.bed: is empty",)),
    "no bed": (lambda folder: (folder / "A.bed").unlink(), ("A.bed: there is no such file",)),
    "one variant more": (
        grow("A.bim", b"2\tmore\t0\t99000\tA\tG\n"),
        ("A.bed", "its .bim", "11", "12"),
    ),
    "one person more": (
        grow("A.fam", b"x\tx\t0\t0\t1\t1\n"),
        ("A.bed", "does not match its .fam", "has 9"),
    ),
    "one person less": (
        cut("A.fam", None, -len("A7\tA7\t0\t0\t2\t2\n")),
        ("A.bed: variant ", "people beyond the .fam, which has 7"),
    ),
    "bim of five columns": (
        replace("A.bim", "2\ts3\t0\t4000", "2\ts3\t4000"),
        ("A.bim, line 4", "5 values where 6 are due"),
    ),
    "unknown chromosome": (
        replace("A.bim", "2\ts3", "two\ts3"),
        ("A.bim, line 4", "'two' is no human chromosome"),
    ),
    "empty bim": (write("A.bim", b"\n"), ("A.bim: the file is empty",)),
    "bim in latin-1": (
        grow("A.bim", b"2\t" + LATIN + b"\t0\t9\tA\tG\n"),
        ("A.bim, line 12", "not UTF-8"),
    ),
    "NUL in a variant's id": (
        replace("A.bim", "s3", "s\0003"),
        ("A.bim, line 4", "control character (\\x00)"),
    ),
    "escape in a person's id": (
        replace("A.fam", "A3\tA3", "A3\tA\x1b[2J3"),
        ("A.fam, line 4", "control character (\\x1b)"),
    ),
    "C1 control in a variant's id": (
        replace("A.bim", "s3", "s\x853"),
        ("A.bim, line 4", "control character (\\x85)"),
    ),
    "line separator in a variant's id": (
        replace("A.bim", "s3", "s\u20283"),
        ("A.bim, line 4", "control character (\\u2028)"),
    ),
    "text turned round in a person's id": (
        replace("A.fam", "A3\tA3", "A3\tA\u202e3"),
        ("A.fam, line 4", "control character (\\u202e)"),
    ),
    "isolated text in a person's id": (
        replace("A.fam", "A3\tA3", "A3\tA\u20693"),
        ("A.fam, line 4", "control character (\\u2069)"),
    ),
    "empty fam": (write("A.fam", b""), ("A.fam: the file is empty",)),
    "fam in latin-1": (grow("A.fam", LATIN), ("A.fam, line 9", "not UTF-8")),
    "sample twice": (
        replace("A.fam", "A3\tA3", "A1\tA1"),
        ("A.fam, line 4", "A1 A1 stands on line 2 already"),
    ),
    "unknown phenotype": (
        recode("12121217"),
        ("A.fam, line 8", "'7' is neither a case (2) nor a control (1)"),
    ),
    "0 and 1 undeclared": (recode("01010101"), ("A.fam", 'case = "1", control = "0"')),
    "empty table": (with_people(TABLE, table=b""), ("table: the file is empty",)),
    "table in latin-1": (
        with_people(TABLE, table=b"IID\tCC\nA0\t" + LATIN),
        ("table, line 2", "not UTF-8"),
    ),
    "table without the column": (
        with_people(TABLE, table=b"IID\tPHENO\nA0\t1\n"),
        ("table, line 1", "'CC'", "IID, PHENO"),
    ),
    "table of others": (
        with_people(TABLE, table=b"IID\tCC\nX0\t1\n"),
        ("table: nobody in the .fam is in the table",),
    ),
    "sample twice in the table": (
        with_people(TABLE, table=b"IID\tCC\nA0\t1\nA0\t2\n"),
        ("table, line 3", "A0 stands on line 2 already"),
    ),
    "backspace in the table": (
        with_people(TABLE, table=b"IID\tCC\nA0\t1\nA1\b\t2\n"),
        ("table, line 3", "control character (\\x08)"),
    ),
    "DEL in keep": (
        with_people(KEEP, keep=b"A0\nA\x7f1\n"),
        ("keep, line 2", "control character (\\x7f)"),
    ),
    "old Macintosh line ends": (
        with_people(KEEP, keep=b"A0\rA1\rA2\r"),
        ("keep, line 1", "control character (\\r)"),
    ),
    "empty keep": (with_people(KEEP, keep=b""), ("keep: the file is empty",)),
    "keep in latin-1": (with_people(KEEP, keep=LATIN), ("keep, line 1", "not UTF-8")),
    "keep of nobody": (with_people(KEEP, keep=b"X0\n"), ("keep: the list matches nobody",)),
    "empty exclude": (with_people(EXCLUDE, exclude=b""), ("exclude: the file is empty",)),
    "exclude twice": (
        with_people(EXCLUDE, exclude=b"A0\nA0\n"),
        ("exclude, line 2", "A0 stands on line 1 already"),
    ),
    "another build": (
        replace("A.toml", "GRCh37", "GRCh38"),
        ("A.toml", "the data are on GRCh38, the plan is on GRCh37", "lift"),
    ),
    "too many people": (
        replace("plan.toml", "max_people = 3000", "max_people = 7"),
        ("A has 8 people", "allows it 7"),
    ),
    "no data": (
        lambda folder: (folder / "A.toml").write_text('name = "A"\n[key]\nfile = "A.key"\n'),
        ("A.toml", "the plan expects data of A", "[data]"),
    ),
    "empty configuration": (write("A.toml", b" \n"), ("A.toml: the file is empty",)),
    "configuration in latin-1": (
        write("A.toml", b'name = "A"\n# ' + LATIN),
        ("A.toml, line 2", "not UTF-8"),
    ),
    "somebody else's configuration": (
        replace("A.toml", 'name = "A"', 'name = "B"'),
        ("A.toml", 'the name here is "B", not "A"'),
    ),
    "another key": (another_key, ("A.toml", "A.key is", "the plan pins", "for A")),
    "no key file": (
        lambda folder: (folder / "A.key").unlink(),
        ("A.key", "there is no such file"),
    ),
    "no key named": (
        replace("A.toml", 'file = "A.key"', ""),
        ("A.toml", "[key] file is missing", "mpcgen keygen"),
    ),
    "key that others may read": (open_key, ("A.key", "chmod 600")),
    "empty key": (write("A.key", b""), ("A.key", "40 Z85 characters")),
    "empty sites": (write("sites.tsv", b""), ("sites.tsv: the file is empty",)),
    "sites in latin-1": (grow("sites.tsv", LATIN), ("sites.tsv, line 13", "not UTF-8")),
    "another site list": (
        replace("sites.tsv", "s3", "s33"),
        ("plan.toml, line", "another one than the plan's", "sites.tsv has SHA-256"),
    ),
    "no site list": (
        lambda folder: (folder / "sites.tsv").unlink(),
        ("sites.tsv: there is no such file",),
    ),
    "control character in a site's id": (
        replace("sites.tsv", "s3", "s\x013"),
        ("sites.tsv, line 5", "control character (\\x01)"),
    ),
    "a site twice": (
        grow("sites.tsv", b"2\t1000\tagain\tA\tG\n"),
        ("sites.tsv, line 13", "line 2"),
    ),
}


@pytest.mark.parametrize("what", OF_ONE)
def test_an_institution_stops_before_it_calls_anybody(what: str, folder: Path) -> None:
    sabotage, words = OF_ONE[what]
    sabotage(folder)
    plan = folder / "plan.toml"
    approve(plan)
    with nobody_called(plan, small.NAMES), nothing_written(folder):
        result = command("run", plan, "--as", "A", "--config", folder / "A.toml")
    assert_refused(result, *words)


NEEDS_A_PLAN = {
    "another build", "too many people", "no data", "somebody else's configuration", "another key",
    "no key file", "no key named", "key that others may read", "empty key", "another site list",
}  # fmt: skip


@pytest.mark.parametrize("what", [what for what in OF_ONE if what not in NEEDS_A_PLAN])
def test_a_steward_sees_it_first(what: str, folder: Path) -> None:
    """`data check` says the same, without a plan."""
    sabotage, words = OF_ONE[what]
    sabotage(folder)
    with nothing_written(folder):
        result = command("data", "check", "--config", folder / "A.toml", folder / "sites.tsv")
    assert_refused(result, *words)


def test_a_report_that_cannot_be_written(folder: Path) -> None:
    report = folder / "none" / "report.tsv"
    with nothing_written(folder):
        result = command(
            "data", "check", "--config", folder / "A.toml", folder / "sites.tsv", "--report", report
        )
    assert result.exit_code == 1
    assert "mpcgen: " in result.output
    assert str(report) in result.output


def test_nothing_to_check(folder: Path) -> None:
    (folder / "A.toml").write_text('name = "A"\n')
    result = command("data", "check", "--config", folder / "A.toml", folder / "sites.tsv")
    assert_refused(result, "A.toml: there is no [data] to check")
