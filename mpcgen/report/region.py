"""The region of an LD map: where neighbouring variants are most strongly linked.

Pairs are looked at as they come and kept only while a region that is still open may hold them, so
memory is bounded by a batch and two regions, not by the number of pairs.
"""

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.genome.chromosomes import NAMES
from mpcgen.genome.sites import SiteList
from mpcgen.report.layouts import Floats, Indices, Triangle

REGION = 60  # variants of an LD map
UNIT = 2.0**30  # sums of squares are counted in 1/UNIT: exact in any order


class StrongestRegion:
    """The stretch of `width` neighbouring listed variants with the largest sum of r2 squared.

    A variant is listed if any pair names it. The sum is over the pairs that begin in the region and
    are fewer than `width` variants apart; squares let blocks outweigh many weak pairs. A region
    stays on one chromosome. Of pairs whose r2 is below `least` only the variants count.
    """

    def __init__(self, sites: SiteList, width: int = REGION, least: float = 0.0):
        self._sites, self._width, self._least = sites, width, least
        self._listed = np.zeros(len(sites), np.bool_)
        self._pairs, self._r2 = np.empty((0, 2), np.int64), np.empty(0)
        self._some = False  # pair that is strong enough
        self._begin = 0  # regions that begin before this site are compared already
        self._most, self._best = -1, None  # type: int, Triangle | None

    def add(self, pairs: NDArray[np.int64], r2: Floats) -> None:
        """Look at pairs (P, 2) of sites, first before second, and their r2 (P,).

        First ones ascend, within a call and from one call to the next.
        """
        if not len(pairs):
            return
        self._listed[pairs] = True
        strong = r2 >= self._least
        self._some |= bool(strong.any())
        self._pairs = np.concatenate([self._pairs, pairs[strong]])
        self._r2 = np.concatenate([self._r2, r2[strong]])
        self._compare(int(pairs[-1, 0]), 2 * self._width)

    def triangle(self) -> Triangle:
        """The region among all pairs, once they are added.

        Raises:
            InputError: there was none.
        """
        self._compare(len(self._sites), 0)
        if self._best is None or not self._some:
            raise InputError("no pair of variants has an r2 to be shown: there is nothing to plot")
        return self._best

    def _compare(self, end: int, margin: int) -> None:
        """Compare the regions that begin `margin` listed variants or more before the site `end`.

        Which sites before `end` are listed is known; of two regions a pair's ends can reach.
        """
        sites = self._begin + np.flatnonzero(self._listed[self._begin : end])
        closed = len(sites) - margin
        if closed <= 0:
            return
        place = np.cumsum(self._listed[self._begin :]) - 1
        left, right = place[self._pairs.T - self._begin]
        weight = np.where(right - left < self._width, np.rint(np.square(self._r2) * UNIT), 0)
        starts = np.bincount(left, weight, len(sites) + 1).astype(np.int64)
        total = np.concatenate([[0], np.cumsum(starts)])
        run = np.cumsum(np.diff(self._sites.chrom[sites], prepend=-1) != 0)
        stop = np.searchsorted(run, run[:closed], side="right")
        stop = np.minimum(stop, np.arange(closed) + self._width)
        sums = total[stop] - total[:closed]
        first = int(sums.argmax())
        if sums[first] > self._most:
            self._most = int(sums[first])
            n = int(stop[first]) - first
            self._best = self._cut_out(sites[first : first + n], left - first, right - first)
        self._begin = int(sites[closed]) if margin else end
        kept = self._pairs[:, 0] >= self._begin
        self._pairs, self._r2 = self._pairs[kept], self._r2[kept]

    def _cut_out(self, region: Indices, i: Indices, j: Indices) -> Triangle:
        """The map of a region; i, j (P,) are the pairs' places in it, some outside."""
        n = len(region)
        inside = (i >= 0) & (j < n)
        r2 = np.full((n, n), np.nan)
        r2[i[inside], j[inside]] = self._r2[inside]
        return Triangle(
            r2=r2,
            pos=self._sites.pos[region],
            names=tuple(str(self._sites.id[int(site)]) for site in region),
            chrom=NAMES[self._sites.chrom[region[0]]],
        )


def strongest_region(
    sites: SiteList, i: Indices, j: Indices, r2: Floats, width: int = REGION, least: float = 0.0
) -> Triangle:
    """`StrongestRegion` of pairs of sites i, j (P,) in any order, with their r2 (P,).

    Raises:
        InputError: there is none.
    """
    pairs = np.sort(np.stack([i, j], axis=1).astype(np.int64), axis=1)
    order = np.argsort(pairs[:, 0], kind="stable")
    region = StrongestRegion(sites, width, least)
    region.add(pairs[order], r2[order])
    return region.triangle()
