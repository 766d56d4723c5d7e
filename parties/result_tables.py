"""Result tables on their way to files: of variants, which are joined; of pairs, which stream."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgen.genome.columns import joined, take
from mpcgen.genome.sites import SiteList
from mpcgen.protocols.pairs import PairList, WindowPairs
from mpcgen.report.columns import LD_SITES
from mpcgen.report.layouts import MAP_MIN_R2, Triangle
from mpcgen.report.region import StrongestRegion, strongest_region
from mpcgen.report.tables import TableWriter
from mpcgen.study.batch import Task


@dataclass(frozen=True)
class VariantTable:
    """Rows of variants: their site indices (m,) and columns (m,) by name."""

    task: Task
    name: str
    rows: NDArray[np.int64]
    columns: Mapping[str, Any]

    @property
    def stem(self) -> str:
        """What its files are called: ENTRY or ENTRY.NAME."""
        return ".".join(filter(None, (self.task.entry.name, self.name)))

    def sites(self, sites: SiteList) -> SiteList:
        """The sites of its rows."""
        return sites if len(self.rows) == len(sites) else sites.take(self.rows)


def joined_batches(batches: list[VariantTable]) -> VariantTable:
    """One table of all batches' rows."""
    first = batches[0]
    if len(batches) == 1:
        return first
    return VariantTable(
        first.task,
        first.name,
        np.concatenate([batch.rows for batch in batches]),
        {name: _joined([batch.columns[name] for batch in batches]) for name in first.columns},
    )


def _joined(columns: list[Any]) -> Any:
    return np.concatenate(columns) if isinstance(columns[0], np.ndarray) else joined(columns)


class PairTable:
    """Rows of pairs; of those of a window, which stand in order, none is kept for the map."""

    def __init__(self, writer: TableWriter, sites: SiteList, chosen: PairList | None):
        self._writer, self._sites = writer, sites
        region = StrongestRegion(sites, least=MAP_MIN_R2)
        self._region = region if isinstance(chosen, WindowPairs) else None
        self._kept = [(np.empty((0, 2), np.int64), np.empty(0))]

    def add(self, pairs: NDArray[np.int64], columns: Mapping[str, Any]) -> None:
        """Append pairs (P, 2) of site indices with the columns to list, R2 or R among them."""
        lead: list[Any] = []
        for rows in pairs.T:
            chrom, name = take(self._sites.chrom_names, rows), take(self._sites.id, rows)
            lead += [chrom, self._sites.pos[rows], name]
        self._writer.write(dict(zip(LD_SITES, lead, strict=True)) | dict(columns))
        r2 = columns["R2"] if "R2" in columns else columns["R"] ** 2
        if self._region is None:
            self._kept.append((pairs, r2))
        else:
            self._region.add(pairs, r2)

    def strongest_region(self) -> Triangle:
        """What the map shows.

        Raises:
            InputError: no pair is strong enough for it.
        """
        if self._region is not None:
            return self._region.triangle()
        pairs, r2 = (np.concatenate(column) for column in zip(*self._kept, strict=True))
        return strongest_region(self._sites, pairs[:, 0], pairs[:, 1], r2, least=MAP_MIN_R2)
