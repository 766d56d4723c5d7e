"""The MAC check of the engine spdz2k: whether all that was opened is what was shared.

Of each opened y_j every party P_i has a share m_j,i of its MAC; their sum is alpha y_j where y_j is
right. All computing parties, in four rounds:

    1. commit to a fresh seed; send a digest of all opened y_j, and compare: all see the same
    2. open the seeds; weights chi_j <- F(hash of all seeds), in Z_2^64, or in GF(2^64) for a bit
    3. z_i <- sum of chi_j m_j,i  -  alpha_i sum of chi_j y_j;  commit to z_i, for either carrier
       and for bits; compare a digest of the seeds
    4. open them; abort unless each sum of z_i is 0

Weights follow from seeds that nobody can choose after the y_j were sent, and all z_i are fixed
before any is seen. With a wrong y_j (its low k bits, for an integer) the sums are 0 with a
probability of at most 2^(-s + log2(s + 1)), about 2^-58 for s = 64, and 2^-63 for bits. Wrong high
bits alone pass where their weight is even, and nothing is learnt; else the cheater has to guess a
low bit of alpha, and fails with probability 1/2. Values stay right. Whoever sends two parties
different sums may stop one of them alone: the other's next share tells nothing without the first's.

A commitment is SHA-256 of session, step, name of the party, 32 bytes of salt, and what it is to.
After a check that failed nothing more is checked or opened.

Papers    Cramer, Damgard, Escudero, Scholl, Xing: SPDZ2k, CRYPTO 2018 (IACR eprint 2018/482),
          section 4.3 and theorem 1; Damgard, Keller, Larraia, Pastro, Scholl, Smart, ESORICS 2013
          (IACR eprint 2012/642), MACCheck
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import xor
from typing import Final

from mpcgen import codec, field
from mpcgen.abb import DIGEST_BYTES, Exchange
from mpcgen.bits import BitRing
from mpcgen.errors import Abort
from mpcgen.prg import KEY_BYTES, Prg
from mpcgen.protocols.spdz2k_shares import MacKey, carrier
from mpcgen.ring import Z2_64, Z2_128, Z2_192, Array, Ring
from mpcgen.tags import TAGS

SALT_BYTES: Final = 32
TAG_BYTES: Final = 8
CARRIERS: Final = (Z2_128, Z2_192)
SUMS_BYTES: Final = sum(ring.size for ring in CARRIERS) + TAG_BYTES
CHECK_ROUNDS: Final = 4
CHECK_BYTES: Final = 4 * DIGEST_BYTES + 2 * SALT_BYTES + KEY_BYTES + SUMS_BYTES
"""What a party sends each other one."""


class Check:
    """What a computing party saw opened and has not checked.

    Args:
        key: its share of the keys.
        own: its own generator of this session.
        session: what commitments are bound to.
    """

    def __init__(
        self,
        exchange: Exchange,
        me: str,
        computing: Sequence[str],
        key: MacKey,
        own: Prg,
        session: bytes,
    ):
        self._exchange, self._me, self._computing = exchange.exchange, me, computing
        self._others = [p for p in computing if p != me]
        self._key, self._own, self._session = key, own, session
        self._pending: list[tuple[Ring, Array, Array]] = []
        self._view = hashlib.sha256()
        self._runs = 0
        self._stopped = False

    def remember(self, ring: Ring, opened: Array, mac: Array) -> None:
        """An opened value, in the carrier of its ring, and this party's share of its MAC."""
        self._view.update(carrier(ring).canonical(opened).data)
        self._pending.append((ring, opened, mac))

    def expect_nothing(self) -> None:
        """Raise Abort where something was opened and not checked."""
        if self._pending:
            raise Abort("something that was opened is not checked yet; nothing more is opened")

    def run(
        self,
        label: str,
        send: Mapping[str, bytes] | None = None,
        due: Mapping[str, int] | None = None,
    ) -> dict[str, bytes]:
        """Check all that was opened: four rounds.

        Args:
            send, due: what travels in the first round besides, to and from others.

        Returns:
            What came of it.

        Raises:
            Abort: two parties saw different values, or somebody sent a wrong share; from now on
                every check fails.
        """
        if self._stopped:
            raise Abort("a check failed before; nothing more is opened")
        self._stopped, self._runs = True, self._runs + 1
        seed = self._own.draw_bytes("seed", self._runs, KEY_BYTES)
        came, seeds = self._toss(label, seed, send or {}, due or {})
        coin = self._hash(f"{label} coin", *seeds)
        self._compare_sums(label, coin, self._weighed(Prg(coin)))
        self._pending.clear()
        self._stopped = False
        return came

    def _toss(
        self, label: str, seed: bytes, send: Mapping[str, bytes], due: Mapping[str, int]
    ) -> tuple[dict[str, bytes], list[bytes]]:
        """Rounds 1 and 2: what came besides, and the seeds of all computing parties."""
        view = self._view.digest()
        mine, opening = self._commit(f"{label} seeds", seed)
        lengths = {**dict.fromkeys(self._others, 2 * DIGEST_BYTES), **due}
        came = self._exchange(label, {**dict.fromkeys(self._others, mine + view), **send}, lengths)
        first = {p: came.pop(p) for p in self._others}
        for party, data in first.items():
            if data[DIGEST_BYTES:] != view:
                raise Abort(f"{party} saw other values than {self._me} did, or says so")
        opened = self._all_to_all(f"{label} seeds", opening)
        commitments = {p: data[:DIGEST_BYTES] for p, data in first.items()}
        seeds = {self._me: seed, **self._opened(f"{label} seeds", commitments, opened)}
        return came, [seeds[p] for p in self._computing]

    def _weighed(self, weights: Prg) -> bytes:
        """z_i of each carrier and of bits."""
        sums = {ring: ring.zeros(()) for ring in CARRIERS}
        tags = 0
        for n, (ring, y, mac) in enumerate(self._pending):
            if isinstance(ring, BitRing):
                chi = weights.draw(TAGS, y.shape, "bits", n)
                times_key = field.multiply(self._key.delta, field.combine_bits(y, chi))
                tags ^= field.combine(mac, chi) ^ times_key
            else:
                held = carrier(ring)
                sums[held] = held.add(sums[held], self._sum(held, y, mac, weights, n))
        parts = [ring.to_bytes(z) for ring, z in sums.items()]
        return b"".join([*parts, tags.to_bytes(TAG_BYTES, "little")])

    def _sum(self, held: Ring, y: Array, mac: Array, weights: Prg, n: int) -> Array:
        """The sum of chi_j (m_j,i - alpha_i y_j) over one array of opened integers."""
        shape = held.shape(y)
        chi = Z2_64.extend(weights.draw(Z2_64, shape, "integers", n), held)
        alpha = Z2_192.reduce(self._key.alpha, held)
        weighed = (held.reshape(held.mul(chi, x), (-1,)) for x in (mac, y))
        of_mac, of_value = (held.sum(x, 0) for x in weighed)
        return held.sub(of_mac, held.mul(of_value, alpha))

    def _compare_sums(self, label: str, coin: bytes, mine: bytes) -> None:
        """Rounds 3 and 4."""
        commitment, opening = self._commit(f"{label} sums", mine)
        came = self._all_to_all(f"{label} committed", commitment + coin)
        for party, data in came.items():
            if data[DIGEST_BYTES:] != coin:
                raise Abort(f"{party} saw other seeds than {self._me} did, or says so")
        opened = self._all_to_all(f"{label} sums", opening)
        commitments = {p: data[:DIGEST_BYTES] for p, data in came.items()}
        sums = [mine, *self._opened(f"{label} sums", commitments, opened).values()]
        start = 0
        for ring in CARRIERS:
            parts = [ring.from_bytes(z[start : start + ring.size], ()) for z in sums]
            self._expect(ring.unsigned(reduce(ring.add, parts)) == 0)
            start += ring.size
        self._expect(reduce(xor, (int.from_bytes(z[start:], "little") for z in sums)) == 0)

    @staticmethod
    def _expect(right: object) -> None:
        if not right:
            raise Abort("some computing party sent a wrong share; nothing more is opened")

    def _all_to_all(self, label: str, data: bytes) -> dict[str, bytes]:
        """The same to each other computing party, and as much from each."""
        return self._exchange(
            label, dict.fromkeys(self._others, data), dict.fromkeys(self._others, len(data))
        )

    def _commit(self, label: str, data: bytes) -> tuple[bytes, bytes]:
        """A commitment of this party, and what opens it."""
        opening = self._own.draw_bytes(f"salt of {label}", self._runs, SALT_BYTES) + data
        return self._hash(label, self._me.encode(), opening), opening

    def _opened(
        self, label: str, commitments: Mapping[str, bytes], openings: Mapping[str, bytes]
    ) -> dict[str, bytes]:
        """What each other party had committed to."""
        for party, opening in openings.items():
            if self._hash(label, party.encode(), opening) != commitments[party]:
                raise Abort(f"{party} opened something else than it had committed to")
        return {party: opening[SALT_BYTES:] for party, opening in openings.items()}

    def _hash(self, label: str, *data: bytes) -> bytes:
        return codec.digest("mpcgen spdz2k", self._session, label, *data)
