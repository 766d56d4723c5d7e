"""The only maker of randomness.

A `Prg` is a key with a memory: it expands to pseudorandom ring elements under a *domain* (label and
counter), each at most once. The stream of a domain is AES-256 in counter mode under the key
BLAKE2b(key; domain), so streams of different domains are independent as long as BLAKE2b keyed is a
pseudorandom function and AES a pseudorandom permutation; a stream is at most 2^36 bytes.

Keys of a session are bound to it by `for_session`: its id contains fresh nonces of all parties, so
the same pairwise key gives different streams in every session and epoch.
"""

import hashlib
import math
import os
from typing import Self

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from mpcgen import codec
from mpcgen.ring import Array, Ring

KEY_BYTES = 32
_ZERO_NONCE = bytes(16)


def fresh_bytes(n: int) -> bytes:
    """n bytes of the operating system's entropy: keys, nonces, salts."""
    return os.urandom(n)


class Prg:
    """Pseudorandom ring elements, each domain once."""

    __slots__ = ("_drawn", "_key", "fixed")

    def __init__(self, key: bytes, *, fixed: bool = False):
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        self._key = key
        self._drawn: set[bytes] = set()
        self.fixed = fixed

    @classmethod
    def fresh(cls) -> Self:
        """From the operating system's entropy."""
        return cls(fresh_bytes(KEY_BYTES))

    @classmethod
    def for_tests_only(cls, seed: int) -> Self:
        """From a fixed seed. No real transport accepts a session that holds one (`fixed`)."""
        return cls(codec.digest("mpcgen test seed", seed), fixed=True)

    def for_session(self, session: bytes, epoch: int) -> "Prg":
        """The generator of the same key for one epoch of one session."""
        return Prg(_derive(self._key, codec.encode(["session", session, epoch])), fixed=self.fixed)

    def draw_bytes(self, label: str, counter: int, n: int) -> bytes:
        """n bytes of the stream of (label, counter).

        Raises:
            RuntimeError: this domain was drawn before; the caller would use randomness twice.
        """
        domain = codec.encode([label, counter])
        if domain in self._drawn:
            raise RuntimeError(f"randomness of {label!r}, {counter} was drawn before")
        self._drawn.add(domain)
        stream = Cipher(algorithms.AES256(_derive(self._key, domain)), modes.CTR(_ZERO_NONCE))
        return stream.encryptor().update(bytes(n))

    def draw(self, ring: Ring, shape: tuple[int, ...], label: str, counter: int) -> Array:
        """Uniform elements of the ring, of the given logical shape."""
        data = self.draw_bytes(label, counter, ring.size * math.prod(shape))
        if ring.k < 8:  # keep the low bits: uniform, since 2^k divides 256
            mask = ring.modulus - 1
            data = (np.frombuffer(data, np.uint8) & np.uint8(mask)).tobytes()
        return ring.from_bytes(data, shape)

    def __repr__(self) -> str:
        return "<Prg>"

    def __reduce__(self) -> str:
        raise TypeError("a generator is not copied, pickled or sent")


def _derive(key: bytes, data: bytes) -> bytes:
    return hashlib.blake2b(data, key=key, digest_size=KEY_BYTES, person=b"mpcgen prg").digest()
