"""Which pairs a linkage entry means: its lists of ids, compared with their hash and found."""

import hashlib
from pathlib import Path

import numpy as np

from mpcgen.errors import InputError, PlanError
from mpcgen.genome.sites import SiteList
from mpcgen.protocols.pairs import ListedPairs, PairList, PairOptions, WindowPairs


def choose_pairs(options: PairOptions, sites: SiteList, plan: Path) -> PairList:
    """The pairs of an entry over the plan's sites.

    Raises:
        PlanError: a list is another one than the plan pins, or names what the site list lacks.
    """
    try:
        if options.pairs is not None:
            ids = _ids(plan, options.pairs, options.pairs_sha256, 2)
            flat = [name for row in ids for name in row]
            unique = list(dict.fromkeys(flat))
            place = dict(zip(unique, sites.indices_of(unique).tolist(), strict=True))
            return ListedPairs(np.array([place[name] for name in flat], np.int64).reshape(-1, 2))
        if options.variants is not None:
            rows = _ids(plan, options.variants, options.variants_sha256, 1)
            chosen = np.sort(sites.indices_of([name for (name,) in rows]))
        elif options.region is not None:
            chosen = sites.indices_in(options.region)
        else:
            chosen = np.arange(len(sites))
        return WindowPairs(
            chosen, sites.chrom[chosen], sites.pos[chosen], options.window, options.kb
        )
    except (InputError, ValueError) as error:
        if isinstance(error, PlanError):
            raise
        raise PlanError(str(error), path=plan) from error


def _ids(plan: Path, name: str, sha256: str | None, columns: int) -> list[tuple[str, ...]]:
    """Rows of ids from a list beside the plan: its words, line by line."""
    path = plan.parent / name
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise PlanError(f"the plan's list {name} is not there", path=path) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise PlanError(f"{name} has SHA-256 {found}, the plan wants {sha256}", path=plan)
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise PlanError("this is not UTF-8 text", path=path) from error
    rows = [(number, tuple(line.split())) for number, line in enumerate(lines, 1) if line.strip()]
    for number, row in rows:
        if len(row) != columns:
            words = "one id" if columns == 1 else "two ids"
            raise PlanError(f"a line has {words}, not {len(row)}", path=path, line=number)
    if not rows:
        raise PlanError("the list is empty", path=path)
    return [row for _, row in rows]
