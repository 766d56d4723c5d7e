"""Floors show no party more than the bits that they open, and the totals where these are 1.

`Floors.met` runs as it is, from the bits of the owners' counts to the totals that it lets through.

One bit each    all inputs and all draws are enumerated, of two owners and of three: each party's
                real view has the very distribution of the simulated one.
Several counts  have more draws than that. All counts are enumerated, each with other draws: what is
                opened is what the ideal functionality opens. That every message has a mask of its
                own, whatever inputs and draws are, is proved on the expressions of all messages,
                for a variant that is kept and one that is withheld: so the view is the simulated
                one (see proofs).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from mpcgen.abb import Box
from mpcgen.protocols.replicated import Replicated
from mpcgen.secret import Secret
from tests.attacks.broken import InputWithoutMask, NoZeroSharing, OpensEverywhere
from tests.attacks.floor_scenes import (
    AS_IN_A_STUDY,
    FEW,
    OWNER_OUTSIDE,
    STUDY,
    THREE_BITS,
    THREE_OWNERS,
    TWO_BITS,
    Inputs,
    all_counts,
    floors,
    met,
    open_where,
)
from tests.attacks.proofs import one_of_each, unmasked
from tests.attacks.scenes import Z2, Scene
from tests.attacks.views import parties_that_see_more, shown_otherwise

SMALL = {"three owners": THREE_OWNERS, "an owner outside": OWNER_OUTSIDE}


@pytest.mark.parametrize("scene", [TWO_BITS, THREE_BITS], ids=["two owners", "three owners"])
def test_real_views_of_floors_are_distributed_as_simulated_ones(scene: Scene) -> None:
    """Over all inputs and draws; with three owners, whose sums of two take products."""
    assert parties_that_see_more(scene, Z2) == []


@pytest.mark.parametrize("scene", [TWO_BITS, THREE_BITS], ids=["two owners", "three owners"])
@pytest.mark.parametrize("engine", [InputWithoutMask, NoZeroSharing, OpensEverywhere])
def test_an_engine_with_a_hole_is_found_with_all_draws(
    engine: type[Replicated], scene: Scene
) -> None:
    assert parties_that_see_more(scene, Z2, engine)


@pytest.mark.parametrize("name", SMALL)
def test_of_all_counts_those_are_opened_that_floors_allow(name: str) -> None:
    scene = SMALL[name]
    assert shown_otherwise(scene, all_counts(scene)) == []


@pytest.mark.parametrize(
    ("scene", "least", "times"),
    [(THREE_OWNERS, FEW, 1), (OWNER_OUTSIDE, FEW, 1), (AS_IN_A_STUDY, STUDY, 40)],
    ids=["three owners", "an owner outside", "as in a study"],
)
def test_every_message_has_a_mask_of_its_own(
    scene: Scene, least: Mapping[str, int], times: int
) -> None:
    lanes = one_of_each(scene, all_counts(scene, least, times))
    assert lanes.count == 2
    assert unmasked(scene, scene.rings[0], lanes) == {}


# What is broken is found.


def _only_without_c(box: Box, x: Inputs) -> Secret:
    """Floors as if C had plenty of everything: totals without A and without B are never small."""
    return met(floors(3), box, {**x, "C": x["C"] * 0 + 1})


def _without_its_bits(box: Box, x: Inputs) -> Secret:
    """Floors as if C had nothing."""
    return met(floors(3), box, {**x, "C": x["C"] * 0})


def _not_asked(box: Box, x: Inputs) -> Secret:
    """The floor that allows 0 is asked for nowhere."""
    return met(floors(3), box, x, np.array([[True], [False]]).repeat(x["A"].shape[1], axis=1))


@pytest.mark.parametrize("keep", [_only_without_c, _without_its_bits, _not_asked])
def test_a_floor_that_is_not_looked_at_is_found(keep: Callable[[Box, Inputs], Secret]) -> None:
    scene = replace(THREE_OWNERS, program=partial(open_where, keep))
    assert shown_otherwise(scene, all_counts(scene)) == list(scene.cast.parties)
