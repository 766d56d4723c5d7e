"""Behind mpcgen.bits, by compiled kernels: integers to bit planes, products of shared bits."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mpcgen.jit import load

Array = npt.NDArray[Any]
TILE: Final = 1 << 11  # elements whose bytes stay in the first-level cache
_loops = load("mpcgen.bit_loops")
_PLANES: Final = {
    (2, 1): _loops.planes8,
    (2, 4): _loops.planes32,
    (2, 8): _loops.planes64,
    (3, 8): _loops.planes128,
}  # by axes and bytes of a word


def fill_planes(x: Array, positions: Sequence[int], planes: Array) -> None:
    """Write bits of integers into planes (n, rows, ceil(m / 8)), one for each of n positions.

    Args:
        x: words (rows, m) or pairs of words (rows, m, 2).
    """
    row_of = np.full(8 * (max(positions) // 8 + 1), -1)
    row_of[list(positions)] = np.arange(len(positions))
    fill = _PLANES[x.ndim, x.itemsize]
    lanes, tile = np.empty(TILE, np.uint8), np.empty((8, TILE // 8), np.uint8)
    fill(np.ascontiguousarray(x).reshape(len(x), -1), row_of, lanes, tile, planes)


def add_cross(z: Array, x: tuple[Array, Array], y: tuple[Array, Array]) -> Array:
    """Return z + x_0 y_0 + x_0 y_1 + x_1 y_0 for bits in bytes of one shape."""
    out = np.empty(z.shape, np.uint8)
    _loops.add_cross(*(np.ascontiguousarray(part).reshape(-1) for part in (z, *x, *y, out)))
    return out
