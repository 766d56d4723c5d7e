"""A steward's signed decision on a plan: approve, reject, withdraw, or consent to be left out.

The payload is canonical JSON (keys in order, no spaces) in a DSSE envelope with one signature, by
the identity that the plan pins for the institution. A file has one form, so that every byte of it
counts:

    decision      approve, reject, withdraw or consent
    expires       until when it holds, UTC, 2026-11-29T08:00:00Z
    institution   its name in the plan
    note          one line of text, may be empty
    plan_sha256   of the plan's file
    signed        when, UTC
    study         the plan's id
    version       1
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mpcgen.audit import dsse
from mpcgen.audit.dsse import BadEnvelope
from mpcgen.audit.identity import Identity, holds
from mpcgen.errors import ApprovalError

PAYLOAD_TYPE = "application/vnd.mpcgen.approval+json"
VERSION = 1
APPROVE, REJECT, WITHDRAW, CONSENT = "approve", "reject", "withdraw", "consent"
DECISIONS = (APPROVE, REJECT, WITHDRAW, CONSENT)
MOST_DAYS = 366  # that an approval may hold
MOST_NOTE = 1000  # characters
SKEW = timedelta(minutes=5)  # by which another institution's clock may be ahead
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # when a withdrawal expires

_TIME = "%Y-%m-%dT%H:%M:%SZ"
_KEYS = ("decision", "expires", "institution", "note", "plan_sha256", "signed", "study", "version")
_KEY = re.compile("[0-9a-f]{64}")
_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]*")


@dataclass(frozen=True)
class Pin:
    """Whose decision on what is wanted: what the plan says.

    Attributes:
        identity: the institution's public key, 64 hexadecimal digits.
    """

    study: str
    plan_sha256: str
    institution: str
    identity: str


@dataclass(frozen=True)
class Statement:
    """What a steward has signed; times are UTC, to the second."""

    study: str
    plan_sha256: str
    institution: str
    decision: str
    signed: datetime
    expires: datetime
    note: str = ""


def sign(statement: Statement, identity: Identity) -> bytes:
    """The file of a decision: a DSSE envelope."""
    payload = _payload(statement)
    return dsse.encode(dsse.seal(PAYLOAD_TYPE, payload, identity.public, identity.sign))


def verify(content: bytes, pin: Pin, path: Path) -> Statement:
    """The decision in a file, whatever its dates.

    Args:
        path: the file, for the error.

    Raises:
        ApprovalError: another form, another plan, institution or key, or a byte was changed.
    """
    statement, envelope = _read(content, path)
    for words, theirs, wanted in (
        ("institution", statement.institution, pin.institution),
        ("plan's SHA-256", statement.plan_sha256, pin.plan_sha256),
        ("study", statement.study, pin.study),
    ):
        if theirs != wanted:
            raise ApprovalError(f"this is of the {words} {theirs}, not {wanted}", path=path)
    (signature,) = envelope.signatures
    if not holds(pin.identity, dsse.pae(PAYLOAD_TYPE, envelope.payload), signature.sig):
        if signature.keyid != pin.identity:
            raise ApprovalError(
                f"this is signed with the key {signature.keyid or 'of somebody'}; the plan pins "
                f"{pin.identity} for {pin.institution}",
                path=path,
            )
        raise ApprovalError("a byte was changed: the signature does not hold", path=path)
    named = dsse.Signature(pin.identity, signature.sig)
    if content != dsse.encode(dsse.Envelope(PAYLOAD_TYPE, envelope.payload, (named,))):
        raise ApprovalError("a byte was changed: this is not how the file was written", path=path)
    return statement


def check_dates(statement: Statement, now: datetime, path: Path) -> None:
    """Refuse a decision that does not hold at this time.

    Raises:
        ApprovalError: it has expired, or is signed in the future.
    """
    if statement.signed > now + SKEW:
        raise ApprovalError(
            f"this is signed in the future, {time_text(statement.signed)}; it is "
            f"{time_text(now)} here: a clock is wrong",
            path=path,
        )
    if statement.expires <= now:
        raise ApprovalError(
            f"this has expired, {time_text(statement.expires)}; {statement.institution} signs "
            "again with `mpcgen study approve`",
            path=path,
        )


def claimed(content: bytes, path: Path) -> Statement:
    """What a file claims to be; nothing of it is checked but its form.

    Raises:
        ApprovalError: it has another form.
    """
    return _read(content, path)[0]


def signer_of(content: bytes, path: Path) -> str:
    """Under which key a file claims to be signed, 64 hexadecimal digits; not checked.

    Raises:
        ApprovalError: it has another form.
    """
    (signature,) = _read(content, path)[1].signatures
    if not _KEY.fullmatch(signature.keyid):
        raise ApprovalError("this does not say under which key it is signed", path=path)
    return signature.keyid


def time_text(time: datetime) -> str:
    """A time as files have it."""
    return time.astimezone(UTC).strftime(_TIME)


def _payload(statement: Statement) -> bytes:
    values = vars(statement) | {
        "signed": time_text(statement.signed),
        "expires": time_text(statement.expires),
        "version": VERSION,
    }
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


def _read(content: bytes, path: Path) -> tuple[Statement, dsse.Envelope]:
    try:
        envelope = dsse.decode(content)
        if envelope.payload_type != PAYLOAD_TYPE:
            raise BadEnvelope(f"the payload is of the type {envelope.payload_type:.80}")
        if len(envelope.signatures) != 1:
            raise BadEnvelope("a decision has one signature")
        statement = _statement(dsse.strict_json(envelope.payload, dsse.MOST_BYTES))
        if _payload(statement) != envelope.payload:
            raise BadEnvelope("the payload is not canonical JSON")
    except BadEnvelope as error:
        raise ApprovalError(f"this is no signed decision on a plan: {error}", path=path) from None
    return statement, envelope


def _statement(values: dict[str, Any]) -> Statement:
    if tuple(sorted(values)) != _KEYS:
        raise BadEnvelope(f"it has other keys than {', '.join(_KEYS)}")
    version = values.pop("version")
    if version != VERSION:
        raise BadEnvelope(f"its version is {version!r:.20}, and {VERSION} is known here")
    for key, value in values.items():
        if not isinstance(value, str) or not _LINE.fullmatch(value) or len(value) > MOST_NOTE:
            raise BadEnvelope(f"{key} is one line of text, of at most {MOST_NOTE} characters")
    values |= {key: _time(key, values[key]) for key in ("signed", "expires")}
    statement = Statement(**values)
    if statement.decision not in DECISIONS:
        raise BadEnvelope(f"decision is one of {', '.join(DECISIONS)}")
    holds_for = statement.expires - statement.signed
    if statement.decision == WITHDRAW and statement.expires != NEVER:
        raise BadEnvelope("a withdrawal does not expire")
    if statement.decision != WITHDRAW and not timedelta(0) < holds_for <= timedelta(MOST_DAYS):
        raise BadEnvelope(f"it holds for up to {MOST_DAYS} days")
    return statement


def _time(key: str, text: str) -> datetime:
    try:
        time = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise BadEnvelope(f"{key} is no time as 2026-11-29T08:00:00Z") from None
    return time
