"""The demonstration: three processes, all values PLINK's, and no folder but its own replaced."""

import re
from pathlib import Path

import pytest
from click.testing import Result

from mpcgen import progress
from mpcgen.cli import main
from mpcgen.demo import show
from mpcgen.demo.compare import Comparison, compare
from mpcgen.report.record import RunRecord
from mpcgen.study.loop import Progress
from mpcgen.study.plan import NO_FLOORS
from mpcgen.study.study import Study
from tests import small, studies, terminals
from tests.small import assert_refused, command, nothing_written

COMPARED = {
    "genotype counts": 15000,
    "allele counts of cases and controls": 5000,
    "allelic test": 15000,
    "genotypic test": 4900,
    "trend test": 4900,
    "Cochran-Mantel-Haenszel": 15000,
    "linkage disequilibrium r": 8575,
    "linkage disequilibrium r2": 8575,
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    folder = tmp_path_factory.mktemp("demo") / "out"
    return command("demo", "--out", folder), folder


def test_what_it_says(demo: tuple[Result, Path]) -> None:
    result, folder = demo
    assert result.exit_code == 0, result.output
    said = result.output
    assert f"WARNING {NO_FLOORS}" in " ".join(said.split())
    assert "The people here are simulated, so nothing is withheld" in said
    assert "What is opened, to all of A, B, C" in said
    processes = re.findall(r"^  ([ABC]) is process (\d+)$", said, re.MULTILINE)
    assert [name for name, _ in processes] == ["A", "B", "C"]
    assert len({number for _, number in processes}) == 3
    for what, values in COMPARED.items():
        assert re.search(rf"^  {re.escape(what)} +--[a-z0-9 .-]+ {values} +0$", said, re.MULTILINE)
    assert said.rstrip().endswith(str(folder / "results"))


def test_every_value_is_plinks_at_every_institution(demo: tuple[Result, Path]) -> None:
    _, folder = demo
    for name in small.NAMES:
        found = compare(folder / "results" / name)
        assert {each.what: each.values for each in found} == COMPARED
        assert [each.different for each in found] == [0] * len(COMPARED)


def test_its_files(demo: tuple[Result, Path]) -> None:
    _, folder = demo
    assert {path.name for path in folder.iterdir()} == {
        "A", "B", "C", "results", "plan.toml", "sites.tsv", "peak.ids"
    }  # fmt: skip
    first, *others = (studies.tables(folder / "results" / name) for name in small.NAMES)
    assert others == [first, first]
    assert "association.trend.manhattan.png" in first
    assert "linkage.map.svg" in first
    for name in small.NAMES:
        (step,) = RunRecord.read(folder / "results" / name / "record.json").costs
        assert step.bytes_measured == step.bytes_declared
        assert {path.name for path in (folder / name).iterdir()} >= {f"{name}.key", f"{name}.toml"}


@pytest.mark.parametrize(
    ("file", "column", "what"),
    [
        ("frequency.tsv", "HET_CT", {"genotype counts"}),
        ("association.allelic.tsv", "A1_CASE_CT", {"allele counts of cases and controls"}),
        ("association.allelic.tsv", "OR", {"allelic test"}),
        ("association.trend.tsv", "CHISQ", {"trend test"}),
        ("association.genotypic.tsv", "P", {"genotypic test"}),
        ("association.cmh.tsv", "U95", {"Cochran-Mantel-Haenszel"}),
        ("linkage.tsv", "R2", {"linkage disequilibrium r2"}),
        ("linkage.tsv", "ID_B", {"linkage disequilibrium r", "linkage disequilibrium r2"}),
    ],
)
def test_one_other_value_is_seen(
    file: str, column: str, what: set[str], demo: tuple[Result, Path], tmp_path: Path
) -> None:
    """One value that is another one, or stands for another pair, is a difference."""
    _, folder = demo
    for table in (folder / "results" / "A").glob("*.tsv"):
        (tmp_path / table.name).write_bytes(table.read_bytes())
    lines = (tmp_path / file).read_text().split("\n")
    row = lines[5].split("\t")
    place = lines[0].split("\t").index(column)
    row[place] = "nobody" if column == "ID_B" else "0.123456789"
    lines[5] = "\t".join(row)
    (tmp_path / file).write_text("\n".join(lines))
    assert {found.what for found in compare(tmp_path) if found.different} == what


def test_a_difference_fails(
    demo: tuple[Result, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show, "run_local", lambda *_, **__: None)
    monkeypatch.setattr(show, "compare", lambda _: [Comparison("x", "--x", 10, 3)])
    result = command("demo", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "mpcgen: 3 values differ from PLINK's" in result.output


def test_progress_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(study: Study, _configs: object, _outputs: object, told: Progress, _: object) -> None:
        told(study.units)

    monkeypatch.setattr(progress, "DELAY", 0)
    monkeypatch.setattr(show, "run_local", run)
    monkeypatch.setattr(show, "compare", lambda _: [])
    with terminals.as_stderr(monkeypatch) as terminal:
        main(["demo", "--out", str(tmp_path / "out")], standalone_mode=False)
    assert "A: 100%" in terminal.shown()


def test_an_earlier_one_is_replaced_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show, "run_local", lambda *_, **__: None)
    monkeypatch.setattr(show, "compare", lambda _: [])
    folder = tmp_path / "out"
    assert command("demo", "--out", folder).exit_code == 0
    first = (folder / "plan.toml").read_bytes()
    assert command("demo", "--out", folder).exit_code == 0
    assert (folder / "plan.toml").read_bytes() != first  # other keys and ports

    def refused() -> None:
        with nothing_written(tmp_path):
            result = command("demo", "--out", folder)
        assert_refused(result, f"{folder}: this exists and is no earlier demonstration", "--out")

    (folder / "notes.txt").write_text("mine")
    refused()
    (folder / "notes.txt").unlink()
    (folder / "plan.toml").unlink()
    refused()


def test_a_study_of_ones_own_is_not_replaced(tmp_path: Path) -> None:
    small.lay_out(tmp_path)
    with nothing_written(tmp_path):
        assert_refused(command("demo", "--out", tmp_path), "no earlier demonstration")
