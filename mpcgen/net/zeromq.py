"""Channels between processes and machines: ZeroMQ over TCP, authenticated and encrypted by CURVE.

Every party has one listening socket (PULL, CURVE server) that admits only the keys pinned for its
peers, and one sending socket for each peer (PUSH, CURVE client) that talks only to the key pinned
for that peer. Who sent a frame is what the handshake proved (User-Id), never what the frame says.

A connection that ends is judged by the receiver: the listener's monitor tells which accepted
connection ended, and a peer whose connection ended without a BYE is lost, once everything that
arrived before has been handed out. A process that died ends its connections at once; a machine or
a line that is silent, after SILENCE_MS of unanswered heartbeats, which ZeroMQ's own thread answers
while a party counts. No thread of our own: handshakes are answered while the party waits in
`connect` or `exchange`, which is where all of them happen.
"""

import math
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar, Unpack

import zmq
from zmq import Event

from mpcgen.errors import Abort, BadMessage, PartyTimeout, TransportError
from mpcgen.net import sockets
from mpcgen.net.address import dialable
from mpcgen.net.channel import Channel, ChannelOptions
from mpcgen.net.frames import Assembly, cut
from mpcgen.net.keys import KeyPair
from mpcgen.net.message import Arrival, Kind
from mpcgen.net.presence import Presence
from mpcgen.net.sockets import Peer, Socket

__all__ = ["Peer", "ZmqChannel"]

_DIALLED = (
    Event.CONNECTED,
    Event.HANDSHAKE_SUCCEEDED,
    Event.HANDSHAKE_FAILED_AUTH,
    Event.DISCONNECTED,
)


class ZmqChannel(Channel):
    """A party's end of a session over sockets.

    Args:
        me: this party's name.
        listen: HOST:PORT of this machine where it listens, and nowhere else; only an address
            beyond loopback (or `*`) makes it reachable from other machines.
        keys: its own transport keys.
        peers: everybody else in the session.
        linger: seconds that `close` waits at most for what was sent to get out.

    Raises PortTaken where another process listens there and ConfigError for addresses and keys
    that are none. The first connection raises PartyTimeout naming who did not come, and
    TransportError naming a peer that refuses this party's key.
    """

    real: ClassVar[bool] = True

    def __init__(
        self,
        me: str,
        listen: str,
        keys: KeyPair,
        peers: Mapping[str, Peer],
        *,
        linger: float = 60.0,
        **options: Unpack[ChannelOptions],
    ):
        super().__init__(me, tuple(peers), **options)
        self._book = dict(peers)
        self._there = Presence(sockets.pinned(me, keys, peers))
        self._linger_ms = int(linger * 1000)
        self._ready: deque[Arrival] = deque()
        self._incoming = Assembly(self._check_size)
        self._context = zmq.Context()
        try:
            self._open(listen, keys)
        except BaseException:
            self._context.destroy(linger=0)
            raise

    def _open(self, listen: str, keys: KeyPair) -> None:
        self._poller = zmq.Poller()
        self._monitors: dict[Socket, str | None] = {}
        self._zap = sockets.zap(self._context)
        self._listener = sockets.listener(self._context, keys, self.max_payload)
        self._watch(self._listener, None, Event.ACCEPTED, Event.DISCONNECTED)
        sockets.bind(self._listener, self.me, listen)
        for socket in (self._zap, self._listener):
            self._poller.register(socket, zmq.POLLIN)
        self._senders = {
            peer: sockets.sender(self._context, keys, at.public_key)
            for peer, at in self._book.items()
        }
        for peer, sender in self._senders.items():
            self._watch(sender, peer, *_DIALLED)
            sockets.dial(sender, self._book[peer].address)

    def _watch(self, socket: Socket, peer: str | None, *events: Event) -> None:
        monitor = sockets.monitor(socket, *events)
        self._monitors[monitor] = peer
        self._poller.register(monitor, zmq.POLLIN)

    # -- what Channel asks of a transport

    def _connect(self) -> None:
        deadline = time.monotonic() + self.connect_timeout
        while missing := [peer for peer in self.peers if not self._met(peer)]:
            left = deadline - time.monotonic()
            if left <= 0:
                late = f"did not come in {self.connect_timeout:g} s"
                raise PartyTimeout("\n".join(self._absence(peer, late) for peer in missing))
            self._step(left)
            while self._ready:
                self._meet(self._ready.popleft())
            if self._there.ended and not self._listener.poll(0):
                self._restart()
        for peer in set(self.peers) - self._there.up:
            self._hang_up(peer)
        self._rest()

    def _rest(self) -> None:
        """Everybody is here: nobody is admitted any more, and losses show at the listener."""
        self._poller.unregister(self._zap)
        for monitor, peer in self._monitors.items():
            if peer is not None:
                self._poller.unregister(monitor)

    def _meet(self, arrival: Arrival) -> None:
        """Take a message in; where its sender gives up, say who has not come."""
        try:
            self._admit(arrival, "the first connection")
        except Abort as stop:
            absent = [p for p in self.peers if p not in self._there.greeted | {arrival.peer}]
            words = [str(stop), *(self._absence(peer, "has not come") for peer in absent)]
            raise Abort("\n".join(words), again=stop.again) from None

    def _met(self, peer: str) -> bool:
        """Both connections stand, or the peer has done its part and left already."""
        there = self._there
        return peer in there.greeted and (peer in there.up or self._is_done(peer))

    def _is_done(self, peer: str) -> bool:
        return peer in self._gone and bool(self._early[peer])

    def _put(self, peer: str, header: bytes, payload: bytes | memoryview) -> None:
        sender = self._senders[peer]
        # What is not bytes may change before the I/O thread reads it.
        fixed = payload if isinstance(payload, bytes) else bytes(payload)
        with suppress(zmq.Again):  # no connection: the peer is gone
            for frame in cut(header, fixed):
                sender.send(frame, zmq.NOBLOCK, copy=False)

    def _take(self, wait: float) -> Arrival | None:
        deadline = time.monotonic() + wait
        while not self._ready:
            lost = self._there.ended - self._gone
            if lost and not self._listener.poll(0):
                raise self._lost(min(lost), "was lost")
            left = deadline - time.monotonic()
            if self._step(max(0.0, left)):
                deadline = time.monotonic() + wait
            elif left <= 0:
                return None
        return self._ready.popleft()

    def _close(self) -> None:
        with suppress(TransportError):
            self._follow_all()
        for peer, sender in self._senders.items():
            waits = peer in self._there.up and peer not in self._gone | self._there.ended
            sender.linger = self._linger_ms if waits else 0
        self._context.destroy()

    # -- sockets

    def _step(self, wait: float) -> bool:
        """Wait for whatever comes first and act on it; True where a frame was read."""
        if not int(self._listener.get(zmq.EVENTS)) & zmq.POLLIN:
            ready = dict(self._poller.poll(math.ceil(wait * 1000)))
            for monitor in self._monitors.keys() & ready.keys():
                self._follow(monitor)
            if self._zap in ready:
                self._authenticate()
            if self._listener not in ready:
                return False
        try:
            frame = self._listener.recv(zmq.NOBLOCK, copy=False)
        except zmq.Again:  # a connection ended, and what was there with it
            return False
        self._read(frame)
        return True

    def _read(self, frame: zmq.Frame) -> None:
        """Take one frame in; a message that is whole goes to `_ready`.

        What comes by a connection that did not begin with HELLO is of a session that ended before.
        """
        peer, connection = str(frame.get("User-Id")), int(frame.get(zmq.SRCFD))
        arrival = self._incoming.add(peer, connection, frame.buffer)
        if arrival is None:
            return
        if arrival.header.kind is Kind.HELLO:
            self._greet(peer, connection)
        elif self._there.sends_by(peer, connection):
            self._ready.append(arrival)

    def _greet(self, peer: str, connection: int) -> None:
        if self._connected:
            raise BadMessage(f"{peer} connected again in the middle of the session")
        self._follow_all()
        self._there.greet(peer, connection)

    def _authenticate(self) -> None:
        request = sockets.ZapRequest.receive(self._zap)
        request.answer(*self._there.admit(request.key))

    # -- what the monitors tell

    def _follow_all(self) -> None:
        for monitor in list(self._monitors):
            self._follow(monitor)

    def _follow(self, monitor: Socket) -> None:
        peer = self._monitors[monitor]
        while monitor.poll(0):
            event, value = sockets.read_event(monitor)
            if peer is None:
                self._follow_accepted(event, value)
            else:
                self._follow_dialled(peer, event)

    def _follow_accepted(self, event: Event, connection: int) -> None:
        if event is Event.ACCEPTED:
            self._there.begin(connection)
        elif event is Event.DISCONNECTED:
            peer = self._there.end(connection)
            if peer is not None and self._connected:
                self._hang_up(peer)

    def _follow_dialled(self, peer: str, event: Event) -> None:
        if event is Event.HANDSHAKE_SUCCEEDED:
            self._senders[peer].poll(0, zmq.POLLOUT)  # takes note of the new connection
            self._there.up.add(peer)
            self._control(peer, Kind.HELLO)
        elif event is Event.DISCONNECTED:
            self._there.up.discard(peer)
        elif event is Event.HANDSHAKE_FAILED_AUTH and not self._connected:
            raise TransportError(
                f"{peer} at {self._book[peer].address} refuses the key of {self.me}: the public "
                f"key in {peer}'s plan is not the one that belongs to the secret key used here"
            )
        elif event is Event.CONNECTED:
            self._there.answered.add(peer)

    def _hang_up(self, peer: str) -> None:
        """Send nothing more: a process that comes back at that address is of another session."""
        sender = self._senders[peer]
        sender.linger = 0
        with suppress(zmq.ZMQError):  # hung up before
            sender.disconnect(dialable(self._book[peer].address))

    def _restart(self) -> None:
        """While connecting, a peer that went away may come again: forget what it said."""
        for peer in self._there.ended:
            if self._is_done(peer):
                continue
            self._there.forget(peer)
            self._gone.discard(peer)
            self._early[peer].clear()
            self._next_in[peer] = 0
        self._there.ended.clear()

    def _absence(self, peer: str, words: str) -> str:
        why = self._there.absence(peer, self.me, self._book[peer].address)
        return f"{peer} {words}: {why}"
