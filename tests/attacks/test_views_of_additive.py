"""All computing parties but one together see their inputs and outputs alone; the dealer nothing.

On Z_2 and Z_2^2, over all inputs and all draws of all keys, as in test_views_of_four, but of joint
views: of each coalition of all computing parties but one, with those who only read, and with owners
that do not compute or without them.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from mpcgen.abb import Box, Seat
from mpcgen.net.channel import Channel
from mpcgen.protocols.additive import Additive, drawn_shares
from mpcgen.protocols.dealer import Dealer
from mpcgen.protocols.keyed import KeyName
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret, Sized
from tests.attacks.comparisons import COMPARISONS
from tests.attacks.scenes import SCENES, Z2, Z4, Opened, Scene
from tests.attacks.simulator import Cast
from tests.attacks.tape import Lanes, OneLane, Tape
from tests.attacks.views import View, Views, _manifest, _seen, depends_on_more, inputs_of, note
from tests.threads import in_threads

DEALER = "D"
PAIR = Cast(("A", "B"), ("A", "B"), ("A", "B"))
ONE_OWNER = Cast(("A", "B"), ("B",), ("A", "B"))
GUESTS = Cast(("A", "B", "O", "R"), ("A", "O"), ("B", "A"))


def _products(box: Box, x: Mapping[str, Secret]) -> Opened:
    """A factor that occurs often is masked once."""
    a, b = x["A"], x["B"]
    square, cross = box.sums_of_products([[(a, a)], [(a, b), (b, a + 1)]])
    return {"square": box.reveal("square", square[0], "A"), **box.open({"cross": cross[0]})}


PRODUCTS = Scene(
    PAIR,
    _products,
    lambda x: {"square": x["A"] ** 2, "cross": x["A"] * x["B"] * 2 + x["B"]},
    to={"square": "A"},
)
CASES: Mapping[str, tuple[Scene, Ring]] = {
    "sum": (SCENES["sum"], Z4),
    "affine": (SCENES["affine"], Z2),
    "linear forms": (replace(SCENES["linear forms of one secret"], cast=PAIR), Z2),
    "low bits": (SCENES["low bits"], Z4),
    "product": (SCENES["product"], Z2),
    "reveal": (SCENES["reveal"], Z2),
    "products": (PRODUCTS, Z2),
    "guests": (replace(SCENES["guests"], cast=GUESTS), Z2),
    "reveal to guests": (replace(SCENES["reveal to guests"], cast=GUESTS), Z2),
    "sign": (replace(COMPARISONS["sign"], cast=ONE_OWNER), Z4),
}


class Noting:
    """An exchange that notes what comes, under the receiver's name."""

    def __init__(self, channel: Channel, lanes: Lanes, view: View):
        self._channel, self._lanes, self._view = channel, lanes, view

    def exchange(
        self, label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        came = self._channel.exchange(label, send, receive)
        for peer, data in came.items():
            note(self._view, self._lanes, (label, (peer, self._channel.me)), data)
        return came


def keys_of(cast: Cast, me: str) -> list[KeyName]:
    """The keys that a party holds."""
    names = [(DEALER, i) for i in range(len(cast.computing))]
    names += [(owner, i) for owner in cast.owners for i in drawn_shares(cast.computing, owner)]
    return [(maker, i) for maker, i in names if me in (maker, cast.computing[i])]


def real_views(scene: Scene, ring: Ring, lanes: Lanes, engine: type[Additive]) -> Views:
    """Run the engine, once for all lanes: every party's view."""
    cast, inputs = scene.cast, scene.inputs(lanes, ring)
    everybody = (*cast.parties, DEALER)
    views: Views = {me: {} for me in everybody}

    def part(channel: Channel) -> None:
        channel.bind_session(b"s" * 16)
        me = channel.me
        keys: Any = {name: Tape(lanes, name, views[me]) for name in keys_of(cast, me)}
        seat = Seat(me, cast.parties, cast.owners, cast.computing, dealer=DEALER)
        exchange = Noting(channel, lanes, views[me])
        kind = Dealer if me == DEALER else engine
        box = kind(exchange, seat, _manifest(scene, ring, lanes), keys)
        box.bits = lanes.bits
        shape = (scene.values, lanes.count)
        opened = scene.program(box, box.input("x", ring, shape, inputs.get(me)))
        if me != DEALER:
            views[me] |= {(*name, me): row for name, row in _seen(opened).items()}

    in_threads(everybody, part)
    return views


def coalitions(cast: Cast) -> list[list[str]]:
    """All computing parties but one, with readers, and with owners outside or without them."""
    guests = [party for party in cast.parties if party not in cast.computing]
    return [
        [
            p
            for p in cast.parties
            if p != honest and (owners or p not in guests or p not in cast.owners)
        ]
        for honest, owners in product(cast.computing, (True, False))
    ]


def coalitions_that_see_more(
    scene: Scene, ring: Ring, engine: type[Additive] = Additive
) -> list[list[str]]:
    """The coalitions whose joint view depends on more than their inputs and outputs."""
    rehearsal = OneLane()
    real_views(scene, ring, rehearsal, engine)
    lanes = rehearsal.all()
    views, given = real_views(scene, ring, lanes, engine), inputs_of(scene, ring, lanes)
    assert not [name for name in views[DEALER] if name[0] != "drawn"]
    return [
        those
        for those in coalitions(scene.cast)
        if depends_on_more({k: v for me in those for k, v in views[me].items()}, those, given)
    ]


@pytest.mark.parametrize("name", CASES)
def test_joint_views_follow_from_inputs_and_outputs(name: str) -> None:
    scene, ring = CASES[name]
    assert coalitions_that_see_more(scene, ring) == []


class WithoutMasks(Additive):
    """Draws zeros for what masks factors."""

    def _drawn(self, label: str, like: list[Sized]) -> list[Array]:  # type: ignore[override]
        drawn = super()._drawn(label, like)
        return [x.ring.zeros(x.shape) for x in like] if label.endswith("/a") else drawn


class InputWithoutMask(Additive):
    """An owner keeps nothing of its input for itself, and sends it as it is."""

    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]:
        shares = super()._input(label, ring, shape, values)
        for owner, x in shares.items():
            if self._i is not None and self._i == (owner == self._computing[0]):
                came = self._exchange(f"{label} in the clear", {}, {owner: x.nbytes})
                x._parts = (ring.from_bytes(came[owner], shape),)
            elif self.me == owner and values is not None:
                to = self._computing[self.me == self._computing[0]]
                self._exchange(f"{label} in the clear", {to: ring.to_bytes(values)}, {})
        return shares


@pytest.mark.parametrize(
    ("engine", "name"),
    [(WithoutMasks, "product"), (WithoutMasks, "sign"), (InputWithoutMask, "sum")],
)
def test_a_hole_is_found(engine: type[Additive], name: str) -> None:
    scene, ring = CASES[name]
    assert coalitions_that_see_more(scene, ring, engine) != []
