"""Several hosts on one machine: network namespaces of Linux, joined by cables of their own.

A namespace has its own interfaces, addresses and ports. Making one takes root (CAP_NET_ADMIN and
CAP_SYS_ADMIN) and iproute2's `ip` and `tc`.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from mpcgen.errors import MpcgenError

MIDDLE = "relay"
"""The host that has a cable to each of the others."""
BURST = "32kbit"  # tbf: what may go at once
QUEUE = "400ms"  # tbf: how long a packet may wait before it is dropped


class NoHosts(MpcgenError):
    """Network namespaces cannot be made here."""


@dataclass(frozen=True)
class Hosts:
    """Hosts that are there, each with its address.

    Attributes:
        addresses: of the others; and of the one in the middle, the same for all of them.
    """

    addresses: Mapping[str, str]
    _names: Mapping[str, str]

    def command(self, host: str, *words: object) -> list[str]:
        """A command as it runs on a host."""
        return ["ip", "netns", "exec", self._names[host], *map(str, words)]

    def cut(self, host: str) -> None:
        """Pull the cable of a host; its connections are not told."""
        _ip("-n", self._names[host], "link", "set", "up0", "down")

    def mend(self, host: str) -> None:
        """Put the cable of a host back."""
        _ip("-n", self._names[host], "link", "set", "up0", "up")
        if MIDDLE in self.addresses:  # the way goes with the cable
            _ip("-n", self._names[host], "route", "add", "default", "via", self.gateway(host))

    def gateway(self, host: str) -> str:
        """The middle's end of the cable of a host."""
        return self.addresses[host].rpartition(".")[0] + ".1"


def why_not() -> str:
    """Why hosts cannot be made here; empty: they can."""
    for program in ("ip", "tc"):
        if shutil.which(program) is None:
            return f"there is no `{program}`: install iproute2"
    name = f"mpcgen-{os.getpid()}-tried"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except NoHosts as error:
        return f"network namespaces are not permitted: {error}"
    return ""


@contextmanager
def hosts(names: Sequence[str], *, mbit: float, joined: bool) -> Iterator[Hosts]:
    """Make hosts for as long as the block runs.

    Args:
        names: of all but the one in the middle.
        mbit: rate of every cable, each way, Mbit/s (token bucket).
        joined: whether the hosts reach each other: the middle is a switch then, and no host of its
            own. Otherwise each reaches the middle alone, which forwards nothing.

    Raises:
        NoHosts: it is not permitted here, or a step failed.
    """
    spaces = {name: f"mpcgen-{os.getpid()}-{name}" for name in (*names, MIDDLE)}
    if joined:
        addresses = {name: f"10.77.0.{i}" for i, name in enumerate(names, 2)}
    else:
        addresses = {name: f"10.77.{i}.2" for i, name in enumerate(names)} | {MIDDLE: "10.77.255.1"}
    made = Hosts(addresses, spaces)
    with ExitStack() as ending:
        for space in spaces.values():
            _ip("netns", "add", space)
            ending.callback(_ip, "netns", "del", space)
            _ip("-n", space, "link", "set", "lo", "up")
        _set_up_middle(spaces[MIDDLE], joined=joined)
        for number, name in enumerate(names):
            _lay_cable(made, name, number, mbit, joined=joined)
        yield made


def _set_up_middle(space: str, *, joined: bool) -> None:
    if joined:
        _ip("-n", space, "link", "add", "switch", "type", "bridge")
        _ip("-n", space, "link", "set", "switch", "up")
        return
    _ip("-n", space, "addr", "add", "10.77.255.1/32", "dev", "lo")
    # A new namespace may have it from the machine's own settings.
    forwarding = "/proc/sys/net/ipv4/ip_forward"
    _call("ip", "netns", "exec", space, "sh", "-c", f"echo 0 > {forwarding}")


def _lay_cable(made: Hosts, name: str, number: int, mbit: float, *, joined: bool) -> None:
    own, middle = made._names[name], made._names[MIDDLE]
    port = f"to{number}"
    ends = ("up0", "netns", own, "type", "veth", "peer", "name", port, "netns", middle)
    _ip("link", "add", *ends)
    _ip("-n", own, "addr", "add", f"{made.addresses[name]}/24", "dev", "up0")
    for space, end in ((own, "up0"), (middle, port)):
        rate = ("rate", f"{mbit:g}mbit", "burst", BURST, "latency", QUEUE)
        _call("ip", "netns", "exec", space, "tc", "qdisc", "add", "dev", end, "root", "tbf", *rate)
        _ip("-n", space, "link", "set", end, "up")
    if joined:
        _ip("-n", middle, "link", "set", port, "master", "switch")
    else:
        _ip("-n", middle, "addr", "add", f"{made.gateway(name)}/24", "dev", port)
        _ip("-n", own, "route", "add", "default", "via", made.gateway(name))


def _ip(*words: str) -> None:
    _call("ip", *words)


def _call(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoHosts(f"`{' '.join(words)}`: {done.stderr.strip() or 'failed'}")
