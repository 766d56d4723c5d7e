"""An institution that a later plan leaves out signs that the others' ledgers may let it run."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mpcgen.audit import identity
from mpcgen.errors import ApprovalError, Differenced
from mpcgen.leakage import Leakage
from mpcgen.parties.consents import consent, consenting, receive_any
from mpcgen.parties.owner import open_study_data
from mpcgen.parties.releases import recording
from mpcgen.study.institution import InstitutionConfig, read_config
from mpcgen.study.load import load_study
from mpcgen.study.read import read_plan
from tests import small, studies
from tests.attacks import cohorts
from tests.small import command, succeeded

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan of A and B; C, who has an identity too, is not in it."""
    path = small.lay_out(tmp_path, rules=studies.CLEAR, names=("A", "B"))
    identity.create(tmp_path / "C.identity")
    (tmp_path / "C.toml").write_text('name = "C"\n[identity]\nfile = "C.identity"\n')
    return path


def of_c(plan: Path) -> InstitutionConfig:
    return read_config(plan.with_name("C.toml"))


def identity_of_c(plan: Path) -> str:
    return identity.load(plan.with_name("C.identity")).public


def words(plan: Path, name: str) -> list[object]:
    config = plan.with_name(f"{name}.toml")
    return ["study", "consent", plan, "--as", name, "--config", config, "--yes"]


def test_a_consent_counts_while_it_holds(plan: Path) -> None:
    read = read_plan(plan)
    file = consent(read, of_c(plan), days=3, now=NOW)
    assert file == plan.with_name("plan-approvals") / "without-C.json"
    assert consenting(read, NOW + timedelta(days=2)) == (identity_of_c(plan),)
    assert consenting(read, NOW + timedelta(days=3)) == ()
    assert consenting(read, NOW - timedelta(hours=1)) == ()


def test_a_consent_is_to_one_plan(plan: Path) -> None:
    file = consent(read_plan(plan), of_c(plan), now=NOW)
    plan.write_text(plan.read_text() + "# changed\n")
    assert consenting(read_plan(plan), NOW) == ()
    with pytest.raises(ApprovalError, match="this is of the plan's SHA-256"):
        receive_any(read_plan(plan), file, NOW)


def test_every_changed_byte_voids_it(plan: Path) -> None:
    read = read_plan(plan)
    file = consent(read, of_c(plan), now=NOW)
    content = file.read_bytes()
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 1
        file.write_bytes(changed)
        assert consenting(read, NOW) == ()


def test_it_is_sent_and_taken_in(plan: Path, tmp_path: Path) -> None:
    said = succeeded(
        "study", "consent", plan, "--as", "C", "--config", tmp_path / "C.toml", "--yes"
    )
    file = plan.with_name("plan-approvals") / "without-C.json"
    assert f"C: consent; send {file} to all institutions of the plan" in said
    sent = file.rename(tmp_path / "sent.json")
    assert "C: consent" in succeeded("study", "receive", plan, sent)
    assert consenting(read_plan(plan)) == (identity_of_c(plan),)


def test_who_is_in_the_plan_approves_it_instead(plan: Path) -> None:
    result = command(*words(plan, "A"))
    assert result.exit_code == 1
    assert "A is in the plan, with people: it approves the plan" in result.output


def test_the_ledger_lets_a_plan_run_without_one_that_agrees(tmp_path: Path) -> None:
    three = {name: cohorts.cohort(n, 160, (2, 0, 4, 8)) for n, name in enumerate("ABC")}
    rules, entries = studies.CLEAR, studies.OF_GROUPS
    first = cohorts.lay_out(tmp_path / "study", three, rules=rules, entries=entries, window=0)
    own = first.with_name("A.toml")
    own.write_text(own.read_text() + '[ledger]\nfolder = "ledger"\n')
    second = first.with_name("second.toml")
    block = re.compile(r'\[\[institutions\]\]\nname = "C"\n(?:[^\n]+\n)*')
    second.write_text(block.sub("", first.read_text()))
    assert read_plan(second).names == ("A", "B")
    release(first)
    with pytest.raises(Differenced, match="C would be left out"):
        release(second)
    consent(read_plan(second), read_config(first.with_name("C.toml")))
    release(second)


def release(plan: Path) -> None:
    """What a run tells the ledger of A, until it breaks off with everything opened."""
    study, config = load_study(plan), read_config(plan.with_name("A.toml"))
    leakage = Leakage(study.manifest())
    with (
        open_study_data(config, study, print) as data,
        recording(study, config, data, consenting(study.plan)) as record,
    ):
        record.begin(bytes(16), leakage)
        for opening in study.manifest():
            leakage.spend(opening)
