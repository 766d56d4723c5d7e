"""The process that draws, on a socket that is its standard input: `parties.painting` starts it."""

import atexit
import os
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any


def main() -> None:
    """Draw what is asked for until nobody can ask any more."""
    # Called last, after what the drawing library registers: taking an interpreter down that is full
    # of its objects costs a fifth of a second, which who asked would wait for.
    atexit.register(os._exit, 0)
    asked: Any = Connection(os.dup(0))
    try:
        serve(asked)
    except Exception:  # who asked draws it again, and meets the error there
        sys.exit(1)


def serve(asked: Any) -> None:
    """Load what draws, at once, then answer each plot when its files stand."""
    from mpcgen.report.drawing import draw  # noqa: PLC0415
    from mpcgen.report.layouts import from_bytes  # noqa: PLC0415

    with suppress(EOFError):
        while True:
            draw(from_bytes(asked.recv_bytes()))
            asked.send_bytes(b"drawn")


if __name__ == "__main__":
    main()
