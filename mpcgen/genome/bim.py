"""An institution's .bim file: its variants in file order."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpcgen.genome.chromosomes import UNKNOWN, codes_of
from mpcgen.genome.columns import Strings
from mpcgen.genome.text import Table, integers, read_table, read_text, squeeze_blanks

COLUMNS = ("chromosome", "id", "cM", "position", "allele 1", "allele 2")
MAX_POSITION = 2**31 - 2


@dataclass(frozen=True, eq=False)
class Bim:
    """n variants; row i stands on line i + 1 of the file."""

    path: Path
    chrom: NDArray[np.int8]  # (n,) PLINK's codes; 0 is unplaced
    pos: NDArray[np.int32]  # (n,) base pairs; what is below 1 matches no site
    id: Strings  # (n,)
    ref: Strings  # (n,) column 6
    alt: Strings  # (n,) column 5, PLINK's A1; the allele that the .bed counts

    def __len__(self) -> int:
        return len(self.pos)


def read_bim(path: Path) -> Bim:
    """Read a .bim file, separated by tabs or blanks.

    Raises InputError that names every line with another number of values, an unknown
    chromosome or a position that is no whole number.
    """
    table = bim_table(path, read_text(path))
    return Bim(
        path,
        chromosomes(table, COLUMNS[0]),
        integers(table, COLUMNS[3], -MAX_POSITION, MAX_POSITION, "the position {} is no number"),
        table["id"],
        ref=table[COLUMNS[5]],
        alt=table[COLUMNS[4]],
    )


def bim_table(path: Path, text: bytes, first_line: int = 1) -> Table:
    """Split the text of a .bim file into its columns, without the centimorgans."""
    text = squeeze_blanks(text, len(COLUMNS))
    return read_table(
        text,
        COLUMNS,
        path,
        first_line=first_line,
        wanted=[name for name in COLUMNS if name != "cM"],
    )


def chromosomes(table: Table, column: str) -> NDArray[np.int8]:
    """Return the codes of a column of chromosome names, refusing unknown ones."""
    codes = codes_of(table[column])
    table.refuse(codes == UNKNOWN, "{} is no human chromosome (1-22, X, Y, XY, MT)", column)
    return codes
