"""What the ledger refuses: releases that tell too much beside earlier ones on the same sites.

Each rule names itself, the attack, the earlier plan, and what to do.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from mpcgen.errors import Differenced
from mpcgen.study.ledger_release import ALL, Asked, Member, Release
from mpcgen.study.ledger_sets import refuse_isolating
from mpcgen.study.ledger_store import Store, among


@dataclass(frozen=True)
class Past:
    """A release that the ledger has.

    Attributes:
        number: of its row.
        at: when it began.
        opened: name of the positions at which something may have been opened, "" for none.
    """

    number: int
    at: str
    release: Release
    opened: str

    @property
    def name(self) -> str:
        """What messages call it."""
        plan = self.release.plan[:8]
        return f"study {self.release.study} (plan {plan}, row {self.number}, {self.at})"


def check(new: Release, pasts: Sequence[Past], store: Store, signed: Collection[str]) -> None:
    """Refuse a new release by the first rule that it breaks.

    Raises:
        Differenced: which rule, and what to do.
        LedgerError: a set that the ledger names is not there.
    """
    pasts = [past for past in pasts if past.release.build == new.build]
    for past in pasts:
        _other_genotypes(new, past)
        _institutions(new, past, store, signed)
        _bisection(new, past, store)
    refuse_isolating(new, pasts, store)


def _other_genotypes(new: Release, past: Past) -> None:
    """The same numbers of the same people once more differ by whoever's genotypes changed."""
    old = past.release
    if (new.plan, dict(new.sets)) == (old.plan, dict(old.sets)) and new.data != old.data:
        raise Differenced(
            "refused by the ledger: changed genotypes. This very plan was run with the same people "
            f"on other genotypes, {past.name}: the difference is that of those whose genotypes "
            "changed. Run it on the files as they were, or a new plan on new sites"
        )


def _institutions(new: Release, past: Past, store: Store, signed: Collection[str]) -> None:
    """What was opened with an institution, less what is opened without it, is its own counts."""
    common = _common(store, new.sites, past.opened)
    if not common:
        return
    missing, added = (
        [m for m in some if not any(m.is_same(other) for other in others)]
        for some, others in (
            (past.release.owners, new.owners),
            (new.owners, past.release.owners),
        )
    )
    for what, changed in (("left out", missing), ("added", added)):
        unsigned = ", ".join(m.name for m in changed if not _signed(m, signed))
        if unsigned:
            raise Differenced(
                f"refused by the ledger: an institution {what}. {unsigned} would be {what} since "
                f"{past.name}, and {common} positions of the site list were opened then: one total "
                "less the other is its counts. Leave these positions out of the site list; "
                "docs/ledger.md says what counts as its word that it agrees"
            )


def _signed(member: Member, signed: Collection[str]) -> bool:
    return (member.identity or member.name) in signed


def _bisection(new: Release, past: Past, store: Store) -> None:
    """Thresholds, rounding and floors asked twice of the same people close in on what they hide."""
    if not _people_in_common(new, past.release, store):
        return
    for entry, before in _same_asked(new, past.release, store):
        for attack, words in _closing_in(entry, before):
            raise Differenced(
                f"refused by the ledger: {attack}. Entry {entry.name} asks {words}, on positions "
                f"and people in common with {past.name}: the two answers together say what one "
                "withholds. Ask as before, or leave these positions out of the site list"
            )
        if dict(new.floors) != dict(past.release.floors):
            raise Differenced(
                f"refused by the ledger: other floors. Entry {entry.name} asks for "
                f"{entry.statistic} with {_floors(new, past.release)}, on positions and people in "
                f"common with {past.name}: which variants are kept then and now says what a "
                "floor withholds. Write the floors as before, or leave these positions out"
            )


def _closing_in(entry: Asked, before: Asked) -> Iterator[tuple[str, str]]:
    if entry.threshold and before.threshold and entry.threshold != before.threshold:
        words = f"for {entry.statistic} with {entry.threshold} after {before.threshold}"
        yield "bisected threshold", words
    for value, digits in entry.digits.items():
        other = before.digits.get(value, digits)
        if digits != other:
            yield "another rounding", f"for {value} to 2^-{digits} after 2^-{other}"


def _floors(new: Release, old: Release) -> str:
    names = sorted({*new.floors, *old.floors})
    differ = [name for name in names if new.floors.get(name) != old.floors.get(name)]
    if not new.floors or not old.floors:
        return "no floors after some" if old.floors else "floors after none"
    return ", ".join(f"{n} = {new.floors.get(n)} after {old.floors.get(n)}" for n in differ)


def _same_asked(new: Release, old: Release, store: Store) -> Iterator[tuple[Asked, Asked]]:
    """Entries that ask for the same statistic on positions in common."""
    for entry in new.entries:
        for before in old.entries:
            same = entry.statistic == before.statistic
            if same and _common(store, entry.sites, before.sites):
                yield entry, before


def _people_in_common(new: Release, old: Release, store: Store) -> bool:
    ours, theirs = (store.people(release.sets[ALL]) for release in (new, old))
    return bool(among(ours, theirs).any())


def _common(store: Store, ours: str, theirs: str) -> int:
    """How many positions two sets have in common."""
    return int(store.in_common(ours, theirs).sum())
