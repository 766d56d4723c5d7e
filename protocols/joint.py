"""Joint message passing: what two parties know, a third takes from one and checks with the other.

Dalskov, Escudero, Keller: Fantastic Four, Honest-Majority Four-Party Secure Computation With
Malicious Security, USENIX Security 2021 (IACR eprint 2020/1330), section 2.2, protocol 2.

    jmp(v; P_i, P_j -> P_k)   P_i sends v, P_j sends H(v);  P_k compares, or aborts and names both

If at most one party cheats, an honest P_k has the right v or has named a pair with the cheater in
it. P_i and P_j learn nothing, P_k nothing but v.

The digest travels in the round of its message, and P_k compares before it sends anything that
depends on v. The paper collects digests and compares them just before an opening; that is broken
(IACR eprint 2026/234, Eurocrypt 2026): whoever was sent a wrong v answers in the next product with
what is off by a secret share, and the late digest tells by how much.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mpcgen.abb import DIGEST_BYTES, Exchange
from mpcgen.errors import Abort

Buffer: TypeAlias = bytes | memoryview


@dataclass(frozen=True)
class Letter:
    """What two parties know, for others to take from one of them and check with the other.

    Attributes:
        data: buffers of together `length` bytes at sender and backup; elsewhere empty.
    """

    sender: str
    backup: str
    receivers: Sequence[str]
    length: int
    data: Sequence[Buffer]


def pass_jointly(
    exchange: Exchange, me: str, label: str, letters: Sequence[Letter]
) -> list[memoryview]:
    """Pass letters on in one round; what this party receives, in their order.

    Raises:
        Abort: sender and backup of a letter differ; both are named.
    """
    send: dict[str, list[Buffer]] = {}
    due: dict[str, int] = {}
    for letter in letters:
        if me in (letter.sender, letter.backup):
            data = letter.data if me == letter.sender else [digest(letter.data)]
            for receiver in letter.receivers:
                send.setdefault(receiver, []).extend(data)
        if me in letter.receivers:
            due[letter.sender] = due.get(letter.sender, 0) + letter.length
            due[letter.backup] = due.get(letter.backup, 0) + DIGEST_BYTES
    came = exchange.exchange(label, {to: b"".join(data) for to, data in send.items()}, due)
    rest = {peer: memoryview(data) for peer, data in came.items()}
    return [_taken(letter, rest) for letter in letters if me in letter.receivers]


def _taken(letter: Letter, rest: dict[str, memoryview]) -> memoryview:
    """The next letter of what has come, compared; `rest` loses it."""
    data, check = rest[letter.sender][: letter.length], rest[letter.backup][:DIGEST_BYTES]
    rest[letter.sender] = rest[letter.sender][letter.length :]
    rest[letter.backup] = rest[letter.backup][DIGEST_BYTES:]
    if digest([data]) != check:
        raise Abort(f"{letter.sender} and {letter.backup} sent different shares")
    return data


@dataclass(frozen=True)
class Given:
    """What one party gave to several others, and this party has of it."""

    what: str
    giver: str
    to: Sequence[str]
    data: Buffer


def compare(exchange: Exchange, me: str, label: str, given: Sequence[Given]) -> None:
    """Compare digests of what was given with everybody who was given the same, in one round.

    Raises:
        Abort: two parties have different data; the giver and the other party are named.
    """
    mine: dict[str, list[tuple[Given, bytes]]] = {}
    for each in given:
        check = digest([each.data])
        for peer in each.to:
            if peer != me:
                mine.setdefault(peer, []).append((each, check))
    send = {peer: b"".join(check for _, check in checks) for peer, checks in mine.items()}
    came = exchange.exchange(label, send, {peer: len(data) for peer, data in send.items()})
    for peer, checks in mine.items():
        for n, (each, check) in enumerate(checks):
            if came[peer][n * DIGEST_BYTES : (n + 1) * DIGEST_BYTES] != check:
                raise Abort(
                    f"{each.giver} gave {me} and {peer} different {each.what}, or {peer} says so"
                )


def digest(data: Sequence[Buffer]) -> bytes:
    """SHA-256 of buffers, one after the other."""
    state = hashlib.sha256()
    for buffer in data:
        state.update(buffer)
    return state.digest()
