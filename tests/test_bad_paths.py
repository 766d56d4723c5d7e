"""Paths that lead nowhere, to a folder, or in a circle: an error that names them, in words."""

from pathlib import Path

import pytest

from tests import small
from tests.small import assert_refused, command, edit, nothing_written
from tests.studies import approve

NOWHERE = "there is no such file"
FOLDER = "this is a folder; a file is wanted"
CIRCLE = "this link leads in a circle"
PLACES = {"none": NOWHERE, "dangling": NOWHERE, "folder": FOLDER, "circle": CIRCLE}
ABOUT = ["--id", "x", "--title", "x", "--build", "GRCh37", "--trait", "x"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small study, and beside it a place of each kind."""
    small.lay_out(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    return tmp_path


def refused(folder: Path, words: list[object], *said: str) -> None:
    """One message, without the system's own way to put it; nothing was written."""
    with nothing_written(folder):
        result = command(*words)
    assert_refused(result, *said)
    assert "Errno" not in result.output


def check(folder: Path, config: str = "A.toml", sites: str = "sites.tsv") -> list[object]:
    return ["data", "check", "--config", folder / config, folder / sites]


@pytest.mark.parametrize("place", PLACES)
def test_files_that_are_read(place: str, folder: Path) -> None:
    said = (f"mpcgen: {folder / place}: {PLACES[place]}",)
    refused(folder, check(folder, sites=place), *said)
    refused(folder, check(folder, config=place), *said)
    refused(folder, ["study", "check", folder / place], *said)
    refused(folder, ["run", folder / place, "--local", folder], *said)
    new = ["study", "new", folder / "new.toml", *ABOUT, "--sites", folder / place]
    refused(folder, [*new, "--institution", "A", "localhost:1", "A" * 40, "3"], *said)


@pytest.mark.parametrize("file", ["A.bed", "A.bim", "A.fam"])
@pytest.mark.parametrize("place", PLACES)
def test_plink_files(file: str, place: str, folder: Path) -> None:
    (folder / file).unlink()
    if place != "none":
        (folder / place).rename(folder / file)
    if place == "circle":
        (folder / file).unlink()
        (folder / file).symlink_to(folder / file)
    refused(folder, check(folder), f"mpcgen: {folder / file}: {PLACES[place]}")


@pytest.mark.parametrize("key", ["circle", "dangling", "link"])
def test_a_key_is_not_read_through_a_link(key: str, folder: Path) -> None:
    (folder / "link").symlink_to(folder / "A.key")
    edit(folder / "A.toml", '"A.key"', f'"{key}"')
    approve(folder / "plan.toml")
    run: list[object] = ["run", folder / "plan.toml", "--as", "A", "--config", folder / "A.toml"]
    refused(folder, run, f"{folder / key}: no secret key can be read: this is a link; name the")


@pytest.mark.parametrize("place", ["folder", "dangling", "circle", "A.fam"])
def test_a_report_takes_no_name_that_is_taken(place: str, folder: Path) -> None:
    words = f"{folder / place}: this exists already; name another file"
    refused(folder, [*check(folder), "--report", folder / place], words)


@pytest.mark.parametrize("place", ["none", "dangling", "circle", "A.fam"])
def test_a_report_has_a_folder(place: str, folder: Path) -> None:
    """Refused before anything is counted."""
    words = f"report.tsv: there is no folder {folder / place}; make it first"
    refused(folder, [*check(folder), "--report", folder / place / "report.tsv"], words)


@pytest.mark.parametrize(
    ("place", "words"),
    [("A.fam", "something of this name is there already"), ("circle", "something of this name")],
)
def test_results_have_a_folder(place: str, words: str, folder: Path) -> None:
    out = folder / place / "out"
    run: list[object] = ["run", folder / "plan.toml", "--local", folder, "--out", out]
    refused(folder, run, f"{out}: no folder can be made here: {words}")


@pytest.mark.parametrize("place", ["folder", "dangling", "circle", "A.fam"])
def test_results_take_no_name_that_is_taken(place: str, folder: Path) -> None:
    """Refused before anything is computed."""
    out = folder / place
    run: list[object] = ["run", folder / "plan.toml", "--local", folder, "--out", out]
    refused(folder, run, f"{out}: results exist already; name another folder")


def test_other_folders(folder: Path) -> None:
    inside = folder / "A.fam" / "x"
    few: list[object] = ["--people", 9, "--variants", 60, "--autosomes", 1, "--causal", 0]
    refused(folder, ["simulate", inside, *few], f"{inside}: no folder can be made here: something")
    refused(folder, ["demo", "--out", inside], f"mpcgen: {inside}: a folder on the way to it is")
    refused(folder, ["demo", "--out", folder / "circle"], "circle: something of this name is there")
    new = ["study", "new", folder / "none" / "x", *ABOUT, "--sites", folder / "sites.tsv"]
    party = ["--institution", "A", "localhost:1", "A" * 40, "3"]
    refused(folder, [*new, *party], f"mpcgen: {folder / 'none'}: {NOWHERE} or folder")


def test_a_plan_beside_a_site_list_that_is_a_link(folder: Path) -> None:
    """What counts is where its name stands."""
    (folder / "sites.tsv").rename(folder / "folder" / "sites.tsv")
    (folder / "sites.tsv").symlink_to(folder / "folder" / "sites.tsv")
    parties: list[object] = []
    for n, name in enumerate(small.NAMES):
        parties += ["--institution", name, f"localhost:{7001 + n}", name * 40, 10]
    new = ["study", "new", folder / "new.toml", *ABOUT, "--sites", folder / "sites.tsv"]
    assert "is written" in small.succeeded(*new, *parties)
