"""Randomness from a tape: every assignment of all draws, one in each lane of an array.

The engines work element by element, so one run over arrays whose last axis has as many lanes as
there are assignments is a run for each of them (`test_views` checks that lanes do not mix).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from mpcgen.ring import Array, Ring

Row = tuple[object, ...]
"""Names one ring element that varies over the lanes."""


@dataclass
class Lanes:
    """All assignments of values in Z_2^k to named elements.

    Attributes:
        names: the elements; the first varies slowest.
        ring: where they lie.
    """

    ring: Ring
    names: Sequence[Row]
    place: dict[Row, int] = field(init=False)

    def __post_init__(self) -> None:
        self.place = {name: n for n, name in enumerate(self.names)}
        assert len(self.place) == len(self.names)

    @property
    def count(self) -> int:
        """Number of assignments."""
        return 1 << self.ring.k * len(self.names)

    def __getitem__(self, name: Row) -> Array:
        """Value of an element in every lane, (lanes,)."""
        step = 1 << self.ring.k * (len(self.names) - 1 - self.place[name])
        return self.ring.encode(np.arange(self.count) // step % self.ring.modulus)


class OneLane(Lanes):
    """A rehearsal with zeros, which finds out what is drawn."""

    def __init__(self, ring: Ring):
        super().__init__(ring, ())
        self.asked: dict[Row, None] = {}
        self._lock = Lock()

    def __getitem__(self, name: Row) -> Array:
        with self._lock:
            self.asked[name] = None
        return self.ring.zeros((1,))


class Tape:
    """In place of Prg: a key's draws are read off the lanes and, once drawn, noted in a view."""

    def __init__(self, lanes: Lanes, key: object, view: dict[Row, Array]):
        self._lanes, self._key, self._view = lanes, key, view

    def draw(self, ring: Ring, shape: tuple[int, ...], label: str, counter: int) -> Array:
        assert ring == self._lanes.ring
        elements = shape[:-1]
        assert shape[-1] == self._lanes.count
        x = ring.zeros(shape)
        for index in np.ndindex(elements):
            name = ("drawn", self._key, label, counter, *index)
            assert name not in self._view, f"{name} was drawn before"
            x[index] = self._view[name] = self._lanes[name]
        return x


def distribution(rows: Mapping[Row, Array], given: Sequence[Row], ring: Ring) -> dict[int, int]:
    """Multiset of all lanes: rows, after those they are conditioned on, as one number -> count."""
    order = [*given, *sorted(rows.keys() - set(given), key=repr)]
    code = np.zeros(len(next(iter(rows.values()))), np.int64)
    assert ring.k * len(order) < 63
    for name in order:
        code = code << ring.k | ring.unsigned(rows[name])
    values, counts = np.unique(code, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
