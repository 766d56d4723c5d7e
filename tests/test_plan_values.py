"""Values of any type in plans and configurations: right, or an error of their own kind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgen.errors import ConfigError, InputError, PlanError
from mpcgen.study.institution import read_config
from mpcgen.study.load import load_study
from mpcgen.study.read import read_plan
from mpcgen.study.toml import line_of
from tests.test_configuration import CONFIG


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def listed(items: list[str]) -> str:
    return f"[{', '.join(items)}]"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
SCALARS = st.one_of(
    st.integers().map(str),
    st.integers(0).map(lambda n: hex(n << 20000)),
    st.floats().map(repr),
    st.sampled_from(["true", "false", "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z"]),
    TEXTS.map(quoted),
)
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3).map(listed),
    st.lists(st.lists(SCALARS, max_size=2).map(listed), max_size=2).map(listed),
    SCALARS.map(lambda value: f"{{ a = {value} }}"),
)


def with_value(text: str, data: st.DataObject, more: tuple[str, ...]) -> str:
    """A text with one value, or one of the keys that it could have, made another one."""
    lines = text.split("\n")
    places = [n for n, line in enumerate(lines) if " = " in line]
    n, value = data.draw(st.sampled_from(places)), data.draw(VALUES)
    key = lines[n].partition(" = ")[0]
    lines[n] = f"{data.draw(st.sampled_from([key, *more]))} = {value}"
    return "\n".join(lines)


OPTIONS = ("kb", "min_r2", "region", "pairs", "pairs_sha256", "release", "name", "window", "groups")


def fails_well(path: Path, text: str, read: Callable[[Path], Any], kind: type[InputError]) -> None:
    """It is right, or an error of its kind about a file, or of a file that it names."""
    path.write_text(text)
    try:
        read(path)
    except InputError as error:
        about = error
    else:
        return
    assert about.path is not None
    assert isinstance(about, kind) or about.path != path
    assert len(str(about)) < 1500


@settings(max_examples=300)
@given(data=st.data())
def test_a_plan_of_any_values(plan_folder: Path, plan_text: str, data: st.DataObject) -> None:
    fails_well(
        plan_folder / "any.toml", with_value(plan_text, data, OPTIONS), load_study, PlanError
    )


@settings(max_examples=200)
@given(data=st.data())
def test_a_configuration_of_any_values(plan_folder: Path, data: st.DataObject) -> None:
    changed = with_value(CONFIG, data, ("name", "listen", "table"))
    fails_well(plan_folder / "any.toml", changed, read_config, ConfigError)


@given(content=st.binary(max_size=60))
def test_any_bytes_are_a_plan_error(plan_folder: Path, content: bytes) -> None:
    (plan_folder / "bytes.toml").write_bytes(content)
    with pytest.raises(PlanError):
        read_plan(plan_folder / "bytes.toml")


def test_lines_of_places() -> None:
    text = '# a\n[a]\nx = 1\n\ny = [\n 1,\n 2]\nz = """\n[b]\n"""\n[[b]]\n[[b]]\nx = {c = 2}\n'
    lines = {("a",): 2, ("a", "x"): 3, ("a", "y"): 5, ("a", "z"): 8, ("b", 0): 11, ("b", 1): 12}
    lines |= {("b", 1, "x"): 13, ("b", 1, "x", "c"): 13, ("b", 1, "missing"): 12}
    assert {place: line_of(text, place) for place in lines} == lines
    assert line_of(text, ()) is None
    assert line_of(text, ("nowhere", "x")) is None
