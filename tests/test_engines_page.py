"""docs/engines.md says of every engine what its entry and its declared costs say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mpcgen.abb import DIGEST_BYTES, Seat
from mpcgen.cost import Cost, Costs, Size
from mpcgen.protocols.engines import ENGINES
from mpcgen.ring import Ring

PAGE = (Path(__file__).parents[1] / "docs" / "engines.md").read_text()
OWNERS = ("A", "B", "C")
COLUMNS = ("clear", "replicated", "replicated4", "additive", "crypten")
ROWS: dict[str, Callable[[Costs, Size, Size], Cost]] = {
    "input of every owner": lambda costs, b, _: costs.input(b),
    "sums of products, matrix product": lambda costs, b, f: costs.reshare(b, f),
    "addends": lambda costs, b, f: costs.addends(b, f),
    "open to all": lambda costs, b, _: costs.open(b),
    "reveal to B": lambda costs, b, _: costs.reveal(b, "B"),
    "compare what was opened": lambda costs, _b, _f: costs.confirm(),
}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=lambda engine: engine.name)
def test_what_it_trusts(engine) -> None:  # type: ignore[no-untyped-def]
    assert f"| `{engine.name}` | {engine.parties} | {engine.withstands} |" in PAGE


@pytest.mark.parametrize("row", ROWS)
def test_what_it_costs(row: str) -> None:
    (line,) = (line for line in PAGE.splitlines() if line.startswith(f"| {row}"))
    assert line.split(" | ")[1:] == [
        *(cell(name, ROWS[row]) for name in COLUMNS[:-1]),
        (f"{cell(COLUMNS[-1], ROWS[row])} |"),
    ]


def cell(engine: str, operation: Callable[[Costs, Size, Size], Cost]) -> str:
    """Rounds, and bytes of all parties as a formula in b, f and d."""
    which = ENGINES[engine]
    computing = OWNERS if which.more else (*OWNERS, "D")[: which.computing]
    parties = tuple(dict.fromkeys((*OWNERS, *computing)))
    dealer = "D" if which.deals else ""
    costs = which.costs(Seat("A", parties, OWNERS, computing, dealer=dealer))
    none, one = Size(), Size.of(Ring(8), (1,))
    sizes = ((none, none), (one, none), (none, one))
    fixed, b, f = (sum(operation(costs, *size).sent.values()) for size in sizes)
    assert fixed % DIGEST_BYTES == 0
    terms = [(b - fixed, "b"), (f - fixed, "f"), (fixed // DIGEST_BYTES, "d")]
    words = " + ".join(f"{n} {name}" if n > 1 else name for n, name in terms if n)
    rounds = operation(costs, one, one).rounds
    return f"{words}, {rounds} round{'s' if rounds > 1 else ''}" if words else "0"
