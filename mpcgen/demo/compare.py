"""The demonstration's results against PLINK 1.9's answers on the pooled data (make_data.sh)."""

from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mpcgen.demo.plink import agrees, read_printed
from mpcgen.report.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

_LEVELS = ("HOM_ALT_CT", "HET_CT", "HOM_REF_CT")


class Comparison(NamedTuple):
    """How many values of one kind were compared, and how many differ."""

    what: str
    command: str
    values: int
    different: int


def compare(results: Path) -> list[Comparison]:
    """Compare one institution's result folder with PLINK's answers, value by value."""
    with as_file(files("mpcgen.demo") / "data") as data:
        return list(_comparisons(results, data))


def _comparisons(results: Path, data: Path) -> Iterator[Comparison]:
    printed = read_printed(data / "pooled.freq.frqx")
    yield _counts(read_table(results / "frequency.tsv"), printed)
    table = read_table(results / "association.allelic.tsv")
    counts, tests = (read_printed(data / f"pooled.{kind}.assoc") for kind in ("counts", "ci"))
    yield _compared("allele counts of cases and controls", "--assoc counts", table, counts,
                    A1_CASE_CT="C_A", A1_CTRL_CT="C_U")  # fmt: skip
    yield _compared("allelic test", "--assoc --ci 0.95", table, tests,
                    CHISQ="CHISQ", P="P", OR="OR", SE="SE", L95="L95", U95="U95")  # fmt: skip
    model = read_printed(data / "pooled.model")
    for test, code in (("genotypic", "GENO"), ("trend", "TREND")):
        rows = {name: column[model["TEST"] == code] for name, column in model.items()}
        ours = read_table(results / f"association.{test}.tsv")
        yield _compared(f"{test} test", "--model", ours, rows, CHISQ="CHISQ", P="P")
    yield _compared("Cochran-Mantel-Haenszel", "--mh",
                    read_table(results / "association.cmh.tsv"), read_printed(data / "pooled.cmh"),
                    CHISQ="CHISQ", P="P", OR="OR", SE="SE", L95="L95", U95="U95")  # fmt: skip
    pairs = read_table(results / "linkage.tsv")
    for column, name in (("R", "r"), ("R2", "r2")):
        yield _pairs(pairs, read_printed(data / f"pooled.{name}.ld"), column, name)


def _counts(ours: "pd.DataFrame", printed: dict[str, NDArray[Any]]) -> Comparison:
    """Genotype counts; PLINK 1.9 counts MT, where everybody has one copy, as homozygous."""
    mt = (ours["#CHROM"] == "MT").to_numpy()
    two = [np.where(mt, 0, ours[name]) for name in _LEVELS]
    one = [ours["HAP_ALT_CT"].to_numpy(), ours["HAP_REF_CT"].to_numpy()]
    two[0], two[2] = (
        count + np.where(mt, hap, 0) for count, hap in zip(two[::2], one, strict=True)
    )
    one = [np.where(mt, 0, hap) for hap in one]
    names = ("C(HOM A1)", "C(HET)", "C(HOM A2)", "C(HAP A1)", "C(HAP A2)", "C(MISSING)")
    columns = [*two, *one, ours["MISSING_CT"].to_numpy()]
    same = [agrees(o, printed[n]) for o, n in zip(columns, names, strict=True)]
    return _result("genotype counts", "--freqx", same)


def _compared(
    what: str, command: str, ours: "pd.DataFrame", printed: dict[str, NDArray[Any]], **columns: str
) -> Comparison:
    """Columns of a test, by variant; a variant that one table lacks is undefined in the other."""
    place = {name: row for row, name in enumerate(printed["SNP"])}
    shared = np.array([name in place for name in ours["ID"]])
    rows = np.array([place[name] for name in ours["ID"][shared]], np.intp)
    same = [agrees(ours[o].to_numpy()[shared], printed[p][rows]) for o, p in columns.items()]
    left = np.ones(len(place), np.bool_)
    left[rows] = False
    same += [agrees(ours[o].to_numpy()[~shared], np.full((~shared).sum(), "NA")) for o in columns]
    same += [np.isin(printed[p][left].astype(str), ["NA", "nan"]) for p in columns.values()]
    return _result(what, command, same)


def _pairs(
    ours: "pd.DataFrame", printed: dict[str, NDArray[Any]], column: str, name: str
) -> Comparison:
    mine = dict(zip(zip(ours["ID_A"], ours["ID_B"], strict=True), ours[column], strict=True))
    keys = list(zip(printed["SNP_A"], printed["SNP_B"], strict=True))
    values = np.array([mine.pop(key, np.nan) for key in keys])
    same = [agrees(values, printed[column]), np.zeros(len(mine), np.bool_)]
    return _result(f"linkage disequilibrium {name}", f"--{name}", same)


def _result(what: str, command: str, same: list[NDArray[np.bool_]]) -> Comparison:
    values = sum(part.size for part in same)
    return Comparison(what, command, values, values - sum(int(part.sum()) for part in same))
