"""SPDZ2k among n >= 2 computing parties, with a dealer: n - 1 of them may be malicious.

Cramer, Damgard, Escudero, Scholl, Xing: SPDZ2k, CRYPTO 2018 (IACR eprint 2018/482). It is the
engine `additive` with a MAC on everything, and stops where a computing party, or an owner, sends
anything else than it should. The dealer follows the protocol and works with nobody; it takes the
place of the paper's preprocessing.

    [x]        x = x_0 + ... + x_l modulo 2^(k+s), the MAC alpha x = m_0 + ... + m_l; P_i holds
               (x_i, m_i). Only the low k bits of x are the value. k + s is 128 for k <= 64, and 192
               for 128: s >= 64.
    [b]        of bits: b = b_0 + ... + b_l, the tag Delta b = t_0 + ... + t_l in GF(2^64), as in
               SPDZ over GF(2) (eprint 2012/642) and TinyOT (eprint 2011/091). The paper holds bits
               in Z_2^(1+s): this way one bit is opened, not 65. Where it says alpha and m below, of
               bits Delta and t are meant.
    keys       k_i is made by the dealer and known to P_i, k^O to a party O, fresh in every session;
               alpha_i, Delta_i <- F(k_i), 64 bits each, alpha and Delta are their sums
    dealt [a]  a_i <- F(k_i), a random a over all k + s bits; or, of an a that follows from others,
               a_i <- F(k_i) for i < l and the dealer sends a_l to P_l. m_i <- F(k_i) for i < l, and
               the dealer sends m_l to P_l.

Linear operations are local. A public c is (c, alpha_0 c) at P_0 and (0, alpha_i c) at the others.
Opening inside:
    P_i sends x_i to each other computing party; all add up. What is opened and m_i are kept until
    the next check (mpcgen.protocols.spdz2k_check).
Input of an owner O:
    [r] with r <- F(k^O)                                                        dealt
    O sends x - r to all computing parties, who compare digests before using it
    [x] = [r] + (x - r)
Products, of a sum s of x y; each factor is masked once, however often it occurs:
    [a] for each factor, [c] with c the same sum of the masks' products         dealt
    d <- open inside [x - a], e <- open inside [y - b]
    [s] = [c] + sum of d [b] + e [a] + d e
Addends, for comparison: with f(x) = bits of x, or what else one addend determines,
    [r] and [f(r mod 2^k)]                                                      dealt
    v <- open inside [x - r];  f(v mod 2^k) is known to all of them, and x = v + r modulo 2^k.
Opening:
    check all that is open inside; integers: [y] = [x] + 2^k [r], r dealt; bits: [y] = [x]
    y <- open inside [y]; check; only then the low k bits are handed on. A party that does not
    compute is sent them by every computing party, and compares.
To one party O:
    check; [r] with r = r_O + 2^k u dealt, r_O <- F(k^O) of k bits and u the dealer's alone;
    y <- open inside [x - r]; check; O, who is sent y as above if it does not compute, adds r_O. So
    O too does not see the high bits of x.

Everything opened inside is uniform but for the value of a result, since a and r are; a wrong share
changes what an honest party sends next by nothing, since that is masked afresh. Before the check of
all that led to it has passed nothing of a result is sent.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mpcgen.abb import Part, Products, factors
from mpcgen.bits import BitRing
from mpcgen.errors import Abort
from mpcgen.protocols.joint import Given, compare
from mpcgen.protocols.spdz2k_costs import receivers
from mpcgen.protocols.spdz2k_party import Party
from mpcgen.protocols.spdz2k_shares import Deal, Form, Held, carrier, lift, macs, values_of
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret, Sized, split


class Spdz2k(Party):
    """A box of computing parties and any number of owners; the dealer's own is `Spdz2kDealer`."""

    # Input

    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]:
        label, form = self._next(label), Form(ring, shape)
        (held,) = values_of([form])
        deal = Deal(label, self._counter, follow=[form] * len(self.owners))
        masked: dict[str, Array] = {}
        send: dict[str, bytes] = {}
        if values is not None:
            r = self._mask(label, held)
            masked[self.me] = held.ring.sub(lift(ring, values), r)
            send = dict.fromkeys(
                receivers(self._computing, self.me), held.ring.to_bytes(masked[self.me])
            )
        others = [o for o in self.owners if o != self.me] if self._i is not None else []
        came = self._exchange(
            label,
            {**send, **self._to_dealer()},
            {**dict.fromkeys(others, held.nbytes), **self._from_dealer(deal)},
        )
        _, shares = self._dealt(deal, [], came)
        self._compare(label, came)
        if self._i is None:
            return {owner: self._nothing(form) for owner in self.owners}
        masked |= {owner: held.ring.from_bytes(data, shape) for owner, data in came.items()}
        return {
            owner: self._secret(form, self._plus(ring, r, self._public(ring, masked[owner])))
            for owner, r in zip(self.owners, shares, strict=True)
        }

    def _compare(self, label: str, came: Mapping[str, bytes]) -> None:
        """Masked inputs, with everybody who was sent the same."""
        if self._i is None or not any(receivers(self._computing, o)[1:] for o in self.owners):
            return
        given = [
            Given("masked inputs", owner, receivers(self._computing, owner), data)
            for owner, data in came.items()
        ]
        compare(self._channel, self.me, f"{label} compared", given)

    # Products and addends

    def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]:
        label, x = self._next(label), factors(sums)
        if self._i is None:
            return [self._nothing(each) for each in sums]
        d, a, c = self._unmask(Deal(label, self._counter, x, sums), x)
        known = {id(y): both for y, *both in zip(x, d, a, strict=True)}
        return [
            self._secret(each, self._sum(each, z, known)) for each, z in zip(sums, c, strict=True)
        ]

    def _sum(self, each: Products, z: Held, known: Mapping[int, Sequence[Any]]) -> Held:
        """This party's share of a sum of products: z of [c], and of each factor d and a."""
        ring, tags = carrier(each.ring), macs(each.ring)
        product = each.product_in(ring)
        value, mac, both = z.value, z.mac, ring.zeros(each.shape)
        for x, y in each.pairs:
            (d, a), (e, b) = known[id(x)], known[id(y)]
            value = ring.add_swapped(value, (d, a.value), (e, b.value), product)
            mac = tags.add_swapped(mac, (d, a.mac), (e, b.mac), each.product_in(tags))
            both = ring.add(both, product(d, e))
        return self._plus(each.ring, Held(value, mac), self._public(each.ring, both))

    def _addends(
        self, label: str, x: Secret, ring: Ring, shape: tuple[int, ...], part: Part
    ) -> tuple[Secret, Secret]:
        label, one = self._next(label), Secret(self, ring, shape, ())
        if self._i is None:
            return Secret(self, ring, shape, (), known=True), one
        (v,), _, (second,) = self._unmask(Deal(label, self._counter, [x], [one]), [x])
        low = carrier(x.ring).reduce(v, x.ring)
        first = Secret(self, ring, shape, (part(low),), known=True)
        return first, self._secret(one, second)

    def _unmask(
        self, deal: Deal, x: Sequence[Secret]
    ) -> tuple[list[Array], list[Held], list[Held]]:
        """Open secrets less what is dealt: one round.

        Returns:
            The opened values, and this party's shares of what was taken off and of what follows.
        """
        masks = deal.masks(self._key)
        masked = [carrier(y.ring).sub(y._parts[0], mask) for y, mask in zip(x, masks, strict=True)]
        opened, came = self._gather(
            deal.label, values_of(x), masked, self._to_dealer(), self._from_dealer(deal)
        )
        random, follow = self._dealt(deal, masks, came)
        for y, value, mask in zip(x, opened, random, strict=True):
            self._check.remember(y.ring, value, macs(y.ring).sub(y._parts[1], mask.mac))
        return opened, random, follow

    # Opening

    def _open_checked(self, label: str, x: Sequence[Sized], mine: Sequence[Held]) -> list[Array]:
        """Open among the computing parties, where nothing else is unchecked, and check."""
        self._check.expect_nothing()
        opened, _ = self._gather(label, values_of(x), [share.value for share in mine], {}, {})
        for y, value, share in zip(x, opened, mine, strict=True):
            self._check.remember(y.ring, value, share.mac)
        self._check.run(f"{label} checked")
        return opened

    def _ready(self, secrets: Mapping[str, Secret]) -> Mapping[str, Secret]:
        """All that is pending checked, and high bits masked, of all rows: the dealer knows none."""
        label, self._masks_high_bits = self._next("masks"), True
        shared = {name: x.shared() for name, x in secrets.items()}
        if self._i is None:
            return shared
        names = [n for n in sorted(shared) if not isinstance(shared[n].ring, BitRing)]
        deal = Deal(label, self._counter, [shared[n] for n in names])
        came = self._check.run(label, self._to_dealer(), self._from_dealer(deal))
        random, _ = self._dealt(deal, deal.masks(self._key), came)
        return shared | {n: self._masked(shared[n], r) for n, r in zip(names, random, strict=True)}

    def _masked(self, x: Secret, r: Held) -> Secret:
        ring = carrier(x.ring)
        mask = Held(ring.lshift(r.value, x.ring.k), ring.lshift(r.mac, x.ring.k))
        return self._secret(x, self._plus(x.ring, Held(*x._parts), mask))

    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]:
        assert self._masks_high_bits, "only what _ready has masked is opened"
        label, self._masks_high_bits = self._next(label), False
        if self._i is None:
            return split(self._told(f"{label} told", sum(x.nbytes for x in secrets)), secrets)
        opened = self._open_checked(label, secrets, [Held(*x._parts) for x in secrets])
        values = [carrier(x.ring).reduce(y, x.ring) for x, y in zip(secrets, opened, strict=True)]
        if self._guests:
            data = b"".join(x.ring.canonical(y).data for x, y in zip(secrets, values, strict=True))
            self._exchange(f"{label} told", dict.fromkeys(self._guests, data), {})
        return values

    def _told(self, label: str, length: int) -> bytes:
        """What all computing parties send to one that does not compute."""
        came = self._exchange(label, {}, dict.fromkeys(self._computing, length))
        first, *others = self._computing
        for party in others:
            if came[party] != came[first]:
                raise Abort(f"{first} and {party} opened different values")
        return came[first]

    def _reveal(self, label: str, x: Secret, to: str) -> Array | None:
        label, (form,) = self._next(label), values_of([x])
        if self._i is not None:
            deal = Deal(label, self._counter, follow=[x])
            came = self._check.run(label, self._to_dealer(), self._from_dealer(deal))
            _, (r,) = self._dealt(deal, [], came)
            masked = self._minus(x.ring, Held(*x._parts), r)
            (y,) = self._open_checked(f"{label} opened", [x], [masked])
            if to not in self._computing:
                self._exchange(f"{label} told", {to: form.ring.to_bytes(y)}, {})
        elif self.me == to:
            y = form.ring.from_bytes(self._told(f"{label} told", form.nbytes), x.shape)
        if self.me != to:
            return None
        return x.ring.add(form.ring.reduce(y, x.ring), self._mask(label, x))

    def confirm(self) -> None:
        label = self._next("check")
        if self._i is not None:
            self._check.run(label)
        super().confirm()
