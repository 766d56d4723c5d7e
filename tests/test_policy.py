"""An institution's policy: what its file may say, and which rule a plan breaks."""

import re
from datetime import date
from pathlib import Path

import pytest

from mpcgen.errors import ConfigError
from mpcgen.parties.owner import open_study_data
from mpcgen.study.duo import RELEASE, TERMS
from mpcgen.study.institution import read_config
from mpcgen.study.load import load_study
from mpcgen.study.policy import read_policy
from mpcgen.study.policy_check import Violation, check_policy
from mpcgen.study.read import read_plan
from tests import policies, small, studies
from tests.policies import GENERAL, IDENTITY, PARTNERS
from tests.small import assert_refused, assert_told, command, edit, nothing_written, succeeded

TODAY = date(2026, 11, 29)
FLOORS = "min_mac = 5"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan of A, B and C with the usual floors, for biomedical research."""
    plan = small.lay_out(tmp_path, rules=studies.Rules(release=FLOORS))
    edit(plan, ', "cmh"', "")
    return policies.about(policies.place(plan), '["DUO:0000006", "DUO:0000038"]')


def broken(plan: Path, text: str = GENERAL, today: date = TODAY) -> list[Violation]:
    policy = read_policy(policies.write(plan.with_name("policy.toml"), policies.of(plan, text)))
    return check_policy(policy, load_study(plan), today)


def assert_broken(plan: Path, text: str, rule: str, key: str, *words: str) -> None:
    """One rule is broken; its line begins with the key, and all these words are said of it."""
    (violation,) = broken(plan, text)
    assert violation.rule == rule
    assert violation.line == policies.line_of(plan.with_name("policy.toml"), key)
    assert_told(str(violation), f"line {violation.line}: {rule}: ", *words)


def use(permission: str, modifiers: str = "", more: str = "") -> str:
    listed = ", ".join(f'"DUO:{short}"' for short in modifiers.split())
    return f'\n[use]\npermission = "DUO:{permission}"\nmodifiers = [{listed}]\n{more}'


# -- what is permitted


def test_a_plan_that_keeps_to_all_rules(plan: Path) -> None:
    text = (
        use(
            "0000006",
            "0000015 0000016 0000018 0000020 0000022 0000025 0000027 0000028 0000043 0000044",
            'regions = ["FI", "SE", "DE"]\nuntil = 2026-11-29\nprojects = ["test"]\n'
            'institutions = ["B", "C"]\ncollaborators = ["C"]\n',
        )
        + '[[confirmed]]\nplan = "test"\nterms = ["DUO:0000018"]\nby = "the office"\n'
        + PARTNERS
        + '[parties]\njurisdictions = ["FI", "SE", "DE"]\n'
        'computing_jurisdictions = ["DE", "SE", "FI"]\n'
        '[engines]\nnames = ["replicated", "spdz2k"]\n'
        '[release]\nstatistics = ["frequency", "association"]\nlevels = ["totals"]\n'
        'tests = ["allelic", "trend", "genotypic"]\n'
        "[floors]\nmin_mac = 5\nmin_cases = 50\n"
    )
    assert broken(plan, text) == []


def test_the_shortest_policy(plan: Path) -> None:
    assert broken(plan) == []


# -- rules that are broken, each by its line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (use("0000011"), "the purpose DUO:0000006 (HMB, health or medical"),
        (use("0000007", more='diseases = ["MONDO:0005148"]\n'), "the plan names no disease"),
    ],
)
def test_another_purpose(plan: Path, text: str, words: str) -> None:
    found = broken(plan, text)
    assert {violation.rule for violation in found} == {"[use] permission"}
    assert words in str(found[0])


def test_another_disease(plan: Path) -> None:
    edit(plan, 'purpose = ["DUO:0000006"', 'disease = ["MONDO:0004992"]\npurpose = ["DUO:0000007"')
    text = use("0000007", more='diseases = ["MONDO:0005148"]\n')
    words = "DUO:0000007 (DS, disease specific research): the disease MONDO:0004992 is not listed"
    assert_broken(plan, text, "[use] permission", "permission", words)
    assert broken(plan, text.replace("0005148", "0004992")) == []


def test_no_purpose(tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path, studies.OF_ALL, studies.Rules(release=FLOORS))
    assert_broken(plan, GENERAL, "[use] permission", "permission", "the plan names no purpose")
    assert broken(plan, use("0000004")) == []


@pytest.mark.parametrize(
    ("modifier", "more", "purpose", "words"),
    [
        ("0000015", "", '"DUO:0000031"', "NMDS, no general methods research): a purpose is"),
        ("0000044", "", '"DUO:0000033"', "a purpose is DUO:0000033 (ancestry research)"),
        ("0000044", "", '"DUO:0000032"', "a purpose is DUO:0000032 (population research)"),
        ("0000012", 'research_types = ["DUO:0000034"]\n', "", "have none of DUO:0000034 (age"),
        ("0000022", 'regions = ["FI", "SE"]\n', "", "the party of C runs in DE, not in FI or SE"),
        ("0000025", "until = 2026-11-28\n", "", "ended on 2026-11-28, and today is 2026-11-29"),
        ("0000027", 'projects = ["other"]\n', "", "the plan's id is test, none of other"),
        ("0000028", 'institutions = ["B"]\n', "", "C is none of B, by its identity"),
        ("0000021", "", "", 'adds [[confirmed]] with plan = "test", terms = ["DUO:0000021"]'),
        ("0000019", "", "", "software cannot see it"),
        ("0000029", "", "", "software cannot see it"),
        ("0000026", "", "", "software cannot see it"),
        ("0000046", "", "", "software cannot see it"),
        ("0000012", "", "", "software cannot see it"),
        ("0000024", "publish_after = 2026-11-30\n", "", "software cannot see it"),
    ],
)
def test_a_modifier(plan: Path, modifier: str, more: str, purpose: str, words: str) -> None:
    if purpose:
        edit(plan, 'purpose = ["DUO:0000006"', f"purpose = [{purpose}")
    key = (
        more.partition(" =")[0] if more and modifier not in ("0000012", "0000024") else "modifiers"
    )
    text = use("0000042", modifier, more) + PARTNERS
    assert_broken(plan, text, f"[use] {key}", key, f"DUO:{modifier}", words)


@pytest.mark.parametrize("modifier", ["0000015", "0000044", "0000012"])
@pytest.mark.parametrize("permission", ["0000004", "0000042"])
def test_a_purpose_that_may_be_anything(plan: Path, permission: str, modifier: str) -> None:
    """Methods and origins are not let in by a word that has them in it, or by no word at all."""
    more = 'research_types = ["DUO:0000038"]\n' if modifier == "0000012" else ""
    text = use(permission, modifier, more)
    assert broken(plan, text) == []
    edit(plan, 'purpose = ["DUO:0000006"', 'purpose = ["DUO:0000042"')
    assert_broken(plan, text, "[use] modifiers", "modifiers", "a purpose is DUO:0000042 (GRU")
    edit(plan, 'purpose = ["DUO:0000042", "DUO:0000038"]', "purpose = []")
    assert any(violation.rule == "[use] modifiers" for violation in broken(plan, text))


def test_a_research_type_beside_another(plan: Path) -> None:
    text = use("0000042", "0000012", 'research_types = ["DUO:0000038"]\n')
    edit(plan, '"DUO:0000038"]', '"DUO:0000038", "DUO:0000033"]')
    words = "a purpose is DUO:0000033 (ancestry research), too"
    assert_broken(plan, text, "[use] modifiers", "modifiers", words)


def test_a_moratorium_that_is_over(plan: Path) -> None:
    assert broken(plan, use("0000042", "0000024", "publish_after = 2026-11-29\n")) == []


def test_what_a_person_confirms_is_of_one_plan(plan: Path) -> None:
    both = use("0000042", "0000021 0000019")
    confirmed = '[[confirmed]]\nplan = "test"\nterms = ["DUO:0000021"]\nby = "A. Steward"\n'
    assert_broken(plan, both + confirmed, "[use] modifiers", "modifiers", "DUO:0000019")
    assert len(broken(plan, both + confirmed.replace('"test"', '"other"'))) == 2


def test_a_collaborator_that_is_not_there(plan: Path) -> None:
    other = f'[[partners]]\nname = "X"\nidentity = "{IDENTITY["X"]}"\n'
    text = use("0000042", "0000020", 'collaborators = ["X"]\n') + PARTNERS + other
    assert_broken(plan, text, "[use] collaborators", "collaborators", "none of X takes part")


def test_a_partner_that_is_a_company(plan: Path) -> None:
    text = use("0000042", "0000045") + PARTNERS.replace("not_for_profit = true", "", 1)
    words = "B is no partner with not_for_profit = true"
    assert_broken(plan, text, "[use] modifiers", "modifiers", words)


def test_a_party_that_is_no_partner(plan: Path) -> None:
    text = GENERAL + PARTNERS.replace(IDENTITY["C"], IDENTITY["X"])
    own = read_plan(plan).institution("C").identity
    words = f"the plan has C with the identity {own}, who is no partner"
    assert_broken(plan, text, "[[partners]]", "[[partners]]", words)


def test_a_party_elsewhere(plan: Path) -> None:
    where = GENERAL + '[parties]\njurisdictions = ["FI", "SE"]\n'
    words = "the party of C runs in DE, not in FI or SE"
    assert_broken(plan, where, "[parties] jurisdictions", "jurisdictions", words)
    where = where.replace("juris", "computing_juris")
    words += ", and computes or deals"
    assert_broken(plan, where, "[parties] computing_jurisdictions", "computing", words)


def test_parties_of_which_nobody_says_where_they_run(tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path, studies.OF_ALL, studies.Rules(release=FLOORS))
    found = broken(plan, use("0000004") + '[parties]\njurisdictions = ["FI"]\n')
    assert len(found) == 3
    assert "A runs where the plan does not say (jurisdiction), not in FI" in str(found[0])
    plan.write_text(re.sub("\nidentity = .*", "", plan.read_text()))
    found = broken(plan, use("0000004") + PARTNERS)
    assert "the plan has B without identity, who is no partner" in str(found[0])
    assert len(found) == 2


def test_a_dealer_and_a_relay_elsewhere(tmp_path: Path) -> None:
    rules = studies.Rules("spdz2k", ("A", "B"), release=FLOORS, dealer="D")
    plan = small.lay_out(tmp_path, studies.OF_ALL, rules, names=("A", "B", "C", "D"))
    policies.about(policies.place(plan, "ABCD"), '["DUO:0000006"]')
    relay = f'topology = "relay"\nrelay = "r.example:443"\nrelay_identity = "{IDENTITY["X"]}"\n'
    edit(plan, "[network]\n", f'[network]\n{relay}relay_jurisdiction = "US"\n')
    malicious = GENERAL + "[engines]\nmalicious_only = true\n[parties]\n"
    found = broken(plan, malicious + 'computing_jurisdictions = ["FI", "SE"]\n')
    assert [violation.says.partition(",")[0] for violation in found] == [
        "the party of D runs in NO"
    ]
    found = broken(plan, malicious + 'jurisdictions = ["FI", "SE", "DE", "NO"]\n')
    assert [violation.says.partition(",")[0] for violation in found] == ["the relay runs in US"]
    found = broken(plan, use("0000042", "0000022", 'regions = ["FI", "SE", "DE", "NO"]\n'))
    assert "the relay runs in US" in str(found[0])


def test_engines(plan: Path) -> None:
    names = GENERAL + '[engines]\nnames = ["spdz2k", "replicated4"]\n'
    assert_broken(plan, names, "[engines] names", "names", "the engine is replicated")
    words = "the engine replicated withstands one of the three computing parties reading along"
    only = GENERAL + "[engines]\nmalicious_only = true\n"
    assert_broken(plan, only, "[engines] malicious_only", "malicious_only", words)


def test_an_engine_that_hides_nothing_is_permitted_by_its_name_alone(tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path, studies.OF_ALL, studies.CLEAR)
    text = use("0000004") + "[release]\nno_floors = true\n"
    (violation,) = broken(plan, text)
    assert_told(str(violation), "[engines] names", "hides nothing")
    assert broken(plan, text + '[engines]\nnames = ["clear"]\n') == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('statistics = ["frequency"]', "the entry association has association, not frequency"),
        ('levels = ["passing"]', "the entry frequency has totals, not passing"),
        ('tests = ["allelic", "trend"]', "the entry association has genotypic, not allelic or"),
    ],
)
def test_statistics_tests_and_levels(plan: Path, rule: str, words: str) -> None:
    found = broken(plan, f"{GENERAL}[release]\n{rule}\n")
    key = rule.partition(" =")[0]
    assert {violation.rule for violation in found} == {f"[release] {key}"}
    assert words in str(found[0])


def test_floors(plan: Path) -> None:
    words = "the plan has 5, and 6 is the least"
    assert_broken(plan, f"{GENERAL}[floors]\nmin_mac = 6\n", "[floors] min_mac", "min_mac", words)
    edit(plan, FLOORS, "min_mac = 4\nmin_cell = 3")
    found = broken(plan)
    assert [violation.rule for violation in found] == ["[floors] min_mac", "[floors] min_cell"]
    assert "the plan has 4, and 5 is the least, as usual" in str(found[0])
    assert broken(plan, f"{GENERAL}[floors]\nmin_mac = 4\nmin_cell = 3\n") == []


def test_no_floors_and_consents_want_a_word(tmp_path: Path) -> None:
    rules = studies.Rules(release='floors = "none"\nconsent = ["stratified sums"]')
    plan = policies.about(small.lay_out(tmp_path, rules=rules), '["DUO:0000006"]')
    found = broken(plan)
    assert [violation.rule for violation in found] == ["[release] consent", "[release] no_floors"]
    allowed = '[release]\nno_floors = true\nconsent = ["stratified sums"]\n'
    assert broken(plan, GENERAL + allowed) == []
    assert len(broken(plan, GENERAL + allowed + "[floors]\nmin_mac = 50\n")) == 0


def test_another_institutions_policy(plan: Path) -> None:
    policy = policies.write(plan.with_name("policy.toml"), GENERAL, "X")
    (violation,) = check_policy(read_policy(policy), load_study(plan), TODAY)
    assert_told(str(violation), "line 1: institution: X is not in the plan")


# -- what the file may say


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ('[use]\npermission = "DUO:0000021"', "permission", '"DUO:0000021" is none of DUO:0000004'),
        ('[use]\npermission = "DUO:0000007"', "[use]", "needs the key diseases"),
        (use("0000042", "0000006"), "modifiers", '"DUO:0000006" is none of DUO:0000012 (RS'),
        (
            use("0000042", "0000022"),
            "[use]",
            "(GS, geographical restriction) needs the key regions",
        ),
        (use("0000042", "", 'regions = ["FI"]'), "regions", "regions goes with DUO:0000022 (GS"),
        (use("0000042", "0000022", 'regions = ["Finland"]'), "regions", '"Finland" is none'),
        (use("0000042", "0000022", "regions = []"), "regions", "regions is empty"),
        (use("0000042", "0000025", 'until = "2027"'), "until", "a day without quotes"),
        (use("0000042", "0000025", "until = 2027-01-01T00:00:00"), "until", "a day without quotes"),
        (use("0000042", "0000028", 'institutions = ["Z"]'), "institutions", 'not "Z"'),
        (use("0000007", more='diseases = ["cancer"]'), "diseases", 'not "cancer"'),
        (GENERAL + '[[partners]]\nname = "B"\nidentity = "key"', "identity", "64 hexadecimal"),
        (GENERAL + '[engines]\nnames = ["spdz"]', "names", 'not "spdz"'),
        (GENERAL + '[release]\nlevels = ["all"]', "levels", "some of totals, passing, statistic"),
        (GENERAL + '[release]\nconsent = ["x"]', "consent", 'not "x"'),
        (GENERAL + "[floors]\nmin_mac = 0", "min_mac", "from 1 to 1000"),
        (GENERAL + "[floors]\nmin = 3", "min", "the key min is not known"),
        (GENERAL + "[parties]\nnames = 3", "names", "the key names is not known"),
        (
            use("0000042", "0000021")
            + '[[confirmed]]\nplan = "t"\nterms = ["DUO:0000019"]\nby = "me"',
            "terms",
            "DUO:0000019 (PUB, publication required) is no modifier of [use]",
        ),
        ("", "", "the key permission is missing"),
    ],
)
def test_what_is_refused_in_a_policy(text: str, key: str, words: str, tmp_path: Path) -> None:
    file = policies.write(tmp_path / "policy.toml", text)
    with pytest.raises(ConfigError) as caught:
        read_policy(file)
    assert_told(str(caught.value), words)
    if key:
        assert caught.value.line == policies.line_of(file, key)


# -- commands, and the party


def test_policy_check(plan: Path) -> None:
    policy = policies.write(
        plan.with_name("policy.toml"), use("0000042", "0000025", "until = 2026-12-31")
    )
    said = succeeded("policy", "check", policy, plan, "--on", "2026-12-31")
    assert said.endswith("the plan test keeps to the policy of A\n")
    assert "limits nothing by: [[partners]], [parties] jurisdictions, [engines]" in said
    late = command("policy", "check", policy, plan, "--on", "2027-01-01")
    assert late.exit_code == 1
    assert_told(
        late.output, f"{policy}, line 6: [use] until: DUO:0000025", "breaks the policy of A"
    )


def test_a_party_refuses_before_it_connects(plan: Path) -> None:
    folder = plan.parent
    studies.approve(plan)
    policies.write(folder / "policy.toml", use("0000011"))
    edit(folder / "A.toml", "[key]", '[policy]\nfile = "policy.toml"\n[key]')
    with nothing_written(folder):
        result = command("run", plan, "--as", "A", "--config", folder / "A.toml")
    assert_refused(
        result,
        f"{plan}: it breaks this institution's policy",
        "policy.toml, line 4: [use] permission",
    )


def test_a_configuration_with_the_policy_of_another(plan: Path) -> None:
    folder = plan.parent
    policies.write(folder / "policy.toml", GENERAL, "B")
    edit(folder / "A.toml", "[key]", '[policy]\nfile = "policy.toml"\n[key]')
    with pytest.raises(ConfigError, match=r'line 1.*the policy of "B", not of "A"'):
        read_config(folder / "A.toml")


def test_opt_outs_hold_wherever_data_are_read(plan: Path) -> None:
    folder = plan.parent
    (folder / "never").write_text("A0 A0\nA3 A3\nA99 A99\n")
    policies.write(folder / "policy.toml", f'{GENERAL}[people]\nopt_outs = "never"\n')
    edit(folder / "A.toml", "[key]", '[policy]\nfile = "policy.toml"\n[key]')
    said = succeeded("data", "check", "--config", folder / "A.toml", folder / "sites.tsv")
    assert "6 people take part" in said
    (line,) = (line for line in said.splitlines() if "opted_out" in line)
    assert line.split() == ["opted_out", "2", "in", "opt_outs", "of", "the", "policy"]
    warned: list[str] = []
    with open_study_data(read_config(folder / "A.toml"), load_study(plan), warned.append) as data:
        assert data.people.used.tolist() == [i not in (0, 3) for i in range(small.PEOPLE)]
        assert data.sizes.tolist() == [3, 3]
    assert warned[0] == f"{folder / 'never'}: 1 of the 3 people on the list are not in A.fam"
    assert warned[1] == f"{folder / 'never'}: 2 people opted out and are left out"


def test_the_example(plan: Path) -> None:
    """It can be read, and a plan breaks of it what one would expect."""
    policy = read_policy(Path(__file__).parents[1] / "docs" / "examples" / "policy.toml")
    found = check_policy(policy, load_study(plan), TODAY)
    assert {violation.rule for violation in found} == {
        *("[use] modifiers", "[[partners]]", "[engines] malicious_only", "[release] tests"),
        *("[parties] computing_jurisdictions", "[release] levels"),
        *("[floors] min_mac", "[floors] min_cases", "[floors] min_controls"),
    }


def test_the_page_lists_every_term() -> None:
    page = (Path(__file__).parents[1] / "docs" / "policy.md").read_text()
    listed = set(re.findall(r"\b(?:DUO:0*)?(\d\d?)\b", page.partition("## Purposes")[2]))
    assert {str(int(term.removeprefix("DUO:"))) for term in TERMS} <= listed
    assert f"release {RELEASE}" in page
