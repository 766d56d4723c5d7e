"""Which counts a plan's floors are set on."""

from pathlib import Path

import pytest

from mpcgen.protocols.genotype_counts import DIPLOID, column
from mpcgen.study.load import load_study
from tests import small, studies

ENTRIES = {
    "groups": studies.OF_GROUPS,
    "tests": '[[entries]]\nstatistic = "association"\ntests = ["allelic", "genotypic", "trend"]\n',
}


@pytest.mark.parametrize("which", ENTRIES)
def test_every_opened_cell_has_a_floor(which: str, tmp_path: Path) -> None:
    """Genotypes of cases, and of controls, are opened here: each is a count of its own."""
    study = load_study(small.lay_out(tmp_path, ENTRIES[which], studies.Rules(release="")))
    (batch,) = study.batches()
    assert batch.floors is not None
    floored = [floor.form for floor in batch.floors.counts]
    for group in study.groups:
        for genotype in DIPLOID:
            assert {column(group, genotype): 1} in floored


def test_no_form_of_an_entry_hides_another(tmp_path: Path) -> None:
    """As many forms reach the closure as the manifest opens."""
    for entries in ENTRIES.values():
        folder = tmp_path / str(len(entries))
        folder.mkdir()
        study = load_study(small.lay_out(folder, entries, studies.Rules(release="")))
        for task in study.tasks:
            assert len(task.forms) == sum(len(sums.forms) for sums in task.statistic.sums)
