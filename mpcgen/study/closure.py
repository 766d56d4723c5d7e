"""What follows from opened sums by subtraction: exact algebra on small integer vectors.

The unknowns are n nonnegative integers: how many people are in each of n disjoint sets. A *form* is
an integer vector of n coefficients, and opening it opens its product with the unknowns. The closure
of some forms is their rational span: all that an observer computes from them by linear
combination. What follows besides from counts being nonnegative (a total of 0 says that every
part is 0) is not linear and not covered here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import chain, combinations
from math import gcd, lcm

import numpy as np
import numpy.typing as npt

from mpcgen.errors import RangeError

Vector = Sequence[int]
Row = list[int]
Integers = npt.NDArray[np.int64]
_MOST = 2**22  # vectors tried at once: 160 MB


class Span:
    """The rational span of named forms of n unknowns.

    `rows` is its basis in reduced echelon form, times `scale` so that it is integer: (rank, n),
    `scale` in the columns `pivots`. A vector x of the span is determined by its pivot entries:
    scale x = x[pivots] rows.

    Raises:
        ValueError: a form has not n coefficients.
    """

    def __init__(self, n: int, forms: Mapping[str, Vector]):
        self.n = n
        self.forms = {name: tuple(map(int, form)) for name, form in forms.items()}
        for name, form in self.forms.items():
            if len(form) != n:
                raise ValueError(f"{name} has {len(form)} coefficients, not {n}")
        basis = _echelon(list(map(list, self.forms.values())))
        self.pivots = sorted(basis)
        self.scale = lcm(*(basis[p][p] for p in self.pivots))
        self.rows = [[x * (self.scale // basis[p][p]) for x in basis[p]] for p in self.pivots]

    def contains(self, vector: Vector) -> bool:
        """Whether the vector (n integers) is a rational combination of the forms."""
        return bool(self.contains_all([vector])[0])

    def contains_all(self, vectors: Sequence[Vector] | Integers) -> npt.NDArray[np.bool_]:
        """The same for every row of vectors, (v, n).

        Raises:
            RangeError: coefficients so large that 64 bits might not hold their products.
        """
        x = np.asarray(vectors, np.int64).reshape(len(vectors), self.n)
        rows = self._rows(int(abs(x).max(initial=1)))
        return np.asarray((x[:, self.pivots] @ rows == self.scale * x).all(axis=1))

    def combination(self, vector: Vector) -> dict[str, Fraction] | None:
        """Coefficients of few forms (the fewest if three are enough) that give the vector.

        None if it is not in the span.
        """
        found = _solve(self.forms, vector)
        if found is None:
            return None
        fewer = (
            _solve({name: self.forms[name] for name in names}, vector)
            for size in range(1, min(len(found), 4))
            for names in combinations(self.forms, size)
        )
        return next((shorter for shorter in fewer if shorter is not None), found)

    def _rows(self, most: int) -> Integers:
        """The basis as an array, if its products with entries up to `most` fit in 64 bits."""
        largest = max((abs(x) for x in chain(*self.rows)), default=0)
        if self.n * most * max(largest, self.scale) >= 2**63:
            raise RangeError("the coefficients of these forms are too large for 64 bits")
        return np.array(self.rows, np.int64).reshape(-1, self.n)


def text(combination: Mapping[str, Fraction]) -> str:
    """A combination as people write it: `2 x frequency: HET - allelic: A1_CASE`."""
    terms = sorted(combination.items(), key=lambda term: term[1] < 0)
    words = "".join(
        f" {'-' if c < 0 else '+'} {'' if abs(c) == 1 else f'{abs(c)} x '}{name}"
        for name, c in terms
    )
    return words.removeprefix(" + ").lstrip() or "0"


def atoms(span: Span, max_weight: int) -> Integers:
    """The smallest counts that follow from the span: (atoms, n), entries 0..max_weight.

    An atom is a nonzero vector of the span with entries 0..w (w = max_weight) that has no other
    such vector below it, entry by entry. With w = 1 the vectors are sets of people, with w = 2
    also alleles.

    Theorem. Every vector of the span with entries 0..w is a sum of atoms. So if each atom's count
    is 0 or at least f, then so is that of every such vector.
    Proof. By induction on the sum of x's entries: 0 is the empty sum. Any other x has an atom a
    below it (the smallest of the nonzero vectors of the span between 0 and x); x - a lies in the
    span, its entries in 0..w, and their sum is smaller. The unknowns are nonnegative, so the count
    of a sum of atoms is at least that of any atom in it: it is 0 or at least f.

    Raises:
        RangeError: more than 2^22 vectors would have to be tried.
    """
    found = [atom for part in _components(span) for atom in _part_atoms(span, part, max_weight)]
    found.sort(key=lambda atom: (sum(atom), tuple(-x for x in atom)))
    return np.array(found, np.int64).reshape(-1, span.n)


@dataclass(frozen=True)
class Yield:
    """A vector that is withheld, and how: from withheld forms, and from available ones."""

    vector: tuple[int, ...]
    withheld: str
    available: str


def yields(withheld: Span, available: Span, allowed: Span) -> Yield | None:
    """A vector of both `withheld` and `available`, not of `allowed`; None if there is none.

    A withheld form itself, in the given order, goes before a combination of several.
    """
    forms = withheld.forms.values()
    pairs = [[*form, *form] for form in forms]
    pairs += [[*form, *[0] * withheld.n] for form in available.forms.values()]
    # Zassenhaus: below the first half's pivots, the second half is a basis of the intersection.
    common = [row[withheld.n :] for p, row in _echelon(pairs).items() if p >= withheld.n]
    for vector in chain((form for form in forms if available.contains(form)), common):
        if not allowed.contains(vector):
            ways = (text(span.combination(vector) or {}) for span in (withheld, available))
            return Yield(tuple(vector), *ways)
    return None


def _echelon(rows: Iterable[Row]) -> dict[int, Row]:
    """The reduced echelon form by pivot column: primitive integer rows, positive pivots."""
    basis: dict[int, Row] = {}
    for given in rows:
        row = given
        for p, other in basis.items():
            row = _clear(row, p, other)
        pivot = next((column for column, x in enumerate(row) if x), None)
        if pivot is not None:
            row = _primitive(row, pivot)
            basis = {p: _primitive(_clear(other, pivot, row), p) for p, other in basis.items()}
            basis[pivot] = row
    return basis


def _clear(row: Row, p: int, other: Row) -> Row:
    """A multiple of row plus one of other, with 0 in column p."""
    if not row[p]:
        return row
    return [other[p] * x - row[p] * y for x, y in zip(row, other, strict=True)]


def _primitive(row: Row, pivot: int) -> Row:
    divisor = gcd(*row) if row[pivot] > 0 else -gcd(*row)
    return [x // divisor for x in row]


def _solve(forms: Mapping[str, Vector], vector: Vector) -> dict[str, Fraction] | None:
    """Coefficients of independent forms, the earlier ones first, that give the vector, if any."""
    names, n = list(forms), len(vector)
    columns = list(reversed(names))  # a pivot's form is expressed by the forms to its right
    rows = [[*forms[name], 0, *(int(name == c) for c in columns)] for name in names]
    relation = _echelon([*rows, [*map(int, vector), 1, *[0] * len(names)]]).get(n)
    if relation is None:
        return None
    values = dict(zip(columns, relation[n + 1 :], strict=True))
    return {name: Fraction(-values[name], relation[n]) for name in names if values[name]}


def _components(span: Span) -> list[list[int]]:
    """The rows of the span's basis in groups without a column in common.

    The span is the direct sum of the groups' spans, so the atoms of the groups are its atoms.
    """
    parts: list[tuple[list[int], set[int]]] = []
    for i, row in enumerate(span.rows):
        group, columns = [i], {j for j, x in enumerate(row) if x}
        apart = []
        for part in parts:
            if part[1] & columns:
                group, columns = part[0] + group, part[1] | columns
            else:
                apart.append(part)
        parts = [*apart, (group, columns)]
    return [group for group, _ in parts]


def _part_atoms(span: Span, part: list[int], w: int) -> list[tuple[int, ...]]:
    """The atoms of one component: all values 0..w of its pivots are tried."""
    shape = (w + 1,) * len(part)
    if (w + 1) ** len(part) > _MOST:
        raise RangeError(f"{len(part)} joint counts with weights up to {w} are too many to try")
    rows = span._rows(w)[part]

    def entries(column: Integers) -> Integers:
        """`scale` times one entry of every vector: (w + 1,) * len(part)."""
        return reduce(np.add.outer, [np.arange(w + 1) * x for x in column])

    good = np.ones(shape, np.bool_)
    for column in rows.T:
        scaled = entries(column)
        good &= (scaled >= 0) & (scaled <= w * span.scale)
        if span.scale > 1:
            good &= scaled % span.scale == 0
    small = np.min_scalar_type(w)
    x = np.array([(entries(column)[good] // span.scale).astype(small) for column in rows.T])
    x = x[:, np.argsort(x.sum(axis=0), kind="stable")[1:]]  # without 0
    found = []
    while x.size:
        atom = x[:, 0].copy()
        found.append(tuple(atom.tolist()))
        support = np.flatnonzero(atom)
        x = x[:, ~np.logical_and.reduce([x[j] >= atom[j] for j in support])]
    return found
