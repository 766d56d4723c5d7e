"""Behind mpcgen.bits: integers to bit planes, by a compiled kernel."""

from typing import Any

import numpy as np
import numpy.typing as npt

from mpcgen.jit import load

Bytes = npt.NDArray[Any]
_loops = load("mpcgen.bit_loops")


def bit_planes(x: Bytes, bits: int) -> Bytes:
    """Bits, lowest first, of little-endian integers (rows, m, size): (bits, rows, ceil(m / 8))."""
    planes = np.empty((bits, x.shape[0], -(-x.shape[1] // 8)), np.uint8)
    _loops.fill_bit_planes(x, planes)
    return planes
