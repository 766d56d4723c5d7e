"""What a relay holds, for whom, and how much of it: without any socket."""

from itertools import count

import pytest

from mpcgen.errors import BadMessage
from mpcgen.net.relay.frames import COUNTED, MAX_BODY, WINDOW, Frame, Head, Kind, Login, Refusal
from mpcgen.net.relay.rooms import Refused, Rooms
from mpcgen.net.relay.routes import CREDIT_EVERY, Member

NAMES = "ABC"
ROOM = b"r" * 32
BUDGET = 100 * WINDOW


def identity(name: str) -> bytes:
    return name.encode() * 32


def member(name: str, peers: str = NAMES, room: bytes = ROOM, instance: int = 0) -> Member:
    known = tuple(identity(peer) for peer in peers if peer != name)
    login = Login(room, bytes([instance]) * 16, known)
    return Member(identity(name), login, lambda: None)


def arrived(rooms: Rooms, name: str, peers: str = NAMES, instance: int = 0) -> Member:
    newcomer = member(name, peers, instance=instance)
    rooms.join(newcomer)
    return newcomer


def told(who: Member) -> list[Head]:
    """All that is to be sent to a member, in its order."""
    frames = iter(who.next, None)
    return [frame.head for frame in frames if frame is not None]


def link_to(source: Member, target: Member) -> int:
    (link,) = [n for n, route in source.routes.items() if route.target is target]
    return link


def data(link: int, size: int = MAX_BODY) -> Frame:
    return Frame(Head(Kind.DATA, size, link), (bytes(size),))


def fill(rooms: Rooms, source: Member, target: Member) -> int:
    """Send as much as goes; how many frames that was."""
    for sent in count():
        try:
            rooms.carry(source, data(link_to(source, target)))
        except BadMessage:
            return sent
    raise AssertionError


def test_those_are_joined_that_name_each_other_in_one_room() -> None:
    rooms = Rooms(BUDGET)
    a, b = arrived(rooms, "A"), arrived(rooms, "B")
    c = arrived(rooms, "C", "A")  # does not name B
    other = member("B", room=b"o" * 32)
    rooms.join(other)
    assert [(h.kind, h.identity) for h in told(a)] == [
        (Kind.HERE, identity("B")),
        (Kind.HERE, identity("C")),
    ]
    assert [h.identity for h in told(b)] == [identity("A")]
    assert [h.identity for h in told(c)] == [identity("A")]
    assert told(other) == []


def test_what_one_sends_comes_to_the_other_as_it_is() -> None:
    rooms = Rooms(BUDGET)
    a, b = arrived(rooms, "A"), arrived(rooms, "B")
    told(b)
    frame = Frame(Head(Kind.DATA, 3, link_to(a, b), number=2), (b"abc",))
    rooms.carry(a, frame)
    assert b.next() == frame
    assert b.next() is None
    rooms.carry(a, data(link=12345))  # to nobody who is there
    assert told(b) == []


def test_a_member_that_does_not_read_holds_up_nobody_else() -> None:
    rooms = Rooms(BUDGET)
    a, b, c = (arrived(rooms, name) for name in NAMES)
    for each in (a, b, c):
        told(each)
    sent = fill(rooms, a, b)
    assert sent == WINDOW // (MAX_BODY + COUNTED)
    rooms.carry(a, data(link_to(a, c)))
    rooms.carry(c, data(link_to(c, b)))
    assert [h.link for h in told(c)] == [link_to(a, c)]
    assert [h.link for h in (b.next().head, b.next().head)] == [link_to(a, b), link_to(c, b)]  # type: ignore[union-attr]


def test_empty_frames_count_as_well() -> None:
    rooms = Rooms(BUDGET)
    a, b = arrived(rooms, "A"), arrived(rooms, "B")
    for _ in range(WINDOW // COUNTED):
        rooms.carry(a, data(link_to(a, b), 0))
    with pytest.raises(BadMessage, match="more was sent than the window has room for"):
        rooms.carry(a, data(link_to(a, b), 0))


def test_a_sender_hears_of_all_that_has_gone_on() -> None:
    rooms = Rooms(BUDGET)
    a, b = arrived(rooms, "A"), arrived(rooms, "B")
    told(a), told(b)
    credited = 0
    for _ in range(5):
        sent = fill(rooms, a, b)
        for _ in range(sent):
            assert b.next() is not None
            due = [h.number for h in told(a)]
            credited += sum(due)
            assert len(due) <= 1
        assert credited % (sent * (MAX_BODY + COUNTED)) == 0
    assert credited == 5 * sent * (MAX_BODY + COUNTED)
    assert sent * (MAX_BODY + COUNTED) > 2 * CREDIT_EVERY  # so that it heard more than once a time


def test_last_words_go_on_and_then_the_others_hear_that_it_has_left() -> None:
    rooms = Rooms(BUDGET)
    a, b = arrived(rooms, "A"), arrived(rooms, "B")
    told(a), told(b)
    link = link_to(a, b)
    rooms.carry(a, data(link, 5))
    rooms.carry(b, data(link, 7))
    (parting,) = rooms.leave(a, final=True)
    assert parting == (identity("A"), identity("B"), 5, 7)
    with pytest.raises(Refused) as refused:  # it must not come again before they are read
        rooms.join(member("A", instance=1))
    assert refused.value.refusal is Refusal.BUSY
    assert [(h.kind, h.link) for h in told(b)] == [(Kind.DATA, link), (Kind.GONE, link)]
    rooms.join(member("A", instance=1))
    assert [h.kind for h in told(b)] == [Kind.HERE]


def test_what_was_cut_off_is_dropped_where_its_sender_comes_again() -> None:
    rooms = Rooms(BUDGET)
    a, b = arrived(rooms, "A"), arrived(rooms, "B")
    told(b)
    link = link_to(a, b)
    rooms.carry(a, data(link))
    rooms.leave(a, final=False)
    again = arrived(rooms, "A")
    assert [(h.kind, h.link) for h in told(b)] == [
        (Kind.HERE, link_to(again, b)),
        (Kind.GONE, link),
    ]


def test_a_second_process_of_an_identity_waits() -> None:
    rooms = Rooms(BUDGET)
    first = arrived(rooms, "A")
    with pytest.raises(Refused) as refused:
        rooms.join(member("A", instance=1))
    assert refused.value.refusal is Refusal.BUSY
    rooms.leave(first, final=False)
    rooms.join(member("A", instance=1))


def test_no_more_is_promised_than_there_is_memory_for() -> None:
    rooms = Rooms(budget=2 * WINDOW)
    arrived(rooms, "A")
    b = arrived(rooms, "B")
    with pytest.raises(Refused) as refused:
        arrived(rooms, "C")
    assert refused.value.refusal is Refusal.FULL
    rooms.leave(b, final=False)
    arrived(rooms, "C")


def test_coming_and_going_makes_nobody_hold_more() -> None:
    """One that fills its window and leaves, again and again, to another that does not read."""
    rooms = Rooms(BUDGET)
    b = arrived(rooms, "B")
    told(b)
    for _ in range(1000):
        a = arrived(rooms, "A")
        fill(rooms, a, b)
        rooms.leave(a, final=False)
    assert len(rooms._ending) <= 1
    assert told(b) == []  # it has not even heard that A was here
    for _ in range(20):
        a = arrived(rooms, "A")
        assert b.next() is not None  # now it has, each time
        fill(rooms, a, b)
        rooms.leave(a, final=False)
    held = [route for route in rooms._ending if route.frames]
    assert len(held) == 1
    rooms.leave(b, final=False)
    assert not [route for route in rooms._ending if route.frames]
