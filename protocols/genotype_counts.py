"""The input behind every statistic of single variants: how many people have which genotype.

local   for each variant and group of people, seven counts that add up to the people eligible on
        that chromosome: HOM_REF HET HOM_ALT (two copies), HAP_REF HAP_ALT (one copy: MT, Y and X of
        males), MISSING (no call, or a heterozygous haploid), ABSENT (the institution lacks the
        variant).
Range   each count is at most the number of people N, a form of them with coefficients up to 4 at
        most 4 N: Z_2^32 up to N = 2^22.
"""

from collections.abc import Sequence

from mpcgen.protocols.statistic import Input, Integers, Local
from mpcgen.ring import Z2_32

CLASSES = ("HOM_REF", "HET", "HOM_ALT", "HAP_REF", "HAP_ALT", "MISSING", "ABSENT")
CALLED = CLASSES[:5]
CASES, CONTROLS, ALL = "cases", "controls", "all"


def column(group: str, genotype: str) -> str:
    """The name of one count: "cases.HET"."""
    return f"{group}.{genotype}"


def genotype_counts(groups: Sequence[str]) -> Input:
    """The input for a plan's disjoint groups: cases and controls; all where none has a phenotype."""
    return Input(
        name="genotype_counts",
        columns=tuple(column(group, genotype) for group in groups for genotype in CLASSES),
        ring=Z2_32,
        bound=lambda people: 4 * people,
        local=_flat_counts,
    )


def _flat_counts(local: Local) -> Integers:
    return local.counts.reshape(len(local.counts), -1)
