"""Statistics run from local to public step through the clear engine, in one process."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpcgen.abb import Box, Seat
from mpcgen.leakage import Leakage, Opening
from mpcgen.protocols.clear import Clear
from mpcgen.protocols.statistic import Integers, Local, Sites, Statistic, Table
from mpcgen.secret import Secret

ME = "one"
NONE = np.zeros(0, np.int32)


class Alone:
    """An exchange for a party that has nobody to talk to."""

    def exchange(
        self, label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        assert not send
        assert not receive
        return {}


class Given(NamedTuple):
    """Integers that an institution has counted."""

    counts: NDArray[Any] = NONE
    pair_sums: NDArray[Any] = NONE


class OpenAll:
    """A release that opens what it is asked for."""

    def totals(self, box: Box, secrets: Mapping[str, Secret]) -> dict[str, Integers]:
        opened = box.open(secrets)
        return {name: secrets[name].ring.signed(opened[name]) for name in secrets}


def run(statistic: Statistic, owners: Sequence[Local], chrom: ArrayLike) -> dict[str, Table]:
    """The statistic's tables of a batch whose owners have counted these integers."""
    return statistic.public(open_totals(statistic, owners), Sites(np.asarray(chrom, np.int8)))


def open_totals(statistic: Statistic, owners: Sequence[Local]) -> dict[str, Integers]:
    """What the statistic's secure step opens of such a batch."""
    given = {i.name: [i.local(owner) for owner in owners] for i in statistic.inputs}
    units = len(next(iter(given.values()))[0])
    allowed = (
        Opening(sums.name, sums.source.ring.k, (units, len(sums.forms)), (ME,))
        for sums in statistic.sums
    )
    box = Clear(Alone(), Seat(ME, (ME,), (ME,), (ME,)), Leakage(allowed))
    totals = {}
    for source in statistic.inputs:
        shape = (units, len(source.columns))
        shares = [
            box.input(source.name, source.ring, shape, source.ring.encode(values))[ME]
            for values in given[source.name]
        ]
        totals[source.name] = sum(shares[1:], start=shares[0])
    opened = statistic.secure(box, totals, OpenAll())
    assert list(opened) == [sums.name for sums in statistic.sums]
    return opened
