"""How a party comes to its relay: dialled out, each shown the other's identity, logged in."""

import socket
import time
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mpcgen.errors import TransportError
from mpcgen.net.handshake import REPLY_BYTES, Initiator
from mpcgen.net.relay.frames import HOP_CONTEXT, Login
from mpcgen.net.relay.wire import Wire
from mpcgen.net.sealed import Opener, Sealer
from mpcgen.net.tunnel import dial

DIAL_SECONDS: Final = 10.0
"""For the connection and, again, for the handshake."""


@dataclass(frozen=True, slots=True)
class Relay:
    """Where a relay is.

    Attributes:
        address: its HOST:PORT.
        identity: the 32 bytes of the identity that the plan pins for it.
        proxy: HOST:PORT of an HTTP proxy on the way out, where there is one.
    """

    address: str
    identity: bytes
    proxy: str = ""


def enter(relay: Relay, me: Ed25519PrivateKey, login: Login) -> Wire:
    """Come to a relay as `me`.

    Raises:
        TransportError: nobody is there, or it does not answer.
        BadMessage: who is there has not shown the relay's identity.
        OtherIdentity: ... but another.
    """
    connection = dial(relay.address, relay.proxy, DIAL_SECONDS)
    try:
        initiator = Initiator(me, HOP_CONTEXT, relay.identity)
        connection.sendall(initiator.hello)
        reply = _receive(connection, REPLY_BYTES)
        message, secrets = initiator.finish(reply, login.pack())
        connection.sendall(len(message).to_bytes(2) + message)
    except OSError as error:
        connection.close()
        raise TransportError(f"it ended the handshake ({error.strerror or error})") from None
    except BaseException:
        connection.close()
        raise
    opener = Opener(secrets.to_initiator, "the relay")
    return Wire(connection, Sealer(secrets.to_responder), opener)


def _receive(connection: socket.socket, size: int) -> bytes:
    deadline = time.monotonic() + DIAL_SECONDS
    data = b""
    while len(data) < size:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionResetError("closed")
        data += part
    return data
