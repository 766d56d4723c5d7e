"""What an owner counts for the floors: its own numbers of what follows from a plan's openings."""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from mpcgen.protocols.genotype_counts import CALLED, CLASSES, form, genotype_counts
from mpcgen.protocols.statistic import Integers, Local, forms
from mpcgen.ring import Array
from mpcgen.study.batch import Batch
from mpcgen.study.study import Study

_CALLED = [CLASSES.index(genotype) for genotype in CALLED]


class OwnCounts:
    """One run's counts at an owner; it remembers of variants what their pairs need."""

    def __init__(self, study: Study):
        self._of_pairs, groups = bool(study.of_pairs), study.groups
        self._source = genotype_counts(groups)
        called = (form({genotype: 1}, *groups) for genotype in CALLED)
        self._forms = np.array(forms(self._source.columns, *called), np.int32).T
        self._called: list[Callable[[], Integers]] = []  # of each batch of variants, (m, 5)

    def levels(self, batch: Batch, local: Local) -> Array:
        """The bits that it gives for the floors of a batch, as `Floors.share` takes them."""
        assert batch.floors is not None
        if batch.pairs is not None:
            first, second = batch.pairs.T
            called = np.take(self._all, first, axis=0), np.take(self._all, second, axis=0)
            return batch.floors.levels([local.pair_sums, *called])
        counts = self._source.local(local)
        if self._of_pairs:
            called_here = counts @ self._forms
            self._called.append(lambda: called_here)
        here: Integers = local.counts[:, :, _CALLED].sum(axis=(1, 2))
        return batch.floors.levels([counts], here > 0)

    def skip(self, batch: Batch, local: Local) -> None:
        """Of a batch that an earlier session finished, count only if pairs come to need it."""
        if self._of_pairs and batch.pairs is None:
            self._called.append(lambda: self._source.local(local) @ self._forms)

    @cached_property
    def _all(self) -> Integers:
        """People by genotype at all variants: their batches come before those of pairs."""
        return np.concatenate([called() for called in self._called])
