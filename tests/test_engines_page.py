"""docs/engines.md says of every engine what its entry and its declared costs say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mpcgen.abb import DIGEST_BYTES, Seat
from mpcgen.bits import BITS
from mpcgen.cost import Cost, Costs, Size
from mpcgen.protocols.engines import ENGINES
from mpcgen.protocols.spdz2k_shares import carrier
from mpcgen.ring import Z2_64, Ring

PAGE = (Path(__file__).parents[1] / "docs" / "engines.md").read_text()
OWNERS = ("A", "B", "C")
COLUMNS = ("clear", "replicated", "replicated4", "additive", "spdz2k", "crypten")
HELD = {"spdz2k": carrier}  # engines that hold integers in larger rings
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


def test_what_bits_cost_under_macs() -> None:
    """An input of bits, a product of bits, and an opening of bits."""
    said = " ".join(PAGE.split())
    words = "Of bits an input takes {} b, a product or a cut {} b + {} f, an opening {} b"
    given, (result, factor), opened = (
        coefficients("spdz2k", ROWS[row], BITS)[1:]
        for row in ("input of every owner", "sums of products, matrix product", "open to all")
    )
    assert words.format(given[0], result, factor, opened[0]) in said


def cell(engine: str, operation: Callable[[Costs, Size, Size], Cost]) -> str:
    """Rounds, and bytes of all parties as a formula in b, f and d."""
    fixed, b, f = coefficients(engine, operation, Z2_64)
    assert fixed % DIGEST_BYTES == 0
    terms = [(b, "b"), (f, "f"), (fixed // DIGEST_BYTES, "d")]
    words = " + ".join(f"{n} {name}" if n > 1 else name for n, name in terms if n)
    one = Size.of(Z2_64, (1,))
    rounds = operation(costs_of(engine), one, one).rounds
    return f"{words}, {rounds} round{'s' if rounds > 1 else ''}" if words else "0"


def coefficients(
    engine: str, operation: Callable[[Costs, Size, Size], Cost], ring: Ring
) -> tuple[int, int, int]:
    """Bytes whatever the sizes, and for each byte of b and of f as the engine holds them."""
    none, one = Size(), Size.of(ring, (1,))
    costs = costs_of(engine)
    fixed, b, f = (
        sum(operation(costs, *sizes).sent.values())
        for sizes in ((none, none), (one, none), (none, one))
    )
    size = HELD[engine](ring).size if engine in HELD else ring.size
    assert (b - fixed) % size == (f - fixed) % size == 0
    return fixed, (b - fixed) // size, (f - fixed) // size


def costs_of(engine: str) -> Costs:
    """Of three owners, who compute as far as the engine's number goes; D computes or deals."""
    which = ENGINES[engine]
    computing = OWNERS if which.more else (*OWNERS, "D")[: which.computing]
    parties = tuple(dict.fromkeys((*OWNERS, *computing)))
    return which.costs(Seat("A", parties, OWNERS, computing, dealer="D" if which.deals else ""))
