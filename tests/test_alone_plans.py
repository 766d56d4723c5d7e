"""Plans that open values alone: what is refused, what `study check` says, and what a run costs."""

import re
from dataclasses import replace
from fractions import Fraction
from functools import cache
from math import floor
from pathlib import Path

import pytest

from mpcgen.errors import PlanError
from mpcgen.study import study as study_module
from mpcgen.study.check import describe
from mpcgen.study.disclosure import kinds_of
from mpcgen.study.forecast import Network
from mpcgen.study.load import load_study
from mpcgen.study.tables_left import FREQUENCIES, counts, products, tables
from tests import exact, small, studies
from tests.attacks.cohorts import lay_out, run
from tests.outcomes import everybody
from tests.test_alone import AF, ALONE, LINKAGE, ODDS, PEOPLE, RULES, TESTS
from tests.test_release_costs import EVERYTHING

PLAIN = '\n[[entries]]\nname = "plain"\nstatistic = "association"\n'
WINDOW = '\n[[entries]]\nname = "window"\nstatistic = "linkage"\nwindow = 3\n'
LD = LINKAGE.replace('region = "1"', "")
ALLELIC = TESTS.replace(', "trend"', "")
STRONG = 'release = "passing"\nr2 = 0.2\n'
HITS = 'release = "passing"\np = 1e-3\n'
COUNTS = studies.OF_ALL.replace("[[entries]]", '[[entries]]\nname = "n"')

# Entries, which of them is named, and what is said of it.
REFUSED = {
    "the same test": (ALLELIC + PLAIN, 0, "its release withholds association: cases.HET + 2 cases"),
    "the other way round": (PLAIN + ALLELIC, 1, "which other entries open: plain: alleles.A1_CASE"),
    "genotypes of both groups": (
        ALLELIC + studies.OF_GROUPS, 0, "other entries open: frequency: cases.HET + 2 x frequency",
    ),
    "genotypes of all": (ALLELIC + studies.OF_ALL, 0, "other entries open: "),
    "hits": (ALLELIC + PLAIN + HITS, 0, "open: plain: alleles.A1_CASE"),
    "another test": (TESTS + PLAIN + 'tests = ["genotypic"]\n', 0, "open: plain: genotypes."),
    "pairs of its variants": (ALLELIC + WINDOW, 0, "open: window: people with H"),
    "frequencies as counts": (AF + COUNTS, 0, "open: n: all.HET"),
    "the same pairs": (WINDOW + LD, 1, "the other's release withholds"),
    "strong pairs": (WINDOW + STRONG + LD, 1, "release withholds"),
    "a test without it": (
        TESTS.replace("trend", "genotypic"), 0,
        "the test genotypic is not opened alone; allelic, trend are",
    ),
    "stratified": (ALLELIC.replace("allelic", "cmh"), 0, "the test cmh is not opened alone"),
    "an odds ratio of genotypes": (
        ODDS.replace('"allelic", ', ""), 0, "or is of the test allelic, which tests does not name",
    ),
    "another value": (LD + 'values = ["d"]\n', 0, "values is a list of one or more of r2"),
    "a threshold": (ALLELIC + "p = 0.1\n", 0, 'release = "statistic" opens what is not beyond it'),
    "too many digits": (ALLELIC + "binary_digits = 31\n", 0, "is from 0 to 30, not 31"),
    "fewer than none": (ALLELIC + "binary_digits = -1\n", 0, "an integer of at least 0, not -1"),
    "digits that do not fit": (AF + "binary_digits = 30\n", 0, "21 digits do"),
    "digits without it": (PLAIN + "binary_digits = 9\n", 0, 'goes with release = "statistic"'),
    "values without it": (PLAIN + 'values = ["or"]\n', 0, 'values goes with release = "statistic"'),
}  # fmt: skip


@pytest.mark.parametrize("which", REFUSED)
def test_refused(which: str, tmp_path: Path) -> None:
    entries, named, words = REFUSED[which]
    small.assert_entry_refused(small.lay_out(tmp_path, entries), named, words)


def test_an_engine_that_only_adds_is_refused(tmp_path: Path) -> None:
    rules = studies.Rules("paillier", ("A", "B"))
    with pytest.raises(PlanError, match="no comparisons; replicated, replicated4"):
        load_study(small.lay_out(tmp_path, AF, rules))


@pytest.mark.parametrize(
    "entries",
    [
        ODDS + AF + LD,
        LD + studies.OF_GROUPS,
        LD + PLAIN,
        ALLELIC + PLAIN + ALONE + 'values = ["or"]\n',
    ],
)
def test_allowed(entries: str, tmp_path: Path) -> None:
    load_study(small.lay_out(tmp_path, entries))


def test_values_have_the_floors_of_what_they_are_made_of(tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    (tmp_path / "plain").mkdir()
    alone, plain = (
        load_study(small.lay_out(tmp_path / name, entry, studies.Rules(release="")))
        for name, entry in (("alone", ALLELIC), ("plain", PLAIN))
    )
    kinds = kinds_of(alone.sites.chrom)
    assert alone.tasks[0].forms == {}
    assert alone.variant_floors(kinds) == plain.variant_floors(kinds)


@pytest.mark.parametrize("engine", RULES)
def test_declared_is_what_a_run_costs(engine: str, tmp_path: Path) -> None:
    for release in (EVERYTHING, 'floors = "none"'):
        folder = tmp_path / release[:6]
        rules = replace(RULES[engine], release=release)
        plan = lay_out(folder, PEOPLE, rules=rules, entries=ODDS + AF, window=0)
        cost = load_study(plan).cost()
        for name, session in everybody(run(plan)).items():
            assert session.sent_bytes == session.declared.sent.get(name, 0)
            assert session.declared == cost


def test_batches_are_those_of_decisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load_study(small.lay_out(tmp_path, ALLELIC + LD))
    assert study.decides
    monkeypatch.setattr(study_module, "MAX_DECIDED", 4)
    assert [batch.units for batch in study.batches()][:3] == [4, 4, 3]


def test_what_check_says(tmp_path: Path) -> None:
    signed = LD.replace("[[entries]]", '[[entries]]\nname = "ld"') + 'values = ["r"]\n'
    entries = ODDS + AF + signed + LD
    plan = small.lay_out(tmp_path, entries, studies.Rules(release=studies.TOGETHER))
    said = " ".join(describe(load_study(plan), Network()).split())
    left = [max(tables(9000, 9000, f, 10)) for f in FREQUENCIES]
    for words in (
        "association: of each variant (11 in all) that meets the floors, values alone, and no "
        "totals",
        "Several values of one variant, of one entry or of several, leave fewer tables than each",
        "allelic.chisq: rounded on shares to a multiple of 2^-10, 0.000977",
        "r2: rounded on shares to a multiple of 2^-12, 0.000244",
        f"about {left[0]:,}, {left[1]:,} and {left[2]:,} tables of alleles fit one value, at "
        "frequencies 0.01, 0.1 and 0.5",
        "frequency, all.af: with all alleles called about 4 counts of alternative alleles fit",
        "ld, r: where the counts of both variants are known, about 1, 1 and 1 sums of products",
        "a value meets the floors of all counts that it is made of",
        "each variant, 0 or at least 5 of cases, and of controls: ",
        'Release "statistic" opens no counts.',
        "This is for allele counts of",
    ):
        assert words in said
    assert "the joint totals" not in said
    assert "subtracts its own counts from a total" not in said


def test_one_step_can_hide_nothing(tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path, AF + "binary_digits = 20\n")
    assert "it is the count itself: rounding hides nothing" in " ".join(
        describe(load_study(plan), Network()).split()
    )


@cache
def chi_squared(cases: int, controls: int) -> dict[tuple[int, int], Fraction | None]:
    """Of every table, by its alternative alleles of cases and of controls."""
    return {
        (a, c): exact.pearson([[a, cases - a], [c, controls - c]])
        for a in range(cases + 1)
        for c in range(controls + 1)
    }


@pytest.mark.parametrize("digits", [10, 4, 0])
@pytest.mark.parametrize(("cases", "controls"), [(100, 120), (60, 200)])
@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_tables_left_are_those_of_a_count(
    cases: int, controls: int, frequency: float, digits: int
) -> None:
    """Every table is tried; the one that the count is of has the median chi-squared, about."""
    alt = max(round(frequency * (cases + controls)), 1)

    every = {
        table: None if chisq is None else floor(chisq * 2**digits + Fraction(1, 2))
        for table, chisq in chi_squared(cases, controls).items()
    }
    mine = [(a, c) for (a, c) in every if a + c == alt]
    found = {
        (sum(y == every[t] for y in every.values()), sum(every[u] == every[t] for u in mine))
        for t in mine
    }
    assert tables(cases, controls, frequency, digits) in found


def test_counts_and_products_left() -> None:
    assert counts(18000, 12) == 4
    assert counts(2000, 12) == 1
    # r2 = 0.1 +- 2^-13 at n = 9000, frequency 0.5: n Sxy - Sx Sy over a range of 6,256 = 0.7 n.
    assert products(9000, 0.5, 12) == 4
    assert products(100, 0.5, 12) == 2
    assert products(9000, 0.5, 10, None) == 4  # of one r: n / 2 steps of 2^-10


def test_the_page_has_the_numbers_of_the_program() -> None:
    page = (Path(__file__).parents[1] / "docs" / "release.md").read_text()
    rows = re.findall(r"^\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| (\d) \|", page, re.M)
    assert len(rows) == 2
    for row in rows:
        people, *told, known = (int(number.replace(",", "")) for number in row)
        found = [tables(people, people, f, 10) for f in FREQUENCIES]
        assert (told, known) == ([left for left, _ in found], max(same for _, same in found))
