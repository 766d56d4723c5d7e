"""One party that tampers with one message, and what becomes of the others.

A cheater runs the honest program and changes what leaves it at one place: it alters, drops,
repeats, delays or misdirects one of its messages, from the agreement on keys to the end. When its
own program stops, it is silent.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, TypeAlias

import numpy as np

from mpcgen.abb import Box
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel, MessageLog
from mpcgen.prg import Prg
from mpcgen.protocols.engines import ENGINES
from mpcgen.ring import Array
from tests.attacks.still import COMPARED, StillNetwork, step
from tests.conformance import SESSION, Setting
from tests.outcomes import outcomes

Seen: TypeAlias = Mapping[str, Array | None]
Payload: TypeAlias = bytes | memoryview
Transcript: TypeAlias = dict[tuple[str, str], list[tuple[str, bytes]]]
"""Sender and receiver -> labels and payloads, in order."""
Ended: TypeAlias = Mapping[str, Seen | BaseException]

KINDS: Final = ("alter its start", "alter its end", "drop", "repeat", "delay", "misdirect")

CAUGHT: Final = "caught"  # an honest party stopped all and named the cheater; nothing was opened
WITHOUT_EFFECT: Final = "without effect"  # everybody has the right values
NOTICED: Final = "noticed too late, or another named"
MISLED: Final = "made an honest party send what it would not"
WRONG: Final = "accepted with a wrong value"
VERDICTS: Final = (CAUGHT, WITHOUT_EFFECT, NOTICED, MISLED, WRONG)


@dataclass(frozen=True)
class Scene:
    """A program, and the lines of its manifest; a secret revealed to one is named after it.

    Attributes:
        with_keys: the agreement on keys is attacked too.
    """

    program: Callable[[Box], Seen]
    manifest: Callable[[Setting], Sequence[Opening]]
    with_keys: bool = False


@dataclass(frozen=True)
class Attack:
    """What a cheater does, and with which of its messages."""

    cheater: str
    kind: str
    index: int


NOBODY: Final = Attack("", "none", -1)


class Tampering:
    """A channel that carries out an attack, and counts what is sent over it."""

    def __init__(self, channel: Channel, attack: Attack, network: StillNetwork):
        self.sent = 0
        self._attack, self._round = attack, dict[str, Payload]()
        self._held: tuple[str, str, bytes] | None = None
        self._send, self._exchange = channel._send, channel.exchange
        channel._send = self.send  # type: ignore[method-assign]
        channel.exchange = self.exchange  # type: ignore[method-assign]
        channel.abort = lambda reason: None  # type: ignore[method-assign]
        channel.close = lambda: network.end(channel.me)  # type: ignore[method-assign]

    def exchange(
        self, label: str, send: Mapping[str, Payload], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        """Exchange as the channel does, and remember what is sent."""
        self._round = dict(send)
        return self._exchange(label, send, receive)

    def send(self, peer: str, label: str, payload: Payload) -> None:
        """Send as the channel does, but for the message under attack."""
        here, self.sent = self.sent == self._attack.index, self.sent + 1
        for changed in self._changed(peer, label, bytes(payload)) if here else [bytes(payload)]:
            self._send(peer, label, changed)
        if not here and self._held is not None and self._held[0] == peer:
            self._send(*self._held)
            self._held = None

    def _changed(self, peer: str, label: str, payload: bytes) -> list[bytes]:
        match self._attack.kind:
            case "alter its start":
                return [bytes([payload[0] ^ 1]) + payload[1:] if payload else b"\1"]
            case "alter its end":
                return [payload[:-1] + bytes([payload[-1] ^ 128]) if payload else b"\1\1"]
            case "repeat":
                return [payload, payload]
            case "delay":
                self._held = (peer, label, payload)
                return []
            case "misdirect":
                others = [bytes(data) for to, data in self._round.items() if to != peer]
                return others[:1] or [payload[::-1]]
        return []


@dataclass(frozen=True)
class Run:
    """How a run ended, and how far everybody was.

    Attributes:
        steps: operations that each party had begun.
        opened: the last operation in which an honest party sent what it opens.
        transcript: what honest parties sent.
        sent: number of the cheater's messages.
    """

    ended: Ended
    steps: Mapping[str, int]
    opened: int
    transcript: Transcript
    sent: int


def play(
    setting: Setting,
    scene: Scene,
    attack: Attack,
    *,
    seed: int = 0,
    cheat: Callable[[Box], None] = lambda _box: None,
) -> Run:
    """Run a scene with one cheater.

    Args:
        cheat: what it does to its box.
    """
    network = StillNetwork(setting.everybody, attack.cheater)
    boxes: dict[str, Box] = {}
    opened = [0]
    tampered: list[Tampering] = []
    transcript: Transcript = {}

    def part(channel: Channel) -> Seen:
        place = setting.everybody.index(channel.me)
        if channel.me != attack.cheater:
            record(channel, transcript)
        elif scene.with_keys:
            tampered.append(Tampering(channel, attack, network))
        channel.bind_session(SESSION)
        seat = setting.seat(channel.me)
        leakage, own = Leakage(scene.manifest(setting)), Prg.for_tests_only(100 * seed + place)
        set_up = ENGINES[setting.engine].set_up
        box = boxes[channel.me] = set_up(channel, seat, leakage, SESSION, 0, own)
        if channel.me == attack.cheater:
            cheat(box)
            if not scene.with_keys:
                tampered.append(Tampering(channel, attack, network))
        seen = scene.program(box)
        box.confirm()
        return seen

    def log(name: str) -> MessageLog:
        def note(way: str, _peer: str, label: str, _counter: int, _length: int) -> None:
            operation, within = step(label)
            shown = within == 1 and label.startswith(("open", "reveal"))
            if shown and way == "sent" and name != attack.cheater:
                opened.append(operation)

        return note

    ended = outcomes(setting.everybody, part, log=log, network=network)
    ended.pop(setting.dealer, None)  # it learns nothing, and is told of nothing
    steps = {name: boxes[name]._counter if name in boxes else 0 for name in setting.parties}
    return Run(ended, steps, max(opened), transcript, sum(each.sent for each in tampered))


def record(channel: Channel, transcript: Transcript) -> None:
    """Note what a party sends."""
    honest = channel._send

    def send(peer: str, label: str, payload: Payload) -> None:
        transcript.setdefault((channel.me, peer), []).append((label, bytes(payload)))
        honest(peer, label, payload)

    channel._send = send  # type: ignore[method-assign]


def misled(run: Run, usual: Transcript) -> bool:
    """Whether an honest party sent anything that it does not send where nobody cheats.

    If not, the cheater learns nothing from the others that it would not learn by being honest.
    Digests of what the cheater itself has given are the exception.
    """
    return any(
        sent != due and step(sent[0])[1] != COMPARED
        for way, messages in run.transcript.items()
        for sent, due in zip_longest(messages, usual[way][: len(messages)], fillvalue=("", b""))
    )


def attacks(setting: Setting, scene: Scene, kinds: Sequence[str]) -> Iterator[Attack]:
    """These kinds of attack of every party, at each of its messages."""
    for cheater in setting.parties:
        messages = play(setting, scene, Attack(cheater, "none", -1)).sent
        for index in range(messages):
            yield from (Attack(cheater, kind, index) for kind in kinds)


def sampled(
    setting: Setting, scene: Scene, kinds: Sequence[str], every: int = 1
) -> Iterator[Attack]:
    """Every n-th message of every party is altered; of these each fourth suffers more besides."""
    altered, others = kinds[:2], kinds[2:]
    for place, cheater in enumerate(setting.parties):
        messages = play(setting, scene, Attack(cheater, "none", -1)).sent
        for n, index in enumerate(range(place % every, messages, every)):
            yield Attack(cheater, altered[n % 2], index)
            if n % 4 == 0:
                yield Attack(cheater, others[n // 4 % len(others)], index)


Attacks: TypeAlias = Callable[[Setting, Scene, Sequence[str]], Iterator[Attack]]


def verdict(run: Run, attack: Attack, right: Seen, usual: Transcript) -> str:
    """What became of an attack, one of VERDICTS."""
    honest = {name: end for name, end in run.ended.items() if name != attack.cheater}
    failed = {name: end for name, end in honest.items() if isinstance(end, BaseException)}
    if any(not same(end, right, name) for name, end in honest.items() if name not in failed):
        return WRONG
    if misled(run, usual):
        return MISLED
    if not failed:
        return WITHOUT_EFFECT
    causes = [str(error) for error in failed.values() if " aborted: " not in str(error)]
    named = causes and all(re.search(rf"\b{attack.cheater}\b", text) for text in causes)
    late = run.opened > min(run.steps[name] for name in failed)
    return CAUGHT if named and not late else NOTICED


def same(seen: object, right: Seen, name: str) -> bool:
    """Whether a party saw what it should: all that is opened, and what is revealed to it."""
    assert isinstance(seen, Mapping)
    wanted = {
        label: value if not label.startswith("reveal") or label.endswith(f":{name}") else None
        for label, value in right.items()
    }
    return seen.keys() == wanted.keys() and all(
        np.array_equal(seen[label], value) if value is not None else seen[label] is None
        for label, value in wanted.items()
    )


Judge: TypeAlias = Callable[[Run, Attack, Seen, Transcript], str]


def tally(
    setting: Setting,
    scene: Scene,
    right: Seen,
    kinds: Sequence[str] = KINDS,
    attacks: Attacks = attacks,
    judge: Judge = verdict,
) -> dict[str, Counter[str]]:
    """How many attacks of each kind there are of each verdict."""
    found: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    usual = play(setting, scene, NOBODY).transcript
    for attack in attacks(setting, scene, kinds):
        run = play(setting, scene, attack)
        found[attack.kind][judge(run, attack, right, usual)] += 1
    return found


def told(setting: Setting, name: str, found: Mapping[str, Counter[str]]) -> str:
    """A line for people."""
    total: Counter[str] = sum(found.values(), Counter())
    every = VERDICTS if total.keys() <= {*VERDICTS} else sorted(total)
    words = ", ".join(f"{total[word]} {word}" for word in every)
    return f"{setting}, {name}: {total.total()} attacks: {words}"
