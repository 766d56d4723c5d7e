"""A party that tampers with any one message: the engine of four stops, semi-honest ones may not.

Each attack alters, drops, repeats, delays or misdirects one message of a small run; every party
cheats in turn, an owner that does not compute among them, at every one of its messages. Caught is
an attack if nobody accepts a wrong value, the cheater is named, nothing is opened after, and no
honest party has sent anything but what it sends when nobody cheats: else the cheater might learn
from an answer what it should not, as where digests are compared late (IACR eprint 2026/234).
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pytest

from mpcgen.abb import DIGEST_BYTES, Box
from mpcgen.errors import Abort
from mpcgen.leakage import Opening
from mpcgen.protocols import joint
from mpcgen.protocols.comparison import negative
from mpcgen.ring import Ring
from mpcgen.secret import Secret
from tests.attacks.tampering import (
    CAUGHT,
    KINDS,
    MISLED,
    NOBODY,
    WITHOUT_EFFECT,
    WRONG,
    Attack,
    Scene,
    Seen,
    play,
    same,
    tally,
    told,
    verdict,
)
from tests.conformance import Setting

RING = Ring(32)
COUNTS = np.array([[1, 60, 7], [-1, 1, 4]])  # of each owner, times its place
BITS = 4

FOUR = Setting("replicated4", ("A", "B", "C"), ("A", "B", "C", "D"))
WITH_OWNER = Setting("replicated4", ("A", "E"), ("A", "B", "C", "D"))
Manifest: TypeAlias = Callable[[Setting], Sequence[Opening]]

THREE = Setting("replicated", ("A", "B", "C"), ("A", "B", "C"))
DEALT = Setting("additive", ("A", "B"), ("A", "B"), "D")


def shared(box: Box) -> Secret:
    """The sum of what all owners give."""
    place = 1 + box.owners.index(box.me) if box.me in box.owners else 0
    values = RING.encode(place * COUNTS) if place else None
    first, *others = box.input("counts", RING, COUNTS.shape, values).values()
    return sum(others, first)


def times(setting: Setting) -> int:
    return sum(range(1, 1 + len(setting.owners)))


def totals(box: Box) -> Seen:
    x = shared(box)
    return {**box.open({"totals": x}), "reveal:D": box.reveal("reveal:D", x[0], "D")}


def comparison(box: Box) -> Seen:
    """The rows of which the first column is negative."""
    x = shared(box)
    keep = box.open_bits({"keep": negative(box, x[:, 0], BITS)}, 2)
    return {**keep, **box.open({"kept": x}, where="keep")}


def product(box: Box) -> Seen:
    x = shared(box)
    square = box.matmul(x, x.reshape(3, 2))
    return dict(box.open({"product": box.matmul(square, x)}))


def right(name: str, setting: Setting) -> Seen:
    """What is opened, in plain integers."""
    x = times(setting) * COUNTS
    values = {
        "totals": {"totals": x, "reveal:D": x[0]},
        "comparison": {"keep": x[:, 0] < 0, "kept": x[x[:, 0] < 0]},
        "product": {"product": x @ x.reshape(3, 2) @ x},
    }[name]
    return {
        label: value if value.dtype == np.bool_ else RING.encode(value)
        for label, value in values.items()
    }


def manifest(*lines: tuple[str, int, tuple[int, ...], str | None]) -> Manifest:
    """Lines with the parties of a setting filled in."""

    def of(setting: Setting) -> Sequence[Opening]:
        return [
            Opening(label, k, shape, ("D",) if label == "reveal:D" else setting.parties, where)
            for label, k, shape, where in lines
        ]

    return of


SCENES = {
    "totals": Scene(
        totals,
        manifest(("totals", 32, (2, 3), None), ("reveal:D", 32, (3,), None)),
        with_keys=True,
    ),
    "comparison": Scene(
        comparison, manifest(("keep", 1, (2,), None), ("kept", 32, (2, 3), "keep"))
    ),
    "product": Scene(product, manifest(("product", 32, (2, 3), None))),
}
by_scene = pytest.mark.parametrize("name", SCENES)


@by_scene
@pytest.mark.parametrize("setting", [FOUR, WITH_OWNER], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_honest_parties_never_stop(name: str, setting: Setting, seed: int) -> None:
    run = play(setting, SCENES[name], NOBODY, seed=seed)
    wanted = right(name, setting)
    assert all(same(seen, wanted, party) for party, seen in run.ended.items())


@by_scene
def test_four_parties_accept_no_wrong_value(name: str, say: Callable[[str], None]) -> None:
    """Whoever cheats is named, and nothing is opened after the first check that fails."""
    setting = WITH_OWNER if name == "totals" else FOUR
    found = tally(setting, SCENES[name], right(name, setting))
    say(told(setting, name, found))
    for kind, verdicts in found.items():
        assert verdicts.keys() <= {CAUGHT, WITHOUT_EFFECT}
        assert WITHOUT_EFFECT not in verdicts or kind in {"repeat", "delay", "misdirect"}


@pytest.mark.parametrize("name", ["comparison", "product"])
@pytest.mark.parametrize("setting", [THREE, DEALT], ids=str)
def test_wrong_values_are_accepted(setting: Setting, name: str, say: Callable[[str], None]) -> None:
    """The semi-honest engines: the harness sees that wrong results go out."""
    found = tally(setting, SCENES[name], right(name, setting))
    say(told(setting, name, found))
    assert any(verdicts[WRONG] for verdicts in found.values())


@pytest.mark.parametrize(
    ("setting", "name", "cheater", "index", "names", "words"),
    [
        (WITH_OWNER, "totals", "E", 1, "B", "E gave B and C different keys, or C says so"),
        (WITH_OWNER, "totals", "E", 5, "A", "E gave A and B different shares, or B says so"),
        (WITH_OWNER, "totals", "A", 2, "D", "C gave D and A different keys, or A says so"),
        (FOUR, "product", "A", 3, "B", "C gave B and A different shares, or A says so"),
        (FOUR, "product", "A", 4, "C", "A and B sent different shares"),
        (FOUR, "product", "A", 5, "B", "D and A sent different shares"),
    ],
    ids=["keys", "input", "digest of keys", "digest of an input", "product", "digest of a product"],
)
def test_who_is_named(
    setting: Setting, name: str, cheater: str, index: int, names: str, words: str
) -> None:
    run = play(setting, SCENES[name], Attack(cheater, KINDS[0], index))
    assert str(run.ended[names]) == words
    assert all(isinstance(end, Abort) for end in run.ended.values())


@by_scene
@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("cheater", FOUR.computing)
def test_a_wrong_share_that_is_kept_and_used_is_caught(name: str, place: int, cheater: str) -> None:
    """The cheater goes on with a share that nobody else has: the next message of it is off."""

    def cheat(box: Box) -> None:
        given = box._input

        def altered(*args: Any) -> dict[str, Secret]:
            secrets = given(*args)
            x = secrets["A"]
            parts = list(x._parts)
            parts[place] = RING.add(parts[place], RING.encode(np.ones((2, 3), np.int64)))
            x._parts = tuple(parts)
            return secrets

        box._input = altered  # type: ignore[assignment, method-assign]

    attack, usual = Attack(cheater, "none", -1), play(FOUR, SCENES[name], NOBODY).transcript
    run = play(FOUR, SCENES[name], attack, cheat=cheat)
    assert verdict(run, attack, right(name, FOUR), usual) == CAUGHT


def test_the_harness_sees_what_goes_through_without_digests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where nobody compares, honest parties answer what is off by their secrets."""
    monkeypatch.setattr(joint, "digest", lambda _data: bytes(DIGEST_BYTES))
    kind = KINDS[0]
    found = tally(FOUR, SCENES["product"], right("product", FOUR), [kind])[kind]
    assert found[MISLED] + found[WRONG] > 10
