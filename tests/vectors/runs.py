"""Vectors of small runs: every message of every party, from fixed keys; and runs that must fail.

docs/vectors.md has the format. `python -m tests.vectors.runs` writes them down.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpcgen import codec
from mpcgen.abb import Box, Seat
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel
from mpcgen.prg import Prg
from mpcgen.protocols.comparison import negative
from mpcgen.protocols.engines import ENGINES
from mpcgen.ring import Array, Ring
from tests.outcomes import everybody, outcomes

FOLDER = Path(__file__).parent / "runs"
SESSION = bytes(range(16))
SIZES = (8, 64)  # k
BITS = 5  # of what is compared
VALUES = {"A": (3, -1, 0, -16), "B": (5, 1, 15, -2), "O": (0, 77, 1, -8)}
OWNERS = tuple(VALUES)
READER = "R"  # the one to whom a value is revealed

Message = tuple[str, str, str]
"""Label, sender, receiver."""


@dataclass(frozen=True)
class Parties:
    """Who takes part: owners, who computes, one who only reads, and a dealer."""

    computing: tuple[str, ...]
    dealer: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*OWNERS, *self.computing, READER)))


@dataclass(frozen=True)
class Spoiled:
    """A message that arrives with one bit changed, or without its last byte.

    Attributes:
        bit: counted from the first byte's lowest; None: the last byte is cut off.
        error: what somebody raises.
        says: words of it.
    """

    message: Message
    bit: int | None
    error: str
    says: str

    def payload(self, data: bytes) -> bytes:
        """What arrives in place of a payload."""
        if self.bit is None:
            return data[:-1]
        changed = bytearray(data)
        changed[self.bit // 8] ^= 1 << self.bit % 8
        return bytes(changed)


PARTIES = {
    "clear": Parties(("A",)),
    "replicated": Parties(("A", "B", "C")),
    "replicated4": Parties(("A", "B", "C", "D")),
    "additive": Parties(("A", "B", "C"), "D"),
    "spdz2k": Parties(("A", "B", "C"), "D"),
}
OTHERS_SAW = "saw other values opened than"
CUT = "BadMessage"
VIEWS_DIFFER = "saw other values than"
WRONG_SHARE = "some computing party sent a wrong share"
OPENED_ANOTHER = "opened something else than it had committed to"
FAILING: Mapping[str, Sequence[Spoiled]] = {
    "clear": (
        Spoiled(("open#3", "A", "R"), 0, "Abort", OTHERS_SAW),
        Spoiled(("confirm#5", "O", "A"), 255, "Abort", f"O {OTHERS_SAW} A did"),
        Spoiled(("x#1", "B", "A"), None, CUT, "B sent 31 bytes"),
    ),
    "replicated": (
        Spoiled(("open#8", "A", "B"), 0, "Abort", OTHERS_SAW),
        Spoiled(("open#8", "C", "R"), 0, "Abort", "C and B sent different shares"),
        Spoiled(("O#9", "B", "R"), 511, "Abort", "C and B sent different shares"),
        Spoiled(("mul#2", "B", "A"), None, CUT, "B sent 31 bytes"),
    ),
    "replicated4": (
        Spoiled(("keys", "D", "A"), 0, "Abort", "different keys"),
        Spoiled(("keys compared", "C", "B"), 0, "Abort", "A gave B and C different keys"),
        Spoiled(("x#1", "B", "A"), 0, "Abort", "B gave"),
        Spoiled(("mul#2", "B", "A"), 0, "Abort", "B and D sent different shares"),
        Spoiled(("mul#2", "D", "A"), 0, "Abort", "C and D sent different shares"),
        Spoiled(("mul#2", "D", "A"), 511, "Abort", "B and D sent different shares"),
        Spoiled(("matmul#3", "C", "D"), 100, "Abort", "B and C sent different shares"),
        Spoiled(("compare#6", "A", "C"), 3, "Abort", "A and B sent different shares"),
        Spoiled(("open#8", "A", "R"), 0, "Abort", "D and A sent different shares"),
        Spoiled(("open#8", "B", "R"), 1023, "Abort", "A and B sent different shares"),
        Spoiled(("confirm#10", "R", "O"), 0, "Abort", f"R {OTHERS_SAW} O did"),
        Spoiled(("compare/addends#4", "D", "A"), None, CUT, "D sent 6 bytes"),
    ),
    "additive": (
        Spoiled(("open#7", "A", "B"), 0, "Abort", OTHERS_SAW),
        Spoiled(("mul#2", "D", "C"), None, CUT, "D sent 31 bytes"),
    ),
    "spdz2k": (
        Spoiled(("x#1", "O", "B"), 0, "Abort", "O gave"),
        Spoiled(("x#1 compared", "C", "A"), 0, "Abort", "gave A and C different masked inputs"),
        Spoiled(("mul#2", "A", "B"), 0, "Abort", VIEWS_DIFFER),
        Spoiled(("matmul#3", "D", "C"), 0, "Abort", WRONG_SHARE),
        Spoiled(("compare/addends#4", "D", "C"), 512, "Abort", WRONG_SHARE),
        Spoiled(("compare#5", "B", "C"), 7, "Abort", VIEWS_DIFFER),
        Spoiled(("masks#6 seeds", "A", "B"), 0, "Abort", f"A {OPENED_ANOTHER}"),
        Spoiled(("masks#6 committed", "A", "C"), 256, "Abort", "A saw other seeds than C did"),
        Spoiled(("masks#6 sums", "A", "B"), 300, "Abort", f"A {OPENED_ANOTHER}"),
        Spoiled(("masks#8", "D", "C"), 0, "Abort", WRONG_SHARE),
        Spoiled(("open#9", "C", "B"), 0, "Abort", VIEWS_DIFFER),
        Spoiled(("open#9 told", "A", "R"), 0, "Abort", "A and B opened different values"),
        Spoiled(("O#10 opened", "B", "A"), 5, "Abort", VIEWS_DIFFER),
        Spoiled(("O#10 told", "C", "R"), 5, "Abort", "A and C opened different values"),
        Spoiled(("confirm#12", "R", "O"), 0, "Abort", f"R {OTHERS_SAW} O did"),
        Spoiled(("mul#2", "D", "C"), None, CUT, "D sent 255 bytes"),
    ),
}


def play(engine: str, k: int, spoiled: Spoiled | None = None) -> tuple[dict[str, Any], list[Any]]:
    """How a run ended for each party, and its messages in order."""
    who, messages = PARTIES[engine], dict[Message, str]()
    leakage = [Opening(label, k, shape, who.names) for label, shape in
               (("product", (4,)), ("matrix", (2, 2)), ("total", (4,)))]  # fmt: skip
    leakage += [Opening("below", 1, (4,), who.names), Opening("O", k, (4,), (READER,))]

    def part(channel: Channel) -> dict[str, bytes]:
        me, honest = channel.me, channel._send

        def send(peer: str, label: str, payload: bytes | memoryview) -> None:
            message, data = (label, me, peer), bytes(payload)
            assert message not in messages
            messages[message] = data.hex()
            changed = spoiled is not None and spoiled.message == message
            honest(peer, label, spoiled.payload(data) if changed and spoiled else data)

        channel._send = send  # type: ignore[method-assign]
        channel.bind_session(SESSION)
        own = Prg(_key(engine, me), fixed=True).for_session(SESSION, 0)
        seat = Seat(me, who.names, OWNERS, who.computing, dealer=who.dealer)
        box = ENGINES[engine].set_up(channel, seat, Leakage(leakage), SESSION, 0, own)
        return program(box, Ring(k))

    ended = outcomes([*who.names, *filter(None, [who.dealer])], part)
    return ended, [[*message, messages[message]] for message in sorted(messages, key=_order)]


def program(box: Box, ring: Ring) -> dict[str, bytes]:
    """The run, as docs/vectors.md has it; what this party sees, as canonical bytes."""
    mine = ring.encode(list(VALUES[box.me])) if box.me in OWNERS else None
    x = box.input("x", ring, (4,), mine)
    product = box.mul(x["A"], x["B"])
    matrix = box.matmul(x["A"].reshape(2, 2), x["B"].reshape(2, 2))
    below = negative(box, x["A"], BITS)
    bits = box.open_bits({"below": below}, 4)["below"]
    seen: dict[str, Array] = box.open(
        {"product": product, "matrix": matrix, "total": x["A"] + x["B"] + x["O"]}
    )
    if (revealed := box.reveal("O", x["O"], READER)) is not None:
        seen["O"] = revealed
    box.confirm()
    opened = {label: ring.to_bytes(value) for label, value in seen.items()}
    return {"below": box.bits.to_bytes(box.bits.pack(bits)), **opened}


def _key(engine: str, party: str) -> bytes:
    """The key of a party's generator, as good as any."""
    return codec.digest("mpcgen vectors", [engine, party])


def _order(message: Message) -> tuple[int, Message]:
    """The agreement on keys first, then by the counter in the label."""
    found = re.search(r"#(\d+)", message[0])
    return int(found[1]) if found else 0, message


def vector(engine: str) -> dict[str, Any]:
    """All that there is of an engine, as JSON has it."""
    who = PARTIES[engine]
    names = [*who.names, *filter(None, [who.dealer])]
    return {
        "engine": engine,
        "parties": who.names,
        "owners": OWNERS,
        "computing": who.computing,
        "dealer": who.dealer,
        "session": SESSION.hex(),
        "keys": {name: _key(engine, name).hex() for name in names},
        "inputs": VALUES,
        "runs": [_run(engine, k) for k in SIZES],
        "failing": [
            {
                "k": SIZES[-1], "message": each.message, "bit": each.bit,
                "error": each.error, "says": each.says,
            }
            for each in FAILING[engine]
        ],
    }  # fmt: skip


def _run(engine: str, k: int) -> dict[str, Any]:
    ended, messages = play(engine, k)
    seen = everybody(ended)[READER]
    return {
        "k": k,
        "seen": {label: data.hex() for label, data in seen.items()},
        "messages": messages,
    }


def text(engine: str) -> str:
    """The file of an engine: a message a line."""
    lines = json.dumps(vector(engine), indent=1)
    return re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: f"[{_one_line(m[1])}]", lines) + "\n"


def _one_line(inner: str) -> str:
    return re.sub(r"\s*\n\s*", " ", inner)


def path(engine: str) -> Path:
    return FOLDER / f"{engine}.json"


if __name__ == "__main__":
    for name in PARTIES:
        path(name).write_text(text(name))
