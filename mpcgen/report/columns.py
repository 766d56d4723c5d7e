"""Names and types of the result columns, declared once, and the sites that lead every row."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgen.genome.chromosomes import names_of
from mpcgen.genome.columns import Strings

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


@dataclass(frozen=True, eq=False)
class SiteColumns:
    """The study's sites, column by column, in the site list's order; m rows."""

    chrom: NDArray[np.integer]  # PLINK's codes 1-26
    pos: NDArray[np.integer]
    id: Strings
    ref: Strings
    alt: Strings

    def __post_init__(self) -> None:
        if len({len(getattr(self, field.name)) for field in fields(self)}) != 1:
            raise ValueError("the site columns differ in length")

    def __len__(self) -> int:
        return len(self.pos)

    @cached_property
    def leading(self) -> dict[str, Any]:
        """The columns #CHROM POS ID REF ALT, with which frequency and association rows begin."""
        columns = (names_of(self.chrom.astype(np.int8)), self.pos, self.id, self.ref, self.alt)
        return dict(zip(SITE, columns, strict=True))

    def order(self, rank: NDArray[np.integer]) -> NDArray[np.intp]:
        """Rows (m,) by rank (m,) of the chromosome, then position; ties as they stand."""
        return np.lexsort((self.pos, rank))
