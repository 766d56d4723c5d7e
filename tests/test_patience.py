"""How long a wait lasts, told by a clock of our own."""

from mpcgen.net.absence import Absences
from mpcgen.net.patience import Patience

TIMEOUT, NIGHT = 300.0, 50_000.0
SAID = 5.0  # seconds between two words of a peer that waits


def words_until_it_ends(patience: Patience) -> float:
    now = 0.0
    while patience.left(now) > 0:
        patience.heed(now)
        now += SAID
    return now


def test_words_hold_a_wait_for_a_night_and_not_for_ever() -> None:
    ended = words_until_it_ends(Patience(TIMEOUT, NIGHT, 0.0))
    assert NIGHT + TIMEOUT <= ended <= NIGHT + 2 * TIMEOUT + SAID


def test_what_was_due_begins_the_time_out_anew() -> None:
    patience = Patience(TIMEOUT, 0.0, 0.0)
    for n in range(10):
        patience.renew(n * 0.9 * TIMEOUT)
    assert patience.left(9 * 0.9 * TIMEOUT) == TIMEOUT


def test_after_a_night_there_is_a_whole_time_out() -> None:
    patience, now = Patience(TIMEOUT, NIGHT, 0.0), 0.9 * TIMEOUT
    patience.count(now)
    while now < NIGHT:
        now += SAID
        patience.heed(now - 1)  # others say that they wait as well
        patience.pause(now)
    assert patience.left(now) == TIMEOUT


def test_short_absences_do_not_begin_it_anew() -> None:
    patience, now = Patience(TIMEOUT, NIGHT, 0.0), 0.0
    while patience.left(now) > 0:
        now += 1.0
        patience.pause(now)
        now += 10.0
        patience.count(now)
    assert now < 1.25 * TIMEOUT


def test_absences_of_one_peer_count_together_until_they_are_forgotten() -> None:
    away = Absences(10.0, lambda _words: None)
    for n in range(3):
        away.begin("B", 100.0 * n)
        assert not away.overdue(100.0 * n + 3.0)
        away.end("B", 100.0 * n + 3.0)
    away.begin("B", 300.0)
    away.begin("C", 300.0)
    assert away.next_end(300.0) == 1.0
    assert away.overdue(301.0) == ["B"]
    assert away.next_end(301.0) == 9.0
    away.forget()
    assert not away.overdue(309.0)
    assert away.overdue(310.0) == ["B", "C"]
