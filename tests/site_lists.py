"""Site lists out of plain columns."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from mpcgen.genome.columns import strings
from mpcgen.genome.sites import SiteList


def site_list(
    chrom: ArrayLike,
    pos: ArrayLike,
    names: Iterable[str],
    ref: Iterable[str],
    alt: Iterable[str],
) -> SiteList:
    """The sites with these columns (m,) each."""
    return SiteList(
        np.asarray(chrom, np.int8),
        np.asarray(pos, np.int32),
        strings(map(str, names)),
        strings(map(str, ref)),
        strings(map(str, alt)),
    )
