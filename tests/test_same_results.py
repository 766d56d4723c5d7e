"""What the results do not depend on: engine, transport, and whose genotypes make up the totals."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgen import demo
from tests import conformance, studies
from tests.plink_files import HET, HOM_ALT, HOM_REF, PHENOTYPE, SEX, Files, pooled

DATA = Path(demo.__file__).parent / "data"
SITES = DATA / "sites.tsv"
WITHOUT_STRATA = studies.ASSOCIATION.replace(', "cmh"', "")
WITH_A_REGULATOR = studies.Rules("replicated4", (*studies.NAMES, "D"))
PASSING = studies.passing(["allelic", "trend"], 0.05)
ALLELIC = """
[[entries]]
statistic = "association"
tests = ["allelic"]
"""
LAUNCH = {"threads": studies.run_in_threads, "processes": studies.run_in_processes}

Change = Callable[[list[Files]], list[Files]]


@pytest.fixture(scope="module")
def parts() -> list[Files]:
    """The demonstration's institutions, all with their phenotypes in the .fam."""
    parts = [Files.read(DATA / name) for name in studies.NAMES]
    rows = [line.split("\t") for line in (DATA / "C.pheno.tsv").read_text().splitlines()[1:]]
    code = {(fid, iid): {"1": "2", "0": "1"}.get(value, "-9") for fid, iid, value, *_ in rows}
    parts[2].fam[:, PHENOTYPE] = [code[fid, iid] for fid, iid in parts[2].fam[:, :2]]
    assert {*parts[2].fam[:, PHENOTYPE]} == {"1", "2", "-9"}
    return parts


def lay_out(
    folder: Path,
    parts: list[Files],
    entries: str,
    rules: studies.Rules | None = None,
    *,
    linked: bool = True,
    sites: Path = SITES,
) -> Path:
    """A study of these institutions; linkage, unless not linked, is of all variants.

    Whoever computes and is not one of them has no data.
    """
    write(folder, parts)
    members = [studies.Member(name, folder / f"of{name}") for name in studies.NAMES]
    others = (*rules.computing, *filter(None, [rules.dealer])) if rules else ()
    members += [studies.Member(name, None) for name in others if name not in studies.NAMES]
    if linked:
        entries += studies.linkage(folder, parts[0].bim[:, 1], 8)
    return studies.lay_out(folder, members, sites, entries, rules)


def write(folder: Path, parts: list[Files]) -> None:
    for name, part in zip(studies.NAMES, parts, strict=True):
        part.write(folder / f"of{name}")


@pytest.fixture(scope="module")
def expected(parts: list[Files], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The tables of the clear engine in threads."""
    folder = tmp_path_factory.mktemp("clear")
    plan = lay_out(folder, parts, studies.OF_GROUPS + studies.ASSOCIATION, studies.CLEAR)
    return studies.tables(studies.run_in_threads(plan, folder / "out"))


@pytest.mark.parametrize(
    ("engine", "launch"),
    [("clear", "processes"), ("replicated", "threads"), ("replicated", "processes")],
)
def test_every_engine_and_transport_writes_the_same(
    engine: str, launch: str, parts: list[Files], expected: dict[str, bytes], tmp_path: Path
) -> None:
    rules = studies.CLEAR if engine == "clear" else studies.Rules()
    plan = lay_out(tmp_path, parts, studies.OF_GROUPS + studies.ASSOCIATION, rules)
    assert studies.tables(LAUNCH[launch](plan, tmp_path / "out")) == expected


def as_seen_by(name: str, tables: dict[str, bytes]) -> dict[str, bytes]:
    """One party's result files by name."""
    return {
        path.partition("/")[2]: content
        for path, content in tables.items()
        if path.partition("/")[0] == name
    }


@pytest.mark.parametrize("launch", LAUNCH)
def test_a_regulator_without_data_computes_beside_three_institutions(
    launch: str, parts: list[Files], expected: dict[str, bytes], tmp_path: Path
) -> None:
    entries = studies.OF_GROUPS + studies.ASSOCIATION
    plan = lay_out(tmp_path, parts, entries, WITH_A_REGULATOR)
    ours = studies.tables(LAUNCH[launch](plan, tmp_path / "out"))
    wanted = as_seen_by("A", expected)
    assert wanted
    assert all(as_seen_by(name, ours) == wanted for name in "ABCD")


@pytest.mark.parametrize("launch", LAUNCH)
@pytest.mark.parametrize(
    ("engine", "computing"), [("additive", "ABC"), ("additive", "BA"), ("spdz2k", "BA")]
)
def test_a_dealer_learns_nothing_and_the_others_the_same(
    launch: str,
    engine: str,
    computing: str,
    parts: list[Files],
    expected: dict[str, bytes],
    tmp_path: Path,
) -> None:
    rules = studies.Rules(engine, tuple(computing), dealer="D")
    plan = lay_out(tmp_path, parts, studies.OF_GROUPS + studies.ASSOCIATION, rules)
    ours = studies.tables(LAUNCH[launch](plan, tmp_path / "out"))
    assert ours == expected
    assert not as_seen_by("D", ours)


@pytest.mark.parametrize(
    ("engine", "key_bits", "every"),
    [
        ("paillier", 2048, 8),  # each eighth variant is enough to fill many ciphertexts
        pytest.param("bfv", None, 1, marks=conformance.installed("bfv")),
    ],
)
def test_encrypted_counts_give_the_same(
    engine: str, key_bits: int | None, every: int, parts: list[Files], tmp_path: Path
) -> None:
    """An aggregator and a key holder without data; frequencies and the allelic test."""
    header, *rows = SITES.read_text().splitlines(keepends=True)
    sites, out = tmp_path / "some.tsv", {}
    sites.write_text(header + "".join(rows[::every]))
    for rules in (studies.CLEAR, studies.Rules(engine, ("D", "E"), key_bits=key_bits)):
        folder = tmp_path / rules.engine
        folder.mkdir()
        entries = studies.OF_GROUPS + ALLELIC
        plan = lay_out(folder, parts, entries, rules, linked=False, sites=sites)
        launch = LAUNCH["threads" if rules is studies.CLEAR else "processes"]
        out[rules.engine] = studies.tables(launch(plan, folder / "out"))
    wanted, ours = as_seen_by("A", out["clear"]), out[engine]
    assert {path.partition("/")[0] for path in ours} == {"A", "B", "C", "D", "E"}
    assert wanted["frequency.tsv"].count(b"\n") == 1 + len(rows[::every])
    for name in "ABCDE":
        seen = as_seen_by(name, ours)
        assert {"frequency.tsv", "frequency.cases.tsv", "association.allelic.tsv"} <= seen.keys()
        assert all(content == wanted[file] for file, content in seen.items())


@pytest.mark.parametrize("entries", [studies.OF_GROUPS, PASSING])
def test_floors_and_thresholds_withhold_the_same_on_every_engine(
    entries: str, parts: list[Files], tmp_path: Path
) -> None:
    found = {}
    for rules in (studies.CLEAR, studies.Rules(), WITH_A_REGULATOR):
        folder = tmp_path / rules.engine
        folder.mkdir()
        plan = lay_out(folder, parts, entries, replace(rules, release=""), linked=False)
        out = studies.run_in_threads(plan, folder / "out")
        found[rules.engine] = as_seen_by("A", studies.tables(out))
    assert found["clear"] == found["replicated"] == found["replicated4"]
    opened = [text for file, text in found["clear"].items() if file.endswith(".tsv")]
    assert all(1 < len(text.splitlines()) < 1 + len(parts[0].bim) for text in opened)
    assert opened


def shuffled(part: Files, units: NDArray[np.str_], strata: NDArray[np.str_]) -> Files:
    """Genotypes exchanged among people of a stratum, for each unit of variants on its own."""
    rng = np.random.default_rng(17)
    codes = part.codes.copy()
    for stratum in np.unique(strata):
        people = np.flatnonzero(strata == stratum)
        for unit in np.unique(units):
            rows = np.flatnonzero(units == unit)[:, None]
            codes[rows, people] = codes[rows, rng.permutation(people)]
    assert (codes != part.codes).mean() > 0.1
    return Files(part.bim, part.fam, codes)


def alike(part: Files) -> NDArray[np.str_]:
    """People of the same sex and phenotype."""
    return np.char.add(part.fam[:, SEX], part.fam[:, PHENOTYPE])


def by_chromosome(parts: list[Files]) -> list[Files]:
    """At B, whole chromosomes change hands among people who are alike."""
    a, b, c = parts
    return [a, shuffled(b, b.bim[:, 0], alike(b)), c]


def by_variant(parts: list[Files]) -> list[Files]:
    """At A, single genotypes change hands among people who are alike."""
    a, b, c = parts
    return [shuffled(a, a.bim[:, 1], alike(a)), b, c]


def moved(parts: list[Files]) -> list[Files]:
    """Everybody goes to some institution or other."""
    everybody = pooled(parts)
    return everybody.parts(np.random.default_rng(3).choice(3, len(everybody.fam)), 3)


@pytest.mark.parametrize(
    ("change", "entries", "linked"),
    [
        (by_chromosome, studies.OF_GROUPS + studies.ASSOCIATION, True),
        (by_variant, studies.OF_GROUPS + studies.ASSOCIATION, False),
        (moved, studies.OF_GROUPS + WITHOUT_STRATA, True),
    ],
)
def test_only_joint_totals_matter(
    change: Change, entries: str, linked: bool, parts: list[Files], tmp_path: Path
) -> None:
    plan = lay_out(tmp_path, parts, entries, linked=linked)
    before = studies.run_in_threads(plan, tmp_path / "before")
    write(tmp_path, change(parts))
    after = studies.run_in_threads(plan, tmp_path / "after")
    assert studies.tables(after) == studies.tables(before)
    assert studies.records(after) == studies.records(before)


def test_one_genotype_matters(
    parts: list[Files], expected: dict[str, bytes], tmp_path: Path
) -> None:
    """A case and a control at C exchange one genotype: tables of both together stay the same."""
    c = parts[2]
    codes = c.codes.copy()
    case, control = (
        int(np.flatnonzero((c.fam[:, PHENOTYPE] == code) & np.isin(codes[0], of))[0])
        for code, of in (("2", (HET, HOM_ALT)), ("1", (HOM_REF,)))
    )
    codes[0, [case, control]] = codes[0, [control, case]]
    entries = studies.OF_GROUPS + studies.ASSOCIATION
    plan = lay_out(tmp_path, [*parts[:2], Files(c.bim, c.fam, codes)], entries)
    ours = studies.tables(studies.run_in_threads(plan, tmp_path / "out"))
    differ = {name.partition("/")[2] for name in expected if ours[name] != expected[name]}
    same = {name.partition("/")[2] for name in expected} - differ
    assert {"frequency.tsv", "frequency.vcf"} <= same
    assert {"frequency.cases.tsv", "association.allelic.tsv", "association.cmh.tsv"} <= differ
