"""The replicated engine once more, as one slow function that plays all parties, in Python integers.

Written from the docstring of mpcgen.protocols.replicated, on hashlib and AES alone. It makes the
messages of a small run from fixed keys; `python -m tests.vectors.reference` writes them down.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

VECTORS = Path(__file__).parent / "replicated.json"

PARTIES = ("A", "B", "C", "O", "R")
OWNERS = ("A", "B", "O")
COMPUTING = ("A", "B", "C")
SESSION = bytes(range(16))
VALUES = {"A": (3, -1), "B": (5, 1 << 30), "O": (0, 77)}

Words = list[int]
Message = tuple[str, str, str, bytes]
"""Label, sender, receiver, payload."""


def derived(key: bytes, canonical: str) -> bytes:
    """The key of a stream or of a session, from its canonical name."""
    return hashlib.blake2b(
        canonical.encode("ascii"), digest_size=32, key=key, person=b"mpcgen prg"
    ).digest()


def stream(key: bytes, label: str, counter: int, n: int) -> bytes:
    """AES-256 in counter mode from 0, as single encryptions of a 128-bit counter."""
    own = derived(key, f'["{label}",{counter}]')
    aes = Cipher(algorithms.AES256(own), modes.ECB()).encryptor()
    return b"".join(aes.update(i.to_bytes(16, "big")) for i in range(-(-n // 16)))[:n]


class Run:
    """One run: input of all owners, product of A's and B's, two openings, one reveal to C."""

    def __init__(self, k: int, seed: int):
        self.k, self.size = k, -(-k // 8)
        self.messages: list[Message] = []
        seeds = (f'["mpcgen test seed",{seed + n}]' for n in range(len(PARTIES)))
        own = {p: hashlib.sha256(s.encode()).digest() for p, s in zip(PARTIES, seeds, strict=True)}
        self.keys = self._keys({p: self._for_session(key) for p, key in own.items()})
        x = {owner: self._input(owner) for owner in OWNERS}
        z = self._product(x["A"], x["B"])
        total = [self._add(x[owner][j] for owner in OWNERS) for j in range(3)]
        self.opened = {"product": self._sum(*z), "sum": self._sum(*total), "O": self._sum(*x["O"])}
        self._open("open#3", [z, total])
        self.send("O#4", "B", "C", self.pack(x["O"][1]))
        seen = b"".join(self._noted(label) for label in ("product", "sum"))
        for one in PARTIES:
            for other in PARTIES:
                if one != other:
                    self.send("confirm#5", one, other, hashlib.sha256(seen).digest())

    def send(self, label: str, sender: str, receiver: str, payload: bytes) -> None:
        self.messages.append((label, sender, receiver, payload))

    def pack(self, words: Words) -> bytes:
        return b"".join((w % (1 << self.k)).to_bytes(self.size, "little") for w in words)

    def draw(self, key: bytes, label: str, counter: int) -> Words:
        data = stream(key, label, counter, 2 * self.size)
        words = (data[: self.size], data[self.size :])
        return [int.from_bytes(word, "little") % (1 << self.k) for word in words]

    def _for_session(self, key: bytes) -> bytes:
        return derived(key, f'["session",{{"hex":"{SESSION.hex()}"}},0]')

    def _keys(self, own: dict[str, bytes]) -> dict[Any, bytes]:
        """k_0, k_1, k_2 of the computing parties, and two of the owner outside; who gets them."""
        made: dict[Any, bytes] = {}
        for j, party in enumerate(COMPUTING):
            made[j] = stream(own[party], "key", j, 32)
            self.send("keys", party, COMPUTING[j - 1], made[j])
        made["O", 0] = stream(own["O"], "owner key", 0, 32)
        made["O", 1] = stream(own["O"], "owner key", 1, 32)
        self.send("keys", "O", "A", made["O", 0] + made["O", 1])
        self.send("keys", "O", "B", made["O", 1])
        self.send("keys", "O", "C", made["O", 0])
        return {name: self._for_session(key) for name, key in made.items()}

    def _input(self, owner: str) -> list[Words]:
        """x_0, x_1, x_2 of an owner's values."""
        x: list[Words] = [[0, 0], [0, 0], [0, 0]]
        rest = list(VALUES[owner])
        if owner in COMPUTING:
            i = COMPUTING.index(owner)
            drawn, sent = {i: self.keys[i]}, (i + 1) % 3
        else:
            drawn, sent = {0: self.keys["O", 0], 1: self.keys["O", 1]}, 2
        for j, key in drawn.items():
            x[j] = self.draw(key, f"x#1/{owner}", 1)
            rest = [a - b for a, b in zip(rest, x[j], strict=True)]
        x[sent] = rest
        for holder in (COMPUTING[sent], COMPUTING[sent - 1]):
            if holder != owner:
                self.send("x#1", owner, holder, self.pack(rest))
        return x

    def _product(self, x: list[Words], y: list[Words]) -> list[Words]:
        zero = [self.draw(self.keys[j], "mul#2/0", 2) for j in range(3)]
        z: list[Words] = []
        for i, party in enumerate(COMPUTING):
            n = (i + 1) % 3
            z.append([
                x[i][e] * y[i][e] + x[i][e] * y[n][e] + x[n][e] * y[i][e]
                + zero[i][e] - zero[n][e]
                for e in range(2)
            ])  # fmt: skip
            self.send("mul#2", party, COMPUTING[i - 1], self.pack(z[i]))
        return z

    def _open(self, label: str, secrets: Sequence[list[Words]]) -> None:
        shares = [b"".join(self.pack(x[j]) for x in secrets) for j in range(3)]
        for i, party in enumerate(COMPUTING):
            self.send(label, party, COMPUTING[(i + 1) % 3], shares[i])
            digest = hashlib.sha256(shares[(i + 1) % 3]).digest()
            for guest in ("O", "R"):
                self.send(label, party, guest, shares[i] + digest)

    def _sum(self, *x: Words) -> bytes:
        return self.pack(self._add(x))

    def _add(self, x: Iterable[Words]) -> Words:
        return [sum(words) for words in zip(*x, strict=True)]

    def _noted(self, label: str) -> bytes:
        parts = (label.encode(), self.opened[label])
        return b"".join(hashlib.sha256(part).digest() for part in parts)


def vector(k: int, seed: int) -> dict[str, Any]:
    """A run as JSON has it; messages sorted by label, sender and receiver."""
    run = Run(k, seed)
    return {
        "k": k,
        "seed": seed,
        "opened": {label: value.hex() for label, value in run.opened.items()},
        "messages": [[*message[:3], message[3].hex()] for message in sorted(run.messages)],
    }


if __name__ == "__main__":
    made = [vector(k, seed) for k, seed in ((2, 1), (8, 2), (32, 3), (64, 4), (128, 5))]
    VECTORS.write_text(json.dumps(made, indent=1) + "\n")
