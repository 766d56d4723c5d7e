"""A box for a dry run: it computes nothing, and declares what a protocol would cost."""

# ruff: noqa: ARG002

from collections.abc import Callable, Mapping, Sequence

from mpcgen.abb import Box, Part, Products, Seat
from mpcgen.cost import Cost, Costs
from mpcgen.leakage import Leakage
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret


class Dry(Box):
    """Its secrets have no parts, as those of a party that does not compute; it opens nothing."""

    def __init__(self, costs: Costs):
        super().__init__(self, Seat("", (), (), ()), Leakage(()))
        self.costs = costs

    def secret(self, ring: Ring, shape: tuple[int, ...]) -> Secret:
        """A secret of this ring and shape."""
        return Secret(self, ring, shape, ())

    def constant(self, ring: Ring, values: Array) -> Secret:
        """A secret of this ring and shape."""
        return self.secret(ring, ring.shape(values))

    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]:
        return {}

    def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]:
        return [self.secret(each.ring, each.shape) for each in sums]

    def _addends(
        self, label: str, x: Secret, ring: Ring, shape: tuple[int, ...], part: Part
    ) -> tuple[Secret, Secret]:
        known = self.costs.known_addend
        return Secret(self, ring, shape, (), known=known), self.secret(ring, shape)

    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]:
        return []

    def _reveal(self, label: str, x: Secret, to: str) -> None:
        return None

    def exchange(
        self, label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        """There is nobody to exchange anything with."""
        return {}


def cost_of(costs: Costs, protocol: Callable[[Dry], object]) -> Cost:
    """What a protocol declares on a box of these costs."""
    dry = Dry(costs)
    protocol(dry)
    return dry.declared
