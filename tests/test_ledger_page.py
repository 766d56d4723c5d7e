"""docs/ledger.md: it has every name by which a plan is refused, and the bounds of the program."""

import re
from pathlib import Path

import pytest

from mpcgen.protocols.floors import Minima
from mpcgen.study import isolation, ledger_rules, ledger_sets
from mpcgen.study.ledger import KEY, LEDGER, SETS
from mpcgen.study.ledger_store import PERSON

PAGE = (Path(__file__).parents[1] / "docs" / "ledger.md").read_text()
NAMES = (
    *("people added or left out", "people moved between groups", "a small group"),
    *("bisected threshold", "another rounding", "other floors", "changed genotypes"),
    *("an institution left out", "an institution added"),
)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_explained(name: str) -> None:
    assert re.search(rf"\| {name} \|.*\w|\*\*{name}\*\*", PAGE)


def test_there_is_no_other_name() -> None:
    text = "".join(Path(str(m.__file__)).read_text() for m in (ledger_rules, ledger_sets))
    for name in re.findall(r"refused by the ledger: ([a-z ]+)[.:]", text):
        assert name in NAMES or name.startswith("too many")


def test_its_numbers_are_the_programs() -> None:
    hashed, paired = isolation.MOST_HASHED.bit_length() - 1, isolation.MOST_PAIRED.bit_length() - 1
    ways = f"2^{hashed} vectors, 2^{paired} pairs of them or {ledger_sets.MOST_OVERLAPS:,} ways"
    words = " ".join(PAGE.split())
    assert ways in words
    assert f"; {Minima().min_individuals} where neither says it" in words
    assert f"people, {PERSON.itemsize} bytes each" in words
    assert {f"`{LEDGER}`", f"`{KEY}`", f"`{SETS}/`"} <= set(re.findall(r"^\| (`\S+`)", PAGE, re.M))
    sets = 1800
    vectors = 2 * sets**2 * Minima().min_individuals
    assert 0.9 * isolation.MOST_HASHED < vectors < isolation.MOST_HASHED
