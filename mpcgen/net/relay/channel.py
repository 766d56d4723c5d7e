"""Channels by way of a relay: all parties dial out to one hub; what they say is sealed end to end.

See `line.py` for the party's connection, `pair.py` for what the relay cannot read, and
`hub.py` for the relay.
"""

import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar, Unpack

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mpcgen.errors import ConfigError, PartyTimeout
from mpcgen.net.channel import Channel, ChannelOptions
from mpcgen.net.frames import Assembly, cut
from mpcgen.net.handshake import public_bytes
from mpcgen.net.message import Arrival
from mpcgen.net.relay.entry import Relay
from mpcgen.net.relay.inbox import Came, Event, Gone, Ready
from mpcgen.net.relay.line import Line
from mpcgen.net.relay.pair import Pair

__all__ = ["Relay", "RelayChannel"]


class RelayChannel(Channel):
    """A party's end of a session by way of a relay.

    Args:
        me: this party's name.
        relay: where the relay is.
        identity: this party's identity key.
        peers: name -> identity (32 bytes) of everybody else in the session.
        study: what all must agree on, for example the plan's hash.
        linger: seconds that `close` waits at most for what was sent to get out.

    Raises ConfigError where an identity belongs to two parties. The first connection raises
    PartyTimeout naming who did not come, and TransportError where the relay is another one than
    `relay` says, or does not admit this party.
    """

    real: ClassVar[bool] = True

    def __init__(
        self,
        me: str,
        relay: Relay,
        identity: Ed25519PrivateKey,
        peers: Mapping[str, bytes],
        study: bytes,
        *,
        linger: float = 60.0,
        **options: Unpack[ChannelOptions],
    ):
        super().__init__(me, tuple(peers), **options)
        _check_distinct({me: public_bytes(identity), **peers})
        self._linger = linger
        pairs = [Pair(identity, me, name, theirs, study) for name, theirs in peers.items()]
        self._line = Line(relay, identity, study, pairs)
        self._there: set[str] = set()
        self._lost_peers: set[str] = set()
        self._ready: deque[Arrival] = deque()
        self._incoming: dict[str, Assembly] = {}

    def _connect(self) -> None:
        self._line.start()
        deadline = time.monotonic() + self.connect_timeout
        while missing := [p for p in self.peers if p not in self._there and not self._is_done(p)]:
            left = deadline - time.monotonic()
            if left <= 0:
                raise PartyTimeout(
                    "\n".join(
                        f"{p} did not come in {self.connect_timeout:g} s: {self._line.absence(p)}"
                        for p in missing
                    )
                )
            self._follow(self._line.take(left))
            while self._ready:
                self._admit(self._ready.popleft(), "the first connection")
            for peer in self._lost_peers:
                self._forget(peer)
            self._lost_peers.clear()

    def _is_done(self, peer: str) -> bool:
        return peer in self._gone and bool(self._early[peer])

    def _forget(self, peer: str) -> None:
        """While connecting, a peer that went away may come again: forget what it said."""
        if not self._is_done(peer):
            self._there.discard(peer)
            self._gone.discard(peer)
            self._early[peer].clear()
            self._next_in[peer] = 0

    def _put(self, peer: str, header: bytes, payload: bytes | memoryview) -> None:
        # What is not bytes may change before the line's thread reads it.
        fixed = payload if isinstance(payload, bytes) else bytes(payload)
        for frame in cut(header, fixed):
            self._line.send(peer, b"", frame)

    def _take(self, wait: float) -> Arrival | None:
        while not self._ready:
            lost = self._lost_peers - self._gone
            if lost:
                raise self._lost(min(lost), "was lost")
            event = self._line.take(wait)
            if event is None:
                return None
            self._follow(event)
        return self._ready.popleft()

    def _follow(self, event: Event | None) -> None:
        match event:
            case Ready(peer, _):
                self._there.add(peer)
                self._incoming[peer] = Assembly(self._check_size)
            case Gone(peer):
                self._lost_peers.add(peer)
            case Came(peer, _, part):
                arrival = self._incoming[peer].add(peer, 0, memoryview(part))
                if arrival is not None:
                    self._ready.append(arrival)
            case Exception() as error:
                raise error

    def _close(self) -> None:
        with suppress(RuntimeError):
            self._line.close(self._linger)


def _check_distinct(identities: Mapping[str, bytes]) -> None:
    names: dict[bytes, str] = {}
    for name, identity in identities.items():
        if identity in names:
            raise ConfigError(f"{names[identity]} and {name} have the same identity")
        names[identity] = name
