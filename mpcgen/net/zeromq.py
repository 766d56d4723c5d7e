"""Channels between processes and machines: ZeroMQ over TCP, authenticated and encrypted by CURVE.

Every party has one listening socket (PULL, CURVE server) that admits only the keys pinned for its
peers, and one sending socket for each peer (PUSH, CURVE client) that talks only to the key pinned
for that peer. Who sent a frame is what the handshake proved (User-Id), never what the frame says.

A connection that ends is judged by the receiver: the listener's monitor tells which accepted
connection ended, and a peer whose connection ended without a BYE is away, once everything that
arrived before has been handed out. A process that died ends its connections at once; a machine or
a line that is silent, after SILENCE_MS of unanswered heartbeats, which ZeroMQ's own thread answers
while a party counts. That thread also dials again, for ever. No thread of our own: handshakes are
answered while the party waits in `connect` or `exchange`.

ZeroMQ drops what was queued for a connection that ended (`immediate`), and what was left of it
may come by the next one before the HELLO, where it is dropped: the channel sends all of it again.
"""

import math
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar, Unpack

import zmq
from zmq import Event

from mpcgen.errors import PartyStopped, PartyTimeout, TransportError
from mpcgen.net import sockets
from mpcgen.net.address import dialable
from mpcgen.net.channel import Channel, ChannelOptions
from mpcgen.net.frames import Pairing, frames
from mpcgen.net.keys import KeyPair
from mpcgen.net.message import Arrival, Header, Kind
from mpcgen.net.presence import Presence
from mpcgen.net.refusals import Refusals
from mpcgen.net.sockets import Peer, Socket

__all__ = ["Peer", "ZmqChannel"]

FLUSH_MS = 60_000
"""What `close` gives a peer that is there to take what is on its way."""
LOOK_EVERY = 64
"""Frames after which handshakes are answered although more frames wait."""
LAG = 1.0
"""Seconds beyond its wait for which `_take` reads on where it has to drop all that it reads."""
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
        **options: Unpack[ChannelOptions],
    ):
        super().__init__(me, tuple(peers), **options)
        self._book = dict(peers)
        self._refusals = Refusals(self._notice)
        self._there = Presence(sockets.pinned(me, keys, peers), self._refusals)
        self._ready: deque[Arrival] = deque()
        self._pairing = Pairing(self._check_size)
        self._unseen = 0
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
        for peer in self.peers:
            if self._talks[peer].left:
                self._hang_up(peer)

    def _meet(self, arrival: Arrival) -> None:
        """Take a message in; where its sender gives up, say who has not come."""
        try:
            self._admit(arrival, "the first connection")
        except PartyStopped as stop:
            absent = [p for p in self.peers if p != arrival.peer and not self._there.has_greeted(p)]
            words = [str(stop), *(self._absence(peer, "has not come") for peer in absent)]
            raise PartyStopped("\n".join(words), again=stop.again) from None

    def _met(self, peer: str) -> bool:
        """Both connections stand, or the peer has done its part and left already."""
        talk = self._talks[peer]
        if talk.left:
            return bool(talk.come.early)
        return self._there.has_greeted(peer) and peer in self._there.up

    def _put(self, peer: str, header: bytes, part: memoryview) -> bool:
        sender = self._senders[peer]
        try:
            for frame in frames(header, part):
                sender.send(frame, zmq.NOBLOCK, copy=False)
        except zmq.Again:  # no connection
            return False
        return True

    def _take(self, wait: float) -> Arrival | None:
        deadline = time.monotonic() + wait
        away = self._away.peers
        while not self._ready:
            left = deadline - time.monotonic()
            if left > -LAG and (self._step(max(0.0, left)) or self._listener.poll(0)):
                continue
            if left <= 0 or self._away.peers != away:
                return None
        return self._ready.popleft()

    def _close(self) -> None:
        with suppress(TransportError):
            self._follow_all()
        for peer, sender in self._senders.items():
            takes = peer in self._there.up and self._there.is_here(peer)
            sender.linger = FLUSH_MS if takes else 0
        self._context.destroy()

    # -- sockets

    def _step(self, wait: float) -> bool:
        """Wait for whatever comes first and act on it; True where a frame was read."""
        arrived = int(self._listener.get(zmq.EVENTS)) & zmq.POLLIN
        if not arrived or self._unseen >= LOOK_EVERY:
            self._unseen = 0
            ready = dict(self._poller.poll(0 if arrived else math.ceil(wait * 1000)))
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
        self._unseen += 1
        self._read(frame)
        return True

    def _read(self, frame: zmq.Frame) -> None:
        """Take one frame in; with the one before, where they belong together, it goes to `_ready`.

        What comes by a connection before its HELLO is of one that ended, or of a session that did.
        """
        user = str(frame.get("User-Id"))
        peer = self._there.name_of(user)
        if not self._there.sends_by(user) and not self._greet(user, frame):
            if self._there.comes_between(user):
                self._refusals.note(f"frames of a second process with the key of {peer}")
            return
        arrival = self._pairing.add(peer, user, frame.buffer)
        if arrival is not None:
            self._ready.append(arrival)

    def _greet(self, user: str, frame: zmq.Frame) -> bool:
        """Whether a connection begins with its HELLO; from then on its peer sends by it."""
        if not Header.is_of(Kind.HELLO, frame.buffer):
            return False
        self._follow_all()
        before = self._there.greet(user, int(frame.get(zmq.SRCFD)))
        if before is not None:
            self._pairing.forget(before)
        self._look_round()
        return True

    def _authenticate(self) -> None:
        request = sockets.ZapRequest.receive(self._zap)
        request.answer(*self._there.admit(request.key))
        self._look_round()

    def _look_round(self) -> None:
        """Tell the channel who is there."""
        for peer in self.peers:
            if self._there.is_here(peer):
                self._found(peer)
            else:
                self._missed(peer)

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
            if peer is not None and self._connected and self._talks[peer].left:
                self._hang_up(peer)
            self._look_round()

    def _follow_dialled(self, peer: str, event: Event) -> None:
        if event is Event.HANDSHAKE_SUCCEEDED:
            self._senders[peer].poll(0, zmq.POLLOUT)  # takes note of the new connection
            self._there.up.add(peer)
            self._dialled(peer)
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

    def _absence(self, peer: str, words: str) -> str:
        why = self._there.absence(peer, self.me, self._book[peer].address)
        return f"{peer} {words}: {why}"
