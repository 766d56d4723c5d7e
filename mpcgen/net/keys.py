"""CURVE key pairs of a party's transport: made, kept in a file of its owner, checked when read.

A key is 32 bytes, written as the 40 characters of Z85 (ZeroMQ RFC 32). The public key stands in the
study plan; the secret one never leaves its file and this process, and no repr shows it.
"""

import os
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from mpcgen.errors import ConfigError, reason

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
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, 0o600), "w") as file:
            file.write(keys.secret + "\n")
    except FileExistsError:
        raise ConfigError("exists already; a key is never overwritten", path=path) from None
    except OSError as error:
        raise ConfigError(f"cannot be written: {reason(error)}", path=path) from None
    return keys


def load(path: Path) -> KeyPair:
    """The key pair whose secret `create` put into `path`.

    Raises ConfigError where the file is not a regular file of this user, is open to others, or
    does not hold one key.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        why = "this is a link; name the file itself" if path.is_symlink() else reason(error)
        raise ConfigError(f"no secret key can be read: {why}", path=path) from None
    try:
        _check_file(path, os.fstat(descriptor))
        content = os.read(descriptor, KEY_TEXT + 2)
    finally:
        os.close(descriptor)
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


def _check_file(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError("the secret key is not a regular file", path=path)
    if status.st_uid != os.geteuid():
        raise ConfigError("the secret key belongs to another user", path=path)
    if status.st_mode & 0o077:
        raise ConfigError(
            f"others may read the secret key (mode {stat.S_IMODE(status.st_mode):o}); chmod 600",
            path=path,
        )
