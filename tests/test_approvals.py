"""Approving plans by the command line: real files, every refusal, and a run under approvals."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import mpcgen
from mpcgen.audit import approvals, dsse, identity
from mpcgen.audit.approvals import Statement
from mpcgen.cli import main
from mpcgen.errors import ApprovalError, ConfigError
from mpcgen.parties.approvals import require_approved
from mpcgen.study.read import read_plan
from tests import small, studies
from tests.small import (
    assert_refused,
    assert_told,
    command,
    edit,
    nothing_written,
    start,
    succeeded,
)

DAY = timedelta(days=1)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return small.lay_out(tmp_path, studies.OF_ALL)


def decide(decision: str, plan: Path, name: str, *more: object) -> Result:
    config = plan.with_name(f"{name}.toml")
    return command("study", decision, plan, "--as", name, "--config", config, *more)


def approve(plan: Path, *names: str) -> None:
    for name in names:
        result = decide("approve", plan, name, "--yes")
        assert result.exit_code == 0, result.output


def not_signed(result: Result, *words: str) -> None:
    """It ended with an error of these words, after what would have been signed."""
    assert result.exit_code == 1, result.output
    error = result.output.splitlines()[-1]
    assert error.startswith("mpcgen: "), result.output
    assert all(word in error for word in words), result.output


def run(plan: Path, name: str = "A") -> Result:
    config = plan.with_name(f"{name}.toml")
    return command("run", plan, "--as", name, "--config", config, "--no-plots")


def file_of(plan: Path, name: str) -> Path:
    return plan.with_name("plan-approvals") / f"{name}.json"


def signed(plan: Path, name: str, *, at: timedelta, days: int = 90, key: str = "") -> bytes:
    """An approval that was signed at another time, or with another institution's key."""
    read = read_plan(plan)
    when = datetime.now(UTC).replace(microsecond=0) + at
    statement = Statement(read.id, read.sha256, name, "approve", when, when + days * DAY)
    own = identity.load(plan.with_name(f"{key or name}.identity"))
    return approvals.sign(statement, own)


# -- approving


def test_from_a_proposal_to_a_plan_that_may_run(plan: Path) -> None:
    said = succeeded("study", "propose", plan, "--as", "A", "--config", plan.with_name("A.toml"))
    assert "What is opened, to all of A, B, C" in said  # what `study check` says
    assert f"Send to B, C: {plan}" in said
    assert str(file_of(plan, "A")) in said
    status = command("study", "status", plan)
    assert status.exit_code == 1
    assert "plan.toml may not run: B, C" in status.output
    approve(plan, "B")
    asked = CliRunner().invoke(main, words_of("approve", plan, "C"), input="y\n")
    assert asked.exit_code == 0, asked.output
    sha256 = read_plan(plan).sha256
    for words in (f"SHA-256 of plan.toml: {sha256}", "A study of a test", "Sign for C: approve?"):
        assert words in asked.output
    said = succeeded("study", "status", plan)
    rows = [line.split() for line in said.splitlines()]
    assert rows[0] == ["institution", "decision", "signed", "expires", "valid"]
    assert [(row[0], row[1], row[4]) for row in rows[1:4]] == [
        (name, "approved", "yes") for name in small.NAMES
    ]
    for row in rows[1:4]:
        times = [datetime.fromisoformat(text) for text in row[2:4]]
        assert times[1] - times[0] == 90 * DAY
    assert rows[4] == [str(plan), "may", "run"]
    assert "C  " in succeeded("study", "show", plan)


def words_of(decision: str, plan: Path, name: str) -> list[str]:
    config = plan.with_name(f"{name}.toml")
    return ["study", decision, str(plan), "--as", name, "--config", str(config)]


def test_who_does_not_confirm_does_not_sign(plan: Path) -> None:
    with nothing_written(plan.parent):
        asked = CliRunner().invoke(main, words_of("approve", plan, "A"), input="n\n")
    assert asked.exit_code == 1
    assert "Aborted!" in asked.output


def test_what_a_steward_reads(plan: Path) -> None:
    text = plan.read_text().replace("max_people", 'jurisdiction = "DE"\nmax_people', 2)
    plan.write_text(text.replace("[sites]", 'purpose = ["DUO:0000006"]\n[sites]', 1))
    said = succeeded("study", "show", plan)
    for words in (
        ", in DE: up to 3000 people, computes",
        ", in a country that the plan does not name: up to 3000",
        "purposes, by the Data Use Ontology: DUO:0000006 (HMB, health or medical or",
        "no decision is here",
        "plan.toml may not run: A, B, C",
        "Forecast",
        "WARNING",
    ):
        assert words in said


def test_a_later_decision_takes_the_place_of_an_earlier_one(plan: Path) -> None:
    approve(plan, *small.NAMES)
    first = file_of(plan, "B").read_bytes()
    assert decide("reject", plan, "B", "--yes", "--note", "not this year").exit_code == 0
    status = command("study", "status", plan)
    assert status.exit_code == 1
    assert "B: it has rejected the plan: not this year" in status.output
    assert_refused(run(plan), "B: it has rejected the plan: not this year")
    kept = [path.read_bytes() for path in (file_of(plan, "B").parent / "history").glob("B-*")]
    assert sorted(kept) == sorted([first, file_of(plan, "B").read_bytes()])
    approve(plan, "B")
    succeeded("study", "status", plan)


def test_an_approval_put_back_after_a_rejection(plan: Path) -> None:
    approve(plan, "A", "B", "C")
    file = file_of(plan, "B")
    before = file.read_bytes()
    assert decide("reject", plan, "B", "--yes").exit_code == 0
    file.write_bytes(before)
    with pytest.raises(ApprovalError, match="B: it has rejected the plan"):
        require_approved(read_plan(plan))
    assert_refused(run(plan), "B: it has rejected the plan")
    approve(plan, "B")
    assert len(require_approved(read_plan(plan))) == len("ABC")


def test_a_passphrase(plan: Path) -> None:
    folder = plan.parent
    (folder / "A.identity").unlink()
    (folder / "phrase").write_text("a passphrase\n")
    (folder / "phrase").chmod(0o600)
    words = ("identity", folder / "A.identity", "--passphrase-file", folder / "phrase")
    public = succeeded(*words).strip()
    edit(plan, read_plan(plan).institution("A").identity, public)
    asked = CliRunner().invoke(main, [*words_of("approve", plan, "A"), "--yes"], "another\n")
    assert asked.exit_code == 1
    assert "the passphrase is wrong" in asked.output
    asked = CliRunner().invoke(main, [*words_of("approve", plan, "A"), "--yes"], "a passphrase\n")
    assert asked.exit_code == 0, asked.output
    edit(folder / "A.toml", '"A.identity"', '"A.identity"\npassphrase_file = "phrase"')
    approve(plan, "A")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('[identity]\nfile = "A.identity"\n', ""), "[identity] file is missing"),
        (('"A.identity"', '"B.identity"'), "the plan pins"),
        (('"A.identity"', '"none"'), "no secret key can be read"),
        (('name = "A"', 'name = "B"'), 'the name here is "B", not "A"'),
    ],
)
def test_who_cannot_sign(change: tuple[str, str], words: str, plan: Path) -> None:
    edit(plan.with_name("A.toml"), *change)
    for decision in ("approve", "reject"):
        with nothing_written(plan.parent):
            not_signed(decide(decision, plan, "A", "--yes"), words)


def test_a_policy_is_kept_to_before_anything_is_signed(plan: Path) -> None:
    plan.with_name("policy.toml").write_text(
        'institution = "A"\n[use]\npermission = "DUO:0000004"\n[engines]\nnames = ["replicated4"]\n'
    )
    edit(plan.with_name("A.toml"), "[identity]", '[policy]\nfile = "policy.toml"\n[identity]')
    with nothing_written(plan.parent):
        config = plan.with_name("A.toml")
        proposed = command("study", "propose", plan, "--as", "A", "--config", config)
        assert_refused(proposed, "it breaks this institution's policy", "[engines] names")
        result = decide("approve", plan, "A", "--yes")
        assert result.exit_code == 1
        assert "it breaks this institution's policy" in result.output
    assert decide("reject", plan, "A", "--yes").exit_code == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--days", 0), "holds for 1 to 366 days"),
        (("--days", 367), "holds for 1 to 366 days"),
        (("--note", "two\nlines"), "a note is one line"),
        (("--note", "x" * 1001), "a note is one line of at most 1000"),
    ],
)
def test_what_cannot_be_signed(more: Sequence[object], words: str, plan: Path) -> None:
    with nothing_written(plan.parent):
        not_signed(decide("approve", plan, "A", "--yes", *more), words)


def test_an_institution_that_the_plan_does_not_have(plan: Path) -> None:
    config = plan.with_name("D.toml")
    config.write_text('name = "D"\n[identity]\nfile = "A.identity"\n')
    not_signed(decide("approve", plan, "D", "--yes"), "there is no institution D")


def test_from_python(plan: Path, tmp_path: Path) -> None:
    public = mpcgen.identity(tmp_path / "other.identity", "a passphrase")
    edit(plan, read_plan(plan).institution("A").identity, public)
    edit(plan.with_name("A.toml"), '"A.identity"', '"other.identity"')
    config = {name: plan.with_name(f"{name}.toml") for name in small.NAMES}
    with pytest.raises(ConfigError, match="the key has a passphrase"):
        mpcgen.approve_study(plan, "A", config["A"])
    mpcgen.approve_study(plan, "A", config["A"], days=1, passphrase="a passphrase")
    file = mpcgen.approve_study(plan, "B", config["B"])
    mpcgen.reject_study(plan, "C", config["C"], note="no")
    assert mpcgen.receive_decision(plan, file).decision == "approve"
    assert [s.problem for s in mpcgen.study_status(plan)] == [
        "", "", "it has rejected the plan: no",
    ]  # fmt: skip
    assert "plan.toml may not run: C" in mpcgen.show_study(plan)


# -- what stops a run


def changed(content: bytes) -> bytes:
    """An approval with another day in its payload."""
    values = json.loads(content)
    payload = dsse.decode(content).payload.replace(b'"note":""', b'"note":"x"')
    values["payload"] = base64.b64encode(payload).decode()
    return json.dumps(values, indent=1).encode() + b"\n"


def link(path: Path, target: Path) -> None:
    path.unlink()
    path.symlink_to(target)


Spoil = Callable[[Path], object]


def write(name: str, content: Callable[[Path], bytes]) -> Spoil:
    return lambda plan: file_of(plan, name).write_bytes(content(plan))


SPOILED: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "missing": (
        lambda plan: file_of(plan, "B").unlink(),
        ("B: no decision is here; it would lie in", "B.json"),
    ),
    "expired": (
        write("B", lambda plan: signed(plan, "B", at=-91 * DAY)),
        ("B: ", "this has expired", "B signs again"),
    ),
    "future": (
        write("B", lambda plan: signed(plan, "B", at=timedelta(minutes=6))),
        ("B: ", "this is signed in the future"),
    ),
    "changed": (
        write("B", lambda plan: changed(file_of(plan, "B").read_bytes())),
        ("B: ", "a byte was changed: the signature does not hold"),
    ),
    "another key": (
        write("B", lambda plan: signed(plan, "B", at=-DAY, key="A")),
        ("B: ", "this is signed with the key", "the plan pins"),
    ),
    "another institution": (
        write("B", lambda plan: file_of(plan, "A").read_bytes()),
        ("B: ", "this is of the institution A, not B"),
    ),
    "another plan": (
        lambda plan: edit(plan, "a trait", "another trait"),
        ("A: ", "B: ", "C: ", "this is of the plan's SHA-256"),
    ),
    "one byte of the plan": (
        lambda plan: plan.write_bytes(plan.read_bytes() + b"\n"),
        ("A: ", "B: ", "C: ", "this is of the plan's SHA-256"),
    ),
    "no envelope": (
        write("B", lambda _plan: b"approved\n"),
        ("B: ", "this is no signed decision on a plan: this is not JSON"),
    ),
    "too large": (write("B", lambda _plan: b" " * 70000), ("B: ", "more than 65536 bytes")),
    "a link": (
        lambda plan: link(file_of(plan, "B"), file_of(plan, "A")),
        ("B: ", "this is a link; name the file itself"),
    ),
}


@pytest.mark.parametrize("what", SPOILED)
def test_a_run_is_refused(what: str, plan: Path) -> None:
    spoil, words = SPOILED[what]
    approve(plan, *small.NAMES)
    require_approved(read_plan(plan))
    spoil(plan)
    with nothing_written(plan.parent):
        assert_refused(run(plan), "the plan is not approved by all", *words)
    status = command("study", "status", plan)
    assert status.exit_code == 1
    assert "may not run" in status.output


def test_nobody_is_called_and_python_refuses_too(plan: Path) -> None:
    approve(plan, "A", "C")
    with nothing_written(plan.parent), small.nobody_called(plan, small.NAMES):
        assert_refused(run(plan), "B: no decision is here")
        with pytest.raises(ApprovalError, match="B: no decision is here"):
            mpcgen.run(plan, "A", plan.with_name("A.toml"), plan.with_name("out"))


def test_a_clock_that_is_a_little_ahead(plan: Path) -> None:
    approve(plan, *small.NAMES)
    file_of(plan, "B").write_bytes(signed(plan, "B", at=timedelta(minutes=4)))
    succeeded("study", "status", plan)


def test_a_plan_without_identities(plan: Path) -> None:
    lines = plan.read_text().splitlines(keepends=True)
    plan.write_text("".join(line for line in lines if not line.startswith("identity")))
    words = ("the plan has no identities", "`mpcgen identity`", "run --local")
    assert_refused(run(plan), *words)
    assert_refused(command("study", "status", plan), *words)
    not_signed(decide("approve", plan, "A", "--yes"), *words)
    succeeded("run", plan, "--local", plan.parent, "--no-plots")


# -- receiving


@pytest.fixture
def partner(plan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same plan, at another institution."""
    home = tmp_path_factory.mktemp("partner")
    for name in ("plan.toml", "sites.tsv", "B.toml", "B.identity", "B.bed", "B.bim", "B.fam"):
        (home / name).write_bytes((plan.parent / name).read_bytes())
    (home / "B.identity").chmod(0o600)
    return home / "plan.toml"


def test_decisions_that_others_send(plan: Path, partner: Path) -> None:
    approve(partner, "B")
    approve(plan, "A", "C")
    sent = file_of(partner, "B")
    for _ in range(2):  # once more is no matter
        assert succeeded("study", "receive", plan, sent) == "B: approve\n"
    assert require_approved(read_plan(plan))
    older = sent.parent / "older"
    older.write_bytes(sent.read_bytes())
    assert decide("reject", partner, "B", "--yes").exit_code == 0
    assert succeeded("study", "receive", plan, sent) == "B: reject\n"
    with nothing_written(plan.parent):
        assert_refused(command("study", "receive", plan, older), "a later decision of B is here")


def test_decisions_that_are_not_taken_in(plan: Path, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    for content, words in (
        (signed(plan, "B", at=-91 * DAY), "this has expired"),
        (signed(plan, "B", at=DAY), "this is signed in the future"),
        (signed(plan, "B", at=-DAY, key="A"), "this is signed with the key"),
        (signed(plan, "D", at=-DAY, key="A"), "this is of D, which is not in the plan"),
        (b"approved", "this is no signed decision"),
    ):
        sent.write_bytes(content)
        with nothing_written(plan.parent):
            assert_refused(command("study", "receive", plan, sent), str(sent), words)
    assert_refused(command("study", "receive", plan, tmp_path / "none"), "there is no such file")


# -- running


def test_three_processes_under_approvals(plan: Path) -> None:
    approve(plan, *small.NAMES)
    parties = [start(plan, name) for name in small.NAMES]
    for party in parties:
        said, told = party.communicate(timeout=300)
        assert party.returncode == 0, told
        assert said.startswith("results in ")
    wanted, *others = (studies.tables(plan.with_name(f"plan-results-{n}")) for n in small.NAMES)
    assert wanted
    assert others == [wanted, wanted]


def test_parties_whose_approvals_differ(plan: Path, partner: Path) -> None:
    """B runs under an approval of its own that the others have not received."""
    approve(plan, *small.NAMES)
    for name in ("A", "B", "C"):
        small.succeeded("study", "receive", partner, file_of(plan, name))
    approve(partner, "B")
    (partner.with_name("B.key")).write_bytes(plan.with_name("B.key").read_bytes())
    partner.with_name("B.key").chmod(0o600)
    parties = {"A": start(plan, "A"), "B": start(partner, "B"), "C": start(plan, "C")}
    for name, party in parties.items():
        told = party.communicate(timeout=300)[1]
        assert party.returncode == 1, told
        assert_told(told, f"the approvals of B that {name} and ", "`mpcgen study receive`")
