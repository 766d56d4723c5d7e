"""The ledger in whole runs: asked before anybody is called, told before anything is shared."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mpcgen.errors import Differenced, PlanError
from mpcgen.net.channel import Channel, MessageLog
from mpcgen.parties.party import Session, ignore, take_part
from mpcgen.study.institution import read_config
from mpcgen.study.load import load_study
from mpcgen.study.loop import Part
from mpcgen.study.study import PEOPLE
from tests import small, studies
from tests.attacks import cohorts
from tests.outcomes import everybody, outcomes

MANY = 160  # so that males among cases are more than ten
ENTRIES = studies.OF_GROUPS


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of three, each with a ledger."""
    folder = tmp_path_factory.mktemp("ledgers") / "study"
    three = {name: cohorts.cohort(n, MANY, (2, 0, 4, 8)) for n, name in enumerate("ABC")}
    plan = cohorts.lay_out(folder, three, entries=ENTRIES, window=0)
    for name in "ABC":
        with (folder / f"{name}.toml").open("a") as file:
            file.write(f'[ledger]\nfolder = "ledger-{name}"\n')
    return plan.parent


@pytest.fixture
def plan(source: Path, tmp_path: Path) -> Path:
    """A copy of its own."""
    shutil.copytree(source, tmp_path / "study")
    for name in "ABC":
        own = tmp_path / "study" / f"{name}.toml"
        small.edit(own, str(source.resolve()), str(own.parent))
    return tmp_path / "study" / "plan.toml"


def part(plan: Path, told: Mapping[str, list[str]], channel: Channel, **options: Any) -> Session:
    config = read_config(plan.with_name(f"{channel.me}.toml"))
    options = {"warn": told[channel.me].append, "consume": cohorts.exhaust, **options}
    return take_part(load_study(plan), config, lambda: channel, **options)


def run(plan: Path, **options: Any) -> dict[str, list[str]]:
    """Run a plan as threads; what each was warned of."""
    told: dict[str, list[str]] = {name: [] for name in "ABC"}
    everybody(outcomes("ABC", partial(part, plan, told), **options))
    return told


def rows(plan: Path, name: str = "A") -> list[dict[str, Any]]:
    """The rows of an institution's ledger."""
    text = (plan.parent / f"ledger-{name}" / "ledger.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def kinds(plan: Path, name: str = "A") -> list[str]:
    return [row["kind"] for row in rows(plan, name)]


def leave_out(plan: Path, name: str, people: int) -> None:
    """Have an institution leave its first people who have a phenotype out."""
    fam = (plan.parent / f"of{name}.fam").read_text().splitlines()
    ids = [" ".join(line.split()[:2]) for line in fam if line.split()[5] != "-9"]
    (plan.parent / "out.txt").write_text("".join(f"{each}\n" for each in ids[:people]))
    config = plan.with_name(f"{name}.toml")
    small.edit(config, "[people]\n", '[people]\nexclude_samples = "out.txt"\n')


def nobody() -> Channel:
    raise AssertionError("somebody was called")


def ask(plan: Path, name: str = "A") -> None:
    """Start to take part; nobody may be called."""
    config = read_config(plan.with_name(f"{name}.toml"))
    take_part(load_study(plan), config, nobody, ignore)


def test_every_institution_keeps_its_own(plan: Path) -> None:
    run(plan)
    for name in "ABC":
        assert kinds(plan, name) == ["made", "release", "finished"]
        _, release, finished = rows(plan, name)
        assert release["study"] == "test"
        assert [member["name"] for member in release["institutions"]] == ["A", "B", "C"]
        assert release["people"]["all"] + release["people"]["missing"] == MANY
        assert finished["positions"] == len(cohorts.CHROM)
        said = small.succeeded("ledger", "verify", plan.parent / f"ledger-{name}")
        assert "3 rows in one chain, 1 release that counts\n" in said
    assert rows(plan, "A")[1]["sets"]["all"] != rows(plan, "B")[1]["sets"]["all"]
    assert rows(plan, "A")[1]["session"] == rows(plan, "B")[1]["session"]


def test_a_person_left_out_is_refused_before_anybody_is_called(plan: Path) -> None:
    run(plan)
    small.edit(plan, "A study of a test", "Another study")
    leave_out(plan, "A", 1)
    before = rows(plan)
    with pytest.raises(Differenced, match="people added or left out"):
        ask(plan)
    assert rows(plan) == before


def test_the_same_plan_again_and_on_other_genotypes(plan: Path) -> None:
    run(plan)
    told = run(plan)
    assert kinds(plan) == ["made", "release", "finished", "again", "finished"]
    assert rows(plan)[3]["of"] == 2
    assert all("opens the same numbers again" in said[-1] for said in told.values())
    bed = plan.parent / "ofA.bed"
    content = bytearray(bed.read_bytes())
    content[10] ^= 0b11
    bed.write_bytes(content)
    with pytest.raises(Differenced, match="changed genotypes"):
        ask(plan)


def test_the_row_is_there_before_anything_is_shared(plan: Path) -> None:
    seen: dict[str, list[str]] = {}

    def log(name: str) -> MessageLog:
        def note(direction: str, _peer: str, label: str, _counter: int, _length: int) -> None:
            if direction == "sent" and label.startswith(PEOPLE) and name not in seen:
                seen[name] = kinds(plan, name)

        return note

    run(plan, log=log)
    assert seen == {name: ["made", "release"] for name in "ABC"}


def test_a_run_that_stops_in_the_middle_counts_as_all_it_asked_for(plan: Path) -> None:
    def stop(parts: Iterator[Part], _people: Mapping[str, int]) -> None:
        next(parts)
        raise KeyboardInterrupt

    told: dict[str, list[str]] = {name: [] for name in "ABC"}
    outcomes("ABC", partial(part, plan, told, consume=stop))
    assert kinds(plan) == ["made", "release"]
    small.edit(plan, "A study of a test", "Another study")
    leave_out(plan, "A", 1)
    with pytest.raises(Differenced):
        ask(plan)


def test_too_few_people_and_nothing_is_opened(plan: Path) -> None:
    small.edit(plan, 'floors = "none"', "min_cases = 900")
    told: dict[str, list[str]] = {name: [] for name in "ABC"}
    for ended in outcomes("ABC", partial(part, plan, told)).values():
        assert isinstance(ended, PlanError)
    assert kinds(plan) == ["made", "release", "nothing"]
    assert "nothing of it counts" in small.succeeded("ledger", "show", plan.parent / "ledger-A")
    leave_out(plan, "A", 1)
    small.edit(plan, "min_cases = 900", "min_cases = 50")
    run(plan)
    assert kinds(plan)[3:] == ["release", "finished"]


def test_where_nothing_was_kept_nothing_counts_as_opened(plan: Path) -> None:
    small.edit(plan, 'floors = "none"', "min_cases = 50")
    kept: list[int] = []

    def count(parts: Iterator[Part], _people: Mapping[str, int]) -> None:
        kept.extend(len(each.rows) for each in parts)

    told: dict[str, list[str]] = {name: [] for name in "ABC"}
    everybody(outcomes("ABC", partial(part, plan, told, consume=count)))
    assert 0 < sum(kept) / 3 < len(cohorts.CHROM)
    assert [rows(plan, name)[-1]["positions"] for name in "ABC"] == [sum(kept) / 3] * 3


def test_without_a_ledger_nothing_is_kept(plan: Path) -> None:
    for name in "ABC":
        small.edit(plan.with_name(f"{name}.toml"), f'[ledger]\nfolder = "ledger-{name}"\n', "")
    run(plan)
    assert not list(plan.parent.glob("ledger*"))


def test_in_processes(plan: Path, tmp_path: Path) -> None:
    studies.run_in_processes(plan, tmp_path / "out")
    assert kinds(plan, "C") == ["made", "release", "finished"]
    small.edit(plan, "A study of a test", "Another study")
    leave_out(plan, "C", 2)
    command = [sys.executable, "-m", "mpcgen", "run", str(plan), "--local", str(plan.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    small.assert_told(done.stderr, "C: refused by the ledger: people added", "stopped at C")
    assert kinds(plan, "A") == kinds(plan, "C") == ["made", "release", "finished"]
