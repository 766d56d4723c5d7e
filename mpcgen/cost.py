"""Costs are declared: rounds and bytes, as formulas that every run is held against."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from mpcgen.ring import Ring


@dataclass(frozen=True)
class Cost:
    """What an operation takes: rounds, and payload bytes sent by each party (framing apart)."""

    rounds: int = 0
    sent: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Cost) -> Cost:
        parties = self.sent.keys() | other.sent.keys()
        total = {p: self.sent.get(p, 0) + other.sent.get(p, 0) for p in sorted(parties)}
        return Cost(self.rounds + other.rounds, total)

    def times(self, n: int) -> Cost:
        """The cost of n operations, one after the other."""
        return Cost(self.rounds * n, {p: b * n for p, b in self.sent.items()})


@dataclass(frozen=True)
class Size:
    """How much values are: elements by ring, since engines hold those of some rings in larger ones.

    Attributes:
        elements: ring -> how many.
    """

    elements: Mapping[Ring, int] = field(default_factory=dict)

    @classmethod
    def of(cls, ring: Ring, shape: tuple[int, ...]) -> Size:
        """Values of a ring and a logical shape."""
        return cls({ring: math.prod(shape)})

    @classmethod
    def total(cls, forms: Iterable[tuple[Ring, tuple[int, ...]]]) -> Size:
        """Values of several rings and shapes together."""
        elements: dict[Ring, int] = {}
        for ring, shape in forms:
            elements[ring] = elements.get(ring, 0) + math.prod(shape)
        return cls(elements)

    @property
    def bytes(self) -> int:
        """Their canonical bytes: n k / 8 for n elements of Z_2^k."""
        return sum(ring.size * n for ring, n in self.elements.items())


class Costs(ABC):
    """An engine's declared costs, as formulas in the size b of the values: n k / 8 bytes.

    Where what goes in may have to be opened under masks, its size f counts too.

    Attributes:
        each_time: f counts a factor of several products once for each of them.
        known_addend: the first of two addends is known to who computes.
    """

    each_time: ClassVar[bool] = False
    known_addend: ClassVar[bool] = False

    @abstractmethod
    def input(self, b: Size) -> Cost:
        """Every owner gives values of b bytes at once."""

    @abstractmethod
    def reshare(self, b: Size, f: Size) -> Cost:
        """Sums of products, or a matrix product, with a result of b bytes of factors of f."""

    @abstractmethod
    def addends(self, b: Size, f: Size) -> Cost:
        """Cut secrets of f bytes into shared bits, one addend of which has b bytes."""

    @abstractmethod
    def open(self, b: Size, of: Size | None = None) -> Cost:
        """Values of b bytes to all parties, the rows chosen of values of this size; None: all."""

    @abstractmethod
    def reveal(self, b: Size, to: str) -> Cost:
        """Values of b bytes to one party."""

    @abstractmethod
    def confirm(self) -> Cost:
        """All parties compare what they saw opened."""
