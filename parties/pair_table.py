"""A table of linkage disequilibrium, written as it comes, and the region that its map shows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgen.genome.columns import take
from mpcgen.genome.sites import SiteList
from mpcgen.protocols.pairs import PairList, WindowPairs
from mpcgen.report.columns import LD
from mpcgen.report.layouts import Floats, Triangle
from mpcgen.report.region import StrongestRegion, strongest_region
from mpcgen.report.tables import TableWriter

MAP_MIN_R2 = 0.02  # weaker pairs are grey on the map


class PairTable:
    """Rows of pairs; of those of a window, which stand in order, none is kept for the map."""

    def __init__(self, writer: TableWriter, sites: SiteList, chosen: PairList | None):
        self._writer, self._sites = writer, sites
        self._region = StrongestRegion(sites) if isinstance(chosen, WindowPairs) else None
        self._strong = [(np.empty((0, 2), np.int64), np.empty(0))]

    def add(self, pairs: NDArray[np.int64], columns: Mapping[str, Any]) -> None:
        """Append pairs (P, 2) of site indices with their N, R and R2."""
        lead: list[Any] = []
        for rows in pairs.T:
            chrom, name = take(self._sites.chrom_names, rows), take(self._sites.id, rows)
            lead += [chrom, self._sites.pos[rows], name]
        self._writer.write(dict(zip(LD, lead, strict=False)) | dict(columns))
        strong = columns["R2"] >= MAP_MIN_R2
        self._keep(pairs[strong], columns["R2"][strong])

    def _keep(self, pairs: NDArray[np.int64], r2: Floats) -> None:
        if self._region is None:
            self._strong.append((pairs, r2))
        else:
            self._region.add(pairs, r2)

    def strongest_region(self) -> Triangle:
        """What the map shows.

        Raises:
            InputError: no pair is strong enough for it.
        """
        if self._region is not None:
            return self._region.triangle()
        pairs, r2 = (np.concatenate(column) for column in zip(*self._strong, strict=True))
        return strongest_region(self._sites, pairs[:, 0], pairs[:, 1], r2)
