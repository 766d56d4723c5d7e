"""The Python interface on the demonstration study, and docs/python.md as it stands."""

import inspect
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import tqdm

import mpcgen
from mpcgen import progress
from mpcgen.demo.prepare import prepare
from mpcgen.errors import InputError
from mpcgen.net.keys import public_from_secret
from tests import small, studies
from tests.ports import free_ports

DOCS = Path(__file__).parents[1] / "docs" / "python.md"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration's plan."""
    return prepare(tmp_path_factory.mktemp("api") / "study")


@pytest.fixture(scope="module")
def tables(study: Path) -> dict[str, pd.DataFrame]:
    return mpcgen.run_local(study, study.parent, study.parent / "out", plots=False)


def test_a_run_gives_tables_by_name(tables: dict[str, pd.DataFrame]) -> None:
    assert set(tables) == {
        "frequency", "frequency.cases", "frequency.controls", "linkage",
        *(f"association.{test}" for test in ("allelic", "genotypic", "trend", "cmh")),
    }  # fmt: skip
    assert tables["association.cmh"].nsmallest(1, "P")["ID"].item() == "s2_785121"


def test_parquet_gives_the_same_tables(
    study: Path, tables: dict[str, pd.DataFrame], capfd: pytest.CaptureFixture[str]
) -> None:
    out = study.parent / "parquet"
    same = mpcgen.run_local(study, study.parent, out, table_format="parquet", plots=False)
    assert (out / "frequency.parquet").exists()
    assert not list(out.glob("frequency*.tsv"))
    assert same.keys() == tables.keys()
    for name, table in tables.items():
        pd.testing.assert_frame_equal(same[name], table, rtol=1e-14)
    assert capfd.readouterr() == ("", "")


def test_each_institution_runs_its_own(tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path)
    together = mpcgen.run_local(plan, tmp_path, tmp_path / "out", plots=False)
    studies.approve(plan)

    def run(name: str) -> dict[str, pd.DataFrame]:
        config, out = tmp_path / f"{name}.toml", tmp_path / f"out-{name}"
        return mpcgen.run(plan, name, config, out, table_format="parquet", plots=False)

    with ThreadPoolExecutor(3) as threads:
        for tables in threads.map(run, small.NAMES):
            assert tables.keys() == together.keys()
            for name, table in tables.items():
                pd.testing.assert_frame_equal(table, together[name], rtol=1e-14)


def test_the_demonstration(
    tables: dict[str, pd.DataFrame], study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does itself is tested beside its command."""

    def show(folder: Path, say: Callable[[str], object]) -> None:
        shutil.copytree(study.parent / "out", folder / "results" / "A")
        say("it has run")

    monkeypatch.setattr("mpcgen.demo.show.show", show)
    said: list[str] = []
    assert mpcgen.run_demo(tmp_path / "demo", said.append).keys() == tables.keys()
    assert said == ["it has run"]


def test_an_unknown_table_format_is_refused(study: Path) -> None:
    out = study.parent / "xlsx"
    with pytest.raises(InputError, match="table format 'xlsx' is not known"):
        mpcgen.run_local(study, study.parent, out, table_format="xlsx")
    assert not out.exists()


@pytest.mark.parametrize("shown", [False, True])
def test_progress_is_shown_when_asked_for(
    shown: bool, study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where standard error is no terminal, as in a notebook."""
    monkeypatch.setattr(progress, "DELAY", 0)
    config, sites = study.parent / "B" / "B.toml", study.parent / "sites.tsv"
    mpcgen.check_data(config, sites, progress=shown)
    assert tqdm.tqdm.monitor_interval == 10  # the caller's own
    assert ("B: 100%" in capsys.readouterr().err) == shown


def test_a_key_is_made(tmp_path: Path) -> None:
    public = mpcgen.keygen(tmp_path / "A.key")
    assert len(public) == 40
    assert public == public_from_secret((tmp_path / "A.key").read_text().strip())


def test_data_check_has_tables_and_numbers(study: Path) -> None:
    found = mpcgen.check_data(study.parent / "B" / "B.toml", study.parent / "sites.tsv")
    assert (found.variants["STATUS"] == "used").all()
    assert len(found.variants) == found.counts["used"] == 2500
    fam = pd.read_csv(study.parent / "B" / "B.fam", sep=r"\s+", header=None)
    assert found.counts["cases"] == (fam[5] == 2).sum()
    assert found.counts["controls"] == (fam[5] == 1).sum()
    assert found.counts["people"] == len(fam) == 280
    assert found.counts["take_part"] == found.counts["cases"] + found.counts["controls"]
    assert found.counts["heterozygous"] >= 0
    said = "\n".join(found.lines())
    for name, number in found.counts.items():
        assert name == "take_part" or re.search(rf"^  {name} +{number}  ", said, re.MULTILINE)


def test_study_check_is_text(study: Path) -> None:
    assert "What is opened, to all of A, B, C" in mpcgen.check_study(study)


def test_a_new_study(study: Path) -> None:
    plan = study.parent / "new.toml"
    institutions = [
        mpcgen.Institution(name, f"127.0.0.1:{port}", name * 40, 100)
        for name, port in zip("ABC", free_ports(3), strict=True)
    ]
    new = partial(
        mpcgen.new_study, plan, title='a "title"', build="GRCh38", trait="t",
        sites=plan.parent / "sites.tsv", institutions=institutions,
    )  # fmt: skip
    new(id="new")
    said = mpcgen.check_study(str(plan))
    assert 'Study new: a "title"' in said
    assert "people: at least 50 cases, 50 controls; jointly from 3 institutions" in said
    with pytest.raises(InputError, match="exists already"):
        new(id="new")
    plan.unlink()
    with pytest.raises(InputError, match="id is letters"):
        new(id="a new one")
    assert not plan.exists()


def test_a_folder_without_tables_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no result tables"):
        mpcgen.read_results(tmp_path)


def test_every_name_is_there_and_documented() -> None:
    text = DOCS.read_text()
    for name in mpcgen.__all__:
        assert inspect.getdoc(getattr(mpcgen, name))
        assert f"mpcgen.{name}" in text
    with pytest.raises(AttributeError, match="nothing"):
        mpcgen.nothing  # noqa: B018


def test_the_page_runs(tmp_path: Path) -> None:
    """Its blocks, one after the other, as one program in an empty folder, on free ports."""
    text = DOCS.read_text()
    for written, free in zip((7001, 7002, 7003), free_ports(3), strict=True):
        assert str(written) in text
        text = text.replace(str(written), str(free))
    program = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert {path.suffix for path in (tmp_path / "results").iterdir()} >= {".parquet", ".json"}
