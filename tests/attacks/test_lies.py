"""An institution that makes people up does not lift floors for itself: it has to subtract them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests import studies
from tests.brute_floors import Institution, Ints
from tests.plain import MISSING
from tests.test_floors import CHROM, WINDOW, gated, institution, lay_out

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
