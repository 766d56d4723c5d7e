"""Replicated secret sharing among four computing parties; one of them may be malicious.

Dalskov, Escudero, Keller: Fantastic Four, Honest-Majority Four-Party Secure Computation With
Malicious Security, USENIX Security 2021 (IACR eprint 2020/1330), section 2. A wrong message of one
party is noticed by an honest one, who stops and names two parties, one of them the cheater.
Indices are modulo 4.

    [x]        x = x_0 + x_1 + x_2 + x_3; P_i holds all components but x_i.
    keys       k_j is known to all but P_j, fresh in every session; P_{j+1} makes it, and the other
               two holders compare digests of it.
    jmp        joint message passing: see mpcgen.protocols.joint, which compares at once.

Joint input, INP (section 2.3, protocol 3): P_i and P_j know v; P_k receives, P_o does not:
    x_k <- -F(k_k),  x_o <- v + F(k_k),  x_i <- x_j <- 0;   jmp(x_o; P_i, P_j -> P_k).
Product: the two parties beside P_a and P_b know (x_a + x_b)(y_a + y_b), and put it in by INP;
    of {0, 1} and {2, 3} it is -(x_a - x_b)(y_a - y_b). z is the sum of these six inputs: it has
    each x_a y_b + x_b y_a once, and each x_a y_a of two pairs, less that of the third.
Input of P_i:
    x_{i+2}, x_{i+3} <- F(k_{i+2}), F(k_{i+3}),  x_i <- 0;   P_i sends x_{i+1} to P_{i+2}, P_{i+3}.
Input of an owner O that does not compute, who gave the holders of x_0, x_1, x_2 a key for each:
    x_j <- F(k_j^O) for j < 3;   O sends x_3 to P_0, P_1, P_2.
    Who is sent a component compares digests of it with the others before using it.
Addends, for comparison: x_0 + x_1 is known to P_2 and P_3, x_2 + x_3 to P_0 and P_1; the bits of
    each are put in by INP.
Opening:
    every party says that its checks were good, in a round of its own; then
    jmp(x_i; P_{i+1}, P_{i+2} -> P_i). A party that holds nothing gets every component so.

What an opening shows beyond the value x: the missing component, which is x less the others.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import ClassVar, TypeAlias

from mpcgen.abb import Exchange, Part, Products, Seat
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.joint import Given, Letter, compare, pass_jointly
from mpcgen.protocols.keyed import Keyed, KeyName
from mpcgen.protocols.replicated4_inputs import JointInput, component
from mpcgen.protocols.replicated4_keys import agree_on_keys, key_name
from mpcgen.protocols.replicated4_roles import (
    LOWER,
    OPPOSITE,
    PARTIES,
    ROUTES,
    UPPER,
    Replicated4Costs,
    Route,
    drawn_components,
    holders,
    receivers,
    sent_component,
)
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret, Sized, nbytes, split

Masked: TypeAlias = Callable[[Route, int, Array], Array]  # v + r, of a route's n-th value and r


class Replicated4(Keyed):
    """A box of four computing parties and any number of owners.

    Args:
        keys: (maker, j) -> generator of the key from which component j of the maker's inputs is
            drawn, and of all joint inputs where the maker computes, at everybody who has it.
    """

    size: ClassVar = PARTIES
    _agree_on_keys = staticmethod(agree_on_keys)

    def __init__(
        self, exchange: Exchange, seat: Seat, leakage: Leakage, keys: Mapping[KeyName, Prg]
    ):
        super().__init__(exchange, seat, leakage, keys)
        self.costs = Replicated4Costs(seat)
        self._channel = exchange
        self._mine = () if self._i is None else holders(self._i)  # components that it holds

    def constant(self, ring: Ring, values: Array) -> Secret:
        zero = ring.zeros(ring.shape(values))  # x_0 = values, the others are 0
        parts = tuple(values if j == 0 else zero for j in self._mine)
        return Secret(self, ring, ring.shape(values), parts)

    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]:
        label = self._next(label)
        known = {owner: self._drawn(label, owner, ring, shape) for owner in self.owners}
        send: dict[str, bytes] = {}
        due: dict[str, int | None] = {}
        for owner in self.owners:
            to = receivers(self._computing, owner)
            if owner == self.me and values is not None:
                rest = values
                for x in known[owner].values():
                    rest = ring.sub(rest, x)
                known[owner][sent_component(self._computing, owner)] = rest
                send = dict.fromkeys(to, ring.to_bytes(rest))
            elif self.me in to:
                due[owner] = nbytes(ring, shape)
        came = self._exchange(label, send, due)
        given = [
            Given("shares", owner, receivers(self._computing, owner), data)
            for owner, data in came.items()
        ]
        if self._i is not None:
            compare(self._channel, self.me, f"{label} compared", given)
        for owner, data in came.items():
            known[owner][sent_component(self._computing, owner)] = ring.from_bytes(data, shape)
        return {
            owner: self._secret(ring, shape, {**self._zeros(ring, shape), **known[owner]})
            for owner in self.owners
        }

    def _drawn(
        self, label: str, owner: str, ring: Ring, shape: tuple[int, ...]
    ) -> dict[int, Array]:
        """Components of an owner's input that come from keys, as far as this party has them."""
        keys = {
            j: self._keys.get(key_name(self._computing, owner, j))
            for j in drawn_components(self._computing, owner)
        }
        return {
            j: key.draw(ring, shape, f"{label}/{owner}", self._counter)
            for j, key in keys.items()
            if key is not None
        }

    def _zeros(self, ring: Ring, shape: tuple[int, ...]) -> dict[int, Array]:
        return dict.fromkeys(range(PARTIES), ring.zeros(shape))

    def _secret(self, ring: Ring, shape: tuple[int, ...], parts: Mapping[int, Array]) -> Secret:
        """A secret of components by number."""
        return Secret(self, ring, shape, tuple(parts[j] for j in self._mine))

    def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]:
        label = self._next(label)
        if self._i is None:
            return [Secret(self, each.ring, each.shape, ()) for each in sums]
        inputs = self._put_in(
            label, ROUTES, sums, lambda route, n, r: self._summand(route, sums[n], r)
        )
        return [
            self._secret(
                each.ring, each.shape, {j: component(inputs, j, n, each) for j in self._mine}
            )
            for n, each in enumerate(sums)
        ]

    def _summand(self, route: Route, each: Products, z: Array) -> Array:
        """z and the part of the products that is put in by this route."""
        a, b = self._place(route.receiver), self._place(route.outsider)
        plus = each.ring.sub if route in OPPOSITE else each.ring.add
        for x, y in ((x._parts, y._parts) for x, y in each.pairs):
            z = plus(z, each.product(plus(x[a], x[b]), plus(y[a], y[b])))
        return z

    def _place(self, j: int) -> int:
        """Where a secret of this party has component j."""
        return self._mine.index(j)

    def _put_in(
        self, label: str, routes: Sequence[Route], values: Sequence[Sized], masked: Masked
    ) -> list[JointInput]:
        """Put in values of these forms by each route, in one round."""
        inputs = [JointInput(route) for route in routes]
        letters = []
        for way, each in enumerate(inputs):
            sender, backup, receiver, _ = route = each.route
            if self._i != receiver:
                key = self._keys[key_name(self._computing, self.me, receiver)]
                each.masks = [
                    key.draw(x.ring, x.shape, f"{label}/{way}/{n}", self._counter)
                    for n, x in enumerate(values)
                ]
            if self._i in (sender, backup):
                each.hidden = [masked(route, n, r) for n, r in enumerate(each.masks)]
            letters.append(
                self._letter(sender, backup, [self._computing[receiver]], values, each.hidden)
            )
        came = pass_jointly(self._channel, self.me, label, letters)
        received = (each for each in inputs if each.route.receiver == self._i)
        for each, message in zip(received, came, strict=True):
            each.hidden = split(message, values)
        return inputs

    def _letter(
        self,
        sender: int,
        backup: int,
        to: Sequence[str],
        forms: Sequence[Sized],
        values: Sequence[Array],
    ) -> Letter:
        """Values of these forms, for whoever lacks them; empty where they are not known."""
        return Letter(
            self._computing[sender],
            self._computing[backup],
            to,
            sum(x.nbytes for x in forms),
            [x.ring.canonical(value).data for x, value in zip(forms, values, strict=False)],
        )

    def _addends(
        self, label: str, x: Secret, ring: Ring, shape: tuple[int, ...], part: Part
    ) -> tuple[Secret, Secret]:
        label = self._next(label)
        one = Secret(self, ring, shape, ())
        if self._i is None:
            return one, one

        def masked(route: Route, _n: int, r: Array) -> Array:
            a, b = self._place(route.receiver), self._place(route.outsider)
            return ring.add(part(x.ring.add(x._parts[a], x._parts[b])), r)

        first, second = (
            self._secret(ring, shape, {j: component([each], j, 0, one) for j in self._mine})
            for each in self._put_in(label, (LOWER, UPPER), [one], masked)
        )
        return first, second

    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]:
        return self._show(self._next(label), secrets, self.parties)

    def _reveal(self, label: str, x: Secret, to: str) -> Array | None:
        opened = self._show(self._next(label), [x], (to,))
        return opened[0] if opened else None

    def _show(self, label: str, secrets: Sequence[Secret], to: Sequence[str]) -> list[Array]:
        """Values of secrets at those who are to learn them, nothing elsewhere."""
        self._agree(f"{label} agreed")
        letters = []
        for j, lacking in enumerate(self._computing):
            readers = [p for p in to if p == lacking or p not in self._computing]
            sender, backup, _ = holders(j)
            knows = self._i in (sender, backup)
            parts = [x._parts[self._place(j)] for x in secrets] if knows else ()
            if readers:
                letters.append(self._letter(sender, backup, readers, secrets, parts))
        came = pass_jointly(self._channel, self.me, label, letters)
        received = zip(secrets, *(split(data, secrets) for data in came), strict=True)
        if self.me not in to:
            return []
        return [reduce(x.ring.add, (*x._parts, *parts)) for x, *parts in received]

    def _agree(self, label: str) -> None:
        """Nothing is opened unless every party found all that it was sent to be right."""
        others = [p for p in self.parties if p != self.me] if self._i is not None else []
        send = {p: b"" for p in self._computing if p != self.me}
        self._exchange(label, send, dict.fromkeys(others, 0))
