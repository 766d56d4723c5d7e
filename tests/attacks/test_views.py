"""No party of the replicated engine sees more than its input, its outputs and randomness.

Perfect secrecy of one party, checked exactly: on Z_2, Z_2^2 and Z_2^3, over all inputs and draws
of all keys, a party's view (its keys' draws, every message received, every value opened to it) has
for each input the very distribution that a simulator makes from that party's inputs and outputs
alone: perfect security against one semi-honest party, as Araki et al. (CCS 2016) prove it. A value
that is opened only where a bit is 1 is an output, and a message, only there.
"""

from collections.abc import Mapping
from itertools import chain

import pytest

from mpcgen.abb import Box
from mpcgen.protocols.comparison import negative
from mpcgen.protocols.replicated import Replicated
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret
from tests.attacks.broken import (
    AddendWithoutMask,
    InputMaskUsedInProduct,
    InputWithoutMask,
    MaskOfAddendUsedInProduct,
    MaskOfTwoAddends,
    NoZeroSharing,
    OpensEverywhere,
    OpensWhereNot,
    SameZeroSharingTwice,
)
from tests.attacks.comparisons import COMPARISONS
from tests.attacks.scenes import SCENES, THREE, TWO_OWNERS, Z2, Z4, Opened, Scene
from tests.attacks.tape import Lanes, Row
from tests.attacks.views import (
    all_real_views,
    parties_shown_otherwise,
    parties_that_see_more,
    real_views,
)

ALL_SCENES = SCENES | COMPARISONS
CASES = [(name, ring) for name, scene in ALL_SCENES.items() for ring in scene.rings]


@pytest.mark.parametrize(("name", "ring"), CASES, ids=[f"{name}-k{ring.k}" for name, ring in CASES])
def test_real_views_are_distributed_as_simulated_ones(name: str, ring: Ring) -> None:
    assert parties_that_see_more(ALL_SCENES[name], ring) == []


@pytest.mark.parametrize(("name", "ring"), CASES, ids=[f"{name}-k{ring.k}" for name, ring in CASES])
def test_opened_values_are_those_of_the_ideal_functionality(name: str, ring: Ring) -> None:
    """So that the views compared above are views of the right computation."""
    scene = ALL_SCENES[name]
    lanes, views = all_real_views(scene, ring)
    assert parties_shown_otherwise(scene, ring, lanes, views) == []


def test_lanes_do_not_mix() -> None:
    """A run with one assignment gives the views that its lane has in the run over all of them."""
    scene = SCENES["product"]
    lanes, together = all_real_views(scene, Z2)
    for lane in range(0, lanes.count, 7):
        alone = real_views(scene, Z2, _One(lanes, lane), Replicated)
        for me, view in alone.items():
            assert {name: together[me][name][lane] for name in view} == {
                name: row[0] for name, row in view.items()
            }


class _One(Lanes):
    """A single assignment out of all."""

    def __init__(self, lanes: Lanes, lane: int):
        super().__init__({})
        self._lanes, self._lane = lanes, lane

    def take(self, name: Row, ring: Ring) -> Array:
        return self._lanes.take(name, ring)[self._lane : self._lane + 1]


# Engines with a hole: the comparison finds each of them.


def _two_products(box: Box, x: Mapping[str, Secret]) -> Opened:
    box.mul(x["A"], x["B"])
    box.mul(x["B"], x["C"])
    return {}


TWO_PRODUCTS = Scene(THREE, _two_products, lambda x: {}, rings=(Z2,))


def _two_signs(box: Box, x: Mapping[str, Secret]) -> Opened:
    negative(box, x["A"], 1)
    negative(box, x["B"], 1)
    return {}


TWO_SIGNS = Scene(TWO_OWNERS, _two_signs, lambda x: {}, rings=(Z2,))


@pytest.mark.parametrize(
    ("engine", "scene"),
    [
        (NoZeroSharing, SCENES["product"]),
        (NoZeroSharing, SCENES["chain"]),
        (SameZeroSharingTwice, TWO_PRODUCTS),
        (SameZeroSharingTwice, SCENES["chain"]),
        (InputWithoutMask, SCENES["sum"]),
        (InputMaskUsedInProduct, SCENES["product"]),
        (AddendWithoutMask, COMPARISONS["sign"]),
        (AddendWithoutMask, COMPARISONS["total where it is negative, with guests"]),
        (MaskOfTwoAddends, TWO_SIGNS),
        (MaskOfAddendUsedInProduct, COMPARISONS["sign"]),
        (NoZeroSharing, COMPARISONS["sign"]),
        (NoZeroSharing, COMPARISONS["total where it is negative"]),
        (OpensEverywhere, COMPARISONS["total where it is negative"]),
        (OpensEverywhere, COMPARISONS["total where it is negative, with guests"]),
        (OpensWhereNot, COMPARISONS["both inputs where one is above the other"]),
    ],
    ids=lambda x: x.__name__ if isinstance(x, type) else "",
)
def test_an_engine_with_a_hole_is_found(engine: type[Replicated], scene: Scene) -> None:
    ring = scene.rings[0]
    assert parties_that_see_more(scene, ring) == []
    assert parties_that_see_more(scene, ring, engine)


def test_a_product_without_resharing_shows_its_factors() -> None:
    """Opening z_i as computed, without the zero-sharing, tells more than the product."""
    scene = SCENES["product"]
    leaks = chain.from_iterable(
        parties_that_see_more(scene, ring, NoZeroSharing) for ring in (Z2, Z4)
    )
    assert set(leaks) == set(scene.cast.computing)
