"""Who is at the relay, and who is joined to whom: a record that has no sockets itself.

Two members of a room that name each other are joined by a link: a number, and one route each way.
"""

from mpcgen.net.relay.frames import WINDOW, Frame, Login, Refusal
from mpcgen.net.relay.routes import Member, Parting, Route


class Refused(Exception):
    """Somebody cannot come in."""

    def __init__(self, refusal: Refusal):
        self.refusal = refusal
        super().__init__(refusal.name)


class Rooms:
    """Everybody who is there.

    Args:
        budget: bytes that all windows together may have.
    """

    def __init__(self, budget: int):
        self._most_routes = budget // WINDOW
        self._rooms: dict[bytes, dict[bytes, Member]] = {}
        self._ending: list[Route] = []
        self._last_link = 0

    def holder(self, login: Login, identity: bytes) -> Member | None:
        """Who is in that room by that identity."""
        return self._rooms.get(login.room, {}).get(identity)

    def join(self, member: Member) -> None:
        """Let somebody in, and tell those to whom it is joined.

        Raises:
            Refused: somebody is in the room by that identity, or has left it and the others have
                not read all of its last words; or there is no memory for more.
        """
        self._ending = [route for route in self._ending if not route.over]
        room = self._rooms.get(member.login.room, {})
        rest = [route for route in self._ending if route.source.is_same(member)]
        if member.identity in room or any(route.frames and route.final for route in rest):
            raise Refused(Refusal.BUSY)
        for route in rest:
            route.drop()
        partners = [other for other in room.values() if other.wants(member) and member.wants(other)]
        in_use = sum(len(m.routes) for each in self._rooms.values() for m in each.values())
        if in_use + len(self._ending) + 2 * len(partners) > self._most_routes:
            raise Refused(Refusal.FULL)
        self._rooms.setdefault(member.login.room, {})[member.identity] = member
        for other in partners:
            self._last_link += 1
            member.link(self._last_link, other)
            other.link(self._last_link, member)

    def leave(self, member: Member, *, final: bool) -> list[Parting]:
        """Let somebody go: what it sent still goes on, what was for it does not.

        Args:
            final: it said that this was all. Otherwise what is left is dropped where it comes
                again, since it will send that again.

        Returns:
            From whom it parted.
        """
        room = self._rooms[member.login.room]
        del room[member.identity]
        if not room:
            del self._rooms[member.login.room]
        partings = []
        for route in member.routes.values():
            route.final = final
            partings.append(route.target.unlink(route))
        member.forget()
        self._ending += member.routes.values()
        member.routes = {}
        return partings

    def carry(self, member: Member, frame: Frame) -> None:
        """Take in what a member sends.

        Raises:
            BadMessage: more than its window has room for.
        """
        route = member.routes.get(frame.head.link)
        if route is not None:  # otherwise the other has left, which the sender does not know yet
            route.add(frame)
