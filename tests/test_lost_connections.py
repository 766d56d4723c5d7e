"""Channels whose connections are cut while both processes live on."""

import hashlib
import random
import threading
import time
from collections.abc import Iterator

import pytest

from mpcgen.bench.proxy import Fault
from mpcgen.errors import Abort, PartyLost, PartyTimeout
from mpcgen.net import absence, link
from mpcgen.net.channel import AbortReason, Channel, ChannelOptions
from tests.meshes import Mesh, cutting, mesh
from tests.net_conformance import NAMES, PATIENCE, everybody, meet, play, to_all

OPTIONS: ChannelOptions = {"timeout": PATIENCE, "connect_timeout": PATIENCE, "absence": PATIENCE}


@pytest.fixture
def abc() -> Iterator[Mesh]:
    with mesh(NAMES) as found:
        yield found


@pytest.fixture
def ab() -> Iterator[Mesh]:
    with mesh(("A", "B")) as found:
        yield found


def body(name: str, number: int) -> bytes:
    """What `name` sends in a round: of any size, and no two alike."""
    size = random.Random(f"{name} {number}").choice([0, 10, 1000, 70_000, 1_500_000])
    seed = hashlib.sha256(f"{name} {number}".encode()).digest()
    return (seed * (size // 32 + 1))[:size]


@pytest.mark.parametrize("seed", range(3))
def test_cuts_at_any_moment_lose_and_repeat_nothing(abc: Mesh, seed: int) -> None:
    rounds = 100

    def part(channel: Channel) -> None:
        meet(channel)
        for i in range(rounds):
            sent = dict.fromkeys(channel.peers, body(channel.me, i))
            came = channel.exchange(f"round {i}", sent, dict.fromkeys(channel.peers))
            assert came == {peer: body(peer, i) for peer in channel.peers}

    channels = abc.channels(**OPTIONS)
    with cutting(list(abc.proxies.values()), random.Random(seed), 0.05) as cuts:
        everybody(play(channels, part))
    assert cuts[0] > 0
    assert all(channel.rounds == rounds + 1 for channel in channels.values())


def test_a_message_goes_on_where_it_broke(ab: Mesh) -> None:
    """A line that never lasts for a whole message carries it all the same."""
    payload = random.Random(1).randbytes(30_000_000)

    def part(channel: Channel) -> bytes:
        meet(channel)
        if channel.me == "A":
            ab.proxies["B"].cut_after(4_000_000)
            channel.exchange("large", {"B": payload}, {"B": 0})
            return b""
        return channel.exchange("large", {"A": b""}, {"A": None})["A"]

    def again() -> None:
        proxy, last = ab.proxies["B"], 0
        while not done.wait(0.01):
            if proxy.passed - last > 4_000_000:
                last = proxy.passed
                proxy.cut_after(4_000_000)

    done = threading.Event()
    cutter = threading.Thread(target=again)
    cutter.start()
    result = everybody(play(ab.channels(**OPTIONS), part))
    done.set()
    cutter.join()
    assert result["B"] == payload
    assert ab.proxies["B"].passed < 2 * len(payload)


def test_the_last_words_are_heard_over_another_connection(ab: Mesh) -> None:
    """Who closes waits until the others have all of it."""

    def part(channel: Channel) -> bytes:
        meet(channel)
        if channel.me == "B":
            return channel.exchange("last", {}, {"A": None})["A"]
        ab.proxies["B"].suffer(Fault.CLOSED)
        ab.proxies["B"].cut()
        threading.Timer(0.3, ab.proxies["B"].suffer, [Fault.NONE]).start()
        channel.exchange("last", {"B": b"farewell"}, {})
        return b""

    assert everybody(play(ab.channels(**OPTIONS), part))["B"] == b"farewell"


def lose(proxy_of: Mesh, *names: str) -> None:
    """Nobody reaches these any more."""
    for name in names:
        proxy_of.proxies[name].suffer(Fault.CLOSED)
        proxy_of.proxies[name].cut()


def test_who_does_not_come_back_is_named_with_the_label_and_the_time(abc: Mesh) -> None:
    def part(channel: Channel) -> None:
        meet(channel)
        to_all(channel, "together", "1")
        if channel.me == "A":
            lose(abc, *NAMES)
        try:
            to_all(channel, "alone", "2")
            to_all(channel, "alone too", "3")
        except PartyLost as error:
            channel.abort(AbortReason.of(error))
            raise

    options: ChannelOptions = {**OPTIONS, "absence": 0.5, "linger": 1.0}
    outcome = play(abc.channels(**options), part)
    for name, error in outcome.items():
        assert isinstance(error, PartyLost), (name, error)
        lost = str(error)[0]
        assert lost in set(NAMES) - {name}
        assert str(error) in {
            f"{lost} was lost in the middle of the session, at {label!r}, and did not come back in "
            f"0.5 s; {name} cannot go on"
            for label in ("together", "alone", "alone too")
        }


def test_an_absence_is_told_now_and_then(ab: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absence, "FIRST_TOLD", 0.1)
    told: list[str] = []
    lost = threading.Event()

    def part(channel: Channel) -> None:
        meet(channel)
        if channel.me == "A":
            lose(ab, "A", "B")
            threading.Timer(1.0, mend).start()
            lost.set()
        lost.wait(PATIENCE)
        to_all(channel, "later", "1")

    def mend() -> None:
        for proxy in ab.proxies.values():
            proxy.suffer(Fault.NONE)

    channels: dict[str, Channel] = {
        "A": ab.channel("A", **(OPTIONS | ChannelOptions(on_notice=told.append))),
        "B": ab.channel("B", **OPTIONS),
    }
    everybody(play(channels, part))
    told = [words for words in told if not words.startswith("refused")]  # B tried, all the time
    assert told[0] == "waiting for B, whose connection was lost 0 s ago, at 'later'"
    assert told[-1].startswith("B is there again after ")
    assert 2 <= len(told) <= 6


def test_a_party_that_counts_is_not_taken_for_one_that_is_away(ab: Mesh) -> None:
    """Its sockets come back by themselves; it says nothing until it has counted."""
    waiting, counted = threading.Event(), threading.Event()

    def a(channel: Channel) -> bytes:
        meet(channel)
        waiting.set()
        return channel.exchange("counts", {}, {"B": 1})["B"]

    def b(channel: Channel) -> None:
        meet(channel)
        waiting.wait(PATIENCE)
        for proxy in ab.proxies.values():
            proxy.cut()
        assert not counted.wait(3.0)
        channel.exchange("counts", {"A": b"1"}, {})

    channels: dict[str, Channel] = {
        "A": ab.channel("A", **(OPTIONS | ChannelOptions(absence=1.5))),
        "B": ab.channel("B", **OPTIONS),
    }
    assert everybody(play(channels, {"A": a, "B": b}))["A"] == b"1"


def test_a_peer_that_was_started_again_has_lost_its_state(ab: Mesh) -> None:
    """It is not waited for: nothing that it holds could be of this session."""
    met = threading.Event()

    def a(channel: Channel) -> None:
        meet(channel)
        met.set()
        try:
            channel.exchange("more", {}, {"B": 1})
        except PartyLost as error:
            channel.abort(AbortReason.of(error))
            raise

    outcome: dict[str, object] = {}
    first: dict[str, Channel] = {"A": ab.channel("A", **OPTIONS)}
    party = threading.Thread(target=lambda: outcome.update(play(first, a)))
    party.start()
    crashing = ab.channel("B", **OPTIONS)
    meet(crashing)
    met.wait(PATIENCE)
    crashing._context.destroy(linger=0)  # as a crash ends it
    with ab.channel("B", **OPTIONS) as restarted, pytest.raises((Abort, PartyLost)) as ended:
        meet(restarted)
    assert str(ended.value).startswith(("A aborted: it lost", "A is in the middle of a session"))
    party.join()
    assert str(outcome["A"]) == (
        "B was started again in the middle of the session, at 'more', and what it held is gone; "
        "A cannot go on"
    )


def test_an_abort_is_told_over_another_connection(ab: Mesh) -> None:
    def part(channel: Channel) -> None:
        meet(channel)
        if channel.me == "B":
            channel.exchange("never", {}, {"A": 1})
        lose(ab, "A", "B")
        threading.Timer(0.5, mend).start()
        while not channel._away:
            channel.exchange("look", {}, {})
            time.sleep(0.01)
        channel.abort(AbortReason.CHECK)

    def mend() -> None:
        for proxy in ab.proxies.values():
            proxy.suffer(Fault.NONE)

    outcome = play(ab.channels(**OPTIONS), part)
    assert str(outcome["B"]) == "A aborted: a check of what it received failed"


# -- a sender that has to wait


def test_a_party_that_takes_nothing_is_named(ab: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "MAX_HELD", 1000)
    ended = threading.Event()

    def a(channel: Channel) -> None:
        meet(channel)
        channel.timeout = 0.5
        try:
            for i in range(10):
                channel.exchange(f"step/{i}", {"B": bytes(400)}, {})
        finally:
            ended.set()

    def b(channel: Channel) -> None:
        meet(channel)
        ended.wait(PATIENCE)

    error = play(ab.channels(**OPTIONS), {"A": a, "B": b})["A"]
    assert isinstance(error, PartyTimeout)
    assert str(error).startswith("B took nothing of what was sent to it in 0.5 s at 'step/")


def test_two_that_send_each_other_more_than_is_kept_both_get_on(
    ab: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither reads before it has sent all; each takes in what comes while it has to wait."""
    monkeypatch.setattr(link, "MAX_HELD", 1 << 20)
    monkeypatch.setattr(link, "ACK_BYTES", 1 << 14)

    def part(channel: Channel) -> int:
        meet(channel)
        (peer,) = channel.peers
        for i in range(40):
            channel.exchange(f"step/{i}", {peer: bytes(900_000)}, {})
        return sum(len(channel.exchange(f"step/{i}", {}, {peer: None})[peer]) for i in range(40))

    result = everybody(play(ab.channels(**OPTIONS), part))
    assert result == {"A": 36_000_000, "B": 36_000_000}


def test_one_way_traffic_is_acknowledged_by_the_way(ab: Mesh) -> None:
    """A party that only sends keeps little, although it is never answered."""

    def part(channel: Channel) -> None:
        meet(channel)
        for i in range(3 * link.MAX_HELD_MESSAGES):
            if channel.me == "A":
                channel.exchange(f"step/{i}", {"B": b"1"}, {})
            else:
                channel.exchange(f"step/{i}", {}, {"A": 1})

    everybody(play(ab.channels(**OPTIONS), part))
