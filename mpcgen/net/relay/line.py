"""A party's line to its relay: dialled out, kept up by a thread, dialled again where it is lost.

The thread does all that has to go on while the party computes: it answers handshakes, says that the
party is there, seals and sends, reads and opens. It holds all keys; what it takes and hands over
(`Inbox`) are messages.
"""

import socket
import threading
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mpcgen.errors import BadMessage, TransportError
from mpcgen.net.handshake import OtherIdentity, public_bytes
from mpcgen.net.relay.entry import Relay, enter
from mpcgen.net.relay.frames import Login, Refusal, room
from mpcgen.net.relay.inbox import Event, Gone, Inbox, Ready
from mpcgen.net.relay.pair import Pair, Piece, State
from mpcgen.net.relay.service import Service, TurnedAway
from mpcgen.net.relay.wire import Wire
from mpcgen.prg import fresh_bytes

REDIAL_SECONDS: Final = (0.05, 5.0)
"""Between two attempts: at first, doubled up to the last."""


class Line:
    """The line, its thread, and the pairs that talk by it.

    Args:
        relay: where it goes.
        me: this party's identity.
        study: what all who are to meet agree on; the relay sees only a hash of it.
        pairs: this party with each of its peers.
    """

    def __init__(self, relay: Relay, me: Ed25519PrivateKey, study: bytes, pairs: Collection[Pair]):
        self._relay, self._me = relay, me
        self._pairs = {pair.name: pair for pair in pairs}
        self._of_identity = {pair.identity: pair for pair in pairs}
        self._login = Login(room(study), fresh_bytes(16), tuple(self._of_identity))
        self._known = dict.fromkeys(self._pairs, 0)  # the links of which the party has heard
        self._inbox = Inbox()
        self._why = "has not been dialled yet"
        self._wire: Wire | None = None
        self._ending, self._cut = threading.Event(), threading.Event()
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="mpcgen relay", daemon=True)

    # -- for the party's thread

    def start(self) -> None:
        """Begin to dial."""
        self._thread.start()

    def send(self, peer: str, header: bytes, part: Piece) -> bool:
        """Queue a frame, by the connection of which `take` told last; False where it is over.

        `part` must not change any more.
        """
        if not self._known[peer]:
            return False
        self._pairs[peer].send(self._known[peer], header, part)
        self._ring()
        return True

    def take(self, wait: float) -> Event | None:
        """What came next; None where nothing did for `wait` seconds."""
        event, reads_again = self._inbox.take(wait)
        if reads_again:
            self._ring()
        if isinstance(event, Ready):
            self._known[event.peer] = event.link
        elif isinstance(event, Gone):
            self._known[event.peer] = 0
        return event

    def absence(self, peer: str) -> str:
        """Why the peer is not there, as far as can be told from here."""
        where = f"the relay at {self._relay.address}"
        if self._wire is None:
            return f"{where} {self._why}"
        if self._pairs[peer].state is State.AWAY:
            return f"it has not come to {where}"
        return f"it is at {where} and has not shown its identity yet"

    def close(self, linger: float) -> None:
        """End it; what was queued for those who are there goes out first, for `linger` seconds."""
        started = self._thread.ident is not None
        self._ending.set()
        self._ring()
        if started and self._wire is not None:
            self._thread.join(linger)
        self._cut.set()
        self._ring()
        if not started:
            self._silence()
        elif self._wire is not None:
            self._thread.join()

    def _ring(self) -> None:
        with suppress(OSError):  # it is ringing enough, or the line has ended
            self._rope.send(b"!")

    # -- the line's thread

    def _run(self) -> None:
        pause, longest = REDIAL_SECONDS
        try:
            while not self._ending.is_set():
                stood = self._connection()
                pause = REDIAL_SECONDS[0] if stood else min(2 * pause, longest)
                self._ending.wait(pause)
        except Exception as error:  # whoever waits for messages has to hear of it
            self._inbox.put(error)
        finally:
            self._silence()

    def _connection(self) -> bool:
        """Come to the relay and stay as long as it goes; whether it stood at all.

        Raises:
            TransportError: no other attempt is worth it: it does not admit this party, or
                (BadMessage) is another.
        """
        try:
            wire = enter(self._relay, self._me, self._login)
        except OtherIdentity as error:
            raise BadMessage(
                f"who listens at {self._relay.address} is not the relay that the plan names: "
                f"{error}"
            ) from None
        except TransportError as error:
            self._why = f"cannot be used: {error}"
            return False
        self._wire = wire
        try:
            self._service(wire).run()
            self._why = "has ended the connection"
        except TurnedAway as error:
            self._turned_away(error.refusal)
            return False
        except (OSError, BadMessage) as error:
            self._why = f"was lost: {error}"
        finally:
            self._wire = None
            wire.socket.close()
        return True

    def _service(self, wire: Wire) -> Service:
        return Service(wire, self._of_identity, self._inbox, self._bell, self._ending, self._cut)

    def _turned_away(self, refusal: Refusal) -> None:
        if refusal is Refusal.STRANGER:
            raise TransportError(
                f"the relay at {self._relay.address} does not admit this party: give its operator "
                f"the identity {public_bytes(self._me).hex()}"
            )
        self._why = _TURNED_AWAY[refusal]

    def _silence(self) -> None:
        self._bell.close()
        self._rope.close()


_TURNED_AWAY = {
    Refusal.BUSY: "has another process of this identity in this study",
    Refusal.FULL: "has no room for more",
}
