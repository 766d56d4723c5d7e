"""What a plan's openings imply: which counts follow from them, and what must not.

Floors are set on the atoms of the closure (see `closure`), so on every count of people or alleles
that can be computed from what is opened, whichever entries it takes. What floors cannot mend is
refused: an entry that opens what another one's threshold withholds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import NDArray

from mpcgen.protocols.floors import Floor, Floors, Minima
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
from mpcgen.protocols.pair_sums import PAIR_SUMS
from mpcgen.protocols.statistic import Statistic
from mpcgen.study.closure import Span, atoms, yields

UNCALLED = ("MISSING", "ABSENT")
HAPLOID = ("HAP_REF", "HAP_ALT")
X, Y, MT = 23, 24, 26

NONE = 3  # in the place of a dosage: no genotype
DOSAGE = (("HOM_REF", "HAP_REF"), ("HET", "HAP_ALT"), ("HOM_ALT",))  # classes of each dosage
PAIR_COLUMNS = (*PAIR_SUMS.columns, *(f"{side}{d}" for side in "XY" for d in range(NONE)))

_SUMS: tuple[Callable[[int, int], int], ...] = (  # of PAIR_SUMS, at one cell of the table
    lambda _x, _y: 1,
    lambda x, _y: x,
    lambda _x, y: y,
    lambda x, _y: x * x,
    lambda _x, y: y * y,
    lambda x, y: x * y,
)


@dataclass(frozen=True)
class Opened:
    """One entry's openings, as the closure sees them."""

    entry: str
    statistic: Statistic
    passing: bool

    def forms(self) -> dict[str, Mapping[str, int]]:
        """What it opens of a variant, by name: column of the shared inputs -> coefficient."""
        return {
            f"{self.entry}: {sums.name}.{name}": form
            for sums in self.statistic.sums
            for name, form in sums.forms.items()
        }


def classes_of(chrom: NDArray[np.int8]) -> list[tuple[str, ...]]:
    """The genotype classes that can occur, for each kind of chromosome among PLINK's codes."""
    codes = set(np.unique(chrom).tolist())
    kinds = {
        (*DIPLOID, *UNCALLED): codes - {X, Y, MT},
        CLASSES: codes & {X},
        (*HAPLOID, *UNCALLED): codes & {Y, MT},
    }
    return [classes for classes, present in kinds.items() if present]


def variant_floors(
    opened: Sequence[Opened],
    groups: Sequence[str],
    kinds: Sequence[tuple[str, ...]],
    minima: Minima,
    people: int,
    owners: int,
) -> Floors:
    """Floors on every count that follows at one variant from what the entries open."""
    floors: dict[tuple[tuple[str, int], ...], Floor] = {}
    by_group = False
    for classes in kinds:
        columns = [column(group, genotype) for group in groups for genotype in classes]
        span = _span(columns, [*_forms(opened), *_sizes(groups, classes)])
        for atom in atoms(span, 2):
            count = {name: int(c) for name, c in zip(columns, atom, strict=True) if c}
            floors.setdefault(tuple(count.items()), _floor(count, minima))
            by_group |= not _symmetric(count, groups)
    counts = [*floors.values(), *_always(groups, minima, by_group=by_group)]
    names = genotype_counts(groups).columns
    return Floors.among(names, counts, people, owners, minima.min_institutions)


def _floor(count: Mapping[str, int], minima: Minima) -> Floor:
    uncalled = all(name.partition(".")[2] in UNCALLED for name in count)
    words = " + ".join(f"{c} {name}" if c > 1 else name for name, c in count.items())
    least = minima.min_missing if uncalled else minima.min_cell
    return Floor(words, count, least, or_zero=True, most=max(count.values()))


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
        yield Floor(f"called {' and '.join(part)}", called, least, or_zero=False, most=1)


def _least(group: str, minima: Minima) -> int:
    named = {CASES: minima.min_cases, CONTROLS: minima.min_controls}
    return named.get(group, minima.min_individuals)


def pair_floors(
    opened: Sequence[Opened],
    groups: Sequence[str],
    kinds: Sequence[tuple[str, ...]],
    minima: Minima,
    people: int,
    owners: int,
) -> Floors:
    """Floors on every set of people that follows from a pair's sums and its variants' counts.

    The unknowns are the cells of the table of both dosages, none included: whoever lacks one of two
    genotypes is in a variant's counts and not in the pair's sums.
    """
    cells = [(x, y) for x in range(4) for y in range(4) if (x, y) != (NONE, NONE)]
    forms = {
        name: [of(x, y) if NONE not in (x, y) else 0 for x, y in cells]
        for name, of in zip(PAIR_SUMS.columns, _SUMS, strict=True)
    }
    columns = {name: {name: 1} for name in forms}
    for axis, side in enumerate("XY"):
        for words, dosages in _followed(opened, groups, kinds):
            forms[f"{side}: {words}"] = [dosages.get(cell[axis], 0) for cell in cells]
            columns[f"{side}: {words}"] = {f"{side}{d}": w for d, w in dosages.items()}
    span = Span(len(cells), forms)
    counts = [Floor("people of the pair", {"N": 1}, minima.min_individuals, or_zero=False, most=1)]
    for side, lacks in (("X", "second"), ("Y", "first")):
        missing = {**{f"{side}{d}": 1 for d in range(NONE)}, "N": -1}
        words, least = f"lacking the {lacks} genotype", minima.min_individuals
        counts.append(Floor(words, missing, least, or_zero=True, most=1))
    alleles = [
        [weights[cell[axis]] if cell[1 - axis] == NONE else 0 for cell in cells]
        for axis in range(2)
        for weights in ((0, 1, 2, 0), (2, 1, 0, 0))
    ]
    missing_sets = [[int(cell[axis] == NONE) for cell in cells] for axis in range(2)]
    followed = [forms["SXY"], *(x for x in alleles if span.contains(x))]
    for atom in atoms(span, 1, followed):
        if atom.tolist() in missing_sets:
            continue  # they have a floor already
        terms = span.combination(atom.tolist()) or {}
        scale = lcm(*(c.denominator for c in terms.values()))
        integral: dict[str, int] = {}
        for name, c in terms.items():
            for column_name, w in columns[name].items():
                integral[column_name] = integral.get(column_name, 0) + int(c * scale) * w
        words = " + ".join(_cell_words(*cell) for cell, w in zip(cells, atom, strict=True) if w)
        most = scale * int(atom.max())
        counts.append(Floor(words, integral, minima.min_cell, or_zero=True, most=most, scale=scale))
    return Floors.among(PAIR_COLUMNS, counts, people, owners, minima.min_institutions)


def _followed(
    opened: Sequence[Opened], groups: Sequence[str], kinds: Sequence[tuple[str, ...]]
) -> Iterator[tuple[str, Mapping[int, int]]]:
    """What follows of everybody's dosages at a variant: words, and dosage -> coefficient."""
    spans = []
    for classes in kinds:
        columns = [column(group, genotype) for group in groups for genotype in classes]
        spans.append((columns, _span(columns, [*_forms(opened), *_sizes(groups, classes)])))
    wanted: list[tuple[str, dict[int, int]]] = [(f"dosage {d}", {d: 1}) for d in range(NONE)]
    wanted.append(("alternative alleles", {1: 1, 2: 2}))
    for words, dosages in wanted:
        count = {
            name: n
            for d, n in dosages.items()
            for name in form(dict.fromkeys(DOSAGE[d], 1), *groups)
        }
        if any(span.contains([count.get(c, 0) for c in columns]) for columns, span in spans):
            yield words, dosages
    yield "called", dict.fromkeys(range(NONE), 1)  # follows from the pair's floors themselves


def _cell_words(x: int, y: int) -> str:
    return f"({', '.join('none' if d == NONE else str(d) for d in (x, y))})"


def people_floors(groups: Sequence[str], minima: Minima, people: int, owners: int) -> Floors:
    """Floors on the joint group sizes."""
    counts = [
        Floor(group, {group: 1}, _least(group, minima), or_zero=False, most=1) for group in groups
    ]
    return Floors.among(groups, counts, people, owners, minima.min_institutions)


def undermined(
    opened: Sequence[Opened], groups: Sequence[str], kinds: Sequence[tuple[str, ...]]
) -> tuple[str, str] | None:
    """An entry whose threshold withholds nothing, and why: how other entries open it.

    What cases and controls have in common (a frequency of all) says nothing of an association.
    """
    for passing in (each for each in opened if each.passing):
        for classes in kinds:
            columns = [column(group, genotype) for group in groups for genotype in classes]
            others = [each for each in opened if each is not passing]
            columns += sorted(
                {name for each in opened for form in each.forms().values() for name in form}
                - set(genotype_counts(groups).columns)
            )
            sizes = list(_sizes(groups, classes))
            available = _span(columns, [*_forms(others), *sizes])
            common = [(g, form({g: 1}, *groups)) for g in classes]
            found = yields(
                _span(columns, _forms([passing])), available, _span(columns, [*common, *sizes])
            )
            if found is not None:
                return passing.entry, (
                    f"its threshold withholds {found.withheld}, which other entries open: "
                    f"{found.available}"
                )
    return None


def _forms(opened: Sequence[Opened]) -> list[tuple[str, Mapping[str, int]]]:
    return [item for each in opened for item in each.forms().items()]


def _sizes(
    groups: Sequence[str], classes: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, int]]]:
    """The group sizes, which are opened before all else."""
    for group in groups:
        yield f"number of {group}", form(dict.fromkeys(classes, 1), group)


def _span(columns: Sequence[str], forms: Sequence[tuple[str, Mapping[str, int]]]) -> Span:
    return Span(len(columns), {name: [form.get(c, 0) for c in columns] for name, form in forms})


def _symmetric(count: Mapping[str, int], groups: Sequence[str]) -> bool:
    """Whether it counts every group alike."""
    return all(
        len({count.get(column(group, genotype), 0) for group in groups}) == 1
        for genotype in CLASSES
    )
