"""What a pair's sums imply together with what is opened of its two variants.

Only pairs are opened whose variants have the very same people: whoever has one of the two genotypes
has the other. So all that is opened of a variant, in its own counts and in the sums of any pair, is
of one set of people, and nobody's genotype is a difference. (With at least 10 people missing one
genotype instead, two pairs of one variant could differ by one person: on t1d_nssnp 225 genotypes of
56 of 400 people came out of window-50 sums.)

A pair's n, Sx and Sxx are then how many people have each genotype at x: `variant_floors` has floors
on these. What a pair adds is Sxy, and with it every sum of people over the cells of the table of
both genotypes that is a combination of Sxy and the table's margins. Floors are set on the atoms of
these with weights up to 4, so also on products of alleles, of whichever alleles.

    two copies    n_ij people have dosages i and j: 12 atoms beside the margins
    one copy      m_ij, i and j being 0 or 1: each of the four
    X             a sum of both: Sxy has one term of each. An atom of n_ij and one of m_ij in which
                  Sxy has the same factor, 24 in all.

Where a genotype is opened as absent at a variant, more follows: that of fewer cells. The 12 atoms,
less what is absent, are all that is needed then too (tests/test_pair_disclosure.py tries them),
but where nobody has two different alleles: products of alleles are two or four times a count of
people there. So somebody must be heterozygous at either variant.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product

import numpy as np

from mpcgen.protocols.floors import Floor, Minima
from mpcgen.protocols.genotype_counts import CALLED, DIPLOID
from mpcgen.protocols.pair_sums import PAIR_SUMS
from mpcgen.study.closure import Span, atoms
from mpcgen.study.disclosure import HAPLOID, Kinds

PAIR_COLUMNS = (*PAIR_SUMS.columns, *(f"{side}.{genotype}" for side in "XY" for genotype in CALLED))

_MOST = 4  # the weight of who has two alleles at both
_CELLS = tuple(product(range(len(DIPLOID)), repeat=2))
_ALLELES = ("ref", "alt")
_OF_ONE_COPY = {  # the factor of Sxy -> weights of m_00, m_01, m_10, m_11
    1: (((1, 0), (0, 0)), ((0, 0), (0, 1))),
    -1: (((0, 1), (0, 0)), ((0, 0), (1, 0))),
}

Table = tuple[tuple[int, ...], ...]  # weights of people by genotype at x, and at y


def pair_floors(groups: Sequence[str], minima: Minima, kinds: Kinds) -> list[Floor]:
    """Floors on what a pair's sums add to the counts of its variants, (P, PAIR_COLUMNS).

    A pair has the people of its variants, so that their floors say how many there are.

    Args:
        kinds: of the chromosomes that pairs are on, each with both its variants.
    """
    least, cell = minima.min_individuals, minima.min_cell
    by_group = len(groups) > 1
    behind = minima.min_cases + minima.min_controls if by_group else minima.min_individuals
    people = Floor(
        "people of the pair", {"N": 1}, least, or_zero=False, most=1, implied=behind >= least
    )
    alone = {"N": 2} | dict.fromkeys(PAIR_COLUMNS[len(PAIR_SUMS.columns) :], -1)
    floors = [people, Floor("less who has one genotype alone", alone, 0, or_zero=False, most=2)]
    diploid = frozenset(kind for kind in kinds if "HET" in kind)
    if diploid:
        floors += [
            Floor(f"heterozygous at the {w}", {f"{s}.HET": 1}, 1, or_zero=False, most=1, on=diploid)
            for s, w in (("X", "first"), ("Y", "second"))
        ]
    for kind in kinds:
        floors += (
            Floor(words, form, cell, or_zero=True, most=_MOST, on=frozenset({kind}))
            for words, form in _forms(kind)
        )
    return floors


def _forms(kind: Sequence[str]) -> Iterator[tuple[str, Mapping[str, int]]]:
    """What each atom is, and it as a form of a pair's columns."""
    two, one = set(DIPLOID) <= set(kind), set(HAPLOID) <= set(kind)
    tables: list[tuple[Table, Table]]
    if not two:
        tables = [((), own) for owns in _OF_ONE_COPY.values() for own in owns]
    elif one:
        tables = [(table, own) for table in two_copies() for own in _OF_ONE_COPY[_factor(table)]]
    else:
        tables = [(table, ()) for table in two_copies()]
    return ((_words(*table), _form(*table)) for table in tables)


def _words(two: Table, one: Table) -> str:
    """A product of alleles as that, any other sum of people cell by cell."""
    for (i, x), (j, y) in product(enumerate(_ALLELES), repeat=2):
        corner = tuple(tuple(int((a, b) == (i, j)) for b in (0, 1)) for a in (0, 1))
        whole = not two or max(map(max, two)) == two[2 * i][2 * j] == _MOST
        if whole and one in ((), corner):
            return f"products of {x} and {y} alleles"
    named = [(f"n{i}{j}", n) for i, row in enumerate(two) for j, n in enumerate(row)]
    named += [(f"m{i}{j}", n) for i, row in enumerate(one) for j, n in enumerate(row)]
    return " + ".join(name if n == 1 else f"{n} {name}" for name, n in named if n)


@cache
def two_copies() -> tuple[Table, ...]:
    """The atoms beside the margins of the table of both dosages of people with two copies."""
    margins = {f"{name}{d}": [int(cell[side] == d) for cell in _CELLS]
               for side, name in enumerate("XY") for d in range(len(DIPLOID))}  # fmt: skip
    span = Span(len(_CELLS), {**margins, "SXY": [x * y for x, y in _CELLS]})
    known = [tuple(margin) for margin in margins.values()]
    found = [atom for atom in map(tuple, atoms(span, _MOST).tolist()) if atom not in known]
    found.sort(key=lambda atom: (-sum(atom), atom))
    return tuple(tuple(map(tuple, np.reshape(atom, (3, 3)).tolist())) for atom in found)


def _factor(table: Table) -> int:
    """That of Sxy in a table of weights u_i + v_j + c i j."""
    return table[1][1] - table[1][0] - table[0][1] + table[0][0]


def _form(two: Table, one: Table) -> dict[str, int]:
    """A pair's columns with the weights of people with two copies, and with one; () is none."""
    form = {"SXY": _factor(two or one)}
    for classes, table in ((DIPLOID, two), (HAPLOID, one)):
        for i, genotype in enumerate(classes if table else ()):
            form[f"X.{genotype}"] = table[i][0]
            form[f"Y.{genotype}"] = table[0][i] - table[0][0]
    return {name: factor for name, factor in form.items() if factor}
