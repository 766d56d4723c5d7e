"""All parties of a session as threads over the memory transport."""

from mpcgen.net.memory import in_threads

__all__ = ["in_threads"]
