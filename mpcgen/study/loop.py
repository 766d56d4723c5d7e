"""The one loop that drives every statistic: a batch in, shares of totals, tables out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.errors import RangeError
from mpcgen.genome.genotypes import Genotypes
from mpcgen.protocols.statistic import Input, Integers, Sites, Table
from mpcgen.secret import Secret
from mpcgen.study.batch import Batch, Task
from mpcgen.study.gate import Gate
from mpcgen.study.own_counts import OwnCounts
from mpcgen.study.replay import Stages
from mpcgen.study.study import PEOPLE, PEOPLE_FLOORS, PEOPLE_KEEP, PEOPLE_RING, Study

TOO_FEW = (
    "too few people, jointly or without one of the institutions, for the plan's floors: {}; "
    "nothing was opened"
)

Progress = Callable[[int], None]  # called with the number of units done since the last call


@dataclass(frozen=True)
class Part:
    """What one entry opened on one batch.

    Attributes:
        rows: the units that were opened, in the batch's numbers.
    """

    task: Task
    batch: Batch
    rows: NDArray[np.int64]
    opened: Mapping[str, Integers]
    sites: Sites

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        """The entry's result tables: its public step, taken by whoever looks."""
        tables = self.task.public(self.opened, self.sites)
        return {name: replace(table, rows=self.rows[table.rows]) for name, table in tables.items()}


class LocalBatch:
    """What local steps see: one institution's integers of one batch, each counted once."""

    def __init__(self, genotypes: Genotypes, batch: Batch):
        self._genotypes, self._batch = genotypes, batch

    @cached_property
    def counts(self) -> Integers:
        """Genotype counts of the batch's variants, (m, groups, 7)."""
        return self._genotypes.counts(self._batch.start, self._batch.stop)

    @cached_property
    def pair_sums(self) -> Integers:
        """Sums of the batch's pairs, (P, 6)."""
        assert self._batch.pairs is not None
        return self._genotypes.pair_sums(self._batch.pairs)


class Totals:
    """Opens the joint totals of one entry in one batch, where the manifest says so."""

    def __init__(self, batch: Batch, task: Task):
        self._batch, self._task = batch, task

    def totals(self, box: Box, secrets: Mapping[str, Secret]) -> dict[str, Integers]:
        """Open joint totals by name; one round."""
        labels = {name: self._batch.label(self._task, name) for name in secrets}
        named = {labels[name]: secret for name, secret in secrets.items()}
        opened = box.open(named, self._batch.where(self._task))
        return {name: secrets[name].ring.signed(opened[labels[name]]) for name in secrets}


def open_people(study: Study, box: Box, sizes: Integers | None) -> dict[str, int] | None:
    """The joint number of people in each group, opened before anything else.

    Args:
        sizes: an owner's number of people in each group; None elsewhere.

    Returns:
        None where the groups do not meet the plan's floors; nothing but that was opened.
    """
    ring, floors = PEOPLE_RING, study.people_floors
    values = None if sizes is None else ring.encode(sizes[None])
    total = reduce(add, box.input(PEOPLE, ring, (1, len(study.groups)), values).values())
    if floors is not None:
        own = None
        if sizes is not None:
            own = floors.levels(study.people_tables(sizes), np.array([sizes.any()]))
        met = floors.met(box, floors.share(box, PEOPLE_FLOORS, 1, own))
        if not box.open_bits({PEOPLE_KEEP: met}, 1)[PEOPLE_KEEP][0]:
            return None
    opened = ring.signed(box.open({PEOPLE: total}, study.people_where)[PEOPLE])
    return dict(zip(study.groups, (int(n) for n in opened[0]), strict=True))


def check_people(study: Study, people: Mapping[str, int] | None) -> Mapping[str, int]:
    """Refuse a study that its joint group sizes rule out; all parties see the same ones.

    Raises:
        RangeError: more people than the plan's range proof allows.
        PlanError: a group without anybody, or too few people for the plan's floors.
    """
    if people is None:
        words = study.people_floors.words if study.people_floors else ""
        raise study.plan.fail(TOO_FEW.format(words))
    for group, number in people.items():
        if number == 0:
            raise study.plan.fail(
                f"there are no {group} at any institution: the study cannot be computed; look at "
                "the phenotypes' coding with `mpcgen data check`"
            )
    if sum(people.values()) > study.plan.max_people:
        raise RangeError(
            f"{sum(people.values())} people take part; the plan's range proof ends at "
            f"{study.plan.max_people}"
        )
    return people


def compute(
    study: Study,
    box: Box,
    genotypes: Genotypes | None,
    progress: Progress = lambda _units: None,
) -> Iterator[Part]:
    """Run a study's batches at one party; yields what they open as it comes.

    Nothing of them may be written for good before the iteration has ended: its last step compares
    what all parties saw opened.

    Args:
        genotypes: an owner's data; None elsewhere.

    Raises:
        Abort, TransportError: the session failed.
    """
    yield from compute_batches(study, Stages(box), genotypes, progress)
    box.confirm()


def compute_batches(
    study: Study, stages: Stages, genotypes: Genotypes | None, progress: Progress
) -> Iterator[Part]:
    """The same without the comparison at the end; a batch is a stage."""
    gate, own = Gate(study), OwnCounts(study)
    for batch in study.batches():
        box = stages.box
        local = None if genotypes is None else LocalBatch(genotypes, batch)
        if local is not None and stages.replaying:
            own.skip(batch, local)
            local = None
        totals = {given.name: _total(box, batch, given, local) for given in batch.inputs}
        levels: Mapping[str, Secret] = {}
        if batch.floors is not None:
            bits = None if local is None else own.levels(batch, local)
            levels = batch.floors.share(box, f"{batch.name}/floors", batch.units, bits)
        chosen = gate.choose(box, batch, totals, levels)
        for task in batch.tasks:
            opened = task.secure(box, totals, Totals(batch, task))
            where = batch.where(task)
            rows = np.arange(batch.units) if where is None else np.flatnonzero(chosen[where])
            chrom = study.sites.chrom[batch.start : batch.stop]
            sites = Sites(chrom[rows] if batch.pairs is None else chrom)
            yield Part(task, batch, rows, opened, sites)
        stages.end()
        progress(batch.units)


def _total(box: Box, batch: Batch, given: Input, local: LocalBatch | None) -> Secret:
    """The joint total of one input, (units, columns)."""
    values, ring = None, batch.ring(given)
    shape = (batch.units, len(given.columns))
    if local is not None:
        integers = given.local(local)
        assert integers.shape == shape
        values = ring.encode(np.ascontiguousarray(integers))
    return reduce(add, box.input(f"{batch.name}/{given.name}", ring, shape, values).values())
