"""Views of the replicated engine, simulated from what a party gives and what is opened to it.

A simulator is a box like any other: the same program runs in it. It knows its party's own input
and keys and the values that the ideal functionality gives it, and makes up every message.

    computing party   every message of an input, a resharing or an addend <- uniform;
                      of an opening <- the value less the two components it has
    guest             computes nothing and sees all three components of what is opened:
                      shares for each other owner the input that the outputs imply, else zeros,
                      and moves each opened sum of components to the value in one component

What is opened where a bit is 1 is not there in the other lanes: neither the message nor the value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Box, Part, Products, Seat
from mpcgen.leakage import Leakage
from mpcgen.protocols.replicated import ReplicatedCosts
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret
from tests.attacks.tape import BIT, Lanes, Row, Tape, spread


@dataclass(frozen=True)
class Cast:
    """Who takes part."""

    parties: tuple[str, ...]
    owners: tuple[str, ...]
    computing: tuple[str, ...]

    def drawn_and_sent(self, owner: str) -> tuple[tuple[int, ...], int]:
        """Components of this owner's input that come from keys, and the one that it sends."""
        if owner in self.computing:
            i = self.computing.index(owner)
            return (i,), (i + 1) % 3
        return (0, 1), 2

    def key(self, owner: str, j: int) -> object:
        """The name of the key from which component j of this owner's input is drawn."""
        return j if owner in self.computing else (owner, j)

    def keys(self, me: str) -> dict[tuple[str, int], object]:
        """The keys that a party holds, by who makes them and the component drawn from them."""
        return {
            (maker, j): self.key(maker, j)
            for maker in {*self.owners, *self.computing}
            for j in self.drawn_and_sent(maker)[0]
            if me in {maker, self.computing[j], self.computing[j - 1]}
        }


@dataclass
class World:
    """What a simulator is given: its party's randomness, its input and its outputs."""

    cast: Cast
    me: str
    lanes: Lanes
    outputs: Mapping[str, Array]
    view: dict[Row, Array] = field(default_factory=dict)

    def draw(self, key: object, ring: Ring, shape: tuple[int, ...], label: str, n: int) -> Array:
        """The party's own draw; part of its view."""
        return Tape(self.lanes, key, self.view).draw(ring, shape, label, n)

    def uniform(self, kind: str, ring: Ring, shape: tuple[int, ...], *name: object) -> Array:
        """The simulator's own randomness."""
        rows = self.lanes.fill(ring, shape, kind, *name)
        return np.array(list(rows.values()), ring.dtype).reshape(shape)

    def receive(self, label: str, peer: str, values: Sequence[Array]) -> None:
        """Note a message in the view."""
        rows = [row for x in values for row in x.reshape(-1, x.shape[-1])]
        self.view |= {("received", label, peer, n): row for n, row in enumerate(rows)}

    def chosen(self, where: str | None) -> NDArray[np.intp]:
        """The lanes in which something is opened."""
        lanes = np.arange(self.lanes.count)
        return lanes if where is None else lanes[self.outputs[where] == 1]


class Simulator(Box):
    """What both kinds share: no messages, and openings from the ideal functionality."""

    def __init__(self, world: World):
        cast = world.cast
        seat = Seat(world.me, cast.parties, cast.owners, cast.computing)
        super().__init__(_Nothing(), seat, Leakage([]))
        self.costs, self.bits = ReplicatedCosts(seat), BIT
        self.world, self.cast = world, cast

    def open(self, secrets: Mapping[str, Secret], where: str | None = None) -> dict[str, Array]:
        return self._opened(secrets, where)

    def open_bits(self, bits: Mapping[str, Secret], m: int) -> dict[str, NDArray[np.bool_]]:
        return {label: x.astype(np.bool_) for label, x in self._opened(bits, None).items()}

    def _opened(self, secrets: Mapping[str, Secret], where: str | None) -> dict[str, Array]:
        label, rows = self._next("open"), self.world.chosen(where)
        values = {name: self.world.outputs[name] for name in sorted(secrets)}
        self._show(label, [(name, secrets[name]) for name in values], rows)
        return {name: value[rows] for name, value in values.items()}

    def reveal(self, label: str, x: Secret, to: str) -> Array | None:
        message = self._next(label)
        if to != self.me:
            return None
        self._show(message, [(label, x)], self.world.chosen(None))
        return self.world.outputs[label]

    def confirm(self) -> None:
        """A digest of what was opened: nothing to simulate."""

    def _show(
        self, label: str, secrets: Sequence[tuple[str, Secret]], rows: NDArray[np.intp]
    ) -> None:
        """Receive the messages of an opening in some of the lanes."""
        raise NotImplementedError

    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]:
        raise NotImplementedError

    def _reveal(self, label: str, x: Secret, to: str) -> Array | None:
        raise NotImplementedError


class ComputingView(Simulator):
    """The view of P_i, who holds components i and i + 1."""

    def __init__(self, world: World):
        super().__init__(world)
        self.i = self.cast.computing.index(world.me)
        self.mine = (self.i, (self.i + 1) % 3)
        self.before = self.cast.computing[self.i - 1]
        self.after = self.cast.computing[(self.i + 1) % 3]

    def constant(self, ring: Ring, values: Array) -> Secret:
        parts = [values if j == 0 else ring.zeros(ring.shape(values)) for j in self.mine]
        return Secret(self, ring, ring.shape(values), tuple(parts))

    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]:
        label, shares = self._next(label), {}
        for owner in self.cast.owners:
            drawn, sent = self.cast.drawn_and_sent(owner)
            x = {j: ring.zeros(shape) for j in range(3)}
            for j in drawn:
                if j in self.mine:
                    key = self.cast.key(owner, j)
                    x[j] = self.world.draw(key, ring, shape, f"{label}/{owner}", self._counter)
            if owner == self.me and values is not None:
                x[sent] = ring.sub(values, x[drawn[0]])
            elif sent in self.mine:
                x[sent] = self.world.uniform("received", ring, shape, label, owner)
                self.world.receive(label, owner, [x[sent]])
            shares[owner] = Secret(self, ring, shape, tuple(x[j] for j in self.mine))
        return shares

    def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]:
        label = self._next(label)
        mine = [self._summand(each, f"{label}/{n}") for n, each in enumerate(sums)]
        others = [
            self.world.uniform("received", each.ring, each.shape, label, self.after, n)
            for n, each in enumerate(sums)
        ]
        self.world.receive(label, self.after, others)
        return [
            Secret(self, each.ring, each.shape, (z, other))
            for each, z, other in zip(sums, mine, others, strict=True)
        ]

    def _summand(self, each: Products, label: str) -> Array:
        ring = each.ring
        k, l = (self.world.draw(j, ring, each.shape, label, self._counter) for j in self.mine)
        z = ring.sub(k, l)
        for x, y in each.pairs:
            (x0, x1), (y0, y1) = x._parts, y._parts
            for a, b in ((x0, y0), (x0, y1), (x1, y0)):
                z = ring.add(z, each.product(a, b))
        return z

    def _addends(
        self, label: str, x: Secret, ring: Ring, shape: tuple[int, ...], part: Part
    ) -> tuple[Secret, Secret]:
        label, zero = self._next(label), ring.zeros(shape)
        maker = self.cast.computing[0]
        if self.i != 1:
            s0 = self.world.draw(0, ring, shape, f"{label}/{maker}", self._counter)
        match self.i:
            case 0:
                first = (s0, ring.sub(part(x.ring.add(*x._parts)), s0))
                second = (zero, zero)
            case 1:
                s1 = self.world.uniform("received", ring, shape, label, maker)
                self.world.receive(label, maker, [s1])
                first, second = (s1, zero), (zero, part(x._parts[1]))
            case _:
                first, second = (zero, s0), (part(x._parts[0]), zero)
        return Secret(self, ring, shape, first), Secret(self, ring, shape, second)

    def _show(
        self, label: str, secrets: Sequence[tuple[str, Secret]], rows: NDArray[np.intp]
    ) -> None:
        missing = [
            x.ring.sub(self.world.outputs[name], x.ring.add(*x._parts)) for name, x in secrets
        ]
        lanes = self.world.lanes.count
        self.world.receive(label, self.before, [spread(x[rows], rows, lanes) for x in missing])


class GuestView(Simulator):
    """The view of a party that does not compute; it may own data.

    Args:
        moved: name of an opening -> the component that takes the value up: for a sum of inputs
            that which one of their owners sends, for a product any.
        implied: owner -> its input, where the outputs determine it.
    """

    def __init__(self, world: World, moved: Mapping[str, int], implied: Mapping[str, Array]):
        super().__init__(world)
        self.moved, self.implied = moved, implied

    def constant(self, ring: Ring, values: Array) -> Secret:
        zero = ring.zeros(ring.shape(values))
        return Secret(self, ring, ring.shape(values), (values, zero, zero))

    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]:
        label, shares = self._next(label), {}
        for owner in self.cast.owners:
            drawn, sent = self.cast.drawn_and_sent(owner)
            x = [ring.zeros(shape) for _ in range(3)]
            if owner == self.me and values is not None:
                x[sent] = values
            elif owner in self.implied:
                x[sent] = ring.reshape(self.implied[owner], shape)
            for j in drawn:
                if owner == self.me:
                    key = self.cast.key(owner, j)
                    x[j] = self.world.draw(key, ring, shape, f"{label}/{owner}", self._counter)
                else:
                    x[j] = self.world.uniform("hidden", ring, shape, label, owner, j)
                x[sent] = ring.sub(x[sent], x[j])
            shares[owner] = Secret(self, ring, shape, tuple(x))
        return shares

    def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]:
        label, results = self._next(label), []
        for n, each in enumerate(sums):
            ring, shape = each.ring, each.shape
            z0, z1 = (self.world.uniform("hidden", ring, shape, label, n, j) for j in range(2))
            results.append(Secret(self, ring, shape, (z0, z1, ring.neg(ring.add(z0, z1)))))
        return results

    def _addends(
        self, label: str, x: Secret, ring: Ring, shape: tuple[int, ...], part: Part
    ) -> tuple[Secret, Secret]:
        """All that is opened of them is under the shares of a product."""
        self._next(label)
        zero = ring.zeros(shape)
        return (
            Secret(self, ring, shape, (zero, zero, zero)),
            Secret(self, ring, shape, (zero, zero, zero)),
        )

    def _show(
        self, label: str, secrets: Sequence[tuple[str, Secret]], rows: NDArray[np.intp]
    ) -> None:
        opened, lanes = [], self.world.lanes.count
        for name, x in secrets:
            parts = list(x._parts)
            total = x.ring.add(x.ring.add(parts[0], parts[1]), parts[2])
            off, j = x.ring.sub(self.world.outputs[name], total), self.moved[name]
            parts[j] = x.ring.add(parts[j], off)
            opened.append([spread(part[rows], rows, lanes) for part in parts])
        for j, party in enumerate(self.cast.computing):
            self.world.receive(label, party, [parts[j] for parts in opened])


class _Nothing:
    """A simulator talks to nobody."""

    def exchange(self, *_: object) -> dict[str, bytes]:
        raise AssertionError
