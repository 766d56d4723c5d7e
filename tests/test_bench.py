"""`mpcgen bench`: real processes, a table of what was measured, answers by exact fractions."""

import socket
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from mpcgen.bench import show, table, trial
from mpcgen.bench.answers import EXACT, LEAST, Bits, Numbers
from mpcgen.bench.inputs import OWNERS
from mpcgen.bench.networks import HOST, LOOPBACK, NETWORKS
from mpcgen.bench.party import Job, Spent
from mpcgen.bench.table import COLUMNS, Row
from mpcgen.bench.tasks import SIZES, task
from mpcgen.bench.trial import Found, Ours, TooSlow, TrialFailed
from mpcgen.errors import MpcgenError
from mpcgen.net.ports import free_ports
from mpcgen.protocols.division import UNDEFINED
from mpcgen.protocols.engines import ENGINES
from mpcgen.report.layouts import Dots
from mpcgen.report.tables import read_table
from tests import exact
from tests.small import assert_refused, command

UNITS, RUN = 40, ("replicated",)
FOUND = Found(3, 2.0, 4.0, 3e6, None, 0, EXACT)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """Two tasks over two networks."""
    folder = tmp_path_factory.mktemp("bench") / "out"
    words = ["--task", "T1", "--task", "T5", "--size", UNITS, "--repeats", 1, "--out", folder]
    engines = [word for name in RUN for word in ("--engine", name)]
    return command("bench", *words, *engines, "--network", "loopback", "--network", "lan"), folder


def test_the_table(ran: tuple[Result, Path]) -> None:
    result, folder = ran
    assert result.exit_code == 0, result.output
    found = read_table(folder / "bench.tsv")
    assert list(found) == [*COLUMNS, "MACHINE"]
    rows = [(t, e, n) for t in ("T1", "T5") for n in ("loopback", "lan") for e in RUN]
    assert list(zip(found["TASK"], found["ENGINE"], found["NETWORK"], strict=True)) == rows
    assert set(found["ACCURACY"]) == {EXACT}
    assert set(found["SIZE"]) == {UNITS}
    assert set(found["PARTIES"]) == {3}
    assert (found[["WALL_S", "CPU_S", "SENT_MB", "ROUNDS", "PEAK_MB"]] > 0).all(axis=None)
    assert found["MACHINE"].str.contains("cores").all()
    lan = found[found["NETWORK"] == "lan"]
    assert (lan["WALL_S"] >= lan["ROUNDS"] * NETWORKS["lan"].delay / 1000).all()


def test_bytes_and_rounds_are_those_of_the_declared_costs(ran: tuple[Result, Path]) -> None:
    """T1 on three parties: sharing and opening, 3 b each in one round; messages have headers."""
    found = read_table(ran[1] / "bench.tsv")
    (row,) = found.query("TASK == 'T1' and ENGINE == 'replicated' and NETWORK == 'loopback'").index
    payload = 6 * (UNITS * 6 * 4)
    headers = 1e6 * found["SENT_MB"][row] - payload
    assert found["ROUNDS"][row] == 2
    assert 6 * 40 <= round(headers) <= 6 * 80
    again = found.query("TASK == 'T1' and ENGINE == 'replicated' and NETWORK == 'lan'")
    assert set(again["SENT_MB"]) == {found["SENT_MB"][row]}


def test_what_it_says(ran: tuple[Result, Path]) -> None:
    result, folder = ran
    first, loopback, lan, heading, *rows, last = result.output.splitlines()
    assert first == table.machine()
    assert loopback == "loopback: this machine, nothing added"
    assert lan == "lan: 1000 Mbit/s, 1 ms one way"
    assert heading.split() == list(COLUMNS)
    assert [row.split()[:2] for row in rows] == [
        [t, e] for t in ("T1", "T5") for _ in range(2) for e in RUN
    ]
    assert last == f"table and plot are in {folder}"
    assert {path.name for path in folder.iterdir()} == {"bench.tsv", "bench.png", "bench.svg"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--task", "T9"), "no task is 'T9'; one of T1, T2, T3, T4, T5 is"),
        (("--engine", "abacus"), "no engine is 'abacus'; one of clear, replicated, "),
        (("--network", "moon"), "no network is 'moon'; one of loopback, lan, wan-50, wan-200 is"),
        (("--task", "T1"), "something of this name is there already"),
    ],
)
def test_refusals(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert_refused(command("bench", *words, "--out", tmp_path / "there"), said)


class Somebody:
    """A contestant that ends as it is told to."""

    def __init__(self, name: str, end: Exception | Found, why: str = ""):
        self.name, self._end, self._why = name, end, why

    def cannot(self, *_: Any) -> str:
        return self._why

    def run(self, *_: Any) -> Found:
        if isinstance(self._end, Exception):
            raise self._end
        return self._end


def others(*those: Somebody, folder: Path) -> tuple[list[str], pd.DataFrame]:
    said: list[str] = []
    choice = show.Choice(["T1"], [each.name for each in those], [UNITS])
    show.bench(choice, folder, said.append, those)
    return said, read_table(folder / "bench.tsv")


def test_other_systems_stand_in_the_same_table(tmp_path: Path) -> None:
    slow = Somebody("slow", TooSlow("not done in 5 s"))
    absent = Somebody("absent", FOUND, "is not installed")
    said, found = others(Somebody("peer", FOUND), slow, absent, folder=tmp_path / "out")
    assert list(found["ENGINE"]) == ["peer", "slow"]
    assert list(found["ACCURACY"]) == [EXACT, "not done in 5 s"]
    assert found["WALL_S"].isna().tolist() == [False, True]
    assert found["ROUNDS"].isna().all()  # not known is not 0
    assert "T1  absent is not installed" in said


def test_a_failure_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    bad = Somebody("bad", TrialFailed("B: it broke"))
    with pytest.raises(MpcgenError, match="1 of 2 trials failed"):
        others(bad, Somebody("good", FOUND), folder=tmp_path / "out")
    found = read_table(tmp_path / "out" / "bench.tsv")
    assert list(found["ACCURACY"]) == ["B: it broke", EXACT]


def test_a_party_that_fails_ends_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((HOST, 0)) as taken:
        ports = [taken.getsockname()[1], *free_ports(2)]
        monkeypatch.setattr(trial, "free_ports", lambda _: ports)
        with pytest.raises(TrialFailed, match="A: A cannot listen at"):
            Ours("replicated").run(task("T1", UNITS), LOOPBACK, 1, 60.0)


@pytest.mark.parametrize("engine", ["additive", "spdz2k"])
def test_a_dealer_is_a_party_and_is_waited_for(engine: str) -> None:
    """It runs ahead; each of its rounds starts when all that it dealt before is used."""
    found = Ours(engine).run(task("T5", UNITS), LOOPBACK, 2, 60.0)
    assert (found.parties, found.accuracy) == (4, EXACT)


def test_a_trial_that_takes_too_long_is_ended() -> None:
    with pytest.raises(TooSlow, match=r"not done in 0\.01 s"):
        Ours("replicated").run(task("T1", UNITS), LOOPBACK, 1, 0.01)


@pytest.mark.parametrize("name", ENGINES)
def test_what_an_engine_cannot_do(name: str) -> None:
    for which in SIZES:
        why = Ours(name).cannot(task(which, UNITS), LOOPBACK)
        lacks = task(which, UNITS).needs - ENGINES[name].offers
        assert bool(why) == bool(lacks) or "is not installed" in why


def test_owners_compute_first() -> None:
    assert Job("replicated4", "T1", 1, 1).parties == ("A", "B", "C", "D")
    assert Job("clear", "T1", 1, 1).parties == OWNERS
    assert Job("clear", "T1", 1, 1).computing == ("A",)


def test_found_is_of_medians() -> None:
    a = [Spent(1.0, 1.0, 10, 4, 7), Spent(3.0, 1.0, 10, 4, 9), Spent(2.0, 5.0, 10, 4, 8)]
    b = [Spent(2.0, 2.0, 30, 5, 1), Spent(1.0, 2.0, 30, 5, 1), Spent(1.0, 2.0, 30, 5, 1)]
    assert Found.of([a, b], EXACT) == Found(2, 2.0, 3.0, 40, 5, 9, EXACT)


def test_rounding_is_halves_up_and_zero_denominators_are_undefined() -> None:
    p, q = np.array([1, 3, 5, 7, 0, 0], object), np.array([8, 8, 8, 8, 3, 0], object)
    answer = Numbers(p, q, digits=2)
    right = [int(Fraction(4 * a, b) + Fraction(1, 2)) if b else UNDEFINED for a, b in zip(p, q)]  # noqa: B905
    assert list(answer.values()) == right
    assert answer.accuracy(np.array(right)) == EXACT
    worse = np.array(right)
    worse[1] += 1
    assert (
        answer.accuracy(worse) == f"{float((Fraction(3, 4) - Fraction(3, 8)) / Fraction(3, 8)):.1e}"
    )


def test_real_numbers_are_compared_relatively() -> None:
    answer = Numbers(np.array([4, 1, 0], object), np.array([1, 10**6, 5], object))
    assert answer.real(np.array([4.0, 1e-6, 0.0])) == "0.0e+00"
    assert answer.real(np.array([4.004, 1e-6, 0.0])) == "1.0e-03"
    assert answer.real(np.array([4.0, 1e-6, LEAST / 10])) == "1.0e-01"


def test_bits() -> None:
    answer = Bits(np.array([True, False, True]))
    assert answer.accuracy(np.array([1, 0, 1])) == EXACT
    assert answer.accuracy(np.array([1, 1, 0])) == "2 wrong"


def total(name: str, units: int) -> Any:
    return sum(task(name, units).given(owner) for owner in OWNERS)


def test_answers_are_those_of_exact_fractions() -> None:
    units = 100
    classes = total("T2", units).reshape(units, 2, 7)[..., :3]
    tables = classes @ np.array([[2, 0], [1, 1], [0, 2]])
    chisq = [exact.pearson(each.tolist()) or Fraction(0) for each in tables]
    r2 = [exact.r2(*row) or Fraction(0) for row in total("T3", units).tolist()]
    for name, digits, right in (("T2", 10, chisq), ("T3", 12, r2)):
        rounded = [int(x * 2**digits + Fraction(1, 2)) for x in right]
        assert list(task(name, units).answer().values()) == rounded
    passed = [x > Fraction(1901, 64) for x in chisq]
    assert list(task("T5", units).answer().values()) == passed
    assert 0 < sum(passed) < units


def test_answers_of_integers() -> None:
    x = total("T4", 9)
    np.testing.assert_array_equal(task("T4", 9).answer().values(), x.T @ x)
    np.testing.assert_array_equal(task("T1", 9).answer().values(), total("T1", 9))


def test_the_chart(tmp_path: Path) -> None:
    rows = [
        Row("T1", "ours", 1000, "lan", FOUND),
        Row("T1", "theirs", 1000, "lan", "not done in 5 s"),
        Row("T2", "theirs", 1000, "lan", FOUND),
    ]
    layout = table.chart(rows, tmp_path).layout
    assert isinstance(layout, Dots)
    assert layout.rows == ("T1  1,000  lan", "T2  1,000  lan")
    assert layout.series == ("ours", "theirs")
    np.testing.assert_array_equal(layout.values[:, 0, 0], [2.0, 4.0, 3.0])
    assert np.isnan(layout.values[:, 0, 1]).all()
