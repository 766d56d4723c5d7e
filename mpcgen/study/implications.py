"""What follows from a plan's openings that a steward should know, in plain words."""

from collections.abc import Iterator, Sequence

import numpy as np

from mpcgen.protocols.genotype_counts import ALT_ALLELES, column
from mpcgen.study.apart import apart
from mpcgen.study.batch import Task
from mpcgen.study.disclosure import kinds_of, opened_span
from mpcgen.study.floor_words import floors_of_units
from mpcgen.study.membership import advice
from mpcgen.study.study import Study
from mpcgen.study.tables_left import words

_KEEP = (
    "keep = 0: a count that would be opened, or would follow, is below its floor, jointly or "
    "without one of the institutions; not which, nor without whom. No entry opens anything else "
    "of that variant or pair."
)
_OWN = (
    "An institution knows more: where its own counts are all large, it learns that one of the "
    "others together is small, or that another institution lacks the variant. Where its own are "
    "0, the small one can be a single other institution's."
)
_ZERO = (
    "A count of 0 is opened: it says that nobody has this genotype. Where it is 0 without an "
    "institution's own people, that institution learns that nobody of the others has it."
)
_DIFFERENCES = (
    "Sums of pairs, less each other's and those of single variants, can be the genotypes of single "
    "people, wherever few miss a genotype or few carry an allele."
)
_PAIRS = (
    "Floors hold for a pair and its two variants. Sums over several pairs, over three and more "
    "variants, have none: they can be small. All pairs of many variants together tell everybody's "
    "genotypes where there are more variants than people: at least 4 people are asked for to each "
    "variant in pairs together. That is a margin to the methods that are known, not a proof."
)
_TOGETHER = (
    "Pairs go round: x with y, y with z, and z with x. Where variants are dense, one of them is "
    "nearly the sum of others. Sums of such pairs tell the genotypes of single people, and with "
    "counts of cases their phenotypes, whatever the floors. Pairs without a cycle, as of window = "
    "2, do not."
)
_BY_GROUP = (
    "Floors of pairs are on cases and controls together. Beside counts by group, a pair's sums can "
    "tell a few cases, or controls, or some of both."
)
_AGAIN = (
    "Another plan over partly the same people, before or after this one, can differ from it by a "
    "few, and then one result less the other is theirs. An institution that keeps a ledger of its "
    "releases refuses such a plan when it is run; where one keeps none, nothing compares its "
    "people's."
)


def bits(study: Study) -> Iterator[str]:
    """What a closed study, variant or pair tells, and whom."""
    if study.people_where is not None:
        yield (
            "people/keep = 0: the groups do not meet the floors. The study ends there, and nothing "
            "else is opened."
        )
    if study.keeps_variants:
        yield _KEEP
        yield _OWN
    for task in study.tasks:
        if task.decisions:
            yield f"{task.entry.name}, passing = 0: {_failed(study, task)}"


def _failed(study: Study, task: Task) -> str:
    if study.plan.floors is None:
        return "it is not beyond the threshold; not how far it is off."
    if study.keeps_variants and task.chosen is None:
        return "where keep = 1, it is not beyond the threshold; not how far it is off."
    return "it is not beyond the threshold, or does not meet the floors; not which of the two."


def implied(study: Study) -> Iterator[str]:
    """What follows from the totals themselves."""
    plan = study.plan
    if any(not task.values for task in study.tasks):
        yield "Whoever subtracts its own counts from a total knows the sum of the others'."
    yield f"The smallest group behind a total: {_smallest(study)}."
    if plan.floors is not None:
        yield _ZERO
    lacking = ", and which institutions lack a variant"
    if plan.floors is not None and plan.floors.min_institutions == len(plan.owners):
        lacking = ""  # then it is not opened
    yield f"From how many people a total is follows how many genotypes others miss{lacking}."
    if study.of_pairs:
        yield from _of_pairs(study)
    yield from words(study)
    yield from dict.fromkeys(s for task in study.tasks for s in task.statistic.implies())
    yield _AGAIN


def _of_pairs(study: Study) -> Iterator[str]:
    """What follows from the sums of pairs."""
    if study.plan.floors is None:
        yield _DIFFERENCES
        return
    yield _PAIRS
    if not apart([task.chosen for task in study.of_pairs if task.chosen is not None]):
        yield _TOGETHER
    if len(study.groups) > 1:
        yield _BY_GROUP


def _smallest(study: Study) -> str:
    found = [floors for _, floors in floors_of_units(study)]
    if not found:
        return "a single person"
    counts = [floor for floors in found for floor in floors.counts]
    people = [f for f in counts if f.behind and f.most == 1 and f.on is None and not f.implied]
    least = min(people, key=lambda floor: floor.at_least)
    cells = [floor.at_least for floor in counts if floor.or_zero]
    few = f"; a count of them at one variant, or at one pair, can be of {min(cells)}, or of nobody"
    alone = few if cells else ""
    return f"{least.at_least} {least.name}, also without any one institution{alone}"


def membership(study: Study) -> Iterator[str]:
    """The power of membership inference for the planned sites and people, and advice."""
    plan = study.plan
    totals = [task for task in study.tasks if _tells_counts(task)]
    variants = [task for task in totals if task.chosen is None]
    pairs = [task.chosen for task in totals if task.chosen is not None]
    sites, stated = study.sites, plan.independent_variants
    if pairs and not variants:
        sites = sites.take(np.unique(np.concatenate([chosen.variants for chosen in pairs])))
    most = [institution.max_people for institution in plan.institutions]
    people = sum(most) - max(most)
    yield f"The largest institution can subtract its own; at most {people:,} people are left."
    if _apart(study, variants):
        people //= 2
        yield f"Cases and controls are told apart: the smaller group has {people:,} people at most."
    yield from advice(
        sites,
        max(people, 1),
        {"totals" if task in totals else task.entry.release for task in study.tasks},
        genotypes=bool(pairs) or _opens_genotypes(study, variants),
        pairs=sum(chosen.total for chosen in pairs),
        stated=None if stated is None else min(stated, len(sites)),
    )


def _tells_counts(task: Task) -> bool:
    """Whether it opens counts wherever floors are met, or frequencies, which tell as much."""
    return not task.withholds or (bool(task.values) and task.statistic.frequencies)


def _apart(study: Study, totals: Sequence[Task]) -> bool:
    """Whether alleles of cases and of controls are opened, not only of both together."""
    forms = [form for task in totals for form in task.behind.values()]
    return any(
        len({form.get(column(group, genotype), 0) for group in study.groups}) > 1
        for form in forms
        for genotype in ALT_ALLELES
    )


def _opens_genotypes(study: Study, totals: Sequence[Task]) -> bool:
    """Whether numbers of heterozygous people follow, in a group or in all."""
    parts = [(group,) for group in study.groups] + [study.groups]
    for classes in kinds_of(study.sites.chrom):
        columns, span = opened_span(totals, study.groups, classes)
        for part in parts:
            wanted = {column(group, "HET") for group in part} & set(columns)
            if wanted and span.contains([int(name in wanted) for name in columns]):
                return True
    return False
