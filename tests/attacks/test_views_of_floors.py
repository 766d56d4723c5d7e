"""Floors show no party more than the bits that they open, and the totals where these are 1.

`Floors.met` runs as it is, from the owners' counts to the totals that it lets through.

One owner      all inputs and all draws are enumerated (2^20 runs): each party's real view has the
               very distribution of the simulated one.
Three owners   187 draws are too many. All counts are enumerated, each with other draws: what is
               opened is what the ideal functionality opens. That every message has a mask of its
               own, whatever inputs and draws are, is proved on the expressions of all messages, for
               a variant that is kept and one that is withheld: so the view is the simulated one
               (see proofs).
"""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial

import numpy as np
import pytest

from mpcgen.abb import Box
from mpcgen.protocols.floors import Floor, Floors
from mpcgen.protocols.replicated import Replicated
from mpcgen.secret import Secret
from tests.attacks.broken import AddendWithoutMask, OpensEverywhere
from tests.attacks.floor_scenes import (
    AS_IN_A_STUDY,
    FEW,
    ONE_OWNER,
    OWNER_OUTSIDE,
    THREE_OWNERS,
    Inputs,
    all_counts,
    floors,
    met,
    open_where,
)
from tests.attacks.proofs import one_of_each, unmasked
from tests.attacks.scenes import Z4, Scene
from tests.attacks.views import parties_that_see_more, shown_otherwise

SMALL = {"three owners": THREE_OWNERS, "an owner outside": OWNER_OUTSIDE}


def test_real_views_of_one_owners_floors_are_distributed_as_simulated_ones() -> None:
    assert parties_that_see_more(ONE_OWNER, Z4) == []


@pytest.mark.parametrize("engine", [AddendWithoutMask, OpensEverywhere])
def test_an_engine_with_a_hole_is_found_with_one_owner(engine: type[Replicated]) -> None:
    assert parties_that_see_more(ONE_OWNER, Z4, engine)


@pytest.mark.parametrize("name", SMALL)
def test_of_all_counts_those_are_opened_that_floors_allow(name: str) -> None:
    scene = SMALL[name]
    assert shown_otherwise(scene, all_counts(scene)) == []


@pytest.mark.parametrize(
    ("scene", "times"),
    [(THREE_OWNERS, 1), (OWNER_OUTSIDE, 1), (AS_IN_A_STUDY, 40)],
    ids=["three owners", "an owner outside", "as in a study"],
)
def test_every_message_has_a_mask_of_its_own(scene: Scene, times: int) -> None:
    lanes = one_of_each(scene, all_counts(scene, times))
    assert lanes.count == 2
    assert unmasked(scene, scene.rings[0], lanes) == {}


# What is broken is found.


class _OfAll(Floors):
    """Floors on the joint total alone: whoever knows its own part is forgotten."""

    def _test(self, floor: Floor, without: int) -> list[int]:
        return super()._test(floor, -1)


def _nobody_subtracts(box: Box, x: Inputs) -> Secret:
    honest = floors(3, 6, FEW)
    return met(_OfAll(**{f.name: getattr(honest, f.name) for f in fields(honest)}), box, x)


def _two_are_one(box: Box, x: Inputs) -> Secret:
    """Floors as if A and B were one institution."""
    return met(floors(2, 6, FEW), box, {"A and B": x["A"] + x["B"], "C": x["C"]})


def _not_asked(box: Box, x: Inputs) -> Secret:
    """Floors that allow 0 are asked for nowhere."""
    return met(floors(3, 6, FEW), box, x, np.zeros((1, x["A"].shape[1]), np.bool_))


@pytest.mark.parametrize("keep", [_nobody_subtracts, _two_are_one, _not_asked])
def test_a_floor_that_is_not_looked_at_is_found(keep: Callable[[Box, Inputs], Secret]) -> None:
    scene = replace(THREE_OWNERS, program=partial(open_where, keep))
    assert shown_otherwise(scene, all_counts(scene)) == list(scene.cast.parties)
