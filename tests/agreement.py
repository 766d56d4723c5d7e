"""Agreement with printed values, as SEMANTICS defines it, and reading of PLINK's tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpcgen.demo.plink import agrees, half_unit, read_printed

__all__ = ["assert_agrees", "half_unit", "read_printed"]


def assert_agrees(ours: ArrayLike, printed: Sequence[str] | NDArray[Any]) -> None:
    """Values (m,) equal printed ones to half a unit of the last digit, plus 1e-9 relative."""
    values = np.asarray(ours, np.float64)
    assert values.shape == (len(printed),)
    wrong = np.flatnonzero(~agrees(values, np.asarray(printed, object)))
    first = [(int(i), float(values[i]), str(printed[i])) for i in wrong[:5]]
    assert not len(wrong), f"{len(wrong)} of {len(values)} disagree: (row, ours, printed) {first}"
