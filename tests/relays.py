"""A relay of tests, on loopback, in a thread of its own."""

import io
import json
import socket
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Unpack

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mpcgen.net.channel import ChannelOptions
from mpcgen.net.handshake import public_bytes
from mpcgen.net.relay.channel import Relay, RelayChannel
from mpcgen.net.relay.gate import Limits, Log
from mpcgen.net.relay.hub import Hub
from tests.net_conformance import PATIENCE
from tests.ports import LOOPBACK, free_ports

IDENTITIES = {name: Ed25519PrivateKey.generate() for name in ("A", "B", "C", "relay", "stranger")}
LIMITS = Limits()
STUDY = b"the hash of a plan"


class RunningHub:
    """A hub, and what it wrote."""

    def __init__(
        self,
        allowed: Collection[bytes] | None = None,
        limits: Limits = LIMITS,
        port: int | None = None,
    ):
        self.port = port or free_ports(1)[0]
        self.address = f"{LOOPBACK}:{self.port}"
        self._log = io.StringIO()
        self.hub = Hub(
            socket.create_server((LOOPBACK, self.port)),
            IDENTITIES["relay"],
            allowed,
            Log(self._log),
            limits,
        )
        self.thread = threading.Thread(target=self.hub.run)
        self.thread.start()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.getvalue().splitlines()]

    def lines_of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    def stop(self) -> None:
        self.hub.stop()
        self.thread.join()


@contextmanager
def running_hub(
    allowed: Collection[bytes] | None = None, limits: Limits = LIMITS, port: int | None = None
) -> Iterator[RunningHub]:
    hub = RunningHub(allowed, limits, port)
    try:
        yield hub
    finally:
        hub.stop()


def joined(
    me: str,
    names: Collection[str],
    address: str,
    *,
    proxy: str = "",
    study: bytes = STUDY,
    **options: Unpack[ChannelOptions],
) -> RelayChannel:
    relay = Relay(address, public_bytes(IDENTITIES["relay"]), proxy)
    peers = {name: public_bytes(IDENTITIES[name]) for name in names if name != me}
    options = {"timeout": PATIENCE, "connect_timeout": PATIENCE, **options}
    return RelayChannel(me, relay, IDENTITIES[me], peers, study, **options)
