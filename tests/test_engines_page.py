"""docs/engines.md says of every engine what its entry and its declared costs say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mpcgen.abb import DIGEST_BYTES, Seat
from mpcgen.cost import Cost, Costs
from mpcgen.protocols.engines import ENGINES

PAGE = (Path(__file__).parents[1] / "docs" / "engines.md").read_text()
OWNERS = ("A", "B", "C")
COLUMNS = ("clear", "replicated", "replicated4")
ROWS: dict[str, Callable[[Costs, int], Cost]] = {
    "input of every owner": lambda costs, b: costs.input(b),
    "sums of products, matrix product": lambda costs, b: costs.reshare(b, b),
    "addends": lambda costs, b: costs.addends(b, b),
    "open to all": lambda costs, b: costs.open(b),
    "reveal to B": lambda costs, b: costs.reveal(b, "B"),
    "compare what was opened": lambda costs, _: costs.confirm(),
}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=lambda engine: engine.name)
def test_what_it_trusts(engine) -> None:  # type: ignore[no-untyped-def]
    assert f"| `{engine.name}` | {engine.computing} | {engine.withstands} |" in PAGE


@pytest.mark.parametrize("row", ROWS)
def test_what_it_costs(row: str) -> None:
    (line,) = (line for line in PAGE.splitlines() if line.startswith(f"| {row}"))
    assert line.split(" | ")[1:] == [
        *(cell(name, ROWS[row]) for name in COLUMNS[:-1]),
        (f"{cell(COLUMNS[-1], ROWS[row])} |"),
    ]


def cell(engine: str, operation: Callable[[Costs, int], Cost]) -> str:
    """Rounds, and bytes of all parties as a formula in b and d."""
    computing = (*OWNERS, "D")[: ENGINES[engine].computing]
    parties = tuple(dict.fromkeys((*OWNERS, *computing)))
    costs = ENGINES[engine].costs(Seat("A", parties, OWNERS, computing))
    fixed, size = (sum(operation(costs, b).sent.values()) for b in (0, 1))
    assert fixed % DIGEST_BYTES == 0
    terms = [(size - fixed, "b"), (fixed // DIGEST_BYTES, "d")]
    words = " + ".join(f"{n} {name}" if n > 1 else name for n, name in terms if n)
    rounds = operation(costs, 1).rounds
    return f"{words}, {rounds} round{'s' if rounds > 1 else ''}" if words else "0"
