"""A ledger in plain words, and the check of all that it rests on. No pseudonym is told."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from mpcgen.errors import LedgerError
from mpcgen.study.ledger import (
    LEDGER,
    SETS,
    TORN_WORDS,
    check_made,
    past_releases,
    read_key,
)
from mpcgen.study.ledger_file import Row, opened
from mpcgen.study.ledger_release import ALL, CASES, CONTROLS, MALES, MISSING, OTHERS, Release
from mpcgen.study.ledger_store import Store


def show(folder: Path) -> Iterator[str]:
    """Every row in words.

    Raises:
        LedgerError: there is no ledger, or it is broken.
    """
    with opened(folder / LEDGER, write=False) as file:
        rows, torn = file.rows, file.torn
        known = {past.number: past.opened for past in past_releases(file.path, rows)}
    for row in rows:
        yield f"{row.number}  {row.at}  {_WORDS.get(row.kind, row.kind).format_map(_Plain(row))}"
        if row.kind == "release":
            yield from (f"    {line}" for line in _release(Release.of_row(row.values)))
            if row.number not in known:
                yield "    nothing of it counts: it ended before anything about a site was opened"
    if torn:
        yield f"WARNING  {TORN_WORDS}"


_WORDS = {
    "made": "this is the ledger of {institution}",
    "release": "study {study} began, session {session}",
    "again": "the release of row {of} once more, session {session}: the same numbers",
    "finished": "the run of row {of} ended: {positions} positions have something opened",
    "nothing": "the run of row {of} ended before anything about a site was opened",
    "torn": "the line before was torn by a crash ({bytes} bytes)",
}


class _Plain(dict[str, object]):
    """A row's values; what it lacks is a question mark."""

    def __init__(self, row: Row):
        super().__init__(row.values)

    def __missing__(self, key: str) -> str:
        return "?"


def _release(release: Release) -> Iterator[str]:
    names = ", ".join(m.name for m in release.owners)
    others = ", ".join(m.name for m in release.institutions if not m.brings)
    yield f"plan {release.plan}"
    yield f"institutions with people: {names}{f'; without: {others}' if others else ''}"
    groups = (name for name in (CASES, CONTROLS, MALES, OTHERS) if name in release.people)
    sets = ", ".join(f"{release.people[name]} {name}" for name in groups)
    missing = release.people[MISSING]
    yield f"people here: {release.people[ALL]}, of whom {sets}; {missing} without a phenotype"
    yield f"floors: {_listed(release.floors) or 'none'}; at least {release.min_individuals} people"
    for entry in release.entries:
        asked = [entry.release, *filter(None, [entry.threshold])]
        asked += [f"{value} to 2^-{digits}" for value, digits in entry.digits.items()]
        yield f"{entry.name}: {entry.statistic}, {', '.join(asked)}; {_listed(entry.options)}"


def _listed(values: Mapping[str, str] | Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def verify(folder: Path) -> Iterator[str]:
    """Check the chain, the key, and every set that a row names; says what was found.

    Raises:
        LedgerError, ConfigError: what is wrong, and what to do.
    """
    with opened(folder / LEDGER, write=False) as file:
        if not file.rows:
            raise LedgerError("has no rows", path=file.path)
        check_made(file, str(file.rows[0].values.get("institution")), read_key(folder))
        pasts, rows, torn = past_releases(file.path, file.rows), file.rows, file.torn
    store, checked = Store(folder / SETS), 0
    for row in rows:
        checked += _check_sets(store, row)
    count = "release that counts" if len(pasts) == 1 else "releases that count"
    yield f"{len(rows)} rows in one chain, {len(pasts)} {count}"
    yield f"{checked} sets of people and of positions are what the rows say"
    yield f"the last line has SHA-256 {file.last}; note it: it tells later whether rows are missing"
    if torn:
        yield f"WARNING  {TORN_WORDS}"


def _check_sets(store: Store, row: Row) -> int:
    """Read all that a row names; returns how many that are.

    Raises:
        LedgerError: one is not there, was changed, or has another number of people.
    """
    if row.kind == "finished":
        store.positions(str(row.values["opened"]))
        return 1
    if row.kind != "release":
        return 0
    release = Release.of_row(row.values)
    for name, people in release.sets.items():
        if len(store.people(people)) != release.people.get(name):
            raise LedgerError(f"row {row.number} says another number of {name} than {people} has")
    for sites in (release.sites, *(entry.sites for entry in release.entries)):
        store.positions(sites)
    return len(release.sets) + 1 + len(release.entries)
