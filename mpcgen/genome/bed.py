"""PLINK 1 binary genotypes (.bed), memory-mapped and never expanded.

After three bytes (magic 6c 1b, then 1 for variant-major order) come the variants, one row each:
two bits a person, four people a byte, the first in the lowest bits. Codes, with A1 the .bim's
fifth column: 00 two copies of A1, 01 missing, 10 heterozygous, 11 none. (PLINK 1.9 documentation,
file formats, '.bed') After the last person PLINK 1.9 and 2 write 00; some others (gaston) write 01.
"""

import mmap
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import InputError, reason

HEADER: Final = 3
_MAGIC: Final = b"\x6c\x1b"
_SAMPLE_MAJOR, _VARIANT_MAJOR = 0, 1
_HIGH_BITS: Final = 0b10101010  # set where one of the four is heterozygous or has no A1


class BedFile:
    """The rows of one .bed file; a context manager.

    `data` holds the whole file, uint8 and read-only; variant v begins at HEADER + v * row_bytes.
    """

    def __init__(self, path: Path | str, n_samples: int, n_variants: int):
        """Map the file, whose .fam has n_samples rows and whose .bim has n_variants.

        Raises InputError: no such file, empty, not a .bed, in sample-major order, or of another
        length than n_samples and n_variants ask for.
        """
        self.path = Path(path)
        self.n_samples, self.n_variants = n_samples, n_variants
        self.row_bytes = -(-n_samples // 4)
        try:
            with self.path.open("rb") as file:
                size = self.path.stat().st_size
                self._check_header(file.read(HEADER))
                self._check_size(size)
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise InputError(reason(error), path=path) from error
        self.data: NDArray[np.uint8] = np.frombuffer(self._map, np.uint8)

    def _check_header(self, header: bytes) -> None:
        if not header:
            raise InputError("is empty", path=self.path)
        if header[:2] != _MAGIC:
            raise InputError(
                f"is not a PLINK 1 .bed file: it begins with {header[:2].hex(' ')}, not 6c 1b",
                path=self.path,
            )
        if header[2:] == bytes([_SAMPLE_MAJOR]):
            raise InputError(
                "is in sample-major order; `plink --make-bed` rewrites it in variant-major order",
                path=self.path,
            )
        if header[2:] != bytes([_VARIANT_MAJOR]):
            raise InputError(
                f"is not a PLINK 1 .bed file: its third byte is '{header[2:].hex()}', not 01",
                path=self.path,
            )

    def _check_size(self, size: int) -> None:
        """Tell a file that was cut short from one that belongs to another .bim or .fam."""
        people, variants = self.n_samples, self.n_variants
        body, expected = size - HEADER, variants * self.row_bytes
        if body == expected:
            return
        if body and self.row_bytes and body % self.row_bytes == 0:
            found = body // self.row_bytes
            what = f"does not match its .bim: it holds {found} variants, the .bim has {variants}"
        elif body and variants and body % variants == 0:
            found = body // variants * 4
            what = (
                f"does not match its .fam: it holds {found - 3} to {found} people, "
                f"the .fam has {people}"
            )
        elif body < expected:
            what = "is truncated"
        else:
            what = "is longer than its .bim and .fam say"
        raise InputError(
            f"{what} ({people} people and {variants} variants take {expected + HEADER} bytes, "
            f"the file has {size})",
            path=self.path,
        )

    def starts(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the offset in `data` of each row; rows of -1 stay -1."""
        return np.where(rows < 0, -1, HEADER + rows * self.row_bytes)

    def check_padding(self, starts: NDArray[np.int64]) -> None:
        """Refuse rows, by their offsets in `data`, with genotypes of more people than the .fam has.

        One or two lost lines of a .fam often leave the length of a row what it was. Raises
        InputError that names the first row.
        """
        if self.n_samples % 4 == 0:
            return
        beyond = _HIGH_BITS & 0xFF << 2 * (self.n_samples % 4)
        wrong = np.flatnonzero(self.data[starts + (self.row_bytes - 1)] & np.uint8(beyond))
        if wrong.size:
            line = int(starts[wrong[0]] - HEADER) // self.row_bytes + 1
            raise InputError(
                f"variant {line} (by its line in the .bim) has genotypes of people beyond the "
                f".fam, which has {self.n_samples} people; give the .fam of this very .bed; if "
                "it is, `plink --make-bed` rewrites the .bed",
                path=self.path,
            )

    def release(self) -> None:
        """Give the pages that were read back to the system; reading maps them again."""
        self._map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Unmap the file. No array on `data` may be used afterwards."""
        del self.data
        self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
