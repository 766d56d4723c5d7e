"""Who is there, from what the sockets tell, in any order in which they tell it."""

from mpcgen.net.presence import Presence

KEY, OTHER = b"k" * 32, b"o" * 32


def test_a_pinned_key_is_admitted_once_at_a_time() -> None:
    there = Presence({KEY: "B"})
    assert there.admit(KEY) == (200, "OK", "B")
    there.greet("B", 7)
    assert there.admit(KEY) == (300, "connected already", "")
    assert there.end(7) == "B"
    assert there.admit(KEY) == (200, "OK", "B")


def test_other_keys_and_none_are_refused_and_counted() -> None:
    there = Presence({KEY: "B"})
    for key in (OTHER, b"", b""):
        assert there.admit(key) == (400, "unknown key", "")
    assert there.absence("B", "A", "b:1") == (
        "nobody listens at b:1; connections with unknown keys that were refused here: 3"
    )


def test_a_connection_that_ended_before_its_greeting_was_read_has_ended() -> None:
    there = Presence({KEY: "B"})
    assert there.end(7) is None
    there.greet("B", 7)
    assert there.greeted == there.ended == {"B"}


def test_the_number_of_a_connection_that_ended_may_come_again() -> None:
    there = Presence({KEY: "B"})
    there.greet("B", 7)
    there.end(7)
    there.forget("B")
    there.begin(7)
    assert not there.sends_by("B", 7)
    there.greet("B", 7)
    assert there.sends_by("B", 7)
    assert not there.ended


def test_a_peer_that_greets_again_sends_by_the_new_connection_alone() -> None:
    there = Presence({KEY: "B"})
    there.greet("B", 7)
    there.greet("B", 8)
    assert there.sends_by("B", 8)
    assert not there.sends_by("B", 7)
    assert there.end(7) is None
    assert not there.ended
