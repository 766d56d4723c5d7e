"""Encrypted totals: what each role sees, what is refused, and that a wrong message stops all."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgen.abb import Exchange, Seat
from mpcgen.errors import Abort, MpcgenError, PlanError
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel
from mpcgen.prg import Prg
from mpcgen.protocols.engines import ENGINES
from mpcgen.protocols.integers import below, prime
from mpcgen.protocols.packing import Packing
from mpcgen.protocols.paillier import PaillierCipher, _secret_key
from mpcgen.ring import Ring
from mpcgen.study.check import describe
from mpcgen.study.forecast import Network
from mpcgen.study.load import load_study
from tests import conformance, small, studies
from tests.attacks.cohorts import run
from tests.conformance import SESSION, Setting
from tests.outcomes import everybody
from tests.threads import in_threads

RING, SHAPE = Ring(32), (20,)
SETTING = Setting("paillier", ("A", "B", "C"), ("X", "K"))
LIKE = [(RING, SHAPE)]
Values = Mapping[str, NDArray[np.int64]]
Alter = Callable[[str, str, bytes], bytes]  # sender, label, what it sends


class Tape:
    """One party's messages: what it received, and what it sends in another form."""

    def __init__(self, channel: Channel, alter: Alter):
        self._channel, self._alter = channel, alter
        self.came: list[tuple[str, bytes]] = []

    def exchange(
        self, label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        me = self._channel.me
        send = {peer: self._alter(me, label, data) for peer, data in send.items()}
        came = self._channel.exchange(label, send, receive)
        self.came += sorted(came.items())
        return came


def opened(
    values: Values,
    *,
    setting: Setting = SETTING,
    seed: int = 1,
    alter: Alter = lambda _me, _label, data: data,
) -> dict[str, tuple[list[int], Tape]]:
    """Open the owners' total; every party's result and tape."""

    def part(channel: Channel) -> tuple[list[int], Tape]:
        own = Prg.for_tests_only(100 * seed + setting.parties.index(channel.me))
        tape = Tape(channel, alter)
        manifest = Leakage([Opening("x", RING.k, SHAPE, setting.parties)])
        channel.bind_session(SESSION)
        seat = setting.seat(channel.me)
        box = ENGINES[setting.engine].set_up(tape, seat, manifest, SESSION, 0, own)
        mine = RING.encode(values[box.me]) if box.me in values else None
        shares = box.input("x", RING, SHAPE, mine)
        x = box.open({"x": sum(shares.values(), box.constant(RING, RING.zeros(SHAPE)))})["x"]
        box.confirm()
        return RING.signed(x).tolist(), tape

    return in_threads(setting.parties, part, timeout=5)


def owners_values(seed: int) -> Values:
    rng = np.random.default_rng(seed)
    return {name: rng.integers(-(2**20), 2**22, SHAPE) for name in SETTING.owners}


def test_everybody_learns_the_total_and_the_key_holder_no_more() -> None:
    """Two worlds with the same total, given by other owners in other parts."""
    first = owners_values(1)
    swing = np.arange(20) * 999_983
    second = {"A": first["B"] + swing, "B": first["C"] - 2 * swing, "C": first["A"] + swing}
    total = np.sum([*first.values()], axis=0).tolist()
    plaintexts = []
    for values in (first, second):
        results = opened(values)
        assert all(x == total for x, _ in results.values())
        came = [data for peer, data in results["K"][1].came if peer == "X"]
        key = _secret_key(
            Prg.for_tests_only(100 + SETTING.parties.index("K")).for_session(SESSION, 0), 512
        )
        sealed, size = came[0], 512 // 4
        numbers = [int.from_bytes(sealed[i : i + size]) for i in range(0, len(sealed), size)]
        plaintexts.append([key.raw_decrypt(c) for c in numbers])  # phe's own
        assert {peer for peer, data in results["K"][1].came if len(data) > 32} == {"X"}
    assert plaintexts[0] == plaintexts[1]


def test_the_aggregator_sees_ciphertexts_that_never_repeat() -> None:
    values = owners_values(2)
    one, other = (opened(values, seed=seed)["X"][1].came for seed in (1, 2))
    sealed = [data for peer, data in (*one, *other) if peer in SETTING.owners and len(data) > 32]
    size = 512 // 4
    blocks = {data[i : i + size] for data in sealed for i in range(0, len(data), size)}
    assert len(sealed) == 6
    assert len(blocks) == sum(len(data) // size for data in sealed)


def test_an_owner_sees_the_key_and_the_totals_only() -> None:
    tape = opened(owners_values(3))["B"][1]
    assert [(peer, len(data)) for peer, data in tape.came if len(data) != 32] == [
        ("K", 512 // 8),
        ("K", 4 * 20),
    ]


def replacing(sender: str, start: str, data: Callable[[bytes], bytes]) -> Alter:
    return lambda me, label, sent: data(sent) if me == sender and label.startswith(start) else sent


@pytest.mark.parametrize(
    ("alter", "error"),
    [
        (replacing("B", "open", lambda data: bytes(len(data))), "B sent what is no ciphertext"),
        (replacing("B", "open", lambda data: b"\xff" * len(data)), "B sent what is no ciphertext"),
        (replacing("B", "open", lambda data: data[:-1]), "B.* bytes"),
        (replacing("X", "open", lambda data: data[:-1]), "X.* bytes"),
        (replacing("X", "open", lambda data: bytes([0, *data[1:]])), "no total under this key"),
        (replacing("K", "key", lambda data: data[:-1]), "K.* bytes"),
        (replacing("K", "key", lambda data: b"\x00" + data[1:]), "K sent a key of .* has 512"),
        (replacing("K", "key", lambda data: data[:-1] + b"\x02"), "K sent a key of"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_wrong_message_stops_everybody(alter: Alter, error: str) -> None:
    with pytest.raises(MpcgenError, match=error):
        opened(owners_values(4), alter=alter)


def test_another_key_than_the_key_holders_is_noticed() -> None:
    """Everybody encrypts under a key that is not the key holder's."""
    other = _secret_key(Prg.for_tests_only(7), 512).public_key.n.to_bytes(64)
    with pytest.raises(Abort, match=r"no total under this key|no ciphertext under"):
        opened(owners_values(5), alter=replacing("K", "key", lambda _: other))


@pytest.mark.parametrize("who", ["A", "X", "K"])
def test_a_party_that_dies_stops_everybody(who: str) -> None:
    def dies(_: bytes) -> bytes:
        raise RuntimeError(f"{who} is gone")

    with pytest.raises((RuntimeError, MpcgenError), match=who):
        opened(owners_values(6), alter=replacing(who, "open", dies))


def test_a_total_outside_its_range_is_told_to_nobody() -> None:
    values = {name: np.full(SHAPE, 2**30) for name in SETTING.owners}
    with pytest.raises(Abort, match=r"signed range of Z_2\^32"):
        opened(values)


def test_ciphertexts_are_phes() -> None:
    own = Prg.for_tests_only(3)
    key, packing = _secret_key(own, 512), Packing(1, 511)
    cipher = PaillierCipher(key.public_key.n, packing, own, None)
    x = np.arange(20, dtype=np.uint32)
    sealed = cipher.encrypt(LIKE, [x], "x")
    numbers = [int.from_bytes(sealed[i : i + 128]) for i in range(0, len(sealed), 128)]
    assert [key.raw_decrypt(c) for c in numbers] == packing.pack(LIKE, [x])


def test_primes_and_uniform_integers() -> None:
    own, bound = Prg.for_tests_only(1), 1000
    p = prime(own, 128, "p")
    assert p.bit_length() == 128
    assert all(pow(a, p - 1, p) == 1 for a in (2, 3, 5, 7))
    drawn = np.array(below(own, bound, 20_000, "r"))
    assert drawn.min() == 1
    assert drawn.max() == 999
    assert abs(drawn.mean() - 500) < 8  # 4 standard errors


def test_small_keys_are_for_tests() -> None:
    class Nobody:
        def exchange(self, *_: object) -> dict[str, bytes]:
            raise AssertionError

    nobody: Exchange = Nobody()
    seat = Seat("K", SETTING.parties, SETTING.owners, SETTING.computing, 512)
    with pytest.raises(ValueError, match="a key has 2048 or 3072 bits, not 512"):
        ENGINES["paillier"].set_up(nobody, seat, Leakage([]), SESSION, 0, Prg.fresh())


@pytest.mark.parametrize(
    "rules",
    [
        studies.Rules("paillier", ("A", "B"), key_bits=2048),
        pytest.param(studies.Rules("bfv", ("C", "A")), marks=conformance.installed("bfv")),
    ],
    ids=lambda rules: rules.engine,
)
def test_check_forecasts_what_a_run_sends(rules: studies.Rules, tmp_path: Path) -> None:
    """And says who adds and who holds the key."""
    plan = small.lay_out(tmp_path, studies.OF_ALL, rules)
    study = load_study(plan)
    text = describe(study, Network())
    for name, does in zip(rules.computing, ("adds ciphertexts", "holds the key"), strict=True):
        (line,) = (line for line in text.splitlines() if line.startswith(f"  {name} at"))
        assert line.endswith(does)
    assert "leaves it but encrypted" in " ".join(text.split())
    for name, session in everybody(run(plan)).items():
        assert session.declared.rounds == study.cost().rounds
        assert session.sent_bytes == study.cost().sent.get(name, 0)


PASSING = '\n[[entries]]\nstatistic = "association"\nrelease = "passing"\np = 0.01\n'
NONE = 'floors = "none"'


@pytest.mark.parametrize(
    ("entries", "rules", "error"),
    [
        (studies.OF_ALL, studies.Rules("paillier", ("A", "B"), release=""), "Floors rest on them"),
        (PASSING, studies.Rules("paillier", ("A", "B")), "entry association: .* no comparisons"),
        (
            studies.OF_ALL,
            studies.Rules("paillier", ("A", "B"), key_bits=1024),
            "key_bits is 2048 or 3072, not 1024",
        ),
        (studies.OF_ALL, studies.Rules(key_bits=2048), "key key_bits is not known"),
        (studies.OF_ALL, studies.Rules("paillier", ("A",)), "2 computing parties, not 1"),
        (studies.OF_ALL, studies.Rules("paillier", ("A", "A")), "something twice"),
        (
            studies.ASSOCIATION,
            studies.Rules("bfv", ("A", "B")),
            "no totals of more than 32 bits; replicated, replicated4, additive, spdz2k",
        ),
    ],
)
def test_what_a_plan_may_not_say(
    entries: str, rules: studies.Rules, error: str, tmp_path: Path
) -> None:
    plan = small.lay_out(tmp_path, entries, rules)
    with pytest.raises(PlanError, match=error) as caught:
        load_study(plan)
    if "comparisons" in str(caught.value):
        assert "comparisons; replicated, replicated4" in str(
            caught.value
        )  # and clear hides nothing


def test_more_institutions_than_bfv_adds_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the plan is checked, and not in the middle of a session."""
    assert ENGINES["bfv"].max_owners == 255
    monkeypatch.setitem(ENGINES, "bfv", replace(ENGINES["bfv"], max_owners=2))
    plan = small.lay_out(tmp_path, studies.OF_ALL, studies.Rules("bfv", ("A", "B")))
    said = "the engine bfv adds up values of at most 2 institutions, not 3; all other engines"
    small.assert_refused(small.command("study", "check", plan), said, "line 17")
