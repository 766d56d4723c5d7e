"""Scenes with floors: counts of the owners, the bits that their floors open, totals where 1."""

from collections.abc import Callable, Mapping
from functools import partial, reduce
from itertools import product
from operator import add

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.bits import BITS
from mpcgen.protocols.floors import Floor, Floors
from mpcgen.ring import Ring
from mpcgen.secret import Secret
from tests.attacks.scenes import GUESTS, THREE, TWO_OWNERS, Z2, Ints, Opened, Scene
from tests.attacks.simulator import Cast
from tests.attacks.tape import BIT, SomeLanes

Inputs = Mapping[str, Secret]
Bits = Callable[[Box, Inputs], Secret]
Asked = NDArray[np.bool_] | None
INSTITUTIONS = 2
COLUMNS = ("PEOPLE", "ALLELES")
FEW = {"PEOPLE": 2, "ALLELES": 3}


def floors(owners: int, least: Mapping[str, int] = FEW) -> Floors:
    """Floors on people, and on alleles where there are any, of two institutions."""
    counts = (
        Floor("people", {"PEOPLE": 1}, least["PEOPLE"], or_zero=False, most=1),
        Floor("alleles", {"ALLELES": 1}, least["ALLELES"], or_zero=True, most=2),
    )
    return Floors(COLUMNS, counts, INSTITUTIONS, owners)


def met(floors: Floors, box: Box, x: Inputs, asked: Asked = None) -> Secret:
    """The bits, for owners that give first the bits of their levels."""
    levels = {owner: values[: floors.planes].reduce(box.bits) for owner, values in x.items()}
    return floors.met(box, levels, asked)


def with_levels(floors: Floors, counts: Ints, here: Ints) -> Ints:
    """What an owner gives: its levels, then its counts (columns, lanes)."""
    table = counts.T.astype(np.int32)
    planes = floors.levels([table], here > 0 if floors.min_institutions else None)
    return np.concatenate([BITS.unpack(planes, len(table)), counts]).astype(np.int64)


def open_where(keep: Bits, box: Box, x: Inputs) -> Opened:
    """Open the bits, then the totals where they are 1."""
    people, alleles = (reduce(add, (own[n] for own in x.values())) for n in (-2, -1))
    bits = box.open_bits({"keep": keep(box, x)}, people.shape[0])
    return {**bits, **box.open({"people": people, "alleles": alleles}, where="keep")}


def kept(floors: Floors, x: Mapping[str, Ints]) -> Mapping[str, Ints]:
    """What is opened, of integers: a floor holds whichever owner subtracts its own counts."""
    total = reduce(add, (own[floors.planes - 1 :] for own in x.values()))
    keep = total[0] >= INSTITUTIONS
    least = [floor.at_least for floor in floors.counts]
    for own in x.values():
        people, alleles = total[1:] - own[floors.planes :]
        keep &= (people >= least[0]) & ((alleles == 0) | (alleles >= least[1]))
    return {"keep": keep.astype(np.int64), "people": total[1], "alleles": total[2]}


def scene(cast: Cast, ring: Ring, least: Mapping[str, int] = FEW) -> Scene:
    """Floors of the cast's owners."""
    each = floors(len(cast.owners), least)
    return Scene(
        cast,
        partial(open_where, partial(met, each)),
        partial(kept, each),
        values=each.planes + len(COLUMNS),
        narrow={"keep": BIT},
        where={"people": "keep", "alleles": "keep"},
        rings=(ring,),
    )


THREE_OWNERS, OWNER_OUTSIDE = scene(THREE, Ring(8)), scene(GUESTS, Ring(8))
STUDY = {"PEOPLE": 50, "ALLELES": 5}
AS_IN_A_STUDY = scene(THREE, Ring(32), STUDY)

# A person has at most two alleles; an institution may say that it is here, or not, whatever it has.
COUNTS_OF_ONE = [(n, a, here) for n in range(3) for a in range(2 * n + 1) for here in range(2)]


def all_counts(scene: Scene, least: Mapping[str, int] = FEW, times: int = 1) -> SomeLanes:
    """All counts that owners with at most two people can have, or so many times as much."""
    owners = scene.cast.owners
    values = np.array(list(product(COUNTS_OF_ONE, repeat=len(owners)))).transpose(1, 2, 0)
    each = floors(len(owners), least)
    return SomeLanes(
        {
            owner: with_levels(each, times * counts[:2], counts[2])
            for owner, counts in zip(owners, values, strict=True)
        }
    )


# Owners with a bit each, of which 1 is enough without any of them: small enough for all draws.


def _enough(owners: int) -> Floors:
    people = Floor("n", {"N": 1}, 1, or_zero=False, most=1)
    return Floors(("N",), (people,), None, owners)


def _with_total(box: Box, x: Inputs) -> Opened:
    keep = met(_enough(len(x)), box, x)
    bits = box.open_bits({"keep": keep}, keep.shape[0])
    return {**bits, **box.open({"total": reduce(add, (own[0] for own in x.values()))}, "keep")}


def _kept_of_bits(x: Mapping[str, Ints]) -> Mapping[str, Ints]:
    total = reduce(add, x.values())
    keep = reduce(np.minimum, (total - own for own in x.values())) > 0
    return {"keep": keep.astype(np.int64), "total": total}


def bit_each(cast: Cast) -> Scene:
    """Floors of the cast's owners, each with one bit; the total is opened where they hold."""
    return Scene(
        cast,
        _with_total,
        _kept_of_bits,
        narrow={"keep": BIT},
        where={"total": "keep"},
        rings=(Z2,),
    )


TWO_BITS, THREE_BITS = bit_each(TWO_OWNERS), bit_each(THREE)
