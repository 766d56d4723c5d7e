"""An operator's stop, control-C or SIGTERM, waits where it would leave something half made."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from mpcgen.net.channel import Channel

STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep an operator's stop until the block is left; processes forked in it begin with it kept.

    The mask is this thread's alone: where another one takes the stop, Python would still end the
    main one in the middle of the block.
    """
    kept: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    handlers = {kind: signal.getsignal(kind) for kind in STOPS} if main else {}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    for kind in handlers:
        signal.signal(kind, lambda kind, _frame: kept.append(kind))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for kind, handler in handlers.items():
            signal.signal(kind, handler)
        for stop in kept[:1]:
            signal.raise_signal(stop)


def whole(connect: Callable[[], Channel]) -> Channel:
    """A channel that a stop finds either not begun, or whole, and then closed.

    ZeroMQ waits without end for a socket that was made and that nobody has got.
    """
    channel = None
    try:
        with undisturbed():
            channel = connect()
    except BaseException:
        with channel or nullcontext():
            raise
    return channel
