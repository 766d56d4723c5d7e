"""Scenes with floors: counts of the owners, the bits that their floors open, totals where 1."""

from collections.abc import Callable, Mapping
from functools import partial, reduce
from itertools import product
from operator import add

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.protocols.floors import Floor, Floors
from mpcgen.ring import Ring
from mpcgen.secret import Secret, concatenate
from tests.attacks.scenes import GUESTS, THREE, Z4, Ints, Opened, Scene
from tests.attacks.simulator import Cast
from tests.attacks.tape import BIT, SomeLanes

Inputs = Mapping[str, Secret]
Bits = Callable[[Box, Inputs], Secret]
Asked = NDArray[np.bool_] | None
INSTITUTIONS = 2
COLUMNS = ("PEOPLE", "ALLELES")


def floors(owners: int, people: int, least: Mapping[str, int]) -> Floors:
    """Floors on people, and on alleles where there are any, of two institutions."""
    counts = [
        Floor("people", {"PEOPLE": 1}, least["PEOPLE"], or_zero=False, most=1),
        Floor("alleles", {"ALLELES": 1}, least["ALLELES"], or_zero=True, most=2),
    ]
    return Floors.among(COLUMNS, counts, people, owners, INSTITUTIONS)


def met(floors: Floors, box: Box, x: Inputs, asked: Asked = None) -> Secret:
    """The bits, for owners that give their counts and, last, whether they have any."""
    columns = len(floors.columns)
    here = reduce(add, (values[columns] for values in x.values()))
    return floors.met(box, {o: [rows(values[:columns])] for o, values in x.items()}, here, asked)


def rows(columns: Secret) -> Secret:
    """Values (columns, m) as (m, columns)."""
    return concatenate([columns[n].reshape(-1, 1) for n in range(columns.shape[0])], axis=1)


def open_where(keep: Bits, box: Box, x: Inputs) -> Opened:
    """Open the bits, then the totals where they are 1."""
    total = reduce(add, x.values())
    bits = box.open_bits({"keep": keep(box, x)}, total.shape[1])
    return {**bits, **box.open({"people": total[0], "alleles": total[1]}, where="keep")}


def kept(least: Mapping[str, int], x: Mapping[str, Ints]) -> Mapping[str, Ints]:
    """What is opened, of integers: a floor holds whichever owner subtracts its own counts."""
    total = reduce(add, x.values())
    keep = total[2] >= INSTITUTIONS
    for own in x.values():
        people, alleles, _ = total - own
        keep &= (people >= least["PEOPLE"]) & ((alleles == 0) | (alleles >= least["ALLELES"]))
    return {"keep": keep.astype(np.int64), "people": total[0], "alleles": total[1]}


def scene(cast: Cast, people: int, least: Mapping[str, int]) -> Scene:
    """Floors among so many people of the cast's owners."""
    each = floors(len(cast.owners), people, least)
    return Scene(
        cast,
        partial(open_where, partial(met, each)),
        partial(kept, least),
        values=3,
        narrow={"keep": BIT},
        where={"people": "keep", "alleles": "keep"},
        rings=(Ring(each.bits if each.bits <= 8 else 32),),
    )


FEW = {"PEOPLE": 2, "ALLELES": 3}
THREE_OWNERS, OWNER_OUTSIDE = scene(THREE, 6, FEW), scene(GUESTS, 4, FEW)
AS_IN_A_STUDY = scene(THREE, 3000, {"PEOPLE": 50, "ALLELES": 5})

# A person has at most two alleles; an institution may say that it is here, or not, whatever it has.
COUNTS_OF_ONE = [(n, a, here) for n in range(3) for a in range(2 * n + 1) for here in range(2)]


def all_counts(scene: Scene, times: int = 1) -> SomeLanes:
    """All counts that owners with at most two people can have, or so many times as much."""
    owners = scene.cast.owners
    values = np.array(list(product(COUNTS_OF_ONE, repeat=len(owners)))) * [times, times, 1]
    return SomeLanes(dict(zip(owners, values.transpose(1, 2, 0), strict=True)))


# One owner with one count, which also says whether it is here: small enough for all draws.

_ONE = Floors.among(("N",), [Floor("n", {"N": 1}, 1, or_zero=True, most=1)], 1, 1, 1)


def _one_met(box: Box, x: Inputs) -> Opened:
    keep = met(_ONE, box, {"A": concatenate([x["A"], x["A"]])})
    bits = box.open_bits({"keep": keep}, keep.shape[0])
    return {**bits, **box.open({"total": x["A"][0]}, where="keep")}


def _one_kept(x: Mapping[str, Ints]) -> Mapping[str, Ints]:
    """Without the owner there is nobody, which is allowed; 3 is -1 in Z_2^2, and not here."""
    return {"keep": np.isin(x["A"], (1, 2)).astype(np.int64), "total": x["A"]}


ONE_OWNER = Scene(
    Cast(("A", "B", "C"), ("A",), ("A", "B", "C")),
    _one_met,
    _one_kept,
    narrow={"keep": BIT},
    where={"total": "keep"},
    rings=(Z4,),
)
