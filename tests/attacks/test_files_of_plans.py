"""A plan that names files of the institution's own, so that an error about them quotes these."""

from pathlib import Path

import pytest

from mpcgen.errors import PlanError
from mpcgen.parties.resident_look import look
from mpcgen.parties.resident_status import State
from mpcgen.study.load import load_study
from tests import small, studies

PATIENT = "PATIENT-7"
ENTRY = '\n[[entries]]\nname = "p"\nstatistic = "linkage"\n{}{} = "{}"\n{}_sha256 = "{}"\n'


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file of the institution's, which concerns nobody else."""
    file = tmp_path / "private" / "cohort.fam"
    file.parent.mkdir()
    file.write_text(f"{PATIENT}\t{PATIENT}\t0\t0\t1\t2\n")
    return file


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    folder.mkdir()
    return small.lay_out(folder, studies.OF_ALL)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("key", ["file", "variants", "pairs"])
def test_a_plan_has_its_files_beside_it(plan: Path, own: Path, key: str, *, absolute: bool) -> None:
    name = str(own) if absolute else "../private/cohort.fam"
    if key == "file":
        small.edit(plan, 'file = "sites.tsv"', f'file = "{name}"')
    else:
        window = "window = 5\n" if key == "variants" else ""
        plan.write_text(plan.read_text() + ENTRY.format(window, key, name, key, "0" * 64))
    with pytest.raises(PlanError, match="beside the plan") as refused:
        load_study(plan)
    assert refused.value.line is not None
    status = look(plan.parent, plan.with_name("A.toml"))
    assert status.state is State.INCOMPLETE
    assert PATIENT not in str(status)
    assert "SHA-256" not in str(status.because), "a hash tells whether a guess at a file is right"


@pytest.mark.parametrize("below", [False, True])
def test_links_in_the_folder_of_a_study_are_not_followed(
    plan: Path, own: Path, *, below: bool
) -> None:
    name = "lists/sites.tsv" if below else "sites.tsv"
    sites = plan.parent / name
    sites.parent.mkdir(exist_ok=True)
    sites.unlink(missing_ok=True)
    sites.symlink_to(own)
    small.edit(plan, 'file = "sites.tsv"', f'file = "{name}"')
    status = look(plan.parent, plan.with_name("A.toml"))
    assert status.state is State.INCOMPLETE
    assert status.because == (
        f"{name} is a link; the files of a study are in its folder themselves",
    )
