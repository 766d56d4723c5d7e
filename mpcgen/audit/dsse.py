"""Signed envelopes: DSSE v1 (github.com/secure-systems-lab/dsse, protocol.md and envelope.md).

What is signed is the payload's type and bytes, each with its length, so that neither can pass for
another. The envelope, which is parsed before any signature is checked, is read strictly and within
bounds. A key's id is a hint that proves nothing; whose key counts is for the reader to say.
"""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 1 << 16  # of an envelope
MOST_SIGNATURES = 16


class BadEnvelope(Exception):
    """What should be an envelope has another form; the message says which."""


@dataclass(frozen=True)
class Signature:
    """One signature.

    Attributes:
        keyid: says whose key was used, and proves nothing; "" where it is not said.
    """

    keyid: str
    sig: bytes


@dataclass(frozen=True)
class Envelope:
    """A payload with its signatures, not checked yet."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload_type: str, payload: bytes, keyid: str, sign: Callable[[bytes], bytes]) -> Envelope:
    """An envelope with one signature.

    Args:
        sign: the signature of a message.
    """
    signature = Signature(keyid, sign(pae(payload_type, payload)))
    return Envelope(payload_type, payload, (signature,))


def encode(envelope: Envelope) -> bytes:
    """An envelope as a JSON file has it; always the same bytes."""
    values = {
        "payloadType": envelope.payload_type,
        "payload": _base64(envelope.payload),
        "signatures": [{"keyid": s.keyid, "sig": _base64(s.sig)} for s in envelope.signatures],
    }
    return json.dumps(values, indent=1).encode() + b"\n"


def decode(content: bytes) -> Envelope:
    """Read an envelope; its signatures are not checked. Fields that DSSE does not know are ignored.

    Raises:
        BadEnvelope: it has another form.
    """
    values = strict_json(content, MOST_BYTES)
    kind, payload = _text(values, "payloadType"), _bytes(values, "payload")
    listed = values.get("signatures")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_SIGNATURES:
        raise BadEnvelope(f"signatures is a list of 1 to {MOST_SIGNATURES}")
    return Envelope(kind, payload, tuple(map(_signature, listed)))


def _signature(values: Any) -> Signature:
    keyid = _text(values, "keyid") if isinstance(values, dict) and "keyid" in values else ""
    return Signature(keyid, _bytes(values, "sig"))


def strict_json(content: bytes, most: int) -> dict[str, Any]:
    """The object of a JSON text within bounds, in which no key stands twice.

    Raises:
        BadEnvelope: it is none.
    """
    if len(content) > most:
        raise BadEnvelope(f"this has more than {most} bytes")
    try:
        value = json.loads(content.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise BadEnvelope("this is not JSON") from None
    if not isinstance(value, dict):
        raise BadEnvelope("this is no JSON object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise BadEnvelope("a key stands twice in this JSON")
    return dict(pairs)


def _text(values: Any, key: str) -> str:
    value = values.get(key) if isinstance(values, dict) else None
    if not isinstance(value, str) or not value.isascii():
        raise BadEnvelope(f"{key} is missing, or no plain text")
    return value


def _bytes(values: Any, key: str) -> bytes:
    """What a field has in base64, in the standard or the URL-safe alphabet, as DSSE wants it."""
    text = _text(values, key)
    try:
        content = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        raise BadEnvelope(f"{key} is not base64") from None
    if text not in (_base64(content), base64.urlsafe_b64encode(content).decode()):
        raise BadEnvelope(f"{key} is not base64 as it is written")
    return content


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
