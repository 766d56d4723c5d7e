"""The loop behind mpcgen.bit_kernels, which Numba compiles."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import uint8, uint64

from mpcgen.compiler import kernel, reads, writes

Bytes = npt.NDArray[Any]
BLOCK = 1 << 10  # bytes of a plane that stay in the first-level cache


@kernel(reads(np.uint8, 3), writes(np.uint8, 3))
def fill_bit_planes(x: Bytes, planes: Bytes) -> None:
    """planes[b, r, i] has bit b of x[r, 8 i .. 8 i + 7]; the last byte's padding is 0.

    Eight bytes make a matrix of 8 x 8 bits, which is transposed in three steps of swaps (Warren,
    Hacker's Delight, 2nd edition, section 7-3).
    """
    for row in range(x.shape[0]):
        for start in range(0, planes.shape[2], BLOCK):
            stop = min(start + BLOCK, planes.shape[2])
            for byte in range((len(planes) + 7) // 8):
                high = min(8, len(planes) - 8 * byte)
                for i in range(start, stop):
                    word = uint64(0)
                    for lane in range(min(8, x.shape[1] - 8 * i)):
                        word |= uint64(x[row, 8 * i + lane, byte]) << uint64(8 * lane)
                    swap = (word ^ (word >> uint64(7))) & uint64(0x00AA00AA00AA00AA)
                    word ^= swap ^ (swap << uint64(7))
                    swap = (word ^ (word >> uint64(14))) & uint64(0x0000CCCC0000CCCC)
                    word ^= swap ^ (swap << uint64(14))
                    swap = (word ^ (word >> uint64(28))) & uint64(0x00000000F0F0F0F0)
                    word ^= swap ^ (swap << uint64(28))
                    for b in range(high):
                        planes[8 * byte + b, row, i] = uint8(word >> uint64(8 * b))
