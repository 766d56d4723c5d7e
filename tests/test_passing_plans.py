"""Plans with thresholds beside other entries: what is refused, what is allowed, what is written."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import chi2

import mpcgen
from mpcgen.errors import PlanError
from mpcgen.parties import results
from mpcgen.report.layouts import Plot
from mpcgen.report.record import RunRecord
from mpcgen.study.load import load_study
from tests import small, studies

PASSING = '\n[[entries]]\nstatistic = "association"\nrelease = "passing"\n'
HITS = PASSING + 'name = "hits"\np = 1e-3\n'
WINDOW = '\n[[entries]]\nstatistic = "linkage"\nwindow = 3\n'
ADVICE = "; leave one of them out, or put the tests of all into one entry, with one p"


def refusal(folder: Path, entries: str) -> PlanError:
    with pytest.raises(PlanError) as caught:
        load_study(small.lay_out(folder, entries))
    return caught.value


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (PASSING, 'entry association: release = "passing" needs p, the threshold'),
        (WINDOW + 'release = "passing"\n', 'linkage: release = "passing" needs r2, the threshold'),
        (
            studies.OF_ALL + 'release = "passing"\n',
            'frequency: release = "passing" needs a threshold, and frequency has none',
        ),
        (
            studies.ASSOCIATION + "p = 1e-3\n",
            'p is a threshold, and release = "totals" opens what is not beyond it: write '
            'release = "passing", or leave p out',
        ),
        (
            WINDOW + 'release = "totals"\nr2 = 0.2\n',
            'r2 is a threshold, and release = "totals" opens what is not beyond it: write '
            'release = "passing", or leave r2 out',
        ),
        (PASSING + "p = 0\n", "p is a number from 1e-300 to 1, not 0"),
        (PASSING + "r2 = 0.2\n", 'unknown option "r2"'),
        (WINDOW + 'release = "passing"\nr2 = 1\n', "is at most 1: none can be above 1"),
        (WINDOW + 'release = "passing"\nr2 = 1.5\n', "r2 is a number from 0 to 1, not 1.5"),
    ],
)
def test_thresholds_that_do_not_fit_their_entry(entries: str, words: str, tmp_path: Path) -> None:
    error = refusal(tmp_path, entries)
    assert words in str(error)
    lines = (tmp_path / "plan.toml").read_text().split("\n")
    assert error.line == 1 + lines.index("[[entries]]")


def test_a_p_that_nobody_can_have(tmp_path: Path) -> None:
    """Of 10 people at each institution."""
    plan = small.lay_out(tmp_path, HITS.replace("1e-3", "1e-20"))
    plan.write_text(
        plan.read_text().replace(f"max_people = {studies.MAX_PEOPLE}", "max_people = 10")
    )
    with pytest.raises(PlanError, match="hits: its threshold: the statistic is at most 60: none"):
        load_study(plan)


@pytest.mark.parametrize("tests", [["allelic"], ["trend"], ["genotypic"], ["cmh"]])
def test_two_entries_cannot_have_a_threshold_each(tests: list[str], tmp_path: Path) -> None:
    """Each opens what the other withholds; one entry with all tests is the way."""
    error = refusal(tmp_path, HITS + PASSING + f"p = 1e-2\ntests = {tests!r}\n".replace("'", '"'))
    assert "entry hits: its threshold withholds hits: alleles." in str(error)
    assert ", which other entries open: " in str(error)
    assert str(error).endswith(ADVICE)


def test_an_entry_without_a_threshold_is_not_joined_with_one(tmp_path: Path) -> None:
    error = refusal(tmp_path, studies.FREQUENCY.format('["cases"]') + HITS)
    assert "which other entries open: frequency: cases.HET + 2 x frequency: cases.HOM_ALT" in str(
        error
    )
    assert str(error).endswith("; leave one of them out")


def listed(folder: Path, name: str, pairs: str, threshold: str = "") -> str:
    """An entry of pairs, whose file goes into the folder."""
    (folder / f"{name}.pairs").write_text(pairs)
    digest = hashlib.sha256(pairs.encode()).hexdigest()
    return (
        f'\n[[entries]]\nstatistic = "linkage"\nname = "{name}"\npairs = "{name}.pairs"\n'
        f'pairs_sha256 = "{digest}"\n{threshold}'
    )


R2 = 'release = "passing"\nr2 = 0.2\n'


@pytest.mark.parametrize("threshold", ["", R2], ids=["totals", "passing"])
@pytest.mark.parametrize("pairs", ["s0 s2\ns1 s3\n", "s1 s2\ns3 s2\n"], ids=["apart", "shared"])
def test_pairs_with_and_without_a_threshold(pairs: str, threshold: str, tmp_path: Path) -> None:
    """Pairs apart are allowed, of the same variants too; none may stand in both entries."""
    entries = listed(tmp_path, "strong", "s0 s1\ns2 s3\n", R2)
    entries += listed(tmp_path, "other", pairs, threshold)
    if "s3 s2" in pairs:
        words = "entry other: it has pairs in common with strong"
        assert words in str(refusal(tmp_path, entries))
        return
    study = load_study(small.lay_out(tmp_path, entries))
    assert [bool(task.decisions) for task in study.tasks] == [True, bool(threshold)]


def tables_of(folder: Path, entries: str) -> dict[str, bytes]:
    folder.mkdir()
    plan = small.lay_out(folder, entries)
    return studies.tables(studies.run_in_threads(plan, folder / "out"))


def test_other_entries_stay_as_they_are(tmp_path: Path) -> None:
    """Frequencies of all, and linkage, beside what passes."""
    others = studies.OF_ALL + WINDOW
    plain = tables_of(tmp_path / "plain", others + studies.ASSOCIATION)
    ours = tables_of(tmp_path / "ours", others + PASSING + "p = 0.5\n")
    for name in plain.keys() & ours.keys():
        same = "association" not in name
        assert (ours[name] == plain[name]) is same, name
    assert {f"{name}/{what}" for name in "ABC" for what in ("frequency.tsv", "frequency.vcf",
            "linkage.tsv", "association.allelic.tsv")} <= plain.keys() & ours.keys()  # fmt: skip


def test_effective_thresholds_are_recorded(tmp_path: Path) -> None:
    """Those of r2 and chi-squared as they took effect, and what they are as p."""
    tests = 'tests = ["allelic", "genotypic", "trend", "cmh"]\n'
    strong = WINDOW.replace("window", 'name = "strong"\nwindow') + R2
    plan = small.lay_out(tmp_path, studies.OF_ALL + HITS + tests + strong)
    mpcgen.run_local(plan, tmp_path, tmp_path / "out", plots=False)
    record = RunRecord.read(tmp_path / "out" / "record.json")
    assert record.lambdas == {}
    values = dict(record.thresholds)
    assert 0.2 <= values.pop("strong: r2") < 0.2 + 2**-15
    for name in (
        "allelic chi2",
        "trend chi2",
        "cmh chi2",
        "genotypic chi2, 1 df",
        "genotypic chi2, 2 df",
    ):
        df = 2 if "2 df" in name else 1
        t, p = values.pop(f"hits: {name}"), values.pop(f"hits: p of {name}")
        assert chi2.isf(1e-3, df) <= t < chi2.isf(1e-3, df) + 2**-15
        assert p == pytest.approx(chi2.sf(t, df), rel=1e-12)
        assert 0.9999e-3 < p <= 1e-3
    assert not values


def drawn(folder: Path, entries: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Titles of the plots of a run, by file."""
    titles: dict[str, str] = {}

    def note(plot: Plot) -> None:
        titles[plot.stem.name] = plot.title

    def with_plots(*arguments: Any, **rest: Any) -> Any:
        return output(*arguments, **rest | {"plots": True})

    output: Callable[..., Any] = results.Output
    monkeypatch.setattr(results, "draw_here", note)
    monkeypatch.setattr(studies, "Output", with_plots)
    folder.mkdir()
    studies.run_in_threads(small.lay_out(folder, entries), folder / "out")
    return titles


def test_what_a_threshold_chose_has_no_quantiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Manhattan plot, whose title says what it lacks; where nothing passed, none."""
    plain = drawn(tmp_path / "plain", studies.ASSOCIATION, monkeypatch)
    assert (
        plain["association.trend.qq"]
        == plain["association.trend.manhattan"]
        == "A study of a test: trend"
    )
    ours = drawn(tmp_path / "some", HITS.replace("1e-3", "0.5"), monkeypatch)
    words = "A study of a test: allelic, only variants with p < 0.5 in a test"
    assert ours == {"hits.allelic.manhattan": words}
    assert drawn(tmp_path / "none", HITS.replace("1e-3", "1e-30"), monkeypatch) == {}
    header, *rows = (tmp_path / "none/out/A/hits.allelic.tsv").read_text().splitlines()
    assert header.startswith("#CHROM")
    assert not rows
