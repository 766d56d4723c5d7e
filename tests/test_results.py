"""A run's folder of results where something cannot be written."""

from pathlib import Path

import pytest

from mpcgen.parties import results
from mpcgen.parties.results import Output
from mpcgen.parties.run import RECORD, run_local
from mpcgen.report.layouts import Plot
from mpcgen.study.load import load_study
from tests import small


def test_a_plot_that_cannot_be_drawn_costs_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then everything is opened; the run record says what is missing."""

    def fail(_plot: Plot) -> None:
        raise RuntimeError("no font")

    monkeypatch.setattr(results, "draw_here", fail)
    study = load_study(small.lay_out(tmp_path))
    configs = {name: tmp_path / f"{name}.toml" for name in small.NAMES}
    outputs = {name: Output(tmp_path / "out" / name) for name in small.NAMES}
    run_local(study, configs, outputs)
    for output in outputs.values():
        names = {path.name for path in output.folder.iterdir()}
        assert {"frequency.tsv", "association.allelic.tsv"} <= names
        assert not [name for name in names if name.endswith(("png", "svg"))]
        told = (output.folder / RECORD).read_text()
        assert "association.allelic.manhattan is not drawn: no font" in told
