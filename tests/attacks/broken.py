"""Engines with a hole: a mask left out, a mask used twice, an opening where none is."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Exchange, Seat
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.keyed import KeyName
from mpcgen.protocols.replicated import Replicated
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret
from tests.attacks.tape import Tape


class Draws:
    """A key that draws as it should and gives something else."""

    def __init__(self, key: Tape):
        self.key = key

    def draw(self, ring: Ring, shape: tuple[int, ...], label: str, counter: int) -> Array:
        return self.instead(ring, self.key.draw(ring, shape, label, counter))

    def instead(self, ring: Ring, x: Array) -> Array:
        raise NotImplementedError


class Zero(Draws):
    def instead(self, ring: Ring, x: Array) -> Array:
        return ring.zeros(ring.shape(x))


class Repeated(Draws):
    def instead(self, ring: Ring, x: Array) -> Array:
        if x.size:
            self.first = getattr(self, "first", x.reshape(-1, x.shape[-1])[0])
            return np.broadcast_to(self.first, x.shape)
        return x


class _Broken(Replicated):
    """Uses another kind of key in its inputs, its resharings or its addends."""

    instead: type[Draws]
    where: tuple[str, ...]

    def _with(self, step: str, run: Callable[[], object]) -> object:
        if step not in self.where:
            return run()
        honest = self._keys
        self.broken = getattr(self, "broken", {j: self.instead(k) for j, k in honest.items()})  # type: ignore[arg-type]
        self._keys = self.broken
        try:
            return run()
        finally:
            self._keys = honest

    def _input(self, *given):  # type: ignore[no-untyped-def]
        return self._with("input", lambda: super(_Broken, self)._input(*given))

    def _reshare(self, *given):  # type: ignore[no-untyped-def]
        return self._with("reshare", lambda: super(_Broken, self)._reshare(*given))

    def _addends(self, *given):  # type: ignore[no-untyped-def]
        return self._with("addends", lambda: super(_Broken, self)._addends(*given))


class AddendWithoutMask(_Broken):
    instead, where = Zero, ("addends",)


class MaskOfTwoAddends(_Broken):
    instead, where = Repeated, ("addends",)


class MaskOfAddendUsedInProduct(_Broken):
    instead, where = Repeated, ("addends", "reshare")


class OpensEverywhere(Replicated):
    """Opens a value whatever the bit that says where."""

    def _rows(self, where: str, secrets: Mapping[str, Secret]) -> NDArray[np.intp]:
        return np.arange(len(self._chosen[where]))


class OpensWhereNot(Replicated):
    def _rows(self, where: str, secrets: Mapping[str, Secret]) -> NDArray[np.intp]:
        return np.flatnonzero(~self._chosen[where])


class NoZeroSharing(_Broken):
    instead, where = Zero, ("reshare",)


class SameZeroSharingTwice(_Broken):
    instead, where = Repeated, ("reshare",)


class InputWithoutMask(_Broken):
    instead, where = Zero, ("input",)


class InputMaskUsedInProduct(_Broken):
    instead, where = Repeated, ("input", "reshare")


def broken_in(step: str, instead: type[Draws]) -> type[Replicated]:
    """An engine that uses another kind of key under one label."""

    class There(Draws):
        def draw(self, ring: Ring, shape: tuple[int, ...], label: str, counter: int) -> Array:
            key = instead(self.key) if label == step else self.key
            return key.draw(ring, shape, label, counter)

    class BrokenThere(Replicated):
        def __init__(
            self, exchange: Exchange, seat: Seat, leakage: Leakage, keys: Mapping[KeyName, Prg]
        ):
            there = {name: There(key) for name, key in keys.items()}  # type: ignore[arg-type]
            super().__init__(exchange, seat, leakage, there)  # type: ignore[arg-type]

    return BrokenThere
