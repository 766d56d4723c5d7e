"""What a plan says of its parties: identities, jurisdictions, the relay; and of its purpose."""

import re
from pathlib import Path

import pytest

from mpcgen.study.countries import COUNTRIES
from mpcgen.study.read import read_plan
from tests import small
from tests.small import command, succeeded
from tests.test_plan import line_with, refused

IDENTITIES = tuple(f"{n:x}" * 64 for n in range(10, 13))
STUDY = 'technology = "Genome-wide genotyping array"'
RELAY = f"""\
topology = "relay"
relay = "relay.example.org:443"
relay_identity = "{"e" * 64}"
relay_jurisdiction = "CH"
"""


@pytest.fixture
def plan_text(plan_text: str) -> str:
    """The plan, with other identities and with jurisdictions, and patient as by default."""
    plan_text = re.sub("absence_seconds = .*\n", "", plan_text)
    made = re.findall("identity = (.*)\n", plan_text)
    for own, identity in zip(made, IDENTITIES, strict=True):
        plan_text = plan_text.replace(own, f'"{identity}"\njurisdiction = "DE"')
    return plan_text


def relayed(text: str) -> str:
    """The plan, by a relay and without addresses."""
    return re.sub("address = .*\n", "", text).replace("[network]\n", f"[network]\n{RELAY}")


def test_a_plan_with_everything(plan_folder: Path, plan_text: str) -> None:
    said = f'purpose = ["DUO:0000006"]\ndisease = ["MONDO:0005147"]\nfollows = "{"f" * 64}"'
    text = relayed(plan_text).replace(STUDY, f"{STUDY}\n{said}")
    (plan_folder / "full.toml").write_text(
        text.replace("[network]\n", "[network]\nabsence_seconds = 40000\n")
    )
    plan = read_plan(plan_folder / "full.toml")
    assert tuple(i.identity for i in plan.institutions) == IDENTITIES
    assert {i.jurisdiction for i in plan.institutions} == {"DE"}
    assert {i.address for i in plan.institutions} == {""}
    assert (plan.topology, plan.relay) == ("relay", "relay.example.org:443")
    assert (plan.relay_identity, plan.relay_jurisdiction) == ("e" * 64, "CH")
    assert (plan.purpose, plan.disease) == (("DUO:0000006",), ("MONDO:0005147",))
    assert (plan.follows, plan.absence_seconds) == ("f" * 64, 40000)


def test_a_plan_without_any_of_it(plan_folder: Path, plan_text: str) -> None:
    bare = re.sub("(identity|jurisdiction) = .*\n", "", plan_text)
    (plan_folder / "bare.toml").write_text(bare)
    plan = read_plan(plan_folder / "bare.toml")
    assert {(i.identity, i.jurisdiction) for i in plan.institutions} == {("", "")}
    assert (plan.topology, plan.relay, plan.relay_identity) == ("mesh", "", "")
    assert (plan.purpose, plan.disease, plan.follows) == ((), (), "")
    assert plan.absence_seconds == 60


@pytest.mark.parametrize(
    ("old", "new", "words", "place"),
    [
        (f'"{IDENTITIES[1]}"', f'"{IDENTITIES[0]}"', "2: the identity", None),
        (f'identity = "{IDENTITIES[1]}"', "", "2: the key identity is missing, which", None),
        (f'"{IDENTITIES[0]}"', f'"{"A" * 64}"', "`mpcgen identity` prints", "identity"),
        (f'"{IDENTITIES[0]}"', f'"{"a" * 63}"', "the 64 hexadecimal digits", "identity"),
        ('jurisdiction = "DE"', 'jurisdiction = "UK"', "two capital letters", "jurisdiction"),
        ('jurisdiction = "DE"', 'jurisdiction = "de"', 'not "de"', "jurisdiction"),
        ("[network]", '[network]\ntopology = "star"', '"mesh" or "relay"', "topology"),
        ("[network]", '[network]\nrelay = "h:1"', 'goes with topology = "relay"', "relay"),
        ("[network]", '[network]\ntopology = "relay"', "the key relay is missing", "[network]"),
        ("[network]", "[network]\nabsence_seconds = 0", "absence_seconds is above 0", "abs"),
        ("[network]", "[network]\nabsence_seconds = 2e6", "at most 1000000", "abs"),
        (STUDY, f'{STUDY}\npurpose = ["DUO:6"]', '"DUO:0000006", not "DUO:6"', "purpose"),
        (STUDY, f'{STUDY}\npurpose = "DUO:0000006"', "a list of texts", "purpose"),
        (STUDY, f'{STUDY}\ndisease = ["asthma"]', 'not "asthma"', "disease"),
        (STUDY, f'{STUDY}\nfollows = "the first"', "follows is a plan's hash, 64", "follows"),
    ],
)
def test_wrong_parties(
    old: str, new: str, words: str, place: str | None, plan_folder: Path, plan_text: str
) -> None:
    assert old in plan_text
    changed = plan_text.replace(old, new, 1)
    error = refused(plan_folder, changed)
    assert words in str(error)
    if place is not None:
        assert error.line == line_with(changed, place)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('relay = "relay.example.org:443"', 'relay = "relay"', 'relay is "host:port"'),
        ('relay = "relay.example.org:443"', 'relay = "relay:0"', "no such port in relay:0"),
        ("relay_identity", "relay_key", "the key relay_identity is missing"),
        ('"CH"', '"Switzerland"', "relay_jurisdiction is a country's two"),
    ],
)
def test_wrong_relays(old: str, new: str, words: str, plan_folder: Path, plan_text: str) -> None:
    text = relayed(plan_text)
    assert old in text
    assert words in str(refused(plan_folder, text.replace(old, new, 1)))


def test_where_everybody_sits_is_said(plan_folder: Path, plan_text: str) -> None:
    (plan_folder / "relayed.toml").write_text(relayed(plan_text))
    said = " ".join(succeeded("study", "check", plan_folder / "relayed.toml").split())
    assert "A by the relay, in DE: up to 3000 people, computes" in said
    assert "the relay at relay.example.org:443, in CH: passes all messages on; it sees who" in said


def test_that_a_plan_says_no_country_is_said(plan_folder: Path, plan_text: str) -> None:
    (plan_folder / "silent.toml").write_text(re.sub("jurisdiction = .*\n", "", plan_text))
    said = succeeded("study", "check", plan_folder / "silent.toml")
    assert "in which countries they run: the plan does not say" in said


def test_a_mesh_needs_addresses(plan_folder: Path, plan_text: str) -> None:
    error = refused(plan_folder, re.sub("address = .*\n", "", plan_text, count=1))
    assert "[[institutions]] 1: the key address is missing" in str(error)


def test_countries() -> None:
    assert len(COUNTRIES) == 249
    assert {"DE", "GB", "US"} < COUNTRIES
    assert not {"UK", "EU", "XX"} & COUNTRIES


def new_words(plan: Path) -> list[object]:
    words: list[object] = ["study", "new", plan, "--sites", plan.with_name("sites.tsv")]
    for key in ("id", "title", "trait"):
        words += [f"--{key}", "new"]
    words += ["--build", "GRCh38"]
    for n, name in enumerate(small.NAMES):
        words += ["--institution", name, f"127.0.0.1:{7001 + n}", name * 40, 100]
    return words


def test_a_new_plan_has_identities_and_jurisdictions(plan_folder: Path) -> None:
    plan = plan_folder / "new.toml"
    words = new_words(plan)
    for name, identity in zip(small.NAMES, IDENTITIES, strict=True):
        words += ["--identity", name, identity]
    succeeded(*words, "--jurisdiction", "B", "FR")
    institutions = read_plan(plan).institutions
    assert tuple(i.identity for i in institutions) == IDENTITIES
    assert [i.jurisdiction for i in institutions] == ["", "FR", ""]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--identity", "D", IDENTITIES[0]), "there is no institution D to have this identity"),
        (("--jurisdiction", "A", "FR", "--jurisdiction", "A", "DE"), "is given twice"),
        (("--identity", "A", IDENTITIES[0]), "the key identity is missing, which others have"),
        (("--jurisdiction", "A", "Bonn"), "two capital letters"),
    ],
)
def test_a_new_plan_refused(more: tuple[str, ...], words: str, plan_folder: Path) -> None:
    plan = plan_folder / "refused.toml"
    small.assert_refused(command(*new_words(plan), *more), words)
    assert not plan.exists()
