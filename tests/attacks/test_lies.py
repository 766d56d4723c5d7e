"""An institution that makes people or bits up does not lift floors for itself."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from mpcgen.abb import Seat
from mpcgen.bits import BITS
from mpcgen.leakage import Leakage, Opening
from mpcgen.protocols.clear import Clear
from mpcgen.protocols.floors import Floor, Floors
from tests import studies
from tests.brute_floors import Institution, Ints
from tests.plain import MISSING
from tests.test_floors import CHROM, WINDOW, Nobody, gated, institution, lay_out

MADE_UP = 100


@dataclass(frozen=True)
class Liar(Institution):
    """One that has more people behind every pair than behind its variants."""

    def within(self, groups: int) -> "Liar":  # all its people are of the groups
        return self

    def pair_sums(self, pairs: Ints) -> Ints:
        sums = super().pair_sums(pairs)
        sums[:, 0] += MADE_UP
        return sums


@pytest.mark.parametrize("missed", [5, 0])
def test_people_made_up_behind_a_pair(missed: int, tmp_path: Path) -> None:
    """The pair of variants 0 and 1 is opened only if nobody of B misses one of them alone.

    A is in the total without B, not in that without A, which is what A would learn.
    """
    study = lay_out(tmp_path, studies.OF_ALL + WINDOW)
    rng = np.random.default_rng(5)
    half, none = np.full((len(CHROM), 1), 0.5), np.zeros((len(CHROM), 1))
    honest = [institution(rng, 400, half, none, 0) for _ in studies.NAMES]
    honest[1].plain.genotypes[0, :missed] = MISSING
    owners = [Liar(honest[0].plain, honest[0].has), *honest[1:]]
    assert gated(study, owners)["linkage0/keep"][0] == (missed == 0)


LEAST = 3
COUNTS = np.array(list(product(range(LEAST + 2), repeat=2)), np.int32)  # of B and C


@pytest.mark.parametrize("or_zero", [False, True])
@pytest.mark.parametrize("bits", [*product([False, True], repeat=LEAST)])
def test_no_bits_of_a_lift_a_floor_of_the_others(bits: tuple[bool, ...], or_zero: bool) -> None:
    """Whatever A gives, a level or not; what it can is to have fewer kept."""
    floors = Floors(("n",), (Floor("n", {"n": 1}, LEAST, or_zero=or_zero, most=1),), None, 3)
    m, names = len(COUNTS), studies.NAMES
    box = Clear(
        Nobody(), Seat("A", names, names, ("A",)), Leakage([Opening("met", 1, (m,), names)])
    )
    planes = [
        BITS.pack(np.repeat([bits], m, 0).T),
        *(floors.levels([c[:, None]]) for c in COUNTS.T),
    ]
    given = {name: box.constant(BITS, own) for name, own in zip(names, planes, strict=True)}
    met = box.open_bits({"met": floors.met(box, given)}, m)["met"]
    others = COUNTS.sum(axis=1)
    assert not met[(others < LEAST) & ((others > 0) | (not or_zero))].any()
