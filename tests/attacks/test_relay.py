"""A relay that does what it likes with what it carries: noticed, and of no use to it."""

from collections.abc import Callable, Iterable

import pytest

from mpcgen.errors import BadMessage, PartyLost, PartyTimeout, TransportError
from mpcgen.net.channel import Channel
from mpcgen.net.handshake import Secrets
from mpcgen.net.relay.channel import RelayChannel
from mpcgen.net.relay.frames import Frame, Head, Kind, Login
from mpcgen.net.relay.guests import Guest
from mpcgen.net.relay.hub import Hub
from mpcgen.net.relay.routes import Member
from tests.net_conformance import NAMES, Part, everybody, play, to_all
from tests.relays import IDENTITIES, joined, public, running_hub

SECRET = b"this is nobody's business"


def body(frame: Frame) -> bytes:
    return b"".join(frame.body)


def with_body(frame: Frame, content: bytes) -> Frame:
    return Frame(frame.head._replace(length=len(content)), (content,))


class Carrier(Hub):
    """A relay that looks at all frames, and of one party's to another passes on what it likes.

    `number` counts the frames of each kind between these.
    """

    seen: list[bytes]
    ends: tuple[bytes, bytes]
    meddle: "Meddle"
    number: dict[Kind, int]

    def _take(self, member: Member, frame: Frame) -> None:
        self.seen.append(body(frame))
        route = member.routes.get(frame.head.link)
        if route is not None and (member.identity, route.target.identity) == self.ends:
            number = self.number.get(frame.head.kind, 0)
            self.number[frame.head.kind] = number + 1
            for other in self.meddle(self, member, frame, number):
                super()._take(member, other)
        else:
            super()._take(member, frame)


Meddle = Callable[[Carrier, Member, Frame, int], list[Frame]]


def carrier(meddle: Meddle, source: str = "B", target: str = "A") -> type[Carrier]:
    ends = public(source), public(target)
    own = {"seen": [], "number": {}, "ends": ends, "meddle": staticmethod(meddle)}
    return type("Meddler", (Carrier,), own)


def only(kind: Kind, at: int, change: Callable[[Frame], list[Frame]]) -> Meddle:
    """Change one frame of a kind, and pass on all others."""

    def meddle(_: Carrier, __: Member, frame: Frame, number: int) -> list[Frame]:
        return change(frame) if (frame.head.kind, number) == (kind, at) else [frame]

    return meddle


def chat(channel: Channel) -> int:
    to_all(channel, "meet", "here")
    channel.bind_session(b"m" * 16)
    for i in range(10):
        to_all(channel, f"round {i}", SECRET.decode())
    return channel.rounds


def outcome_of(channels: dict[str, RelayChannel], part: Part = chat) -> dict[str, object]:
    """What became of each; once one has noticed, those who still wait for it are stopped."""

    def watched(channel: Channel) -> object:
        try:
            return part(channel)
        except BadMessage:
            for other in channels.values():
                other._line._inbox.put(PartyTimeout("stopped by the test"))
            raise

    return play(channels, watched)


def outcome_with(kind: type[Hub], names: Iterable[str] = NAMES) -> dict[str, object]:
    with running_hub(kind=kind) as hub:
        return outcome_of({n: joined(n, tuple(names), hub.address, linger=0.0) for n in names})


def test_what_it_carries_tells_it_nothing() -> None:
    kind = carrier(lambda _, __, frame, ___: [frame])
    everybody(outcome_with(kind))
    everything = b"".join(kind.seen)
    assert len(everything) > 11 * 6 * len(SECRET)
    for known in (SECRET, b"round 1", b"MPG", b"m" * 16, *(public(name) for name in NAMES)):
        assert known not in everything


def flipped(at: int) -> Callable[[Frame], list[Frame]]:
    def flip(frame: Frame) -> list[Frame]:
        content = bytearray(body(frame))
        content[at] ^= 1
        return [with_body(frame, bytes(content))]

    return flip


def recut(frame: Frame) -> list[Frame]:
    return [Frame(frame.head._replace(number=frame.head.number + 1), frame.body)]


@pytest.mark.parametrize(
    "change",
    [
        flipped(0),
        flipped(-1),
        lambda frame: [with_body(frame, body(frame)[:-1])],
        lambda frame: [with_body(frame, body(frame) + b"\0")],
        lambda frame: [with_body(frame, b"")],
        lambda frame: [with_body(frame, bytes(len(body(frame))))],
        lambda frame: [frame, frame],
        lambda frame: [],
        recut,
        lambda frame: [Frame(frame.head._replace(kind=Kind.SHAKE), frame.body)],
    ],
    ids=["first", "last", "short", "long", "empty", "zeros", "twice", "lost", "recut", "shake"],
)
@pytest.mark.parametrize("at", [0, 3])
def test_what_it_alters_repeats_or_drops_is_noticed(
    change: Callable[[Frame], list[Frame]], at: int
) -> None:
    outcome = outcome_with(carrier(only(Kind.DATA, at, change)))
    assert isinstance(outcome["A"], BadMessage), outcome
    assert "B" in str(outcome["A"])
    assert all(isinstance(outcome[name], TransportError) for name in "BC")


def test_what_it_moves_is_noticed() -> None:
    held: list[Frame] = []

    def swap(_: Carrier, __: Member, frame: Frame, number: int) -> list[Frame]:
        if frame.head.kind is Kind.DATA and number == 1:
            held.append(frame)
            return []
        return [frame, *(held.pop() for _ in range(len(held)))]

    def twice(channel: Channel) -> None:
        """B sends two messages before anybody waits, so that there are two to swap."""
        if channel.me == "A":
            channel.exchange("one", {}, {"B": 1})
            channel.exchange("two", {}, {"B": 1})
        else:
            channel.exchange("one", {"A": b"1"}, {})
            channel.exchange("two", {"A": b"2"}, {"A": None})

    with running_hub(kind=carrier(swap)) as hub:
        outcome = outcome_of({n: joined(n, "AB", hub.address, linger=0.0) for n in "AB"}, twice)
    assert isinstance(outcome["A"], BadMessage)
    assert "not what B sent next" in str(outcome["A"])


def test_what_was_for_another_party_is_noticed() -> None:
    """B's to A goes to C too, where the next of B's has the same counter."""

    def divert(hub: Carrier, member: Member, frame: Frame, number: int) -> list[Frame]:
        if (frame.head.kind, number) != (Kind.DATA, 4):
            return [frame]
        (to_c,) = [r for r in member.routes.values() if r.target.identity == public("C")]
        return [frame, Frame(frame.head._replace(link=to_c.link), frame.body)]

    outcome = outcome_with(carrier(divert))
    assert isinstance(outcome["C"], BadMessage)
    assert "not what B sent next" in str(outcome["C"])


def test_what_comes_back_to_its_sender_is_noticed() -> None:
    def reflect(hub: Carrier, member: Member, frame: Frame, number: int) -> list[Frame]:
        if (frame.head.kind, number) != (Kind.DATA, 4):
            return [frame]
        route = member.routes[frame.head.link]
        route.target.routes[frame.head.link].add(frame)
        return [frame]

    outcome = outcome_with(carrier(reflect))
    assert isinstance(outcome["B"], BadMessage)
    assert "not what A sent next" in str(outcome["B"])


@pytest.mark.parametrize(
    "change",
    [flipped(0), flipped(-1), lambda frame: [frame, frame], lambda f: [with_body(f, b"x" * 68)]],
    ids=["first", "last", "twice", "junk"],
)
@pytest.mark.parametrize("ends", ["AB", "BA"])
def test_handshakes_that_it_meddles_with_fail(
    ends: str, change: Callable[[Frame], list[Frame]]
) -> None:
    outcome = outcome_with(carrier(only(Kind.SHAKE, 0, change), *ends))
    refused = [str(e) for e in outcome.values() if isinstance(e, BadMessage)]
    assert refused, outcome
    for words in refused:
        assert " has not shown the identity that the plan pins for " in words
    assert all(isinstance(error, TransportError) for error in outcome.values())


@pytest.mark.parametrize("ends", ["AB", "BA"])
def test_a_recorded_session_that_is_played_again_is_refused(ends: str) -> None:
    recorded: list[Frame] = []

    def record(_: Carrier, __: Member, frame: Frame, ___: int) -> list[Frame]:
        recorded.append(frame)
        return [frame]

    everybody(outcome_with(carrier(record, *ends)))
    again = iter(recorded)

    def replay(_: Carrier, __: Member, frame: Frame, ___: int) -> list[Frame]:
        """What B said the last time, in the place of what it says."""
        old = next(again, None)
        return [] if old is None else [Frame(old.head._replace(link=frame.head.link), old.body)]

    outcome = outcome_with(carrier(replay, *ends))
    refused = [str(e) for e in outcome.values() if isinstance(e, BadMessage)]
    assert refused, outcome
    for words in refused:
        assert " has not shown the identity that the plan pins for " in words


@pytest.mark.parametrize("passed_off", ["A", "B"])
def test_a_stranger_whom_it_passes_off_as_a_party_is_refused(passed_off: str) -> None:
    """One that knows all that the party does, but its key."""

    class Impostor(Hub):
        def _welcome(self, guest: Guest, identity: bytes, login: Login, secrets: Secrets) -> None:
            known = public(passed_off) if identity == public("stranger") else identity
            super()._welcome(guest, known, login, secrets)

    (honest,) = {"A", "B"} - {passed_off}
    with running_hub(kind=Impostor) as hub:
        channels = {name: joined(name, "AB", hub.address, linger=0.0) for name in "AB"}
        line = channels[passed_off]._line
        line._me = line._pairs[honest]._me = IDENTITIES["stranger"]
        outcome = outcome_of(channels)
    assert isinstance(outcome[honest], BadMessage)
    assert f" has not shown the identity that the plan pins for {passed_off}" in str(
        outcome[honest]
    )


def test_messages_that_it_makes_up_are_refused() -> None:
    """Before the peer has shown who it is, and after it has left."""

    def invent(_: Carrier, __: Member, frame: Frame, number: int) -> list[Frame]:
        forged = Frame(Head(Kind.DATA, 64, frame.head.link, number=32), (bytes(64),))
        return [forged, frame] if number == 0 and frame.head.kind is Kind.SHAKE else [frame]

    outcome = outcome_with(carrier(invent))
    assert isinstance(outcome["A"], BadMessage)
    assert "before it has shown its identity" in str(outcome["A"])


def test_a_party_that_it_says_has_left_is_missed_not_taken_for_done() -> None:
    """It can end a study; it cannot make half of one look whole."""

    def cut(hub: Carrier, member: Member, frame: Frame, number: int) -> list[Frame]:
        if frame.head.kind is not Kind.DATA or number < 5:
            return [frame]
        route = member.routes[frame.head.link]
        route.ending = True
        route.target.has(route)
        return []

    outcome = outcome_with(carrier(cut))
    assert isinstance(outcome["A"], PartyLost)
    assert str(outcome["A"]).startswith("B was lost in the middle of the session")
