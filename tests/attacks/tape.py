"""Randomness from a tape: every assignment of all draws, one in each lane of an array.

The engines work element by element, so one run over arrays whose last axis has as many lanes as
there are assignments is a run for each of them (`test_views` checks that lanes do not mix).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from mpcgen.bits import BitRing
from mpcgen.ring import Array, Ring

Row = tuple[object, ...]
"""Names one ring element that varies over the lanes."""

BIT = BitRing(1)
"""Bits for comparisons, one a lane."""

ABSENT = 255
"""What a row has in lanes in which nothing was sent; no element of an enumerable ring."""


@dataclass
class Lanes:
    """All assignments of values to named elements of small rings.

    Attributes:
        rings: the elements and where they lie; the first varies slowest.
    """

    rings: Mapping[Row, Ring]
    _shift: dict[Row, int] = field(init=False)

    def __post_init__(self) -> None:
        self._shift, shift = {}, sum(ring.k for ring in self.rings.values())
        self._numbers = np.arange(1 << shift)
        for name, ring in self.rings.items():
            shift -= ring.k
            self._shift[name] = shift

    @property
    def count(self) -> int:
        """Number of assignments."""
        return len(self._numbers)

    def take(self, name: Row, ring: Ring) -> Array:
        """Value of an element in every lane, (lanes,)."""
        assert self.rings[name] == ring
        return ((self._numbers >> self._shift[name]) & (ring.modulus - 1)).astype(ring.dtype)

    def fill(self, ring: Ring, shape: tuple[int, ...], *name: object) -> dict[Row, Array]:
        """Values of elements named by their place in (..., lanes), each (lanes,)."""
        assert shape[-1] == self.count
        names = ((*name, *index) for index in np.ndindex(shape[:-1]))
        return {row: self.take(row, ring) for row in names}


class OneLane(Lanes):
    """A rehearsal with zeros, which finds out what is drawn."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: dict[Row, Ring] = {}
        self._lock = Lock()

    def take(self, name: Row, ring: Ring) -> Array:
        with self._lock:
            self.asked[name] = ring
        return ring.zeros((1,))

    def all(self) -> Lanes:
        """The lanes of all that was asked for."""
        return Lanes({name: self.asked[name] for name in sorted(self.asked, key=repr)})


class Tape:
    """In place of Prg: a key's draws are read off the lanes and, once drawn, noted in a view."""

    def __init__(self, lanes: Lanes, key: object, view: dict[Row, Array]):
        self._lanes, self._key, self._view = lanes, key, view

    def draw(self, ring: Ring, shape: tuple[int, ...], label: str, counter: int) -> Array:
        rows = self._lanes.fill(ring, shape, "drawn", self._key, label, counter)
        assert not rows.keys() & self._view.keys(), "drawn before"
        self._view |= rows
        return np.array(list(rows.values()), ring.dtype).reshape(shape)


def spread(x: Array, rows: NDArray[np.intp], lanes: int) -> Array:
    """Values (..., rows) in their lanes (..., lanes); the others are absent."""
    everywhere = np.full((*x.shape[:-1], lanes), ABSENT, np.uint8)
    everywhere[..., rows] = x
    return everywhere


def numbered(views: Sequence[Mapping[Row, Array]], names: Sequence[Row]) -> list[Array]:
    """Rows of each view as one number a lane, (lanes,): equal where all these rows are equal."""
    codes = [np.zeros(_lanes(view), np.int64) for view in views]
    numbers = 1
    for name in names:
        values = np.flatnonzero(sum(np.bincount(view[name], minlength=256) for view in views))
        place = np.zeros(256, np.int64)
        place[values] = np.arange(len(values))
        for n, view in enumerate(views):
            codes[n] *= len(values)
            codes[n] += place[view[name]]
        numbers *= len(values)
    assert numbers < 2**63
    return codes


def _lanes(view: Mapping[Row, Array]) -> int:
    return len(next(iter(view.values())))


def distributions(
    views: Sequence[Mapping[Row, Array]], given: Sequence[Row]
) -> list[dict[int, int]]:
    """Of each view the multiset of all lanes: rows, those in `given` first, as one number -> count.

    Views of the same rows have one number for one assignment, so that they can be compared.
    """
    codes = numbered(views, [*given, *sorted({*views[0]} - {*given}, key=repr)])
    counts = (np.unique(code, return_counts=True) for code in codes)
    return [dict(zip(c.tolist(), n.tolist(), strict=True)) for c, n in counts]
