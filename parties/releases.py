"""A run's rows in its institution's ledger: checked first, begun before anything can be opened."""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mpcgen.genome.genotypes import MALE
from mpcgen.leakage import Leakage
from mpcgen.parties.owner import OwnData, Warn
from mpcgen.protocols.floors import Minima
from mpcgen.study.batch import Batch, Task
from mpcgen.study.institution import InstitutionConfig
from mpcgen.study.ledger import Ledger
from mpcgen.study.ledger_release import ALL, MALES, MISSING, OTHERS, Asked, Member, Release
from mpcgen.study.ledger_store import Positions, Store, positions
from mpcgen.study.loop import Part
from mpcgen.study.study import PEOPLE_KEEP, Study


class Record:
    """What a run tells its ledger; without a ledger, nothing."""

    def begin(self, session: bytes, leakage: Leakage) -> None:
        """Write, before anything is shared, that this session may open what the plan says."""

    def watch(self, parts: Iterator[Part]) -> Iterator[Part]:
        """The same parts, with a note of where something was opened."""
        return parts

    def finish(self) -> None:
        """Write where something was opened; nothing more will be."""

    def stop(self) -> None:
        """Write, where that is so, that a run that has begun ends with nothing of a site opened."""


class LedgerRecord(Record):
    """A record in a ledger."""

    def __init__(
        self, ledger: Ledger, study: Study, release: Release, signed: Collection[str] = ()
    ):
        self._ledger, self._study, self._signed = ledger, study, signed
        self._release = release
        self._begun: int | None = None
        self._leakage: Leakage | None = None
        self._opened = np.zeros(len(study.sites), np.bool_)

    def begin(self, session: bytes, leakage: Leakage) -> None:
        """Write that this session may open what the plan says.

        Raises:
            Differenced: another release has come between.
            LedgerError: it cannot be written.
        """
        release = replace(self._release, session=session.hex())
        self._leakage = leakage
        self._begun = self._ledger.begin(release, self._signed)

    def watch(self, parts: Iterator[Part]) -> Iterator[Part]:
        """The same parts, with a note of where something was opened."""
        for part in parts:
            self._opened[_variants(part.batch, part.rows)] = True
            yield part

    def finish(self) -> None:
        """Write where something was opened."""
        if self._begun is not None:
            self._ledger.finish(self._begun, _positions(self._study, self._opened))
            self._begun = None

    def stop(self) -> None:
        """Write that nothing of a site was opened, if it is sure that nothing can be.

        Before the group sizes are opened, an institution has shared nothing about its sites; from
        then on others may have opened what this one has not seen.
        """
        if self._begun is None or self._leakage is None:
            return
        if {opening.label for opening in self._leakage.opened} <= {PEOPLE_KEEP}:
            self._ledger.nothing(self._begun)
        self._begun = None


@contextmanager
def recording(
    study: Study,
    config: InstitutionConfig,
    data: OwnData | None,
    signed: Collection[str] = (),
    warn: Warn = lambda _words: None,
) -> Iterator[Record]:
    """A run's record, after the ledger was asked whether it may run.

    Args:
        data: the institution's own, or None; then, or without a ledger, nothing is recorded.
        signed: identities of the institutions that agree to come or go.
        warn: told of a torn row, and of a plan that runs once more.

    Raises:
        Differenced: the plan tells too much beside what was released before.
        LedgerError, ConfigError: the ledger is broken, or its key.
    """
    if config.ledger_folder is None or data is None:
        yield Record()
        return
    ledger = Ledger.open(config.ledger_folder, config.name, warn)
    least = 0 if config.policy is None else config.policy.floors.get("min_individuals", 0)
    release = release_of(study, data, ledger, least)
    words = ledger.check(release, signed)
    if words:
        warn(words)
    record = LedgerRecord(ledger, study, release, signed)
    try:
        yield record
    finally:
        record.stop()


def release_of(study: Study, data: OwnData, ledger: Ledger, own_least: int = 0) -> Release:
    """What the ledger keeps of a study on these data; sets are not written before it begins.

    Args:
        own_least: the institution's own min_individuals, which counts where the plan's is less.
    """
    plan, store = study.plan, ledger.store
    sets = _sets(data, ledger)
    least = plan.floors or Minima()
    return Release(
        plan=plan.sha256,
        study=plan.id,
        session="",
        build=plan.build,
        data=data.genotypes.digest(),
        min_individuals=max(least.min_individuals, own_least),
        floors={} if plan.floors is None else vars(plan.floors),
        institutions=[Member(i.name, i.identity, i.max_people > 0) for i in plan.institutions],
        entries=[_asked(study, task, store) for task in study.tasks],
        sets={name: store.add_people(people) for name, people in sets.items()},
        people={name: len(people) for name, people in sets.items()},
        sites=store.add_positions(
            _positions(study, np.any([_asks(study, t) for t in study.tasks], axis=0))
        ),
    )


def _sets(data: OwnData, ledger: Ledger) -> "dict[str, NDArray[np.void]]":
    people = data.people
    named = ledger.pseudonyms(map(str, people.ids.to_pylist()))
    masks = {ALL: people.used, MISSING: people.missing}
    masks |= {name: people.used & (people.group == i) for i, name in enumerate(people.groups)}
    masks |= {MALES: people.used & (people.sex == MALE), OTHERS: people.used & (people.sex != MALE)}
    return {name: named[mask] for name, mask in masks.items()}


def _asked(study: Study, task: Task, store: Store) -> Asked:
    entry, key = task.entry, task.statistic.threshold
    threshold = f"{key} = {float(str(entry.options[key]))!r}" if key and task.decisions else ""
    return Asked(
        name=entry.name,
        statistic=entry.statistic,
        release=entry.release,
        options={name: json.dumps(value) for name, value in entry.options.items()},
        threshold=threshold,
        digits={value.name: value.digits for value in task.values},
        sites=store.add_positions(_positions(study, _asks(study, task))),
    )


def _asks(study: Study, task: Task) -> NDArray[np.bool_]:
    """Which sites an entry asks about, (m,)."""
    asked = np.ones(len(study.sites), np.bool_)
    if task.chosen is not None:
        asked[:] = False
        asked[task.chosen.variants] = True
    return asked


def _variants(batch: Batch, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sites of a batch's opened units."""
    return rows + batch.start if batch.pairs is None else batch.pairs[rows].ravel()


def _positions(study: Study, chosen: NDArray[np.bool_]) -> Positions:
    sites = study.sites
    return positions(sites.chrom[chosen], sites.pos[chosen])
