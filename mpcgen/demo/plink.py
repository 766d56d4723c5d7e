"""PLINK's printed tables, and what it means to agree with them."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNDEFINED = ("NA", "nan", "-nan")


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


def agrees(ours: ArrayLike, printed: ArrayLike) -> NDArray[np.bool_]:
    """Whether values (m,) equal printed ones (m,): half a unit of the last digit, 1e-9 relative.

    NaN agrees with NA and nan only, infinity with inf.
    """
    values = np.asarray(ours, np.float64)
    texts = [str(text) for text in np.asarray(printed, object)]
    theirs = np.array([np.nan if text in UNDEFINED else float(text) for text in texts])
    within = np.array([half_unit(text) if text[-1].isdigit() else 0.0 for text in texts])
    with np.errstate(invalid="ignore"):
        close = np.isfinite(theirs) & (np.abs(values - theirs) <= within + 1e-9 * np.abs(theirs))
    return np.asarray(close | (values == theirs) | (np.isnan(values) & np.isnan(theirs)))


def half_unit(printed: str) -> float:
    """Half a unit of the last digit of a printed number: 5e-5 of "0.1501", 5e-6 of "1e-05"."""
    mantissa, _, exponent = printed.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 0.5 * 10.0 ** (int(exponent or 0) - decimals)
