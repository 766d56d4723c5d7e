"""Result tables as TSV and Parquet: fast, exact, whole or not at all.

A TSV has one header line and nothing is quoted. Undefined values are NA, infinite ones inf and
-inf; floats have the shortest decimals that read back to the same float64. P is text made from
-log10 p, so that it never underflows; in Parquet, which has no such text, P is a float64 that may
be 0, and NEG_LOG10_P beside it says more.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from mpcgen.errors import InputError
from mpcgen.genome.columns import Strings, rows_joined
from mpcgen.report.columns import REAL, TEXT
from mpcgen.report.files import replacing
from mpcgen.report.text import arrow, lines, mask, texts

if TYPE_CHECKING:
    import pandas as pd

LEAST_P = 300  # up to this -log10 p the float64 is normal and exact to 1e-13

_KNOWN: Any = dict.fromkeys(TEXT, pa.string()) | dict.fromkeys(REAL, pa.float64())


@dataclass(frozen=True)
class PValue:
    """A column of p-values known by their -log10 (m,); NaN is undefined."""

    neg_log10: NDArray[np.float64]


def format_p(neg_log10_p: ArrayLike) -> Strings:
    """p from -log10 p (m,) as decimal text, like 3.21e-4021; null where NaN, 0 where infinite.

    Down to 1e-300 that of the float64, below with six significant digits.
    """
    x = np.asarray(neg_log10_p, dtype=np.float64)
    text = texts(np.power(10.0, -x))
    tiny = (x > LEAST_P) & np.isfinite(x)
    if not tiny.any():
        return text
    exponent = np.ceil(x[tiny]).astype(np.int64)
    mantissa = np.round(np.power(10.0, exponent - x[tiny]), 5)
    carry = mantissa >= 10
    mantissa[carry] = 1
    low = rows_joined("e-", texts(mantissa), texts(exponent - carry))
    filled: Strings = pc.replace_with_mask(text, mask(tiny), low)
    return filled


class _Encoder(Protocol):
    def write(self, columns: Mapping[str, Any]) -> None: ...
    def close(self) -> None: ...


class _Tsv:
    """Rows as tab-separated text."""

    def __init__(self, file: BinaryIO, names: Sequence[str]):
        self._file = file
        file.write(("\t".join(names) + "\n").encode())

    def write(self, columns: Mapping[str, Any]) -> None:
        arrays = [format_p(c.neg_log10) if isinstance(c, PValue) else c for c in columns.values()]
        self._file.writelines(lines(arrays))

    def close(self) -> None:
        """Nothing is held back."""


class _Parquet:
    """Rows as Parquet; the first batch settles the types."""

    def __init__(self, file: BinaryIO, names: Sequence[str]):
        self._file, self._names = file, names
        self._writer: Any = None

    def write(self, columns: Mapping[str, Any]) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415

        table = pa.table(
            {
                name: arrow(np.power(10.0, -c.neg_log10) if isinstance(c, PValue) else c)
                for name, c in columns.items()
            }
        )
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, table.schema, compression="zstd")
        self._writer.write_table(table.cast(self._writer.schema))

    def close(self) -> None:
        if self._writer is None:
            self.write({name: [] for name in self._names})
        self._writer.close()


ENCODERS: dict[str, type[_Tsv] | type[_Parquet]] = {"tsv": _Tsv, "parquet": _Parquet}


def refuse_unknown(kind: str) -> None:
    """Raise InputError where tables have no such format."""
    if kind not in ENCODERS:
        raise InputError(f"table format {kind!r} is not known: write one of {sorted(ENCODERS)}")


class TableWriter:
    """Takes a table's rows, batch by batch; made by `table_writer`."""

    def __init__(self, encoder: _Encoder, names: Sequence[str]):
        self._encoder, self.names, self.rows = encoder, tuple(names), 0

    def write(self, columns: Mapping[str, Any]) -> None:
        """Append one batch; its columns are those of the table, in its order, of one length."""
        if tuple(columns) != self.names:
            raise ValueError(f"columns {tuple(columns)} do not match the table's {self.names}")
        sizes = {len(c.neg_log10 if isinstance(c, PValue) else c) for c in columns.values()}
        if len(sizes) != 1:
            raise ValueError(f"columns {self.names} differ in length: {sorted(sizes)}")
        if sizes != {0}:
            self._encoder.write(columns)
        self.rows += sizes.pop()


@contextmanager
def table_writer(
    path: Path | str,
    names: Sequence[str],
    kind: str = "tsv",
) -> Iterator[TableWriter]:
    """Write a table batch by batch, so that it never stands in memory as a whole.

    The file takes its name when the block ends, and is removed if the block raises. Columns are
    arrays (NumPy, Arrow or lists; NaN and null are undefined) or a PValue.
    """
    refuse_unknown(kind)
    with replacing(path) as file:
        encoder = ENCODERS[kind](file, names)
        try:
            yield TableWriter(encoder, names)
        finally:
            encoder.close()


def write_table(path: Path | str, columns: Mapping[str, Any], kind: str = "tsv") -> None:
    """Write one table of columns (name -> array of m values) as TSV or Parquet."""
    with table_writer(path, tuple(columns), kind) as table:
        table.write(columns)


def read_table(path: Path | str) -> "pd.DataFrame":
    """A result table as a DataFrame, the same from .tsv and .parquet.

    Texts, float64 and int64, as `report.columns` has them; P below 1e-308 reads as 0.

    Raises InputError where the file is not there or is not such a table.
    """
    import pyarrow.csv as pcsv  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    path = Path(path)
    try:
        if path.suffix == ".parquet":
            table = pq.read_table(path)
        else:
            table = pcsv.read_csv(
                path,
                parse_options=pcsv.ParseOptions(delimiter="\t", quote_char=False),
                convert_options=pcsv.ConvertOptions(column_types=_KNOWN, null_values=["NA"]),
            )
        kinds = [(field.name, _kind(field, table.num_rows)) for field in table.schema]
        return table.cast(pa.schema(kinds)).to_pandas()
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"not a readable result table: {error}", path=path) from error


def _kind(field: Any, rows: int) -> Any:
    """The type of a column; one that is not known and has no rows is as good as whole numbers."""
    whole = pa.types.is_integer(field.type) or not rows
    return _KNOWN.get(field.name, pa.int64() if whole else field.type)
