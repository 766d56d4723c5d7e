"""An institution's people: who takes part in a plan, in which group, with which sex."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.genome.columns import Strings
from mpcgen.genome.sample_files import (
    Fam,
    groups_of,
    read_fam,
    read_phenotypes,
    read_sample_list,
)

Mask = NDArray[np.bool_]
Counts = dict[str, int]

CASES_CONTROLS = ("cases", "controls")
ALL = ("all",)


@dataclass(frozen=True)
class PeopleSource:
    """Where an institution's people are described, as its private configuration has it.

    Without a table the phenotype is column 6 of the .fam.
    """

    fam: Path
    table: Path | None = None  # TSV, CSV or blanks, with a header
    fid_column: str = "FID"  # used where the table has it
    iid_column: str = "IID"
    phenotype_column: str | None = None  # of the table
    case: str = "2"
    control: str = "1"
    keep_samples: Path | None = None  # one 'FID IID' or 'IID' a line
    exclude_samples: Path | None = None
    opt_outs: Path | None = None  # as the two above: of an institution's policy, for all its data


@dataclass(frozen=True, eq=False)
class People:
    """N people, in the order of the .fam.

    counts: people, of whom not_kept, excluded, opted_out, not_in_table, missing_phenotype, and the
    size of each group, which add up to people; then only_in_table, and the lines of the lists that
    match nobody, unknown_in_keep, unknown_in_exclude and unknown_in_opt_outs.
    warnings: of which lists such lines are, and how many people opted out.
    """

    used: Mask  # (N,) takes part in this plan
    group: NDArray[np.int8]  # (N,) index into groups, -1 where not used
    sex: NDArray[np.int8]  # (N,) 1 male, 2 female, 0 unknown
    founder: Mask  # (N,) both parents are 0
    groups: tuple[str, ...]  # ('cases', 'controls') or ('all',)
    counts: Counts
    warnings: tuple[str, ...] = ()
    ids: Strings = field(kw_only=True)  # (N,) FID, a tab, IID
    missing: Mask = field(kw_only=True)  # (N,) left out for want of a phenotype


def read_people(source: PeopleSource, with_phenotype: bool) -> People:
    """Read who takes part: those on the lists and, with_phenotype, those who have one.

    Raises InputError on what SEMANTICS calls an error, and where nobody is left.
    """
    fam = read_fam(source.fam)
    groups = CASES_CONTROLS if with_phenotype else ALL
    counts: Counts = {"people": fam.table.rows}
    unmatched: Counts = {}
    used = np.ones(fam.table.rows, np.bool_)

    def without(reason: str, out: Mask) -> None:
        counts[reason] = int((used & out).sum())
        used[out] = False

    warnings: list[str] = []
    kept, unmatched["unknown_in_keep"] = _listed(fam, source.keep_samples, warnings)
    excluded, unmatched["unknown_in_exclude"] = _listed(fam, source.exclude_samples, warnings)
    without("not_kept", np.zeros_like(used) if source.keep_samples is None else ~kept)
    without("excluded", excluded)
    _refuse_nobody(used, source.exclude_samples, "the list leaves nobody")
    opted, unmatched["unknown_in_opt_outs"] = _listed(
        fam, source.opt_outs, warnings, elsewhere=True
    )
    without("opted_out", opted)
    if counts["opted_out"]:
        warnings.append(
            f"{source.opt_outs}: {counts['opted_out']} people opted out and are left out"
        )
    _refuse_nobody(used, source.opt_outs, "the list leaves nobody")
    group = np.zeros(len(used), np.int8)
    missing = np.zeros_like(used)
    if with_phenotype:
        group, in_table, unmatched["only_in_table"] = _phenotypes(fam, source)
        without("not_in_table", ~in_table)
        _refuse_nobody(used, source.table, "nobody in the .fam is in the table")
        missing = used & (group < 0)
        without("missing_phenotype", missing)
        _refuse_nobody(used, source.table or source.fam, "nobody has a phenotype")
    group[~used] = -1
    counts |= {name: int((group == i).sum()) for i, name in enumerate(groups)}
    return People(
        *(used, group, fam.sex, fam.founder, groups, counts | unmatched, tuple(warnings)),
        ids=fam.keys,
        missing=missing,
    )


def _listed(
    fam: Fam, path: Path | None, warnings: list[str], *, elsewhere: bool = False
) -> tuple[Mask, int]:
    """Return who is on a list, and how many of its lines match nobody; a warning tells them.

    A list that matches nobody at all is refused, unless it may be of people who are elsewhere.
    """
    if path is None:
        return np.zeros(fam.table.rows, np.bool_), 0
    listed = read_sample_list(path)
    found = fam.rows_in(listed) >= 0
    if not elsewhere:
        _refuse_nobody(found, path, f"the list matches nobody in {fam.table.path.name}")
    people = listed.table.rows
    unknown = people - int(found.sum())
    if unknown:
        words = f"{unknown} of the {people} people on the list are not in {fam.table.path.name}"
        warnings.append(f"{path}: {words}")
    return found, unknown


def _phenotypes(fam: Fam, source: PeopleSource) -> tuple[NDArray[np.int8], Mask, int]:
    """Return everybody's group, who is in the table, and how many stand in the table only."""
    if source.case == source.control:
        raise InputError(f"case and control are both {source.case!r}")
    if source.table is None:
        group = groups_of(fam.table, source.case, source.control)
        return group, np.ones(len(group), np.bool_), 0
    table = read_phenotypes(
        source.table, source.fid_column, source.iid_column, source.phenotype_column
    )
    rows = fam.rows_in(table)
    group = groups_of(table.table, source.case, source.control)[rows]
    return group, rows >= 0, table.table.rows - int((rows >= 0).sum())


def _refuse_nobody(used: Mask, path: Path | None, message: str) -> None:
    if path is not None and not used.any():
        raise InputError(message, path=path)
