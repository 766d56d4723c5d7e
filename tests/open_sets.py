"""The four open data sets: institutions of the clean split, unpacked, and PLINK's answers."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tests.agreement import read_printed
from tests.plain import Plain, read_plain

NAMES = ("hm3_pops", "kg_eur_chr2", "kgp1_chr22", "t1d_nssnp")
Answers = Callable[[str], dict[str, NDArray[Any]]]  # name of a table of PLINK's -> its columns
SITES = ("siteA", "siteB", "siteC")


@cache
def institutions(data: Path, name: str) -> tuple[Plain, ...]:
    """The institutions of the clean split."""
    return tuple(read_plain(data / name / "clean" / site) for site in SITES)


@cache
def answer(data: Path, name: str, table: str) -> dict[str, NDArray[Any]]:
    """A table of PLINK's on the pooled data."""
    return read_printed(data / name / "oracle" / table)
