"""What strangers may cost a relay, and what it writes down.

Connections are limited before they have said anything, and a flood of them, or of parties that come
and go, is no flood of lines.
"""

import ipaddress
import json
import resource
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TextIO

RESERVED: Final = 32
"""Descriptors for all else."""
LINES: Final = 10
"""Lines of one kind that are told at once, of comings for example; afterwards one a second."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a relay takes on at most.

    Attributes:
        connections: of parties and strangers together.
        each: ... of one identity, which has one in each of its studies.
        pending: connections that have not shown an identity yet.
        pending_each: ... from one address (IPv6: one network of 64 bits).
        handshake_seconds: how long they may take for it.
        budget: bytes held for those who do not read.
    """

    connections: int = 512
    each: int = 64
    pending: int = 128
    pending_each: int = 16
    handshake_seconds: float = 10.0
    budget: int = 1 << 30


def affordable(limits: Limits) -> Limits:
    """The same, with no more connections than this process may have descriptors."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return replace(limits, connections=min(limits.connections, max(1, soft - RESERVED)))


class Door:
    """The connections that have not shown an identity yet."""

    def __init__(self, limits: Limits):
        self._limits = limits
        self._pending: Counter[str] = Counter()

    def closed_to(self, address: str, connections: int) -> str:
        """Why another connection from that address is not taken now; empty where it is."""
        if connections >= self._limits.connections:
            return "too many connections"
        if self._pending[network(address)] >= self._limits.pending_each:
            return "too many unknown connections from one address"
        if self._pending.total() >= self._limits.pending:
            return "too many unknown connections"
        return ""

    def enter(self, address: str) -> None:
        """A connection was taken."""
        self._pending[network(address)] += 1

    def leave(self, address: str) -> None:
        """It has shown its identity, or has gone."""
        self._pending[network(address)] -= 1
        if not self._pending[network(address)]:
            del self._pending[network(address)]


def network(address: str) -> str:
    """What counts as one address: whoever has an IPv6 address has its 2^64 neighbours too."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.version == 4:
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


class Log:
    """Lines of JSON: time, event and what belongs to it."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic):
        self._stream, self._clock = stream, clock
        self._allowance: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self._untold: Counter[str] = Counter()

    def write(self, event: str, **fields: object) -> None:
        """One line."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        with suppress(OSError):  # a log that cannot be written stops no study
            self._stream.write(json.dumps({"time": moment, "event": event, **fields}) + "\n")
            self._stream.flush()

    def note(self, event: str, **fields: object) -> None:
        """One line for what anybody may bring about at will; where it is too often, only its count.

        Args:
            event: from a closed list, since each has its own allowance.
        """
        self._note(event, event, fields)

    def refuse(self, why: str, **fields: object) -> None:
        """The same for a refusal.

        Args:
            why: from a closed list, since each has its own allowance.
        """
        self._note(f"refused: {why}", "refused", {"why": why, **fields})

    def _note(self, kind: str, event: str, fields: dict[str, object]) -> None:
        now = self._clock()
        earned = self._allowance.get(kind, LINES) + now - self._told.get(kind, now)
        self._allowance[kind], self._told[kind] = min(earned, LINES), now
        if self._allowance[kind] < 1:
            self._untold[kind] += 1
            return
        self._allowance[kind] -= 1
        more = self._untold.pop(kind, 0)
        self.write(event, **fields, **({"untold_before": more} if more else {}))
