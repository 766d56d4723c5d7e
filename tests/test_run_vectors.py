"""Small runs of engines, byte for byte as they were written down; and runs that must fail."""

import json
from typing import Any

import numpy as np
import pytest

from mpcgen.ring import Ring
from tests.outcomes import everybody
from tests.vectors import runs

FILES: dict[str, dict[str, Any]] = {
    engine: json.loads(runs.path(engine).read_text()) for engine in runs.PARTIES
}
by_engine = pytest.mark.parametrize("engine", FILES)
FAILING = [
    pytest.param(engine, run, id=f"{engine} {' '.join(run['message'])} {run['bit']}")
    for engine, file in FILES.items()
    for run in file["failing"]
]


@by_engine
def test_the_file_is_what_the_engine_does_today(engine: str) -> None:
    """`python -m tests.vectors.runs` writes the files anew, where messages are meant to change."""
    same = runs.text(engine) == runs.path(engine).read_text()
    assert same, f"{engine} sends other messages than {runs.path(engine)} has"


@by_engine
def test_what_is_seen_follows_from_the_inputs(engine: str) -> None:
    file = FILES[engine]
    a, b, o = (np.array(file["inputs"][owner]) for owner in "ABO")
    matrix = (a.reshape(2, 2) @ b.reshape(2, 2)).reshape(-1)
    wanted = {"product": a * b, "matrix": matrix, "total": a + b + o, "O": o}
    for run in file["runs"]:
        ring = Ring(run["k"])
        for label, values in wanted.items():
            assert run["seen"][label] == ring.to_bytes(ring.encode(values)).hex(), label
        assert run["seen"]["below"] == np.packbits(a < 0, bitorder="little").tobytes().hex()
        ended, _ = runs.play(engine, run["k"])
        for name, seen in everybody(ended).items():
            of_all = {label: data.hex() for label, data in seen.items()}
            if name != file["dealer"]:  # who opens nothing
                assert run["seen"] | of_all == run["seen"]
                assert ("O" in of_all) == (name == runs.READER)


@pytest.mark.parametrize(("engine", "run"), FAILING)
def test_runs_that_must_fail(engine: str, run: dict[str, Any]) -> None:
    """Somebody says so, and whoever was sent the spoiled message does not end well."""
    label, sender, receiver = run["message"]
    spoiled = runs.Spoiled((label, sender, receiver), run["bit"], run["error"], run["says"])
    ended, messages = runs.play(engine, run["k"], spoiled)
    assert [label, sender, receiver] in [message[:3] for message in messages]
    assert isinstance(ended[receiver], Exception)
    errors = [error for error in ended.values() if type(error).__name__ == run["error"]]
    assert any(run["says"] in str(error) for error in errors), ended
