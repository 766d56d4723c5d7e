"""The arithmetic black box: what a protocol may do with a secret, whatever engine holds it.

A protocol is one plain function that every party runs with its own `Box`. Linear operations on a
`Secret` are local and written with operators; what needs messages is a method of the box: `input`,
`sum_products` (and `mul`, `matmul`), `open`, `reveal`, `confirm`. A party that owns data but does
not compute runs the same function: its secrets have no parts, and its linear operations do nothing.

The ideal functionality is Damgard and Nielsen's arithmetic black box (CRYPTO 2003, section 4) over
Z_2^k; each engine states what corruption it withstands.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mpcgen.cost import Cost, Costs
from mpcgen.errors import Abort
from mpcgen.leakage import Leakage, Opening
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret, check_same, nbytes

DIGEST_BYTES = 32


@dataclass(frozen=True)
class Seat:
    """One party's place in a session.

    Attributes:
        parties: everybody in the session, in the plan's order.
        owners: who gives data.
        computing: who computes, in the engine's order.
    """

    me: str
    parties: tuple[str, ...]
    owners: tuple[str, ...]
    computing: tuple[str, ...]


class Exchange(Protocol):
    """The one verb by which a protocol reaches other parties; one call is one round."""

    def exchange(
        self, label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        """Send to each named peer, then wait for a message of the given length from each."""
        ...


class Box(ABC):
    """One party's side of the arithmetic black box.

    Every party calls the same operations in the same order, with the same labels.
    """

    costs: Costs

    def __init__(self, exchange: Exchange, seat: Seat, leakage: Leakage):
        self.me, self.parties, self.owners = seat.me, seat.parties, seat.owners
        self.leakage = leakage
        self.declared = Cost()
        self._exchange = exchange.exchange
        self._counter = 0
        self._seen = hashlib.sha256()

    # What an engine brings.

    @abstractmethod
    def constant(self, ring: Ring, values: Array) -> Secret:
        """A public value, given as ring elements, as a secret of the box."""

    @abstractmethod
    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]: ...

    @abstractmethod
    def _reshare(
        self,
        label: str,
        ring: Ring,
        shape: tuple[int, ...],
        pairs: Sequence[tuple[Secret, Secret]],
        product: Any,
    ) -> Secret: ...

    @abstractmethod
    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]: ...

    @abstractmethod
    def _reveal(self, label: str, x: Secret, to: str) -> Array | None: ...

    # What a protocol uses.

    def input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None = None
    ) -> dict[str, Secret]:
        """Every owner's values (ring elements of the given shape), shared at once: one round.

        Args:
            values: this party's own, if it is an owner; otherwise None.
        """
        if (values is None) == (self.me in self.owners):
            raise ValueError(f"{self.me} gives values to {label} exactly if it is an owner")
        if values is not None and ring.shape(values) != shape:
            raise ValueError(f"{label}: {ring.shape(values)} values where {shape} are declared")
        self._declare(self.costs.input(nbytes(ring, shape)))
        return self._input(label, ring, shape, values)

    def mul(self, x: Secret, y: Secret, label: str = "mul") -> Secret:
        """x y, elementwise: one round."""
        return self.sum_products([(x, y)], label)

    def sum_products(self, pairs: Sequence[tuple[Secret, Secret]], label: str = "dot") -> Secret:
        """The sum of elementwise products of pairs of one shape, reshared once: one round."""
        x = pairs[0][0]
        for a, b in pairs:
            check_same(x, a)
            check_same(x, b)
        self._declare(self.costs.reshare(x.nbytes))
        return self._reshare(label, x.ring, x.shape, pairs, x.ring.mul)

    def matmul(self, x: Secret, y: Secret, label: str = "matmul") -> Secret:
        """The matrix product of (n, c) and (c, d), reshared once: one round."""
        if x.ring != y.ring or x.shape[1:] != y.shape[:1]:
            raise ValueError(f"no product of {x} and {y}")
        shape = (x.shape[0], y.shape[1])
        self._declare(self.costs.reshare(nbytes(x.ring, shape)))
        return self._reshare(label, x.ring, shape, [(x, y)], x.ring.matmul)

    def open(self, secrets: Mapping[str, Secret]) -> dict[str, Array]:
        """Make named secrets public to all parties, in one round.

        Raises:
            NotInManifest: the plan does not release one of them; nothing was sent.
        """
        for label, x in secrets.items():
            self.leakage.spend(Opening(label, x.ring.k, x.shape, self.parties))
        labels = sorted(secrets)
        self._declare(self.costs.open(sum(x.nbytes for x in secrets.values())))
        opened = self._open("open", [secrets[label] for label in labels])
        result = dict(zip(labels, opened, strict=True))
        for label in labels:
            self._seen.update(hashlib.sha256(label.encode()).digest())
            self._seen.update(hashlib.sha256(secrets[label].ring.to_bytes(result[label])).digest())
        return result

    def reveal(self, label: str, x: Secret, to: str) -> Array | None:
        """Make a secret known to one party; the others get None. One round.

        Raises:
            NotInManifest: the plan does not release it to this party; nothing was sent.
        """
        self.leakage.spend(Opening(label, x.ring.k, x.shape, (to,)))
        self._declare(self.costs.reveal(x.nbytes, to))
        return self._reveal(label, x, to)

    def confirm(self) -> None:
        """Compare a digest of all that was opened with every party, before anything is written.

        Raises:
            Abort: a party saw other values opened.
        """
        self._declare(self.costs.confirm())
        mine = self._seen.digest()
        others = [p for p in self.parties if p != self.me]
        theirs = self._exchange(
            self._next("confirm"), dict.fromkeys(others, mine), dict.fromkeys(others, DIGEST_BYTES)
        )
        for party, seen in theirs.items():
            if seen != mine:
                raise Abort(f"{party} saw other values opened than {self.me} did")

    def _declare(self, cost: Cost) -> None:
        self.declared = self.declared + cost

    def _next(self, label: str) -> str:
        """The label of the next message round: the same at every party that keeps step."""
        self._counter += 1
        return f"{label}#{self._counter}"
