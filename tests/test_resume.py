"""Studies whose parties are killed and started again: right tables or a clear end, and no more.

The studies are small, of several batches. A few kills are tried here; MPCGEN_EVERY_KILL tries 200.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpcgen.study import study as studies_of_batches
from mpcgen.study.load import load_study
from tests import small, studies
from tests.kills import Cast, Ended, Kill
from tests.studies import Rules

UNITS = 10  # of a batch
FLOORS = """
min_mac = 1
min_cell = 3
min_missing = 1
min_cases = 1
min_controls = 1
min_individuals = 1
consent = ["pairs together"]
"""
ENTRIES = (
    studies.OF_ALL
    + '\n[[entries]]\nstatistic = "association"\nrelease = "passing"\np = 0.2\n'
    + '\n[[entries]]\nstatistic = "linkage"\nwindow = 4\n'
)
FOUR = ("A", "B", "C", "D")
RULES = {
    "replicated": Rules(release=FLOORS),
    "replicated4": Rules("replicated4", FOUR, release=FLOORS),
    "additive": Rules("additive", release=FLOORS, dealer="D"),
    "spdz2k": Rules("spdz2k", release=FLOORS, dealer="D"),
}
EVERY = "MPCGEN_EVERY_KILL" in os.environ
SHORT = {"replicated": 2, "replicated4": 1, "additive": 1, "spdz2k": 1}
LONG = {"replicated": 110, "replicated4": 30, "additive": 30, "spdz2k": 30}
NEW_PLAN = "a new plan is needed"


@dataclass(frozen=True)
class Case:
    """A study with its right tables, and how many points each party's process passes."""

    cast: Cast
    tables: dict[str, bytes]
    points: dict[str, int]


@pytest.fixture(scope="module")
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Case]:
    """The study of an engine, laid out once for all tests of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studies_of_batches, "MAX_BATCH", UNITS)
        patch.setattr(studies_of_batches, "MAX_DECIDED", UNITS)
        yield lay_out(tmp_path_factory.mktemp(request.param), request.param)


def lay_out(folder: Path, engine: str) -> Case:
    """A study on an engine, run once in threads and once in processes that nobody kills."""
    rules = RULES[engine]
    names = FOUR if engine != "replicated" else studies.NAMES
    plan = small.lay_out(folder, ENTRIES, rules, names)
    small.edit(plan, "absence_seconds = 1\n", "absence_seconds = 60\n")
    right = studies.tables(studies.run_in_threads(plan, folder / "right"))
    for name in names:
        path = folder / f"{name}.toml"
        text = f'[state]\nfolder = "state-{name}"\n[ledger]\nfolder = "ledger-{name}"\n'
        path.write_text(path.read_text() + text)
    studies.approve(plan)
    cast = Cast(load_study(plan), folder)
    ended = cast.play()
    assert {each.status for each in ended.values()} == {0}, ended
    case = Case(cast, right, {name: each.points for name, each in ended.items()})
    check(case, ended)
    return case


def again(case: Case) -> None:
    """As if the study had never been run."""
    folder = case.cast.folder
    for path in (case.cast.out, case.cast.logs, *folder.glob("state-*"), *folder.glob("ledger-*")):
        shutil.rmtree(path, ignore_errors=True)  # nobody may have written anything


def check(case: Case, ended: dict[str, Ended]) -> bool:
    """Each party has the right tables, or none and says why; whether they have them."""
    cast, plan = case.cast, case.cast.study.plan
    for name, each in ended.items():
        own = {path: data for path, data in case.tables.items() if path.startswith(f"{name}/")}
        if each.status == 0:
            assert studies.tables(cast.out / name) == {
                p.removeprefix(f"{name}/"): d for p, d in own.items()
            }
        else:
            assert plan.engine == "spdz2k", (name, each.said)
            assert NEW_PLAN in each.said, each.said
            assert not (cast.out / name).exists()
        if each.status == 0 and name in plan.owners:
            assert last_row(cast.folder / f"ledger-{name}")["kind"] == "finished"
        shares = cast.shares_sent(name)
        assert all(len(values) == 1 for values in shares.values()), shares
        assert bool(shares) == (name in plan.computing)
        assert cast.drawn_twice(name) == 0
    return all(each.status == 0 for each in ended.values())


def last_row(ledger: Path) -> dict[str, Any]:
    row: dict[str, Any] = json.loads((ledger / "ledger.jsonl").read_text().splitlines()[-1])
    return row


def chosen(case: Case, seed: int) -> Sequence[Kill]:
    """One to three kills, at points or after a while."""
    rng = np.random.default_rng([seed, len(case.points)])
    names = sorted(case.points)
    kills = []
    for _ in range(rng.integers(1, 4)):
        name = names[rng.integers(len(names))]
        if rng.random() < 0.2:
            kills.append(Kill(name, seconds=float(rng.random())))
        else:
            kills.append(Kill(name, int(rng.integers(1, case.points[name] + 1))))
    return kills


RECORDS = [("prepared", 3), ("sending", 3), ("opened", 3), ("stage", 2)]
KILLED_AT = [(engine, record) for engine in RULES for record in RECORDS]
FEW = [("replicated", ("sending", 3)), ("replicated", ("opened", 3)), ("spdz2k", ("sending", 3))]
every_engine = pytest.mark.parametrize("case", sorted(RULES), indirect=True)


@pytest.mark.parametrize(("case", "record"), KILLED_AT if EVERY else FEW, indirect=["case"])
def test_a_party_that_is_killed_while_something_is_opened(
    case: Case, record: tuple[str, int]
) -> None:
    """Where it may have sent its shares, and they are good in that session alone, all stop."""
    again(case)
    ended = case.cast.play([Kill("B", record=record)])
    finished = check(case, ended)
    assert finished == (case.cast.study.plan.engine != "spdz2k" or record[0] != "sending")
    if not finished:
        assert {each.status for each in ended.values()} == {1}


@pytest.mark.parametrize("case", sorted(RULES) if EVERY else ["replicated"], indirect=True)
def test_all_parties_are_killed_and_started_again(case: Case) -> None:
    again(case)
    kills = [Kill(name, case.points[name] // 2) for name in case.points]
    check(case, case.cast.play(kills))


@every_engine
def test_parties_that_are_killed_and_started_again(case: Case) -> None:
    engine = case.cast.study.plan.engine
    finished = 0
    tried = (LONG if EVERY else SHORT)[engine]
    for seed in range(tried):
        again(case)
        kills = chosen(case, seed)
        ended = case.cast.play(kills)
        try:
            finished += check(case, ended)
        except AssertionError as error:
            error.add_note(f"seed {seed}: {kills}\n{ended}")
            raise
    print(f"{engine}: {finished} of {tried} with all tables")
    if engine != "spdz2k":
        assert finished == tried
