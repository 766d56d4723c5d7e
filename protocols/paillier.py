"""Paillier's cipher for aggregated totals, on `phe`, many counters in one ciphertext.

Paillier, Public-Key Cryptosystems Based on Composite Degree Residuosity Classes, EUROCRYPT 1999,
with g = n + 1; decryption modulo p^2 and q^2 as in his section 7.

    key        n = p q of 2048 or 3072 bits, fresh in every session; the key holder sends n
    Enc(m)     (1 + n m) r^n mod n^2,  r uniform in 1 .. n - 1
    sum        the product of ciphertexts modulo n^2

The sum's randomness is the product of the owners' and tells nothing of any one of them. All
randomness, the primes' too, comes from the party's generator, not from phe.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mpcgen.abb import Exchange, Seat
from mpcgen.errors import Abort, BadMessage, RangeError
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.aggregated import Aggregated, AggregatedCosts, Cipher, pass_key
from mpcgen.protocols.integers import below, powers, prime
from mpcgen.protocols.packing import Like, Packing
from mpcgen.ring import Array

if TYPE_CHECKING:
    from phe.paillier import PaillierPrivateKey

KEY_BITS = (2048, 3072)


class PaillierCosts(AggregatedCosts):
    """Ciphertexts have twice the key's bits."""

    def __init__(self, seat: Seat):
        super().__init__(seat, lambda b: packing(seat).count(b) * seat.key_bits // 4)


def packing(seat: Seat) -> Packing:
    """How counters are packed: a plaintext is below 2^(key bits - 1), which is below n."""
    return Packing(len(seat.owners), seat.key_bits - 1)


class PaillierCipher(Cipher):
    """The cipher under one public key.

    Args:
        secret: at the key holder; None elsewhere.
    """

    def __init__(self, n: int, counters: Packing, own: Prg, secret: "PaillierPrivateKey | None"):
        from phe.paillier import PaillierPublicKey  # noqa: PLC0415

        self._public = PaillierPublicKey(n)
        self._size = (2 * n.bit_length() + 7) // 8
        self._packing, self._own, self._secret = counters, own, secret

    def encrypt(self, like: Like, values: Sequence[Array], label: str) -> bytes:
        plain = self._packing.pack(like, values)
        public = self._public
        random = below(self._own, public.n, len(plain), f"{label}/r")
        hiding = powers(random, public.n, public.nsquare)
        bare = [public.raw_encrypt(m, r_value=1) for m in plain]
        return self._bytes([m * r % public.nsquare for m, r in zip(bare, hiding, strict=True)])

    def add(self, sealed: dict[str, bytes]) -> bytes:
        first, *others = (self._ciphertexts(owner, data) for owner, data in sealed.items())
        for other in others:
            first = [x * y % self._public.nsquare for x, y in zip(first, other, strict=True)]
        return self._bytes(first)

    def decrypt(self, like: Like, sealed: bytes) -> list[Array]:
        sums = self._decrypted(self._ciphertexts("the aggregator", sealed))
        try:
            return self._packing.unpack(like, sums)
        except RangeError as error:
            raise Abort(f"the sum of all ciphertexts is no total under this key: {error}") from None

    def _decrypted(self, ciphertexts: list[int]) -> list[int]:
        """As phe's raw_decrypt, all at once."""
        key = self._secret
        assert key is not None
        parts = []
        for prime_, square, h in ((key.p, key.psquare, key.hp), (key.q, key.qsquare, key.hq)):
            raised = powers([c % square for c in ciphertexts], prime_ - 1, square)
            parts.append([key.l_function(x, prime_) * h % prime_ for x in raised])
        return [key.crt(x, y) for x, y in zip(*parts, strict=True)]

    def _bytes(self, ciphertexts: Sequence[int]) -> bytes:
        return b"".join(c.to_bytes(self._size, "big") for c in ciphertexts)

    def _ciphertexts(self, sender: str, data: bytes) -> list[int]:
        """Ciphertexts out of their bytes.

        Raises:
            Abort: one is no unit modulo n^2.
        """
        import gmpy2  # noqa: PLC0415

        size, public = self._size, self._public
        found = [int.from_bytes(data[i : i + size], "big") for i in range(0, len(data), size)]
        if not all(c < public.nsquare and gmpy2.gcd(c, public.n) == 1 for c in found):
            raise Abort(f"{sender} sent what is no ciphertext under the key holder's key")
        return found


def set_up(
    exchange: Exchange, seat: Seat, leakage: Leakage, session: bytes, epoch: int, own: Prg
) -> Aggregated:
    """Make the session's key, at the key holder, and send it to all who encrypt or add: one round.

    Raises:
        BadMessage: the key holder sent no modulus of the plan's size.
    """
    if seat.key_bits not in KEY_BITS and not own.fixed:  # tests may have small keys
        raise ValueError(f"a key has {' or '.join(map(str, KEY_BITS))} bits, not {seat.key_bits}")
    own = own.for_session(session, epoch)
    length, holder = seat.key_bits // 8, seat.computing[1]
    secret = _secret_key(own, seat.key_bits) if seat.me == holder else None
    made = None if secret is None else secret.public_key.n.to_bytes(length, "big")
    key, cipher = pass_key(exchange, seat, length, made), None
    if key is not None:
        n = _checked(int.from_bytes(key, "big"), seat.key_bits, holder)
        cipher = PaillierCipher(n, packing(seat), own, secret)
    return Aggregated(exchange, seat, leakage, PaillierCosts(seat), cipher)


def _secret_key(own: Prg, bits: int) -> "PaillierPrivateKey":
    """Two primes of equal length whose two top bits are 1: their product has all the bits."""
    from phe.paillier import PaillierPrivateKey, PaillierPublicKey  # noqa: PLC0415

    p, q = prime(own, bits // 2, "p"), prime(own, bits // 2, "q")
    return PaillierPrivateKey(PaillierPublicKey(p * q), p, q)


def _checked(n: int, bits: int, holder: str) -> int:
    if n.bit_length() != bits or n % 2 == 0:
        raise BadMessage(f"{holder} sent a key of {n.bit_length()} bits; the plan has {bits}")
    return n
