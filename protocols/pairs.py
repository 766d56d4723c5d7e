"""The pairs of variants that an entry chooses.

Pairs are (P, 2) arrays of site indices. Those of a window have the earlier variant first, stand in
the order in which PLINK lists them, and are made when asked for: a window over a million variants
has a hundred million.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mpcgen.protocols.statistic import Integers

Indices = NDArray[np.int64]


class PairList(Protocol):
    """Chosen pairs."""

    @property
    def total(self) -> int:
        """How many there are."""
        ...

    @property
    def variants(self) -> Indices:
        """Site indices (m,) of the variants that pairs are made of, ascending."""
        ...

    @property
    def partners(self) -> int:
        """With how many later variants one stands in pairs, or half of how many in all, at most.

        Half, since a window gives a variant as many earlier partners as later ones.
        """
        ...

    def between(self, start: int, stop: int) -> Indices:
        """Pairs number start to stop: (stop - start, 2) site indices."""
        ...


@dataclass(frozen=True)
class ListedPairs:
    """Pairs named one by one: (P, 2) site indices."""

    sites: Indices

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.sites)

    @property
    def variants(self) -> Indices:
        """Site indices (m,) of the variants that stand in pairs, ascending."""
        return np.unique(self.sites)

    @property
    def partners(self) -> int:
        """With how many later variants one stands in pairs, or half of how many in all, at most."""
        pairs = np.unique(np.sort(self.sites), axis=0)
        later, of_all = np.bincount(pairs[:, 0]).max(), np.bincount(pairs.ravel()).max()
        return int(max(later, -(-of_all // 2)))

    def between(self, start: int, stop: int) -> Indices:
        """Pairs number start to stop: (stop - start, 2) site indices."""
        return self.sites[start:stop]


class WindowPairs:
    """All pairs of a list of sites that stand in one window, without holding them.

    Args:
        sites: (m,) site indices of the variants that count, ascending.
        chrom: (m,) their chromosomes.
        pos: (m,) their positions.
        window: pairs with a difference of places in the list below this; None: any.
        kb: pairs at most this many thousand base pairs apart; None: any distance.

    Raises:
        ValueError: a chromosome stands in two parts, or its positions do not ascend.
    """

    def __init__(
        self, sites: Indices, chrom: Integers, pos: Integers, window: int | None, kb: float | None
    ):
        _check_sorted(chrom, pos)
        self._sites = sites
        m = len(sites)
        place = np.arange(m)
        stop = np.searchsorted(_run(chrom), _run(chrom), side="right")
        if window is not None:
            stop = np.minimum(stop, place + min(window, m))
        if kb is not None:
            line, span = _on_one_line(chrom, pos)
            stop = np.minimum(
                stop, np.searchsorted(line, line + min(round(kb * 1000), span), "right")
            )
        self._ends = np.cumsum(stop - place - 1)  # pairs up to and with each first variant

    @property
    def total(self) -> int:
        """How many there are."""
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def variants(self) -> Indices:
        """Site indices (m,) of the variants whose pairs these are, ascending."""
        return self._sites

    @property
    def partners(self) -> int:
        """With how many later variants one of them stands in pairs, at most.

        That is never less than with how many earlier ones: of these, the first stands in pairs with
        all others, too.
        """
        return int(np.diff(self._ends, prepend=0).max(initial=0))

    def between(self, start: int, stop: int) -> Indices:
        """Pairs number start to stop: (stop - start, 2) site indices."""
        pair = np.arange(start, stop)
        first = np.searchsorted(self._ends, pair, side="right")
        begin = np.where(first > 0, self._ends[first - 1], 0)
        return self._sites[np.stack([first, first + 1 + pair - begin], axis=1)]


def common_pairs(first: PairList, second: PairList, block: int = 1 << 20) -> bool:
    """Whether two choices have a pair in common, whichever variant comes first in it."""
    for a in range(0, first.total, block):
        left = _codes(first.between(a, min(a + block, first.total)))
        for b in range(0, second.total, block):
            if np.isin(left, _codes(second.between(b, min(b + block, second.total)))).any():
                return True
    return False


def _codes(pairs: Indices) -> Indices:
    """One number for each unordered pair of site indices (P, 2), below 2^31 each."""
    codes: Indices = (pairs.min(axis=1) << 31) + pairs.max(axis=1)
    return codes


def _run(chrom: Integers) -> Indices:
    """Number the stretches of one chromosome: 0 0 0 1 1 2 ..."""
    return np.cumsum(np.diff(chrom, prepend=chrom[:1]) != 0)


def _on_one_line(chrom: Integers, pos: Integers) -> tuple[Indices, int]:
    """Places on one ascending line, where chromosomes lie farther apart than any one's length."""
    span = int(pos.max(initial=0)) - int(pos.min(initial=0)) + 1
    return pos + 2 * span * _run(chrom), span


def _check_sorted(chrom: Integers, pos: Integers) -> None:
    if len(np.unique(chrom)) != len(np.unique(_run(chrom))):
        raise ValueError("linkage windows need all variants of a chromosome to stand together")
    back = (np.diff(chrom) == 0) & (np.diff(pos) < 0)
    if back.any():
        raise ValueError(
            f"linkage windows need ascending positions; on chromosome {chrom[back.argmax()]} "
            f"{pos[back.argmax() + 1]} stands behind {pos[back.argmax()]}"
        )
