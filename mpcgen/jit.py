"""How kernels are compiled: once a machine, then loaded from Numba's cache.

Kernels run without the GIL and are split over threads by their callers: Numba's own thread pool may
be one that dies when two threads enter it, as parties in the threads of one process do.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from numba import njit, types
from numba.core.runtime.nrt import rtsys

Function = TypeVar("Function", bound=Callable[..., Any])


def cores() -> int:
    """How many processors this process may use; not every system can restrict them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def kernel(*signatures: Any) -> Callable[[Function], Function]:
    """Compile for these types, cache, and run without the GIL."""

    def compiled(function: Function) -> Function:
        dispatcher: Any = njit(cache=True, nogil=True)(function)
        cache = dispatcher._cache
        if hasattr(cache, "_load_overload"):
            cache.load_overload = partial(_load_overload, cache)
        for signature in signatures:
            dispatcher.compile(signature)
        dispatcher.disable_compile()
        return dispatcher  # type: ignore[no-any-return]

    return compiled


def reads(word: Any, ndim: int) -> Any:
    """Type of an argument that is only read: to Numba a read-only array is a type of its own."""
    return types.Array(word, ndim, "C", readonly=True)


def writes(word: Any, ndim: int) -> Any:
    """Type of an argument that is written."""
    return types.Array(word, ndim, "C")


def _load_overload(cache: Any, signature: Any, context: Any) -> Any:
    """Load compiled code as Numba's cache does, but without all that only compiling needs.

    Numba first imports every function that it could compile, scipy.linalg among them: half a
    second at every start. What is not in the cache is compiled as ever, and imports it then.
    """
    rtsys.initialize(context)
    with cache._guard_against_spurious_io_errors():
        return cache._load_overload(signature, context)
