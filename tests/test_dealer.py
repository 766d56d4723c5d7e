"""The dealer: how far it runs ahead, what happens where it fails, and how a plan names it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from mpcgen.abb import Box, Seat
from mpcgen.errors import Abort, BadMessage, PartyLost
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel
from mpcgen.prg import Prg
from mpcgen.protocols import dealer
from mpcgen.protocols.comparison import negative
from mpcgen.protocols.dealer import Dealer
from mpcgen.protocols.spdz2k_dealer import Spdz2kDealer
from mpcgen.ring import Z2_64, Z2_128
from mpcgen.study.check import describe
from mpcgen.study.forecast import Network
from mpcgen.study.load import load_study
from mpcgen.study.plan import Plan
from mpcgen.study.read import read_plan
from tests.conformance import SESSION, SETTINGS, Setting
from tests.outcomes import outcomes
from tests.test_plan import refused

SETTING, WITH_MACS = (
    next(setting for setting in SETTINGS if setting.engine == engine)
    for engine in ("additive", "spdz2k")
)
LAST, DEALER = SETTING.computing[-1], SETTING.dealer
SHAPE = (100,)
DEALT = {"additive": 800, "spdz2k": 4800}  # bytes for a square of 100 elements of Z_2^64

by_engine = pytest.mark.parametrize("setting", [SETTING, WITH_MACS], ids=lambda s: s.engine)


def keys() -> dict[tuple[str, int], Prg]:
    """Of parties' shares, and for the engine with MACs also of masks."""
    return {(DEALER, i): Prg.for_tests_only(i) for i in range(2 * len(SETTING.computing))}


def dealing(setting: Setting, peer: "Silent", leakage: Leakage) -> Dealer:
    """The dealer's box."""
    if setting is SETTING:
        return Dealer(peer, setting.seat(DEALER), leakage, keys())
    return Spdz2kDealer(peer, setting.seat(DEALER), leakage, keys(), Prg.for_tests_only(9))


def multiply(box: Box, times: int) -> None:
    """So many squares, one after the other."""
    x = box.constant(Z2_64, Z2_64.zeros(SHAPE))
    for _ in range(times):
        x = box.mul(x, x)


class Silent:
    """A last party that takes what comes and says nothing until it is asked to."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.waited_after: list[int] = []  # bytes that were under way when the dealer waited

    def exchange(
        self, label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        self.sent += map(len, send.values())
        if receive:
            self.waited_after.append(len(self.sent))
        return dict.fromkeys(receive, b"")


@by_engine
@pytest.mark.parametrize(
    ("most", "most_messages", "ahead"), [(6.25, 128, 6), (1 << 20, 7, 7), (0, 7, 1)]
)
def test_it_waits_where_it_is_far_ahead(
    setting: Setting, most: float, most_messages: int, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one operation that is larger than all that it may be ahead goes alone."""
    each = DEALT[setting.engine]
    monkeypatch.setattr(dealer, "MAX_AHEAD", most * each)
    monkeypatch.setattr(dealer, "MAX_MESSAGES", most_messages)
    peer = Silent()
    box = dealing(setting, peer, Leakage(()))
    multiply(box, 20)
    assert peer.sent == [each] * 20
    assert peer.waited_after == list(range(ahead, 20))
    box.confirm()
    assert len(peer.waited_after) == 20  # by now all is used


def test_messages_never_fill_a_channel() -> None:
    from mpcgen.net.channel import MAX_EARLY  # noqa: PLC0415

    assert dealer.MAX_MESSAGES < MAX_EARLY


def test_it_expands_the_same_seeds_and_sends_one_element_for_each_result() -> None:
    """Whatever the number of parties and of factors."""
    for n in (2, 5):
        computing = tuple("ABCDE"[:n])
        peer = Silent()
        seat = Seat("Z", computing, computing, computing, dealer="Z")
        made = {("Z", i): Prg.for_tests_only(i) for i in range(n)}
        box = Dealer(peer, seat, Leakage(()), made)
        x = box.constant(Z2_128, Z2_128.zeros((10, 3)))
        box.sum_products([(x, x), (x, x + 1), (x + 2, x)])
        box.matmul(x.reduce(Z2_64), x.reduce(Z2_64).transpose())
        negative(box, x, 2)
        planes = 2 * 10  # of two bits; products with the known addend take no triple
        assert peer.sent == [16 * 30, 8 * 100, planes]


def session(setting: Setting, part: Callable[[Box, Channel], object]) -> dict[str, object]:
    """Everybody sets the engine up, and does its part: what came of it."""

    def whole(channel: Channel) -> object:
        channel.bind_session(SESSION)
        own = Prg.for_tests_only(setting.everybody.index(channel.me))
        leakage = Leakage([Opening("x", 64, SHAPE, setting.parties)])
        box = setting.entry.set_up(channel, setting.seat(channel.me), leakage, SESSION, 0, own)
        return part(box, channel)

    return dict(outcomes(setting.everybody, whole))


@by_engine
@pytest.mark.parametrize("extra", [-1, 1, 800])
def test_what_has_another_length_is_refused(setting: Setting, extra: int) -> None:
    due = DEALT[setting.engine]

    def part(box: Box, channel: Channel) -> None:
        if box.me == DEALER:
            channel.exchange("mul#1", {LAST: bytes(due + extra)}, {})
        else:
            multiply(box, 1)
        box.confirm()

    ended = session(setting, part)
    error = ended[LAST]
    assert isinstance(error, BadMessage)
    assert f"{DEALER} sent {due + extra} bytes at 'mul#1', {LAST} expected {due}" in str(error)
    assert all(isinstance(ended[name], Abort) for name in setting.computing if name != LAST)


@by_engine
def test_a_dealer_that_ends_early_is_named_and_nothing_is_opened(setting: Setting) -> None:
    def part(box: Box, _channel: Channel) -> object:
        multiply(box, 3)
        if box.me == DEALER:
            return None
        multiply(box, 1)
        x = box.constant(Z2_64, Z2_64.zeros(SHAPE))
        return box.open({"x": x})

    ended = session(setting, part)
    error = ended[LAST]
    assert isinstance(error, PartyLost)
    assert f"{DEALER} closed its channel" in str(error)
    assert all(isinstance(ended[p], PartyLost | Abort) for p in SETTING.computing)


@by_engine
def test_a_dealer_hears_that_the_others_stopped(setting: Setting) -> None:
    def part(box: Box, _channel: Channel) -> None:
        multiply(box, 1)
        if box.me == LAST:
            raise ValueError("it stops")
        multiply(box, 1000)
        box.confirm()

    assert isinstance(session(setting, part)[DEALER], Abort)


@by_engine
@pytest.mark.parametrize(
    "seat",
    [
        Seat("A", ("A", "B"), ("A", "B"), ("A", "B")),
        Seat("A", ("A", "B"), ("A", "B"), ("A", "B"), dealer="A"),
        Seat("A", ("A", "B"), ("A",), ("A", "B"), dealer="B"),
        Seat("A", ("A", "B"), ("A", "B"), ("A",), dealer="D"),
    ],
    ids=["nobody deals", "an owner deals", "who computes deals", "one computes"],
)
def test_seats_that_are_none(setting: Setting, seat: Seat) -> None:
    with pytest.raises(ValueError, match="two or more parties compute, and another one deals"):
        setting.entry.set_up(Silent(), seat, Leakage(()), SESSION, 0, Prg.for_tests_only(1))


@by_engine
def test_it_takes_bits_that_are_opened_as_1_and_numbers_as_0(setting: Setting) -> None:
    """So that it goes on whatever the others see."""
    manifest = [
        Opening("keep", 1, (11,), SETTING.parties),
        Opening("x", 64, (11,), SETTING.parties, "keep"),
    ]
    box = dealing(setting, Silent(), Leakage(manifest))
    x = box.constant(Z2_64, Z2_64.zeros((11,)))
    assert box.open_bits({"keep": negative(box, x, 5)}, 11)["keep"].all()
    assert not box.open({"x": x}, "keep")["x"].any()


# A plan.

CHANGED = ('name = "replicated"', 'name = "additive"\ndealer = "{}"')


@pytest.fixture
def dealt_text(plan_text: str) -> str:
    """The small study's plan, whose institution C deals."""
    text = plan_text.replace("max_people = 3000", "max_people = 0").replace(
        "max_people = 0", "max_people = 3000", 2
    )
    text = text.replace('computing = ["A", "B", "C"]', 'computing = ["A", "B"]')
    return text.replace(CHANGED[0], CHANGED[1].format("C"))


def read(folder: Path, text: str) -> Plan:
    (folder / "other.toml").write_text(text)
    return read_plan(folder / "other.toml")


@pytest.mark.parametrize("engine", ["additive", "spdz2k"])
def test_a_plan_names_its_dealer(plan_folder: Path, dealt_text: str, engine: str) -> None:
    dealt_text = dealt_text.replace('"additive"', f'"{engine}"')
    for text in (dealt_text, dealt_text.replace('computing = ["A", "B"]', "")):
        plan = read(plan_folder, text)
        assert (plan.dealer, plan.computing, plan.readers) == ("C", ("A", "B"), ("A", "B"))
        seat = plan.seat("A")
        assert (seat.dealer, seat.parties, seat.owners) == ("C", ("A", "B"), ("A", "B"))
    study = load_study(plan_folder / "other.toml")
    assert {to for opening in study.manifest() for to in opening.to} == {"A", "B"}
    said = " ".join(describe(study, Network()).split())
    assert "without data, deals correlated randomness to who computes, and learns nothing" in said
    assert "What is opened, to all of A, B " in said
    deals = {"C"} if engine == "spdz2k" else set()  # without products it only deals for MACs
    assert study.cost().sent.keys() == {"A", "B"} | deals


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('dealer = "C"', "", "the key dealer is missing"),
        ('dealer = "C"', 'dealer = "D"', 'there is no institution "D"'),
        ('dealer = "C"', 'dealer = "B"', "B deals, and so neither computes nor brings data"),
        ('"A", "B"]', '"A", "B", "C"]', "C deals, and so neither computes nor brings data"),
        ("max_people = 0", "max_people = 9", "C deals, and so neither computes nor brings data"),
        ('["A", "B"]', '["A"]', "the engine additive has 2 or more computing parties, not 1"),
        ('"additive"', '"clear"', "the key dealer is not known"),
    ],
)
def test_dealers_that_are_none(
    old: str, new: str, words: str, plan_folder: Path, dealt_text: str
) -> None:
    assert old in dealt_text
    assert words in str(refused(plan_folder, dealt_text.replace(old, new)))


@by_engine
def test_random_values_come_out(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the dealer has to wait for every single operation."""
    monkeypatch.setattr(dealer, "MAX_MESSAGES", 1)
    x = np.arange(100, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)

    def part(box: Box, _channel: Channel) -> object:
        shares = box.input(
            "x", Z2_64, SHAPE, x if box.me == "A" else x * 0 if box.me == "B" else None
        )
        y = shares["A"] + shares["B"]
        for _ in range(10):
            y = box.mul(y, y + 1)
        opened = box.open({"x": y})["x"]
        box.confirm()
        return opened

    ended = session(setting, part)
    y = x
    for _ in range(10):
        y = y * (y + np.uint64(1))
    for name in SETTING.parties:
        np.testing.assert_array_equal(ended[name], y)
