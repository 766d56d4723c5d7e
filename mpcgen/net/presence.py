"""Which peers are there, by what the sockets tell: a record that has no sockets itself.

Two connections join two parties: we send by the one that we dialled, and a peer by the one that it
dialled, which is known as its own from its HELLO on. A party that counts says no HELLO, but its
sockets come back by themselves: whoever was admitted is there while a connection stands that may
be its.
"""

from collections.abc import Mapping

from mpcgen.net.refusals import Refusals


class Presence:
    """The connections of one party.

    Args:
        names: key -> name of everybody who may be admitted.
        refusals: told who was not.

    Attributes:
        up: peers to whom our own connection stands.
        answered: peers at whose address somebody listens.
    """

    def __init__(self, names: Mapping[bytes, str], refusals: Refusals):
        self.up: set[str] = set()
        self.answered: set[str] = set()
        self._names = names
        self._refusals = refusals
        self._strangers = self._admissions = self._unwelcome = 0
        self._lines: dict[str, str] = {}
        self._standing: dict[int, str] = {}
        self._unnamed: set[int] = set()
        self._broken: set[int] = set()
        self._admitted: set[str] = set()

    def admit(self, key: bytes) -> tuple[int, str, str]:
        """Answer a handshake: the pinned keys are admitted, each once at a time.

        Returns:
            Status, words and user, as `ZapRequest.answer` takes them. The user is another one for
            each connection, since their numbers come again; `name_of` has the name in it.
        """
        name = self._names.get(key)
        if name is None:
            self._strangers += 1
            self._unwelcome += 1
            self._refusals.note("a connection with an unknown key")
            return 400, "unknown key", ""
        if self.has_greeted(name):
            # "Try again": a second process of that name waits, the first is undisturbed.
            self._unwelcome += 1
            self._refusals.note(f"a second connection with the key of {name}")
            return 300, "connected already", ""
        self._admissions += 1
        self._admitted.add(name)
        return 200, "OK", f"{self._admissions} {name}"

    @staticmethod
    def name_of(user: str) -> str:
        """The peer that was admitted as this user."""
        return user.partition(" ")[2]

    def greet(self, user: str, connection: int) -> str | None:
        """A peer sends by this connection from now on; the user of the one before."""
        peer = self.name_of(user)
        self._standing = {c: p for c, p in self._standing.items() if p != peer}
        self._unnamed.discard(connection)
        self._admitted.discard(peer)
        if connection not in self._broken:
            self._standing[connection] = peer
        before = self._lines.get(peer)
        self._lines[peer] = user
        return before

    def sends_by(self, user: str) -> bool:
        """Whether this connection is the one by which its peer greeted last."""
        return self._lines.get(self.name_of(user)) == user

    def comes_between(self, user: str) -> bool:
        """Whether this connection is newer than the one by which its peer sends, which stands."""
        peer = self.name_of(user)
        return self.has_greeted(peer) and _number(user) > _number(self._lines[peer])

    def has_greeted(self, peer: str) -> bool:
        """Whether a connection stands by which this peer said HELLO."""
        return peer in self._standing.values()

    def is_here(self, peer: str) -> bool:
        """Whether a connection of this peer stands, as far as can be told."""
        return self.has_greeted(peer) or (peer in self._admitted and bool(self._unnamed))

    def begin(self, connection: int) -> None:
        """The listener accepted a connection; its number may be that of one that ended."""
        self._broken.discard(connection)
        self._unnamed.add(connection)

    def end(self, connection: int) -> str | None:
        """A connection that the listener accepted ended; the peer who sent by it, if it greeted."""
        self._broken.add(connection)
        if connection in self._unnamed:
            self._unnamed.remove(connection)
            if self._unwelcome:  # it was told of already
                self._unwelcome -= 1
            else:
                self._refusals.note("a connection that ended before a greeting")
        return self._standing.pop(connection, None)

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


def _number(user: str) -> int:
    return int(user.partition(" ")[0])
