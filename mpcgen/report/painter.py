"""The process that draws, on a socket that is its standard input: `parties.painting` starts it."""

import os
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from mpcgen.report.drawing import draw
from mpcgen.report.layouts import from_bytes


def main() -> None:
    """Draw what is asked for until nobody can ask any more."""
    asked: Any = Connection(os.dup(0))
    with suppress(EOFError):
        while True:
            plot = from_bytes(asked.recv_bytes())
            try:
                draw(plot)
            except Exception:  # who asked draws it again, and meets the error there
                sys.exit(1)
            asked.send_bytes(b"drawn")


if __name__ == "__main__":
    main()
