"""Two ends that know each other's identity keys agree on fresh keys: SIGMA-I.

H. Krawczyk, SIGMA: the 'SIGn-and-MAc' approach to authenticated Diffie-Hellman and its use in the
IKE protocols, CRYPTO 2003, section 5.2 (full version): identities are encrypted, the initiator's
also against whoever answers with a key of its own. As in TLS 1.3, its descendant, what is signed is
a hash of all that was said, nonces and context included.

    I -> R   n_i, X                        X, Y: X25519 keys of this connection
    R -> I   n_r, Y, {R, SIG_R(t1), MAC(t1, R, SIG)}         t1: context, n_i, X, n_r, Y
    I -> R   {I, SIG_I(t2), MAC(t2, I, SIG, extra), extra}   t2: t1 and R's message

{..} is AES-256-GCM under keys for this purpose, MAC is HMAC-SHA256; both keys, and the secrets of
the two directions afterwards, follow from X25519(X, Y) by HKDF-SHA256 with all that was said. A
recorded handshake played again meets other X, Y and nonces: its signatures do not fit.

No I/O here: both ends are fed bytes and give bytes.
"""

import hmac
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mpcgen import codec
from mpcgen.errors import BadMessage
from mpcgen.net.sealed import TAG
from mpcgen.prg import fresh_bytes

MAGIC: Final = b"MPH\x01"
IDENTITY: Final = 32
_NONCE, _KEY, _SIGNATURE, _MAC = 32, 32, 64, 32
_PROOF = IDENTITY + _SIGNATURE + _MAC
HELLO_BYTES: Final = len(MAGIC) + _NONCE + _KEY
REPLY_BYTES: Final = _NONCE + _KEY + _PROOF + TAG
FINISH_BYTES: Final = _PROOF + TAG
"""The last message's length, but for what it carries besides."""


class OtherIdentity(BadMessage):
    """Somebody has proved an identity, but not the one that was expected."""


class Secrets(NamedTuple):
    """What both ends have afterwards, for one direction each (see `sealed`)."""

    to_responder: bytes
    to_initiator: bytes

    def __repr__(self) -> str:
        return "<Secrets>"


class _Role(NamedTuple):
    """The labels that keep what one end signs and seals apart from the other's."""

    name: bytes

    def signed(self, transcript: bytes) -> bytes:
        return b"mpcgen handshake 1, signed by the " + self.name + b"\0" + transcript


_INITIATOR, _RESPONDER = _Role(b"initiator"), _Role(b"responder")


class _Agreed:
    """The shared secret of X and Y, and what follows from it."""

    def __init__(self, own: X25519PrivateKey, other: bytes, salt: bytes):
        try:
            self._shared = own.exchange(X25519PublicKey.from_public_bytes(other))
        except ValueError:  # a point of small order: the secret would be known to all
            raise BadMessage("a handshake with a key that is none") from None
        self._salt = salt

    def derive(self, what: bytes, transcript: bytes = b"") -> bytes:
        info = b"mpcgen handshake 1 " + what + b"\0" + transcript
        return HKDF(SHA256(), 32, self._salt, info).derive(self._shared)

    def prove(
        self, role: _Role, me: Ed25519PrivateKey, transcript: bytes, extra: bytes = b""
    ) -> bytes:
        identity = public_bytes(me)
        signature = me.sign(role.signed(transcript))
        mac = self._mac(role, transcript + identity + signature + extra)
        return self._cipher(role).encrypt(bytes(12), identity + signature + mac + extra, transcript)

    def check(self, role: _Role, sealed: bytes, transcript: bytes) -> tuple[bytes, bytes]:
        """The identity that the other end has proved, and what it said besides."""
        try:
            proof = self._cipher(role).decrypt(bytes(12), sealed, transcript)
            identity, signature = proof[:IDENTITY], proof[IDENTITY : IDENTITY + _SIGNATURE]
            mac, extra = proof[IDENTITY + _SIGNATURE : _PROOF], proof[_PROOF:]
            right = self._mac(role, transcript + identity + signature + extra)
            if not hmac.compare_digest(mac, right):
                raise InvalidSignature
            key = Ed25519PublicKey.from_public_bytes(identity)
            key.verify(signature, role.signed(transcript))
        except (InvalidTag, InvalidSignature, ValueError):
            raise BadMessage("a handshake whose proof does not fit what was said") from None
        return identity, extra

    def secrets(self, transcript: bytes) -> Secrets:
        return Secrets(
            self.derive(b"to the responder", transcript),
            self.derive(b"to the initiator", transcript),
        )

    def _mac(self, role: _Role, data: bytes) -> bytes:
        return hmac.digest(self.derive(b"mac of the " + role.name), data, "sha256")

    def _cipher(self, role: _Role) -> AESGCM:
        """Used once: the key is this handshake's, this role's."""
        return AESGCM(self.derive(b"proof of the " + role.name))


class Initiator:
    """The end that begins.

    Args:
        me: its identity.
        context: what both ends must agree on, any bytes; the handshake fails where they differ.
        expected: the identity of the end that answers.

    Attributes:
        hello: the first message, HELLO_BYTES.
    """

    def __init__(self, me: Ed25519PrivateKey, context: bytes, expected: bytes):
        self._me, self._context, self._expected = me, context, expected
        self._key = _fresh_key()
        self.hello = MAGIC + fresh_bytes(_NONCE) + self._key.public_key().public_bytes_raw()

    def finish(self, reply: bytes, extra: bytes = b"") -> tuple[bytes, Secrets]:
        """The last message, and the secrets, once the reply has proved who sent it.

        Raises:
            BadMessage: the reply is damaged, or not for this hello and context.
            OtherIdentity: it is another's.
        """
        if len(reply) != REPLY_BYTES:
            raise BadMessage("a handshake's reply of a wrong length")
        fresh, proof = reply[: _NONCE + _KEY], reply[_NONCE + _KEY :]
        first = _greeted(self._context, self.hello, fresh)
        agreed = _Agreed(self._key, fresh[_NONCE:], first)
        identity, _ = agreed.check(_RESPONDER, proof, first)
        if identity != self._expected:
            raise OtherIdentity(
                f"a handshake by the identity {identity.hex()}, not {self._expected.hex()}"
            )
        second = _replied(first, proof)
        message = agreed.prove(_INITIATOR, self._me, second, extra)
        return message, agreed.secrets(_done(second, message))


class Responder:
    """The end that answers one hello.

    Args:
        me: its identity.
        context: as the initiator's.
        hello: the first message.

    Attributes:
        reply: the answer, REPLY_BYTES.

    Raises:
        BadMessage: this is no hello.
    """

    def __init__(self, me: Ed25519PrivateKey, context: bytes, hello: bytes):
        if len(hello) != HELLO_BYTES or not hello.startswith(MAGIC):
            raise BadMessage("something that is no handshake")
        key = _fresh_key()
        fresh = fresh_bytes(_NONCE) + key.public_key().public_bytes_raw()
        first = _greeted(context, hello, fresh)
        self._agreed = _Agreed(key, hello[-_KEY:], first)
        proof = self._agreed.prove(_RESPONDER, me, first)
        self._second = _replied(first, proof)
        self.reply = fresh + proof

    def complete(self, message: bytes) -> tuple[bytes, bytes, Secrets]:
        """Who began, what it said besides, and the secrets.

        The caller decides whether it wants to talk to that identity.

        Raises:
            BadMessage: the message is damaged or of another handshake.
        """
        if len(message) < FINISH_BYTES:
            raise BadMessage("a handshake's last message that is too short")
        identity, extra = self._agreed.check(_INITIATOR, message, self._second)
        done = _done(self._second, message)
        return identity, extra, self._agreed.secrets(done)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes by which the holder of an identity key is known."""
    return key.public_key().public_bytes_raw()


# What was said so far, at both ends alike.


def _greeted(context: bytes, hello: bytes, fresh: bytes) -> bytes:
    return codec.digest("mpcgen handshake 1", context, hello, fresh)


def _replied(first: bytes, proof: bytes) -> bytes:
    return codec.digest("mpcgen handshake 1, replied", first, proof)


def _done(second: bytes, message: bytes) -> bytes:
    return codec.digest("mpcgen handshake 1, done", second, message)


def _fresh_key() -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(fresh_bytes(_KEY))
