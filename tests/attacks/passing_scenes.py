"""Scenes with a threshold: bits of floors and of a statistic above t, totals where they are 1."""

from collections.abc import Callable, Mapping
from functools import partial, reduce
from itertools import product
from operator import add

import numpy as np

from mpcgen.abb import Box
from mpcgen.protocols.allelic import CHISQ
from mpcgen.protocols.comparison import negative
from mpcgen.protocols.floors import Floor, Floors
from mpcgen.protocols.genotype_counts import CASES, CONTROLS, PEOPLE, form
from mpcgen.protocols.statistic import Input
from mpcgen.protocols.threshold import Above, Bound, Form, Quadratic, Ratio
from mpcgen.ring import Ring
from mpcgen.secret import Secret, concatenate
from tests.attacks.floor_scenes import INSTITUTIONS, met, with_levels
from tests.attacks.scenes import GUESTS, THREE, TWO_OWNERS, Z2, Ints, Opened, Scene
from tests.attacks.simulator import Cast
from tests.attacks.tape import BIT, SomeLanes
from tests.thresholds import NAMED, allelic_sides

Inputs = Mapping[str, Secret]
Sides = Callable[[Ints], tuple[Ints, Ints]]
Join = Callable[[Box, Secret, Secret], Secret]


def rows(columns: Secret) -> Secret:
    """Values (columns, m) as (m, columns)."""
    return concatenate([columns[n].reshape(-1, 1) for n in range(columns.shape[0])], axis=1)


def keep_and_pass(box: Box, passed: Secret, keep: Secret) -> Secret:
    """The bits of an entry with a threshold, as the gate of a study has them."""
    return box.mul(passed, keep, "pass/kept")


def open_passing(above: Above, floors: Floors, join: Join, box: Box, x: Inputs) -> Opened:
    """Open one total where the floors hold, and one where the statistic is above t as well."""
    total = reduce(add, (own[floors.planes :] for own in x.values()))
    keep = met(floors, box, x)
    passed = join(box, above.passes(box, rows(total)), keep)
    bits = box.open_bits({"keep": keep, "passed": passed}, total.shape[1])
    kept = box.open({"sum": total.sum(0)}, where="keep")
    return {**bits, **kept, **box.open({"first": total[0]}, where="passed")}


def ideal(above: Above, floors: Floors, sides: Sides, x: Mapping[str, Ints]) -> Mapping[str, Ints]:
    """The same of integers; `sides` are those of the comparison, left > t right."""
    (floor,), counts = floors.counts, [own[floors.planes :] for own in x.values()]
    total, here = reduce(add, counts), reduce(add, (own[floors.planes - 1] for own in x.values()))
    factors = np.array([floor.form.get(column, 0) for column in floors.columns])
    behind = np.stack([factors @ (total - own) for own in counts])
    keep = (behind >= floor.at_least).all(0) & (here >= INSTITUTIONS)
    left, right = sides(total)
    passed = keep & (left > above.bound.value * right)
    bits = {"keep": keep.astype(np.int64), "passed": passed.astype(np.int64)}
    return {**bits, "sum": total.sum(0), "first": total[0]}


def _scene(
    cast: Cast, ring: Ring, above: Above, floors: Floors, sides: Sides, join: Join = keep_and_pass
) -> Scene:
    """Owners give their levels, of which the last says whether they are here, and the counts."""
    return Scene(
        cast,
        partial(open_passing, above, floors, join),
        partial(ideal, above, floors, sides),
        values=floors.planes + len(floors.columns),
        narrow={"keep": BIT, "passed": BIT},
        where={"sum": "keep", "first": "passed"},
        rings=(ring,),
    )


def _floors(columns: tuple[str, ...], count: Form, least: int, owners: int) -> Floors:
    """At least so many of one count, of two institutions."""
    floor = Floor("count", count, least, or_zero=False, most=2)
    return Floors(columns, (floor,), INSTITUTIONS, owners)


# A ratio of small numbers, which is no statistic: n u^2 / (v w) > 3 / 2.

X, Y, X_AND_Y = {"X": 1}, {"Y": 1}, {"X": 1, "Y": 1}
Z256 = Ring(8)


def _above(ring: Ring, u: Quadratic, v: Quadratic, w: Quadratic, n: Form | None, t: Bound) -> Above:
    source = Input("xy", ("X", "Y"), ring, lambda people: people, lambda local: local.counts[:, 0])
    ratio = Ratio(source, u, v, w, n, lambda people: people, lambda people: people**4)
    return Above(ratio, t, NAMED)


_SMALL = _above(
    Z256, u=((X, X), ({"Y": -1}, Y)), v=((X, X),), w=((Y, X_AND_Y),), n=X_AND_Y, t=Bound(3, 1, 8)
)


def _small_sides(total: Ints) -> tuple[Ints, Ints]:
    x, y = total
    return (x + y) * (x**2 - y**2) ** 2, x**2 * y * (x + y)


def small(cast: Cast, join: Join = keep_and_pass) -> Scene:
    """Where floors hold and the ratio is above t."""
    floors = _floors(("X", "Y"), X_AND_Y, 1, len(cast.owners))
    return _scene(cast, Z256, _SMALL, floors, _small_sides, join)


THREE_OWNERS, OWNER_OUTSIDE = small(THREE), small(GUESTS)


def all_counts(scene: Scene) -> SomeLanes:
    """All counts of 0 or 1 whose totals are at most 2: up to there 3 v w - 2 n u^2 has 8 bits."""
    owners = scene.cast.owners
    every = np.array(list(product(product((0, 1), repeat=3), repeat=len(owners))))
    within = every[(every[:, :, :2].sum(1) <= 2).all(1)].transpose(1, 2, 0)
    floors = _floors(("X", "Y"), X_AND_Y, 1, len(owners))
    given = [with_levels(floors, counts[:2], counts[2]) for counts in within]
    return SomeLanes(dict(zip(owners, given, strict=True)))


# The allelic test of a study of 1000 people, in the ring in which it is compared.


def _allelic_sides(total: Ints) -> tuple[Ints, Ints]:
    left, right = np.array([allelic_sides(each)[0] for each in total.T.tolist()]).T
    return left, right


_COLUMNS = CHISQ.source.columns
_IN_A_STUDY = _floors(_COLUMNS, form(PEOPLE, CASES, CONTROLS), 10, 3)
ALLELIC = _scene(
    THREE,
    Ring(128),
    CHISQ.above(1901 / 64, 1000, NAMED),
    _IN_A_STUDY,
    _allelic_sides,
)


def three_variants() -> SomeLanes:
    """Without data; as frequent in cases as in controls; in cases alone. Owners are alike."""
    some, half, none = [20, 10, 0], [10, 10, 10], [30, 0, 0]
    groups = [([0] * 3, [0] * 3, 0), (some, some, 1), (half, none, 1)]
    rest = [0] * 4  # haploid, or without a call
    counts = np.array([[*cases, *rest, *controls, *rest] for cases, controls, _ in groups]).T
    given = with_levels(_IN_A_STUDY, counts, np.array([here for *_, here in groups]))
    return SomeLanes(dict.fromkeys(THREE.owners, given))


# One bit of each of two owners: small enough for all draws.

_ONE_BIT = _above(Z2, u=((X, X), (Y, Y)), v=((X, X),), w=((Y, Y),), n=None, t=Bound(1, 0, 1))


def _one_bit_passes(box: Box, x: Inputs) -> Opened:
    """Whether x^2 y^2 - (x^2 + y^2)^2 is odd where x is even."""
    total = concatenate(list(x.values()))
    keep = negative(box, total[0] + 1, 1)
    passed = keep_and_pass(box, _ONE_BIT.passes(box, rows(total)), keep)
    bits = box.open_bits({"passed": passed}, total.shape[1])
    return {**bits, **box.open({"y": total[1]}, where="passed")}


ONE_BIT = Scene(
    TWO_OWNERS,
    _one_bit_passes,
    lambda x: {"passed": (x["A"] | x["B"]) & ~x["A"] & 1, "y": x["B"]},
    narrow={"passed": BIT},
    where={"y": "passed"},
    rings=(Z2,),
)
