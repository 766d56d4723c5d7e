"""What a relay is started with: where it listens, and whom it lets in."""

import errno
import re
import socket
from pathlib import Path
from typing import Final

from mpcgen.errors import ConfigError, PortTaken, reason
from mpcgen.net.address import split

BACKLOG: Final = 128
MAX_BYTES: Final = 1 << 20
"""Of the file with those who may come."""
_LINE = re.compile(r"\s*([0-9a-f]{64})?\s*(#.*)?")


def listening(address: str) -> socket.socket:
    """A socket that listens at HOST:PORT and nowhere else; `*` as HOST is every interface.

    Raises:
        PortTaken: another process listens there.
        ConfigError: this is no address, not one of this machine's, or not this user's to take.
    """
    host, port = split(address)
    try:
        if host == "*":
            both = socket.has_dualstack_ipv6()
            family = socket.AF_INET6 if both else socket.AF_INET
            return socket.create_server(
                ("", port), family=family, backlog=BACKLOG, dualstack_ipv6=both
            )
        family, *_, where = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(where[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"the relay cannot listen at {address}: another process does") from None
        hint = "; ports below 1024 are for root" if error.errno == errno.EACCES else ""
        raise ConfigError(
            f"the relay cannot listen at {address}: {error.strerror or error}{hint}"
        ) from None


def read_allowed(path: Path) -> frozenset[bytes]:
    """The identities that a file lists: 64 hexadecimal digits a line, # before a remark.

    Raises:
        ConfigError: the file cannot be read, is too long, has a line that is something else, or
            lists nobody.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        why = reason(error) if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"the identities cannot be read: {why}", path=path) from None
    if len(text) > MAX_BYTES:
        raise ConfigError(f"at most {MAX_BYTES} bytes are read", path=path)
    identities: set[bytes] = set()
    for number, line in enumerate(text.splitlines(), 1):
        found = _LINE.fullmatch(line)
        if not found:
            raise ConfigError(
                "an identity is 64 hexadecimal digits, as `mpcgen identity` prints it",
                path=path,
                line=number,
            )
        if found[1]:
            identities.add(bytes.fromhex(found[1]))
    if not identities:
        raise ConfigError("it lists nobody", path=path)
    return frozenset(identities)
