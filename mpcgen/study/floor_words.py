"""The floors of a plan in words: who must be behind what is opened, and in which counts."""

from collections.abc import Iterator, Mapping, Sequence

from mpcgen.protocols.floors import Floor, Floors
from mpcgen.protocols.genotype_counts import ALT_ALLELES, CALLED, CLASSES, DIPLOID, column
from mpcgen.study.disclosure import Kinds, kinds_of
from mpcgen.study.study import Study

_NAMED = {  # sums of classes that have a name of their own
    "called": dict.fromkeys(CALLED, 1),
    "called with two copies": dict.fromkeys(DIPLOID, 1),
    "without a genotype": {"MISSING": 1, "ABSENT": 1},
    "alternative alleles": {"HET": 1, "HOM_ALT": 2},
    "reference alleles": {"HOM_REF": 2, "HET": 1},
    "alternative alleles (one copy too)": ALT_ALLELES,
    "reference alleles (one copy too)": {"HOM_REF": 2, "HET": 1, "HAP_REF": 1},
}
_WHERE = {"HOM_REF": "autosomes", "HAP_REF": "Y and MT"}  # kinds that have one of these alone
_PAIRS = (
    "Both variants of a pair must meet their floors too, and be of the very same people: who has "
    "one of the two genotypes has the other. n01 are the people with dosage 0 at the first and 1 "
    "at the second, m01 likewise those who have one copy."
)


def floors_of_units(study: Study) -> list[tuple[str, Floors]]:
    """The floors of variants, and of pairs; nothing where the plan has none."""
    found = [("variant", study.variant_floors(kinds_of(study.sites.chrom)))]
    if study.of_pairs:
        found.append(("pair", study.pair_floors))
    return [(unit, floors) for unit, floors in found if floors is not None]


def floors(study: Study) -> Iterator[str]:
    """What must hold before anything is opened, line by line."""
    if study.people_floors is None:
        yield "none: every total is opened, however few people are behind it"
        return
    units, kinds = floors_of_units(study), kinds_of(study.sites.chrom)
    jointly = f"jointly from {study.people_floors.min_institutions} institutions"
    yield "Of the joint total, and of the total without each one institution, which knows its own:"
    for unit, floors in [("people", study.people_floors), *((f"each {u}", f) for u, f in units)]:
        yield f"  {unit}: {_behind(floors)}; {jointly}"
    yield (
        "Likewise every count of people, of alleles, and of a pair's products of alleles that "
        "follows from what is opened of one variant or one pair, by adding and subtracting. Each "
        "is made up of the counts above and of these:"
    )
    for unit, of_unit in units:
        for least, where, counts in _alike(of_unit, kinds):
            for line in _lines(counts, study.groups):
                yield f"  each {unit}{where}, 0 or at least {least}{line}"
    if len(units) > 1:
        yield _PAIRS
    if study.plan.consent:
        yield f"The plan agrees to what floors cannot mend: {', '.join(study.plan.consent)}"


def _behind(floors: Floors) -> str:
    """What must be behind a unit: the counts that may not be 0 either."""
    least = [f"{floor.at_least} {floor.name}" for floor in floors.counts if floor.behind]
    return f"at least {', '.join(least)}"


def _alike(floors: Floors, kinds: Kinds) -> Iterator[tuple[int, str, list[Floor]]]:
    """The counts that are 0 or at least so many, and on which chromosomes."""
    alike: dict[tuple[int, str], list[Floor]] = {}
    for floor in floors.counts:
        if floor.or_zero:
            alike.setdefault((floor.at_least, _where(floor, kinds)), []).append(floor)
    for (least, where), counts in alike.items():
        yield least, where, counts


def _where(floor: Floor, kinds: Kinds) -> str:
    """The chromosomes where a floor is asked for; nothing if all of the study's."""
    if floor.on is None or floor.on >= set(kinds):
        return ""
    return " on " + ", ".join(_kind(classes) for classes in kinds if classes in floor.on)


def _kind(classes: Sequence[str]) -> str:
    alone = [words for genotype, words in _WHERE.items() if genotype in classes]
    return alone[0] if len(alone) == 1 else "X"


def _lines(counts: Sequence[Floor], groups: Sequence[str]) -> Iterator[str]:
    of: dict[str, dict[str, None]] = {}  # whose -> what, each once
    for floor in counts:
        whose, what = _words(floor, groups)
        of.setdefault(whose, {})[what] = None
    alike: dict[str, list[str]] = {}
    for whose, found in of.items():
        alike.setdefault(", ".join(found), []).append(whose)
    for line, who in alike.items():
        yield f"{', and'.join(who)}: {line}"


def _words(floor: Floor, groups: Sequence[str]) -> tuple[str, str]:
    """Of whom a count is, and of what."""
    parts = {group: _of_group(floor.form, group) for group in groups}
    parts = {group: weights for group, weights in parts.items() if weights}
    if not parts:  # of a pair
        return "", floor.name
    first, *others = (_sum(weights) for weights in parts.values())
    if all(other == first for other in others):
        return f" of {' and '.join(parts)}{' together' if others else ''}", first
    return "", " with ".join(f"{_sum(weights)} of {g}" for g, weights in parts.items())


def _of_group(form: Mapping[str, int], group: str) -> dict[str, int]:
    counts = {genotype: form.get(column(group, genotype), 0) for genotype in CLASSES}
    return {genotype: weight for genotype, weight in counts.items() if weight}


def _sum(weights: Mapping[str, int]) -> str:
    """A sum of classes: by its name, if it has one."""
    for name, form in _NAMED.items():
        if form == weights:
            return name
    return " + ".join(f"{w} {name}" if w > 1 else name for name, w in weights.items())
