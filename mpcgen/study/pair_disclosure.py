"""What a pair's sums imply together with what is opened of its two variants."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import lcm

from mpcgen.protocols.floors import Floor, Minima
from mpcgen.protocols.genotype_counts import form
from mpcgen.protocols.pair_sums import PAIR_SUMS
from mpcgen.study.batch import Task
from mpcgen.study.closure import Span, atoms
from mpcgen.study.disclosure import Kinds, opened_span

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


def pair_floors(
    tasks: Sequence[Task], groups: Sequence[str], kinds: Kinds, minima: Minima
) -> list[Floor]:
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
        for words, dosages in _followed(tasks, groups, kinds):
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
        words = _words([cell for cell, w in zip(cells, atom, strict=True) if w])
        words = f"products of dosages {words}" if atom.max() > 1 else words
        most = scale * int(atom.max())
        counts.append(Floor(words, integral, minima.min_cell, or_zero=True, most=most, scale=scale))
    return counts


def _followed(
    tasks: Sequence[Task], groups: Sequence[str], kinds: Kinds
) -> Iterator[tuple[str, Mapping[int, int]]]:
    """What follows of everybody's dosages at a variant: words, and dosage -> coefficient."""
    spans = [opened_span(tasks, groups, classes) for classes in kinds]
    wanted: list[tuple[str, dict[int, int]]] = [(f"dosage {d}", {d: 1}) for d in range(NONE)]
    wanted.append(("alternative alleles", {1: 1, 2: 2}))
    for words, dosages in wanted:
        count = {
            name: n
            for d, n in dosages.items()
            for name in form(dict.fromkeys(DOSAGE[d], 1), *groups)
        }
        vectors = ([count.get(c, 0) for c in columns] for columns, _ in spans)
        if any(any(x) and span.contains(x) for x, (_, span) in zip(vectors, spans, strict=True)):
            yield words, dosages
    yield "called", dict.fromkeys(range(NONE), 1)  # follows from the pair's floors themselves


def _words(cells: Sequence[tuple[int, int]]) -> str:
    """A set of cells: "(0, any)" where both genotypes are there and the first is 0."""
    sides = [sorted({cell[axis] for cell in cells}) for axis in range(2)]
    if len(cells) == len(sides[0]) * len(sides[1]):
        return f"({', '.join(map(_side, sides))})"
    return " + ".join(_words([cell]) for cell in cells)


def _side(dosages: Sequence[int]) -> str:
    if dosages == list(range(NONE)):
        return "any"
    return " or ".join("none" if d == NONE else str(d) for d in dosages)
