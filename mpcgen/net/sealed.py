"""Frames of one direction, sealed: AES-256-GCM under a key that one connection and direction has.

The nonce is a counter that is never sent, so a frame opens only in its place: one that was altered,
repeated, left out or moved does not open, nor does any after it. Nonces never repeat under a key,
since its secret comes from a handshake with fresh keys of both ends and one object counts.

A key seals at most FRAMES frames of at most 2^17 blocks; the next one is derived as in TLS 1.3
(RFC 8446, 7.2). What tells the ciphertext from noise stays below 2^-60 for each (RFC 8446, 5.5).
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from mpcgen.errors import BadMessage

TAG: Final = 16
"""Bytes that a sealed frame is longer than what is in it."""
FRAMES: Final = 1 << 16
"""Frames under one key."""

Bytes = bytes | bytearray | memoryview


class _Keys:
    """The key in use and the counter, both moved on together."""

    def __init__(self, secret: bytes):
        self._secret = secret
        self._count = 0
        self._aes = AESGCM(_expand(secret, b"key"))

    def _next(self) -> tuple[AESGCM, bytes]:
        if self._count and self._count % FRAMES == 0:
            self._secret = _expand(self._secret, b"next")
            self._aes = AESGCM(_expand(self._secret, b"key"))
        nonce = self._count.to_bytes(12)
        self._count += 1
        return self._aes, nonce

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Sealer(_Keys):
    """The sending end.

    Args:
        secret: 32 bytes that this direction of this connection alone has.
    """

    def seal(self, data: Bytes) -> bytes:
        """The next frame, TAG bytes longer than `data`."""
        aes, nonce = self._next()
        return aes.encrypt(nonce, data, None)


class Opener(_Keys):
    """The receiving end.

    Args:
        secret: as the sender's.
        sender: whose frames these are, for the error.
    """

    def __init__(self, secret: bytes, sender: str):
        super().__init__(secret)
        self._sender = sender

    def open(self, sealed: Bytes) -> bytes:
        """What is in the next frame.

        Raises:
            BadMessage: it is not the one that the sender sealed next; this connection is over.
        """
        aes, nonce = self._next()
        try:
            return aes.decrypt(nonce, sealed, None)
        except InvalidTag:
            raise BadMessage(
                f"what came as {self._sender}'s is not what {self._sender} sent next: "
                "altered, repeated, left out or moved on the way"
            ) from None


def _expand(secret: bytes, what: bytes) -> bytes:
    return HKDFExpand(SHA256(), 32, b"mpcgen sealed 1 " + what).derive(secret)
