"""A TCP connection to where a party dials out to, straight or through a proxy (HTTP CONNECT).

CONNECT is RFC 9110, 9.3.6. What a proxy answers is read up to the end of its header, at most
MAX_ANSWER bytes. A proxy that asks for a password is refused: there is no safe place for one here.
"""

import re
import socket
import time
from typing import Final

from mpcgen.errors import ConfigError, TransportError
from mpcgen.net.address import split

MAX_ANSWER: Final = 1 << 13
"""Most bytes of a proxy's answer."""
PASSWORD_WANTED: Final = b"407"
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: ([\x20-\x7e]{0,100}))?[^\n]*\n")
_END = re.compile(rb"\r?\n\r?\n")


def proxy_address(url: str) -> str:
    """HOST:PORT of http://HOST:PORT; ConfigError where it is anything else."""
    if not url.startswith("http://") or "@" in url:
        raise ConfigError(f"a proxy is written http://HOST:PORT, without a password: {url!r}")
    address = url.removeprefix("http://").removesuffix("/")
    split(address)
    return address


def dial(address: str, proxy: str, timeout: float) -> socket.socket:
    """A connected socket to HOST:PORT, by way of the proxy at HOST:PORT where there is one.

    Args:
        timeout: seconds for the connection and, again, for the proxy's answer.

    Raises:
        TransportError: what is missing: a host of that name, somebody who listens, or the proxy's
            consent.
    """
    hop = proxy or address
    host, port = split(hop)
    try:
        connection = socket.create_connection((host.strip("[]"), port), timeout)
    except OSError as error:
        what = f"the proxy at {hop} is not there" if proxy else f"nobody listens at {hop}"
        raise TransportError(f"{what} ({error.strerror or error})") from None
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if proxy:
            _through(connection, proxy, address, time.monotonic() + timeout)
    except BaseException:
        connection.close()
        raise
    return connection


def _through(connection: socket.socket, proxy: str, address: str, deadline: float) -> None:
    request = f"CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
    try:
        connection.sendall(request)
        answer = _answer(connection, deadline)
    except OSError as error:
        raise TransportError(
            f"the proxy at {proxy} did not answer ({error.strerror or error})"
        ) from None
    status, end = _STATUS.match(answer), _END.search(answer)
    if not status or not end:
        raise TransportError(f"who listens at {proxy} does not answer as an HTTP proxy does")
    if not status[1].startswith(b"2"):
        words = b" ".join(filter(None, status.groups())).decode("ascii").strip()
        hint = ": it wants a password, and none is sent" if status[1] == PASSWORD_WANTED else ""
        raise TransportError(f"the proxy at {proxy} does not connect to {address}: {words}{hint}")
    if end.end() != len(answer):  # the other end speaks only after us
        raise TransportError(f"the proxy at {proxy} said more than its answer")


def _answer(connection: socket.socket, deadline: float) -> bytes:
    """What the proxy says, up to the empty line."""
    answer = b""
    while not _END.search(answer) and len(answer) < MAX_ANSWER:
        # A proxy that says a byte now and then is not waited for longer.
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        part = connection.recv(MAX_ANSWER - len(answer))
        if not part:
            break
        answer += part
    return answer
