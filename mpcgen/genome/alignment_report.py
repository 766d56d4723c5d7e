"""What became of every variant of an institution's file, as a table for its data steward.

The table says which variants the institution has: it stays there.
"""

from collections.abc import Callable
from enum import IntFlag
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.genome.alignment import Alignment, Flag, Status, word
from mpcgen.genome.chromosomes import names_of
from mpcgen.genome.columns import Strings, joined, repeated, strings, tab_lines, take, to_arrow

_NONE = "."
_ALIGNED = len(Flag)  # bits of a Flag


class Lack(IntFlag):
    """What the genotypes of a used variant lack, of the people who take part."""

    LOW_CALL_RATE = 1
    MONOMORPHIC = 2  # nobody has the other allele
    NO_GENOTYPES = 4


def report(alignment: Alignment, lacks: NDArray[np.uint8] | None = None) -> pa.Table:
    """Return one row for every variant of the file, in its order, then one for every absent site.

    LINE (of the .bim, 0 for an absent site), CHROM POS ID REF ALT (as the file has them), STATUS,
    FLAGS (comma-separated, '.' for none), and of the site that the variant stands for or would:
    SITE_CHROM SITE_POS (0 for none) SITE_ID SITE_REF SITE_ALT ('.' for none).

    lacks: Lack of each site (m,), where genotypes were looked at.
    """
    bim, sites = alignment.bim, alignment.sites
    absent = np.flatnonzero(alignment.site_status == Status.ABSENT)
    site = np.concatenate([alignment.row_site, absent])
    status = np.concatenate([alignment.row_status, alignment.site_status[absent]])
    flags = np.append(_flags(alignment, lacks), np.zeros(len(absent), np.uint8))
    lines = np.concatenate([np.arange(1, len(bim) + 1), np.zeros(len(absent), np.int64)])

    def own(of_file: Strings, of_site: Strings) -> Strings:
        return joined([of_file, take(of_site, absent)])

    def of_site(column: Strings) -> Strings:
        return take(joined([column, repeated(_NONE, 1)]), np.where(site < 0, len(sites), site))

    columns: dict[str, Any] = {
        "LINE": to_arrow(lines),
        "CHROM": own(names_of(bim.chrom), sites.chrom_names),
        "POS": to_arrow(np.concatenate([bim.pos, sites.pos[absent]])),
        "ID": own(bim.id, sites.id),
        "REF": own(bim.ref, sites.ref),
        "ALT": own(bim.alt, sites.alt),
        "STATUS": _named(status, max(Status), lambda code: word(Status(code))),
        "FLAGS": _named(flags, sum(Flag) | sum(Lack) << _ALIGNED, _flag_names),
        "SITE_CHROM": of_site(sites.chrom_names),
        "SITE_POS": to_arrow(np.append(sites.pos, np.int32(0))[np.where(site < 0, -1, site)]),
        "SITE_ID": of_site(sites.id),
        "SITE_REF": of_site(sites.ref),
        "SITE_ALT": of_site(sites.alt),
    }
    return pa.table(columns)


def _named(codes: NDArray[Any], last: int, name: Callable[[int], str]) -> Strings:
    return take(strings(name(code) for code in range(last + 1)), codes)


def _flags(alignment: Alignment, lacks: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Return Flag and Lack of every variant of the file: (n,)."""
    flags = alignment.row_flags.copy()
    if lacks is not None:
        used = alignment.rows >= 0
        flags[alignment.rows[used]] |= lacks[used] << _ALIGNED
    return flags


def _flag_names(code: int) -> str:
    lacks = Lack(code >> _ALIGNED)
    return ",".join(word(flag) for flag in (*Flag(code & sum(Flag)), *lacks)) or _NONE


def refuse_unwritable(path: Path) -> None:
    """Raise InputError where `write_report` could not write: before, not after, hours of counting.

    The file may not exist yet, its folder must.
    """
    if path.exists() or path.is_symlink():
        raise InputError("this exists already; name another file", path=path)
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent}; make it first", path=path)


def write_report(alignment: Alignment, path: Path, lacks: NDArray[np.uint8] | None = None) -> None:
    """Write the report as a TSV with header."""
    table = report(alignment, lacks)
    columns: list[Any] = [column.combine_chunks().cast(pa.string()) for column in table.columns]
    header = "\t".join(table.column_names) + "\n"
    path.write_bytes(header.encode() + tab_lines(columns))
