"""What `study check` tells a steward: what is opened, to whom, what it implies, what it costs."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

import mpcgen
from mpcgen.errors import InputError
from mpcgen.report.record import RunRecord
from mpcgen.study.load import load_study
from mpcgen.study.study import Study
from tests import small, studies
from tests.small import assert_refused, command, edit, nothing_written
from tests.studies import Rules

LINKAGE = '\n[[entries]]\nname = "ld"\nstatistic = "linkage"\nwindow = 4\nmin_r2 = 0.1\n'
TESTS = '\n[[entries]]\nstatistic = "association"\ntests = ["allelic", "genotypic", "trend"]\n'
PASSING = TESTS + 'release = "passing"\np = 5e-8\n'
STRONG = LINKAGE.replace("min_r2 = 0.1", 'release = "passing"\nr2 = 0.2')
PAIRS = 3 * (small.VARIANTS - 3) + 2 + 1
FOUR = (*small.NAMES, "D")
ENGINES = {
    "replicated": (Rules(), small.NAMES),
    "another order, and an owner that does not compute": (Rules(computing=("D", "B", "A")), FOUR),
    "clear": (Rules("clear", ("B",)), small.NAMES),
    "replicated4": (Rules("replicated4", FOUR), FOUR),
}


def check(plan: Path, *options: object) -> str:
    with nothing_written(plan.parent):
        result = command("study", "check", plan, *options)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.output.splitlines())) <= 100
    return re.sub(r"\n {6,}", " ", result.output)  # lines that were cut are whole again


def listed(said: str) -> set[tuple[str, str]]:
    """What stands in the list of openings: (entry, what of it)."""
    block = said[said.index("What is opened") : said.index("  Nothing else")]
    found, entry = set(), ""
    for line in block.splitlines()[1:]:
        name = line.strip().partition(": ")[0]
        if not line.startswith("    "):
            entry, name = name, ""
        found.add((entry, name))
    return {(entry, name) for entry, name in found if name != "in effect"}


def in_manifest(study: Study) -> set[tuple[str, str]]:
    """The same from the manifest, entries without openings of their own left to their lines."""
    found = {(task.entry.name, "") for task in study.tasks}
    for opening in study.manifest():
        batch, *rest = opening.label.split("/")
        name = batch.rstrip("0123456789")
        if opening.label == "people/keep":
            continue  # said in the line of people
        if name in ("people", "variants") and len(rest) < 2:
            found.add((rest[0] if rest else name, ""))
        else:
            found.add((rest[0], rest[1]) if len(rest) == 2 else (name, rest[0]))
    return found


PLANS = {
    "totals": ('floors = "none"', small.ENTRIES + LINKAGE),
    "floors": (studies.TOGETHER, studies.OF_ALL + TESTS + LINKAGE),
    "passing": (studies.TOGETHER, PASSING),
    "passing beside totals": (studies.TOGETHER, studies.OF_ALL + PASSING + STRONG),
    "passing without floors": ('floors = "none"', PASSING),
    "pairs": (studies.TOGETHER, LINKAGE),
}


@pytest.mark.parametrize("which", PLANS)
def test_what_is_listed_is_the_manifest(which: str, tmp_path: Path) -> None:
    release, entries = PLANS[which]
    plan = small.lay_out(tmp_path, entries, Rules(release=release))
    said, study = check(plan), load_study(plan)
    assert listed(said) == in_manifest(study)
    for task in study.tasks:
        for sums in task.statistic.sums:
            assert f"    {sums.name}: {', '.join(sums.forms)}\n" in said
    assert ("one bit: whether they meet the floors" in said) == (study.plan.floors is not None)
    assert ("  keep = 0: " in said) == any("/keep" in o.label for o in study.manifest()[1:])


def test_what_is_opened_and_to_whom(tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path, small.ENTRIES + LINKAGE)
    said = check(plan)
    study = load_study(plan)
    for words in (
        "Study test: A study of a test",
        f"plan plan.toml, SHA-256 {study.plan.sha256}",
        "11 sites of sites.tsv on GRCh37",
        study.sites.sha256,
        "withstands one of the three computing parties",
        "What is opened, to all of A, B, C",
        "people: the joint number of cases and of controls\n",
        "frequency: of each variant (11 in all), the joint totals",
        f"ld: of each pair of variants ({PAIRS} in all), the joint totals",
        "Nothing else is opened",
        "none: every total is opened, however few people",
        "can be the genotypes of single people",
        "Pairs below min_r2 are opened too",
        "they can leave a single possible table",
        "which institutions lack a variant",
        "The smallest group behind a total: a single person.",
        "Whoever subtracts its own counts",
    ):
        assert words in said
    assert "What a bit says" not in said
    for institution in study.plan.institutions:
        assert f"{institution.name} at {institution.address}: up to 3000 people, comp" in said


def test_a_plan_without_a_phenotype(tmp_path: Path) -> None:
    said = check(small.lay_out(tmp_path, studies.OF_ALL))
    assert "people: the joint number of everybody" in said
    assert "Cochran" not in said
    assert "genotypes of single people" not in said


@pytest.mark.parametrize("which", ENGINES)
def test_the_forecast_is_what_is_measured(which: str, tmp_path: Path) -> None:
    rules, names = ENGINES[which]
    plan = small.lay_out(tmp_path, small.ENTRIES + LINKAGE, rules, names)
    forecast = load_study(plan).cost()
    said = check(plan)
    done = command("run", plan, "--local", tmp_path, "--each", "--no-plots")
    assert done.exit_code == 0, done.output
    assert ('WARNING  engine "clear"' in done.output) == (rules.engine == "clear")
    sent = []
    for name in names:
        (step,) = RunRecord.read(tmp_path / "plan-results" / name / "record.json").costs
        assert step.bytes_measured == step.bytes_declared == forecast.sent.get(name, 0)
        assert step.rounds == forecast.rounds
        sent.append(f"{name} {words(step.bytes_measured)}")
    assert f"{forecast.rounds} rounds; sent by {', '.join(sent)}\n" in said


def words(size: int) -> str:
    return f"{size / 1000:.1f} kB" if size >= 1000 else f"{size} bytes"


def test_minutes(tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path)
    assert "less than a minute on the network" in check(plan)
    cost = load_study(plan).cost()
    minutes = cost.rounds + max(cost.sent.values()) * 8 / 1000 / 60
    said = check(plan, "--rtt", 60000, "--mbit", 0.001)
    assert f"  {minutes:.0f} minutes on the network ({cost.rounds * 60:.1f} s waiting" in said
    assert "a round trip of 60000 ms and 0.001 Mbit/s" in said


@pytest.mark.parametrize(
    ("engine", "computing", "words"),
    [
        ("clear", ("A",), 'WARNING  engine "clear": the computing institution sees'),
        ("clear", ("B",), "Besides, B sees the counts of every single institution"),
        ("replicated", small.NAMES, 'WARNING  floors = "none": every joint total is opened'),
    ],
)
def test_warnings(engine: str, computing: Sequence[str], words: str, tmp_path: Path) -> None:
    said = check(small.lay_out(tmp_path, rules=Rules(engine, computing)))
    assert words in said
    assert ("Nothing else is opened" in said) == (engine == "replicated")


def test_two_owners(tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path)
    edit(plan, "max_people = 3000", "max_people = 0")
    said = check(plan)
    assert "A at " in said
    assert "without data, computes" in said
    assert "WARNING  two owners may be behind" in said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("max_people = 3000", f"max_people = {1 << 22}", "add up to 4200304"),
        ('"sites.tsv"', '"none.tsv"', "none.tsv: there is no such file"),
        ('floors = "none"', 'floors = "default"', "left out for the floors of [release]: min_mac"),
        ('floors = "none"', "", 'consent = ["stratified sums"]'),
        ('statistic = "frequency"', 'statistic = "fequency"', "did you mean frequency?"),
    ],
)
def test_bad_plans(old: str, new: str, words: str, tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path)
    edit(plan, old, new)
    with nothing_written(tmp_path):
        assert_refused(command("study", "check", plan), words)


def test_lines_of_no_speed(tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path)
    for option, what in (("--rtt", "round trip"), ("--mbit", "bandwidth")):
        for value in ("-1", "nan", "inf", "-inf", "1e300"):
            result = command("study", "check", plan, f"{option}={value}")
            assert result.exit_code == 2
            assert option in result.output
            assert f"{what} is a number from" in result.output
            assert "Forecast" not in result.output
    assert command("study", "check", plan, "--mbit", "0").exit_code == 2
    assert command("study", "check", plan, "--mbit", "1e-320").exit_code == 2
    with pytest.raises(InputError, match=r"round trip is a number from 0 to 1e\+09 ms, not nan"):
        mpcgen.check_study(plan, round_trip_ms=float("nan"))
