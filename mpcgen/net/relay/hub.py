"""The relay: a hub on one port to which every party dials out; it cannot read what it carries.

It knows which identities talk to which, when and how much. Bodies are sealed from party to party
(`pair.py`); what it could do besides losing or delaying them is noticed there. One thread and
one selector: sockets never block, a member that does not read holds up nobody (`routes.py`),
and what a stranger can make it hold or do before its handshake is bounded (`gate.py`).
"""

import selectors
import socket
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mpcgen.errors import BadMessage
from mpcgen.net.handshake import Secrets
from mpcgen.net.relay.frames import (
    KEEP_SECONDS,
    SILENCE_SECONDS,
    Frame,
    Head,
    Kind,
    Login,
    Refusal,
)
from mpcgen.net.relay.gate import Door, Limits, Log, affordable
from mpcgen.net.relay.guests import Guest, Seat
from mpcgen.net.relay.rooms import Refused, Rooms
from mpcgen.net.relay.routes import Member
from mpcgen.net.relay.wire import Wire
from mpcgen.net.sealed import Opener, Sealer

TICK: Final = 1.0
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Hub:
    """A relay that listens.

    Args:
        listener: bound and listening; the hub's from now on.
        identity: the relay's own key, which the plans pin.
        allowed: identities that may come; None: everybody who shows any.
        log: where it is told what happens.
        limits: what it takes on at most.
    """

    def __init__(
        self,
        listener: socket.socket,
        identity: Ed25519PrivateKey,
        allowed: Collection[bytes] | None,
        log: Log,
        limits: Limits = Limits(),  # noqa: B008
    ):
        self._listener, self._identity, self._allowed = listener, identity, allowed
        self._log, self._limits = log, affordable(limits)
        self._door, self._rooms = Door(self._limits), Rooms(limits.budget)
        self._guests: dict[Guest, None] = {}
        self._seats: dict[Member, Seat] = {}
        self._stirred: set[Seat] = set()
        self._selector = selectors.DefaultSelector()
        self._bell, self._rope = socket.socketpair()
        self._running = True
        for each in (listener, self._bell, self._rope):
            each.setblocking(False)
        self._selector.register(listener, _READ)
        self._selector.register(self._bell, _READ)

    def stop(self) -> None:
        """End `run`; from another thread or a signal's handler."""
        self._running = False
        with suppress(OSError):
            self._rope.send(b"!")

    def run(self) -> None:
        """Carry messages until `stop`."""
        host, port = self._listener.getsockname()[:2]
        self._log.write("listening", address=host, port=port)
        due = time.monotonic() + TICK
        try:
            while self._running:
                for key, events in self._selector.select(max(0.0, due - time.monotonic())):
                    self._handle(key.fileobj, key.data, events)
                self._serve_stirred()
                if time.monotonic() >= due:
                    self._tick()
                    due = time.monotonic() + TICK
        finally:
            self._close()

    def _handle(self, source: object, data: "Guest | Seat | None", events: int) -> None:
        if source is self._listener:
            self._accept()
        elif isinstance(data, Guest):
            if data in self._guests:
                self._hear(data)
        elif isinstance(data, Seat) and data.member in self._seats:
            if events & _READ:
                self._read(data)
            if events & _WRITE:
                self._stirred.add(data)

    # -- strangers

    def _accept(self) -> None:
        try:
            connection, (address, *_) = self._listener.accept()
        except OSError:  # it has gone again, or no descriptor is left
            return
        taken = len(self._guests) + len(self._seats)
        if why := self._door.closed_to(address, taken):
            connection.close()
            self._log.refuse(why, address=address)
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        guest = Guest(connection, address, self._identity)
        self._door.enter(address)
        self._guests[guest] = None
        self._selector.register(connection, _READ, guest)

    def _hear(self, guest: Guest) -> None:
        try:
            shown = guest.read()
        except BadMessage as error:
            self._dismiss(guest, str(error))
        except OSError:
            self._dismiss(guest, "ended before it showed an identity")
        else:
            if shown is not None:
                self._selector.unregister(guest.socket)
                del self._guests[guest]
                self._door.leave(guest.address)
                self._welcome(guest, *shown)

    def _dismiss(self, guest: Guest, why: str) -> None:
        self._selector.unregister(guest.socket)
        guest.socket.close()
        del self._guests[guest]
        self._door.leave(guest.address)
        self._log.refuse(why, address=guest.address)

    def _welcome(self, guest: Guest, identity: bytes, login: Login, secrets: Secrets) -> None:
        sealer, opener = Sealer(secrets.to_initiator), Opener(secrets.to_responder, "a party")
        wire = Wire(guest.socket, sealer, opener)
        seat = Seat(wire)
        seat.member = Member(identity, login, lambda: self._stirred.add(seat))
        try:
            self._admit(seat.member)
        except Refused as error:
            self._log.refuse(
                _REFUSALS[error.refusal], address=guest.address, identity=identity.hex()
            )
            wire.push(Frame(Head(Kind.REFUSED, number=error.refusal)))
            with suppress(OSError):
                wire.flush()
            guest.socket.close()
            return
        self._seats[seat.member] = seat
        self._selector.register(guest.socket, _READ, seat)
        self._log.note("joined", identity=identity.hex(), address=guest.address)

    def _admit(self, member: Member) -> None:
        if self._allowed is not None and member.identity not in self._allowed:
            raise Refused(Refusal.STRANGER)
        if sum(m.identity == member.identity for m in self._seats) >= self._limits.each:
            raise Refused(Refusal.FULL)
        before = self._rooms.holder(member.login, member.identity)
        if before is not None and before.login.instance == member.login.instance:
            self._part(self._seats[before], "came again")
        self._rooms.join(member)

    # -- members

    def _read(self, seat: Seat) -> None:
        try:
            for frame in seat.wire.receive():
                if frame.head.kind is Kind.END:
                    self._part(seat, "", final=True)
                    return
                self._take(seat.member, frame)
        except BadMessage as error:
            self._part(seat, str(error))
        except OSError:
            self._part(seat, "its connection broke")
        else:
            if seat.wire.ended:
                self._part(seat, "its connection ended")

    def _take(self, member: Member, frame: Frame) -> None:
        if frame.head.kind in (Kind.DATA, Kind.SHAKE):
            self._rooms.carry(member, frame)
        elif frame.head.kind is not Kind.KEEP:
            raise BadMessage("a frame that is for a relay to send")

    def _serve_stirred(self) -> None:
        """Send what can be sent; whoever hears of its credit by that is among them."""
        while self._stirred:
            seat = self._stirred.pop()
            if seat.member not in self._seats:
                continue
            try:
                events = seat.serve()
            except OSError:
                self._part(seat, "its connection broke")
                continue
            if events != seat.events:
                seat.events = events
                self._selector.modify(seat.wire.socket, events, seat)

    def _part(self, seat: Seat, why: str, *, final: bool = False) -> None:
        del self._seats[seat.member]
        self._selector.unregister(seat.wire.socket)
        seat.wire.socket.close()
        self._log.note(
            "left",
            identity=seat.member.identity.hex(),
            **({"why": why} if why else {}),
            carried=[
                {"with": p.other.hex(), "sent": p.forth, "received": p.back}
                for p in self._rooms.leave(seat.member, final=final)
            ],
        )

    def _tick(self) -> None:
        now = time.monotonic()
        for guest in list(self._guests):  # the oldest first
            if guest.since > now - self._limits.handshake_seconds:
                break
            self._dismiss(guest, "showed no identity in time")
        for seat in list(self._seats.values()):
            if seat.wire.heard < now - SILENCE_SECONDS:
                self._part(seat, "silent")
            elif seat.spoke < now - KEEP_SECONDS and not seat.wire.waiting:
                seat.wire.push(Frame(Head(Kind.KEEP)))
                self._stirred.add(seat)

    def _close(self) -> None:
        for guest in self._guests:
            guest.socket.close()
        for seat in list(self._seats.values()):
            self._part(seat, "the relay stops")
        self._selector.close()
        for each in (self._listener, self._bell, self._rope):
            each.close()
        self._log.write("stopped")


_REFUSALS = {
    Refusal.STRANGER: "an identity that is not allowed",
    Refusal.BUSY: "a second process of one identity",
    Refusal.FULL: "no room for more",
}
