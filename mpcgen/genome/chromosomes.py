"""Human chromosomes: PLINK's integer codes, the names that files use, and ploidy.

Codes are 1-22, X 23, Y 24, XY (the pseudo-autosomal regions) 25, MT 26, and 0 for a variant
that PLINK has not placed (PLINK 1.9 manual, 'Chromosomes').
"""

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mpcgen.genome.columns import Strings, encode, strings, take

UNPLACED: Final = 0
X: Final = 23
Y: Final = 24
XY: Final = 25
MT: Final = 26
UNKNOWN: Final = -1

NAMES: Final = ("0", *map(str, range(1, 23)), "X", "Y", "XY", "MT")
_ALIASES: Final = {"M": MT, "PAR": XY, "PAR1": XY, "PAR2": XY}
_CODES: Final = {
    **{str(code): code for code in range(MT + 1)},
    **{name: code for code, name in enumerate(NAMES)},
    **_ALIASES,
}


class Ploidy(IntEnum):
    """How many copies of a chromosome a person carries."""

    DIPLOID = 0  # 1-22 and XY
    X = 1  # males one copy; females and people of unknown sex two
    Y = 2  # males one copy; nobody else is counted
    MT = 3  # one copy for everybody


def code_of(name: str) -> int:
    """Return the code of a chromosome's name ('7', 'chrX', 'M', 'PAR1'), or UNKNOWN."""
    plain = name.upper().removeprefix("CHR")
    return _CODES.get(plain, _CODES.get(plain.lstrip("0"), UNKNOWN))


def codes_of(names: Strings) -> NDArray[np.int8]:
    """Return the codes of a column of names, UNKNOWN where there is none."""
    indices, distinct = encode(names)
    return np.array([code_of(name) for name in distinct], np.int8)[indices]


def names_of(codes: NDArray[np.int8]) -> Strings:
    """Return PLINK's names (1-22, X, Y, XY, MT) of a column of codes."""
    return take(strings(NAMES), codes)


def ploidy_of(codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return the Ploidy class of every code."""
    classes = np.full(MT + 1, Ploidy.DIPLOID, np.int8)
    classes[[X, Y, MT]] = Ploidy.X, Ploidy.Y, Ploidy.MT
    return classes[codes]


def position_keys(codes: NDArray[np.int8], pos: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return (chromosome, position) as one number that sorts as they do."""
    return (codes.astype(np.int64) << 32) + pos
