"""How a process keeps its memory, and what it does not look at."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of mallopt (malloc.h of the GNU C library)
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Use freed memory again instead of returning it, where the C library can be told so.

    By default an array of megabytes is given back as soon as it is freed and the next one comes as
    new pages, which the kernel must clear: half of the time of comparisons went into that.
    """
    tell = getattr(ctypes.CDLL(None), "mallopt", None)
    if tell is not None:
        tell(_MMAP_THRESHOLD, _NEVER)
        tell(_TRIM_THRESHOLD, _NEVER)


@contextmanager
def here_to_stay() -> Iterator[None]:
    """What the block makes lives as long as the process: the garbage collector never looks at it.

    Modules and a study are a hundred thousand objects, which it would walk again and again while
    they are made, in every process forked from here, and at the end: a fifth of a second a run.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
