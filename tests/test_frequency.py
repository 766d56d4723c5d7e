"""Frequencies of the joint totals, against PLINK on the pooled data."""

from pathlib import Path

import numpy as np
import pytest

from mpcgen.protocols.catalogue import from_options
from mpcgen.protocols.genotype_counts import ALL, CASES, CLASSES, CONTROLS
from mpcgen.protocols.statistic import Table
from tests.agreement import assert_agrees
from tests.one_party import Given, run
from tests.open_sets import NAMES, answer, institutions
from tests.plain import MT, X

BOTH = (CASES, CONTROLS)


def frequencies(data: Path, name: str) -> Table:
    owners = institutions(data, name)
    given = [Given(owner.counts_of_all) for owner in owners]
    return run(from_options("frequency", {}, (ALL,)), given, owners[0].chrom)[""]


@pytest.mark.parametrize("name", NAMES)
def test_genotype_counts_are_plinks(open_data: Path, name: str) -> None:
    table = frequencies(open_data, name)
    printed = answer(open_data, name, "p1.frqx")
    diploid = institutions(open_data, name)[0].chrom != MT  # PLINK 1.9 takes MT as diploid here
    columns = {
        "HOM_ALT_CT": "C(HOM A1)",
        "HET_CT": "C(HET)",
        "HOM_REF_CT": "C(HOM A2)",
        "HAP_ALT_CT": "C(HAP A1)",
        "HAP_REF_CT": "C(HAP A2)",
        "MISSING_CT": "C(MISSING)",
    }
    for ours, theirs in columns.items():
        np.testing.assert_array_equal(
            table.columns[ours][diploid], printed[theirs][diploid].astype(int)
        )
    assert not table.columns["ABSENT_CT"].any()


@pytest.mark.parametrize("name", NAMES)
def test_allele_counts_are_plink_2s(open_data: Path, name: str) -> None:
    table = frequencies(open_data, name)
    printed = answer(open_data, name, "p2.acount")
    # On X PLINK 2 halves a heterozygous male; he is missing here, as in PLINK 1.9.
    rows = institutions(open_data, name)[0].chrom != X
    for ours, theirs in {"AC": "ALT_CTS", "AN": "OBS_CT"}.items():
        np.testing.assert_array_equal(table.columns[ours][rows], printed[theirs][rows].astype(int))


@pytest.mark.parametrize("name", NAMES)
def test_frequencies_are_plinks(open_data: Path, name: str) -> None:
    table = frequencies(open_data, name)
    rows = institutions(open_data, name)[0].chrom != MT
    assert_agrees(table.columns["AF"][rows], answer(open_data, name, "p1.frq")["MAF"][rows])
    printed = answer(open_data, name, "p1.frq.counts")
    AC, AN = table.columns["AC"], table.columns["AN"]
    np.testing.assert_array_equal(AC[rows], printed["C1"][rows].astype(int))
    np.testing.assert_array_equal((AN - AC)[rows], printed["C2"][rows].astype(int))


@pytest.mark.parametrize("name", NAMES)
def test_call_rate_is_plinks(open_data: Path, name: str) -> None:
    printed = answer(open_data, name, "p1.lmiss")
    rows = ~np.isin(institutions(open_data, name)[0].chrom, (X, "24", MT))
    table = frequencies(open_data, name)
    assert_agrees((1 - table.columns["CALL_RATE"])[rows], printed["F_MISS"][rows])


def counted(*rows: tuple[int, ...]) -> Given:
    """One variant's counts of the plan's groups."""
    return Given(np.array([rows]))


def test_all_is_cases_and_controls_and_opened_once() -> None:
    owners = [
        counted((5, 4, 1, 0, 0, 2, 0), (50, 40, 10, 0, 0, 20, 0)),
        counted((0, 0, 0, 0, 0, 0, 7), (0, 0, 0, 0, 0, 0, 70)),
    ]
    three = from_options("frequency", {"groups": [ALL, CASES, CONTROLS]}, BOTH)
    assert {sums.name for sums in three.sums} == {CASES, CONTROLS}
    tables = run(three, owners, [1])
    only_all = from_options("frequency", {"groups": [ALL]}, BOTH)
    assert {sums.name for sums in only_all.sums} == {ALL}
    assert set(tables) == {"", CASES, CONTROLS}
    expected = {"AC": 66, "AN": 220, "AF": 0.3, "CALL_RATE": 110 / 132, "ABSENT_CT": 77}
    for table in (tables[""], run(only_all, owners, [1])[""]):
        assert {name: table.columns[name][0] for name in expected} == expected
    assert tables[CASES].columns["AC"][0] == 6
    assert tables[CONTROLS].columns["MISSING_CT"][0] == 20
    assert [*tables[""].columns][3:8] == [f"{genotype}_CT" for genotype in CLASSES[:5]]


def test_nobody_counted_is_undefined() -> None:
    table = run(from_options("frequency", {}, (ALL,)), [counted((0,) * 6 + (9,))], [24])[""]
    assert np.isnan(table.columns["AF"][0])
    assert np.isnan(table.columns["CALL_RATE"][0])
    assert table.columns["AN"][0] == 0


@pytest.mark.parametrize(
    ("options", "groups", "words"),
    [
        ({"groups": ["case"]}, BOTH, "'case' is none of them"),
        ({"groups": []}, BOTH, "one or more of all, cases, controls"),
        ({"groups": "cases"}, BOTH, "a list of"),
        ({"groups": [CASES, CASES]}, BOTH, "twice"),
        ({"groups": [CASES]}, (ALL,), "one or more of all;"),
        ({"group": [CASES]}, BOTH, 'unknown option "group"; did you mean groups'),
    ],
)
def test_wrong_options(options: dict[str, object], groups: tuple[str, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_options("frequency", options, groups)
