"""A TCP connection to where a party dials out to, straight or through a proxy (HTTP CONNECT).

CONNECT is RFC 9110, 9.3.6; user and password in the proxy's address are sent as Basic (RFC 7617).
What a proxy answers is read up to the end of its header, at most MAX_ANSWER bytes, and no further.
"""

import base64
import re
import socket
import time
from dataclasses import dataclass, field
from typing import Final

from mpcgen.errors import ConfigError, TransportError
from mpcgen.net.address import split

MAX_ANSWER: Final = 1 << 13
"""Most bytes of a proxy's answer."""
_PROXY = re.compile(r"http://(?:([^@/\s]*)@)?([^@/\s]+)/?")
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: ([\x20-\x7e]{0,100}))?[^\n]*\r?\n")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy on the way out.

    Attributes:
        address: its HOST:PORT.
        user: USER:PASSWORD, empty where it asks for none.
    """

    address: str
    user: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> "Proxy":
        """Read http://[USER:PASSWORD@]HOST:PORT, with %XX for what is special; else ConfigError."""
        found = _PROXY.fullmatch(text)
        if not found:
            raise ConfigError(
                "a proxy is written http://HOST:PORT or http://USER:PASSWORD@HOST:PORT"
            )
        split(found[2])
        return cls(found[2], _ESCAPE.sub(lambda m: chr(int(m[1], 16)), found[1] or ""))

    def request(self, address: str) -> bytes:
        """What asks the proxy for a connection to `address`."""
        lines = [f"CONNECT {address} HTTP/1.1", f"Host: {address}"]
        if self.user:
            lines.append(
                "Proxy-Authorization: Basic " + base64.b64encode(self.user.encode()).decode()
            )
        return "\r\n".join([*lines, "", ""]).encode()


def dial(address: str, proxy: Proxy | None, timeout: float) -> socket.socket:
    """A connected socket to HOST:PORT, in at most about `timeout` seconds.

    Raises:
        TransportError: what is missing: a host of that name, somebody who listens, or the proxy's
            consent.
    """
    deadline = time.monotonic() + timeout
    hop = address if proxy is None else proxy.address
    host, port = split(hop)
    what = f"nobody listens at {hop}" if proxy is None else f"the proxy at {hop} is not there"
    try:
        connection = socket.create_connection((host.strip("[]"), port), timeout)
    except OSError as error:
        raise TransportError(f"{what} ({error.strerror or error})") from None
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if proxy is not None:
            _through(connection, proxy, address, deadline)
    except BaseException:
        connection.close()
        raise
    return connection


def _through(connection: socket.socket, proxy: Proxy, address: str, deadline: float) -> None:
    where = f"the proxy at {proxy.address}"
    try:
        connection.sendall(proxy.request(address))
        answer = _answer(connection, deadline)
    except OSError as error:
        raise TransportError(f"{where} did not answer ({error.strerror or error})") from None
    status = _STATUS.match(answer)
    end = _END.search(answer)
    if not status or not end:
        raise TransportError(f"{where} does not answer as an HTTP proxy does")
    if not status[1].startswith(b"2"):
        words = b" ".join(filter(None, status.groups())).decode("ascii")
        hint = "; give user and password in its address" if status[1] == b"407" else ""
        raise TransportError(f"{where} refuses to connect to {address}: {words}{hint}")
    if end.end() != len(answer):
        raise TransportError(f"{where} said more than its answer")


def _answer(connection: socket.socket, deadline: float) -> bytes:
    """What the proxy says, up to the empty line; the other end speaks only after us."""
    answer = b""
    while not _END.search(answer) and len(answer) < MAX_ANSWER:
        # A proxy that says a byte now and then is not waited for longer.
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        part = connection.recv(MAX_ANSWER - len(answer))
        if not part:
            break
        answer += part
    return answer
