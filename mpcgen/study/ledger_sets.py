"""The ledger's first rule: sets of people must not combine to isolate a few of them.

Only sets of releases that have a position in common with each other combine: there, the same
genotypes are behind all of them. On X and Y males are counted apart, so the sets are split there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import Differenced, RangeError
from mpcgen.study.isolation import Isolated, Mask, isolated
from mpcgen.study.ledger_release import ALL, CASES, CONTROLS, MALES, OTHERS, Release
from mpcgen.study.ledger_store import Store, among, on_sex_chromosomes

if TYPE_CHECKING:
    from mpcgen.study.ledger_rules import Past

MOST_OVERLAPS = 1024


def refuse_isolating(new: Release, pasts: "Sequence[Past]", store: Store) -> None:
    """Refuse a release whose sets isolate fewer than its min_individuals people.

    Raises:
        Differenced: the combination, and what to do.
    """
    people = _Universe(new, pasts, store)
    for which, sexed in _overlaps(new, pasts, store):
        together = [pasts[i] for i in which]
        ours = people.disjoint(new, sexed=sexed)
        theirs = {(p, name): mask for p in which for name, mask in people.sets(pasts[p], sexed)}
        try:
            found = isolated(list(ours.values()), list(theirs.values()), new.min_individuals)
        except RangeError as error:
            raise Differenced(
                f"refused by the ledger: too many earlier releases to check. {error}. Leave sites "
                f"out that were opened in {len(together)} earlier releases"
            ) from None
        if found is not None:
            _refuse(new, pasts, found, list(ours), list(theirs))


def _refuse(
    new: Release,
    pasts: "Sequence[Past]",
    found: Isolated,
    ours: Sequence[str],
    theirs: Sequence[tuple[int, str]],
) -> None:
    least, involved = new.min_individuals, sorted({theirs[i][0] for i in found.earlier})
    terms = [(c, f"the {ours[i]} of this plan") for i, c in enumerate(found.new)]
    terms += [
        (c, f"the {theirs[i][1]} of row {pasts[theirs[i][0]].number}")
        for i, c in found.earlier.items()
    ]
    if not involved:
        raise Differenced(
            f"refused by the ledger: a small group. {_sum(terms)}: at this institution these are "
            f"some, but fewer than {least}, people; all others together could tell what is theirs. "
            "Leave them out (exclude_samples), or leave X and Y out where they are a sex"
        )
    before = pasts[involved[0]].release
    attack = "people added or left out"
    if len(involved) > 1:
        attack = f"{len(involved) + 1} plans combine"
    elif before.sets[ALL] == new.sets[ALL]:
        attack = "people moved between groups"
    names = " and ".join(pasts[i].name for i in involved)
    raise Differenced(
        f"refused by the ledger: {attack}. {_sum(terms)} concerns some, but fewer than {least}, "
        f"people, on positions in common with {names}. Take the same people as then, or so many "
        f"more or fewer that {least} differ, or leave these positions out of the site list"
    )


def _sum(terms: Sequence[tuple[int, str]]) -> str:
    """A combination in words, what is added first."""
    ordered = sorted((term for term in terms if term[0]), key=lambda term: term[0] < 0)
    words = "".join(
        f" {'-' if c < 0 else '+'} {'' if abs(c) == 1 else f'{abs(c)} x '}{name}"
        for c, name in ordered
    )
    return words.removeprefix(" + ").removeprefix(" ")


def _overlaps(
    new: Release, pasts: "Sequence[Past]", store: Store
) -> Iterator[tuple[list[int], bool]]:
    """Which earlier releases have a position in common, all with the new one; and if on X or Y.

    Those that others contain are left out. At a position of no earlier release there is the new
    one alone.
    """
    sexed = on_sex_chromosomes(store.positions(new.sites))
    common = [store.in_common(new.sites, past.opened) for past in pasts]
    for on in (False, True):
        if (sexed == on).any():
            for which in _maximal(_signatures(common, np.flatnonzero(sexed == on))):
                yield sorted(which), on


def _signatures(common: Sequence[NDArray[np.bool_]], rows: NDArray[np.int64]) -> list[set[int]]:
    """The distinct sets of earlier releases that some row is in common with.

    Raises:
        Differenced: so many that they cannot all be looked at.
    """
    found: list[tuple[set[int], NDArray[np.int64]]] = [(set(), rows)]
    for i, inside in enumerate(common):
        split = [
            (which | set(new), part)
            for which, rows in found
            for new, part in (((i,), rows[inside[rows]]), ((), rows[~inside[rows]]))
            if len(part)
        ]
        if len(split) > MOST_OVERLAPS:
            raise Differenced(
                "refused by the ledger: too many overlaps to check. The site list overlaps earlier "
                f"releases in more than {MOST_OVERLAPS} ways. Split it"
            )
        found = split
    return [which for which, _ in found]


def _maximal(sets: Sequence[set[int]]) -> list[set[int]]:
    """Those that no other one contains."""
    return [each for each in sets if not any(each < other for other in sets)]


class _Universe:
    """Everybody in a release and in those before it, and their sets as masks."""

    def __init__(self, new: Release, pasts: "Sequence[Past]", store: Store):
        self._store = store
        names = {release.sets[ALL] for release in (new, *(past.release for past in pasts))}
        self._people = store.people(new.sets[ALL])
        for name in sorted(names):
            some = store.people(name)
            others = some[~among(some, self._people)]
            if len(others):
                self._people = np.sort(np.concatenate([self._people, others]))
        self._masks: dict[str, Mask] = {}

    def _mask(self, name: str) -> Mask:
        if name not in self._masks:
            mask = np.zeros(len(self._people), np.bool_)
            mask[np.searchsorted(self._people, self._store.people(name))] = True
            self._masks[name] = mask
        return self._masks[name]

    def disjoint(self, release: Release, *, sexed: bool) -> Mapping[str, Mask]:
        """The smallest sets of which totals are opened."""
        groups = [CASES, CONTROLS] if CASES in release.sets else [ALL]
        found = {name: self._mask(release.sets[name]) for name in groups}
        return dict(self._by_sex(release, found)) if sexed else found

    def sets(self, past: "Past", sexed: bool) -> Iterator[tuple[str, Mask]]:
        """All sets of which totals are opened."""
        names = [name for name in (ALL, CASES, CONTROLS) if name in past.release.sets]
        found = {name: self._mask(past.release.sets[name]) for name in names}
        yield from found.items()
        if sexed:
            yield from self._by_sex(past.release, found)

    def _by_sex(self, release: Release, groups: Mapping[str, Mask]) -> Iterator[tuple[str, Mask]]:
        for sex in (MALES, OTHERS):
            mask = self._mask(release.sets[sex])
            yield from ((f"{sex} among {name}", group & mask) for name, group in groups.items())
