"""The BFV cipher for aggregated totals, on TenSEAL: 8,192 counters in one ciphertext.

Fan, Vercauteren, Somewhat Practical Fully Homomorphic Encryption, IACR eprint 2012/144; slots as in
Smart, Vercauteren, Fully Homomorphic SIMD Operations, 2014. TenSEAL wraps Microsoft SEAL.

    ring       Z_q[X] / (X^8192 + 1), q of 120 bits; with the prime for switching keys 180,
               where up to 218 are held to give 128 bits of security (homomorphicencryption.org,
               Homomorphic Encryption Standard, 2018)
    plaintext  one signed counter in each slot modulo the prime t = 2^40 - 147455 (1 mod 2^14)
    sum        slot by slot; n owners' counters of 32 bits and their sum are less than t / 2 in size
               up to 255 owners, so nothing wraps around
    noise      the aggregator adds Enc(0) p, p random modulo t: the noise that the key holder could
               read in the sum, and which depends on the owners' randomness and on the rounding of
               their plaintexts (a few units), drowns in about 2^51

28 bits of noise budget are left after that. Keys and encryption draw on SEAL's own generator (from
the operating system's entropy): SEAL takes no other. p comes from the party's.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np

from mpcgen.abb import Exchange, Seat
from mpcgen.errors import Abort, BadMessage, InputError
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.aggregated import Aggregated, AggregatedCosts, Cipher, lacking, pass_key
from mpcgen.protocols.packing import Like
from mpcgen.ring import Z2_32, Z2_64, Array

if TYPE_CHECKING:
    from tenseal import BFVVector, Context

SLOTS = 8192
T = (1 << 40) - 147455
SEALED_BYTES = 262283  # two polynomials modulo two primes in 8-byte words, and headers
MAX_OWNERS = T >> Z2_32.k
_PRIMES = [60, 60, 60]  # bits
_LENGTH = 4  # bytes of a length
KEY_BYTES = 385 << 10  # 393,445 or a few less, their number, and zeros


class BfvCosts(AggregatedCosts):
    """Ciphertexts of one length, however full."""

    def __init__(self, seat: Seat):
        super().__init__(seat, lambda b: -(-b // (Z2_32.size * SLOTS)) * SEALED_BYTES)


class BfvCipher(Cipher):
    """The cipher under one key.

    Args:
        context: TenSEAL's: parameters, public key; at the key holder the secret key.
    """

    def __init__(self, context: "Context", own: Prg):
        self._context, self._own = context, own
        self._added = 0

    def encrypt(self, like: Like, values: Sequence[Array], label: str) -> bytes:  # noqa: ARG002
        import tenseal  # noqa: PLC0415

        _check_narrow(like)
        slots = np.concatenate(
            [ring.signed(x).ravel() for (ring, _), x in zip(like, values, strict=True)]
        )
        slots = np.pad(slots, (0, -len(slots) % SLOTS)).reshape(-1, SLOTS)
        return b"".join(_sealed(tenseal.bfv_vector(self._context, row)) for row in slots.tolist())

    def add(self, sealed: dict[str, bytes]) -> bytes:
        vectors = zip(*(self._vectors(owner, data) for owner, data in sealed.items()), strict=True)
        return b"".join(_sealed(reduce(add, each, self._noise())) for each in vectors)

    def decrypt(self, like: Like, sealed: bytes) -> list[Array]:
        _check_narrow(like)
        slots = [v.decrypt() for v in self._vectors("the aggregator", sealed)]
        flat = np.array(slots, np.int64).ravel()
        half, values = Z2_32.modulus // 2, []
        if ((flat < -half) | (flat >= half)).any():
            raise Abort(
                "the sum of all ciphertexts is no total under this key: one leaves the signed "
                "range of Z_2^32"
            )
        for ring, shape in like:
            length = int(np.prod(shape))
            values.append(ring.encode(flat[:length]).reshape(shape))
            flat = flat[length:]
        return values

    def _noise(self) -> "BFVVector":
        """An encryption of zeros with much noise."""
        import tenseal  # noqa: PLC0415

        self._added += 1
        drawn = self._own.draw(Z2_64, (SLOTS,), "noise", self._added) % np.uint64(T)
        p = drawn.astype(np.int64) - T // 2
        return tenseal.bfv_vector(self._context, [0] * SLOTS) * p.tolist()

    def _vectors(self, sender: str, data: bytes) -> Iterator["BFVVector"]:
        """Ciphertexts out of their bytes.

        Raises:
            Abort: SEAL does not take one.
        """
        import tenseal  # noqa: PLC0415

        for i in range(0, len(data), SEALED_BYTES):
            try:
                vector = tenseal.bfv_vector_from(self._context, data[i : i + SEALED_BYTES])
            except (ValueError, RuntimeError):
                vector = None
            if vector is None or vector.size() != SLOTS or len(vector.ciphertext()) != 1:
                raise Abort(f"{sender} sent what is no ciphertext of these parameters")
            yield vector


def set_up(
    exchange: Exchange, seat: Seat, leakage: Leakage, session: bytes, epoch: int, own: Prg
) -> Aggregated:
    """Make the session's key, at the key holder, and send it to all who encrypt or add: one round.

    Raises:
        InputError: TenSEAL is not installed.
        BadMessage: the key holder sent no public key of these parameters.
    """
    try:
        import tenseal  # noqa: PLC0415
    except ImportError as error:
        raise InputError("the engine bfv needs TenSEAL: pip install 'mpcgen[bfv]'") from error
    if len(seat.owners) > MAX_OWNERS:
        raise InputError(f"the engine bfv adds the counts of at most {MAX_OWNERS} institutions")
    own = own.for_session(session, epoch)
    holder, context, cipher = seat.computing[1], None, None
    if seat.me == holder:
        context = tenseal.context(tenseal.SCHEME_TYPE.BFV, SLOTS, T, _PRIMES)
    key = pass_key(exchange, seat, KEY_BYTES, None if context is None else _public(context))
    if key is not None:
        cipher = BfvCipher(context or _context(key, holder), own)
    return Aggregated(exchange, seat, leakage, BfvCosts(seat), cipher)


def _public(context: "Context") -> bytes:
    """Parameters and public key."""
    keys = ("secret_key", "galois_keys", "relin_keys")
    data: bytes = context.serialize(**{f"save_{key}": False for key in keys})
    if len(data) > KEY_BYTES - _LENGTH:
        raise RuntimeError(f"a public key has {len(data)} bytes")
    return (len(data).to_bytes(_LENGTH, "little") + data).ljust(KEY_BYTES, b"\0")


def _context(data: bytes, holder: str) -> "Context":
    """What the key holder sent, with parameters as they are here."""
    import tenseal  # noqa: PLC0415
    import tenseal.sealapi  # noqa: PLC0415  # without it parameters are not read

    length = int.from_bytes(data[:_LENGTH], "little")
    try:
        context = tenseal.context_from(data[_LENGTH : _LENGTH + length])
    except (ValueError, RuntimeError):
        raise BadMessage(f"{holder} sent what is no key of BFV") from None
    if not context.has_public_key() or _parameters(context) != (SLOTS, T, _PRIMES):
        raise BadMessage(f"{holder} sent a key of other parameters than this version's")
    return context


def _parameters(context: "Context") -> tuple[int, int, list[int]]:
    """Degree, plaintext modulus and bits of the primes of q."""
    found = context.seal_context().data.key_context_data().parms()
    primes = [prime.value().bit_length() for prime in found.coeff_modulus()]
    return found.poly_modulus_degree(), found.plain_modulus().value(), primes


def _sealed(vector: "BFVVector") -> bytes:
    data: bytes = vector.serialize()
    if len(data) != SEALED_BYTES:
        raise RuntimeError(f"a ciphertext has {len(data)} bytes, not {SEALED_BYTES}")
    return data


def _check_narrow(like: Like) -> None:
    for ring, _ in like:
        if ring.k != Z2_32.k:
            lacking(f"room for {ring}: a slot holds 32 bits")
