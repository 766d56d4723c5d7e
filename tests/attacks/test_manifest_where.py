"""A party that wants rows opened which the plan's bits withhold, against those that keep to it.

As in test_manifest: A runs whatever it likes, B, C and R the agreed program, which opens bits and
then the totals of the rows where they are 1. Two of four rows are.
"""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.bits import BITS
from mpcgen.errors import Abort, NotInManifest
from mpcgen.leakage import Leakage, Opening
from mpcgen.ring import Array
from mpcgen.secret import Secret
from tests.attacks.test_manifest import (
    PARTIES,
    SHAPE,
    TOTAL,
    Program,
    Sent,
    Shares,
    assert_nothing_beyond,
    play,
    total,
)
from tests.outcomes import everybody

KEEP, OTHER = np.array([True, False, False, True]), np.array([True, True, True, False])
MANIFEST = (
    Opening("keep", 1, SHAPE, PARTIES),
    Opening("other", 1, SHAPE, PARTIES),
    Opening("total", 32, SHAPE, PARTIES, "keep"),
    Opening("of A", 32, SHAPE, PARTIES, "other"),
)


def bits(box: Box, kept: NDArray[np.bool_]) -> Secret:
    return box.constant(BITS, BITS.pack(kept))


def keep(box: Box, _x: Shares) -> object:
    return box.open_bits({"keep": bits(box, KEEP), "other": bits(box, OTHER)}, 4)


def rest(box: Box, x: Shares) -> Array:
    opened = box.open({"total": total(x)}, "keep")["total"]
    box.open({"of A": x["A"]}, "other")
    box.confirm()
    return opened


def agreed(box: Box, x: Shares) -> Array:
    keep(box, x)
    return rest(box, x)


@pytest.fixture(scope="module")
def honest() -> Sent:
    """What everybody sends where all are honest."""
    sent: Sent = {}
    for value in everybody(play({}, sent, agreed=agreed, manifest=MANIFEST)).values():
        np.testing.assert_array_equal(np.asarray(value), np.asarray(TOTAL)[KEEP])
    return sent


def after_bits(step: Program) -> Program:
    def program(box: Box, x: Shares) -> object:
        keep(box, x)
        step(box, x)
        return rest(box, x)

    return program


def choosing(rows: NDArray[np.bool_]) -> Program:
    """As agreed, but for what A takes the opened bits to be."""

    def step(box: Box, _x: Shares) -> None:
        box._chosen["keep"] = rows

    return after_bits(step)


def before_bits(step: Callable[[Box, Shares], object]) -> Program:
    return lambda box, x: (step(box, x), agreed(box, x))


ATTEMPTS: dict[str, Program] = {
    "totals before their bits": before_bits(lambda box, x: box._open_all({"total": total(x)})),
    "kept totals before their bits": before_bits(
        lambda box, x: box._open_all({"total": total(x)[np.flatnonzero(KEEP)]})
    ),
    "all rows": choosing(np.ones(4, np.bool_)),
    "one row more": choosing(np.array([True, True, False, True])),
    "as many other rows": choosing(~KEEP),
    "another where": after_bits(lambda box, x: box.open({"total": total(x)}, "other")),
    "no where": after_bits(lambda box, x: box.open({"total": total(x)})),
    "the bits twice": after_bits(keep),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_honest_parties_send_nothing_for_it_and_stop(attempt: str, honest: Sent) -> None:
    sent: Sent = {}
    ended = play({"A": ATTEMPTS[attempt]}, sent, timeout=5, agreed=agreed, manifest=MANIFEST)
    assert_nothing_beyond(sent, honest, ended)


def test_a_wrong_share_of_a_bit_is_noticed_too_late(honest: Sent) -> None:
    """What does not hold: the engine is semi-honest, and bits are acted on when they are opened.

    B, who gets A's share, takes other rows for kept, and may send shares of them before it hears
    that R saw two shares differ.
    """
    sent: Sent = {}

    def other_bits(box: Box, x: Shares) -> object:
        box.open_bits({"keep": bits(box, ~KEEP), "other": bits(box, OTHER)}, 4)
        return rest(box, x)

    ended = play({"A": other_bits}, sent, agreed=agreed, manifest=MANIFEST)
    assert all(isinstance(error, Abort) for error in ended.values())
    assert "A and C sent different shares" in str(ended["R"])
    beyond = [name for name in ("B", "C", "R") if sent[name] != honest[name][: len(sent[name])]]
    assert beyond in (["B"], [])  # as soon as R's word reached it


REFUSED: dict[str, Program] = {
    "totals before their bits": before_bits(lambda box, x: box.open({"total": total(x)}, "keep")),
    "another where": ATTEMPTS["another where"],
    "no where": ATTEMPTS["no where"],
    "the bits twice": ATTEMPTS["the bits twice"],
    "the bits as values": before_bits(lambda box, _x: box.open({"keep": bits(box, KEEP)})),
    "bits of something else": before_bits(lambda box, _x: box.open_bits({"x": bits(box, KEEP)}, 4)),
    "more bits": before_bits(lambda box, _x: box.open_bits({"keep": bits(box, KEEP)}, 5)),
}


@pytest.mark.parametrize("attempt", REFUSED)
def test_a_program_that_asks_for_it_is_refused_before_a_message(attempt: str, honest: Sent) -> None:
    """Where the program itself, the same everywhere, goes beyond the manifest."""
    sent: Sent = {}
    programs = dict.fromkeys(PARTIES, REFUSED[attempt])
    ended = play(programs, sent, forged=False, agreed=agreed, manifest=MANIFEST)
    assert any(isinstance(error, NotInManifest) for error in ended.values())
    for name, error in ended.items():
        assert isinstance(error, Abort), (name, error)
        assert sent[name] == honest[name][: len(sent[name])]


@pytest.mark.parametrize("where", [None, "other", "total", ""])
def test_a_line_allows_its_own_where_alone(where: str | None) -> None:
    leakage = Leakage(MANIFEST)
    with pytest.raises(NotInManifest, match="the plan does not release Opening"):
        leakage.spend(Opening("total", 32, SHAPE, PARTIES, where))
    assert leakage.opened == []
