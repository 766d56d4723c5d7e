"""The columns that lead result rows, and which of all columns are no whole numbers."""

from typing import Any

from mpcgen.genome.sites import SiteList

SITE = ("#CHROM", "POS", "ID", "REF", "ALT")
LD_SITES = ("#CHROM_A", "POS_A", "ID_A", "CHROM_B", "POS_B", "ID_B")

TEXT = frozenset(
    ("#CHROM", "ID", "REF", "ALT", "A1", "TEST", "#CHROM_A", "ID_A", "CHROM_B", "ID_B")
)
REAL = frozenset(
    ("AF", "CALL_RATE", "CHISQ", "DF", "OR", "SE", "L95", "U95", "P", "NEG_LOG10_P", "R", "R2")
)


def leading(sites: SiteList) -> dict[str, Any]:
    """The columns SITE (m,), with which frequency and association rows begin."""
    columns = (sites.chrom_names, sites.pos, sites.id, sites.ref, sites.alt)
    return dict(zip(SITE, columns, strict=True))
