"""What a plan's openings imply: which counts follow from them, and what must not.

Floors are set on the atoms of the closure (see `closure`), so on every count of people or alleles
that can be computed from what is opened, whichever entries it takes. What floors cannot mend is
refused: an entry that opens what another one's threshold withholds.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcgen.protocols.floors import Floor, Minima
from mpcgen.protocols.genotype_counts import (
    ALL,
    ALLELES,
    ALT_ALLELES,
    CALLED,
    CASES,
    CLASSES,
    CONTROLS,
    DIPLOID,
    column,
    form,
    genotype_counts,
)
from mpcgen.study.batch import Task
from mpcgen.study.closure import Integers, Span, atoms, yields

UNCALLED = ("MISSING", "ABSENT")
HAPLOID = ("HAP_REF", "HAP_ALT")
X, Y, MT = 23, 24, 26
PEOPLE_A_VARIANT = 4  # without any one institution: see `people_floors`
LEVELS = 100  # about how many bits they give for that
UNITS = "units"  # an institution's people, counted in groups of `people_unit`

Kinds: TypeAlias = tuple[tuple[str, ...], ...]  # of chromosomes: the genotype classes on each


def kinds_of(chrom: NDArray[np.int8]) -> Kinds:
    """The kinds of chromosomes among PLINK's codes: the genotype classes that can occur on each."""
    codes = set(np.bincount(chrom).nonzero()[0].tolist())
    kinds = {
        (*DIPLOID, *UNCALLED): codes - {X, Y, MT},
        CLASSES: codes & {X},
        (*HAPLOID, *UNCALLED): codes & {Y, MT},
    }
    return tuple(classes for classes, present in kinds.items() if present)


def copies(chrom: NDArray[np.int8]) -> NDArray[np.int8]:
    """A number for the kind of each chromosome (m,): how many copies of it people have."""
    found: NDArray[np.int8] = np.isin(chrom, [X]) + 2 * np.isin(chrom, [Y, MT]).astype(np.int8)
    return found


def variant_floors(
    tasks: Sequence[Task], groups: Sequence[str], kinds: Kinds, minima: Minima
) -> list[Floor]:
    """Floors on every count that follows at one variant from what the entries open."""
    counts: dict[tuple[tuple[str, int], ...], set[tuple[str, ...]]] = {}
    needed: list[Floor] = []
    for classes in kinds:
        columns, span = opened_span(tasks, groups, classes)
        found = atoms(span, 2)
        needed += _heterozygous(found, columns, span, groups, classes)
        for atom in found:
            count = tuple((name, int(c)) for name, c in zip(columns, atom, strict=True) if c)
            counts.setdefault(count, set()).add(classes)
    floors = [_floor(dict(count), minima, frozenset(on)) for count, on in counts.items()]
    by_group = not all(_symmetric(floor.form, groups) for floor in floors)
    always = list(_always(groups, minima, by_group=by_group))
    return [*(f for f in floors if not _implied(f, always)), *always, *needed]


def _heterozygous(
    found: Integers,
    columns: Sequence[str],
    span: Span,
    groups: Sequence[str],
    classes: Sequence[str],
) -> Iterator[Floor]:
    """That somebody is, where it is opened how many are and counts of alleles have floors.

    Where nobody is, a count of alleles is twice a count of people. On X men may be all there are.
    """
    form = {column(group, "HET"): 1 for group in groups}
    if "HET" not in classes or set(HAPLOID) <= set(classes) or found.max(initial=0) < 2:
        return
    if span.contains([form.get(name, 0) for name in columns]):
        on = frozenset({tuple(classes)})
        yield Floor("heterozygous", form, 1, or_zero=False, most=1, on=on)


def _implied(floor: Floor, always: Sequence[Floor]) -> bool:
    """Whether a count contains, where it is asked for, one that is large enough anyway."""
    return all(
        any(
            other.at_least >= floor.at_least
            and all(
                floor.form.get(name, 0) >= n
                for name, n in other.form.items()
                if _class(name) in classes
            )
            for other in always
        )
        for classes in floor.on or ()
    )


def _class(name: str) -> str:
    """The genotype class of a count's column."""
    return name.partition(".")[2]


def asked_where(counts: Sequence[Floor], chrom: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which floors are asked for at variants, or pairs, on these chromosomes (m,): (floors, m)."""
    asked = np.zeros((len(counts), len(chrom)), np.bool_)
    for code in np.bincount(chrom).nonzero()[0]:
        (kind,) = kinds_of(np.array([code]))
        on = [floor.on is None or kind in floor.on for floor in counts]
        asked[:, chrom == code] = np.array(on, np.bool_)[:, None]
    return asked


def opened_span(
    tasks: Sequence[Task], groups: Sequence[str], classes: Sequence[str]
) -> tuple[list[str], Span]:
    """All that entries open of a variant on one kind of chromosome, group sizes among it.

    Of a value that is opened alone, all that it is made of.

    Returns:
        The names of the counts (the unknowns), and the span.
    """
    columns = [column(group, genotype) for group in groups for genotype in classes]
    forms = [form for task in tasks for form in _behind(task, groups)]
    return columns, _span(columns, [*forms, *_sizes(groups, classes)])


def _floor(count: Mapping[str, int], minima: Minima, on: frozenset[tuple[str, ...]]) -> Floor:
    uncalled = all(_class(name) in UNCALLED for name in count)
    words = " + ".join(f"{c} {name}" if c > 1 else name for name, c in count.items())
    least = minima.min_missing if uncalled else minima.min_cell
    return Floor(words, count, least, or_zero=True, most=max(count.values()), on=on)


def _always(groups: Sequence[str], minima: Minima, *, by_group: bool) -> Iterator[Floor]:
    """Floors on what is behind a variant, whatever is opened of it."""
    alt = form(ALT_ALLELES, *groups)
    ref = {name: n - alt.get(name, 0) for name, n in form(ALLELES, *groups).items()}
    for name, alleles in (("alternative alleles", alt), ("reference alleles", ref)):
        yield Floor(name, alleles, minima.min_mac, or_zero=False, most=2)
    parts = [(group,) for group in groups] if by_group else [tuple(groups)]
    for part in parts:
        called = form(dict.fromkeys(CALLED, 1), *part)
        least = _least(part[0] if by_group else ALL, minima)
        words = f"called {' and '.join(map(_who, part))}"
        yield Floor(words, called, least, or_zero=False, most=1)


def _least(group: str, minima: Minima) -> int:
    named = {CASES: minima.min_cases, CONTROLS: minima.min_controls}
    return named.get(group, minima.min_individuals)


def people_floors(groups: Sequence[str], minima: Minima, together: int) -> list[Floor]:
    """Floors on the joint group sizes, and on the number of people where there are pairs.

    Sums of all pairs of W variants are the Gram matrix of their columns of genotypes. Where W is
    larger than the number of people, lattice reduction gives everybody's genotypes from it, however
    large each sum is (the hidden subset sum problem: Nguyen and Stern, CRYPTO 1999; Coron and Gini,
    CRYPTO 2020). `PEOPLE_A_VARIANT` people for each variant are asked for.

    Args:
        together: at most how many variants stand in pairs, each with all others; 0: there are none.
    """
    floors = [
        Floor(_who(group), {group: 1}, _least(group, minima), or_zero=False, most=1)
        for group in groups
    ]
    if together:
        least, unit = PEOPLE_A_VARIANT * together, people_unit(together)
        words = f"people, {PEOPLE_A_VARIANT} for each of {together} variants in pairs together"
        words = words if unit == 1 else f"groups of {unit} {words}"
        floors.append(Floor(words, {UNITS: 1}, -(-least // unit), or_zero=False, most=1))
    return floors


def people_unit(together: int) -> int:
    """In groups of how many people institutions count for the floor on variants in pairs."""
    return max(1, -(-PEOPLE_A_VARIANT * together // LEVELS))


def _who(group: str) -> str:
    return "people" if group == ALL else group


def undermined(
    tasks: Sequence[Task], groups: Sequence[str], kinds: Kinds
) -> tuple[str, str] | None:
    """An entry whose release withholds nothing, and why: how other entries open it.

    What cases and controls have in common (a frequency of all) says nothing of whether a threshold
    is passed; beside a chi-squared it leaves one or two tables.
    """
    for passing in (task for task in tasks if task.withholds and task.chosen is None):
        withheld = list(passing.behind.items())
        for classes in kinds:
            columns = [column(group, genotype) for group in groups for genotype in classes]
            others = [task for task in tasks if task is not passing]
            columns += sorted(
                {name for _, form in [*withheld, *_forms(others, groups)] for name in form}
                - set(genotype_counts(groups).columns)
            )
            sizes = list(_sizes(groups, classes))
            available = _span(columns, [*_forms(others, groups), *sizes])
            common = [(g, form({g: 1}, *groups)) for g in classes if passing.decisions]
            found = yields(
                _span(columns, withheld),
                available,
                _span(columns, [*common, *sizes]),
            )
            if found is not None:
                advice = "leave one of them out"
                if any(t.decisions and f"{t.entry.name}: " in found.available for t in others):
                    advice += ", or put the tests of all into one entry, with one p"
                what = "threshold" if passing.decisions else "release"
                return passing.entry.name, (
                    f"its {what} withholds {found.withheld}, which other entries open: "
                    f"{found.available}; {advice}"
                )
    return None


def _forms(tasks: Sequence[Task], groups: Sequence[str]) -> list[tuple[str, Mapping[str, int]]]:
    """What entries open of a variant."""
    return [each for t in tasks if not t.values for each in _behind(t, groups)]


def _behind(task: Task, groups: Sequence[str]) -> list[tuple[str, Mapping[str, int]]]:
    """What floors are set on at a variant; of pairs, how many people have each genotype.

    Their sums tell dosages alone. On X, where these are of people with two copies and with one, a
    pair in which some sum is 0 can tell such a genotype too.
    """
    if task.chosen is None:
        return list(task.behind.items())
    return [
        (f"{task.entry.name}: people with {genotype}", form({genotype: 1}, *groups))
        for genotype in CALLED
    ]


def _sizes(
    groups: Sequence[str], classes: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, int]]]:
    """The group sizes, which are opened before all else.

    On X also how many of each sex have a genotype: the same people's other variants tell that.
    """
    for group in groups:
        yield f"number of {group}", form(dict.fromkeys(classes, 1), group)
        for sex, copies in (("males", HAPLOID), ("others", DIPLOID)) if classes == CLASSES else ():
            yield f"{sex} of {group}", form(dict.fromkeys(copies, 1), group)


def _span(columns: Sequence[str], forms: Sequence[tuple[str, Mapping[str, int]]]) -> Span:
    return Span(len(columns), {name: [form.get(c, 0) for c in columns] for name, form in forms})


def _symmetric(count: Mapping[str, int], groups: Sequence[str]) -> bool:
    """Whether it counts every group alike."""
    return all(
        len({count.get(column(group, genotype), 0) for group in groups}) == 1
        for genotype in CLASSES
    )
