"""Randomness from a tape: every assignment of all draws, one in each lane of an array.

The engines work element by element, so one run over arrays whose last axis has as many lanes as
there are assignments is a run for each of them (`test_views` checks that lanes do not mix).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from zlib import crc32

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


def absent(dtype: np.dtype[Any]) -> int:
    """The same in a row of any dtype: its largest number."""
    return int(np.iinfo(dtype).max)


@dataclass
class Lanes:
    """All assignments of values to named elements of small rings.

    Attributes:
        rings: the elements and where they lie; the first varies slowest.
        bits: what comparisons work on.
        dtype: of all elements.
    """

    rings: Mapping[Row, Ring]
    bits: BitRing = BIT
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.uint8))
    _shift: dict[Row, int] = field(init=False)

    def __post_init__(self) -> None:
        self._shift, shift = {}, sum(ring.k for ring in self.rings.values())
        self._numbers = np.arange(1 << shift, dtype=np.uint32)
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


class SomeLanes(Lanes):
    """Chosen inputs, and draws that are fixed but random, others in each lane.

    Args:
        inputs: owner -> its values (values, lanes).
    """

    def __init__(self, inputs: Mapping[str, NDArray[np.int64]]):
        super().__init__({})
        self.inputs = inputs
        self._values: dict[Row, NDArray[np.int64]] = {
            ("input", owner, n): row for owner, rows in inputs.items() for n, row in enumerate(rows)
        }
        self._numbers = np.arange(next(iter(inputs.values())).shape[-1], dtype=np.uint32)

    def some(self, lanes: Sequence[int] | NDArray[np.intp]) -> "SomeLanes":
        """Only these lanes, with other draws."""
        return SomeLanes({owner: values[:, lanes] for owner, values in self.inputs.items()})

    def take(self, name: Row, ring: Ring) -> Array:
        if name[0] == "input":
            return ring.encode(self._values[name])
        rng = np.random.default_rng(crc32(repr(name).encode()))
        data = rng.bytes(ring.size * self.count)
        if ring.k > 8:
            return ring.from_bytes(data, (self.count,))
        return ring.encode(np.frombuffer(data, np.uint8))


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
    dtype = np.dtype(np.uint8) if x.dtype == np.bool_ else x.dtype
    everywhere = np.full((*x.shape[:-1], lanes), absent(dtype), dtype)
    everywhere[..., rows] = x
    return everywhere


def numbered(views: Sequence[Mapping[Row, Array]], names: Sequence[Row]) -> list[Array]:
    """Rows of each view as one number a lane, (lanes,): equal where all these rows are equal."""
    codes = [np.zeros(_lanes(view), np.int64) for view in views]
    numbers = 1
    for name in names:
        rows = [view[name] for view in views]
        if any(row.max() == ABSENT for row in rows):
            rows = [row + np.uint8(1) for row in rows]  # ABSENT becomes 0
        radix = max(int(row.max()) for row in rows) + 1
        for n, row in enumerate(rows):
            codes[n] *= radix
            codes[n] += row
        numbers *= radix
    assert numbers < 2**63
    return codes


def _lanes(view: Mapping[Row, Array]) -> int:
    return len(next(iter(view.values())))


def distributions(
    views: Sequence[Mapping[Row, Array]], given: Sequence[Row]
) -> list[tuple[Array, Array]]:
    """Of each view the multiset of all lanes: rows, those in `given` first, as one number; counts.

    Views of the same rows have one number for one assignment, so that they can be compared.
    """
    codes = numbered(views, [*given, *sorted({*views[0]} - {*given}, key=repr)])
    return [np.unique(code, return_counts=True) for code in codes]
