"""DSSE envelopes: the published vector, and what is no envelope."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from hypothesis import given
from hypothesis import strategies as st

from mpcgen.audit import dsse
from mpcgen.audit.dsse import BadEnvelope, Envelope, Signature

# protocol.md of github.com/secure-systems-lab/dsse, "Test Vectors": ECDSA over P-256 and SHA-256.
KIND, PAYLOAD = "http://example.com/HelloWorld", b"hello world"
PAE = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
SIG = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="

ENVELOPE = {
    "payload": base64.b64encode(PAYLOAD).decode(),
    "payloadType": KIND,
    "signatures": [{"sig": SIG}],
}


def with_(**changes: Any) -> bytes:
    return json.dumps(ENVELOPE | changes).encode()


def test_the_published_vector() -> None:
    envelope = dsse.decode(with_())
    assert (envelope.payload_type, envelope.payload) == (KIND, PAYLOAD)
    assert dsse.pae(envelope.payload_type, envelope.payload) == PAE
    (signature,) = envelope.signatures
    r, s = (int.from_bytes(half) for half in (signature.sig[:32], signature.sig[32:]))
    key = ec.EllipticCurvePublicNumbers(X, Y, ec.SECP256R1()).public_key()
    key.verify(utils.encode_dss_signature(r, s), PAE, ec.ECDSA(hashes.SHA256()))


def test_lengths_are_of_bytes_and_keep_apart() -> None:
    assert dsse.pae("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "
    assert dsse.pae("a b", b"c") != dsse.pae("a", b"b c")


@given(st.text(st.characters(codec="ascii")), st.binary(), st.binary(max_size=64))
def test_what_is_sealed_is_read_again(kind: str, payload: bytes, sig: bytes) -> None:
    signed = []

    def sign(message: bytes) -> bytes:
        signed.append(message)
        return sig

    envelope = dsse.seal(kind, payload, "a key", sign)
    assert signed == [dsse.pae(kind, payload)]
    assert envelope == Envelope(kind, payload, (Signature("a key", sig),))
    assert dsse.decode(dsse.encode(envelope)) == envelope


def test_both_alphabets_and_unknown_fields_are_read() -> None:
    payload = bytes(range(256))
    url_safe = base64.urlsafe_b64encode(payload).decode()
    assert dsse.decode(with_(payload=url_safe, more=1)).payload == payload


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "no JSON object"),
        (b"[" * 60000, "not JSON"),
        (b" " * 70000, "more than 65536 bytes"),
        (b'{"payload": "", "payload": ""}', "a key stands twice"),
        (b"{}", "payloadType is missing"),
        (with_(payloadType=7), "payloadType is missing, or no plain text"),
        (with_(payload="a"), "payload is not base64"),
        (with_(payload="aGVsbG8gd29ybGQ"), "payload is not base64"),
        (with_(payload="aGVsbG8gd29ybGR="), "payload is not base64"),
        (with_(payload="aGVs bG8="), "payload is not base64"),
        (with_(payload="+_+_"), "payload is not base64 as it is written"),
        (with_(payload="aGVsbG8gd29ybGR=".replace("R=", "R")), "payload is not base64"),
        (with_(payload="aGVsbG9="), "payload is not base64 as it is written"),
        (with_(signatures=[]), "a list of 1 to 16"),
        (with_(signatures=[{"sig": ""}] * 17), "a list of 1 to 16"),
        (with_(signatures=["sig"]), "sig is missing"),
        (with_(signatures=[{"sig": "", "keyid": 1}]), "keyid is missing, or no plain text"),
    ],
)
def test_what_is_no_envelope(content: bytes, words: str) -> None:
    with pytest.raises(BadEnvelope) as refused:
        dsse.decode(content)
    assert words in str(refused.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_well(content: bytes) -> None:
    with pytest.raises(BadEnvelope):
        dsse.decode(content)
