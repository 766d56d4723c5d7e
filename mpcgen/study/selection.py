"""Which pairs an entry means: its lists of ids, compared with their hash and found."""

import hashlib

import numpy as np

from mpcgen.errors import InputError, PlanError, reason
from mpcgen.files import is_beside
from mpcgen.genome.sites import SiteList
from mpcgen.protocols.pair_options import PairOptions
from mpcgen.protocols.pairs import ListedPairs, PairList, WindowPairs
from mpcgen.study.plan import Entry, Plan

MOST = 1_000_000  # variants in a window


def choose_pairs(options: PairOptions, sites: SiteList, plan: Plan, entry: Entry) -> PairList:
    """The pairs of an entry over the plan's sites.

    Raises:
        PlanError: a list is another one than the plan pins, or names what the site list lacks.
    """
    try:
        return _choose(options, sites, plan, entry)
    except PlanError:
        raise
    except (InputError, ValueError) as error:
        raise plan.fail(str(error), entry) from error


def _choose(options: PairOptions, sites: SiteList, plan: Plan, entry: Entry) -> PairList:
    if options.window is not None and options.window > MOST:
        raise ValueError(f"window is at most {MOST:,} variants, not {options.window}")
    if options.pairs is not None:
        rows = _ids(plan, entry, options.pairs, options.pairs_sha256, 2)
        flat = [name for row in rows for name in row]
        unique = list(dict.fromkeys(flat))
        place = dict(zip(unique, sites.indices_of(unique).tolist(), strict=True))
        return ListedPairs(np.array([place[name] for name in flat], np.int64).reshape(-1, 2))
    if options.variants is not None:
        rows = _ids(plan, entry, options.variants, options.variants_sha256, 1)
        chosen = np.sort(sites.indices_of([name for (name,) in rows]))
    elif options.region is not None:
        chosen = sites.indices_in(options.region)
    else:
        chosen = np.arange(len(sites))
    return WindowPairs(chosen, sites.chrom[chosen], sites.pos[chosen], options.window, options.kb)


def _ids(
    plan: Plan, entry: Entry, name: str, sha256: str | None, columns: int
) -> list[tuple[str, ...]]:
    """Rows of ids from a list beside the plan: its words, line by line."""
    path = plan.path.parent / name
    if not is_beside(name):
        raise plan.fail(f'the list "{name}" is not beside the plan', entry)
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else error
        raise plan.fail(f"the list {name} cannot be read: {why}", entry) from None
    if not data.strip():
        raise PlanError("the list is empty", path=path)
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise plan.fail(f"{name} has SHA-256 {found}, the plan has {sha256}", entry)
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PlanError("this is not UTF-8 text", path=path, line=line) from None
    rows = [(number, tuple(line.split())) for number, line in enumerate(lines, 1) if line.strip()]
    for number, row in rows:
        if len(row) != columns:
            words = "one id" if columns == 1 else "two ids"
            raise PlanError(f"a line has {words}, not {len(row)}", path=path, line=number)
        if columns > 1 and len(set(row)) == 1:
            raise PlanError(f"{row[0]} is paired with itself", path=path, line=number)
    return [row for _, row in rows]
