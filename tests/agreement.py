"""Agreement with printed values, as SEMANTICS defines it, and reading of PLINK's tables."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNDEFINED = ("NA", "nan", "-nan")


def half_unit(printed: str) -> float:
    """Half a unit of the last digit of a printed number: 5e-5 of "0.1501", 5e-6 of "1e-05"."""
    mantissa, _, exponent = printed.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 0.5 * 10.0 ** (int(exponent or 0) - decimals)


def assert_agrees(ours: ArrayLike, printed: Sequence[str] | NDArray[Any]) -> None:
    """Values (m,) equal printed ones to half a unit of the last digit, plus 1e-9 relative.

    NaN agrees with NA and nan only, infinity with inf.
    """
    values, texts = np.asarray(ours, np.float64), [str(text) for text in printed]
    assert values.shape == (len(texts),)
    theirs = np.array([np.nan if text in UNDEFINED else float(text) for text in texts])
    within = np.array([half_unit(text) if text[-1].isdigit() else 0.0 for text in texts])
    with np.errstate(invalid="ignore"):
        close = np.abs(values - theirs) <= within + 1e-9 * np.abs(theirs)
    good = close | (values == theirs) | (np.isnan(values) & np.isnan(theirs))
    wrong = np.flatnonzero(~good)
    first = [(int(i), float(values[i]), texts[i]) for i in wrong[:5]]
    assert not len(wrong), f"{len(wrong)} of {len(texts)} disagree: (row, ours, printed) {first}"


def read_printed(path: Path) -> dict[str, NDArray[Any]]:
    """A table of PLINK's, plain or path.gz: column name -> printed texts (m,)."""
    if path.exists():
        text = path.read_text()
    else:
        text = gzip.decompress(path.with_name(path.name + ".gz").read_bytes()).decode()
    split = "\t" if "\t" in text.partition("\n")[0] else None
    header, *rows = (line.split(split) for line in text.splitlines())
    columns = zip(*rows, strict=True)
    return {name: np.array(column, object) for name, column in zip(header, columns, strict=True)}
