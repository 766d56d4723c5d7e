"""Which peers are there, by what the sockets tell: a record that has no sockets itself.

Two connections join two parties: we send by the one that we dialled, and a peer by the one that it
dialled, which is known as its own from its HELLO on.
"""

from collections.abc import Mapping


class Presence:
    """The connections of one party.

    Args:
        names: key -> name of everybody who may be admitted.

    Attributes:
        up: peers to whom our own connection stands.
        answered: peers at whose address somebody listens.
        greeted: peers that said HELLO.
        ended: peers whose own connection has ended.
    """

    def __init__(self, names: Mapping[bytes, str]):
        self.up: set[str] = set()
        self.answered: set[str] = set()
        self.greeted: set[str] = set()
        self.ended: set[str] = set()
        self._names = names
        self._strangers = 0
        self._inbound: dict[int, str] = {}
        self._broken: set[int] = set()

    def admit(self, key: bytes) -> tuple[int, str, str]:
        """Answer a handshake: the pinned keys are admitted, each once at a time.

        Returns:
            Status, words and name, as `ZapRequest.answer` takes them.
        """
        name = self._names.get(key)
        if name is None:
            self._strangers += 1
            return 400, "unknown key", ""
        if name in self._inbound.values() and name not in self.ended:
            # "Try again": a second process of that name waits, the first is undisturbed.
            return 300, "connected already", ""
        return 200, "OK", name

    def greet(self, peer: str, connection: int) -> None:
        """Note by which connection a peer sends, so that we know when it ends."""
        self.forget(peer)
        self._inbound[connection] = peer
        self.greeted.add(peer)
        self.ended.discard(peer)
        if connection in self._broken:
            self.ended.add(peer)

    def forget(self, peer: str) -> None:
        """Take a peer as not there: it went away and may come again."""
        self.greeted.discard(peer)
        self._inbound = {c: p for c, p in self._inbound.items() if p != peer}

    def sends_by(self, peer: str, connection: int) -> bool:
        """Whether this connection is the one by which the peer greeted."""
        return self._inbound.get(connection) == peer

    def begin(self, connection: int) -> None:
        """The listener accepted a connection; its number may be that of one that ended."""
        self._broken.discard(connection)

    def end(self, connection: int) -> str | None:
        """A connection that the listener accepted ended; the peer who sent by it, if it greeted."""
        self._broken.add(connection)
        peer = self._inbound.get(connection)
        if peer is not None:
            self.ended.add(peer)
        return peer

    def absence(self, peer: str, me: str, address: str) -> str:
        """Why `me` still waits for a peer at an address, as far as can be told from here."""
        if peer in self.up:
            why = f"it listens at {address} but has not connected to {me}"
        elif peer in self.answered:
            why = f"who listens at {address} has not shown the key that is pinned for {peer}"
        else:
            why = f"nobody listens at {address}"
        if self._strangers:
            why += f"; connections with unknown keys that were refused here: {self._strangers}"
        return why
