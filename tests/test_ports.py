"""Ports that the operating system gives to nobody else, and other processes choose neither."""

import subprocess
import sys

from mpcgen.net.ports import BLOCKS, free_ports

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
