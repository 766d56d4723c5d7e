"""What is proved of views on expressions, held against scenes small enough to enumerate."""

import numpy as np
import pytest

from mpcgen.protocols.replicated import Replicated
from mpcgen.ring import Array, Ring
from tests.attacks import broken
from tests.attacks.comparisons import COMPARISONS
from tests.attacks.expressions import NUMBER, Book
from tests.attacks.proofs import NOTHING, symbolic_views, unmasked
from tests.attacks.scenes import SCENES, Scene
from tests.attacks.tape import ABSENT, SomeLanes
from tests.attacks.test_views import TWO_PRODUCTS, TWO_SIGNS
from tests.attacks.test_withheld import parties_told
from tests.attacks.views import real_views

ENUMERATED = {name: scene for name, scene in (SCENES | COMPARISONS).items() if name != "low bits"}
# "low bits" reduces to a ring of numbers, so it cannot run on expressions.


def lanes_of(scene: Scene, ring: Ring) -> SomeLanes:
    rng = np.random.default_rng(1)
    shape = (scene.values, 4)
    return SomeLanes({o: rng.integers(0, min(ring.modulus, 100), shape) for o in scene.cast.owners})


@pytest.mark.parametrize("name", ENUMERATED)
def test_where_views_are_the_simulated_ones_it_is_proved(name: str) -> None:
    for ring in (*ENUMERATED[name].rings, Ring(32)):
        assert unmasked(ENUMERATED[name], ring, lanes_of(ENUMERATED[name], ring)) == {}


@pytest.mark.parametrize("name", ENUMERATED)
def test_expressions_are_what_an_engine_computes(name: str) -> None:
    """Every message and every opened value, as a number."""
    scene = ENUMERATED[name]
    ring = scene.rings[0]
    lanes = lanes_of(scene, ring)
    leaves, symbolic = symbolic_views(scene, ring, lanes)
    for me, view in real_views(scene, ring, lanes).items():
        assert symbolic[me].keys() == view.keys()
        for row, lines in symbolic[me].items():
            np.testing.assert_array_equal(numbers(leaves.book, lines), view[row])


def numbers(book: Book, lines: Array) -> list[int]:
    """A row of lines as numbers; one of opened bits is of numbers already."""
    if lines.dtype != NUMBER:
        return list(lines)
    return [ABSENT if line == NOTHING else book.value(line) for line in lines.tolist()]


HOLES = [
    ("NoZeroSharing", SCENES["product"]),
    ("NoZeroSharing", COMPARISONS["total where it is negative"]),
    ("SameZeroSharingTwice", TWO_PRODUCTS),
    ("SameZeroSharingTwice", SCENES["chain"]),
    ("InputWithoutMask", SCENES["sum"]),
    ("InputMaskUsedInProduct", SCENES["product"]),
    ("AddendWithoutMask", COMPARISONS["sign"]),
    ("AddendWithoutMask", COMPARISONS["total where it is negative, with guests"]),
    ("MaskOfTwoAddends", TWO_SIGNS),
    ("MaskOfAddendUsedInProduct", COMPARISONS["sign"]),
]


@pytest.mark.parametrize(("engine", "scene"), HOLES, ids=[name for name, _ in HOLES])
def test_of_whom_is_told_something_it_is_not_proved(engine: str, scene: Scene) -> None:
    holed: type[Replicated] = getattr(broken, engine)
    ring = scene.rings[0]
    told = parties_told(scene, holed)
    assert told
    assert set(told) <= unmasked(scene, ring, lanes_of(scene, ring), holed).keys()
