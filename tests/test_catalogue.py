"""What the machinery asks of a statistic: its phenotype, inputs, openings and cost."""

import pytest

from mpcgen.abb import Seat
from mpcgen.protocols.catalogue import STATISTICS, from_options
from mpcgen.protocols.clear import ClearCosts
from mpcgen.protocols.statistic import MAX_PEOPLE

GROUPS = ("cases", "controls")
ENTRIES: dict[str, dict[str, object]] = {
    "frequency": {"groups": ["all", "cases", "controls"]},
    "association": {"tests": ["allelic", "genotypic", "trend", "cmh"]},
    "linkage": {"window": 50},
}
PARTIES = ("a", "b", "c")
BYTES = {  # opened for one unit
    "frequency": 2 * 7 * 4,
    "association": (5 + 6 + 5) * 4 + 5 * 8,
    "linkage": 6 * 4,
}


@pytest.mark.parametrize("kind", STATISTICS)
def test_costs_are_one_opening_of_what_is_named(kind: str) -> None:
    statistic = from_options(kind, ENTRIES[kind], GROUPS)
    cost = statistic.cost(ClearCosts(Seat("a", PARTIES, PARTIES, ("a",))), 10)
    assert cost.rounds == 1
    assert cost.sent == {"a": 10 * BYTES[kind] * 2}


@pytest.mark.parametrize("kind", STATISTICS)
def test_the_range_proof_reaches_the_largest_study(kind: str) -> None:
    for source in from_options(kind, ENTRIES[kind], GROUPS).inputs:
        assert source.max_people() == MAX_PEOPLE


@pytest.mark.parametrize(
    ("kind", "options", "uses"),
    [
        ("frequency", {}, False),
        ("frequency", {"groups": ["all"]}, False),
        ("frequency", {"groups": ["all", "controls"]}, True),
        ("frequency", {"groups": 7}, False),
        ("association", {}, True),
        ("linkage", {"window": 50}, False),
    ],
)
def test_who_needs_a_phenotype(kind: str, options: dict[str, object], uses: bool) -> None:
    assert STATISTICS[kind].uses_phenotype(options) is uses


def test_unknown_statistic() -> None:
    with pytest.raises(ValueError, match='no statistic "gwas"; there are frequency, association'):
        from_options("gwas", {}, GROUPS)
