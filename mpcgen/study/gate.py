"""What decides on shares which units of a batch are opened, before any of their totals is.

Of a variant one bit is opened for the whole plan: whether it meets the floors on all that any entry
opens of it. An entry with a threshold opens a bit of its own, floors and threshold together. A pair
is opened where both its variants and the pair itself meet the floors.
"""

from collections.abc import Mapping
from functools import cached_property, reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.protocols.comparison import either
from mpcgen.protocols.floors import PRESENCE
from mpcgen.protocols.genotype_counts import DOSAGE, form, genotype_counts
from mpcgen.protocols.pair_sums import PAIR_SUMS
from mpcgen.protocols.statistic import forms
from mpcgen.ring import Z2_32
from mpcgen.secret import Secret, concatenate
from mpcgen.study.batch import Batch, Task
from mpcgen.study.disclosure import asked_where
from mpcgen.study.study import Study

Shares = Mapping[str, Mapping[str, Secret]]  # input -> owner -> its values


class Gate:
    """One run's gate; it remembers what pairs need to know of their variants."""

    def __init__(self, study: Study, box: Box):
        self._study, self._box = study, box
        # For pairs: which variants are kept, and every owner's people by dosage, (m, 3 owners).
        self._kept: list[NDArray[np.bool_]] = []
        self._dosages: list[Secret] = []

    def choose(self, batch: Batch, shares: Shares) -> Mapping[str, NDArray[np.bool_]]:
        """Open the batch's bits: label -> which units (m,) are opened under it."""
        met = self._met(batch, shares)
        bits = {} if batch.keep is None or met is None else {batch.keep: met}
        for task in batch.tasks:
            if task.decisions:
                passed = self._passed(task, shares)
                if met is not None:
                    passed = self._box.mul(passed, met, "keep and pass")
                bits[batch.where(task) or ""] = passed
        chosen = self._box.open_bits(bits, batch.units) if bits else {}
        if self._study.of_pairs and batch.pairs is None and batch.keep is not None:
            self._kept.append(chosen[batch.keep])
        return chosen

    def _met(self, batch: Batch, shares: Shares) -> Secret | None:
        """Bits: whether the floors hold; None where the plan has none."""
        if batch.floors is None:
            return None
        if batch.pairs is not None:
            return self._pairs_met(batch, shares)
        counts = {o: [x.reduce(Z2_32)] for o, x in shares[self._counts].items()}
        if self._study.of_pairs:
            dosages = [x.linear(self._dosage_forms) for (x,) in counts.values()]
            self._dosages.append(concatenate(dosages, axis=1))
        here = reduce(add, shares[PRESENCE.name].values())[:, 0]
        chrom = self._study.sites.chrom[batch.start : batch.stop]
        return batch.floors.met(self._box, counts, here, asked_where(batch.floors.counts, chrom))

    @property
    def _counts(self) -> str:
        return genotype_counts(self._study.groups).name

    @property
    def _dosage_forms(self) -> list[list[int]]:
        groups = self._study.groups
        dosages = (form(dict.fromkeys(classes, 1), *groups) for classes in DOSAGE)
        return forms(genotype_counts(groups).columns, *dosages)

    def _pairs_met(self, batch: Batch, shares: Shares) -> Secret:
        assert batch.floors is not None
        assert batch.pairs is not None
        first, second = batch.pairs.T
        sides, counts = [self._all_dosages[which] for which in (first, second)], {}
        for i, (owner, sums) in enumerate(shares[PAIR_SUMS.name].items()):
            own = slice(i * len(DOSAGE), (i + 1) * len(DOSAGE))
            counts[owner] = [sums.reduce(Z2_32), *(side[:, own] for side in sides)]
        met = batch.floors.met(self._box, counts)
        kept = self._all_kept
        return met * self._box.bits.pack(kept[first] & kept[second])

    @cached_property
    def _all_dosages(self) -> Secret:
        """Of all variants: their batches come before those of pairs."""
        return concatenate(self._dosages)

    @cached_property
    def _all_kept(self) -> NDArray[np.bool_]:
        return np.concatenate(self._kept)

    def _passed(self, task: Task, shares: Shares) -> Secret:
        passed = [
            decision.passes(self._box, reduce(add, shares[decision.source.name].values()))
            for decision in task.decisions
        ]
        return reduce(lambda x, y: either(self._box, x, y), passed)
