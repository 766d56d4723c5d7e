"""What decides on shares which units of a batch are opened, before any of their totals is.

Of a variant one bit is opened for the whole plan: whether it meets the floors on all that any entry
opens of it. An entry with a threshold opens a bit of its own, floors and threshold together. A pair
is opened where both its variants and the pair itself meet the floors.
"""

from collections.abc import Mapping
from functools import cached_property, reduce

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.protocols.comparison import either
from mpcgen.secret import Secret
from mpcgen.study.batch import Batch, Task
from mpcgen.study.disclosure import asked_where
from mpcgen.study.study import Study


class Gate:
    """One run's gate; it remembers which variants are kept, for their pairs."""

    def __init__(self, study: Study):
        self._study = study
        self._kept: list[NDArray[np.bool_]] = []

    def choose(
        self, box: Box, batch: Batch, totals: Mapping[str, Secret], levels: Mapping[str, Secret]
    ) -> Mapping[str, NDArray[np.bool_]]:
        """Open the batch's bits: label -> which units (m,) are opened under it.

        Args:
            totals: joint totals of the batch's inputs.
            levels: what each owner gives for the floors; nothing where the plan has none.
        """
        met = self._met(box, batch, levels)
        bits = {} if batch.keep is None or met is None else {batch.keep: met}
        for task in batch.tasks:
            if task.decisions:
                passed = _passed(box, task, totals)
                if met is not None:
                    passed = box.mul(passed, met, "pass/kept")
                bits[batch.where(task) or ""] = passed
        chosen = box.open_bits(bits, batch.units) if bits else {}
        if self._study.of_pairs and batch.pairs is None and batch.keep is not None:
            self._kept.append(chosen[batch.keep])
        return chosen

    def _met(self, box: Box, batch: Batch, levels: Mapping[str, Secret]) -> Secret | None:
        """Bits: whether the floors hold; None where the plan has none."""
        if batch.floors is None:
            return None
        if batch.pairs is None:
            chrom = self._study.sites.chrom[batch.start : batch.stop]
            return batch.floors.met(box, levels, asked_where(batch.floors.counts, chrom))
        first, second = batch.pairs.T
        kept = self._all_kept[first] & self._all_kept[second]
        asked = None
        if len(self._study.kinds_of_pairs) > 1:
            asked = asked_where(batch.floors.counts, self._study.sites.chrom[first])
        return batch.floors.met(box, levels, asked) * box.bits.pack(kept)

    @cached_property
    def _all_kept(self) -> NDArray[np.bool_]:
        """Of all variants: their batches come before those of pairs."""
        return np.concatenate(self._kept)


def _passed(box: Box, task: Task, totals: Mapping[str, Secret]) -> Secret:
    """Bits: whether one of an entry's thresholds is passed."""
    passed = [d.passes(box, totals[d.source.name]) for d in task.decisions]
    return reduce(lambda x, y: either(box, x, y), passed)
