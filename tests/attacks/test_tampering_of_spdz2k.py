"""A party that tampers with any one message of the engine spdz2k, and cheaters that know more.

Every computing party cheats in turn, and an owner that does not compute, at every one of its
messages. The dealer is trusted to deal rightly, so its messages are not attacked; such as have
another length are refused (tests/test_dealer.py).

An attack is stopped if nobody accepts a wrong value and nothing of a result goes out after it. Here
honest parties may answer a wrong message before they stop: what they send is masked afresh. Where
they stop at different times, since one of them alone was sent something wrong in a check, the
others may go as far as to send their shares of the value they have checked: it takes the share of
all to know it.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from mpcgen.abb import Box
from mpcgen.errors import Abort
from mpcgen.protocols.spdz2k import Spdz2k
from mpcgen.protocols.spdz2k_check import SALT_BYTES, Check
from mpcgen.ring import Z2_128, Z2_192, Array
from mpcgen.secret import Secret
from tests.attacks.still import step
from tests.attacks.tampering import (
    KINDS,
    NOBODY,
    WITHOUT_EFFECT,
    WRONG,
    Attack,
    Run,
    Seen,
    attacks,
    play,
    same,
)
from tests.attacks.test_tampering import SCENES, right
from tests.conformance import Setting

TWO = Setting("spdz2k", ("A", "B"), ("A", "D"), "Z")  # B only gives and reads
THREE = Setting("spdz2k", ("A", "B"), ("A", "B", "D"), "Z")
STOPPED, LATE = "stopped", "something was opened by all after a check failed"
WRONG_SHARE = "some computing party sent a wrong share"

by_scene = pytest.mark.parametrize("name", SCENES)
by_setting = pytest.mark.parametrize("setting", [TWO, THREE], ids=str)


def shown(run: Run, name: str) -> int:
    """The last operation in which a party sent its share of a result."""
    labels = [
        label
        for (sender, _), messages in run.transcript.items()
        for label, _ in messages
        if sender == name
    ]
    of_results = [
        step(label)[0]
        for label in labels
        if (label.startswith("open#") and " " not in label)
        or (label.startswith("reveal") and label.endswith(" opened"))
    ]
    return max(of_results, default=0)


def verdict(run: Run, setting: Setting, cheater: str, wanted: Seen) -> str:
    """What became of an attack."""
    honest = {name: end for name, end in run.ended.items() if name != cheater}
    failed = [name for name, end in honest.items() if isinstance(end, BaseException)]
    computing = [name for name in setting.computing if name != cheater]
    if any(not same(end, wanted, name) for name, end in honest.items() if name not in failed):
        return WRONG
    if not failed:
        return WITHOUT_EFFECT
    first = [run.steps[name] for name in computing if name in failed]
    by_all = min(shown(run, name) for name in computing)
    return LATE if first and by_all > min(first) else STOPPED


def tally(setting: Setting, name: str, kinds: tuple[str, ...] = KINDS) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    wanted = right(name, setting)
    for attack in attacks(setting, SCENES[name], kinds):
        run = play(setting, SCENES[name], attack)
        found[attack.kind][verdict(run, setting, attack.cheater, wanted)] += 1
    return found


@by_scene
@by_setting
def test_honest_parties_never_stop(name: str, setting: Setting) -> None:
    for seed in range(3):
        run = play(setting, SCENES[name], NOBODY, seed=seed)
        wanted = right(name, setting)
        assert all(same(seen, wanted, party) for party, seen in run.ended.items())


@by_scene
@pytest.mark.parametrize(("setting", "kinds"), [(TWO, KINDS), (THREE, KINDS[:1])], ids=str)
def test_nobody_accepts_a_wrong_value(
    name: str, setting: Setting, kinds: tuple[str, ...], say: Callable[[str], None]
) -> None:
    found = tally(setting, name, kinds)
    total = sum(found.values(), Counter[str]())
    say(f"{setting}, {name}: {total.total()} attacks: {dict(total)}")
    for kind, verdicts in found.items():
        assert verdicts.keys() <= {STOPPED, WITHOUT_EFFECT}, kind
    assert not found["alter its start"][WITHOUT_EFFECT]
    if "drop" in kinds:  # the last word to the dealer only the dealer misses
        assert found["drop"][WITHOUT_EFFECT] <= 1


# A cheater that goes on with what it should not have.

Cheat = Callable[[Spdz2k], None]


def plays(setting: Setting, name: str, cheater: str, cheat: Cheat) -> tuple[Run, str]:
    def on_box(box: Box) -> None:
        assert isinstance(box, Spdz2k)
        cheat(box)

    run = play(setting, SCENES[name], Attack(cheater, "none", -1), cheat=on_box)
    return run, verdict(run, setting, cheater, right(name, setting))


def causes(run: Run, cheater: str) -> list[str]:
    """Why honest parties stopped, those that only followed left out."""
    said = [str(end) for name, end in run.ended.items() if name != cheater]
    return [text for text in said if " aborted: " not in text]


def change_input(box: Spdz2k, change: Callable[[Secret], None]) -> None:
    """Do something to this party's share of the input of A, and go on with it."""
    given: Any = box._input

    def changed(*args: Any) -> dict[str, Secret]:
        secrets: dict[str, Secret] = given(*args)
        change(secrets["A"])
        return secrets

    put(box, "_input", changed)


def put(what: object, name: str, function: Any) -> None:
    """Replace a method of one object."""
    setattr(what, name, function)


def one_more(place: int) -> Callable[[Secret], None]:
    """Add 1 to this party's share of a value, or of its MAC."""

    def change(x: Secret) -> None:
        ring, parts = x.ring_of(place), list(x._parts)
        parts[place] = ring.add(parts[place], ring.encode(np.ones(x.shape, np.int64)))
        x._parts = tuple(parts)

    return change


def one_more_under(alpha: Callable[[], Array]) -> Callable[[Secret], None]:
    """Add 1 to it, and alpha to that of its MAC."""

    def change(x: Secret) -> None:
        value, mac = x._parts
        one = Z2_128.broadcast_to(Z2_128.encode(1), x.shape)
        key = Z2_192.reduce(alpha(), Z2_128)
        x._parts = (Z2_128.add(value, one), Z2_128.add(mac, Z2_128.mul(one, key)))

    return change


@by_scene
@pytest.mark.parametrize("place", range(2))
@pytest.mark.parametrize("cheater", THREE.computing)
def test_a_wrong_share_that_is_kept_and_used_is_caught(name: str, place: int, cheater: str) -> None:
    run, ended = plays(THREE, name, cheater, lambda box: change_input(box, one_more(place)))
    assert ended == STOPPED
    assert all(text.startswith(WRONG_SHARE) for text in causes(run, cheater))


@by_scene
@pytest.mark.parametrize("cheater", TWO.computing)
def test_a_wrong_key_is_caught(name: str, cheater: str) -> None:
    """It works on with alpha_i and Delta_i that it chose."""

    def cheat(box: Spdz2k) -> None:
        other = type(box._mac)(Z2_192.encode(5), 5)
        box._mac = box._check._key = other

    run, ended = plays(TWO, name, cheater, cheat)
    assert ended == STOPPED
    assert all(text.startswith(WRONG_SHARE) for text in causes(run, cheater))


@pytest.mark.parametrize("cheater", TWO.computing)
@pytest.mark.parametrize("guess", [0, 1, (1 << 64) - 1])
def test_a_guess_of_the_key_is_no_help(guess: int, cheater: str) -> None:
    """Who adds 1 to a value, and the guessed alpha of all others to its MAC, is caught."""

    def cheat(box: Spdz2k) -> None:
        change_input(box, one_more_under(lambda: Z2_192.add(box._mac.alpha, Z2_192.encode(guess))))

    assert plays(TWO, "totals", cheater, cheat)[1] == STOPPED


def test_who_knows_the_key_is_not_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with the right alpha: what the MACs rest on."""
    keys: list[Array] = []
    honest = Spdz2k.__init__

    def noting(self: Spdz2k, *args: Any, **named: Any) -> None:
        honest(self, *args, **named)
        if self._i is not None:
            keys.append(self._mac.alpha)

    monkeypatch.setattr(Spdz2k, "__init__", noting)
    change = one_more_under(lambda: Z2_192.add(*keys))
    assert plays(TWO, "product", "A", lambda box: change_input(box, change))[1] == WRONG


def test_other_openings_to_other_parties_stop_all() -> None:
    """Two honest parties see that they saw different values, before either opens its seed."""

    def cheat(box: Spdz2k) -> None:
        honest = box._exchange

        def exchange(label: str, send: Any, due: Any) -> dict[str, bytes]:
            if label.startswith("matmul#") and "B" in send:
                other = bytes([send["B"][0] ^ 1]) + send["B"][1:]
                send = {**send, "B": other}
            return honest(label, send, due)

        put(box, "_exchange", exchange)

    run, ended = plays(THREE, "product", "A", cheat)
    assert ended == STOPPED
    assert set(causes(run, "A")) <= {
        "B saw other values than D did, or says so",
        "D saw other values than B did, or says so",
        "A saw other values than B did, or says so",
        "A saw other values than D did, or says so",
    }
    assert not any(
        label.endswith(" seeds") for messages in run.transcript.values() for label, _ in messages
    )


def late(box: Spdz2k, place: str, change: Callable[[bytes, Mapping[str, bytes]], bytes]) -> None:
    """In a check's round, wait for what the others send before choosing what to send."""
    honest = box._check._exchange

    def exchange(label: str, send: Any, due: Any) -> dict[str, bytes]:
        if not label.endswith(place):
            return honest(label, send, due)
        came = honest(label, {}, due)
        honest(label, {peer: change(data, came) for peer, data in send.items()}, {})
        return came

    put(box._check, "_exchange", exchange)


def test_sums_that_are_adapted_to_those_of_others_are_refused() -> None:
    """Whoever sent a wrong share would only have to make the sums 0."""

    def cheat(box: Spdz2k) -> None:
        change_input(box, one_more(0))
        put(box._check, "_expect", lambda _right: None)
        late(box, " sums", adapted)

    run, ended = plays(TWO, "product", "A", cheat)
    assert ended == STOPPED
    assert causes(run, "A") == ["A opened something else than it had committed to"]


def adapted(mine: bytes, came: Mapping[str, bytes]) -> bytes:
    """A sum that makes those of two parties 0, under the salt that the commitment had."""
    (other,) = (data[SALT_BYTES:] for data in came.values())
    parts, start = [mine[:SALT_BYTES]], 0
    for ring in (Z2_128, Z2_192):
        z = ring.from_bytes(other[start : start + ring.size], ())
        parts.append(ring.to_bytes(ring.neg(z)))
        start += ring.size
    return b"".join([*parts, other[start:]])


def test_adapted_sums_would_pass_without_commitments(monkeypatch: pytest.MonkeyPatch) -> None:
    def cheat(box: Spdz2k) -> None:
        change_input(box, one_more(0))
        put(box._check, "_expect", lambda _right: None)
        late(box, " sums", adapted)

    monkeypatch.setattr(
        Check,
        "_opened",
        lambda _self, _label, _commitments, openings: {
            party: opening[SALT_BYTES:] for party, opening in openings.items()
        },
    )
    assert plays(TWO, "product", "A", cheat)[1] == WRONG


def test_a_seed_that_is_chosen_after_those_of_others_is_refused() -> None:
    run, ended = plays(
        TWO, "product", "A", lambda box: late(box, " seeds", lambda mine, _: mine[:-1] + b"?")
    )
    assert ended == STOPPED
    assert causes(run, "A") == ["A opened something else than it had committed to"]


def test_different_seeds_for_different_parties_are_refused() -> None:
    """Two commitments, each opened as it was made: the honest ones compare what they drew from."""

    def cheat(box: Spdz2k) -> None:
        check = box._check
        honest = check._exchange
        commitment, opening = b"", b""

        def exchange(label: str, send: Any, due: Any) -> dict[str, bytes]:
            nonlocal commitment, opening
            if label.startswith("masks#") and " " not in label:
                opening = bytes(SALT_BYTES) + bytes(32)
                commitment = check._hash(f"{label} seeds", b"A", opening)
                send = {**send, "B": commitment + send["B"][32:]}
            elif label.endswith(" seeds"):
                send = {**send, "B": opening}
            return honest(label, send, due)

        put(check, "_exchange", exchange)

    run, ended = plays(THREE, "product", "A", cheat)
    assert ended == STOPPED
    found = causes(run, "A")
    assert found
    assert all("saw other seeds than" in text for text in found)


def test_after_a_failed_check_nothing_more_is_checked() -> None:
    def cheat(box: Spdz2k) -> None:
        change_input(box, one_more(0))

    boxes: list[Spdz2k] = []
    honest = Spdz2k.__init__

    def noting(self: Spdz2k, *args: Any, **named: Any) -> None:
        honest(self, *args, **named)
        boxes.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Spdz2k, "__init__", noting)
        plays(TWO, "product", "A", cheat)
    (other,) = (box for box in boxes if box.me == "D")
    with pytest.raises(Abort, match="a check failed before; nothing more is opened"):
        other._check.run("again#99")


@pytest.mark.parametrize("name", ["totals", "product"])
def test_the_harness_sees_what_goes_through_without_the_check(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither that all saw the same, nor that it was what was shared."""
    monkeypatch.setattr(Check, "_expect", staticmethod(lambda _right: None))
    monkeypatch.setattr(Check, "remember", lambda *_: None)
    assert tally(TWO, name, KINDS[:1])[KINDS[0]][WRONG]
