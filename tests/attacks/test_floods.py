"""Peers and strangers who send, or come, as fast as they can: what they cost is bounded."""

import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mpcgen.net.handshake import public_bytes
from mpcgen.net.message import Header, Kind
from mpcgen.net.relay.channel import Relay
from mpcgen.net.relay.entry import enter
from mpcgen.net.relay.frames import Login
from mpcgen.net.relay.gate import LINES
from mpcgen.net.relay.inbox import MAX_HELD, Came, Inbox
from tests.relays import IDENTITIES, running_hub

COMINGS = 40


def test_frames_without_payload_fill_an_inbox_too() -> None:
    inbox, ack = Inbox(), Header(Kind.WAITING, label="C" * 200).pack()
    came = Came("B", ack, b"")
    for _ in range(MAX_HELD // len(ack) + 1):
        inbox.put(came)
    assert inbox.full


def test_who_comes_and_goes_is_no_flood_of_lines() -> None:
    began = time.monotonic()
    with running_hub() as hub:
        relay = Relay(hub.address, public_bytes(IDENTITIES["relay"]))
        for n in range(COMINGS):
            stranger = Ed25519PrivateKey.from_private_bytes(n.to_bytes(32))
            enter(relay, stranger, Login(bytes(32), bytes(16), ())).socket.close()
        hub.await_lines("joined", LINES)
    most = LINES + 1 + time.monotonic() - began  # one a second is earned
    for event in ("joined", "left"):
        assert LINES <= len(hub.lines(event)) <= most
