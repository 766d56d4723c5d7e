"""The files a site list may stand in, .bim, .pvar, VCF and TSV, as one table of checked text."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.genome.bim import bim_table
from mpcgen.genome.columns import (
    Strings,
    encode,
    joined,
    matches,
    repeated,
    to_arrow,
    to_numpy,
)
from mpcgen.genome.text import Table, read_table, squeeze_blanks

HEADER = ("CHROM", "POS", "ID", "REF", "ALT")
_OPTIONAL = ("AF", "INFO")
_FROM_BIM = {
    "CHROM": "chromosome",
    "POS": "position",
    "ID": "id",
    "REF": "allele 2",
    "ALT": "allele 1",
}
_NUMBER = r"^[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?$"


def site_table(path: Path, text: bytes) -> Table:
    """Return the columns CHROM POS ID REF ALT, and AF or INFO where there are; see read_sites."""
    start, line = 0, 1
    while text.startswith(b"##", start):
        start, line = text.find(b"\n", start) + 1 or len(text), line + 1
    header, _, body = text[start:].partition(b"\n")
    names = header.decode().upper().removeprefix("#").split("\t" if b"\t" in header else None)
    if names[:1] == ["CHROM"]:
        body = body if b"\t" in header else squeeze_blanks(body, len(names))
        return _headed_table(path, names, body, line + 1)
    if not header:
        raise InputError("there are no variants below the header", path=path)
    table = bim_table(path, text[start:], line)
    return Table(path, line, {name: table[column] for name, column in _FROM_BIM.items()})


def _headed_table(path: Path, names: list[str], body: bytes, first_line: int) -> Table:
    if missing := [name for name in HEADER if name not in names]:
        message = f"there is no column {missing[0]}; the columns are {' '.join(names[:12])}"
        raise InputError(message, path=path, line=first_line - 1)
    if not body:
        raise InputError("there are no variants below the header", path=path)
    wanted = [name for name in (*HEADER, *_OPTIONAL) if name in names]
    unique = [
        name if name in wanted and names.index(name) == i else f"column {i + 1}"
        for i, name in enumerate(names)
    ]
    return read_table(body, unique, path, first_line=first_line, wanted=wanted)


def frequencies(table: Table) -> NDArray[np.float64] | None:
    """Return the column AF, or AF= of INFO; None where no row has one."""
    if "AF" in table.columns:
        values: Strings = table["AF"]
        present = ~matches(table["AF"], r"^(|\.|NA|nan)$")
    elif "INFO" in table.columns:
        found: Any = pc.extract_regex(table["INFO"], r"(?:^|;)AF=(?P<AF>[^;]+)")
        present = to_numpy(found.is_valid())
        values = found.field("AF")
    else:
        return None
    if not present.any():
        return None
    named = Table(table.path, table.first_line, {"AF": values})
    message = "the frequency {} is no number from 0 to 1"
    named.refuse(present & ~matches(values, _NUMBER), message, "AF")
    numbers = pc.if_else(to_arrow(present.view(np.uint8)).cast(pa.bool_()), values, _nan(table))
    frequency = to_numpy(numbers.cast(pa.float64()))
    named.refuse(frequency > 1, message, "AF")
    return frequency


def _nan(table: Table) -> Strings:
    return repeated("nan", table.rows)


def refuse_alleles(table: Table, positions: NDArray[np.int64]) -> None:
    """Refuse missing and several alleles, and the same variant twice."""
    codes, distinct = encode(joined([table["REF"], table["ALT"]]))
    ref, alt = codes.reshape(2, -1)
    missing = np.array([allele in {"", "."} for allele in distinct])
    several = np.array(["," in allele for allele in distinct])
    advice = "several alternative alleles {}; split them (bcftools norm -m- ...)"
    table.refuse(several[alt], advice, "ALT")
    table.refuse(missing[ref] | missing[alt], "an allele is missing")
    table.refuse(ref == alt, "both alleles are {}", "ALT")
    table.refuse(to_numpy(pc.binary_length(table["ID"])) == 0, "the id is missing; write '.'")
    _refuse_repeated(table, positions, np.minimum(ref, alt), np.maximum(ref, alt))


def _refuse_repeated(
    table: Table, positions: NDArray[np.int64], low: NDArray[np.int32], high: NDArray[np.int32]
) -> None:
    """Refuse two lines with one position and the same alleles, coded low < high."""
    order = np.lexsort((high, low, positions))
    values = np.stack([positions[order], low[order], high[order]])
    same = np.flatnonzero((values[:, 1:] == values[:, :-1]).all(axis=0))
    if not same.size:
        return
    first, second = sorted(order[same[0] : same[0] + 2].tolist())
    raise InputError(
        f"the same position and alleles as on line {first + table.first_line}; alleles in the "
        "other order do not tell two variants apart in a .bim: leave one out",
        path=table.path,
        line=second + table.first_line,
    )
