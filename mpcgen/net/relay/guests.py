"""The connections of a relay: strangers until they have shown an identity, then members."""

import selectors
import socket
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mpcgen.errors import BadMessage
from mpcgen.net.handshake import FINISH_BYTES, HELLO_BYTES, Responder, Secrets
from mpcgen.net.relay.frames import HOP_CONTEXT, MAX_LOGIN, Frame, Login
from mpcgen.net.relay.routes import Member
from mpcgen.net.relay.wire import Wire

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Guest:
    """A connection that has not shown its identity yet."""

    def __init__(self, connection: socket.socket, address: str, identity: Ed25519PrivateKey):
        self.socket, self.address = connection, address
        self.since = time.monotonic()
        self._identity = identity
        self._buffer = bytearray()
        self._needed = HELLO_BYTES
        self._responder: Responder | None = None
        self._length = False

    def read(self) -> tuple[bytes, Login, Secrets] | None:
        """Take in what came; who it is, once that is proved.

        Raises:
            BadMessage: no handshake, or a wrong one.
            OSError: the connection ended.
        """
        try:
            part = self.socket.recv(self._needed - len(self._buffer))
        except BlockingIOError:
            return None
        if not part:
            raise ConnectionResetError
        self._buffer += part
        if len(self._buffer) < self._needed:
            return None
        message, self._buffer = bytes(self._buffer), bytearray()
        if self._responder is None:
            self._responder = Responder(self._identity, HOP_CONTEXT, message)
            self.socket.sendall(self._responder.reply)  # the first bytes: there is room for them
            self._needed = 2
            return None
        if not self._length:
            self._length, self._needed = True, int.from_bytes(message)
            if not FINISH_BYTES <= self._needed <= FINISH_BYTES + MAX_LOGIN:
                raise BadMessage("a login of a wrong length")
            return None
        identity, extra, secrets = self._responder.complete(message)
        return identity, Login.unpack(extra), secrets


class Seat:
    """A member's connection."""

    def __init__(self, wire: Wire):
        self.wire = wire
        self.spoke = time.monotonic()
        self.events = _READ
        self.member: Member

    def serve(self) -> int:
        """Send what there is for it; the events to wait for next."""
        if self.wire.pump(self._next):
            return _READ
        return _READ | _WRITE

    def _next(self) -> Frame | None:
        frame = self.member.next()
        if frame is not None:
            self.spoke = time.monotonic()
        return frame
