"""The statistics that a plan's entry can name."""

from collections.abc import Mapping

from mpcgen.protocols.association import Association
from mpcgen.protocols.frequency import Frequency
from mpcgen.protocols.linkage import Linkage
from mpcgen.protocols.statistic import Statistic

STATISTICS: Mapping[str, type[Statistic]] = {
    statistic.kind: statistic for statistic in (Frequency, Association, Linkage)
}


def from_options(kind: str, options: Mapping[str, object], groups: tuple[str, ...]) -> Statistic:
    """The statistic of a plan's entry.

    Args:
        options: the entry's own keys.
        groups: the plan's disjoint groups: ("cases", "controls"), or ("all",) without a phenotype.

    Raises:
        ValueError: there is no such statistic, or which option is wrong, and what would be right.
    """
    if kind not in STATISTICS:
        raise ValueError(f'there is no statistic "{kind}"; there are {", ".join(STATISTICS)}')
    return STATISTICS[kind].from_options(options, groups)
