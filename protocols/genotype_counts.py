"""The input behind every statistic of single variants: how many people have which genotype.

local   for each variant and group of people, seven counts that add up to the people eligible on
        that chromosome: HOM_REF HET HOM_ALT (two copies), HAP_REF HAP_ALT (one copy: MT, Y and X of
        males), MISSING (no call, or a heterozygous haploid), ABSENT (the institution lacks the
        variant).
Range   each count is at most the number of people N, a form of them with coefficients up to 4 at
        most 4 N: Z_2^32 up to N = 2^22.
"""

from collections.abc import Mapping, Sequence

from mpcgen.genome.classes import Class
from mpcgen.protocols.statistic import Input, Integers, Local
from mpcgen.ring import Z2_32

CLASSES = tuple(genotype.name for genotype in Class)
CALLED = CLASSES[: Class.MISSING]
DIPLOID = CLASSES[: Class.HAP_REF]

# What a person of each class has; classes that are not there have none.
ALT_ALLELES = {"HET": 1, "HOM_ALT": 2, "HAP_ALT": 1}
ALLELES = {"HOM_REF": 2, "HET": 2, "HOM_ALT": 2, "HAP_REF": 1, "HAP_ALT": 1}
PEOPLE = dict.fromkeys(CALLED, 1)

DOSAGE = (("HOM_REF", "HAP_REF"), ("HET", "HAP_ALT"), ("HOM_ALT",))  # classes of each dosage

CASES, CONTROLS, ALL = "cases", "controls", "all"


def column(group: str, genotype: str) -> str:
    """The name of one count: "cases.HET"."""
    return f"{group}.{genotype}"


def genotype_counts(groups: Sequence[str]) -> Input:
    """The input for a plan's disjoint groups: cases and controls, or all."""
    return Input(
        name="genotype_counts",
        columns=tuple(column(group, genotype) for group in groups for genotype in CLASSES),
        ring=Z2_32,
        bound=lambda people: 4 * people,
        local=_flat_counts,
    )


def _flat_counts(local: Local) -> Integers:
    return local.counts.reshape(len(local.counts), -1)


def form(weights: Mapping[str, int], *groups: str) -> dict[str, int]:
    """The linear form of the counts that weights each class of these groups of people."""
    return {column(g, genotype): weight for g in groups for genotype, weight in weights.items()}
