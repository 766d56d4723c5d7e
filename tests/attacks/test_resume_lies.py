"""A party that lies, when parties go on, about how far it has come.

With `replicated4` one of four may do as it likes. Here A, who knows the first p openings, learns
the next one from B alone, breaks the session off before anybody else has it, gives other data, and
says that it knows one opening less than it does.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpcgen import codec
from mpcgen.errors import PartyLost, Refused
from mpcgen.net.channel import AbortReason, Channel
from mpcgen.net.memory import MemoryNetwork
from mpcgen.parties.checkpoint import Checkpoint
from mpcgen.parties.journal import Journal
from mpcgen.parties.openings import Openings
from mpcgen.parties.party import ignore, take_part
from mpcgen.parties.records import Records
from mpcgen.parties.standing import Agreed, Standing, agree
from mpcgen.protocols.replicated4 import Replicated4
from mpcgen.secret import parts_of, split
from mpcgen.study.institution import read_config
from mpcgen.study.load import load_study
from tests import small
from tests.outcomes import everybody
from tests.studies import Rules
from tests.test_checkpoint import KEY, run, secrets, taken_up

FOUR = ("A", "B", "C", "D")
CHEATER = "A"
KNOWN = 1  # openings that A knows when it begins to cheat: the group sizes
SESSIONS = 4
PASSING = '\n[[entries]]\nstatistic = "association"\nrelease = "passing"\np = 0.6\n'


class Cheat:
    """What A does, in the thread of its name; nobody else is changed."""

    def __init__(self, patch: pytest.MonkeyPatch):
        self.seen: list[bytes] = []  # the opening after those that it knows, as A learnt it
        show, put_in = Replicated4._show, Replicated4._input
        standing, given = Checkpoint.standing, Openings.given
        self.session = 0

        def lying(party: Checkpoint) -> Standing:
            true: Standing = standing.fget(party)  # type: ignore[attr-defined]
            if not self._is_mine() or true.opened < KNOWN:
                return true
            return replace(
                true, opened=true.opened - 1, prepared=true.last, last=0, sending=False, stages=0
            )

        def other_data(box: Replicated4, label: str, ring: Any, shape: Any, values: Any) -> Any:
            if self._is_mine() and shape[0] > 1:
                values = np.roll(values, self.session, axis=values.ndim - len(shape))
            return put_in(box, label, ring, shape, values)

        def same_words(openings: Openings, label: str, values: bytes) -> None:
            if self._is_mine() and label in openings._given:
                openings._here.append(openings._given[label])
            else:
                given(openings, label, values)

        def learn(box: Replicated4, label: str, values: Any, to: Any) -> Any:
            keeper = box.keeper
            if not self._is_mine() or keeper._at != KNOWN:  # type: ignore[union-attr]
                return show(box, label, values, to)
            others = [name for name in FOUR if name != CHEATER]
            box._exchange(f"{label} agreed", {"B": b""}, dict.fromkeys(others, 0))
            length = sum(x.nbytes for x in values)
            (came,) = box._exchange(label, {}, {"B": length}).values()
            opened = [
                x.ring.to_bytes(sum_of(x.ring, (*x._parts, part)))
                for x, part in zip(values, split(came, values), strict=True)
            ]
            self.seen.append(b"".join(opened))
            box._channel.abort(AbortReason.STOPPED)  # type: ignore[attr-defined]
            raise PartyLost("A has seen enough")

        patch.setattr(Checkpoint, "standing", property(lying))
        patch.setattr(Replicated4, "_input", other_data)
        patch.setattr(Replicated4, "_show", learn)
        patch.setattr(Openings, "given", same_words)

    @staticmethod
    def _is_mine() -> bool:
        return threading.current_thread().name == CHEATER


def sum_of(ring: Any, parts: Any) -> Any:
    total, *others = parts
    for part in others:
        total = ring.add(total, part)
    return total


@contextmanager
def sessions() -> Iterator[Any]:
    """The n-th time that a party connects it meets who connects the n-th time."""
    networks: dict[int, MemoryNetwork] = defaultdict(lambda: MemoryNetwork(FOUR))
    times, lock = Counter[str](), threading.Lock()

    def connect(name: str) -> Any:
        with lock:
            times[name] += 1
            if times[name] > SESSIONS:
                raise Refused("enough for a test")
            return networks[times[name]].channel(name, timeout=20.0)

    yield connect


def test_nobody_learns_an_opening_again_with_other_data_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study(small.lay_out(tmp_path, PASSING, Rules("replicated4", FOUR), FOUR))
    cheat = Cheat(monkeypatch)
    ended: dict[str, object] = {}

    def part(name: str, connect: Any) -> None:
        config = read_config(study.plan.path.with_name(f"{name}.toml"))

        def again() -> Any:
            if name == CHEATER:
                cheat.session += 1
            return connect(name)

        try:
            with Journal(tmp_path / f"{name}.journal", KEY, b"a plan") as journal:
                ended[name] = take_part(study, config, again, ignore, journal=journal)
        except BaseException as error:
            ended[name] = error

    with sessions() as connect:
        threads = [threading.Thread(target=part, args=(n, connect), name=n) for n in FOUR]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(cheat.seen) == 1, f"A learnt one opening {len(cheat.seen)} times: {cheat.seen}"
    refusals = [ended[name] for name in FOUR if name != CHEATER]
    assert all(isinstance(error, Refused) for error in refusals), refusals


KNOWS = Standing(epoch=4, inputs=b"", opened=6, last=4, prepared=0, sending=False, stages=3)
SENT = replace(KNOWS, prepared=4, sending=True)  # it may have sent its shares of the seventh
BEHIND = replace(KNOWS, opened=5, last=2, prepared=4, stages=2)  # it says that it lacks the sixth


def test_whoever_may_have_sent_goes_on_with_none_that_lacks_what_came_before() -> None:
    """All were ready for the seventh, and so knew the sixth: who lacks it has an older journal."""
    with pytest.raises(Refused, match="B"):
        agree({"A": SENT, "B": BEHIND, "C": SENT}, "", keeps_shares=True)
    # One that is only ready for the seventh has sent nothing of it.
    ready = replace(SENT, sending=False)
    agreed = agree({"A": ready, "B": BEHIND, "C": KNOWS}, "", keeps_shares=True)
    assert agreed == Agreed(5, 5, True, 2)


def test_shares_that_may_be_out_are_never_made_afresh(tmp_path: Path) -> None:
    """Whatever the parties agree on, a party has the last word on its own shares."""
    with Journal(tmp_path / "journal", KEY, b"a plan") as journal:
        first = taken_up(journal, Agreed(1, 0, False, 0))
        for value in (1, 2):
            first.prepare(secrets(value))
            first.all_ready({})
            if value == 1:
                first.opened(parts_of(secrets(value)))
        again = taken_up(journal, Agreed(2, 0, True, 0))
        again.prepare(secrets(1))
        again.all_ready({})
        again.opened(parts_of(secrets(1)))
        kinds = [record.kind for record in Records(journal)]
        with pytest.raises(Refused):
            again.prepare(secrets(3))
        assert [record.kind for record in Records(journal)] == kinds


def test_who_says_that_it_keeps_no_journal_has_nothing_opened(tmp_path: Path) -> None:
    """Otherwise nobody would keep one, and it could try its data as often as it likes."""
    study = load_study(small.lay_out(tmp_path, PASSING, Rules("replicated4", FOUR), FOUR))
    ended = run(study, tmp_path, without=(CHEATER,))
    assert all(isinstance(error, Refused) for error in ended.values()), ended
    everybody(run(study, tmp_path))


def test_who_greets_others_in_other_words_leaves_no_trace_with_them(tmp_path: Path) -> None:
    """Otherwise honest parties stand in different epochs, and refuse each other ever after."""
    study = load_study(small.lay_out(tmp_path, PASSING, Rules("replicated4", FOUR), FOUR))

    def greets_in_two_ways(channel: Channel) -> None:
        honest = channel._send

        def send(peer: str, label: str, payload: Any) -> None:
            if (label, peer) == ("hello", "B"):
                greeting: Any = codec.decode(payload)
                greeting["state"]["epoch"] = 7
                payload = codec.encode(greeting)
            honest(peer, label, payload)

        if channel.me == CHEATER:
            channel._send = send  # type: ignore[method-assign]

    first = run(study, tmp_path, wrap=greets_in_two_ways)
    assert all(isinstance(error, BaseException) for error in first.values()), first
    everybody(run(study, tmp_path))
