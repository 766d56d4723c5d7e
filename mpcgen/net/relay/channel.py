"""Channels by way of a relay: all parties dial out to one hub; what they say is sealed end to end.

See `line.py` for the party's connection, `pair.py` for what the relay cannot read, and `hub.py` for
the relay.
"""

import time
from collections import deque
from collections.abc import Mapping
from typing import ClassVar, Final, Unpack

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mpcgen.errors import BadMessage, ConfigError, PartyStopped, PartyTimeout
from mpcgen.net.channel import Channel, ChannelOptions
from mpcgen.net.handshake import public_bytes
from mpcgen.net.message import Arrival, Header, Kind
from mpcgen.net.relay.entry import Relay
from mpcgen.net.relay.inbox import Came, Event, Gone, Ready
from mpcgen.net.relay.line import Line
from mpcgen.net.relay.pair import Pair

__all__ = ["Relay", "RelayChannel"]

FLUSH_SECONDS: Final = 60.0
"""What `close` gives the relay to take what is on its way."""


class RelayChannel(Channel):
    """A party's end of a session by way of a relay.

    Args:
        me: this party's name.
        relay: where the relay is.
        identity: this party's identity key.
        peers: name -> identity (32 bytes) of everybody else in the session.
        study: what all must agree on, for example the plan's hash.

    Raises ConfigError where an identity belongs to two parties. The first connection raises
    PartyTimeout naming who did not come, TransportError where the relay does not admit this party,
    and BadMessage where somebody shows another identity than `relay` and `peers` have.
    """

    real: ClassVar[bool] = True

    def __init__(
        self,
        me: str,
        relay: Relay,
        identity: Ed25519PrivateKey,
        peers: Mapping[str, bytes],
        study: bytes,
        **options: Unpack[ChannelOptions],
    ):
        super().__init__(me, tuple(peers), **options)
        _check_distinct({me: public_bytes(identity), **peers})
        pairs = [Pair(identity, me, name, theirs, study) for name, theirs in peers.items()]
        self._line = Line(relay, identity, study, pairs)
        self._there: set[str] = set()
        self._greeted: set[str] = set()
        self._ready: deque[Arrival] = deque()

    def _connect(self) -> None:
        self._line.start()
        deadline = time.monotonic() + self.connect_timeout
        while missing := [peer for peer in self.peers if not self._met(peer)]:
            left = deadline - time.monotonic()
            if left <= 0:
                late = f"did not come in {self.connect_timeout:g} s"
                raise PartyTimeout("\n".join(self._absence(peer, late) for peer in missing))
            self._follow(self._line.take(left))
            while self._ready:
                self._meet(self._ready.popleft())

    def _meet(self, arrival: Arrival) -> None:
        """Take a message in; where its sender gives up, say who has not come."""
        try:
            self._admit(arrival, "the first connection")
        except PartyStopped as stop:
            absent = [p for p in self.peers if p != arrival.peer and p not in self._there]
            words = [str(stop), *(self._absence(peer, "has not come") for peer in absent)]
            raise PartyStopped("\n".join(words), again=stop.again) from None

    def _met(self, peer: str) -> bool:
        """It is here, or has done its part and left already."""
        talk = self._talks[peer]
        return bool(talk.come.early) if talk.left else peer in self._there

    def _put(self, peer: str, header: bytes, part: memoryview) -> bool:
        return self._line.send(peer, header, part)

    def _take(self, wait: float) -> Arrival | None:
        deadline = time.monotonic() + wait
        away = self._away.peers
        while not self._ready:
            event = self._line.take(max(0.0, deadline - time.monotonic()))
            self._follow(event)
            if not self._ready and (event is None or self._away.peers != away):
                return None
        return self._ready.popleft()

    def _follow(self, event: Event | None) -> None:
        match event:
            case Ready(peer, _):
                self._there.add(peer)
                self._greeted.discard(peer)
                self._found(peer)
                self._dialled(peer)
            case Gone(peer):
                self._there.discard(peer)
                self._missed(peer)
            case Came(peer, header, part):
                self._ready.append(self._arrival(peer, header, part))
            case Exception() as error:
                raise error

    def _arrival(self, peer: str, frame: bytes, part: bytes) -> Arrival:
        header, rest = Header.split(peer, frame)
        if rest:
            raise BadMessage(f"{peer} sent a damaged header")
        if peer not in self._greeted and header.kind is not Kind.HELLO:
            raise BadMessage(f"{peer} sent something else before its greeting")
        self._greeted.add(peer)
        return Arrival(peer, header, part)

    def _close(self) -> None:
        self._line.close(FLUSH_SECONDS)

    def _absence(self, peer: str, words: str) -> str:
        return f"{peer} {words}: {self._line.absence(peer)}"


def _check_distinct(identities: Mapping[str, bytes]) -> None:
    names: dict[bytes, str] = {}
    for name, identity in identities.items():
        if identity in names:
            raise ConfigError(f"{names[identity]} and {name} have the same identity")
        names[identity] = name
