"""Canonical bytes for everything that is hashed or sent besides arrays of ring elements.

One value has one encoding: JSON with sorted keys, no blanks, ASCII only, and of the types None,
bool, int, str, bytes (as {"hex": ...}), lists and dictionaries with text keys. There are no floats:
their text is not canonical, and nothing that the parties agree on needs one (the plan carries
decimal text). Ring elements have their own canonical bytes, `Ring.to_bytes`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from mpcgen.errors import BadMessage

Value: TypeAlias = "bool | int | str | bytes | Sequence[Value] | Mapping[str, Value] | None"

MAX_BYTES = 1 << 24  # a control message is never longer


def encode(value: Value) -> bytes:
    """The canonical bytes of a value.

    Raises:
        TypeError: a type that has no canonical encoding.
    """
    return json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode("ascii")


def decode(data: bytes) -> Value:
    """The value behind canonical bytes from outside.

    Raises:
        BadMessage: too long, not JSON, or JSON that is not the canonical encoding of its value.
    """
    if len(data) > MAX_BYTES:
        raise BadMessage(f"a control message of {len(data)} bytes; at most {MAX_BYTES} are taken")
    try:
        value = _rich(json.loads(data))
        canonical = encode(value) == data
    except (ValueError, TypeError, RecursionError) as error:
        raise BadMessage(f"a control message that is not canonical: {error}") from error
    if not canonical:
        raise BadMessage("a control message that is not in canonical form")
    return value


def digest(domain: str, *values: Value) -> bytes:
    """SHA-256 over a domain name and values; no two domains or lists of values share an input."""
    return hashlib.sha256(encode([domain, *values])).digest()


def _plain(value: Value) -> object:
    match value:
        case None | bool() | int() | str():
            return value
        case bytes() | bytearray() | memoryview():
            return {"hex": value.hex()}
        case Mapping():
            if not all(isinstance(key, str) for key in value):
                raise TypeError("keys are text")
            if value.keys() == {"hex"}:
                raise TypeError("a dictionary whose only key is 'hex' stands for bytes")
            return {key: _plain(item) for key, item in value.items()}
        case Sequence():
            return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical encoding")


def _rich(value: object) -> Value:
    match value:
        case dict():
            text = value.get("hex")
            if len(value) == 1 and isinstance(text, str):
                return bytes.fromhex(text)
            return {key: _rich(item) for key, item in value.items()}
        case list():
            return [_rich(item) for item in value]
        case None | bool() | int() | str():
            return value
    raise TypeError(f"{type(value).__name__} has no canonical encoding")
