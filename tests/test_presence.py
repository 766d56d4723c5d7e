"""Who is there, from what the sockets tell, in any order in which they tell it."""

from mpcgen.net.presence import Presence
from mpcgen.net.refusals import EVERY, Refusals

KEY, OTHER = b"k" * 32, b"o" * 32


def presence(told: list[str] | None = None) -> Presence:
    lines: list[str] = [] if told is None else told
    return Presence({KEY: "B of X"}, Refusals(lines.append))


def test_a_pinned_key_is_admitted_once_at_a_time_and_as_another_user_each_time() -> None:
    told: list[str] = []
    there = presence(told)
    there.begin(7)
    assert there.admit(KEY) == (200, "OK", "1 B of X")
    assert Presence.name_of("1 B of X") == "B of X"
    there.greet("1 B of X", 7)
    assert there.admit(KEY) == (300, "connected already", "")
    assert told == ["refused a second connection with the key of B of X"]
    assert there.end(7) == "B of X"
    assert there.admit(KEY) == (200, "OK", "2 B of X")


def test_other_keys_and_none_are_refused_and_counted() -> None:
    told: list[str] = []
    there = presence(told)
    for key in (OTHER, b"", b""):
        assert there.admit(key) == (400, "unknown key", "")
    assert there.absence("B of X", "A", "b:1") == (
        "nobody listens at b:1; connections with unknown keys that were refused here: 3"
    )
    assert told == ["refused a connection with an unknown key"]


def test_a_connection_that_ended_before_its_greeting_was_read_does_not_stand() -> None:
    told: list[str] = []
    there = presence(told)
    there.begin(7)
    assert there.end(7) is None
    assert told == ["refused a connection that ended before a greeting"]
    assert there.greet("1 B of X", 7) is None
    assert there.sends_by("1 B of X")
    assert not there.has_greeted("B of X")


def test_what_was_sent_before_an_end_is_still_the_peers() -> None:
    there = presence()
    there.greet("1 B of X", 7)
    there.end(7)
    assert there.sends_by("1 B of X")
    assert not there.is_here("B of X")


def test_the_number_of_a_connection_that_ended_may_come_again() -> None:
    there = presence()
    there.greet("1 B of X", 7)
    there.end(7)
    there.begin(7)
    assert not there.has_greeted("B of X")
    assert there.greet("2 B of X", 7) == "1 B of X"
    assert there.has_greeted("B of X")
    assert not there.sends_by("1 B of X")


def test_a_peer_that_greets_again_sends_by_the_new_connection_alone() -> None:
    there = presence()
    there.greet("1 B of X", 7)
    there.greet("2 B of X", 8)
    assert there.sends_by("2 B of X")
    assert not there.sends_by("1 B of X")
    assert there.end(7) is None
    assert there.has_greeted("B of X")


def test_a_connection_beside_the_one_that_stands_is_somebody_elses() -> None:
    there = presence()
    there.greet("2 B of X", 7)
    assert there.comes_between("3 B of X")
    assert not there.comes_between("1 B of X")  # what was left of an older one
    there.end(7)
    assert not there.comes_between("3 B of X")


def test_a_peer_that_counts_is_there_by_a_connection_that_has_said_nothing_yet() -> None:
    there = presence()
    there.begin(7)
    assert not there.is_here("B of X")  # it may be anybody's
    there.admit(KEY)
    assert there.is_here("B of X")
    there.end(7)
    assert not there.is_here("B of X")


def test_what_is_refused_is_told_once_and_then_counted() -> None:
    told: list[str] = []
    now = 0.0
    refusals = Refusals(told.append, lambda: now)
    for _ in range(1000):
        refusals.note("junk")
    refusals.note("a key")
    assert told == ["refused junk", "refused a key"]
    now = EVERY
    for _ in range(1000):
        refusals.note("junk")
    assert told[2:] == ["refused junk, 1000 times by now"]
