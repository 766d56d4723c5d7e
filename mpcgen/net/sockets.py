"""The ZeroMQ sockets of a party, and how they are set: CURVE, pinned keys, bounds, heartbeats."""

import errno
import struct
from collections.abc import Mapping
from typing import NamedTuple, Self

import zmq

from mpcgen.errors import ConfigError, PortTaken
from mpcgen.net.address import bindable, dialable
from mpcgen.net.keys import KeyPair, key_bytes
from mpcgen.net.message import SEGMENT

OVERHEAD = 1 << 10
HEARTBEAT_MS = 2_000
SILENCE_MS = 20_000
HANDSHAKE_MS = 10_000
RECONNECT_MS = (20, 1_000)
ZAP_DOMAIN = b"mpcgen"
EVENT = struct.Struct("=Hi")
"""A monitor's message (zmq_socket_monitor); pyzmq's own reading of it imports asyncio."""

Socket = zmq.Socket[bytes]


class Peer(NamedTuple):
    """Where a peer listens (HOST:PORT) and the public key that the plan pins for it."""

    address: str
    public_key: str


class ZapRequest(NamedTuple):
    """A client that wants to be admitted by the listener (ZAP, ZeroMQ RFC 27)."""

    socket: Socket
    version: bytes
    id: bytes
    key: bytes

    @classmethod
    def receive(cls, socket: Socket) -> Self:
        """The next request; `key` is empty where the client did not use CURVE."""
        version, request, _, _, _, mechanism, *credentials = socket.recv_multipart()
        return cls(socket, version, request, credentials[0] if mechanism == b"CURVE" else b"")

    def answer(self, status: int, text: str, user: str = "") -> None:
        """200 admits as `user`, 400 refuses, 300 asks to try again later."""
        frames = [self.version, self.id, b"%d" % status, text.encode(), user.encode(), b""]
        self.socket.send_multipart(frames)


def zap(context: "zmq.Context[Socket]") -> Socket:
    """The socket at which handshakes ask for admission; open before anything listens."""
    socket = context.socket(zmq.REP)
    socket.bind("inproc://zeromq.zap.01")
    return socket


def listener(context: "zmq.Context[Socket]", keys: KeyPair, max_payload: int) -> Socket:
    """The socket that receives from everybody, not yet bound."""
    socket = context.socket(zmq.PULL)
    socket.curve_server = 1
    socket.curve_secretkey = keys.secret.encode()
    socket.zap_domain = ZAP_DOMAIN
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    # A connection whose queue is full is not read, misses its heartbeats and is cut off.
    socket.rcvhwm = 2 * (max_payload // SEGMENT) + 1024
    return _bounded(socket)


def sender(context: "zmq.Context[Socket]", keys: KeyPair, public_key: str) -> Socket:
    """The socket that sends to the holder of `public_key`, not yet connected."""
    socket = context.socket(zmq.PUSH)
    socket.curve_serverkey = public_key.encode()
    socket.curve_publickey = keys.public.encode()
    socket.curve_secretkey = keys.secret.encode()
    socket.sndhwm = 0
    # Nothing is queued for a peer that is not connected, so that close need not wait for one.
    socket.immediate = 1
    socket.reconnect_ivl, socket.reconnect_ivl_max = RECONNECT_MS
    return _bounded(socket)


def _bounded(socket: Socket) -> Socket:
    socket.maxmsgsize = SEGMENT + OVERHEAD
    socket.heartbeat_ivl = HEARTBEAT_MS
    socket.heartbeat_timeout = SILENCE_MS
    socket.handshake_ivl = HANDSHAKE_MS
    return socket


def monitor(socket: Socket, *events: zmq.Event) -> Socket:
    """Where `events` of `socket` can be read, see read_event."""
    endpoint = f"inproc://monitor.{socket.fileno()}"
    socket.monitor(endpoint, sum(events))
    reader: Socket = socket.context.socket(zmq.PAIR)
    # A full queue would stop the I/O thread, and strangers can fill it while we are busy.
    reader.rcvhwm = 0
    reader.connect(endpoint)
    return reader


def read_event(reader: Socket) -> tuple[zmq.Event, int]:
    """The next event and its value: a connection (file descriptor) or an error."""
    message, _endpoint = reader.recv_multipart()
    number, value = EVENT.unpack(message)
    return zmq.Event(number), value


def dial(socket: Socket, address: str) -> None:
    """Connect to `address`, again and again until somebody is there."""
    endpoint = dialable(address)
    socket.ipv6 = "[" in endpoint
    socket.connect(endpoint)


def bind(socket: Socket, me: str, address: str) -> None:
    """Listen at `address` and nowhere else; PortTaken, or ConfigError where it is not ours."""
    endpoint = bindable(address)
    socket.ipv6 = "[" in endpoint
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"{me} cannot listen at {address}: another process does. End that one, or give "
                f"{me} another port in the plan"
            ) from None
        raise ConfigError(f"{me} cannot listen at {address}: {error.strerror}") from None


def pinned(me: str, keys: KeyPair, peers: Mapping[str, Peer]) -> dict[bytes, str]:
    """Key -> name of everybody to be admitted; ConfigError where a key belongs to two parties."""
    own = key_bytes(keys.public, me)
    names = {own: me}
    for name, peer in peers.items():
        key = key_bytes(peer.public_key, name)
        if key in names:
            raise ConfigError(f"{names[key]} and {name} have the same public key")
        names[key] = name
    del names[own]
    return names
