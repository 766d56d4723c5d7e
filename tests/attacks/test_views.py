"""No party of the replicated engine sees more than its input, its outputs and randomness.

Perfect secrecy of one party, checked exactly: on Z_2 and Z_2^2, over all inputs and all draws of
all keys, a party's view (its keys' draws, every message received, every value opened to it) has
for each input the very distribution that a simulator makes from that party's inputs and outputs
alone: perfect security against one semi-honest party, as Araki et al. (CCS 2016) prove it.
"""

from collections.abc import Callable, Mapping
from itertools import chain

import numpy as np
import pytest

from mpcgen.abb import Box
from mpcgen.protocols.replicated import Replicated
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret
from tests.attacks.scenes import SCENES, THREE, Z2, Z4, Opened, Scene
from tests.attacks.tape import Lanes, Row, Tape
from tests.attacks.views import parties_that_see_more, real_distributions, real_views

CASES = [(name, ring) for name, scene in SCENES.items() for ring in scene.rings]


@pytest.mark.parametrize(("name", "ring"), CASES, ids=[f"{name}-k{ring.k}" for name, ring in CASES])
def test_real_views_are_distributed_as_simulated_ones(name: str, ring: Ring) -> None:
    assert parties_that_see_more(SCENES[name], ring) == []


def test_opened_values_are_those_of_the_ideal_functionality() -> None:
    """So that the views compared above are views of the right computation."""
    for name, ring in CASES:
        scene = SCENES[name]
        lanes, _, views = real_distributions(scene, ring)
        ideal = scene.ideal({o: ring.unsigned(x) for o, x in scene.inputs(lanes, ring).items()})
        for me, (label, value) in ((p, item) for p in views for item in ideal.items()):
            expected = scene.narrow.get(label, ring).encode(value.reshape(-1))
            if scene.to.get(label, me) == me:
                np.testing.assert_array_equal(views[me]["opened", label], expected)
            else:
                assert ("opened", label) not in views[me]


def test_lanes_do_not_mix() -> None:
    """A run with one assignment gives the views that its lane has in the run over all of them."""
    scene = SCENES["product"]
    lanes, _, together = real_distributions(scene, Z2)
    for lane in range(0, lanes.count, 7):
        alone = real_views(scene, Z2, _One(lanes, lane), Replicated)
        for me, view in together.items():
            assert {name: row[lane] for name, row in view.items()} == {
                name: row[0] for name, row in alone[me].items()
            }


class _One(Lanes):
    """A single assignment out of all."""

    def __init__(self, lanes: Lanes, lane: int):
        super().__init__(lanes.ring, ())
        self._lanes, self._lane = lanes, lane

    def __getitem__(self, name: Row) -> Array:
        return self._lanes[name][self._lane : self._lane + 1]


# Engines with a hole: the comparison finds each of them.


class _Draws:
    """A key that draws as it should and gives something else."""

    def __init__(self, key: Tape):
        self.key = key

    def draw(self, ring: Ring, shape: tuple[int, ...], label: str, counter: int) -> Array:
        return self.instead(ring, self.key.draw(ring, shape, label, counter))

    def instead(self, ring: Ring, x: Array) -> Array:
        raise NotImplementedError


class _Zero(_Draws):
    def instead(self, ring: Ring, x: Array) -> Array:
        return ring.zeros(ring.shape(x))


class _Repeated(_Draws):
    def instead(self, ring: Ring, x: Array) -> Array:
        self.first = getattr(self, "first", x)
        return self.first


class _Broken(Replicated):
    """Uses another kind of key in its inputs, its resharings or both."""

    instead: type[_Draws]
    where: tuple[str, ...]

    def _with(self, step: str, run: Callable[[], object]) -> object:
        if step not in self.where:
            return run()
        honest = self._keys
        self.broken = getattr(self, "broken", {j: self.instead(k) for j, k in honest.items()})  # type: ignore[arg-type]
        self._keys = self.broken
        try:
            return run()
        finally:
            self._keys = honest

    def _input(self, *given):  # type: ignore[no-untyped-def]
        return self._with("input", lambda: super(_Broken, self)._input(*given))

    def _reshare(self, *given):  # type: ignore[no-untyped-def]
        return self._with("reshare", lambda: super(_Broken, self)._reshare(*given))


class NoZeroSharing(_Broken):
    instead, where = _Zero, ("reshare",)


class SameZeroSharingTwice(_Broken):
    instead, where = _Repeated, ("reshare",)


class InputWithoutMask(_Broken):
    instead, where = _Zero, ("input",)


class InputMaskUsedInProduct(_Broken):
    instead, where = _Repeated, ("input", "reshare")


def _two_products(box: Box, x: Mapping[str, Secret]) -> Opened:
    box.mul(x["A"], x["B"])
    box.mul(x["B"], x["C"])
    return {}


TWO_PRODUCTS = Scene(THREE, _two_products, lambda x: {}, rings=(Z2,))


@pytest.mark.parametrize(
    ("engine", "scene"),
    [
        (NoZeroSharing, SCENES["product"]),
        (NoZeroSharing, SCENES["chain"]),
        (SameZeroSharingTwice, TWO_PRODUCTS),
        (SameZeroSharingTwice, SCENES["chain"]),
        (InputWithoutMask, SCENES["sum"]),
        (InputMaskUsedInProduct, SCENES["product"]),
    ],
    ids=lambda x: x.__name__ if isinstance(x, type) else "",
)
def test_an_engine_with_a_hole_is_found(engine: type[Replicated], scene: Scene) -> None:
    assert parties_that_see_more(scene, Z2) == []
    assert parties_that_see_more(scene, Z2, engine)


def test_a_product_without_resharing_shows_its_factors() -> None:
    """Opening z_i as computed, without the zero-sharing, tells more than the product."""
    scene = SCENES["product"]
    leaks = chain.from_iterable(
        parties_that_see_more(scene, ring, NoZeroSharing) for ring in (Z2, Z4)
    )
    assert set(leaks) == set(scene.cast.computing)
