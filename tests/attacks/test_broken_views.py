"""What is broken is found, in runs with floors and with thresholds: the proofs see holes."""

from itertools import product

import pytest

from mpcgen.protocols.replicated import Replicated
from tests.attacks import floor_scenes, passing_scenes
from tests.attacks.broken import (
    Draws,
    InputMaskUsedInProduct,
    MaskOfAddendUsedInProduct,
    MaskOfTwoAddends,
    OpensEverywhere,
    OpensWhereNot,
    Repeated,
    SameZeroSharingTwice,
    Zero,
    broken_in,
)
from tests.attacks.proofs import one_of_each, steps, unmasked
from tests.attacks.scenes import Scene
from tests.attacks.tape import SomeLanes
from tests.attacks.views import shown_otherwise

SCENES = {
    "floors": (floor_scenes.THREE_OWNERS, floor_scenes.all_counts(floor_scenes.THREE_OWNERS)),
    "passing": (
        passing_scenes.THREE_OWNERS,
        passing_scenes.all_counts(passing_scenes.THREE_OWNERS),
    ),
}
in_each = pytest.mark.parametrize(("scene", "lanes"), SCENES.values(), ids=SCENES)


@in_each
@pytest.mark.parametrize("instead", [Zero, Repeated])
def test_a_mask_left_out_or_used_twice_is_found_at_every_step(
    scene: Scene, lanes: SomeLanes, instead: type[Draws]
) -> None:
    ring, last = scene.rings[0], one_of_each(scene, lanes).some([-1])
    drawn = steps(scene, ring, last)
    several = [label for label, elements in drawn.items() if instead is Zero or elements > 1]
    assert len(several) > 5
    for label in several:
        assert unmasked(scene, ring, last, broken_in(label, instead)), label


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        *product(SCENES, (SameZeroSharingTwice, InputMaskUsedInProduct)),
        *product(["passing"], (MaskOfTwoAddends, MaskOfAddendUsedInProduct)),
    ],
)
def test_a_mask_used_at_several_steps_is_found(name: str, engine: type[Replicated]) -> None:
    scene, lanes = SCENES[name]
    assert unmasked(scene, scene.rings[0], one_of_each(scene, lanes).some([-1]), engine)


@in_each
@pytest.mark.parametrize("engine", [OpensEverywhere, OpensWhereNot])
def test_openings_of_what_is_withheld_are_found(
    scene: Scene, lanes: SomeLanes, engine: type[Replicated]
) -> None:
    assert shown_otherwise(scene, lanes, engine) == list(scene.cast.parties)
