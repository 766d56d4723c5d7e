"""Costs are declared: rounds and bytes, as formulas that every run is held against."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar


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
    def input(self, b: int) -> Cost:
        """Every owner gives values of b bytes at once."""

    @abstractmethod
    def reshare(self, b: int, f: int) -> Cost:
        """Sums of products, or a matrix product, with a result of b bytes of factors of f."""

    @abstractmethod
    def addends(self, b: int, f: int) -> Cost:
        """Cut secrets of f bytes into shared bits, one addend of which has b bytes."""

    @abstractmethod
    def open(self, b: int) -> Cost:
        """Values of b bytes to all parties."""

    @abstractmethod
    def reveal(self, b: int, to: str) -> Cost:
        """Values of b bytes to one party."""

    @abstractmethod
    def confirm(self) -> Cost:
        """All parties compare what they saw opened."""
