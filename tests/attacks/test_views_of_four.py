"""No party of the engine of four sees more than its input, its outputs and randomness.

On Z_2 and Z_2^2, over all inputs and all draws of all keys: among inputs that give a party the same
outputs, and have its own input in common, its view (its keys' draws, every share it receives) has
one and the same distribution. So a simulator that knows only these two can make it up. Digests are
apart: an honest party's are of what it also sends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mpcgen.abb import Exchange, Products, Seat
from mpcgen.net.channel import Channel
from mpcgen.protocols import replicated4
from mpcgen.protocols.joint import Letter, pass_jointly
from mpcgen.protocols.keyed import KeyName
from mpcgen.protocols.replicated4 import Replicated4
from mpcgen.protocols.replicated4_keys import key_name
from mpcgen.protocols.replicated4_roles import Route, drawn_components, holders
from mpcgen.ring import Array, Ring
from tests.attacks.comparisons import COMPARISONS
from tests.attacks.scenes import SCENES, Z2, Z4, Scene
from tests.attacks.simulator import Cast
from tests.attacks.tape import Lanes, OneLane, Tape
from tests.attacks.views import View, Views, _manifest, _seen, depends_on_more, inputs_of, note
from tests.threads import in_threads

FOUR = Cast(tuple("ABCD"), tuple("ABC"), tuple("ABCD"))
ONE_OWNER = Cast(tuple("ABCD"), ("B",), tuple("CADB"))
GUESTS = Cast(tuple("ABCDOR"), ("A", "O"), tuple("ABCD"))
CASES: Mapping[str, tuple[Scene, Ring]] = {
    "sum": (replace(SCENES["sum"], cast=FOUR), Z2),
    "sum of two bits": (replace(SCENES["sum"], cast=FOUR), Z4),
    "affine": (replace(SCENES["affine"], cast=FOUR), Z2),
    "product": (replace(SCENES["product"], cast=FOUR), Z2),
    "dot": (replace(SCENES["dot"], cast=FOUR), Z2),
    "product and factor": (replace(SCENES["product and factor"], cast=FOUR), Z2),
    "reveal": (replace(SCENES["reveal"], cast=FOUR), Z2),
    "guests": (replace(SCENES["guests"], cast=GUESTS), Z2),
    "reveal to guests": (replace(SCENES["reveal to guests"], cast=GUESTS), Z2),
    "sign": (replace(COMPARISONS["sign"], cast=ONE_OWNER), Z4),
}


def keys_of(cast: Cast, me: str) -> list[KeyName]:
    """The keys that a party holds."""
    owners = [(owner, j) for owner in cast.owners for j in drawn_components(cast.computing, owner)]
    names = {key_name(cast.computing, owner, j) for owner, j in owners}
    names |= {key_name(cast.computing, cast.computing[j], j) for j in range(4)}
    return sorted(
        (maker, j)
        for maker, j in names
        if me == maker or me in (cast.computing[i] for i in holders(j))
    )


class Noting:
    """An exchange that notes the shares of inputs that come."""

    def __init__(self, channel: Channel, lanes: Lanes, view: View):
        self._channel, self._lanes, self._view = channel, lanes, view

    def exchange(
        self, label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        came = self._channel.exchange(label, send, receive)
        if label == "x#1":
            for owner, data in came.items():
                note(self._view, self._lanes, (label, owner), data)
        return came


def real_views(scene: Scene, ring: Ring, lanes: Lanes, engine: type[Replicated4]) -> Views:
    """Run the engine, once for all lanes: every party's view."""
    cast, inputs = scene.cast, scene.inputs(lanes, ring)
    views: Views = {me: {} for me in cast.parties}

    def noted(
        exchange: Exchange, me: str, label: str, letters: Sequence[Letter]
    ) -> list[memoryview]:
        came = pass_jointly(exchange, me, label, letters)
        for n, data in enumerate(came):
            note(views[me], lanes, (label, n), data)
        return came

    def part(channel: Channel) -> None:
        channel.bind_session(b"s" * 16)
        me = channel.me
        keys = {name: Tape(lanes, name, views[me]) for name in keys_of(cast, me)}
        seat = Seat(me, cast.parties, cast.owners, cast.computing)
        exchange: Any = Noting(channel, lanes, views[me])
        box = engine(exchange, seat, _manifest(scene, ring, lanes), keys)  # type: ignore[arg-type]
        box.bits = lanes.bits
        shape = (scene.values, lanes.count)
        opened = scene.program(box, box.input("x", ring, shape, inputs.get(me)))
        views[me] |= _seen(opened)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replicated4, "pass_jointly", noted)
        in_threads(cast.parties, part)
    return views


def parties_that_see_more(scene: Scene, ring: Ring, engine: type[Replicated4]) -> list[str]:
    """The parties whose view depends on more than their input and outputs."""
    rehearsal = OneLane()
    real_views(scene, ring, rehearsal, engine)
    lanes = rehearsal.all()
    given = inputs_of(scene, ring, lanes)
    views = real_views(scene, ring, lanes, engine)
    return [me for me in scene.cast.parties if depends_on_more(views[me], [me], given)]


@pytest.mark.parametrize("name", CASES)
def test_views_follow_from_input_and_outputs(name: str) -> None:
    scene, ring = CASES[name]
    assert parties_that_see_more(scene, ring, Replicated4) == []


class WithoutMask(Replicated4):
    """Puts terms of products in as they are."""

    def _summand(self, route: Route, each: Products, z: Array) -> Array:
        return super()._summand(route, each, each.ring.zeros(each.ring.shape(z)))


class InputWithoutMask(Replicated4):
    """Draws zeros for inputs."""

    def _drawn(
        self, label: str, owner: str, ring: Ring, shape: tuple[int, ...]
    ) -> dict[int, Array]:
        drawn = super()._drawn(label, owner, ring, shape)
        return {j: ring.zeros(shape) for j in drawn}


@pytest.mark.parametrize(
    ("engine", "name"),
    [(WithoutMask, "product"), (InputWithoutMask, "sum"), (InputWithoutMask, "guests")],
)
def test_a_hole_is_found(engine: type[Replicated4], name: str) -> None:
    scene, ring = CASES[name]
    assert parties_that_see_more(scene, ring, engine) != []
