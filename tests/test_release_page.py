"""docs/release.md: its example is decided as the page says, and its defaults are the program's."""

import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpcgen.protocols.floors import Floors, Minima
from mpcgen.study.disclosure import kinds_of
from mpcgen.study.load import load_study
from tests import small
from tests.studies import Rules

PAGE = (Path(__file__).parents[1] / "docs" / "release.md").read_text()
COLUMNS = ("HOM_REF", "HET", "HOM_ALT", "MISSING", "ABSENT")
PEOPLE = (470, 465, 418)


def cells(words: str, people: int) -> list[int]:
    """The counts of one institution as the page writes them, COLUMNS."""
    if words == "absent":
        return [0, 0, 0, 0, people]
    counts = [*map(int, words.split()), 0]
    assert sum(counts) == people
    return counts


def kept(floors: Floors, table: NDArray[np.int64]) -> bool:
    """Whether counts (institutions, COLUMNS) meet all floors, in the clear."""
    forms = [[floor.form.get(f"all.{c}", 0) for c in COLUMNS] for floor in floors.counts]
    without = (table.sum(axis=0) - table) @ np.transpose(forms)
    least = np.array([floor.at_least for floor in floors.counts])
    zero = np.array([floor.or_zero for floor in floors.counts])
    met = (without >= least) | (zero & (without == 0))
    here = (table[:, :3].sum(axis=1) > 0).sum()
    assert floors.min_institutions is not None
    return bool(met.all() and here >= floors.min_institutions)


def test_the_example(tmp_path: Path) -> None:
    (entry,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    rows = re.findall(r"^\| v\d \| (.+?) \| (.+?) \| (.+?) \| ([01]) \|", PAGE, re.MULTILINE)
    assert len(rows) == 6
    assert f"Opened are the bits {' '.join(row[-1] for row in rows)}" in PAGE
    decided = {}
    for release in ("", "min_missing = 1"):
        folder = tmp_path / (release or "default")
        folder.mkdir()
        study = load_study(small.lay_out(folder, entry, Rules(release=release)))
        floors = study.variant_floors(kinds_of(study.sites.chrom))
        assert floors is not None
        tables = [
            np.array([cells(*each) for each in zip(row[:3], PEOPLE, strict=True)]) for row in rows
        ]
        decided[release] = [kept(floors, table) for table in tables]
    assert decided[""] == [row[-1] == "1" for row in rows]
    assert decided["min_missing = 1"] == [True, False, False, True, True, False]


def test_the_defaults() -> None:
    table = {
        name: int(least)
        for names, least in re.findall(r"^\| (`min_.+?`) \| (\d+) \|", PAGE, re.MULTILINE)
        for name in re.findall(r"min_\w+", names)
    }
    assert table == asdict(Minima())
