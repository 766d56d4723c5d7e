"""What a pair's sums imply together with what is opened of its two variants.

Only pairs are opened whose variants have the very same people: whoever has one of the two genotypes
has the other. So all that is opened of a variant, in its own counts and in the sums of any pair, is
of one set of people, and nobody's genotype is a difference. (With at least 10 people missing one
genotype instead, two pairs of one variant could differ by one person: on t1d_nssnp 225 genotypes of
56 of 400 people came out of window-50 sums.)

A pair's n, Sx and Sxx are then how many people have each dosage at x: `variant_floors` has floors
on these. What a pair adds is Sxy.
"""

from collections.abc import Sequence

from mpcgen.protocols.floors import Floor, Minima
from mpcgen.protocols.genotype_counts import DOSAGE
from mpcgen.protocols.pair_sums import PAIR_SUMS

_DOSAGES = [f"{side}{d}" for side in "XY" for d in range(len(DOSAGE))]
PAIR_COLUMNS = (*PAIR_SUMS.columns, *_DOSAGES)  # people with each dosage at x, and at y

# Sums of products of the two variants' alleles, as if alt or ref were the effect allele.
_PRODUCTS = {
    "alt and alt": {"SXY": 1},
    "alt and ref": {"SX": 2, "SXY": -1},
    "ref and alt": {"SY": 2, "SXY": -1},
    "ref and ref": {"N": 4, "SX": -2, "SY": -2, "SXY": 1},
}
# Where nobody has two alt alleles of a variant (so on Y and MT), or two ref alleles: people with
# one allele alone or with none, and whoever is counted with them. What stands beside keeps these
# from being negative elsewhere.
_CELLS = {
    "the first's alt alone": {"SX": 1, "SXY": -1, "X2": 1, "Y2": 1},
    "the second's alt alone": {"SY": 1, "SXY": -1, "X2": 1, "Y2": 1},
    "neither's alt": {"N": 1, "SX": -1, "SY": -1, "SXY": 1, "X2": 1, "Y2": 1},
    # With the two exchanged it is the same: X0 + X1 + X2 = Y0 + Y1 + Y2 = N.
    "either's ref alone": {"N": 2, "SX": -1, "SY": -2, "SXY": 1, "X0": 1, "Y2": 1},
}


def pair_floors(groups: Sequence[str], minima: Minima) -> list[Floor]:
    """Floors on what a pair's sums add to the counts of its variants, (P, PAIR_COLUMNS).

    A pair has the people of its variants, so that their floors say how many there are.
    """
    least, cell = minima.min_individuals, minima.min_cell
    by_group = len(groups) > 1
    behind = minima.min_cases + minima.min_controls if by_group else minima.min_individuals
    alone = {"N": 2} | dict.fromkeys(_DOSAGES, -1)
    products = [(f"products of {words} alleles", form) for words, form in _PRODUCTS.items()]
    return [
        Floor(
            "people of the pair", {"N": 1}, least, or_zero=False, most=1, implied=behind >= least
        ),
        Floor("less who has one genotype alone", alone, 0, or_zero=False, most=2),
        *(
            Floor(words, form, cell, or_zero=True, most=4)
            for words, form in (*products, *_CELLS.items())
        ),
    ]
