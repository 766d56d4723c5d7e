"""Identity keys: made once, kept for their owner alone, with a passphrase or without."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from mpcgen.audit import identity
from mpcgen.errors import ConfigError


def secret(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_what_is_made_is_read_again(tmp_path: Path) -> None:
    made = identity.create(tmp_path / "A.identity")
    assert stat.S_IMODE((tmp_path / "A.identity").stat().st_mode) == 0o600
    assert identity.load(tmp_path / "A.identity").public == made.public
    signature = made.sign(b"words")
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(made.public)).verify(signature, b"words")
    assert identity.holds(made.public, b"words", signature)
    assert not identity.holds(made.public, b"other words", signature)
    assert not identity.holds(made.public, b"words", signature[:-1])
    assert not identity.holds("ff" * 31, b"words", signature)
    assert identity.create(tmp_path / "B.identity").public != made.public


P = 2**255 - 19
OF_EIGHT = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL = [
    (y | sign << 255).to_bytes(32, "little")
    for y in (0, 1, P - 1, P, P + 1, OF_EIGHT, P - OF_EIGHT)
    for sign in (0, 1)
]
"""Points of small order, as they can be written."""


@pytest.mark.parametrize("key", SMALL, ids=bytes.hex)
def test_a_key_to_which_everybody_can_sign(key: bytes) -> None:
    """A plan that pins it would be approved by whoever likes."""
    forged = [
        identity.holds(key.hex(), bytes([n]), point + bytes(32))
        for n in range(20)
        for point in SMALL
    ]
    assert not any(forged)


def test_no_secret_is_shown(tmp_path: Path) -> None:
    made = identity.create(tmp_path / "A.identity")
    assert repr(made) == f"Identity(public='{made.public}')"


def test_the_file_is_pkcs8_for_any_program(tmp_path: Path) -> None:
    made = identity.create(tmp_path / "A.identity", b"a passphrase")
    assert (tmp_path / "A.identity").read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY")
    key = load_pem_private_key((tmp_path / "A.identity").read_bytes(), b"a passphrase")
    assert isinstance(key, Ed25519PrivateKey)
    assert key.public_key().public_bytes_raw().hex() == made.public


def test_a_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "A.identity"
    made = identity.create(path, b"a passphrase")
    assert identity.load(path, lambda _path: b"a passphrase").public == made.public
    with pytest.raises(ConfigError, match="the passphrase is wrong, or this is no identity key"):
        identity.load(path, lambda _path: b"another one")
    with pytest.raises(ConfigError, match=r"name a file with it: \[identity\] passphrase_file"):
        identity.load(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"one line", None),
        (b"one line\n", None),
        (b"", "one line of text"),
        (b"two\nlines\n", "one line of text"),
    ],
)
def test_files_with_a_passphrase(content: bytes, words: str | None, tmp_path: Path) -> None:
    path = secret(tmp_path / "passphrase", content)
    if words is None:
        assert identity.passphrase_in(path) == b"one line"
        path.chmod(0o644)
        words = "others may read the passphrase (mode 644); chmod 600"
    with pytest.raises(ConfigError) as refused:
        identity.passphrase_in(path)
    assert words in str(refused.value)


def test_files_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "A.identity"
    identity.create(path)
    with pytest.raises(ConfigError, match="exists already; a key is never overwritten"):
        identity.create(path)
    with pytest.raises(ConfigError, match="cannot be written: there is no such file"):
        identity.create(tmp_path / "none" / "A.identity")
    with pytest.raises(ConfigError, match="there is no such file"):
        identity.load(tmp_path / "none")
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(ConfigError, match="this is a link"):
        identity.load(tmp_path / "link")
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="not a regular file"):
        identity.load(tmp_path / "pipe")
    path.chmod(0o640)
    with pytest.raises(ConfigError, match=r"others may read the secret key \(mode 640\)"):
        identity.load(path)


@pytest.mark.parametrize("content", [b"", b"a key", b"\0" * 5000, b"-----BEGIN PRIVATE KEY-----\n"])
def test_content_that_is_no_key(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="this is no identity key; `mpcgen identity` makes one"):
        identity.load(secret(tmp_path / "A.identity", content))


def test_a_key_of_another_kind(tmp_path: Path) -> None:
    other = X25519PrivateKey.generate()
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ConfigError, match="a key of another kind than Ed25519"):
        identity.load(secret(tmp_path / "A.identity", pem))
