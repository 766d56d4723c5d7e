"""Result tables against PLINK's, row by row: every row of either is compared."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.agreement import assert_agrees

Printed = Mapping[str, NDArray[Any]]

_NAMES = {"23": "X", "24": "Y", "25": "XY", "26": "MT"}
ODDS = ("OR", "SE", "L95", "U95")


def rows_of(printed: Printed, chosen: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """Some rows of a table of PLINK's."""
    return {name: column[chosen] for name, column in printed.items()}


def assert_same_variants(table: pd.DataFrame, printed: Printed) -> None:
    """The same variants in the same order, with the same alleles and, where given, positions."""
    chrom = printed["CHR"] if "CHR" in printed else printed["#CHROM"]
    assert list(table["#CHROM"]) == [_NAMES.get(code, code) for code in chrom]
    assert list(table["ID"]) == list(printed["SNP"] if "SNP" in printed else printed["ID"])
    if "BP" in printed:
        np.testing.assert_array_equal(table["POS"], printed["BP"].astype(int))
    for ours, theirs in (("ALT", "A1"), ("REF", "A2"), ("REF", "REF"), ("ALT", "ALT")):
        if theirs in printed:
            assert list(table[ours]) == list(printed[theirs])


def assert_counts(table: pd.DataFrame, printed: Printed, columns: Mapping[str, str]) -> None:
    """Columns of integers, ours -> PLINK's, are the same."""
    for ours, theirs in columns.items():
        np.testing.assert_array_equal(table[ours], printed[theirs].astype(int), err_msg=ours)


def assert_columns(table: pd.DataFrame, printed: Printed, *columns: str, **renamed: str) -> None:
    """Columns of the same name, or ours=PLINK's, agree as printed."""
    for ours, theirs in (dict(zip(columns, columns, strict=True)) | renamed).items():
        assert_agrees(table[ours], printed[theirs])


def assert_allelic(table: pd.DataFrame, counts: Printed, printed: Printed | None) -> None:
    """Against `--assoc counts` and `--assoc --ci 0.95`."""
    assert_same_variants(table, counts)
    assert set(table["TEST"]) == {"ALLELIC"}
    assert list(table["A1"]) == list(counts["A1"])
    # PLINK prints NA where nobody has a genotype.
    called = np.asarray(table["OBS_CT"] > 0)
    np.testing.assert_array_equal(called, counts["C_A"] != "NA")
    for ours, theirs in {"A1_CASE_CT": "C_A", "A1_CTRL_CT": "C_U"}.items():
        shown = np.where(called, counts[theirs], "0").astype(int)
        np.testing.assert_array_equal(table[ours], shown)
    assert_columns(table, counts, "CHISQ", "P", "OR")
    if printed is not None:
        assert_same_variants(table, printed)
        assert_columns(table, printed, "CHISQ", "P", *ODDS)
        assert_agrees(table["A1_CASE_CT"] / table["CASE_ALLELE_CT"], printed["F_A"])
        assert_agrees(table["A1_CTRL_CT"] / table["CTRL_ALLELE_CT"], printed["F_U"])


def assert_model(table: pd.DataFrame, printed: Printed, test: str) -> None:
    """The genotypic (GENO) or the trend test (TREND) against `--model --cell 0`."""
    rows = rows_of(printed, printed["TEST"] == test)
    assert_same_variants(table, rows)
    assert set(table["TEST"]) == {test}
    for column, ours in (("AFF", ("A1_CASE_CT", "CASE_ALLELE_CT")),
                         ("UNAFF", ("A1_CTRL_CT", "CTRL_ALLELE_CT"))):  # fmt: skip
        cells = np.array([cell.split("/") for cell in rows[column]]).astype(int)
        alt = cells @ [2, 1, 0] if test == "GENO" else cells @ [1, 0]
        alleles = cells.sum(axis=1) * (2 if test == "GENO" else 1)
        np.testing.assert_array_equal(table[ours[0]], alt)
        np.testing.assert_array_equal(table[ours[1]], alleles)
    assert_columns(table, rows, "CHISQ", "DF", "P")


def assert_stratified(table: pd.DataFrame, printed: Printed) -> None:
    """The Cochran-Mantel-Haenszel test against `--mh --within --ci 0.95`."""
    assert_same_variants(table, printed)
    assert set(table["TEST"]) == {"CMH"}
    # Where the institutions' deviations cancel, PLINK prints what is left of its rounding.
    residue = np.char.find(printed["CHISQ"].astype(str), "e-2") > 0
    assert_agrees(table["CHISQ"], np.where(residue, "0", printed["CHISQ"]))
    assert_columns(table, printed, "P", *ODDS)


def assert_linkage(table: pd.DataFrame, *answers: Printed) -> None:
    """Against `--r2` and `--r`, which list the same pairs."""
    for printed in answers:
        for side in "AB":
            chrom = "#CHROM_A" if side == "A" else "CHROM_B"
            expected = [_NAMES.get(code, code) for code in printed[f"CHR_{side}"]]
            assert list(table[chrom]) == expected
            assert list(table[f"ID_{side}"]) == list(printed[f"SNP_{side}"])
            np.testing.assert_array_equal(table[f"POS_{side}"], printed[f"BP_{side}"].astype(int))
        for column in ("R2", "R"):
            if column in printed:
                assert_agrees(table[column], printed[column])
