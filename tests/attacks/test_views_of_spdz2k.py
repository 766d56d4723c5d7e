"""What all but one party see could come from other inputs of that one with the same outputs.

Views are too large to enumerate: a carrier has 128 bits. Instead a run is told again. Of one honest
computing party all messages are noted, and those of the dealer. Then it has another input, which
leads to the same outputs, and its keys give other draws, each moved by what keeps its next message
as it was:

    r of its input      by x' - x
    a_i of a mask       by x_i' - x_i, where x is what is masked; at an opening, divided by 2^k
    its other shares    by what follows from the masks now, less what followed before
    u of a reveal       by (x' - x) / 2^k

Everybody runs the program that it always runs, and all messages have to be the same. The draws are
moved by amounts that do not depend on them: as many draws lead to a view with one input as with
the other. Where high bits were not masked, no draw could move by a fraction of 2^k.
"""

from collections.abc import Callable, Mapping, Sequence
from threading import Condition
from typing import Any

import numpy as np
import pytest

from mpcgen.abb import Box
from mpcgen.bits import BitRing
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel
from mpcgen.prg import Prg
from mpcgen.protocols.comparison import negative
from mpcgen.protocols.numeric import integers
from mpcgen.protocols.spdz2k import Spdz2k
from mpcgen.protocols.spdz2k_dealer import Spdz2kDealer
from mpcgen.protocols.spdz2k_shares import Deal, Form, carrier, lift, values_of
from mpcgen.ring import Z2_32, Z2_64, Z2_128, Array, Ring
from mpcgen.secret import Secret, Sized, split
from tests.attacks.tampering import Transcript, record
from tests.conformance import SESSION, Setting
from tests.outcomes import everybody, outcomes

SHAPE = (5,)
INPUT = "x#1"

Told = Mapping[str, Array | None]
Program = Callable[[Box, Mapping[str, Secret]], Told]
Inputs = Mapping[str, Array]


class Board:
    """What the parties of a run that is told again tell each other, by name."""

    def __init__(self) -> None:
        self._found: dict[object, Any] = {}
        self._changed = Condition()

    def put(self, name: object, value: Any) -> None:
        with self._changed:
            self._found[name] = value
            self._changed.notify_all()

    def get(self, name: object) -> Any:
        with self._changed:
            assert self._changed.wait_for(lambda: name in self._found, 60), name
            return self._found[name]


class Run:
    """A run of a program, and what is needed to tell it again.

    Attributes:
        transcript: what honest parties and the dealer sent.
        dealt: label -> all that was dealt in an operation, but for random values.
        revealed: label -> what was revealed, in its carrier.
    """

    def __init__(self, setting: Setting, ring: Ring, program: Program, honest: str, inputs: Inputs):
        self.setting, self.ring, self.program = setting, ring, program
        self.honest, self.inputs = honest, inputs
        self.board = Board()
        self.transcript: Transcript = {}
        self.dealt: dict[str, Sequence[Array]] = {}
        self.revealed: dict[str, Array] = {}

    def play(self, manifest: Sequence[Opening]) -> dict[str, Told]:
        """What everybody but the dealer is told."""
        setting = self.setting

        def part(channel: Channel) -> Told:
            me = channel.me
            if me in (self.honest, setting.dealer):
                record(channel, self.transcript)
            channel.bind_session(SESSION)
            own = Prg.for_tests_only(setting.everybody.index(me))
            box = setting.entry.set_up(
                channel, setting.seat(me), Leakage(manifest), SESSION, 0, own
            )
            self.watch(box)
            told = self.program(box, box.input("x", self.ring, SHAPE, self.inputs.get(me)))
            box.confirm()
            return told

        told = everybody(outcomes(setting.everybody, part))
        told.pop(setting.dealer)
        return told

    def watch(self, box: Box) -> None:
        """Note what the dealer deals, and what is revealed."""
        given: Any = box._reveal
        if isinstance(box, Spdz2kDealer):
            deal = box._deal

            def dealt(label: str, like: Sequence[Sized], values: Sequence[Array]) -> None:
                self.dealt[label] = values
                self.before_dealing(label, like, values)
                deal(label, like, values)

            def revealing(label: str, x: Secret, to: str) -> None:
                name, held = f"{label}#{box._counter + 1}", carrier(x.ring)
                self.revealed[name] = held.zeros(x.shape)
                for party in self.setting.computing:
                    share = self.board.get((name, party))
                    self.revealed[name] = held.add(self.revealed[name], share)
                self.before_revealing(name, x)
                given(label, x, to)

            put(box, "_deal", dealt)
            put(box, "_reveal", revealing)
        elif box.me in self.setting.computing:

            def reveal(label: str, x: Secret, to: str) -> Array | None:
                self.board.put((f"{label}#{box._counter + 1}", box.me), x._parts[0])
                shown: Array | None = given(label, x, to)
                return shown

            put(box, "_reveal", reveal)

    def before_dealing(
        self, label: str, like: Sequence[Sized], values: Sequence[Array]
    ) -> None: ...

    def before_revealing(self, name: str, x: Secret) -> None: ...

    def seen(self) -> dict[tuple[str, str, str], bytes]:
        """All messages to others than the honest party, by sender, receiver and label."""
        return {
            (sender, to, label): data
            for (sender, to), messages in self.transcript.items()
            for label, data in messages
            if to not in (self.honest, self.setting.dealer)
        }


class Again(Run):
    """The run with another input of the honest party, and its draws moved."""

    def __init__(self, first: Run, inputs: Inputs):
        super().__init__(first.setting, first.ring, first.program, first.honest, inputs)
        self.first = first
        self.sent = {label: data for (who, _, label), data in first.seen().items()
                     if who == first.honest}  # fmt: skip

    def watch(self, box: Box) -> None:
        super().watch(box)
        if isinstance(box, Spdz2kDealer):
            i = self.setting.computing.index(self.honest)
            keys = [Moved(k, self.board) if n == i else k for n, k in enumerate(box._keys)]
            put(box, "_keys", keys)
            put(box, "_own", High(self.board))
            mask = box._mask
            mine = (INPUT, self.honest)
            put(
                box,
                "_mask",
                lambda label, to, x: self.mask(x) if (label, to) == mine else mask(label, to, x),
            )
        elif isinstance(box, Spdz2k) and box.me == self.honest:
            self.change_honest(box)

    def mask(self, form: Form) -> Array:
        """r of the honest party's input."""
        masked = form.ring.from_bytes(self.sent[INPUT], form.shape)
        return form.ring.sub(lift(self.ring, self.inputs[self.honest]), masked)

    def change_honest(self, box: Spdz2k) -> None:
        """Choose its masks so that its messages are those of the first run."""
        unmask, ready, mask = box._unmask, box._ready, box._mask

        def unmasking(deal: Deal, x: Sequence[Secret]) -> Any:
            due = split(self.sent[deal.label], values_of(x))
            for n, (y, message) in enumerate(zip(x, due, strict=True)):
                moved = carrier(y.ring).sub(y._parts[0], message)
                self.board.put(f"{deal.label}/a{n}", moved)
            return unmask(deal, x)

        def readying(secrets: Mapping[str, Secret]) -> Any:
            n = box._counter + 1
            x = [secrets[name].shared() for name in sorted(secrets)]
            due = split(self.sent[f"open#{n + 1}"], values_of(x))
            for place, (y, message) in enumerate(zip(x, due, strict=True)):
                if not isinstance(y.ring, BitRing):
                    held = carrier(y.ring)
                    moved = held.rshift(held.sub(message, y._parts[0]), y.ring.k)
                    self.board.put(f"masks#{n}/a{place}", moved)
            return ready(secrets)

        put(box, "_key", Moved(box._key, self.board))
        put(box, "_unmask", unmasking)
        put(box, "_ready", readying)
        put(box, "_mask", lambda label, x: self.mask(x) if label == INPUT else mask(label, x))

    def before_dealing(self, label: str, like: Sequence[Sized], values: Sequence[Array]) -> None:
        for n, (x, now, before) in enumerate(
            zip(like, values, self.first.dealt[label], strict=True)
        ):
            self.board.put(f"{label}/c{n}", x.ring.sub(now, before))

    def before_revealing(self, name: str, x: Secret) -> None:
        held, r = carrier(x.ring), self.first.dealt[name][0]
        low = lift(x.ring, held.reduce(r, x.ring))
        opened = held.sub(self.first.revealed[name], r)
        moved = held.sub(held.sub(self.revealed[name], low), opened)
        self.board.put(f"{name}/high0", held.rshift(moved, x.ring.k))


class Moved:
    """The honest party's key, as it and the dealer have it: masks are chosen, the rest moved."""

    def __init__(self, key: Prg, board: Board):
        self._key, self._board = key, board

    def draw(self, ring: Ring, shape: tuple[int, ...], label: str, counter: int) -> Array:
        drawn, moved = self._key.draw(ring, shape, label, counter), self._board.get(label)
        chosen = label[label.rindex("/") :].startswith("/a")
        return moved if chosen else ring.add(drawn, moved)


class High:
    """The dealer's own generator, of which it draws u of what is revealed."""

    def __init__(self, board: Board):
        self._board = board

    def draw(self, _ring: Ring, _shape: tuple[int, ...], label: str, _counter: int) -> Array:
        moved: Array = self._board.get(label)
        return moved


def put(what: object, name: str, value: Any) -> None:
    """Replace something of one object."""
    setattr(what, name, value)


# Programs, and inputs of the honest party and of the others.


def product(box: Box, x: Mapping[str, Secret]) -> Told:
    return box.open({"product": box.mul(x["A"], x["B"]), "twice": box.mul(x["A"], x["B"]) * 2})


def matrices(box: Box, x: Mapping[str, Secret]) -> Told:
    return box.open({"product": box.matmul(x["A"].reshape(1, 5), x["B"].reshape(5, 1))})


def chain(box: Box, x: Mapping[str, Secret]) -> Told:
    square = box.sum_products([(x["A"], x["A"]), (x["B"], x["B"] + 3)])
    return box.open({"chain": box.mul(square - box.mul(x["A"], x["A"]), x["B"])})


def shown(box: Box, x: Mapping[str, Secret]) -> Told:
    """To the party that gave the other input, and to one that computes or reads."""
    z = box.mul(x["A"], x["B"])
    return {to: box.reveal(f"z for {to}", z, to) for to in ("A", "B", "X") if to in box.parties}


def signs(box: Box, x: Mapping[str, Secret]) -> Told:
    return box.open_bits({"below": negative(box, x["A"] - x["B"], 9)}, *SHAPE)


def as_integers(box: Box, x: Mapping[str, Secret]) -> Told:
    bits = negative(box, x["A"] - x["B"], 9)
    return box.open({"below": integers(box, bits.reshape(1, -1), *SHAPE, x["A"].ring)})


def low(box: Box, x: Mapping[str, Secret]) -> Told:
    z = box.mul(x["A"], x["B"])
    return box.open({"low": z.reduce(Ring(8))})


def opened(*lines: tuple[str, int, tuple[int, ...]]) -> Callable[[Setting, Ring], list[Opening]]:
    """Lines of the manifest; k = 0 is that of the ring."""
    return lambda setting, ring: [
        Opening(label, k or ring.k, shape, setting.parties) for label, k, shape in lines
    ]


def to_each(setting: Setting, ring: Ring) -> list[Opening]:
    return [Opening(f"z for {to}", ring.k, SHAPE, (to,)) for to in ("A", "B", "X")]


def high_bits(ring: Ring) -> tuple[Array, Array, Array]:
    """Two inputs, and another, so that only the high bits of products differ."""
    first, other = np.array([1, 2, 3, -4, 5], object), np.array([17, 2, 3 + 2**20, 12, -11], object)
    return first, other, np.array([1, -1, 3, 5, 7], object) << (ring.k - 4)


def low_bits(_ring: Ring) -> tuple[Array, Array, Array]:
    """The same in the low 8 bits."""
    first = np.array([1, 2, 3, -4, 5], object)
    return first, first + np.array([1, 0, 2, -7, 2**20], object) * 256, first + 2


def same_signs(_ring: Ring) -> tuple[Array, Array, Array]:
    return np.array([1, 2, -3, 0, 9]), np.array([77, 2, -9, 5, 100]), np.array([0, 1, 0, 0, 8])


CASES = {
    "product": (product, opened(("product", 0, SHAPE), ("twice", 0, SHAPE)), high_bits),
    "matrices": (matrices, opened(("product", 0, (1, 1))), high_bits),
    "chain": (chain, opened(("chain", 0, SHAPE)), low_bits),
    "told": (shown, to_each, high_bits),
    "signs": (signs, opened(("below", 1, SHAPE)), same_signs),
    "as integers": (as_integers, opened(("below", 0, (1, *SHAPE))), same_signs),
    "low": (low, opened(("low", 8, SHAPE)), low_bits),
}
SETTINGS = [
    Setting("spdz2k", ("A", "B"), computing, "D")
    for computing in (("A", "B"), ("B", "A"), ("A", "X", "Y"), ("X", "Y", "A"))
]


def twice(
    name: str, setting: Setting, ring: Ring, others: Callable[[Ring], tuple[Array, Array, Array]]
) -> tuple[dict[tuple[str, str, str], bytes], dict[tuple[str, str, str], bytes]]:
    """What all parties but A see of a case, told with one input of A and with the other."""
    program, manifest, _ = CASES[name]
    one, two, rest = (ring.encode(values) for values in others(ring))
    first = Run(setting, ring, program, "A", {"A": one, "B": rest})
    first.play(manifest(setting, ring))
    again = Again(first, {"A": two, "B": rest})
    again.play(manifest(setting, ring))
    return first.seen(), again.seen()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
@pytest.mark.parametrize("ring", [Z2_32, Z2_64, Z2_128], ids=str)
def test_views_follow_from_another_input_as_well(name: str, setting: Setting, ring: Ring) -> None:
    one, two = twice(name, setting, ring, CASES[name][2])
    assert one == two
    assert len(one) > 15


@pytest.mark.parametrize("name", CASES)
def test_the_dealer_is_sent_nothing(name: str) -> None:
    """But that it may go on."""
    setting, (program, manifest, others) = SETTINGS[1], CASES[name]
    one, _, rest = (Z2_64.encode(values) for values in others(Z2_64))
    run = Run(setting, Z2_64, program, "A", {"A": one, "B": rest})
    run.play(manifest(setting, Z2_64))
    sent = [m for (_, to), messages in run.transcript.items() if to == "D" for m in messages]
    assert len(sent) >= 3
    assert not any(data for _, data in sent)


# The test above finds what it is there to find.


def test_an_input_with_other_outputs_is_seen() -> None:
    """At the opening, and not before."""
    one, two = twice("product", SETTINGS[0], Z2_32, low_bits)
    differ = {name[2].split(" ")[0] for name in one if one[name] != two[name]}
    assert differ == {"open#5", "check#6", "confirm#7"}


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_high_bits_without_a_mask_are_seen(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what is opened, and of what is revealed to one party."""
    with monkeypatch.context() as patch:
        patch.setattr(Spdz2k, "_masked", lambda _self, x, _r: x)
        one, two = twice("product", setting, Z2_32, high_bits)
        assert one != two
    monkeypatch.setattr(High, "draw", lambda _self, ring, shape, *_: ring.zeros(shape))
    one, two = twice("told", setting, Z2_32, high_bits)
    assert one != two
