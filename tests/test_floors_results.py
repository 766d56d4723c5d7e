"""Whole runs under floors: what they open is what runs without floors open of the same rows."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpcgen.errors import PlanError
from mpcgen.net.channel import Channel
from mpcgen.parties.party import take_part
from mpcgen.parties.results import Output, Results
from mpcgen.protocols.floors import Minima
from mpcgen.report.tables import read_table
from mpcgen.study.institution import read_config
from mpcgen.study.load import load_study
from tests import brute_floors, studies
from tests.attacks import cohorts
from tests.brute_floors import Bools, Institution
from tests.outcomes import everybody
from tests.plain import read_plain
from tests.plink_files import HET, HOM_ALT, HOM_REF, MISSING, PHENOTYPE, Files, random_files
from tests.threads import in_threads

CHROMOSOMES, OF_EACH, WINDOW = (1, 2, 23, 24, 26), 12, 8
PEOPLE = 540
CONSENT = 'consent = ["stratified sums", "pairs together"]\n'  # what floors do not cover
CLEAR: tuple[str, Sequence[str]] = ("clear", studies.NAMES[:1])
REPLICATED: tuple[str, Sequence[str]] = ("replicated", studies.NAMES)
TESTS = ("frequency", "allelic", "genotypic", "trend")  # of which there are floors
MINIMA = Minima(min_cases=30, min_controls=30, min_cell=3, min_individuals=6)


@dataclass(frozen=True)
class Part:
    """One institution's files, and which of their variants it has."""

    files: Files
    has: Bools

    def write(self, bfile: Path) -> Path:
        """Write what it has."""
        files = self.files
        return Files(files.bim[self.has], files.fam, files.codes[self.has]).write(bfile)


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    """Three institutions; some variants rare, some without a missing genotype, some at two only."""
    files = random_files(11, CHROMOSOMES, OF_EACH, PEOPLE)
    codes, rng = files.codes, np.random.default_rng(12)
    whole, rare = np.arange(0, len(codes), 2), np.arange(4, len(codes), 7)
    codes[whole] = np.where(codes[whole] == MISSING, HOM_ALT, codes[whole])
    codes[rare] = np.where(rng.random(codes[rare].shape) < 0.01, HET, HOM_REF)
    everywhere = np.ones(len(codes), np.bool_)
    has = (everywhere, everywhere, np.arange(len(codes)) % 11 != 10)
    split = files.parts(rng.permutation(np.arange(PEOPLE) % 3), 3)
    return [Part(*part) for part in zip(split, has, strict=True)]


def lay_out(
    folder: Path,
    parts: Sequence[Part],
    release: str,
    engine: tuple[str, Sequence[str]] = CLEAR,
) -> Path:
    (folder / "source").mkdir(parents=True)
    members = [
        studies.Member(name, part.write(folder / f"of{name}"))
        for name, part in zip(studies.NAMES, parts, strict=True)
    ]
    sites = parts[0].files.write(folder / "source" / "sites").with_suffix(".bim")
    entries = studies.OF_ALL + studies.ASSOCIATION
    entries += studies.linkage(folder, parts[0].files.bim[:, 1], WINDOW)
    return studies.lay_out(
        folder, members, sites, entries, studies.Rules(engine[0], engine[1], release=release)
    )


def floors(minima: Minima) -> str:
    """The text under [release]."""
    return CONSENT + "".join(f"{name} = {least}\n" for name, least in asdict(minima).items())


@pytest.fixture(scope="module")
def without(parts: list[Part], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a run without floors."""
    folder = tmp_path_factory.mktemp("without")
    plan = lay_out(folder, parts, 'floors = "none"')
    return studies.tables(studies.run_in_threads(plan, folder / "out"))


@pytest.mark.parametrize("engine", [CLEAR, REPLICATED], ids=lambda engine: str(engine[0]))
def test_tables_are_the_rows_that_are_kept(
    engine: Any, parts: list[Part], without: Mapping[str, bytes], tmp_path: Path
) -> None:
    """Line by line what it is without floors, of exactly the variants and pairs of brute force."""
    plan = lay_out(tmp_path, parts, floors(MINIMA), engine)
    out = studies.run_in_threads(plan, tmp_path / "out")
    ours = studies.tables(out)
    assert ours.keys() == without.keys()
    for name, text in ours.items():
        if name.endswith((".tsv", ".vcf")):
            place = {line: n for n, line in enumerate(without[name].splitlines())}
            rows = [place[line] for line in text.splitlines()]
            assert rows == sorted(rows)
    variants, pairs = expected(tmp_path, parts, MINIMA)
    for name in studies.NAMES:
        for table in ("frequency", "association.allelic", "association.cmh"):
            assert list(read_table(out / name / f"{table}.tsv")["ID"]) == variants
        linkage = read_table(out / name / "linkage.tsv")
        assert list(zip(linkage["ID_A"], linkage["ID_B"], strict=True)) == pairs
    assert 10 < len(variants) < len(CHROMOSOMES) * OF_EACH - 10
    assert len(pairs) > 5


def expected(
    folder: Path, parts: Sequence[Part], minima: Minima
) -> tuple[list[str], list[tuple[str, str]]]:
    """Names of the variants and pairs that brute force lets through."""
    owners = []
    for n, part in enumerate(parts):
        plain = read_plain(part.files.write(folder / f"whole{n}"))
        owners.append(Institution(plain, part.has).within(2))
    ids, chrom = owners[0].plain.ids, owners[0].plain.chrom
    counts = [owner.counts(2) for owner in owners]
    kept = brute_floors.variants(counts, [*chrom], TESTS, minima)
    m = len(ids)
    near = np.array([(i, j) for i in range(m) for j in range(i + 1, min(i + WINDOW, m))])
    near = near[(chrom[near[:, 0]] == chrom[near[:, 1]]) & kept[near].all(axis=1)]
    met = brute_floors.pairs_kept(
        [owner.tables(near) for owner in owners], chrom[near[:, 0]], minima
    )
    return list(ids[kept]), [(str(a), str(b)) for a, b in ids[near[met]]]


@pytest.mark.parametrize("table_format", ["tsv", "parquet"])
@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows_or_none_are_written_in_every_form(
    rows: int, table_format: str, parts: list[Part], tmp_path: Path, program: Any
) -> None:
    """Nothing fails; what cannot be drawn has a note."""
    least = PEOPLE + 1 if rows == 0 else most_minor_alleles(tmp_path, parts)
    plan = lay_out(tmp_path, parts, f"{CONSENT}min_cases = 30\nmin_mac = {least}")
    study, own = load_study(plan), tmp_path / "A"
    own.mkdir()
    results = Results(study, Output(own, table_format), own)

    def part(channel: Channel) -> None:
        config = read_config(tmp_path / f"{channel.me}.toml")
        consume = results.write if channel.me == "A" else cohorts.exhaust
        take_part(study, config, lambda: channel, consume)

    in_threads(studies.NAMES, part)
    for table in ("frequency", "association.allelic", "association.trend", "association.cmh"):
        assert len(read_table(own / f"{table}.{table_format}")) == rows
        assert (own / f"{table}.manhattan.png").exists() == (rows == 1 and "assoc" in table)
    assert len(read_table(own / f"linkage.{table_format}")) == 0
    notes = " ".join(results.notes)
    assert "linkage has no map" in notes
    assert ("association.allelic is not plotted" in notes) == (rows == 0)
    assert {entry: kept.kept for entry, kept in results.kept.items()} == {
        "frequency": rows, "association": rows, "linkage": 0,
    }  # fmt: skip
    view = [program("bcftools"), "view", "--no-header", own / "frequency.vcf"]
    listed = subprocess.run([*map(str, view)], check=True, capture_output=True, text=True).stdout
    assert listed.count("\n") == rows


def most_minor_alleles(folder: Path, parts: Sequence[Part]) -> int:
    """A floor that one variant meets."""
    low, high = 1, PEOPLE  # half of all alleles
    while low < high:
        middle = (low + high + 1) // 2
        if expected(folder, parts, Minima(min_cases=30, min_mac=middle))[0]:
            low = middle
        else:
            high = middle - 1
    return low


def few_cases_without_b(parts: Sequence[Part]) -> list[Part]:
    """Enough cases in all, and too few of them at A and C."""
    found = []
    for part, keep in zip(parts, (15, None, 14), strict=True):
        fam = part.files.fam.copy()
        fam[np.flatnonzero(fam[:, PHENOTYPE] == "2")[keep:], PHENOTYPE] = "1" if keep else "2"
        found.append(replace(part, files=replace(part.files, fam=fam)))
    return found


@pytest.mark.parametrize("engine", [CLEAR, REPLICATED], ids=lambda engine: str(engine[0]))
@pytest.mark.parametrize("least", [29, 30])
def test_too_few_cases_without_one_institution_open_nothing(
    engine: Any, least: int, parts: list[Part], tmp_path: Path
) -> None:
    """Every party says the same; only the bit was opened, and nothing is written."""
    release = f"{CONSENT}min_cases = {least}"
    plan = lay_out(tmp_path, few_cases_without_b(parts), release, engine)
    ended = cohorts.run(plan, out=tmp_path / "out")
    if least == 29:
        everybody(ended)
        return
    for error in ended.values():
        assert isinstance(error, PlanError), error
        assert "too few people, jointly or without one of the institutions" in str(error)
        people = f"{4 * WINDOW} people, 4 for each of {WINDOW} variants in pairs together"
        words = f"{least} cases, 50 controls, {people}, 3 institutions; nothing was opened"
        assert words in str(error)
    assert not [*(tmp_path / "out").rglob("*")]
