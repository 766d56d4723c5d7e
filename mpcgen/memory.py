"""How a process keeps its memory."""

import ctypes

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
