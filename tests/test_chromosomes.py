"""Names and codes of chromosomes, against PLINK's own reading of them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mpcgen.genome.bim import read_bim
from mpcgen.genome.chromosomes import (
    UNKNOWN,
    Ploidy,
    code_of,
    codes_of,
    names_of,
    ploidy_of,
    position_keys,
)
from mpcgen.genome.columns import strings

KNOWN = [*map(str, range(27)), "X", "Y", "XY", "MT", "M", *(f"chr{i}" for i in range(1, 23))]
KNOWN += ["chrX", "chrY", "chrXY", "chrM", "chrMT", "CHR7", "x", "mt"]


def test_codes_are_those_of_plink(program: Callable[[str], str], tmp_path: Path) -> None:
    """PLINK 1.9 sorts by code: the ids tell which name became which code."""
    stem = tmp_path / "t"
    lines = [f"{name} {name} 0 {i + 1}" for i, name in enumerate(KNOWN)]
    stem.with_suffix(".map").write_text("\n".join(lines) + "\n")
    stem.with_suffix(".ped").write_text("f i 0 0 2 1" + " A C" * len(KNOWN) + "\n")
    command = [program("plink1.9"), "--file", str(stem), "--make-bed", "--out", str(stem)]
    subprocess.run(command, check=True, capture_output=True)
    bim = read_bim(stem.with_suffix(".bim"))
    assert len(bim) == len(KNOWN)
    np.testing.assert_array_equal(codes_of(bim.id), bim.chrom)


@pytest.mark.parametrize("name", ["PAR", "PAR1", "PAR2", "chrPAR1"])
def test_pseudo_autosomal_names(name: str) -> None:
    assert code_of(name) == 25


@pytest.mark.parametrize("name", ["", "chr", "27", "-1", "1_random", "GL000192.1", "W", "1.0"])
def test_unknown_names(name: str) -> None:
    assert code_of(name) == UNKNOWN


def test_leading_zeros_are_dropped() -> None:
    assert codes_of(strings(["01", "chr09", "22", "0"])).tolist() == [1, 9, 22, 0]


def test_names_of_codes() -> None:
    codes = np.array([1, 22, 23, 24, 25, 26], np.int8)
    assert names_of(codes).to_pylist() == ["1", "22", "X", "Y", "XY", "MT"]
    np.testing.assert_array_equal(codes_of(names_of(codes)), codes)


def test_ploidy() -> None:
    classes = ploidy_of(np.array([1, 22, 23, 24, 25, 26], np.int8)).tolist()
    assert classes == [
        Ploidy.DIPLOID,
        Ploidy.DIPLOID,
        Ploidy.X,
        Ploidy.Y,
        Ploidy.DIPLOID,
        Ploidy.MT,
    ]


def test_position_keys_sort_as_positions() -> None:
    chrom, pos = np.array([2, 1, 1], np.int8), np.array([1, 2**31 - 2, 5], np.int32)
    assert np.argsort(position_keys(chrom, pos)).tolist() == [2, 1, 0]
