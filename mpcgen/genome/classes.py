"""The classes into which genotypes are counted."""

from enum import IntEnum


class Class(IntEnum):
    """What a person counts as at a site: the last axis of Genotypes.counts."""

    HOM_REF = 0
    HET = 1
    HOM_ALT = 2
    HAP_REF = 3
    HAP_ALT = 4
    MISSING = 5
    ABSENT = 6
