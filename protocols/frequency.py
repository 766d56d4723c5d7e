"""Allele frequencies, genotype counts and call rates, one variant at a time.

Learned   the joint counts of HOM_REF HET HOM_ALT HAP_REF HAP_ALT MISSING ABSENT in each reported
          group of people, and nothing of any single institution.
local     seven counts a variant and group                                T_i  (m, 7 groups)
secure    1. [T] <- sum_i [T_i]                                           the shared input
          2. [F_g] <- the seven counts of group g; all = cases + controls local
          3. F <- open [F]                                                1 round
          statistic: open AF alone and rounded                            rounded.Rounded
public    AC = 2 HOM_ALT + HET + HAP_ALT,  AN = 2 (HOM_REF + HET + HOM_ALT) + HAP_REF + HAP_ALT,
          AF = AC / AN,  call rate = called / (called + MISSING)
Range     AC and AN of one group are at most 2 N, counts N: Z_2^32 up to N = 2^22.

People at institutions that lack a variant are in none of AN, MISSING and the call rate; their
number stands in its own column, ABSENT_CT. Where both cases and controls are reported, `all` is
their sum and is not opened again.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np

from mpcgen.protocols.genotype_counts import (
    ALL,
    ALLELES,
    ALT_ALLELES,
    CALLED,
    CASES,
    CLASSES,
    CONTROLS,
    PEOPLE,
    form,
    genotype_counts,
)
from mpcgen.protocols.options import Options, names, only
from mpcgen.protocols.rounded import Portion, Rounded
from mpcgen.protocols.statistic import (
    Floats,
    Integers,
    Sites,
    Statistic,
    Sums,
    Table,
    Value,
    ratio,
)


class Frequency(Statistic):
    """Counts and frequencies of the reported groups, out of the plan's disjoint groups."""

    kind: ClassVar[str] = "frequency"
    alone: ClassVar[tuple[str, ...]] = ("af",)
    digits: ClassVar[int] = 12
    frequencies: ClassVar[bool] = True

    def __init__(self, reported: tuple[str, ...], groups: tuple[str, ...]):
        self.groups = groups
        self.reported = reported
        derived = set(groups) < set(reported)  # all, where its parts are reported
        opened = groups if derived else reported
        counts = genotype_counts(groups)
        self.sums = tuple(
            Sums(group, counts, {c: form({c: 1}, *self._parts(group)) for c in CLASSES})
            for group in opened
        )

    @classmethod
    def uses_phenotype(cls, options: Options) -> bool:
        """If cases or controls are reported."""
        wanted = options.get("groups", ())
        return isinstance(wanted, list | tuple) and (CASES in wanted or CONTROLS in wanted)

    @classmethod
    def from_options(cls, options: Options, groups: tuple[str, ...]) -> Self:
        """Options: groups = ["all", "cases", "controls"] (default: all)."""
        only(options, "groups")
        allowed = (ALL, *(group for group in groups if group != ALL))
        return cls(names(options, "groups", allowed, (ALL,)), groups)

    def _parts(self, group: str) -> tuple[str, ...]:
        """The plan's disjoint groups that make up this one."""
        return (group,) if group in self.groups else self.groups

    def values(self, names: tuple[str, ...], digits: int, people: int) -> tuple[Value, ...]:  # noqa: ARG002
        """The allele frequency in each reported group."""
        return tuple(
            Rounded(self._frequency(group), digits, people, f"{group}.af")
            for group in self.reported
        )

    def _frequency(self, group: str) -> Portion:
        ac, an = (form(weights, *self._parts(group)) for weights in (ALT_ALLELES, ALLELES))
        return Portion(genotype_counts(self.groups), ac, an, lambda people: 2 * people)

    def public_values(self, values: Mapping[str, Floats], sites: Sites) -> dict[str, Table]:
        """One table a reported group, of AF alone; that of all people is the unnamed one."""
        rows = np.arange(len(sites.chrom))
        return {
            "" if group == ALL else group: Table(rows, {"AF": values[f"{group}.af"]})
            for group in self.reported
        }

    def public(self, opened: Mapping[str, Integers], sites: Sites) -> dict[str, Table]:
        """One table a reported group; that of all people is the unnamed one."""
        rows = np.arange(len(sites.chrom))
        return {
            "" if group == ALL else group: Table(rows, _columns(self._group(opened, group)))
            for group in self.reported
        }

    def _group(self, opened: Mapping[str, Integers], group: str) -> Integers:
        return opened[group] if group in opened else opened[CASES] + opened[CONTROLS]


def _columns(opened: Integers) -> dict[str, Integers | Floats]:
    ac, an, called = (opened @ _weights(form) for form in (ALT_ALLELES, ALLELES, PEOPLE))
    count = dict(zip(CLASSES, opened.T, strict=True))
    return {
        "AC": ac,
        "AN": an,
        "AF": ratio(ac, an),
        **{f"{genotype}_CT": count[genotype] for genotype in (*CALLED, "MISSING")},
        "CALL_RATE": ratio(called, called + count["MISSING"]),
        "ABSENT_CT": count["ABSENT"],
    }


def _weights(form: Mapping[str, int]) -> Integers:
    return np.array([form.get(genotype, 0) for genotype in CLASSES])
