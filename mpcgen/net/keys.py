"""CURVE key pairs of a party's transport: made, kept in a file of its owner, checked when read.

A key is 32 bytes, written as the 40 characters of Z85 (ZeroMQ RFC 32). The public key stands in the
study plan; the secret one never leaves its file and this process, and no repr shows it.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from mpcgen.errors import ConfigError
from mpcgen.files import create_secret, read_secret

KEY_TEXT = 40


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A party's own keys, as Z85 text."""

    public: str
    secret: str = field(repr=False)


def generate() -> KeyPair:
    """A new key pair from the operating system's randomness."""
    public, secret = zmq.curve_keypair()
    return KeyPair(public.decode(), secret.decode())


def create(path: Path) -> KeyPair:
    """Make a new key pair and keep its secret in `path`, readable by its owner alone.

    Raises ConfigError where the file exists (nothing is overwritten) or cannot be made.
    """
    keys = generate()
    create_secret(path, f"{keys.secret}\n".encode())
    return keys


def load(path: Path) -> KeyPair:
    """The key pair whose secret `create` put into `path`.

    Raises ConfigError where the file is not a regular file of this user, is open to others, or
    does not hold one key.
    """
    content = read_secret(path, KEY_TEXT + 2)
    secret = content.decode("ascii", errors="replace").removesuffix("\n")
    if not is_key(secret):
        raise ConfigError(f"holds no secret key of {KEY_TEXT} Z85 characters", path=path)
    return KeyPair(public_from_secret(secret), secret)


def public_from_secret(secret: str) -> str:
    """The public key that belongs to `secret`."""
    if not is_key(secret):
        raise ConfigError(f"a secret key has {KEY_TEXT} Z85 characters")
    return zmq.curve_public(secret.encode()).decode()


def is_key(text: str) -> bool:
    """Whether `text` is the Z85 form of 32 bytes."""
    return _decoded(text) is not None


def key_bytes(public: str, owner: str) -> bytes:
    """The 32 bytes of the public key of `owner`; ConfigError where it is none."""
    key = _decoded(public)
    if key is None:
        raise ConfigError(f"the public key of {owner} is not {KEY_TEXT} Z85 characters: {public!r}")
    return key


def _decoded(text: str) -> bytes | None:
    """The 32 bytes, None for anything else (struct.error: five characters beyond four bytes)."""
    try:
        return z85.decode(text.encode("ascii")) if len(text) == KEY_TEXT else None
    except (ValueError, KeyError, struct.error):
        return None
