"""Whole studies that open only what passes a threshold: the rows that PLINK puts beyond it.

Where PLINK's printed value is within its rounding of the threshold, the exact value decides, from
the pooled counts; everywhere else PLINK's own print does.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2

from mpcgen.study.load import load_study
from tests import exact, studies
from tests.agreement import half_unit, read_printed
from tests.open_sets import Answers, answer, institutions
from tests.plain import read_plain
from tests.plink_answers import rows_of
from tests.plink_files import random_files
from tests.test_messy_split import lay_out as messy

TESTS = ("allelic", "genotypic", "trend", "cmh")
WINDOW = 50

Bits = NDArray[np.bool_]
Exactly = Callable[[int], Fraction | None]  # row -> the statistic


def run(folder: Path, parts: Path, sites: Path, entries: str, rules: studies.Rules) -> Path:
    """The results of a study."""
    return results(studies.lay_out(folder, studies.split(parts), sites, entries, rules), folder)


def results(plan: Path, folder: Path) -> Path:
    """The results of a plan, the same at all institutions."""
    out = studies.run_in_threads(plan, folder / "out")
    first, *others = (studies.tables(out / name) for name in studies.NAMES)
    assert all(other == first for other in others)
    return out / "A"


def limits(folder: Path) -> dict[str, float]:
    """The plan's thresholds as they take effect, by name."""
    tasks = load_study(folder / "plan.toml").tasks
    return {t.name: t.value for task in tasks for d in task.decisions for t in d.effective}


def beyond(printed: NDArray[Any], t: NDArray[np.float64], exactly: Exactly) -> Bits:
    """Which of PLINK's values (m,) are above thresholds (m,)."""
    values = np.where(printed == "NA", "nan", printed).astype(np.float64)
    within = np.array([half_unit(str(x)) if str(x)[-1].isdigit() else 0.0 for x in printed])
    kept = values > t
    close = np.flatnonzero(np.abs(values - t) <= within)
    assert len(close) < 0.01 * len(values)
    for row in close:
        kept[row] = exact.above(exactly(int(row)), float(t[row]))
    return kept


def text(out: Path, name: str) -> list[str]:
    return (out / name).read_text().splitlines()


def assert_rows(ours: list[str], everything: list[str], kept: Bits) -> None:
    """The header and the kept rows, to the last digit."""
    header, *rows = everything
    assert ours == [header] + [row for row, keep in zip(rows, kept, strict=True) if keep]


# Association on the clean splits.


@pytest.fixture(scope="module")
def totals(open_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything, of everybody with a phenotype."""
    folder = tmp_path_factory.mktemp("totals")
    sites = open_set / "pooled.bim"
    return run(folder, open_set / "clean", sites, studies.ASSOCIATION, studies.CLEAR)


def exactly(test: str, strata: NDArray[Any]) -> Fraction | None:
    """A test's statistic from its institutions' genotype counts (3, 2, 7)."""
    if test == "cmh":
        return exact.stratified(list(strata))
    pooled = strata.sum(axis=0)
    return {"allelic": exact.allelic, "genotypic": exact.genotypic, "trend": exact.trend}[test](
        pooled
    )


class Oracle:
    """PLINK's values of each test, and exact ones."""

    def __init__(self, open_set: Path, answers: Answers):
        owners = institutions(open_set.parent, open_set.name)
        self._strata = np.stack([owner.counts for owner in owners])  # (3, m, 2, 7)
        self._answers = answers
        self.ids = owners[0].ids
        self._row = {name: row for row, name in enumerate(self.ids)}
        assert len(self._row) == len(self.ids)

    def kept(self, test: str, limits: Mapping[str, float]) -> Bits:
        """Which of all variants (m,) pass; a test that does not exist there is not passed."""
        ids, printed, df = self._printed(test)
        rows = np.array([self._row[name] for name in ids])
        if test == "genotypic":
            t = np.where(df == "2", *(limits[f"genotypic chi2, {n} df"] for n in (2, 1)))
        else:
            t = np.full(len(ids), limits[f"{test} chi2"])
        kept = np.zeros(len(self.ids), np.bool_)
        kept[rows] = beyond(printed, t, lambda n: exactly(test, self._strata[:, rows[n]]))
        return kept

    def _printed(self, test: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        if test in {"allelic", "cmh"}:
            table = self._answers("p1.assoc" if test == "allelic" else "p1.site.cmh")
            return table["SNP"], table["CHISQ"], table["CHISQ"]
        table = self._answers("p1.cell0.model")
        rows = table["TEST"] == {"genotypic": "GENO", "trend": "TREND"}[test]
        return table["SNP"][rows], table["CHISQ"][rows], table["DF"][rows]


@pytest.fixture(scope="module")
def oracle(open_set: Path, answers: Answers) -> Oracle:
    return Oracle(open_set, answers)


@pytest.mark.parametrize(
    ("tests", "p", "rules"),
    [
        (("allelic",), 1e-2, studies.Rules()),
        (("genotypic",), 1e-2, studies.CLEAR),
        (("trend",), 0.5, studies.CLEAR),
        (("cmh",), 1e-3, studies.CLEAR),
        (TESTS, 1e-3, studies.Rules()),
    ],
    ids=lambda x: "-".join(x) if isinstance(x, tuple) else getattr(x, "engine", None),
)
def test_what_plink_puts_beyond_the_threshold_is_opened(
    tests: Sequence[str], p: float, rules: studies.Rules,
    open_set: Path, oracle: Oracle, totals: Path, tmp_path: Path,
) -> None:  # fmt: skip
    """An entry's variant is opened where it passes any of the entry's tests."""
    sites = open_set / "pooled.bim"
    out = run(tmp_path, open_set / "clean", sites, studies.passing(tests, p), rules)
    effective = limits(tmp_path)
    for name, t in effective.items():
        wanted = chi2.isf(p, 2 if "2 df" in name else 1)
        assert wanted <= t < wanted + 2.0**-15
    kept = np.logical_or.reduce([oracle.kept(test, effective) for test in tests])
    assert 0 < kept.sum() < 0.8 * len(kept)
    of_row = dict(zip(oracle.ids, kept, strict=True))
    for test in tests:
        everything = text(totals, f"association.{test}.tsv")
        there = np.array([of_row[row.split("\t")[2]] for row in everything[1:]])
        assert_rows(text(out, f"association.{test}.tsv"), everything, there)


# Linkage on the clean splits.


@pytest.mark.parametrize(("share", "rules"), [(0.4, studies.Rules()), (0.02, studies.CLEAR)])
def test_what_plink_puts_beyond_r2_is_opened(
    share: float, rules: studies.Rules, open_set: Path, answers: Answers, tmp_path: Path
) -> None:
    """Among the first of the variants of which PLINK has pairs: about this share of the pairs."""
    ids = (open_set / "oracle" / "ld.ids").read_text().split()[:700]
    table = answers("p1.r2.ld")
    pairs, chosen = zip(table["SNP_A"], table["SNP_B"], strict=True), set(ids)
    printed = rows_of(table, np.array([chosen.issuperset(pair) for pair in pairs]))
    r2 = float(np.quantile(printed["R2"].astype(np.float64), 1 - share).round(4))
    listed, parts, sites = (
        studies.linkage(tmp_path, ids, WINDOW),
        open_set / "clean",
        open_set / "pooled.bim",
    )
    everything = run(tmp_path, parts, sites, listed, studies.CLEAR)
    folder = tmp_path / "passing"
    folder.mkdir()
    entry = studies.linkage(folder, ids, WINDOW) + f'release = "passing"\nr2 = {r2}\n'
    out = run(folder, parts, sites, entry, rules)
    t = limits(folder)["r2"]
    assert r2 <= t < r2 + 2.0**-15
    owners = institutions(open_set.parent, open_set.name)
    place = {name: row for row, name in enumerate(owners[0].ids)}

    @cache
    def sums(row: int) -> list[int]:
        pair = np.array([[place[printed[side][row]] for side in ("SNP_A", "SNP_B")]])
        return [int(x) for x in sum(owner.pair_sums(pair)[0].astype(int) for owner in owners)]

    kept = beyond(printed["R2"], np.full(len(printed["R2"]), t), lambda n: exact.r2(*sums(n)))
    assert 0.5 * share < kept.mean() < 1.5 * share
    assert_rows(text(out, "linkage.tsv"), text(everything, "linkage.tsv"), kept)


# Where variants are absent at some institution, and where people have one copy.


def test_a_messy_split(open_data: Path, tmp_path: Path) -> None:
    """PLINK has the variants that all institutions share; of others our own totals decide."""
    open_set = open_data / "hm3_pops"
    outs = []
    for folder, entry in (
        ("all", studies.ASSOCIATION),
        ("some", studies.passing(("allelic",), 1e-2)),
    ):
        (tmp_path / folder).mkdir()
        plan = messy(
            tmp_path / folder, open_set, read_printed(open_set / "messy" / "truth.tsv"), entry
        )
        outs.append(results(plan, tmp_path / folder))
    everything, ours = (text(out, "association.allelic.tsv") for out in outs)
    t = limits(tmp_path / "some")["allelic chi2"]
    counts = {row.split("\t")[2]: list(map(int, row.split("\t")[6:10])) for row in everything[1:]}

    def pearson(a: int, cases: int, c: int, controls: int) -> Fraction | None:
        return exact.pearson([[a, cases - a], [c, controls - c]])

    printed = answer(open_data, "hm3_pops", "h.assoc")
    kept = beyond(
        printed["CHISQ"],
        np.full(len(printed["SNP"]), t),
        lambda n: pearson(*counts[printed["SNP"][n]]),
    )
    of_plink = dict(zip(printed["SNP"], kept, strict=True))
    rest = {
        name: exact.above(pearson(*counts[name]), t) for name in counts.keys() - of_plink.keys()
    }
    assert any(rest.values())
    of_row = of_plink | rest
    assert_rows(ours, everything, np.array([of_row[name] for name in counts]))


@pytest.mark.parametrize("engine", ["clear", "replicated"])
def test_where_people_have_one_copy(engine: str, tmp_path: Path) -> None:
    """X, where genotypes are the females'; Y and MT, where there are alleles only."""
    rules = studies.CLEAR if engine == "clear" else studies.Rules()
    of = np.random.default_rng(7).choice(3, 240, p=(0.5, 0.3, 0.2))
    files = random_files(5, (1, 23, 24, 26), 50, 240).parts(of, 3)
    parts = tmp_path / "parts"
    parts.mkdir()
    for name, part in zip(studies.NAMES, files, strict=True):
        part.write(parts / f"site{name}")
    strata = np.stack([read_plain(parts / f"site{name}").counts for name in studies.NAMES])
    outs = []
    for folder, entry in (("all", studies.ASSOCIATION), ("some", studies.passing(TESTS, 0.05))):
        (tmp_path / folder).mkdir()
        outs.append(run(tmp_path / folder, parts, parts / "siteA.bim", entry, rules))
    effective = limits(tmp_path / "some")
    kept = np.zeros(strata.shape[1], np.bool_)
    for row, test in product(range(len(kept)), TESTS):
        missing = not strata[:, :, :, :3][:, row].sum(axis=(0, 1)).all()
        name = f"genotypic chi2, {2 - missing} df" if test == "genotypic" else f"{test} chi2"
        kept[row] |= exact.above(exactly(test, strata[:, row]), effective[name])
    for chromosome in kept.reshape(4, 50):
        assert 0 < chromosome.sum() < 25
    for test in TESTS:
        everything, ours = (text(out, f"association.{test}.tsv") for out in outs)
        there = kept if test in {"allelic", "cmh"} else kept[:100]
        assert_rows(ours, everything, there)
