"""A threshold shows no party more than which variants pass, and the totals of those that do.

`Above.passes` runs as it is: products, sign, the bit joined with that of `keep`, bits opened, and
totals opened where they are 1.

One bit        of each of two owners: all inputs and all draws are enumerated (2^21 runs), and each
               party's real view has the very distribution of the simulated one.
Three owners   with `Floors.met` as well: more than 100 draws; of the allelic test in a study, 800.
               All counts are enumerated, each with other draws: what is opened is what the ideal
               functionality opens. That every message has a mask of its own, whatever inputs and
               draws are, is proved on the expressions of all messages, for a variant of each kind:
               so the view is the simulated one (see proofs). Of the allelic test only this is
               looked at, in the ring in which it is compared.
"""

import pytest

from mpcgen.abb import Box
from mpcgen.protocols.comparison import either
from mpcgen.secret import Secret
from tests.attacks.broken import NoZeroSharing
from tests.attacks.passing_scenes import (
    ALLELIC,
    ONE_BIT,
    OWNER_OUTSIDE,
    THREE_OWNERS,
    Join,
    all_counts,
    small,
    three_variants,
)
from tests.attacks.proofs import one_of_each, unmasked
from tests.attacks.scenes import THREE, Z2, Scene
from tests.attacks.tape import SomeLanes
from tests.attacks.views import parties_that_see_more, shown_otherwise

SMALL = {"three owners": THREE_OWNERS, "an owner outside": OWNER_OUTSIDE}


def test_real_views_of_one_bit_passing_are_distributed_as_simulated_ones() -> None:
    assert parties_that_see_more(ONE_BIT, Z2) == []


@pytest.mark.parametrize("name", SMALL)
def test_of_all_counts_those_are_opened_that_pass(name: str) -> None:
    scene = SMALL[name]
    assert shown_otherwise(scene, all_counts(scene)) == []


@pytest.mark.parametrize(
    ("scene", "lanes"),
    [
        (THREE_OWNERS, all_counts(THREE_OWNERS)),
        (OWNER_OUTSIDE, all_counts(OWNER_OUTSIDE)),
        (ALLELIC, three_variants()),
    ],
    ids=["three owners", "an owner outside", "allelic"],
)
def test_every_message_has_a_mask_of_its_own(scene: Scene, lanes: SomeLanes) -> None:
    lanes = one_of_each(scene, lanes)
    assert lanes.count == 3  # withheld, kept, kept and passed
    assert unmasked(scene, scene.rings[0], lanes) == {}


# What is broken is found.


def test_an_engine_with_a_hole_is_found_with_one_bit() -> None:
    assert parties_that_see_more(ONE_BIT, Z2, NoZeroSharing)


def _passed(_: Box, passed: Secret, _keep: Secret) -> Secret:
    return passed


def _kept(_: Box, _passed: Secret, keep: Secret) -> Secret:
    return keep


def _fails(box: Box, passed: Secret, keep: Secret) -> Secret:
    return box.mul(passed + 1, keep)


@pytest.mark.parametrize("join", [_passed, _kept, _fails, either])
def test_bits_joined_wrongly_are_found(join: Join) -> None:
    scene = small(THREE, join)
    assert shown_otherwise(scene, all_counts(scene)) == list(scene.cast.parties)
