"""The commands around a run: data check, keygen, study new, simulate, and a newcomer's way."""

import stat
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from mpcgen.audit import identity
from mpcgen.cli import main
from mpcgen.net import keys
from mpcgen.protocols.floors import Minima
from mpcgen.report.tables import read_table
from mpcgen.study.load import load_study
from tests import small, studies
from tests.plain import read_plain
from tests.ports import free_ports
from tests.small import assert_refused, command, edit, nothing_written, succeeded


def test_data_check(tmp_path: Path) -> None:
    small.lay_out(tmp_path)
    (tmp_path / "keep").write_text("".join(f"A{i} A{i}\n" for i in range(7)))
    edit(tmp_path / "A.toml", "[people]\n", '[people]\nkeep_samples = "keep"\n')
    edit(tmp_path / "A.fam", "A2\tA2\t0\t0\t1\t1", "A2\tA2\t0\t0\t1\tNA")
    edit(tmp_path / "A.bim", "2\ts3\t0\t4000\tA\tG", "2\tother\t0\t4000\tG\tA")
    report = tmp_path / "report.tsv"
    words = ["data", "check", "--config", tmp_path / "A.toml", tmp_path / "sites.tsv"]
    words += ["--report", report]
    said = succeeded(*words)
    assert numbers(said) >= {
        ("used", 11), ("swapped", 1), ("renamed", 1), ("absent", 0), ("people", 8), ("not_kept", 1),
        ("missing_phenotype", 1), ("cases", 3), ("controls", 3), ("heterozygous", 0),
    }  # fmt: skip
    assert "6 people take part" in said
    assert said.endswith(f"the alignment of every variant is in {report}; it stays with you\n")
    table = pd.read_csv(report, sep="\t")
    assert list(table["STATUS"]) == ["used"] * 11
    assert table["FLAGS"][3].startswith("swapped,renamed")
    with nothing_written(tmp_path):
        again = command(*words)
    assert_refused(again, f"{report}: this exists already")


def numbers(said: str) -> set[tuple[str, int]]:
    """What a check counts: name and number of every line with both."""
    lines = [line[2:].rsplit("  ", 1)[0] for line in said.splitlines() if line.startswith("  ")]
    return {(name, int(number)) for name, number in (line.rsplit(maxsplit=1) for line in lines)}


def test_data_check_of_another_build(tmp_path: Path) -> None:
    small.lay_out(tmp_path)
    lines = (tmp_path / "sites.tsv").read_text().splitlines()
    moved = [f"3{line[1:]}" for line in lines[1:]]
    (tmp_path / "sites.tsv").write_text("\n".join([lines[0], *moved]) + "\n")
    said = succeeded("data", "check", "--config", tmp_path / "A.toml", tmp_path / "sites.tsv")
    assert "WARNING  only 0 of 11 sites are used" in said
    assert "same genome build" in said


@pytest.mark.parametrize("site", studies.NAMES)
def test_data_check_of_a_messy_set(site: str, open_data: Path, tmp_path: Path) -> None:
    """What was planted in the data is what the steward reads."""
    folder = open_data / "hm3_pops"
    config = tmp_path / f"{site}.toml"
    bfile = folder / "messy" / f"site{site}"
    config.write_text(f'name = "{site}"\n[data]\nbfile = "{bfile}"\nbuild = "GRCh36"\n')
    report = tmp_path / "report.tsv"
    said = succeeded("data", "check", "--config", config, folder / "pooled.bim", "--report", report)
    found = dict(numbers(said))
    planted = pd.read_csv(folder / "messy" / "truth.tsv", sep="\t")
    table = pd.read_csv(report, sep="\t", keep_default_na=False)
    for status, number in table["STATUS"].value_counts().items():
        assert found[str(status)] == number
    flags = ("swapped", "flipped", "renamed", "zero-labelled")
    for flag in (*flags, "low-call-rate", "monomorphic", "no-genotypes"):
        assert found[flag] == table["FLAGS"].str.split(",").map(lambda f, w=flag: w in f).sum()
    issues = planted[planted["site"] == site]["issue"].value_counts()
    assert found["misplaced"] == issues.get("position_mismatch_at_B", 0)
    assert found["incompatible"] == issues.get("incompatible_alleles_at_C", 0)
    assert found["low-call-rate"] == issues.get("highmissing_C", 0)


# -- keygen, simulate, study new, and all of it together


def test_keygen(tmp_path: Path) -> None:
    file = tmp_path / "A.key"
    public = succeeded("keygen", file).strip()
    assert keys.load(file).public == public
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with nothing_written(tmp_path):
        assert_refused(command("keygen", file), "A.key", "a key is never overwritten")
        assert_refused(command("keygen", tmp_path / "none" / "A.key"), "cannot be written")


def test_identity(tmp_path: Path) -> None:
    path, phrase = tmp_path / "A.identity", tmp_path / "passphrase"
    phrase.write_text("a passphrase\n")
    phrase.chmod(0o600)
    public = succeeded("identity", path).strip()
    assert identity.load(path).public == public
    assert_refused(command("identity", path), "A.identity", "a key is never overwritten")
    public = succeeded("identity", tmp_path / "B.identity", "--passphrase-file", phrase).strip()
    assert identity.load(tmp_path / "B.identity", lambda _path: b"a passphrase").public == public
    asked = CliRunner().invoke(main, ["identity", str(tmp_path / "D"), "--passphrase"], "a\na\n")
    assert asked.exit_code == 0, asked.output
    public = asked.stdout.split()[-1]
    assert identity.load(tmp_path / "D", lambda _path: b"a").public == public
    both = command("identity", tmp_path / "E", "--passphrase", "--passphrase-file", phrase)
    assert both.exit_code == 2
    phrase.chmod(0o604)
    refused = command("identity", tmp_path / "C.identity", "--passphrase-file", phrase)
    assert_refused(refused, "others may read the passphrase")
    assert not (tmp_path / "C.identity").exists()


CONFIG = """\
name = "{name}"

[data]
bfile = "{name}"
build = "GRCh38"

[key]
file = "{name}.key"

[identity]
file = "{name}.identity"
"""


def test_a_newcomers_way(tmp_path: Path) -> None:
    """The README's commands in their order, from a simulated cohort to results."""
    cohort = tmp_path / "cohort"
    simulate = (
        "simulate",
        cohort,
        "--people",
        450,
        "--variants",
        300,
        "--autosomes",
        2,
        "--sex-chromosomes",
        "--missing",
        0,
    )
    said = succeeded(*simulate)
    assert said == f"the cohort is in {cohort}\n"
    with nothing_written(cohort):
        assert_refused(command(*simulate), f"{cohort}: this exists already")
    parties: list[object] = []
    for name, port in zip(small.NAMES, free_ports(3), strict=True):
        public = succeeded("keygen", cohort / f"{name}.key").strip()
        own = succeeded("identity", cohort / f"{name}.identity").strip()
        parties += ["--institution", name, f"127.0.0.1:{port}", public, 150]
        parties += ["--identity", name, own]
        (cohort / f"{name}.toml").write_text(CONFIG.format(name=name))
        checked = succeeded(
            "data", "check", "--config", cohort / f"{name}.toml", cohort / "sites.tsv"
        )
        assert numbers(checked) >= {("used", 300), ("people", 150)}
    about = [
        "--id",
        "rehearsal",
        "--title",
        'A "rehearsal"',
        "--build",
        "GRCh38",
        "--trait",
        "a trait",
    ]
    plan = cohort / "plan.toml"
    new = ["study", "new", plan, *about, "--sites", cohort / "sites.tsv", *parties]
    said = succeeded(*new)
    assert "WARNING" not in said
    assert f"{plan} is written; edit it, then `mpcgen study check {plan}`" in said
    with nothing_written(cohort):
        assert_refused(command(*new), "plan.toml: the file exists already")
    assert 'Study rehearsal: A "rehearsal"' in succeeded("study", "check", plan)
    succeeded("run", plan, "--local", cohort, "--no-plots")
    for decision, name in (("propose", "A"), ("approve", "B"), ("approve", "C")):
        sign: list[object] = [decision, plan, "--as", name, "--config", cohort / f"{name}.toml"]
        succeeded("study", *sign, *(["--yes"] if decision == "approve" else []))
    assert "may run" in succeeded("study", "status", plan)
    table = read_table(cohort / "plan-results" / "frequency.tsv")
    pooled = read_plain(cohort / "pooled")
    kept = np.isin(pooled.ids, table["ID"])
    assert 50 < kept.sum() < len(kept)  # rare variants do not meet the floors
    assert list(table["ID"]) == list(pooled.ids[kept])
    counts = pooled.counts.sum(axis=1)[kept]
    np.testing.assert_array_equal(table["HET_CT"], counts[:, 1])
    np.testing.assert_array_equal(table["HAP_ALT_CT"], counts[:, 4])
    np.testing.assert_array_equal(table["MISSING_CT"], counts[:, 5])


def new_study(folder: Path, *most: int) -> list[object]:
    """The command that writes a plan for institutions with so many people each."""
    small.lay_out(folder)
    options: list[object] = ["study", "new", folder / "new.toml", "--sites", folder / "sites.tsv"]
    options += ["--id", "x", "--title", "x", "--build", "GRCh37", "--trait", "x"]
    for n, people in enumerate(most):
        name = "ABCD"[n]
        options += ["--institution", name, f"localhost:{7001 + n}", name * 40, people]
    return options


def test_a_new_plan_has_the_floors_and_names_them(tmp_path: Path) -> None:
    assert "WARNING" not in succeeded(*new_study(tmp_path, 100, 100, 100, 0))
    plan = tmp_path / "new.toml"
    assert load_study(plan).plan.floors == Minima()
    for key, least in asdict(Minima()).items():
        edit(plan, f"# {key} = {least}", f"{key} = {least - 1}")
    edit(plan, "[release]", '[release]\nconsent = ["two institutions", "pairs together"]')
    text, _, linkage = plan.read_text().partition("# [[entries]]")
    text += "[[entries]]" + linkage.replace("\n# ", "\n")
    for comment in ('release = "passing"', "p = 5e-8", "r2 = 0.2", "independent_variants = 10"):
        assert f"# {comment}" in text
        text = text.replace(f"# {comment}", comment)
    plan.write_text(text.replace("independent_variants = 1000", "independent_variants = 10"))
    changed = load_study(plan)
    assert asdict(changed.plan.floors or Minima()) == {
        key: least - 1 for key, least in asdict(Minima()).items()
    }
    assert [task.entry.release for task in changed.tasks] == ["totals", "passing", "passing"]


def test_a_new_plan_of_two_owners_waits_for_their_consent(tmp_path: Path) -> None:
    said = succeeded(*new_study(tmp_path, 100, 0, 100))
    assert "WARNING  two owners may be behind" in said
    plan = tmp_path / "new.toml"
    with nothing_written(tmp_path):
        refused = command("study", "check", plan)
    assert_refused(refused, 'where all agree to that, write consent = ["two institutions"]')
    edit(plan, '# consent = ["two institutions"]', 'consent = ["two institutions"]')
    edit(plan, "# min_institutions = 2", "min_institutions = 2")
    assert "The plan agrees to what floors cannot mend: two inst" in succeeded(
        "study", "check", plan
    )


def test_a_new_plan_of_one_owner(tmp_path: Path) -> None:
    words = new_study(tmp_path, 100, 0, 0)
    with nothing_written(tmp_path):
        assert_refused(command(*words), "at least two institutions with data")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--sites": "elsewhere/sites.tsv"}, "the site list stands beside the plan; copy it to"),
        ({"--id": "a study"}, "id is letters, digits"),
        ({"--trait": " "}, "trait is empty"),
        ({"--title": "a\x7fb"}, "this is not TOML"),
    ],
)
def test_study_new_refuses(change: dict[str, str], words: str, tmp_path: Path) -> None:
    small.lay_out(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "sites.tsv").write_bytes((tmp_path / "sites.tsv").read_bytes())
    about = {
        "--id": "x",
        "--title": "x",
        "--build": "GRCh37",
        "--trait": "x",
        "--sites": "sites.tsv",
    }
    about |= change
    about["--sites"] = str(tmp_path / about["--sites"])
    options = [word for pair in about.items() for word in pair]
    for n, name in enumerate(small.NAMES):
        options += ["--institution", name, f"localhost:{7001 + n}", name * 40, "10"]
    with nothing_written(tmp_path):
        assert_refused(command("study", "new", tmp_path / "new.toml", *options), words)


@pytest.mark.parametrize(
    "options",
    [
        ["--people", "0"],
        ["--variants", "0"],
        ["--autosomes", "23"],
        ["--missing", "2"],
        ["--seed", "-1"],
        ["--institution", "A", "--institution", "A"],
        ["--institution", "../A"],
    ],
)
def test_simulate_refuses(options: list[str], tmp_path: Path) -> None:
    with nothing_written(tmp_path):
        assert_refused(command("simulate", tmp_path / "cohort", *options))
