"""Ports that the operating system gives to nobody else, and other processes choose neither."""

import socket
import subprocess
import sys
from itertools import repeat

import pytest

from mpcgen.net import ports
from mpcgen.net.ports import BLOCKS, LOOPBACK, free_ports

SHOW = "from mpcgen.net.ports import free_ports; print(*free_ports(3)); input()"


def test_no_port_is_chosen_twice() -> None:
    mine = [*free_ports(3), *free_ports(3)]
    other = subprocess.Popen(
        [sys.executable, "-c", SHOW], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    theirs = [int(word) for word in other.stdout.readline().split()]
    mine += free_ports(3)
    other.communicate("that is all")
    assert len({*mine, *theirs}) == len(mine) + 3 == 12
    assert BLOCKS.start < min(mine)
    assert max(mine) < BLOCKS.stop


def test_a_port_is_free_once_its_listener_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though its last connection, which it ended, is remembered for a minute."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setattr(ports, "_block", lambda: (None, repeat(port)))
        with pytest.raises(OSError, match="no 1 ports are free"):
            free_ports(1)
        with socket.create_connection((LOOPBACK, port)) as dialled:
            listener.accept()[0].close()
            assert dialled.recv(1) == b""
    assert free_ports(1) == [port]
