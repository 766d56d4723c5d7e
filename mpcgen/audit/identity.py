"""Identity keys: the Ed25519 key (RFC 8032) that an institution's steward signs with.

The secret one stands as PKCS #8 (RFC 5958) in a PEM file that its owner alone may read; the public
one, 32 bytes as 64 hexadecimal digits, in the study plan. It signs; the transport has another key.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from mpcgen.errors import ConfigError
from mpcgen.files import create_secret, read_secret
from mpcgen.prg import fresh_bytes

KEY_BYTES = 32
MOST_BYTES = 4096  # of a key's file, and of a passphrase's
_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"

_P = 2**255 - 19
_Y_OF_EIGHT = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_NO_KEYS = frozenset({0, 1, _P - 1, _P, _P + 1, _Y_OF_EIGHT, _P - _Y_OF_EIGHT})
"""y of the points of order 1, 2, 4 and 8, also as they are not to be written (RFC 8032, 5.1.3): a
signature under such a key can be made without any secret."""

Ask = Callable[[Path], bytes]  # for the passphrase of a key's file


@dataclass(frozen=True)
class Identity:
    """An institution's own identity.

    Attributes:
        public: 64 hexadecimal digits.
    """

    public: str
    key: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, 64 bytes."""
        return self.key.sign(message)


def create(path: Path, passphrase: bytes | None = None) -> Identity:
    """Make a new identity and keep it in `path`, readable by its owner alone.

    Raises:
        ConfigError: the file exists (nothing is overwritten), or cannot be made.
    """
    key = Ed25519PrivateKey.from_private_bytes(fresh_bytes(KEY_BYTES))
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        encryption = BestAvailableEncryption(passphrase)
    create_secret(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return _identity(key)


def nobody_to_ask(path: Path) -> bytes:
    """For programs that nobody sits at.

    Raises:
        ConfigError: always.
    """
    words = "the key has a passphrase; name a file with it: [identity] passphrase_file"
    raise ConfigError(words, path=path)


def load(path: Path, ask: Ask = nobody_to_ask) -> Identity:
    """The identity that `create` put into `path`.

    Args:
        ask: for the passphrase, where the key has one.

    Raises:
        ConfigError: the file is not a regular file of this user, is open to others, or does not
            hold one Ed25519 key; or the passphrase is wrong.
    """
    content = read_secret(path, MOST_BYTES)
    encrypted = content.startswith(_ENCRYPTED)
    passphrase = ask(path) if encrypted else None
    try:
        key = load_pem_private_key(content, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        words = "the passphrase is wrong, or this is" if encrypted else "this is"
        raise ConfigError(
            f"{words} no identity key; `mpcgen identity` makes one", path=path
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError("this is a key of another kind than Ed25519", path=path)
    return _identity(key)


def passphrase_in(path: Path) -> bytes:
    """The passphrase in a file of its own: its one line.

    Raises:
        ConfigError: the file is not a regular file of this user, is open to others, or has not one
            line of text.
    """
    content = read_secret(path, MOST_BYTES, "passphrase").removesuffix(b"\n").removesuffix(b"\r")
    if not content or b"\n" in content:
        raise ConfigError("a passphrase is one line of text", path=path)
    return content


def holds(public: str, message: bytes, signature: bytes) -> bool:
    """Whether a signature of a message is that of a public key."""
    try:
        key = bytes.fromhex(public)
        if int.from_bytes(key, "little") % 2**255 in _NO_KEYS:
            return False
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _identity(key: Ed25519PrivateKey) -> Identity:
    return Identity(key.public_key().public_bytes_raw().hex(), key)
