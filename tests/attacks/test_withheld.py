"""What is withheld never crosses the wire: checked on the messages, not on the record of a run.

Exactly   on a ring small enough to enumerate: whatever the others' inputs are, as long as a party's
          own input and what is opened to it are the same, so is the distribution of all it sees.
In bytes  on a large ring, two runs differ only in withheld values. With the same randomness, order
          and sizes of all messages and the bytes of the openings are the same; with other
          randomness, every message has bytes of one distribution in both.
"""

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from mpcgen.abb import Box
from mpcgen.leakage import Opening
from mpcgen.prg import Prg
from mpcgen.protocols.comparison import negative
from mpcgen.protocols.replicated import Replicated
from mpcgen.ring import Array, Ring
from tests.attacks.broken import AddendWithoutMask, NoZeroSharing, OpensEverywhere
from tests.attacks.comparisons import COMPARISONS
from tests.attacks.scenes import Scene
from tests.attacks.tape import ABSENT, Lanes, numbered
from tests.attacks.views import View, all_real_views
from tests.conformance import SETTINGS, given, run

WITHHOLDING = {name: scene for name, scene in COMPARISONS.items() if scene.where}
ON_TWO_BITS = [name for name, scene in WITHHOLDING.items() if scene.rings[0].k == 2]


def views_by_input(scene: Scene, lanes: Lanes, view: View, me: str) -> list[list[dict[int, int]]]:
    """For all that a party knows anyway, for each of the others' inputs: its views, counted."""
    ring = scene.rings[0]
    mine = [row for row in scene.given if row[1] == me]
    others = [row for row in scene.given if row[1] != me]
    released: View = {
        ("released", label): value
        for label, value in scene.outputs(scene.inputs(lanes, ring), ring).items()
    }
    seen = sorted(view.keys() - set(scene.given), key=repr)
    parts = ([*mine, *released], others, seen)
    codes = np.stack([numbered([view | released], rows)[0] for rows in parts])
    tables: Any = defaultdict(lambda: defaultdict(dict))
    found, counts = np.unique(codes, axis=1, return_counts=True)
    for known, other, code, count in zip(*found.tolist(), counts.tolist(), strict=True):
        tables[known][other][code] = count
    return [list(table.values()) for table in tables.values()]


def parties_told(scene: Scene, engine: type[Replicated] = Replicated) -> list[str]:
    """The parties whose view depends on more of the others' inputs than what is released."""
    lanes, views = all_real_views(scene, scene.rings[0], engine)
    return [
        me
        for me, view in views.items()
        if any(
            one != another
            for table in views_by_input(scene, lanes, view, me)
            for one, another in pairwise(table)
        )
    ]


@pytest.mark.parametrize("name", ON_TWO_BITS)
def test_views_do_not_depend_on_what_is_withheld(name: str) -> None:
    assert parties_told(WITHHOLDING[name]) == []


@pytest.mark.parametrize("name", ON_TWO_BITS)
def test_something_is_withheld_and_something_opened(name: str) -> None:
    """So that the comparison above compares something."""
    scene = WITHHOLDING[name]
    _, views = all_real_views(scene, scene.rings[0])
    for view in views.values():
        assert all(0 < (view["opened", label] == ABSENT).mean() < 1 for label in scene.where)


@pytest.mark.parametrize("engine", [AddendWithoutMask, NoZeroSharing, OpensEverywhere])
def test_an_engine_with_a_hole_is_found(engine: type[Replicated]) -> None:
    assert parties_told(WITHHOLDING["total where it is negative"], engine)


# The bytes of a run on a large ring.

SETTING, RING, UNITS = SETTINGS[2], Ring(64), 4096
NEGATIVE = np.arange(UNITS) % 2 == 0
LOW, HIGH = 0, (1 << 39) - 1  # withheld values, as unlike as can be
ALPHA = 1e-4
MANIFEST = [
    Opening("keep", 1, (UNITS,), SETTING.parties),
    Opening("value", RING.k, (UNITS,), SETTING.parties, "keep"),
]
Sent = dict[tuple[str, str, str], bytes]
"""Sender, receiver and label -> payload, in the order of sending."""


def inputs(withheld: int) -> dict[str, Array]:
    """Values whose sum is negative in every second unit; in the others it is what A makes it."""
    rng = np.random.default_rng(1)
    shares = {owner: rng.integers(-(2**20), 0, UNITS) for owner in SETTING.owners}
    shares["A"][~NEGATIVE] = (withheld - shares["B"] - shares["C"])[~NEGATIVE]
    return {owner: RING.encode(value) for owner, value in shares.items()}


def traffic(withheld: int, seed: int) -> tuple[Sent, list[dict[str, Array]]]:
    """All messages of a run but digests, and what everybody saw opened."""
    sent: Sent = {}

    def program(box: Box) -> dict[str, Array]:
        honest = box._exchange

        def exchange(
            label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
        ) -> dict[str, bytes]:
            for peer, payload in send.items() if not label.startswith("confirm") else ():
                sent[box.me, peer, label] = bytes(payload)
            return honest(label, send, receive)

        box._exchange = exchange
        shares = box.input("x", RING, (UNITS,), given(box, inputs(withheld)))
        x = shares["A"] + shares["B"] + shares["C"]
        bits = box.open_bits({"keep": negative(box, x, 40)}, UNITS)
        return {**bits, **box.open({"value": x}, where="keep")}

    seen: Any = run(SETTING, MANIFEST, program, seed=seed)
    return sent, list(seen.values())


def sizes(sent: Sent) -> dict[str, list[tuple[str, str, int]]]:
    """What each party sent, in order: receiver, label, length."""
    by_sender: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for (sender, receiver, label), payload in sent.items():
        by_sender[sender].append((receiver, label, len(payload)))
    return by_sender


def unlike(one: Sent, other: Sent) -> list[str]:
    """Labels of messages whose bytes (their higher halves) are distributed differently."""
    found = []
    for message, payload in one.items():
        table = np.stack([_histogram(payload), _histogram(other[message])])
        if stats.chi2_contingency(table[:, table.any(0)]).pvalue < ALPHA / len(one):
            found.append(message[2])
    return found


def _histogram(payload: bytes) -> NDArray[np.intp]:
    return np.bincount(np.frombuffer(payload, np.uint8) >> 4, minlength=16)


def test_with_the_same_randomness_openings_do_not_know_withheld_values() -> None:
    (low, seen_low), (high, seen_high) = traffic(LOW, 1), traffic(HIGH, 1)
    assert sizes(low) == sizes(high)
    for one, other in zip(seen_low, seen_high, strict=True):
        np.testing.assert_array_equal(one["keep"], NEGATIVE)
        np.testing.assert_array_equal(one["keep"], other["keep"])
        np.testing.assert_array_equal(one["value"], other["value"])
    *_, values = (label for _, _, label in low if label.startswith("open"))
    last = [message for message in low if message[2] == values]
    assert len(last) == 3
    for message in last:
        assert low[message] == high[message]
        assert len(low[message]) == RING.size * UNITS // 2


def test_no_message_is_distributed_otherwise_for_withheld_values() -> None:
    low, high = traffic(LOW, 1)[0], traffic(HIGH, 2)[0]
    assert len(low) > 20
    assert unlike(low, high) == []


def test_inputs_without_masks_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Prg.draw

    def draw(self: Prg, ring: Ring, shape: tuple[int, ...], label: str, counter: int) -> Array:
        x = honest(self, ring, shape, label, counter)
        return ring.zeros(shape) if label.startswith("x#") else x

    monkeypatch.setattr(Prg, "draw", draw)
    assert "x#1" in unlike(traffic(LOW, 1)[0], traffic(HIGH, 2)[0])
