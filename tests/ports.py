"""Ports for parties of tests."""

from mpcgen.net.ports import LOOPBACK, free_ports

__all__ = ["LOOPBACK", "free_ports"]
