"""docs/numeric.md: the rounds that it states are those of dry runs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mpcgen.abb import Seat
from mpcgen.bits import BITS
from mpcgen.dry import Dry
from mpcgen.protocols import comparison, numeric
from mpcgen.protocols.division import Quotient
from mpcgen.protocols.replicated import ReplicatedCosts
from mpcgen.protocols.root import InverseRoot
from mpcgen.ring import Z2_64
from mpcgen.secret import Secret

PAGE = (Path(__file__).parents[1] / "docs" / "numeric.md").read_text()
ROWS = re.findall(r"^\| (`.*?) \|.*\| (\d+) \|$", PAGE, re.MULTILINE)
ABC = ("A", "B", "C")
b, s = 24, 12

CALLS: dict[str, Callable[[Dry, Secret], object]] = {
    "negative": lambda box, x: comparison.negative(box, x[0], b),
    "minimum": lambda box, x: numeric.minimum(box, x[0], x[1], b),
    "maximum": lambda box, x: numeric.maximum(box, x[0], x[1], b),
    "least": lambda box, x: numeric.least(box, x, b),
    "greatest": lambda box, x: numeric.greatest(box, x, b),
    "planes": lambda box, x: numeric.planes(box, x[0], b),
    "integers": lambda box, x: numeric.integers(box, box.secret(BITS, (1,)), 8, Z2_64),
    "truncate": lambda box, x: numeric.truncate(box, x[0], s, b),
    "truncate_exactly": lambda box, x: numeric.truncate_exactly(box, x[0], s, b),
    "scale": lambda box, x: numeric.scale(box, x[0], b),
    "look_up": lambda box, x: numeric.look_up(box, x[0], range(16), Z2_64),
    "Quotient": lambda box, x: Quotient(Z2_64, 0, b, s).rounded(box, x[0], x[1]),
    "InverseRoot": lambda box, x: InverseRoot(Z2_64, b, s).rounded(box, x[0]),
}


def test_all_are_there() -> None:
    assert {name for names, _ in ROWS for name in re.findall(r"\w+", names)} == set(CALLS)


@pytest.mark.parametrize(("names", "rounds"), ROWS)
def test_rounds(names: str, rounds: str) -> None:
    for name in re.findall(r"\w+", names):
        box = Dry(ReplicatedCosts(Seat("", ABC, ABC, ABC)))
        CALLS[name](box, box.secret(Z2_64, (8, 8)))
        assert box.declared.rounds == int(rounds), name
