"""The handshake: nothing is shared before all agree, and what peers say is checked."""

import dataclasses
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mpcgen
from mpcgen import codec
from mpcgen.abb import Box
from mpcgen.errors import Abort, ApprovalError, BadMessage, MpcgenError, PartyLost, Refused
from mpcgen.net import keys
from mpcgen.net.channel import MAX_GREETING, Channel, Direction
from mpcgen.net.memory import MemoryNetwork
from mpcgen.net.message import NO_SESSION, Header, Kind
from mpcgen.net.zeromq import Peer, ZmqChannel
from mpcgen.parties import session as handshake
from mpcgen.parties.session import NONCE_BYTES, SESSION_BYTES, Approvals, open_session
from mpcgen.prg import Prg
from mpcgen.study.load import load_study
from mpcgen.study.study import Study
from tests.attacks.cohorts import COHORTS, lay_out
from tests.outcomes import SentBy, everybody, outcomes
from tests.studies import CLEAR

Opened = tuple[bytes, Box]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return load_study(lay_out(tmp_path_factory.mktemp("three") / "study", COHORTS))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study of two, with the clear engine."""
    two = {name: COHORTS[name] for name in ("A", "B")}
    return load_study(lay_out(tmp_path_factory.mktemp("two") / "study", two, rules=CLEAR))


def with_plan(study: Study, **changes: object) -> Study:
    return dataclasses.replace(study, plan=dataclasses.replace(study.plan, **changes))  # type: ignore[arg-type]


def shake_hands(
    of: Callable[[str], Study], names: tuple[str, ...], **options: Any
) -> dict[str, Any]:
    """Every party opens the session of its own study."""
    return outcomes(
        names, lambda channel: open_session(channel, of(channel.me), Prg.fresh()), **options
    )


def test_all_parties_get_the_same_fresh_session(study: Study) -> None:
    sessions = set()
    for _ in range(3):
        opened = everybody(shake_hands(lambda _: study, study.plan.names))
        ids = {session for session, _ in opened.values()}
        assert len(ids) == 1
        sessions |= ids
    assert len(sessions) == 3
    assert all(len(session) == SESSION_BYTES for session in sessions)


def test_one_partys_nonce_makes_the_session_another_one(
    study: Study,
) -> None:
    """Though the other two repeat theirs."""

    def open_with(seed: int) -> bytes:
        def part(channel: Channel) -> Opened:
            fixed = Prg.for_tests_only(seed if channel.me == "C" else ord(channel.me))
            return open_session(channel, study, fixed)

        return everybody(outcomes(study.plan.names, part))["A"][0]

    assert open_with(1) == open_with(1)
    assert open_with(1) != open_with(2)


DIFFERENCES: dict[str, dict[str, Any]] = {
    "the plan's SHA-256": {"sha256": "0" * 64},
    "the site list's SHA-256": {"sites_sha256": "0" * 64},
    "the engine": {"engine": "clear"},
}


class OtherVersionAt:
    """Stands in for the package, where each party runs in the thread of its name."""

    def __init__(self, odd: str):
        self.odd = odd

    @property
    def __version__(self) -> str:
        odd = threading.current_thread().name == self.odd
        return "0.0.0" if odd else mpcgen.__version__


@pytest.mark.parametrize("what", [*DIFFERENCES, "the version of mpcgen"])
@pytest.mark.parametrize("odd", ["A", "C"])
def test_what_differs_is_named_by_everybody_and_nothing_is_shared(
    study: Study, what: str, odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if what not in DIFFERENCES:
        monkeypatch.setattr(handshake, "mpcgen", OtherVersionAt(odd))
    other = with_plan(study, **DIFFERENCES.get(what, {}))
    sent = SentBy()
    ended = shake_hands(lambda me: other if me == odd else study, study.plan.names, log=sent)
    for name, error in ended.items():
        assert isinstance(error, Refused), (name, error)
        said = re.match(rf"{what} differs: {name} has '.*', (.) has '.*'; every", str(error))
        assert said, error
        assert odd in {name, said[1]}
    labels = {label for messages in sent.by.values() for _, label, _ in messages}
    assert labels == {"hello", "heard"}


APPROVED = ("a" * 64, "b" * 64, "c" * 64)


def under(study: Study, approvals: Mapping[str, Approvals]) -> dict[str, Opened | BaseException]:
    """The handshake, where each party has approvals of its own."""

    def part(channel: Channel) -> Opened:
        return open_session(channel, study, Prg.fresh(), approvals[channel.me])

    return outcomes(study.plan.names, part)


@pytest.mark.parametrize(
    ("of_c", "words"),
    [
        (("a" * 64, "d" * 64, "c" * 64), "the approvals of B that . and . have differ; `mpcgen st"),
        (("d" * 64, "b" * 64, "d" * 64), "the approvals of A, C that . and . have differ"),
        (("a" * 64,), "the approvals that . and . have differ"),
        ((), "C rehearses, without approvals; a study runs with them at every"),
    ],
)
def test_other_approvals_are_named(study: Study, of_c: Sequence[str], words: str) -> None:
    ended = under(study, {"A": lambda: APPROVED, "B": lambda: APPROVED, "C": lambda: of_c})
    for name, error in ended.items():
        assert isinstance(error, Refused), (name, error)
        assert re.match(words, str(error)), error


def test_a_session_is_bound_to_its_approvals(pair: Study) -> None:
    def session(approvals: Sequence[str]) -> bytes:
        def part(channel: Channel) -> Opened:
            fixed = Prg.for_tests_only(ord(channel.me))
            return open_session(channel, pair, fixed, lambda: approvals)

        return everybody(outcomes(pair.plan.names, part))["A"][0]

    assert session(APPROVED[:2]) == session(APPROVED[:2])
    assert len({session(()), session(APPROVED[:2]), session(APPROVED[1:])}) == 3


def test_approvals_are_asked_for_again_when_all_have_come(pair: Study) -> None:
    """They may lapse, or be replaced, while the others are waited for."""
    replaced = iter([APPROVED[:2], APPROVED[1:]])
    error = under(pair, {"A": lambda: APPROVED[:2], "B": lambda: next(replaced)})["B"]
    assert isinstance(error, Refused)
    assert "an approval was replaced while the others were waited for" in str(error)

    lapsed = iter([APPROVED[:2]])

    def lapses() -> Sequence[str]:
        for approvals in lapsed:
            return approvals
        raise ApprovalError("this has expired")

    error = under(pair, {"A": lambda: APPROVED[:2], "B": lapses})["B"]
    assert isinstance(error, ApprovalError)


def test_an_abort_that_overtakes_a_greeting_does_not_hide_what_differs(study: Study) -> None:
    """B's greeting reaches C only when A has long refused C."""
    other = with_plan(study, sha256="0" * 64)

    def part(channel: Channel) -> Opened:
        if channel.me == "B":
            channel._put = slowly(channel._put)  # type: ignore[assignment, method-assign]
        return open_session(channel, other if channel.me == "C" else study, Prg.fresh())

    def slowly(put: Callable[[str, bytes, Any], bool]) -> Callable[[str, bytes, Any], bool]:
        def late(peer: str, header: bytes, payload: Any) -> bool:
            if peer == "C":
                time.sleep(0.05)
            return put(peer, header, payload)

        return late

    for name, error in outcomes(study.plan.names, part).items():
        assert isinstance(error, Refused), (name, error)


def test_a_test_with_a_fixed_seed_does_not_meet_a_real_run(pair: Study) -> None:
    def part(channel: Channel) -> Opened:
        fixed = channel.me == "B"
        return open_session(channel, pair, Prg.for_tests_only(1) if fixed else Prg.fresh())

    for error in outcomes(pair.plan.names, part).values():
        assert isinstance(error, Refused)
        assert "whether the run is a test with a fixed seed differs" in str(error)


def test_a_fixed_seed_is_refused_by_a_real_transport(pair: Study) -> None:
    """Before a connection is made: B is not there, and nobody waits for it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    nobody = Peer("127.0.0.1:1", keys.generate().public)
    assert ZmqChannel.real
    with (
        ZmqChannel("A", address, keys.generate(), {"B": nobody}, linger=0) as channel,
        pytest.raises(Refused, match="a fixed seed is for tests"),
    ):
        open_session(channel, pair, Prg.for_tests_only(1))


# What a peer may say: A opens the session, B says anything.


def greeting(study: Study) -> dict[str, codec.Value]:
    plan = study.plan
    return {
        "plan": plan.sha256,
        "approvals": [],
        "sites": plan.sites_sha256,
        "version": mpcgen.__version__,
        "engine": plan.engine,
        "test": False,
        "nonce": bytes(NONCE_BYTES),
    }


KEYS = {"plan", "approvals", "sites", "version", "engine", "test", "nonce"}


def hear(study: Study, payload: bytes, session: bytes = b"", **options: Any) -> MpcgenError | None:
    """What A raises when B greets with these bytes; A sends nothing but its own greeting.

    B then says in this session, or in the right one, that it has heard A.
    """
    network, sent = MemoryNetwork(study.plan.names), SentBy()
    note = sent("A")

    def say(session: bytes, counter: int, label: str, said: bytes) -> None:
        header = Header(Kind.MESSAGE, 0, session, counter, len(said), label)
        network.inbox["A"].append(("B", header.pack() + said))

    def answer(direction: Direction, peer: str, label: str, counter: int, length: int) -> None:
        note(direction, peer, label, counter, length)
        if (direction, label) == ("sent", "heard"):
            _, hello = Header.split("A", network.inbox["B"][0][1])
            greetings = [bytes(hello), payload]
            right = codec.digest("mpcgen session", list(study.plan.names), greetings)
            say(session or right[:SESSION_BYTES], 1, "heard", b"")

    say(NO_SESSION, 0, "hello", payload)
    with network.channel("A", timeout=1, on_message=answer, **options) as a:
        try:
            open_session(a, study, Prg.fresh())
        except MpcgenError as error:
            assert {label for _, label, _ in sent.by["A"]} <= {"hello", "heard"}
            return error
    return None


def test_a_party_that_greets_and_goes_is_missed(pair: Study) -> None:
    """Its last words do not make a session: not all have heard all."""
    network = MemoryNetwork(pair.plan.names)
    with network.channel("B") as b:
        b.exchange("hello", {"A": codec.encode(greeting(pair))}, {})
    with network.channel("A") as a, pytest.raises(PartyLost, match="B closed its channel"):
        open_session(a, pair, Prg.fresh())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def test_a_right_greeting_is_taken_and_a_wrong_word_of_what_was_heard_is_not(pair: Study) -> None:
    said = codec.encode(greeting(pair))
    assert hear(pair, said) is None
    error = hear(pair, said, b"t" * SESSION_BYTES)
    assert isinstance(error, BadMessage)
    assert str(error) == "B is in another session than A at 'heard'"


@given(payload=st.binary(max_size=400))
def test_arbitrary_bytes_are_no_greeting(pair: Study, payload: bytes) -> None:
    error = hear(pair, payload)
    assert isinstance(error, BadMessage)
    assert str(error).startswith("B greets ")


@given(value=json_values)
def test_other_values_are_no_greeting(pair: Study, value: codec.Value) -> None:
    try:
        payload = codec.encode(value)
    except TypeError:
        return
    assert isinstance(hear(pair, payload), BadMessage)


@given(key=st.sampled_from(sorted(KEYS)), data=st.data())
def test_a_greeting_with_another_value_is_refused(
    pair: Study, key: str, data: st.DataObject
) -> None:
    said = greeting(pair)
    value = data.draw(json_values.filter(lambda value: codec_differs(value, said[key])))
    payload = codec.encode(said | {key: value})
    error = hear(pair, payload)
    assert isinstance(error, BadMessage if key == "nonce" else Refused)
    assert str(error).isprintable()
    assert len(str(error)) < 400


def test_zero_is_not_false(pair: Study) -> None:
    error = hear(pair, codec.encode({**greeting(pair), "test": 0}))
    assert isinstance(error, Refused)
    assert "A has False, B has 0;" in str(error)


def codec_differs(one: codec.Value, other: codec.Value) -> bool:
    """Whether both have an encoding, and not the same one: 0 is not false."""
    try:
        return codec.encode(one) != codec.encode(other)
    except TypeError:
        return False


@pytest.mark.parametrize("missing", sorted(KEYS))
def test_a_greeting_without_a_key_is_refused(pair: Study, missing: str) -> None:
    said = greeting(pair)
    del said[missing]
    error = hear(pair, codec.encode(said))
    assert isinstance(error, BadMessage)
    assert str(error) == "B greets in a form that A does not know"


@given(key=st.text().filter(lambda key: key not in KEYS))
def test_a_greeting_with_another_key_is_refused(pair: Study, key: str) -> None:
    payload = codec.encode({**greeting(pair), key: "more"})
    assert isinstance(hear(pair, payload), BadMessage)


@given(place=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_greeting_with_a_flipped_byte_is_refused(pair: Study, place: int, flip: int) -> None:
    payload = bytearray(codec.encode(greeting(pair)))
    start = payload.index(b'"nonce"') + len(b'"nonce":{"hex":"')
    place %= len(payload)
    payload[place] ^= flip
    ended = hear(pair, bytes(payload))
    if not start <= place < start + 2 * NONCE_BYTES:
        assert isinstance(ended, BadMessage | Refused)


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda said: json.dumps(said).encode(),
        lambda said: codec.encode(said) + b" ",
        lambda said: codec.encode(said)[:-1],
        lambda said: codec.encode(said).replace(b'"engine"', b'"plan":"","engine"'),
        lambda said: codec.encode(said).replace(b"false", b"0.0"),
        lambda said: codec.encode({**said, "nonce": bytes(16)}),
        lambda said: codec.encode({**said, "nonce": "0" * 64}),
        lambda said: codec.encode([said]),
        lambda said: b"[" * MAX_GREETING,
        lambda said: codec.encode(said) + bytes(codec.MAX_BYTES),
    ],
    ids=[
        "blanks", "trailing", "cut", "key twice", "float", "short nonce", "text nonce", "list",
        "deep", "oversized",
    ],
)  # fmt: skip
def test_a_malformed_greeting_is_a_bad_message(
    pair: Study, spoiled: Callable[[Mapping[str, Any]], bytes]
) -> None:
    said = {k: v for k, v in greeting(pair).items() if k != "nonce"} | {"nonce": bytes(NONCE_BYTES)}
    if spoiled.__code__.co_names[:1] == ("json",):
        said = {**said, "nonce": {"hex": "00" * NONCE_BYTES}}
    assert isinstance(hear(pair, spoiled(said)), BadMessage)


def test_a_greeting_longer_than_the_channel_takes_is_a_bad_message(pair: Study) -> None:
    error = hear(pair, bytes(2000), max_payload=1000)
    assert isinstance(error, BadMessage)


def test_a_party_that_greets_each_peer_differently_is_found(study: Study) -> None:
    """It gives A and C different sessions, and they refuse each other's first word in them."""

    def part(channel: Channel) -> Opened:
        if channel.me == "B":
            honest = channel._send

            def send(peer: str, label: str, payload: Any) -> None:
                if label == "hello" and peer == "C":
                    said = codec.decode(payload)
                    assert isinstance(said, dict)
                    payload = codec.encode({**said, "nonce": bytes(NONCE_BYTES)})
                honest(peer, label, payload)

            channel._send = send  # type: ignore[method-assign]
        session, box = open_session(channel, study, Prg.fresh())
        box.confirm()
        return session, box

    ended = outcomes(study.plan.names, part)
    assert all(isinstance(error, BadMessage | Abort) for error in ended.values())
    assert "C is in another session than A at 'heard'" in map(str, ended.values())
