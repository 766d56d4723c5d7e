"""Made-up releases for tests of the ledger: people are numbers, sites are positions."""

import dataclasses
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mpcgen.study.ledger import Ledger
from mpcgen.study.ledger_release import Asked, Member, Release

OWNERS = ("A", "B", "C")
SITES = (1, 2, 3)
X = 23


@dataclass(frozen=True)
class Wanted:
    """A plan, as one institution's ledger sees it.

    Attributes:
        cases, controls: people; without controls all are one group.
        p: of a threshold; None: totals.
    """

    cases: Collection[int]
    controls: Collection[int] | None = None
    males: Collection[int] = ()
    sites: Sequence[int] = SITES
    chrom: int = 1
    data: str = "data"
    owners: Sequence[str] = OWNERS
    identities: Mapping[str, str] = field(default_factory=dict)
    p: float | None = None
    digits: int | None = None
    statistic: str = "association"
    floors: Mapping[str, int] = field(default_factory=lambda: {"min_mac": 5})
    least: int = 10

    @property
    def plan(self) -> str:
        """Stands for the plan's hash: over all that the plan says, so not over people."""
        said = dataclasses.replace(self, cases=(), controls=(), males=(), data="")
        return hashlib.sha256(f"{said} {self.controls is None}".encode()).hexdigest()

    @property
    def groups(self) -> dict[str, set[int]]:
        """The disjoint sets of people."""
        if self.controls is None:
            return {"all": set(self.cases)}
        return {"cases": set(self.cases), "controls": set(self.controls)}

    @property
    def everybody(self) -> set[int]:
        """All who take part."""
        return set().union(*self.groups.values())

    def release(self, ledger: Ledger) -> Release:
        """What the ledger is asked."""
        people, males = self.everybody, set(self.males)
        sets = {"all": people, **self.groups, "missing": set[int]()}
        sets |= {"males": people & males, "others": people - males}
        store = ledger.store
        places = np.array(sorted((self.chrom << 32) + site for site in self.sites), "<i8")
        asked = Asked(
            name="entry",
            statistic=self.statistic,
            release="totals",
            options={},
            threshold="" if self.p is None else f"p = {self.p!r}",
            digits={} if self.digits is None else {"chisq": self.digits},
            sites=store.add_positions(places),
        )
        return Release(
            plan=self.plan,
            study="study",
            session="00",
            build="GRCh37",
            data=self.data,
            min_individuals=self.least,
            floors=self.floors,
            institutions=[Member(n, self.identities.get(n, ""), True) for n in self.owners],
            entries=[asked],
            sets={
                name: store.add_people(ledger.pseudonyms(map(str, some)))
                for name, some in sets.items()
            },
            people={name: len(some) for name, some in sets.items()},
            sites=asked.sites,
        )


def ledger_in(folder: Path) -> Ledger:
    """A ledger of A, new or the one that is there."""
    return Ledger.open(folder / "ledger", "A")


def run(ledger: Ledger, wanted: Wanted, opened: Sequence[int] | None = None) -> int:
    """A release from its check to its end; returns the row that began it.

    Args:
        opened: sites where something was opened; None: at all.
    """
    begun = ledger.begin(wanted.release(ledger))
    sites = wanted.sites if opened is None else opened
    ledger.finish(begun, np.array([(wanted.chrom << 32) + site for site in sites], "<i8"))
    return begun
