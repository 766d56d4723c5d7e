import json
from pathlib import Path

import pytest

from mpcgen.errors import InputError
from mpcgen.report.record import Kept, Opening, RunRecord, Step

RECORD = RunRecord(
    study="demo",
    plan="00ff",
    started="2026-11-23T17:37:48Z",
    software={"mpcgen": "0.1.0", "python": "3.11.7"},
    engine="replicated",
    parties={"Aarhus": "owner and computing party", "Åbo": "owner"},
    parameters={"freq": {"by": ("all", "cases"), "window": 50, "kb": 1.5, "x": None, "y": True}},
    thresholds={"p": 5.0e-8},
    floors={"min_mac": 5},
    kept={"freq": Kept(90, 100)},
    lambdas={"association.allelic": 1.0625, "association.trend": None},
    counted={"ld.undefined": 3},
    costs=(Step("freq", 2, 1000, 1064, 0.25),),
    opened=(Opening("freq.totals", (100, 2, 5), ("Aarhus", "Åbo")),),
    warnings=("floors are off: every joint count is opened",),
)


def test_a_record_reads_back(tmp_path: Path) -> None:
    RECORD.write(tmp_path / "run.json")
    assert RunRecord.read(tmp_path / "run.json") == RECORD
    assert RunRecord.from_json(RECORD.to_json()).to_json() == RECORD.to_json()


def test_the_text_is_canonical() -> None:
    text = RECORD.to_json()
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    assert "Åbo" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"genotypes": [0, 1]}, r"unknown fields \['genotypes'\]"),
        ({"format": 1}, "format 1, this version reads 2"),
        ({"costs": [{"step": "a", "rounds": 1, "per_institution": 3}]}, r"costs\[0\]: unknown"),
        ({"opened": {}}, "opened is not of type"),
        ({"thresholds": {"p": "small"}}, "thresholds.p is not of type float"),
        ({"floors": {"min_mac": "5"}}, "floors.min_mac is not of type int"),
        ({"kept": {"freq": {"kept": 1, "of": 2, "rows": [7]}}}, r"kept.freq: unknown .*rows"),
        ({"counted": {"n": True}}, "counted.n is not of type int"),
        ({"parameters": {"a": {"b": [1]}}}, "a.b is of none of the types"),
        ({"lambdas": {"allelic": "1.06"}}, "lambdas.allelic is of none"),
        ({"software": []}, "software is not of type"),
    ],
)
def test_what_is_not_in_the_schema_is_refused(change: dict[str, object], message: str) -> None:
    text = json.dumps(json.loads(RECORD.to_json()) | change)
    with pytest.raises(InputError, match=message):
        RunRecord.from_json(text)


def test_missing_fields_and_files_are_named(tmp_path: Path) -> None:
    data = json.loads(RECORD.to_json())
    del data["engine"]
    (tmp_path / "run.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"run\.json: .*missing \['engine'\]"):
        RunRecord.read(tmp_path / "run.json")
    (tmp_path / "run.json").write_text('{\n"a": }')
    with pytest.raises(InputError, match="line 2"):
        RunRecord.read(tmp_path / "run.json")
    with pytest.raises(InputError, match="is not of type RunRecord"):
        RunRecord.from_json("[]")
    with pytest.raises(InputError, match="cannot be read"):
        RunRecord.read(tmp_path / "none.json")
