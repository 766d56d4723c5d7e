"""Nothing is lost and nothing comes twice, wherever a connection ends."""

from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgen.errors import BadMessage
from mpcgen.net import link
from mpcgen.net.dialogue import Dialogue
from mpcgen.net.link import Outgoing
from mpcgen.net.message import Header, Kind

TOKENS = {"A": b"a" * 16, "B": b"b" * 16}


class Line:
    """One direction between two dialogues: what is on its way, and is lost with the connection."""

    def __init__(self) -> None:
        self.frames: list[tuple[bytes, bytes]] = []

    def put(self, _peer: str, header: bytes, part: memoryview) -> bool:
        self.frames.append((header, bytes(part)))
        return True


class Two:
    """A and B, each with the other, over lines that can be cut anywhere."""

    OTHER: ClassVar = {"A": "B", "B": "A"}

    def __init__(self) -> None:
        self.lines = {name: Line() for name in "AB"}
        self.talks = {
            name: Dialogue(name, self.OTHER[name], TOKENS[name], self.lines[name].put, keep=True)
            for name in "AB"
        }
        for name in "AB":
            self.dial(name)

    def dial(self, name: str) -> None:
        """What was on its way from this one is lost, and it has another connection."""
        self.lines[name].frames.clear()
        self.talks[name].greet(in_session=True)

    def arrive(self, name: str) -> bool:
        """The next frame of this one reaches the other, where there is one."""
        frames = self.lines[name].frames
        if not frames:
            return False
        header, part = frames.pop(0)
        self.talks[self.OTHER[name]].hear(Header.split(name, header)[0], part, "here")
        return True

    def settle(self) -> None:
        while any([self.arrive("A"), self.arrive("B")]):
            pass

    def send(self, name: str, payload: bytes) -> None:
        self.talks[name].send(b"s" * 16, "x", payload)

    def came_to(self, name: str) -> list[bytes]:
        return [payload for _, payload in self.talks[name].come.early]


STEPS = st.lists(
    st.tuples(st.sampled_from(["send", "arrive", "cut"]), st.sampled_from("AB"), st.integers(0, 5)),
    max_size=60,
)


@given(STEPS)
@settings(deadline=None, max_examples=300)
def test_whatever_is_cut_all_arrives_once_and_in_order(steps: list[tuple[str, str, int]]) -> None:
    two, sent = Two(), {"A": list[bytes](), "B": list[bytes]()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mpcgen.net.link.SEGMENT", 4)  # messages of up to three frames
        patch.setattr("mpcgen.net.message.SEGMENT", 4)
        for what, name, size in steps:
            if what == "send":
                payload = bytes([len(sent[name])]) * (2 * size)
                sent[name].append(payload)
                two.send(name, payload)
            elif what == "arrive":
                two.arrive(name)
            else:
                two.dial(name)
        two.settle()
    assert two.came_to("A") == sent["B"]
    assert two.came_to("B") == sent["A"]


def test_what_is_acknowledged_is_kept_no_more() -> None:
    two = Two()
    for _ in range(link.ACK_MESSAGES):
        two.send("A", b"x")
    assert two.talks["A"].out.pending
    two.settle()
    assert not two.talks["A"].out.pending


def test_an_answer_acknowledges_what_came_before() -> None:
    two = Two()
    two.send("A", b"question")
    two.settle()
    assert two.talks["A"].out.pending
    two.send("B", b"answer")
    two.settle()
    assert not two.talks["A"].out.pending


def test_what_is_kept_is_bounded_and_one_message_always_goes() -> None:
    out = Outgoing(keep=True)
    large = link.MAX_HELD // 2
    assert out.has_room(10 * link.MAX_HELD)
    out.add(Kind.MESSAGE, b"", "", bytes(large - 1000))
    assert out.has_room(large)
    out.add(Kind.MESSAGE, b"", "", bytes(large))
    assert not out.has_room(1000)
    out.acknowledge(1)
    assert out.has_room(1000)


def test_so_are_the_messages_that_are_kept() -> None:
    out = Outgoing(keep=True)
    for _ in range(link.MAX_HELD_MESSAGES):
        assert out.has_room(0)
        out.add(Kind.MESSAGE, b"", "", b"")
    assert not out.has_room(0)


def resumed(connection: int, due: int, start: int) -> Header:
    return Header(Kind.RESUME, counter=connection, due=due, start=start)


@pytest.mark.parametrize(
    "header",
    [
        resumed(2, 1, 0),  # acknowledged before, and kept no more
        resumed(2, 2, 3),  # beyond the message's end
        resumed(2, 3, 1),  # of a message that nobody sent
        resumed(2, 9, 0),
    ],
)
def test_a_peer_that_asks_for_what_cannot_be_is_refused(header: Header) -> None:
    two = Two()
    for payload in (b"one", b"two", b"six"):
        two.send("A", payload)
    talk = two.talks["A"]
    talk.hear(Header(Kind.ACK, due=2), b"", "here")
    two.dial("A")
    with pytest.raises(BadMessage, match=r"^B (asked for message|acknowledged)"):
        talk.hear(header, b"", "here")


def test_an_answer_for_a_connection_that_ended_since_means_nothing() -> None:
    two = Two()
    two.send("A", b"one")
    two.dial("A")
    two.dial("A")
    assert two.talks["A"].out.connection == 3
    two.talks["A"].hear(resumed(2, 0, 0), b"", "here")
    assert not two.talks["A"].out.flows
    two.settle()
    assert two.came_to("B") == [b"one"]


def test_what_is_said_to_an_earlier_run_is_not_for_this_one() -> None:
    """A has heard one message of a B that crashed; the next B has sent nothing yet."""
    two = Two()
    two.send("B", b"one")
    two.settle()
    after = Dialogue("B", "A", b"B" * 16, two.lines["B"].put, keep=True)
    two.dial("A")
    two.talks["B"] = after
    two.settle()
    assert not after.out.pending
    two.talks["A"].begin_anew()
    two.dial("B")
    two.settle()
    two.dial("A")  # as a channel does where another run has come
    two.send("A", b"welcome")
    two.send("B", b"again")
    two.settle()
    assert two.came_to("A") == [b"again"]
    assert two.came_to("B") == [b"welcome"]
