"""Keys that two ends agree on, and what is sealed under them."""

from collections import deque
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from mpcgen.errors import BadMessage
from mpcgen.net import sealed
from mpcgen.net.handshake import (
    FINISH_BYTES,
    HELLO_BYTES,
    MAGIC,
    REPLY_BYTES,
    Initiator,
    OtherIdentity,
    Responder,
    public_bytes,
)
from mpcgen.net.sealed import TAG, Opener, Sealer

A, B, C = (Ed25519PrivateKey.generate() for _ in range(3))
CONTEXT = b"a plan"


def test_both_ends_get_the_same_secrets_and_fresh_ones() -> None:
    seen = set[bytes]()
    for _ in range(2):
        initiator = Initiator(A, CONTEXT, public_bytes(B))
        responder = Responder(B, CONTEXT, initiator.hello)
        message, here = initiator.finish(responder.reply, b"and this")
        identity, extra, there = responder.complete(message)
        assert (identity, extra, there) == (public_bytes(A), b"and this", here)
        seen |= set(here)
        sizes = len(initiator.hello), len(responder.reply), len(message)
        assert sizes == (HELLO_BYTES, REPLY_BYTES, FINISH_BYTES + len(b"and this"))
    assert len(seen) == 4


def test_identities_are_not_seen_by_whoever_listens() -> None:
    initiator = Initiator(A, CONTEXT, public_bytes(B))
    responder = Responder(B, CONTEXT, initiator.hello)
    message, secrets = initiator.finish(responder.reply)
    said = initiator.hello + responder.reply + message
    assert not [key for key in (A, B) if public_bytes(key) in said]
    assert not [secret for secret in secrets if secret.hex() in repr(secrets)]


def test_another_identity_than_the_expected_one_is_told() -> None:
    initiator = Initiator(A, CONTEXT, public_bytes(B))
    with pytest.raises(OtherIdentity, match=public_bytes(C).hex()):
        initiator.finish(Responder(C, CONTEXT, initiator.hello).reply)


def test_another_context_is_refused() -> None:
    initiator = Initiator(A, CONTEXT, public_bytes(B))
    with pytest.raises(BadMessage, match="does not fit"):
        initiator.finish(Responder(B, b"another plan", initiator.hello).reply)


def test_a_recorded_handshake_fits_no_other() -> None:
    initiator = Initiator(A, CONTEXT, public_bytes(B))
    responder = Responder(B, CONTEXT, initiator.hello)
    message, _ = initiator.finish(responder.reply)
    with pytest.raises(BadMessage, match="does not fit"):  # the initiator's part, played again
        Responder(B, CONTEXT, initiator.hello).complete(message)
    with pytest.raises(BadMessage, match="does not fit"):  # the responder's
        Initiator(A, CONTEXT, public_bytes(B)).finish(responder.reply)


def test_what_one_end_said_is_not_taken_from_the_other() -> None:
    """Whoever is in the middle can send each end only its own words back."""
    initiator = Initiator(A, CONTEXT, public_bytes(A))
    responder = Responder(A, CONTEXT, initiator.hello)
    with pytest.raises(BadMessage, match="does not fit"):
        responder.complete(responder.reply[-FINISH_BYTES:])


def altered(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def spoil_hello(at: int) -> None:
    initiator = Initiator(A, CONTEXT, public_bytes(B))
    responder = Responder(B, CONTEXT, altered(initiator.hello, at))
    initiator.finish(responder.reply)


def spoil_reply(at: int) -> None:
    initiator = Initiator(A, CONTEXT, public_bytes(B))
    initiator.finish(altered(Responder(B, CONTEXT, initiator.hello).reply, at))


def spoil_last(at: int) -> None:
    initiator = Initiator(A, CONTEXT, public_bytes(B))
    responder = Responder(B, CONTEXT, initiator.hello)
    message, _ = initiator.finish(responder.reply, b"x")
    responder.complete(altered(message, at))


@pytest.mark.parametrize(
    ("spoil", "size"),
    [(spoil_hello, HELLO_BYTES), (spoil_reply, REPLY_BYTES), (spoil_last, FINISH_BYTES + 1)],
)
def test_every_byte_counts(spoil: Callable[[int], None], size: int) -> None:
    for at in range(size):
        with pytest.raises(BadMessage):
            spoil(at)


def test_the_bit_of_a_key_that_x25519_ignores_counts_too() -> None:
    initiator = Initiator(A, CONTEXT, public_bytes(B))
    hello = initiator.hello[:-1] + bytes([initiator.hello[-1] ^ 0x80])
    responder = Responder(B, CONTEXT, hello)
    with pytest.raises(BadMessage, match="does not fit"):
        initiator.finish(responder.reply)


@given(st.binary(max_size=HELLO_BYTES + 1) | st.just(MAGIC + bytes(HELLO_BYTES - len(MAGIC))))
def test_junk_is_no_hello(junk: bytes) -> None:
    with pytest.raises(BadMessage):
        Responder(B, CONTEXT, junk)


@given(st.binary(max_size=FINISH_BYTES + 10), st.binary(max_size=REPLY_BYTES + 1))
def test_junk_is_no_answer(last: bytes, reply: bytes) -> None:
    initiator = Initiator(A, CONTEXT, public_bytes(B))
    responder = Responder(B, CONTEXT, initiator.hello)
    with pytest.raises(BadMessage):
        responder.complete(last)
    with pytest.raises(BadMessage):
        initiator.finish(reply)


def test_points_of_small_order_are_refused() -> None:
    """The shared secret would be known to all (RFC 7748, 6.1)."""
    for point in (bytes(32), bytes([1]) + bytes(31)):
        with pytest.raises(BadMessage, match="key that is none"):
            Responder(B, CONTEXT, MAGIC + bytes(32) + point)


# -- what is sealed

SECRET = b"s" * 32


def sealer_and_opener() -> tuple[Sealer, Opener]:
    return Sealer(SECRET), Opener(SECRET, "B")


def test_frames_open_in_their_order() -> None:
    sealer, opener = sealer_and_opener()
    frames = [sealer.seal(b"same") for _ in range(3)]
    assert len({*frames}) == 3
    assert {len(frame) for frame in frames} == {4 + TAG}
    assert [opener.open(frame) for frame in frames] == [b"same"] * 3


@pytest.mark.parametrize(
    "meddle",
    [
        lambda f: [altered(f[0], 0), *f[1:]],
        lambda f: [altered(f[0], len(f[0]) - 1), *f[1:]],
        lambda f: [f[0][:-1], *f[1:]],
        lambda f: [f[0] + b"\0", *f[1:]],
        lambda f: [b"", *f],
        lambda f: [f[0], f[0], *f[1:]],
        lambda f: [f[0], f[2]],
        lambda f: [f[1], f[0], f[2]],
        lambda f: [Sealer(b"t" * 32).seal(b"0"), *f[1:]],
    ],
)
def test_what_was_meddled_with_does_not_open(meddle: Callable[[list[bytes]], list[bytes]]) -> None:
    sealer, opener = sealer_and_opener()
    frames = meddle([sealer.seal(b"%d" % i) for i in range(3)])
    with pytest.raises(BadMessage, match="what came as B's is not what B sent next"):
        deque(map(opener.open, frames))


def test_a_key_is_changed_before_it_has_sealed_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "FRAMES", 2)
    sealer, opener = sealer_and_opener()
    secrets = set[bytes]()
    for i in range(7):
        assert opener.open(sealer.seal(b"%d" % i)) == b"%d" % i
        assert sealer._secret == opener._secret
        secrets.add(sealer._secret)
    assert len(secrets) == 4
    stale = Opener(SECRET, "B")
    stale._count = 7
    with pytest.raises(BadMessage):
        stale.open(sealer.seal(b"7"))
