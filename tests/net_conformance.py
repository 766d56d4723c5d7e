"""What every transport must do; a transport subclasses ChannelConformance and runs it whole."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Unpack

import numpy as np
import pytest

from mpcgen.errors import Abort, BadMessage, PartyLost, PartyTimeout
from mpcgen.net.channel import (
    MAX_EARLY,
    MAX_GREETING,
    AbortReason,
    Channel,
    ChannelOptions,
    Traffic,
)
from mpcgen.net.message import HEADER, MAX_LABEL, Arrival

NAMES = ("A", "B", "C")
PATIENCE = 30.0
Part = Callable[[Channel], Any]


def play(channels: Mapping[str, Channel], parts: Part | Mapping[str, Part]) -> dict[str, Any]:
    """Run each party's part, or the one of all, in a thread of its own: name -> result or error.

    A channel is closed where its part ends, as a party does.
    """
    if callable(parts):
        parts = dict.fromkeys(channels, parts)
    outcome: dict[str, Any] = {}

    def run(name: str) -> None:
        with channels[name] as channel:
            try:
                outcome[name] = parts[name](channel)
            except BaseException as error:
                outcome[name] = error

    threads = [threading.Thread(target=run, args=(name,)) for name in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcome


def everybody(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """The results, where nobody raised."""
    for result in outcome.values():
        if isinstance(result, BaseException):
            raise result
    return dict(outcome)


def to_all(channel: Channel, label: str, text: str) -> dict[str, bytes]:
    """A round in which everybody sends to everybody."""
    payload = f"{channel.me}: {text}".encode()
    everyone = channel.peers
    return channel.exchange(label, dict.fromkeys(everyone, payload), dict.fromkeys(everyone))


def meet(channel: Channel) -> None:
    """A first round, so that what follows starts from an established session."""
    channel.bind_session(b"m" * 16)
    to_all(channel, "meet", "here")


class ChannelConformance(ABC):
    """The tests; `session` gives the channels of all parties, unused and ready."""

    @abstractmethod
    def session(
        self, names: tuple[str, ...] = NAMES, **options: Unpack[ChannelOptions]
    ) -> dict[str, Channel]: ...

    def channels(self, *names: str, **options: Unpack[ChannelOptions]) -> dict[str, Channel]:
        options.setdefault("timeout", PATIENCE)
        options.setdefault("connect_timeout", PATIENCE)
        return self.session(names or NAMES, **options)

    def test_every_round_brings_what_each_peer_sent_in_it(self) -> None:
        def part(channel: Channel) -> list[dict[str, bytes]]:
            return [to_all(channel, f"step/{i}", str(i)) for i in range(20)]

        result = everybody(play(self.channels(), part))
        for me in NAMES:
            peers = [n for n in NAMES if n != me]
            expected = [{p: f"{p}: {i}".encode() for p in peers} for i in range(20)]
            assert result[me] == expected

    def test_the_log_has_order_counters_and_sizes(self) -> None:
        views: dict[str, list[tuple[object, ...]]] = {"A": [], "B": []}
        channels = self.channels("A", "B")
        for name, channel in channels.items():
            channel.on_message = lambda *entry, view=views[name]: view.append(entry)

        def a(channel: Channel) -> None:
            channel.exchange("one", {"B": b"12"}, {"B": 3})
            channel.exchange("two", {"B": b""}, {})

        def b(channel: Channel) -> None:
            channel.exchange("one", {"A": b"345"}, {"A": 2})
            channel.exchange("two", {}, {"A": 0})

        everybody(play(channels, {"A": a, "B": b}))
        assert views["A"] == [
            ("sent", "B", "one", 0, 2),
            ("received", "B", "one", 0, 3),
            ("sent", "B", "two", 1, 0),
        ]
        assert views["B"] == [
            ("sent", "A", "one", 0, 3),
            ("received", "A", "one", 0, 2),
            ("received", "A", "two", 1, 0),
        ]

    def test_traffic_is_counted_for_each_peer(self) -> None:
        after, before = {"A": "B", "B": "C", "C": "A"}, {"A": "C", "B": "A", "C": "B"}

        def part(channel: Channel) -> tuple[dict[str, Traffic], int]:
            right, left = after[channel.me], before[channel.me]
            channel.exchange("x", {right: b"12345", left: b""}, {right: 0, left: 5})
            channel.exchange("lmno", {right: b"123"}, {left: 3})
            return channel.sent, channel.rounds

        for name, (sent, rounds) in everybody(play(self.channels(), part)).items():
            assert sent[after[name]] == Traffic(2, 8, 2 * HEADER.size + len("x") + len("lmno"))
            assert sent[before[name]] == Traffic(1, 0, HEADER.size + len("x"))
            assert rounds == 2

    def test_a_party_out_of_step_is_found_by_its_label(self) -> None:
        outcome = play(
            self.channels("A", "B"),
            {
                "A": lambda c: c.exchange("allelic/open", {}, {"B": None}),
                "B": lambda c: c.exchange("counts/3", {"A": b"x"}, {}),
            },
        )
        assert isinstance(outcome["A"], BadMessage)
        assert str(outcome["A"]) == "B is at 'counts/3', A expected 'allelic/open'"

    def test_a_wrong_length_is_refused(self) -> None:
        outcome = play(
            self.channels("A", "B"),
            {
                "A": lambda c: c.exchange("shares", {}, {"B": 8}),
                "B": lambda c: c.exchange("shares", {"A": b"1234567"}, {}),
            },
        )
        assert isinstance(outcome["A"], BadMessage)
        assert str(outcome["A"]) == "B sent 7 bytes at 'shares', A expected 8"

    def test_early_messages_are_kept_in_order(self) -> None:
        ahead = threading.Event()

        def eager(channel: Channel) -> None:
            meet(channel)
            for i in range(10):
                channel.exchange(f"step/{i}", {"B": bytes([i])}, {})
            channel.exchange("done", {"C": b""}, {})
            ahead.set()

        def late(channel: Channel) -> list[bytes]:
            meet(channel)
            ahead.wait(PATIENCE)
            channel.exchange("c first", {}, {"C": 1})
            return [channel.exchange(f"step/{i}", {}, {"A": 1})["A"] for i in range(10)]

        def third(channel: Channel) -> None:
            meet(channel)
            channel.exchange("done", {}, {"A": 0})
            channel.exchange("c first", {"B": b"!"}, {})

        result = everybody(play(self.channels(), {"A": eager, "B": late, "C": third}))
        assert result["B"] == [bytes([i]) for i in range(10)]

    def test_a_peer_too_far_ahead_is_stopped(self) -> None:
        def eager(channel: Channel) -> None:
            meet(channel)
            for i in range(MAX_EARLY + 1):
                channel.exchange(f"step/{i}", {"A": b""}, {})

        def a(channel: Channel) -> None:
            meet(channel)
            channel.exchange("from c", {}, {"C": 0})

        def c(channel: Channel) -> None:
            meet(channel)
            with pytest.raises(PartyLost, match=r"^A "):
                channel.exchange("never", {}, {"A": 0})

        outcome = play(self.channels(), {"A": a, "B": eager, "C": c})
        assert isinstance(outcome["A"], BadMessage)
        assert str(outcome["A"]).startswith(f"B is {MAX_EARLY} messages ahead")
        assert outcome["C"] is None

    def test_payloads_may_be_empty_or_large(self) -> None:
        large = np.random.default_rng(1).integers(0, 256, 50_000_000, np.uint8).tobytes()
        sizes = [0, 1, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, (1 << 16) + (1 << 20) + 1]

        def a(channel: Channel) -> bool:
            meet(channel)
            for size in sizes:
                channel.exchange(f"size {size}", {"B": large[:size]}, {})
            return channel.exchange("large", {"B": large}, {"B": len(large)})["B"] == large

        def b(channel: Channel) -> list[bool]:
            meet(channel)
            same = [channel.exchange(f"size {n}", {}, {"A": n})["A"] == large[:n] for n in sizes]
            return [*same, channel.exchange("large", {"A": large}, {"A": None})["A"] == large]

        result = everybody(play(self.channels("A", "B"), {"A": a, "B": b}))
        assert result["A"]
        assert all(result["B"])

    def test_a_buffer_may_change_once_it_is_sent(self) -> None:
        size = 3_000_000

        def a(channel: Channel) -> None:
            meet(channel)
            values = np.arange(size, dtype=np.uint32)
            channel.exchange("values", {"B": values.data.cast("B")}, {})
            values[:] = 0
            channel.exchange("read", {}, {"B": 0})

        def b(channel: Channel) -> bytes:
            meet(channel)
            got = channel.exchange("values", {}, {"A": 4 * size})["A"]
            channel.exchange("read", {"A": b""}, {})
            return got

        result = everybody(play(self.channels("A", "B"), {"A": a, "B": b}))
        assert result["B"] == np.arange(size, dtype=np.uint32).tobytes()

    def test_what_is_beyond_the_bound_is_neither_sent_nor_taken(self) -> None:
        channels = self.channels("A", "B", max_payload=100)
        channels["B"].max_payload = 1000
        outcome = play(
            channels,
            {
                "A": lambda c: c.exchange("big", {}, {"B": None}),
                "B": lambda c: c.exchange("big", {"A": bytes(101)}, {"A": 1}),
            },
        )
        assert isinstance(outcome["A"], BadMessage)
        assert "101 bytes at 'big': at most 100" in str(outcome["A"])

    def test_before_a_session_is_bound_messages_are_small(self) -> None:
        least, most = bytes(MAX_GREETING), bytes(MAX_GREETING + 1)

        def part(channel: Channel) -> bytes:
            (peer,) = channel.peers
            came = channel.exchange("hello", {peer: least}, {peer: None})
            with pytest.raises(ValueError, match=f"at most {MAX_GREETING}"):
                channel.exchange("more", {peer: most}, {})
            channel.bind_session(b"s" * 16)
            assert channel.exchange("more", {peer: most}, {peer: None}) == {peer: most}
            return came[peer]

        result = everybody(play(self.channels("A", "B"), part))
        assert result == {"A": least, "B": least}

    def test_messages_are_bound_to_the_session(self) -> None:
        """Also where the peer has bound it already and its message comes early."""
        bound = threading.Event()

        def a(channel: Channel) -> bytes:
            meet(channel)
            channel.exchange("c is ready", {}, {"C": 0})
            channel.bind_session(b"s" * 16)
            return channel.exchange("first", {}, {"B": 1})["B"]

        def b(channel: Channel) -> None:
            meet(channel)
            channel.bind_session(b"s" * 16)
            channel.exchange("first", {"A": b"1"}, {})
            bound.set()

        def c(channel: Channel) -> None:
            meet(channel)
            bound.wait(PATIENCE)
            channel.exchange("c is ready", {"A": b""}, {})

        result = everybody(play(self.channels(), {"A": a, "B": b, "C": c}))
        assert result["A"] == b"1"

    def test_another_session_is_refused(self) -> None:
        def part(channel: Channel) -> None:
            meet(channel)
            channel.bind_session(channel.me.encode() * 16)
            to_all(channel, "first", "1")

        outcome = play(self.channels("A", "B"), part)
        failed = {name: str(e) for name, e in outcome.items() if isinstance(e, BadMessage)}
        texts = {
            "A": "B is in another session than A at 'first'",
            "B": "A is in another session than B at 'first'",
        }
        assert failed == texts

    def test_an_abort_reaches_everybody_whomever_they_wait_for(self) -> None:
        def a(channel: Channel) -> None:
            meet(channel)
            channel.abort(AbortReason.CHECK)
            channel.abort(AbortReason.FAULT)

        def b(channel: Channel) -> None:
            meet(channel)
            channel.exchange("never", {}, {"C": 1})

        def c(channel: Channel) -> None:
            meet(channel)
            channel.exchange("never", {}, {"B": 1})

        def follow(part: Part) -> Part:
            def follower(channel: Channel) -> Any:
                try:
                    return part(channel)
                except Abort as error:
                    channel.abort(AbortReason.of(error))
                    return error

            return follower

        outcome = play(self.channels(), {"A": a, "B": follow(b), "C": follow(c)})
        for name in "BC":
            assert isinstance(outcome[name], Abort)
            assert str(outcome[name]) == "A aborted: a check of what it received failed"

    def test_a_party_that_only_sends_hears_of_an_abort(self) -> None:
        def a(channel: Channel) -> None:
            meet(channel)
            channel.abort(AbortReason.MANIFEST)

        def b(channel: Channel) -> None:
            meet(channel)
            stop = time.monotonic() + PATIENCE
            while time.monotonic() < stop:
                channel.exchange("on and on", {"A": b""}, {})

        outcome = play(self.channels("A", "B"), {"A": a, "B": b})
        assert isinstance(outcome["B"], Abort)
        assert AbortReason.MANIFEST.value in str(outcome["B"])

    def test_a_silent_party_is_named_with_the_label(self) -> None:
        answered = threading.Event()

        def a(channel: Channel) -> None:
            meet(channel)
            channel.timeout = 0.2
            try:
                channel.exchange("allelic/open", {}, {"B": 1, "C": 1})
            finally:
                answered.set()

        def b(channel: Channel) -> None:
            meet(channel)
            channel.exchange("allelic/open", {"A": b"1"}, {})
            answered.wait(PATIENCE)

        def c(channel: Channel) -> None:
            meet(channel)
            answered.wait(PATIENCE)

        outcome = play(self.channels(), {"A": a, "B": b, "C": c})
        assert isinstance(outcome["A"], PartyTimeout)
        assert str(outcome["A"]) == (
            "C did not answer in 0.2 s at 'allelic/open'; where a party only needs longer, "
            "give the plan a larger timeout_seconds"
        )

    def test_whom_another_one_waits_for_is_told(self) -> None:
        """C is silent: B waits for it, and A, which gives up first, for B."""

        def a(channel: Channel) -> None:
            meet(channel)
            channel.timeout = 0.2
            try:
                channel.exchange("product", {}, {"B": 1})
            except PartyTimeout as error:
                channel.abort(AbortReason.of(error))
                raise

        def b(channel: Channel) -> None:
            meet(channel)
            channel.exchange("triples", {}, {"C": 1})

        def c(channel: Channel) -> None:
            meet(channel)
            channel.exchange("nothing", {}, {"A": 1})

        outcome = play(self.channels(), {"A": a, "B": b, "C": c})
        said = "A aborted: another party did not answer it in time"
        assert str(outcome["B"]) == f"{said}\nB was waiting for C at 'triples'"
        assert str(outcome["C"]) == said

    def test_only_silence_is_timed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever comes begins the time-out anew, from whomever it comes."""
        waits: list[float] = []

        def a(channel: Channel) -> None:
            meet(channel)
            honest = channel._take

            def take(wait: float) -> Arrival | None:
                waits.append(wait)
                return honest(wait)

            with monkeypatch.context() as patched:
                patched.setattr(channel, "_take", take)
                channel.exchange("counts", {"B": b"", "C": b""}, {"B": 1, "C": 1})

        def rest(channel: Channel) -> None:
            meet(channel)
            channel.exchange("counts", {}, {"A": 0})
            channel.exchange("counts", {"A": b"1"}, {})

        everybody(play(self.channels(), {"A": a, "B": rest, "C": rest}))
        assert waits == [PATIENCE] * len(waits)
        assert waits

    def test_a_party_that_has_ended_is_missed_only_where_it_is_needed(self) -> None:
        def part(channel: Channel) -> None:
            meet(channel)
            if channel.me == "A":
                return
            other = "C" if channel.me == "B" else "B"
            for i in range(5):
                channel.exchange(f"without a/{i}", {other: b""}, {other: 0})
            channel.exchange("with a", {"A": b""}, {"A": 0, other: 0})

        outcome = play(self.channels(), part)
        assert outcome["A"] is None
        for name in "BC":
            assert isinstance(outcome[name], PartyLost)
            assert "A closed its channel" in str(outcome[name])

    @pytest.mark.parametrize("repeat", range(50))
    def test_last_messages_are_read_after_their_sender_has_ended(self, repeat: int) -> None:
        """The loss of a party that had finished must never be raised."""
        payload = bytes(100_000)
        closed = threading.Event()

        def part(channel: Channel) -> int:
            meet(channel)
            channel.linger = 0.0  # it goes although they have not said that they have it
            if channel.me == "A":
                channel.exchange("last", dict.fromkeys(channel.peers, payload), {})
                channel.close()
                closed.set()
                return 0
            if repeat % 2:
                closed.wait(PATIENCE)
            other = "C" if channel.me == "B" else "B"
            channel.exchange("between", {other: b"1"}, {other: 1})
            return len(channel.exchange("last", {}, {"A": len(payload)})["A"])

        result = everybody(play(self.channels(), part))
        assert result == {"A": 0, "B": len(payload), "C": len(payload)}

    def test_callers_mistakes_are_told(self) -> None:
        def part(channel: Channel) -> None:
            meet(channel)
            with pytest.raises(ValueError, match="no peers of"):
                channel.exchange("x", {"Z": b""}, {})
            with pytest.raises(ValueError, match="no peers of"):
                channel.exchange("x", {}, {channel.me: 1})
            with pytest.raises(ValueError, match="at most 100"):
                channel.exchange("x", {channel.peers[0]: bytes(101)}, {})
            with pytest.raises(ValueError, match="label"):
                channel.exchange("x" * (MAX_LABEL + 1), {channel.peers[0]: b""}, {})
            for session in (b"short", bytes(16)):
                with pytest.raises(ValueError, match="16 bytes"):
                    channel.bind_session(session)
            channel.close()
            with pytest.raises(ValueError, match="closed"):
                channel.exchange("x", {}, {})
            channel.close()
            channel.abort(AbortReason.FAULT)

        everybody(play(self.channels("A", "B", max_payload=100), part))
