"""Bars on what takes longer than two seconds, for somebody who watches."""

import os

import pytest

from mpcgen import progress
from mpcgen.progress import progress_bar
from tests import terminals


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "DELAY", 0)


@pytest.mark.usefixtures("at_once")
def test_there_is_a_bar_before_the_first_unit_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminals.as_stderr(monkeypatch) as terminal, progress_bar(200, "A") as report:
        terminal.wait_for("A:   0%")
        report(50)
        terminal.wait_for("A:  25%")
    assert terminal.shown().endswith("\n")


@pytest.mark.usefixtures("at_once")
def test_a_forked_process_may_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminals.as_stderr(monkeypatch) as terminal, progress_bar(200, "A") as report:
        child = os.fork()
        if child == 0:
            report(200)
            os._exit(0)
        os.waitpid(child, 0)
        terminal.wait_for("A: 100%")
    assert terminal.shown().count("\n") == 1


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("columns", "width"), [(0, 79), (60, 59)])
def test_it_fits_the_terminal(columns: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not say how wide it is has eighty columns."""
    with terminals.as_stderr(monkeypatch, columns) as terminal, progress_bar(200, "A"):
        terminal.wait_for("A:   0%")
    lines = [line for line in terminal.shown().replace("\r", "\n").split("\n") if line.strip()]
    assert {len(line) for line in lines} == {width}
    assert "|" in lines[0]


def test_what_is_done_before_the_delay_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "DELAY", 600)
    with terminals.as_stderr(monkeypatch) as terminal, progress_bar(200, "A") as report:
        report(200)
    assert terminal.shown() == ""


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("shown", [None, False, True])
def test_elsewhere_there_is_one_only_where_asked_for(
    shown: bool | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress_bar(200, "A", shown) as report:
        report(200)
    assert ("A: 100%" in capsys.readouterr().err) == bool(shown)
