"""An institution withdraws: no run anywhere that knows, nothing kept, and a plan without it."""

import fcntl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import mpcgen
from mpcgen.errors import ApprovalError, InputError, MpcgenError, PlanError
from mpcgen.parties.approvals import file_of, require_approved
from mpcgen.parties.results import Output
from mpcgen.parties.run import run_institution
from mpcgen.parties.signing import receive
from mpcgen.parties.withdrawal import Forgotten, forget, heeding_withdrawals, withdraw
from mpcgen.study.institution import InstitutionConfig, read_config
from mpcgen.study.load import load_study
from mpcgen.study.read import read_plan
from tests import small, studies
from tests.small import assert_refused, assert_told, command, edit, nothing_written, succeeded


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """The plan of a study that all have approved; each has a folder for its state."""
    plan = small.lay_out(tmp_path, studies.OF_ALL)
    for name in small.NAMES:
        edit(tmp_path / f"{name}.toml", "[identity]", f'[state]\nfolder = "{name}"\n[identity]')
    studies.approve(plan)
    return plan


def config_of(plan: Path, name: str) -> InstitutionConfig:
    return read_config(plan.with_name(f"{name}.toml"))


def words(decision: str, plan: Path, name: str) -> list[object]:
    return ["study", decision, plan, "--as", name, "--config", plan.with_name(f"{name}.toml")]


def run(plan: Path, name: str) -> list[object]:
    return ["run", plan, "--as", name, "--config", plan.with_name(f"{name}.toml"), "--no-plots"]


def keep_state(
    plan: Path, *names: str, files: Sequence[str] = ("journal", "lock")
) -> dict[str, Path]:
    """Put something into the institutions' state of a plan, and of another one."""
    kept = {}
    for name in names:
        for sha256 in (read_plan(plan).sha256, "0" * 64):
            folder = plan.parent / name / sha256
            folder.mkdir(parents=True)
            for file in files:
                (folder / file).write_text("secret")
        kept[name] = plan.parent / name / read_plan(plan).sha256
    return kept


# -- withdrawing


def test_a_withdrawal_is_for_good_and_erases_what_was_kept(plan: Path) -> None:
    kept = keep_state(plan, *small.NAMES)
    said = succeeded(*words("withdraw", plan, "B"), "--yes", "--note", "a patient's wish")
    assert f"send {file_of(read_plan(plan), 'B')} to all other institutions" in said
    assert "what was kept of the plan is erased" in said
    assert {name: folder.exists() for name, folder in kept.items()} == {
        "A": True, "B": False, "C": True,
    }  # fmt: skip
    status = command("study", "status", plan, "--config", plan.with_name("A.toml"))
    assert status.exit_code == 1
    assert_told(status.output, "withdrawn", "never", "B: it has withdrawn", "B notes: a patient's")
    assert not kept["A"].exists()
    with pytest.raises(MpcgenError, match="B: it has withdrawn"):
        mpcgen.run(plan, "C", plan.with_name("C.toml"), plan.with_name("out"))
    assert not kept["C"].exists()
    assert all((folder.parent / ("0" * 64) / "journal").exists() for folder in kept.values())
    for name in small.NAMES:
        assert_refused(command(*run(plan, name)), "B: it has withdrawn", "that is for good")
    for decision in ("approve", "reject", "withdraw"):
        refused = command(*words(decision, plan, "B"), "--yes")
        assert refused.exit_code == 1
        assert "B has withdrawn from this plan, which is for good" in refused.output


def test_a_withdrawal_is_received_and_nothing_after_it(plan: Path, tmp_path: Path) -> None:
    """An older approval that is sent again, or put back by hand, does not bring B back."""
    read = read_plan(plan)
    approval = file_of(read, "B").read_bytes()
    home = tmp_path / "home"
    home.mkdir()
    (home / "plan.toml").write_bytes(plan.read_bytes())
    own = InstitutionConfig(home, "B", None, None, None, identity_file=tmp_path / "B.identity")
    sent = withdraw(read_plan(home / "plan.toml"), own)
    kept = keep_state(plan, "A")
    said = succeeded("study", "receive", plan, sent, "--config", tmp_path / "A.toml")
    assert said == "B: withdraw\nwhat was kept of the plan is erased\n"
    assert not kept["A"].exists()
    (home / "approval").write_bytes(approval)
    with nothing_written(tmp_path):
        refused = command("study", "receive", plan, home / "approval")
        assert_refused(refused, "B has withdrawn from this plan")
    file_of(read, "B").write_bytes(approval)
    with pytest.raises(ApprovalError, match="B: it has withdrawn"):
        require_approved(read)


# -- erasing


@pytest.mark.parametrize("sha256", ["", "..", "../x", "0" * 63, "A" * 64])
def test_nothing_else_is_erased(sha256: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no plan's SHA-256"):
        forget(sha256, tmp_path)


def test_what_is_erased(tmp_path: Path) -> None:
    sha256 = "ab" * 32
    assert forget(sha256, tmp_path / "none") is Forgotten.NOTHING
    (tmp_path / sha256 / "inner").mkdir(parents=True)
    (tmp_path / sha256 / "inner" / "file").write_text("")
    (tmp_path / "storage.key").write_text("")
    assert forget(sha256, tmp_path) is Forgotten.ERASED
    assert [path.name for path in tmp_path.iterdir()] == ["storage.key"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("")
    (tmp_path / ("ab" * 32)).symlink_to(elsewhere)
    with pytest.raises(InputError, match="the state cannot be erased"):
        forget("ab" * 32, tmp_path)
    assert (elsewhere / "file").exists()


def test_that_a_study_has_ended_stays_known(tmp_path: Path) -> None:
    folder = tmp_path / ("ab" * 32)
    folder.mkdir()
    for name in ("ended.json", "lock", "journal"):
        (folder / name).write_text("")
    assert forget(folder.name, tmp_path) is Forgotten.ENDED
    assert {path.name for path in folder.iterdir()} == {"ended.json", "lock"}
    assert forget(folder.name, tmp_path) is Forgotten.ENDED


def test_who_withdraws_too_late_is_told(plan: Path) -> None:
    keep_state(plan, "B", files=["ended.json", "lock"])
    said = succeeded(*words("withdraw", plan, "B"), "--yes")
    assert "the study has ended here before: what it opened stays known" in said


@pytest.mark.parametrize("decision", ["propose", "approve"])
def test_nobody_approves_what_another_has_withdrawn_from(plan: Path, decision: str) -> None:
    succeeded(*words("withdraw", plan, "C"), "--yes")
    more = ["--yes"] if decision == "approve" else []
    refused = command(*words(decision, plan, "A"), *more)
    assert refused.exit_code == 1
    assert "C has withdrawn from this plan, which is for good" in refused.output


def test_the_state_of_a_study_that_runs_is_left_to_it(plan: Path) -> None:
    kept = keep_state(plan, "B")["B"]
    with (kept / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = succeeded(*words("withdraw", plan, "B"), "--yes")
    assert "a process runs the study here: it stops at its next batch" in said
    assert (kept / "journal").exists()


# -- a run under way


def test_a_run_stops_at_every_institution(plan: Path, tmp_path: Path) -> None:
    """C withdraws while all three run; nobody has results, and nothing is kept."""
    study, read = load_study(plan), read_plan(plan)
    kept = keep_state(plan, *small.NAMES, files=["beside the journal"])
    heard: dict[str, int] = {}

    def progress_of(name: str) -> Callable[[int], None]:
        def told(units: int) -> None:
            if name == "A" and name not in heard:
                withdraw(read, config_of(plan, "C"))
            heard[name] = units

        return told

    def take_part(name: str) -> BaseException | None:
        out = Output(tmp_path / f"out-{name}", plots=False)
        try:
            run_institution(study, config_of(plan, name), out, progress_of(name))
        except MpcgenError as error:
            return error
        return None

    with ThreadPoolExecutor(3) as threads:
        ended = dict(zip(small.NAMES, threads.map(take_part, small.NAMES), strict=True))
    assert "C has withdrawn from the plan; the study stops" in str(ended["A"])
    assert all(ended.values()), ended
    assert not list(tmp_path.glob("out-*"))
    assert not any(folder.exists() for folder in kept.values())


def test_other_decisions_do_not_stop_a_run(plan: Path) -> None:
    read, own = read_plan(plan), config_of(plan, "A")
    units: list[int] = []
    with heeding_withdrawals(read, own, units.append) as told:
        told(1)
        studies.approve(plan)
        told(2)
        assert command(*words("reject", plan, "B"), "--yes").exit_code == 0
        told(3)
        withdraw(read, config_of(plan, "B"))
        with pytest.raises(ApprovalError, match="B has withdrawn"):
            told(4)
    assert units == [1, 2, 3, 4]
    assert receive(read, file_of(read, "B")).decision == "withdraw"


# -- the plan after it


def four(tmp_path: Path, **changes: object) -> Path:
    names = (*small.NAMES, "D")
    return small.lay_out(tmp_path, studies.OF_ALL, studies.Rules(**changes), names)  # type: ignore[arg-type]


def test_a_plan_without_it(tmp_path: Path) -> None:
    plan = four(tmp_path)
    edit(plan, "[[institutions]]", "# The partners.\n[[institutions]]")
    edit(plan, "[[entries]]", "# What we ask.\n[[entries]]")
    old, new = read_plan(plan), tmp_path / "second.toml"
    for name in ("D", "B"):
        computing = [w for n in "ACD" for w in ("--computing", n)] if name == "B" else []
        said = succeeded("study", "succeed", plan, new, "--without", name, *computing)
        assert f"{new} is written" in said
        then = read_plan(new)
        assert then.names == tuple(n for n in old.names if n != name)
        assert then.computing == (("A", "C", "D") if name == "B" else ("A", "B", "C"))
        assert then.follows == old.sha256
        assert then.institutions == tuple(i for i in old.institutions if i.name != name)
        for comment in ("# The partners.\n", "# What we ask.\n[[entries]]"):
            assert comment in new.read_text()
        assert f"SHA-256 {old.sha256}" in " ".join(succeeded("study", "check", new).split())
        new.unlink()


def test_the_others_carry_on_under_it(tmp_path: Path) -> None:
    plan = four(tmp_path)
    studies.approve(plan)
    withdraw(read_plan(plan), config_of(plan, "D"))
    new = tmp_path / "second.toml"
    mpcgen.succeed_study(plan, new, "D")
    assert_refused(command(*run(new, "A")), "A: no decision is here", "B: no", "C: no")
    studies.approve(new)
    parties = [small.start(new, name) for name in small.NAMES]
    for party in parties:
        told = party.communicate(timeout=300)[1]
        assert party.returncode == 0, told


def test_a_second_successor_follows_the_first(tmp_path: Path) -> None:
    plan = small.lay_out(
        tmp_path,
        studies.OF_ALL,
        studies.Rules("additive", ("A", "B", "C"), dealer="D"),
        (*small.NAMES, "D"),
    )
    edit(plan, 'computing = ["A", "B", "C"]', 'computing = [\n "A", # first\n "B",\n "C"]')
    mpcgen.succeed_study(plan, second := tmp_path / "second.toml", "C")
    assert read_plan(second).computing == ("A", "B")
    with pytest.raises(PlanError, match='there is no institution "D"'):
        mpcgen.succeed_study(second, tmp_path / "third.toml", "D")


@pytest.mark.parametrize(
    ("without", "new", "told"),
    [
        ("X", "new.toml", "there is no institution X"),
        ("A", "new.toml", "the engine replicated has 3 computing parties, not 2"),
        ("D", "plan.toml", "the file exists already"),
        ("D", "none/new.toml", "the new plan stands beside the old one"),
        ("D", "A/new.toml", "the new plan stands beside the old one"),
    ],
)
def test_no_successor(without: str, new: str, told: str, tmp_path: Path) -> None:
    plan = four(tmp_path)
    (tmp_path / "A").mkdir()
    with nothing_written(tmp_path):
        result = command("study", "succeed", plan, tmp_path / new, "--without", without)
        assert_refused(result, told)
    if without == "A":
        assert_told(result.output, "no plan follows by leaving A out alone", "Write it by hand")
