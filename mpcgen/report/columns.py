"""Names and types of the result columns, declared once, and the sites that lead every row.

In tables, chromosomes carry the names that PLINK 2 writes: 1-22, X, Y, XY (the pseudo-autosomal
part of X) and MT.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpcgen.report.text import texts

if TYPE_CHECKING:
    import pyarrow as pa

SITE = ("#CHROM", "POS", "ID", "REF", "ALT")
FREQUENCY = (
    *SITE, "AC", "AN", "AF", "HOM_REF_CT", "HET_CT", "HOM_ALT_CT", "HAP_REF_CT", "HAP_ALT_CT",
    "MISSING_CT", "CALL_RATE",
)  # fmt: skip
ASSOCIATION = (
    *SITE, "A1", "A1_CASE_CT", "CASE_ALLELE_CT", "A1_CTRL_CT", "CTRL_ALLELE_CT", "TEST", "OBS_CT",
    "CHISQ", "DF", "OR", "SE", "L95", "U95", "P", "NEG_LOG10_P",
)  # fmt: skip
LD = ("#CHROM_A", "POS_A", "ID_A", "CHROM_B", "POS_B", "ID_B", "N", "R", "R2")

TEXT = frozenset(
    ("#CHROM", "ID", "REF", "ALT", "A1", "TEST", "#CHROM_A", "ID_A", "CHROM_B", "ID_B")
)
REAL = frozenset(
    ("AF", "CALL_RATE", "CHISQ", "OR", "SE", "L95", "U95", "P", "NEG_LOG10_P", "R", "R2")
)

X, Y, XY, MT = 23, 24, 25, 26
CHROM_NAMES = ("0", *map(str, range(1, 23)), "X", "Y", "XY", "MT")
VCF_NAMES = ("0", *map(str, range(1, 23)), "X", "Y", "X", "MT")
SSF_CODES = np.array([*range(24), 24, 23, 25])


def chrom_names(codes: ArrayLike, names: Sequence[str] = CHROM_NAMES) -> "pa.StringArray":
    """PLINK's chromosome codes 1-26 (m,) as names."""
    import pyarrow as pa  # noqa: PLC0415

    return pa.array(names, pa.string()).take(pa.array(np.asarray(codes)))


@dataclass(frozen=True)
class SiteColumns:
    """The study's sites, column by column, in the site list's order; m rows."""

    chrom: NDArray[np.integer]  # PLINK's codes 1-26
    pos: NDArray[np.integer]
    id: "pa.StringArray"
    ref: "pa.StringArray"
    alt: "pa.StringArray"

    def __post_init__(self) -> None:
        for name in ("chrom", "pos"):
            object.__setattr__(self, name, np.asarray(getattr(self, name)))
        for name in ("id", "ref", "alt"):
            object.__setattr__(self, name, texts(getattr(self, name)))
        if len({len(getattr(self, field.name)) for field in fields(self)}) != 1:
            raise ValueError("the site columns differ in length")

    def __len__(self) -> int:
        return len(self.pos)

    @cached_property
    def leading(self) -> dict[str, Any]:
        """The columns #CHROM POS ID REF ALT with which frequency and association rows begin."""
        return dict(
            zip(SITE, (chrom_names(self.chrom), self.pos, self.id, self.ref, self.alt), strict=True)
        )

    def order(self, rank: NDArray[np.integer]) -> NDArray[np.intp]:
        """Rows (m,) by rank (m,) of the chromosome, then position; ties as they stand."""
        return np.lexsort((self.pos, rank))
