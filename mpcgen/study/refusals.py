"""What no plan may open: combinations of entries that floors, or a threshold, cannot mend."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from mpcgen.protocols.pairs import ListedPairs, PairList, common_pairs
from mpcgen.study.apart import apart
from mpcgen.study.batch import Task
from mpcgen.study.disclosure import copies, kinds_of, undermined
from mpcgen.study.study import Study

OfPairs: TypeAlias = Sequence[tuple[Task, PairList]]


def check_release(study: Study) -> None:
    """Refuse a plan in which one entry opens what another withholds, or floors do not cover.

    Raises:
        PlanError: which entries, and the combination.
    """
    plan, kinds = study.plan, kinds_of(study.sites.chrom)
    found = undermined(study.tasks, study.groups, kinds)
    if found is not None:
        entry, words = found
        raise plan.fail(words, next(e for e in plan.entries if e.name == entry))
    of_pairs = [(task, task.chosen) for task in study.tasks if task.chosen is not None]
    _check_withheld_pairs(study, of_pairs)
    if plan.floors is None:
        return
    for task, chosen in of_pairs:
        if isinstance(chosen, ListedPairs):
            _check_copies(study, task, chosen)
    if of_pairs and "pairs together" not in plan.consent:
        _check_apart(study, of_pairs)
    if "stratified sums" not in plan.consent:
        _check_stratified_sums(study)


def _check_withheld_pairs(study: Study, of_pairs: OfPairs) -> None:
    """Refuse a pair in two entries, one of which opens what the other withholds."""
    for n, (task, chosen) in enumerate(of_pairs):
        for other, others in of_pairs[:n]:
            both_alone = task.values and other.values
            withheld = (task.withholds or other.withholds) and not both_alone
            if withheld and common_pairs(chosen, others):
                what = "release" if task.values or other.values else "threshold"
                raise study.plan.fail(
                    f"it has pairs in common with {other.entry.name}, and one of the two opens "
                    f"what the other's {what} withholds; leave one of them out",
                    task.entry,
                )


def _check_copies(study: Study, task: Task, chosen: ListedPairs) -> None:
    """Refuse pairs of which one variant is of two copies, the other of one."""
    first, second = copies(study.sites.chrom)[chosen.sites].T
    mixed = np.flatnonzero(first != second)
    if len(mixed):
        names = " and ".join(str(study.sites.id[site]) for site in chosen.sites[mixed[0]])
        raise study.plan.fail(
            f"{names} are on chromosomes of which people have different numbers of copies: floors "
            "cover pairs of autosomes, of X, and of Y and MT; leave the others out",
            task.entry,
        )


def _check_apart(study: Study, of_pairs: OfPairs) -> None:
    """Refuse pairs whose sums tell more, beside each other or other entries, than floors cover."""
    why = []
    if not apart([chosen for _, chosen in of_pairs]):
        why.append(
            "pairs go round, as x with y, y with z and z with x (those of window = 2 do not)"
        )
    if len(study.groups) > 1:
        why.append("linkage stands beside entries that tell cases and controls apart")
    if why:
        raise study.plan.fail(
            f"{', and '.join(why)}: sums can then tell single people's genotypes and phenotypes, "
            "whatever the floors; where all agree to that, write "
            'consent = ["pairs together"] under [release]',
            of_pairs[0][0].entry,
        )


def _check_stratified_sums(study: Study) -> None:
    """Refuse sums from which the table of each institution can follow."""
    for task in study.tasks:
        if task.statistic.undoes_floors:
            raise study.plan.fail(
                f"{task.statistic.undoes_floors}, which the plan's floors withhold; where all "
                'agree to that, write consent = ["stratified sums"] under [release]',
                task.entry,
            )
