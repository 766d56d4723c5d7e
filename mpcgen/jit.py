"""How kernels are compiled: once a machine, then loaded from Numba's cache.

Kernels run without the GIL and are split over threads by their callers: Numba's own thread pool may
be one that dies when two threads enter it, as parties in the threads of one process do.
"""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit, types

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(*signatures: Any) -> Callable[[Function], Function]:
    """Compile for these types, cache, and run without the GIL."""
    compiler: Any = njit(list(signatures), cache=True, nogil=True)
    return compiler  # type: ignore[no-any-return]


def reads(word: Any, ndim: int) -> Any:
    """Type of an argument that is only read: to Numba a read-only array is a type of its own."""
    return types.Array(word, ndim, "C", readonly=True)


def writes(word: Any, ndim: int) -> Any:
    """Type of an argument that is written."""
    return types.Array(word, ndim, "C")


def _load_without_blas() -> None:
    """Load Numba's array functions without scipy.linalg, a third of a second at every start.

    They look for BLAS on import, for an inner product of floats that they have without it too.
    """
    from numba.np import linalg  # noqa: PLC0415

    def absent() -> None:
        raise ImportError

    found, linalg.ensure_blas = linalg.ensure_blas, absent
    try:
        import numba.np.arraymath  # noqa: F401, PLC0415
    finally:
        linalg.ensure_blas = found


with contextlib.suppress(ImportError, AttributeError):  # a Numba built otherwise: only slower
    _load_without_blas()
