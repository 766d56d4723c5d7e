"""A steward's signed decision: everything that makes it void, each by its own error."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mpcgen.audit import approvals, dsse, identity
from mpcgen.audit.approvals import NEVER, PAYLOAD_TYPE, Pin, Statement, check_dates, verify
from mpcgen.audit.identity import Identity
from mpcgen.errors import ApprovalError

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
PATH = Path("A.json")
STATEMENT = Statement(
    "t1d", "ab" * 32, "A", "approve", NOW, NOW + timedelta(days=90), "as agreed in Århus"
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """The key of A's steward."""
    return identity.create(tmp_path_factory.mktemp("keys") / "A.identity")


@pytest.fixture(scope="module")
def pin(own: Identity) -> Pin:
    """What the plan says of A."""
    return Pin("t1d", "ab" * 32, "A", own.public)


def sealed(payload: object, own: Identity, kind: str = PAYLOAD_TYPE) -> bytes:
    """An envelope of any JSON, properly signed."""
    raw = payload
    if not isinstance(raw, bytes):
        raw = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
    return dsse.encode(dsse.seal(kind, raw, own.public, own.sign))


def payload_of(content: bytes) -> dict[str, Any]:
    values = json.loads(dsse.decode(content).payload)
    assert isinstance(values, dict)
    return values


def test_what_is_signed_is_read_again(own: Identity, pin: Pin) -> None:
    content = approvals.sign(STATEMENT, own)
    assert verify(content, pin, PATH) == STATEMENT
    check_dates(STATEMENT, NOW, PATH)
    assert payload_of(content) == {
        "decision": "approve",
        "expires": "2027-02-27T08:00:00Z",
        "institution": "A",
        "note": "as agreed in Århus",
        "plan_sha256": "ab" * 32,
        "signed": "2026-11-29T08:00:00Z",
        "study": "t1d",
        "version": 1,
    }


def test_every_changed_byte_voids_it(own: Identity, pin: Pin) -> None:
    content = approvals.sign(STATEMENT, own)
    for n in range(len(content)):
        for changed in (content[n] ^ 1, content[n] ^ 0x20):
            with pytest.raises(ApprovalError):
                verify(content[:n] + bytes([changed]) + content[n + 1 :], pin, PATH)
    for changed_file in (content + b"\n", content[:-1], b" " + content, content * 2, b""):
        with pytest.raises(ApprovalError):
            verify(changed_file, pin, PATH)


def test_a_byte_of_the_signature_or_of_the_payload(own: Identity, pin: Pin) -> None:
    envelope = dsse.decode(approvals.sign(STATEMENT, own))
    (signature,) = envelope.signatures
    wrong = replace(signature, sig=signature.sig[:-1] + bytes([signature.sig[-1] ^ 1]))
    later = replace(STATEMENT, expires=NOW + timedelta(days=91))
    other = dsse.decode(approvals.sign(later, own))
    for changed in (
        replace(envelope, signatures=(wrong,)),
        replace(other, signatures=(signature,)),
    ):
        with pytest.raises(ApprovalError, match="a byte was changed: the signature does not hold"):
            verify(dsse.encode(changed), pin, PATH)


def test_another_form_of_the_same_file(own: Identity, pin: Pin) -> None:
    content = json.dumps(json.loads(approvals.sign(STATEMENT, own))).encode()
    with pytest.raises(ApprovalError, match="this is not how the file was written"):
        verify(content, pin, PATH)


def test_another_key(own: Identity, pin: Pin, tmp_path: Path) -> None:
    other = identity.create(tmp_path / "B.identity")
    with pytest.raises(ApprovalError, match=f"signed with the key {other.public}; the plan pins"):
        verify(approvals.sign(STATEMENT, other), pin, PATH)
    claimed = replace(other, public=own.public)
    with pytest.raises(ApprovalError, match="the signature does not hold"):
        verify(approvals.sign(STATEMENT, claimed), pin, PATH)
    named = replace(own, public=other.public)
    with pytest.raises(ApprovalError, match="not how the file was written"):
        verify(approvals.sign(STATEMENT, named), pin, PATH)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"plan_sha256": "cd" * 32}, f"of the plan's SHA-256 {'cd' * 32}, not {'ab' * 32}"),
        ({"institution": "B"}, "of the institution B, not A"),
        ({"study": "t2d"}, "of the study t2d, not t1d"),
    ],
)
def test_something_else_was_signed(
    change: dict[str, str], words: str, own: Identity, pin: Pin
) -> None:
    values = payload_of(approvals.sign(STATEMENT, own)) | change
    with pytest.raises(ApprovalError, match=words):
        verify(sealed(values, own), pin, PATH)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (STATEMENT.expires - timedelta(seconds=1), None),
        (STATEMENT.expires, "has expired, 2027-02-27T08:00:00Z; A signs again"),
        (NOW - timedelta(minutes=5), None),
        (NOW - timedelta(minutes=5, seconds=1), "signed in the future, 2026-11-29T08:00:00Z; it"),
    ],
)
def test_dates(now: datetime, words: str | None) -> None:
    if words is None:
        check_dates(STATEMENT, now, PATH)
        return
    with pytest.raises(ApprovalError, match=words):
        check_dates(STATEMENT, now, PATH)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"decision": "maybe"}, "decision is one of approve, reject, withdraw"),
        ({"version": 2}, "its version is 2, and 1 is known here"),
        ({"version": True}, "not canonical"),
        ({"more": ""}, "it has other keys than decision, expires"),
        ({"note": 7}, "note is one line of text"),
        ({"note": "a\nb"}, "note is one line of text"),
        ({"note": "\u202e"}, "note is one line of text"),
        ({"note": "\ud800"}, "note is one line of text"),
        ({"note": "x" * 1001}, "of at most 1000 characters"),
        ({"signed": "2026-11-29"}, "signed is no time"),
        ({"signed": "2026-11-29T08:00:00+01:00"}, "signed is no time"),
        ({"signed": "2026-11-29T8:00:00Z"}, "not canonical"),
        ({"expires": "2026-11-29T08:00:00Z"}, "it holds for up to 366 days"),
        ({"expires": "2028-11-29T08:00:00Z"}, "it holds for up to 366 days"),
        ({"decision": "withdraw"}, "a withdrawal does not expire"),
    ],
)
def test_payloads_that_are_no_decision(
    change: dict[str, object], words: str, own: Identity, pin: Pin
) -> None:
    values = payload_of(approvals.sign(STATEMENT, own)) | change
    with pytest.raises(ApprovalError, match=f"this is no signed decision on a plan: .*{words}"):
        verify(sealed(values, own), pin, PATH)


def _spaced(content: bytes) -> bytes:
    return json.dumps(payload_of(content)).encode()


def _twice(content: bytes) -> bytes:
    return dsse.decode(content).payload.replace(b"{", b'{"decision":"reject",', 1)


@pytest.mark.parametrize(
    ("change", "words"), [(_spaced, "not canonical JSON"), (_twice, "a key stands twice")]
)
def test_one_form_of_the_payload(
    change: Callable[[bytes], bytes], words: str, own: Identity, pin: Pin
) -> None:
    with pytest.raises(ApprovalError, match=words):
        verify(sealed(change(approvals.sign(STATEMENT, own)), own), pin, PATH)


def test_other_envelopes(own: Identity, pin: Pin) -> None:
    values = payload_of(approvals.sign(STATEMENT, own))
    with pytest.raises(ApprovalError, match="the payload is of the type application/json"):
        verify(sealed(values, own, "application/json"), pin, PATH)
    envelope = dsse.decode(approvals.sign(STATEMENT, own))
    two = replace(envelope, signatures=envelope.signatures * 2)
    with pytest.raises(ApprovalError, match="a decision has one signature"):
        verify(dsse.encode(two), pin, PATH)
    for payload in (b"7", b"[]", base64.b64encode(b"x")):
        with pytest.raises(ApprovalError, match="no signed decision"):
            verify(sealed(payload, own), pin, PATH)


def test_a_withdrawal_never_expires(own: Identity, pin: Pin) -> None:
    withdrawal = replace(STATEMENT, decision="withdraw", expires=NEVER)
    assert verify(approvals.sign(withdrawal, own), pin, PATH) == withdrawal


def test_whose_decision_a_file_is(own: Identity) -> None:
    assert approvals.claimed(approvals.sign(STATEMENT, own), PATH) == STATEMENT
    with pytest.raises(ApprovalError, match="no signed decision"):
        approvals.claimed(b"{}", PATH)
