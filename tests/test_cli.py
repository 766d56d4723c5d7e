"""The command line as its users meet it: `run`, what it writes, and what it says."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from mpcgen import __version__, progress
from mpcgen.cli import main
from mpcgen.report.record import RunRecord
from mpcgen.report.tables import read_table
from mpcgen.study.load import load_study
from mpcgen.study.plan import NO_FLOORS
from tests import small, studies, terminals
from tests.plain import read_plain
from tests.small import assert_refused, command, nothing_written, start, succeeded

TESTS = ("allelic", "cmh")
ENTRIES = f"""{studies.OF_GROUPS}
[[entries]]
statistic = "association"
tests = ["{'", "'.join(TESTS)}"]

[[entries]]
statistic = "linkage"
window = 4
"""
TABLES = {
    "frequency", "frequency.cases", "frequency.controls", "linkage",
    *(f"association.{test}" for test in TESTS),
}  # fmt: skip
SSF = {
    f"association.{test}.gwas-ssf.tsv{more}"
    for test in ("allelic", "cmh")
    for more in ("", "-meta.yaml")
}
PLOTS = {
    f"{plot}.{kind}"
    for plot in (
        "linkage.map",
        *(f"association.{test}.{p}" for test in TESTS for p in ("manhattan", "qq")),
    )
    for kind in ("png", "svg")
}
FILES = {f"{name}.tsv" for name in TABLES} | SSF | {"frequency.vcf", "record.json"}


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    for name, each in group.commands.items():
        if isinstance(each, click.Group):
            yield from commands(each, *path, name)
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", list(commands(main)), ids=" ".join)
def test_help(path: tuple[str, ...]) -> None:
    for option in ("-h", "--help"):
        result = CliRunner().invoke(main, [*path, option])
        assert result.exit_code == 0
        assert result.output.startswith("Usage: ")


def test_as_a_module() -> None:
    words = [sys.executable, "-m", "mpcgen", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == f"mpcgen, version {__version__}\n"
    assert done.stderr == ""


# -- run


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--as", "A"],
        ["--config", "A.toml"],
        ["--as", "A", "--config", "A.toml", "--local", "."],
        ["--as", "A", "--local", "."],
        ["--as", "A", "--config", "A.toml", "--each"],
        ["--local", ".", "--format", "csv"],
    ],
)
def test_options_that_do_not_go_together(options: list[str], tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path)
    with nothing_written(tmp_path):
        result = command("run", plan, *options)
    assert result.exit_code == 2
    assert "Usage: " in result.output


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan of a small study that was run with everything it can write."""
    folder = tmp_path_factory.mktemp("rehearsal")
    plan = small.lay_out(folder, ENTRIES)
    before = names_in(folder)
    said = succeeded("run", plan, "--local", folder, "--each")
    assert f"WARNING  {NO_FLOORS}\n" in said
    assert said.endswith(f"results in {folder / 'plan-results'}\n")
    assert names_in(folder) == before | {"plan-results"}
    return plan


def test_files_of_the_results(rehearsal: Path) -> None:
    for name in small.NAMES:
        assert names_in(rehearsal.parent / "plan-results" / name) == FILES | PLOTS


def test_all_institutions_get_the_same_bytes(rehearsal: Path) -> None:
    first, *others = (
        studies.tables(rehearsal.parent / "plan-results" / name) for name in small.NAMES
    )
    assert len(first) == len(FILES | PLOTS) - 1
    assert others == [first, first]


def test_the_run_record(rehearsal: Path) -> None:
    study = load_study(rehearsal)
    manifest = [(o.label, o.shape, o.to) for o in study.manifest()]
    for name in small.NAMES:
        record = RunRecord.read(rehearsal.parent / "plan-results" / name / "record.json")
        assert record.plan == study.plan.sha256
        assert record.software["mpcgen"] == __version__
        assert record.parties == dict.fromkeys(small.NAMES, "owner, computing party")
        assert record.parameters["linkage"]["window"] == 4
        assert record.lambdas.keys() == {f"association.{test}" for test in TESTS}
        assert sorted((o.label, o.shape, o.recipients) for o in record.opened) == sorted(manifest)
        assert record.warnings[0] == NO_FLOORS
        (step,) = record.costs
        assert step.bytes_measured == step.bytes_declared == study.cost().sent[name]


def test_the_counts_are_those_of_the_pool(rehearsal: Path) -> None:
    folder = rehearsal.parent
    parts = [read_plain(folder / name) for name in small.NAMES]
    table = read_table(folder / "plan-results" / "B" / "frequency.tsv")
    for column, counts in zip(
        ["HOM_REF_CT", "HET_CT", "HOM_ALT_CT", "HAP_REF_CT", "HAP_ALT_CT", "MISSING_CT"],
        sum(part.counts.sum(axis=1) for part in parts).T, strict=False,
    ):  # fmt: skip
        np.testing.assert_array_equal(table[column], counts)


def test_results_are_never_overwritten(rehearsal: Path) -> None:
    folder = rehearsal.parent
    (folder / "A.bed").rename(folder / "gone")  # so that nothing could be computed
    with nothing_written(folder):
        for how in (["--local", folder], ["--as", "A", "--config", folder / "A.toml"]):
            out = folder / "plan-results"
            result = command("run", rehearsal, *how, "--out", out)
            assert_refused(result, f"{out}: results exist already; name another folder")
    (folder / "gone").rename(folder / "A.bed")


def test_parquet_without_plots_by_one_institution(rehearsal: Path, tmp_path: Path) -> None:
    """Without --each the folder is the first institution's; the tables are those of the TSV."""
    out = tmp_path / "new" / "out"
    succeeded(
        "run",
        rehearsal,
        "--local",
        rehearsal.parent,
        "--format",
        "parquet",
        "--no-plots",
        "--out",
        out,
    )
    assert names_in(out) == {f"{name}.parquet" for name in TABLES} | SSF | {
        "frequency.vcf",
        "record.json",
    }
    for name in TABLES:
        text = read_table(rehearsal.parent / "plan-results" / "A" / f"{name}.tsv")
        pd.testing.assert_frame_equal(read_table(out / f"{name}.parquet"), text, check_dtype=False)


def test_where_no_folder_can_be_made(rehearsal: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = command(
        "run", rehearsal, "--local", rehearsal.parent, "--out", tmp_path / "file" / "out"
    )
    assert_refused(result, "no folder can be made here")


def test_configurations_in_folders_of_their_own(rehearsal: Path, tmp_path: Path) -> None:
    for name in small.NAMES:
        own = tmp_path / name
        own.mkdir()
        text = (rehearsal.parent / f"{name}.toml").read_text()
        text = text.replace(f'"{name}.key"', f'"{rehearsal.parent / name}.key"')
        (own / f"{name}.toml").write_text(text)
    succeeded("run", rehearsal, "--local", tmp_path, "--no-plots", "--out", tmp_path / "out")
    (tmp_path / "B" / "B.toml").unlink()
    result = command("run", rehearsal, "--local", tmp_path, "--out", tmp_path / "again")
    assert_refused(result, f"{tmp_path / 'B.toml'}: there is no such file")


def test_people_on_a_list_who_are_nowhere_are_told_at_home(tmp_path: Path) -> None:
    """Silence would hide a withdrawn consent that is written in another way."""
    plan = small.lay_out(tmp_path, studies.OF_ALL)
    (tmp_path / "withdrawn").write_text("B0 B0\nB00 B00\n")
    for name in small.NAMES:
        listed = '[people]\nexclude_samples = "withdrawn"\n'
        small.edit(tmp_path / f"{name}.toml", "[people]\n", listed if name == "B" else "[people]\n")
    run = [sys.executable, "-m", "mpcgen", "run", plan, "--local", tmp_path, "--no-plots"]
    done = subprocess.run(list(map(str, run)), capture_output=True, text=True, check=True)
    words = f"{tmp_path / 'withdrawn'}: 1 of the 2 people on the list are not in B.fam"
    assert done.stderr.splitlines() == [f"WARNING  {NO_FLOORS}", f"WARNING  B: {words}"]
    (tmp_path / "withdrawn").write_text("B00 B00\n")
    done = subprocess.run(
        [*map(str, run), "--out", tmp_path / "again"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"B: {tmp_path / 'withdrawn'}: the list matches nobody" in done.stderr


def test_three_processes_one_of_them_late(rehearsal: Path) -> None:
    folder = rehearsal.parent
    studies.approve(rehearsal)
    early = [start(rehearsal, name) for name in ("C", "A")]
    while len(list(folder.glob(".plan-results-*"))) < 2:  # until both have begun
        assert [party.poll() for party in early] == [None, None]
        time.sleep(0.05)
    for party in [*early, start(rehearsal, "B")]:
        said, told = party.communicate(timeout=300)
        assert party.returncode == 0, told
        assert told == f"WARNING  {NO_FLOORS}\n"  # and no progress bar
        assert said.startswith("results in ")
    wanted = studies.tables(folder / "plan-results" / "A")
    plotless = {name: text for name, text in wanted.items() if name not in PLOTS}
    for name in small.NAMES:
        assert studies.tables(folder / f"plan-results-{name}") == plotless


# -- progress


@pytest.mark.parametrize("delay", [0, 600])
def test_progress_on_a_terminal(
    delay: int, rehearsal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar on what takes longer than the delay, told by the first institution."""
    monkeypatch.setattr(progress, "DELAY", delay)
    words = ["run", rehearsal, "--local", rehearsal.parent, "--no-plots", "--out", tmp_path / "out"]
    with terminals.as_stderr(monkeypatch) as terminal:
        main([str(word) for word in words], standalone_mode=False)
    shown = terminal.shown()
    assert NO_FLOORS in shown
    assert ("A: 100%" in shown) == (delay == 0)
    assert shown.endswith("\n")  # so that what comes next has a line of its own
