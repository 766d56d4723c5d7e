"""HOST:PORT as plans write it, and as ZeroMQ wants it."""

import re
import socket

from mpcgen.errors import ConfigError

ADDRESS = re.compile(r"(?:tcp://)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+|\*):([0-9]{1,5})")


def split(address: str) -> tuple[str, int]:
    """Host and port of HOST:PORT ([IPv6]:PORT); ConfigError where it is none."""
    found = ADDRESS.fullmatch(address)
    if not found or not 0 < int(found[2]) < 1 << 16:
        raise ConfigError(f"{address!r} is no address; HOST:PORT with a port of 1 to 65535 is")
    return found[1], int(found[2])


def dialable(address: str) -> str:
    """The endpoint to connect to; names are looked up at every attempt."""
    host, port = split(address)
    if host == "*":
        raise ConfigError(f"nobody can be reached at {address!r}; a peer needs a host")
    return f"tcp://{host}:{port}"


def bindable(address: str) -> str:
    """The endpoint to listen at; a name is looked up here, `*` means every interface."""
    host, port = split(address)
    if host == "*" or host.startswith("["):
        return f"tcp://{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        raise ConfigError(f"the host in {address!r} is unknown here") from None
    return f"tcp://{found[0][4][0]}:{port}"
