"""What a run with floors and thresholds writes: the rows that were kept, and how many they are."""

from pathlib import Path

import numpy as np
import pytest

import mpcgen
from mpcgen.protocols.floors import Minima
from mpcgen.report.record import Kept, RunRecord
from tests import small, studies
from tests.studies import Rules

ENTRIES = (
    studies.OF_ALL
    + '\n[[entries]]\nstatistic = "association"\nrelease = "passing"\np = 0.2\n'
    + '\n[[entries]]\nstatistic = "linkage"\nwindow = 4\n'
)
PAIRS = 3 * (small.VARIANTS - 3) + 2 + 1
RELEASE = """
consent = ["pairs together"]
min_mac = 1
min_cell = {}
min_missing = 1
min_cases = 1
min_controls = 1
min_individuals = 1
"""


@pytest.mark.parametrize(("least", "some"), [(1, True), (3, True), (17, False)])
def test_the_record_counts_what_the_tables_hold(least: int, some: bool, tmp_path: Path) -> None:
    """Of 24 people; with floors that nothing meets there are no rows, and everything is written."""
    plan = small.lay_out(tmp_path, ENTRIES, Rules(release=RELEASE.format(least)))
    tables = mpcgen.run_local(plan, tmp_path, tmp_path / "out")
    record = RunRecord.read(tmp_path / "out" / "record.json")
    assert record.floors == {**Minima(1, least, 1, 1, 1, 3, 1).__dict__}
    undefined = record.counted.get("linkage: undefined pairs", 0)
    rows = {name: len(table) for name, table in tables.items()}
    assert record.kept == {
        "frequency": Kept(rows["frequency"], small.VARIANTS),
        "association": Kept(rows["association.allelic"], small.VARIANTS),
        "linkage": Kept(rows["linkage"] + undefined, PAIRS),
    }
    assert (rows["frequency"] > 0) == some
    assert set(tables["association.allelic"]["ID"]) <= set(tables["frequency"]["ID"])
    assert (tables["association.allelic"]["P"].astype(np.float64) < 0.2).all()


def test_without_floors_all_are_kept(tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path)
    mpcgen.run_local(plan, tmp_path, tmp_path / "out", plots=False)
    record = RunRecord.read(tmp_path / "out" / "record.json")
    assert record.floors == {}
    everything = Kept(small.VARIANTS, small.VARIANTS)
    assert record.kept == {"frequency": everything, "association": everything}
