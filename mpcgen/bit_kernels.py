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
    fill = _PLANES[x.ndim, x.itemsize]
    flat = np.ascontiguousarray(x).reshape(len(x), -1)
    fill(flat, _row_of(positions), *_room(), planes)


def fill_levels(
    tables: Sequence[Array], forms: Sequence[Sequence[int]], rows: Array, planes: Array
) -> None:
    """Write whether linear forms of all columns of tables of words, (m, c) each, are above v.

    Args:
        rows: (forms, levels): where in planes (n, ceil(m / 8)) the bits for v = 0, 1 ... go; -1
            where a form has none.
    """
    m, width = len(tables[0]), sum(table.shape[1] for table in tables)
    if any(len(table) != m for table in tables) or any(len(form) != width for form in forms):
        raise ValueError(f"forms of {width} columns have as many factors, and columns one length")
    used = sorted({c for form in forms for c, factor in enumerate(form) if factor})
    terms = [[(used.index(c), factor) for c, factor in enumerate(form) if factor] for form in forms]
    columns = np.array([c for form in terms for c, _ in form], np.int64)
    factors = np.array([factor for form in terms for _, factor in form], np.int64)
    starts = np.cumsum([0, *map(len, terms)])
    places = [_place(table, c) for table in tables for c in range(table.shape[1])]
    addresses, steps = np.array([places[c] for c in used], np.int64).reshape(-1, 2).T.copy()
    _loops.levels_of_forms(
        *(m, addresses, steps, starts, columns, factors.astype(np.uint32)),
        np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8)), constant_values=-1),
        *(np.empty((len(used), TILE), np.uint32), np.empty(TILE, np.uint32), *_room(), planes),
    )


def _place(table: Array, column: int) -> tuple[int, int]:
    """The address of a column of words, and the bytes from one to the next."""
    if table.dtype != np.int32 or not table.dtype.isnative:
        raise TypeError(f"forms are of columns of int32, not {table.dtype}")
    return table.__array_interface__["data"][0] + column * table.strides[1], table.strides[0]


def _row_of(positions: Sequence[int]) -> Array:
    """Bit -> the place of its plane; -1: it has none."""
    row_of = np.full(8 * (max(positions) // 8 + 1), -1)
    row_of[list(positions)] = np.arange(len(positions))
    return row_of


def _room() -> tuple[Array, Array]:
    return np.empty(TILE, np.uint8), np.empty((8, TILE // 8), np.uint8)


def add_cross(z: Array, x: tuple[Array, Array], y: tuple[Array, Array]) -> Array:
    """Return z + x_0 y_0 + x_0 y_1 + x_1 y_0 for bits in bytes of one shape."""
    out = np.empty(z.shape, np.uint8)
    _loops.add_cross(*(np.ascontiguousarray(part).reshape(-1) for part in (z, *x, *y, out)))
    return out
