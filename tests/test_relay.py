"""The channel by way of a relay: all that every channel does, and how its lines come and go."""

import multiprocessing
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Unpack

import pytest

from mpcgen.errors import BadMessage, ConfigError, PartyLost, PartyTimeout, TransportError
from mpcgen.net.channel import AbortReason, Channel, ChannelOptions
from mpcgen.net.relay.channel import Relay, RelayChannel
from tests.connect_proxy import ConnectProxy
from tests.net_conformance import NAMES, PATIENCE, ChannelConformance, everybody, meet, play, to_all
from tests.ports import LOOPBACK, free_ports
from tests.relays import IDENTITIES, RunningHub, joined, public, running_hub


class TestRelay(ChannelConformance):
    hub: RunningHub
    sessions = 0

    @classmethod
    def setup_class(cls) -> None:
        cls.hub = RunningHub()

    @classmethod
    def teardown_class(cls) -> None:
        cls.hub.stop()

    def session(
        self, names: tuple[str, ...] = NAMES, **options: Unpack[ChannelOptions]
    ) -> dict[str, Channel]:
        TestRelay.sessions += 1
        study = b"%d" % TestRelay.sessions
        address = self.hub.address
        return {name: joined(name, names, address, study=study, **options) for name in names}

    def test_it_says_that_it_is_a_real_transport(self) -> None:
        assert RelayChannel.real


# -- coming together


def test_who_is_not_there_is_named_with_where_it_is_missing() -> None:
    (port,) = free_ports(1)
    with joined("A", "AB", f"{LOOPBACK}:{port}", connect_timeout=0.5) as a:
        with pytest.raises(PartyTimeout) as caught:
            a.connect()
        assert str(caught.value).startswith(
            f"B did not come in 0.5 s: the relay at {LOOPBACK}:{port} cannot be used: nobody "
        )
    with running_hub() as hub, joined("A", "AB", hub.address, connect_timeout=0.5) as a:
        with pytest.raises(PartyTimeout) as caught:
            a.connect()
        assert str(caught.value) == (
            f"B did not come in 0.5 s: it has not come to the relay at {hub.address}"
        )


def test_parties_of_other_plans_do_not_meet() -> None:
    with running_hub() as hub:
        channels: dict[str, Channel] = {
            "A": joined("A", "AB", hub.address, study=b"one", connect_timeout=0.5),
            "B": joined("B", "AB", hub.address, study=b"another", connect_timeout=0.5),
        }
        outcome = play(channels, meet)
    assert all(isinstance(error, PartyTimeout) for error in outcome.values())


def test_a_party_that_starts_again_while_others_wait_is_welcome() -> None:
    with running_hub() as hub:
        gone = threading.Event()

        def first_b() -> None:
            with joined("B", NAMES, hub.address) as b:
                b._line.start()
                hub.await_lines("joined", 2)
            hub.await_lines("left", 1)
            gone.set()

        def later(channel: Channel) -> dict[str, bytes]:
            if channel.me != "A":
                gone.wait(PATIENCE)
            return to_all(channel, "together", "1")

        starter = threading.Thread(target=first_b)
        starter.start()
        everybody(play({n: joined(n, NAMES, hub.address) for n in NAMES}, later))
        starter.join()


def test_another_relay_than_the_plan_names_is_refused() -> None:
    with running_hub() as hub, joined("A", "AB", hub.address, relay="stranger") as a:
        with pytest.raises(BadMessage) as caught:
            a.connect()
        assert str(caught.value).startswith(
            f"who listens at {hub.address} is not the relay that the plan names"
        )


def test_something_else_than_a_relay_is_told() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        address = f"{LOOPBACK}:{server.getsockname()[1]}"

        def answer() -> None:
            connection, _ = server.accept()
            connection.sendall(bytes(1000))
            connection.recv(1 << 10)
            server.close()
            connection.close()

        other = threading.Thread(target=answer)
        other.start()
        with (
            joined("A", "AB", address, connect_timeout=1.0) as a,
            pytest.raises(PartyTimeout, match=f"the relay at {address} cannot be used"),
        ):
            a.connect()
        other.join()


def test_a_party_that_the_relay_does_not_know_is_told_what_to_do() -> None:
    with running_hub(allowed={public("B")}) as hub, joined("A", "AB", hub.address) as a:
        with pytest.raises(TransportError) as caught:
            a.connect()
        assert str(caught.value) == (
            f"the relay at {hub.address} does not admit this party: give its operator the identity "
            f"{public('A').hex()}"
        )


def test_a_second_process_of_an_institution_does_not_disturb() -> None:
    with running_hub() as hub:
        met = threading.Barrier(2)

        def part(channel: Channel) -> None:
            meet(channel)
            met.wait(PATIENCE)
            if channel.me == "A":
                with (
                    joined("B", "AB", hub.address, connect_timeout=0.5) as twin,
                    pytest.raises(PartyTimeout, match="has another process of this identity"),
                ):
                    twin.connect()
            to_all(channel, "afterwards", "!")

        everybody(play({name: joined(name, "AB", hub.address) for name in "AB"}, part))


def test_an_identity_belongs_to_one_party() -> None:
    relay = Relay(f"{LOOPBACK}:1", public("relay"))
    with pytest.raises(ConfigError, match="A and B have the same identity"):
        RelayChannel("A", relay, IDENTITIES["A"], {"B": public("A")}, b"")


def test_no_secret_stands_in_a_channel() -> None:
    with running_hub() as hub, joined("A", "AB", hub.address) as a:
        secret = IDENTITIES["A"].private_bytes_raw()
        shown = f"{vars(a)!r} {vars(a._line)!r} {[vars(p) for p in a._line._pairs.values()]!r}"
        assert secret.hex() not in shown
        assert repr(secret) not in shown


# -- lines that end


def rounds(channel: Channel, number: int, size: int, before: Callable[[int], object]) -> list[int]:
    """Rounds of all to all; the sizes that came, where all was right."""
    meet(channel)
    sizes = []
    for i in range(number):
        if channel.me == "A":
            before(i)
        payload = bytes([i]) * size
        got = channel.exchange(
            f"round {i}", dict.fromkeys(channel.peers, payload), dict.fromkeys(channel.peers, size)
        )
        assert set(got.values()) == {payload}
        sizes.append(len(got))
    return sizes


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_a_session_goes_on_where_its_lines_are_cut(size: int) -> None:
    with running_hub() as hub, ConnectProxy() as proxy:
        channels: dict[str, Channel] = {
            name: joined(name, NAMES, hub.address, proxy=proxy.address, absence=PATIENCE)
            for name in NAMES
        }
        outcome = play(channels, lambda c: rounds(c, 12, size, lambda i: i % 3 or proxy.cut()))
        assert everybody(outcome) == dict.fromkeys(NAMES, [2] * 12)
        assert proxy.requests > len(NAMES) * 4


def test_a_session_goes_on_where_its_lines_are_cut_in_the_middle_of_frames() -> None:
    with running_hub() as hub, ConnectProxy() as proxy:
        proxy.cut_every = 1_000_003
        channels: dict[str, Channel] = {
            name: joined(name, NAMES, hub.address, proxy=proxy.address, absence=PATIENCE)
            for name in NAMES
        }
        outcome = play(channels, lambda c: rounds(c, 5, 150_000, lambda _: None))
        assert everybody(outcome) == dict.fromkeys(NAMES, [2] * 5)
        assert proxy.requests > len(NAMES) * 4


def test_a_line_that_falls_silent_is_dialled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half open: nothing comes through, and nobody says that it has ended."""
    for module in ("hub", "service"):
        monkeypatch.setattr(f"mpcgen.net.relay.{module}.KEEP_SECONDS", 0.2)
        monkeypatch.setattr(f"mpcgen.net.relay.{module}.SILENCE_SECONDS", 2.0)
    with running_hub() as hub, ConnectProxy() as proxy:
        channels: dict[str, Channel] = {
            name: joined(name, NAMES, hub.address, proxy=proxy.address, absence=PATIENCE)
            for name in NAMES
        }
        outcome = play(channels, lambda c: rounds(c, 5, 1000, lambda i: i == 2 and proxy.swallow()))
        assert everybody(outcome) == dict.fromkeys(NAMES, [2] * 5)
        assert proxy.requests >= 2 * len(NAMES)


def test_a_session_goes_on_where_its_relay_is_started_again() -> None:
    with ExitStack() as running:
        hub = running.enter_context(running_hub())

        def again(i: int) -> None:
            if i == 5:
                hub.stop()
                running.enter_context(running_hub(port=hub.port))

        channels: dict[str, Channel] = {
            name: joined(name, NAMES, hub.address, absence=PATIENCE) for name in NAMES
        }
        outcome = play(channels, lambda c: rounds(c, 10, 100_000, again))
        assert everybody(outcome) == dict.fromkeys(NAMES, [2] * 10)


def test_without_patience_a_line_that_ends_ends_the_session() -> None:
    with running_hub() as hub, ConnectProxy() as proxy:
        channels: dict[str, Channel] = {
            name: joined(name, "AB", hub.address, proxy=proxy.address) for name in "AB"
        }
        outcome = play(channels, lambda c: rounds(c, 3, 10, lambda i: i == 1 and proxy.cut()))
    assert all(isinstance(error, PartyLost) for error in outcome.values())


def test_through_a_proxy_nothing_of_it_is_seen_on_the_way() -> None:
    secret = "nobody's business"
    with running_hub() as hub, ConnectProxy() as proxy:

        def part(channel: Channel) -> None:
            meet(channel)
            for i in range(10):
                to_all(channel, f"round {i}", secret)

        channels: dict[str, Channel] = {
            name: joined(name, NAMES, hub.address, proxy=proxy.address) for name in NAMES
        }
        everybody(play(channels, part))
        assert proxy.requests == 3
        assert len(proxy.seen) > 10 * 6 * len(secret)
        for known in (secret.encode(), b"round 1", *(public(name) for name in IDENTITIES)):
            assert known not in proxy.seen


def doomed(address: str) -> None:
    """Party C in a process of its own: takes part in one round, then answers nobody."""
    with joined("C", NAMES, address) as channel:
        meet(channel)
        channel.exchange("never", {}, {"A": None})


def test_a_killed_process_is_missed_by_everybody() -> None:
    with running_hub() as hub:
        spawn = multiprocessing.get_context("spawn")
        process = spawn.Process(target=doomed, args=(hub.address,))
        process.start()
        met = threading.Barrier(2)

        def part(channel: Channel) -> None:
            meet(channel)
            met.wait(PATIENCE)
            if channel.me == "A":
                process.kill()
            peer = "B" if channel.me == "A" else "C"
            try:
                channel.exchange("counts/0", {}, {peer: 8})
            except TransportError as error:
                channel.abort(AbortReason.of(error))
                raise

        outcome = play({name: joined(name, NAMES, hub.address) for name in "AB"}, part)
        process.join()
    for name in "AB":
        assert isinstance(outcome[name], PartyLost)
        assert str(outcome[name]).startswith(f"C was lost in the middle of the session; {name}")


def test_nothing_starts_before_a_channel_is_used() -> None:
    before = threading.active_count()
    with running_hub() as hub, joined("A", "AB", hub.address):
        assert threading.active_count() == before + 1  # the hub's
