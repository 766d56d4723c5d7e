"""The Python interface on the demonstration study."""

from pathlib import Path

import pytest

import mpcgen
from mpcgen.demo.prepare import prepare
from mpcgen.errors import InputError
from mpcgen.net.keys import public_from_secret


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration's plan, with all configurations in one folder."""
    plan = prepare(tmp_path_factory.mktemp("api") / "study")
    for config in plan.parent.glob("?/?.toml"):
        text = config.read_text().replace(
            f'"{config.stem}.key"', f'"{config.stem}/{config.stem}.key"'
        )
        text = text.replace(f'bfile = "{config.stem}"', f'bfile = "{config.stem}/{config.stem}"')
        text = text.replace('table = "', f'table = "{config.stem}/')
        (plan.parent / config.name).write_text(text)
    return plan


def test_a_run_gives_tables_by_name(study: Path) -> None:
    tables = mpcgen.run_local(study, study.parent, study.parent / "out", plots=False)
    assert set(tables) == {
        "frequency", "frequency.cases", "frequency.controls", "linkage",
        *(f"association.{test}" for test in ("allelic", "genotypic", "trend", "cmh")),
    }  # fmt: skip
    assert tables["association.cmh"].nsmallest(1, "P")["ID"].item() == "s2_785121"


def test_a_key_is_made(tmp_path: Path) -> None:
    public = mpcgen.keygen(tmp_path / "A.key")
    assert len(public) == 40
    assert public == public_from_secret((tmp_path / "A.key").read_text().strip())


def test_data_check_is_a_table(study: Path) -> None:
    table = mpcgen.check_data(study.parent / "B.toml", study.parent / "sites.tsv")
    assert (table["STATUS"] == "used").all()
    assert len(table) == 2500


def test_study_check_is_text(study: Path) -> None:
    assert "What is opened, to all of A, B, C" in mpcgen.check_study(study)


def test_a_folder_without_tables_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no result tables"):
        mpcgen.read_results(tmp_path)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        mpcgen.nothing  # noqa: B018
