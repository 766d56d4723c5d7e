"""Files that name people: .fam, tables with a phenotype, lists of samples."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.genome.columns import Strings, encode, find, rows_joined, trimmed
from mpcgen.genome.text import Table, read_table, read_text, squeeze_blanks

_FAM: Final = ("FID", "IID", "father", "mother", "sex", "phenotype")
_SEXES: Final = {"1": 1, "2": 2}
_MISSING: Final = ("0", "-9", "NA", "")
_NONE: Final = -1  # of no group


@dataclass(frozen=True, eq=False)
class Samples:
    """People as one file lists them, each once; row i stands on line `table.first_line` + i.

    Without family ids, people go by their IID alone.
    """

    table: Table
    fid: Strings | None
    iid: Strings

    @cached_property
    def keys(self) -> Strings:
        """What people are matched by."""
        return self.iid if self.fid is None else rows_joined("\t", self.fid, self.iid)

    def __post_init__(self) -> None:
        """Refuse a person who is listed twice."""
        if len(self.keys.unique()) == len(self.keys):
            return
        codes, distinct = encode(self.keys)
        first, second = _first_repeat(codes)
        name = distinct[codes[second]].replace("\t", " ")
        raise InputError(
            f"the sample {name} stands on line {first + self.table.first_line} already",
            path=self.table.path,
            line=second + self.table.first_line,
        )

    def rows_in(self, other: "Samples") -> NDArray[np.int32]:
        """Return each person's row in another file, -1 for none.

        Raises InputError where that file goes by IID and one of its IIDs is two people's here.
        """
        if other.fid is not None:
            return find(self.keys, other.keys)
        rows = find(self.iid, other.iid)
        matched = np.flatnonzero(rows >= 0)
        if len(set(rows[matched].tolist())) < len(matched):
            first, second = matched[list(_first_repeat(rows[matched]))]
            raise InputError(
                f"the IID {self.iid[int(first)].as_py()} is two people's in "
                f"{self.table.path.name} (lines {first + 1} and {second + 1}); give FID and IID",
                path=other.table.path,
                line=int(rows[first]) + other.table.first_line,
            )
        return rows


def _first_repeat(codes: NDArray[np.int32]) -> tuple[int, int]:
    """Return the index of the first value that was there before, after that of its original."""
    order = np.argsort(codes, kind="stable")
    again = np.flatnonzero(codes[order][1:] == codes[order][:-1])
    pair = again[np.argmin(order[again + 1])]
    return int(order[pair]), int(order[pair + 1])


@dataclass(frozen=True, eq=False)
class Fam(Samples):
    """A .fam file."""

    @cached_property
    def sex(self) -> NDArray[np.int8]:
        """1 male, 2 female, 0 unknown, which is all other codes as in PLINK: (N,)."""
        codes, distinct = encode(self.table["sex"])
        return np.array([_SEXES.get(code, 0) for code in distinct], np.int8)[codes]

    @cached_property
    def founder(self) -> NDArray[np.bool_]:
        """Whether both parents are 0: (N,)."""
        founder = np.ones(self.table.rows, np.bool_)
        for parent in ("father", "mother"):
            codes, distinct = encode(self.table[parent])
            founder &= np.array([name == "0" for name in distinct])[codes]
        return founder


def read_fam(path: Path) -> Fam:
    """Read a .fam file, separated by tabs or blanks."""
    table = read_table(squeeze_blanks(read_text(path), len(_FAM)), _FAM, path)
    return Fam(table, table["FID"], table["IID"])


def read_sample_list(path: Path) -> Samples:
    """Read a list with one 'FID IID', or one 'IID', a line; a header line is skipped."""
    text, line = read_text(path), 1
    header, _, body = text.partition(b"\n")
    if header.upper().removeprefix(b"#").split() in ([b"FID", b"IID"], [b"IID"]):
        text, header, line = body, body.partition(b"\n")[0], 2
    names = {1: ("IID",), 2: ("FID", "IID")}.get(len(header.split()))
    if names is None:
        raise InputError("a line is 'FID IID', or 'IID'", path=path, line=line)
    table = read_table(squeeze_blanks(text, len(names)), names, path, first_line=line)
    return Samples(table, table.columns.get("FID"), table["IID"])


def read_phenotypes(path: Path, fid: str, iid: str, phenotype: str | None) -> Samples:
    """Read the ids and the phenotype of a table with a header.

    Values are separated by tabs, by commas or by blanks, whichever the header has. The column
    fid is used where the table has it. The phenotype is the table's column 'phenotype'.

    Raises InputError where a column is missing; it lists those that are there.
    """
    header, _, body = read_text(path).partition(b"\n")
    separator = next((mark for mark in ("\t", ",") if mark.encode() in header), None)
    names = [name.strip().strip('"') for name in header.decode().removeprefix("#").split(separator)]
    wanted = [fid, iid] if fid in names else [iid]
    for name in (iid, phenotype):
        if name is None or names.count(name) != 1:
            what = "no phenotype column is named"
            if name is not None:
                number = "are several columns" if name in names else "is no column"
                what = f"there {number} {name!r}"
            raise InputError(f"{what}; the columns are {', '.join(names)}", path=path, line=1)
        if name not in wanted:
            wanted.append(name)
    if not body:
        raise InputError("there is nobody below the header", path=path)
    body = squeeze_blanks(body, len(names)) if separator is None else body
    unique = [name if name in wanted else f"column {i + 1}" for i, name in enumerate(names)]
    raw = read_table(body, unique, path, first_line=2, separator=separator or "\t", wanted=wanted)
    columns = {name: trimmed(raw[name]) for name in wanted}
    table = Table(path, 2, columns | {"phenotype": columns[str(phenotype)]})
    return Samples(table, columns.get(fid), columns[iid])


def groups_of(table: Table, case: str, control: str) -> NDArray[np.int8]:
    """Return 0 for a case, 1 for a control, -1 where the column 'phenotype' is missing.

    Raises InputError on any other code, and where PLINK's coding (2, 1) is declared but the
    column has 0 and 1 and no 2.
    """
    codes, distinct = encode(table["phenotype"])
    if case == "2" and control == "1" and "2" not in distinct and {"0", "1"} <= set(distinct):
        table.refuse(
            np.array([code == "0" for code in distinct])[codes],
            'the phenotypes are 0 and 1, and none is 2; declare case = "1", control = "0" '
            "under [people] of the configuration (or, where 0 is a missing one, write NA)",
        )
    known = dict.fromkeys(_MISSING, _NONE) | {case: 0, control: 1}
    unknown = np.array([code not in known for code in distinct])
    table.refuse(
        unknown[codes],
        f"the phenotype {{}} is neither a case ({case}) nor a control ({control}) nor missing "
        "(0, -9, NA or nothing)",
        "phenotype",
    )
    return np.array([known[code] for code in distinct], np.int8)[codes]
