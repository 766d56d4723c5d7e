"""Site lists out of plain columns or rows."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from mpcgen.genome.columns import strings
from mpcgen.genome.sites import SiteList

Site = tuple[int, int, str, str, str]  # chromosome, position, id, ref, alt


def site_list(
    chrom: ArrayLike,
    pos: ArrayLike,
    names: Iterable[str],
    ref: Iterable[str],
    alt: Iterable[str],
    frequency: ArrayLike | None = None,
) -> SiteList:
    """The sites with these columns (m,) each."""
    return SiteList(
        np.asarray(chrom, np.int8),
        np.asarray(pos, np.int32),
        strings(map(str, names)),
        strings(map(str, ref)),
        strings(map(str, alt)),
        None if frequency is None else np.asarray(frequency, np.float64),
    )


def sites_of(*rows: Site, frequency: ArrayLike | None = None) -> SiteList:
    """The sites of these rows."""
    chrom, pos, names, ref, alt = zip(*rows, strict=True)
    return site_list(chrom, pos, names, ref, alt, frequency)
