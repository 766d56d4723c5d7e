"""A relay of tests, on loopback, in a thread of its own."""

import hashlib
import io
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Unpack

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mpcgen.net.channel import ChannelOptions
from mpcgen.net.handshake import public_bytes
from mpcgen.net.relay.channel import Relay, RelayChannel
from mpcgen.net.relay.entry import enter
from mpcgen.net.relay.frames import Frame, Kind, Login
from mpcgen.net.relay.gate import Limits, Log
from mpcgen.net.relay.hub import Hub
from mpcgen.net.relay.wire import Wire
from tests.net_conformance import PATIENCE
from tests.ports import LOOPBACK

IDENTITIES = {  # fixed, since who begins a handshake depends on them
    name: Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    for name in ("A", "B", "C", "relay", "stranger")
}
LIMITS = Limits()
STUDY = b"the hash of a plan"


def public(name: str) -> bytes:
    return public_bytes(IDENTITIES[name])


class RunningHub:
    """A hub, and what it wrote."""

    def __init__(
        self,
        allowed: Collection[bytes] | None = None,
        limits: Limits = LIMITS,
        port: int = 0,
        kind: type[Hub] = Hub,
    ):
        listener = socket.create_server((LOOPBACK, port))
        self.port = listener.getsockname()[1]
        self.address = f"{LOOPBACK}:{self.port}"
        self._log = io.StringIO()
        self.hub = kind(listener, IDENTITIES["relay"], allowed, Log(self._log), limits)
        self.thread = threading.Thread(target=self.hub.run)
        self.thread.start()

    def lines(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self._log.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]

    def await_lines(self, event: str, number: int) -> list[dict[str, Any]]:
        """The lines of an event, once there are so many."""
        until(lambda: len(self.lines(event)) >= number)
        return self.lines(event)

    def stop(self) -> None:
        self.hub.stop()
        self.thread.join()


def until(true: Callable[[], object]) -> None:
    """Wait for what another thread does; an error after PATIENCE."""
    stop = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < stop
        time.sleep(0.005)


@contextmanager
def running_hub(
    allowed: Collection[bytes] | None = None,
    limits: Limits = LIMITS,
    port: int = 0,
    kind: type[Hub] = Hub,
) -> Iterator[RunningHub]:
    hub = RunningHub(allowed, limits, port, kind)
    try:
        yield hub
    finally:
        hub.stop()


def joined(
    me: str,
    names: Collection[str],
    address: str,
    *,
    key: str = "",
    relay: str = "relay",
    proxy: str = "",
    study: bytes = STUDY,
    **options: Unpack[ChannelOptions],
) -> RelayChannel:
    """A party's channel; `key` and `relay` are whose identities it uses and expects."""
    at = Relay(address, public(relay), proxy)
    peers = {name: public(name) for name in names if name != me}
    options = {"timeout": PATIENCE, "connect_timeout": PATIENCE, **options}
    return RelayChannel(me, at, IDENTITIES[key or me], peers, study, **options)


class Raw:
    """A member that has logged in and does what no party of ours would."""

    def __init__(self, me: str, names: Collection[str], address: str, room: bytes = b"r" * 32):
        peers = tuple(public(name) for name in names if name != me)
        login = Login(room, bytes(16), peers)
        self.wire: Wire = enter(Relay(address, public("relay")), IDENTITIES[me], login)
        self._came: list[Frame] = []

    def send(self, frame: Frame) -> None:
        self.wire.push(frame)
        while not self.wire.flush():
            select.select([], [self.wire.socket], [], PATIENCE)

    def receive(self, kind: Kind) -> Frame:
        """The next frame of a kind; those of others are dropped."""
        stop = time.monotonic() + PATIENCE
        while True:
            while self._came:
                if (frame := self._came.pop(0)).head.kind is kind:
                    return frame
            assert time.monotonic() < stop
            if self.wire.ended:
                raise EOFError
            select.select([self.wire.socket], [], [], 1.0)
            self._came += self.wire.receive()

    def is_cut(self) -> bool:
        """Whether the relay ends the connection; waits for it."""
        with suppress(EOFError, OSError):
            while True:
                self.receive(Kind.END)
        return True

    def close(self) -> None:
        self.wire.socket.close()

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
