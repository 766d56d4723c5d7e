"""What a pair's sums imply together with what is opened of its two variants.

Only pairs are opened whose variants have the very same people: whoever has one of the two genotypes
has the other. So all that is opened of a variant, in its own counts and in the sums of any pair, is
of one set of people, and nobody's genotype is a difference. (With at least 10 people missing one
genotype instead, two pairs of one variant could differ by one person: on t1d_nssnp 225 genotypes of
56 of 400 people came out of window-50 sums.)
"""

from mpcgen.protocols.floors import Floor, Minima
from mpcgen.protocols.pair_sums import PAIR_SUMS

DOSAGES = 3
DOSAGE = (("HOM_REF", "HAP_REF"), ("HET", "HAP_ALT"), ("HOM_ALT",))  # classes of each dosage
PAIR_COLUMNS = (*PAIR_SUMS.columns, *(f"{side}{d}" for side in "XY" for d in range(DOSAGES)))

# Sums of products of two variants' alleles, as if alt or ref were the effect allele.
_PRODUCTS = {
    "alt and alt": {"SXY": 1},
    "alt and ref": {"SX": 2, "SXY": -1},
    "ref and alt": {"SY": 2, "SXY": -1},
    "ref and ref": {"N": 4, "SX": -2, "SY": -2, "SXY": 1},
}


def pair_floors(minima: Minima) -> list[Floor]:
    """Floors on every set of people that follows from a pair's sums."""
    least, cell = minima.min_individuals, minima.min_cell
    alone = {"N": 2} | {f"{side}{d}": -1 for side in "XY" for d in range(DOSAGES)}
    counts = [
        Floor("people of the pair", {"N": 1}, least, or_zero=False, most=1),
        Floor("less who has one genotype alone", alone, 0, or_zero=False, most=2),
    ]
    for side, which in (("X", "first"), ("Y", "second")):
        for d in range(DOSAGES):
            words = f"with dosage {d} of the {which}"
            counts.append(Floor(words, {f"{side}{d}": 1}, cell, or_zero=True, most=1))
    for words, form in _PRODUCTS.items():
        counts.append(Floor(f"products of {words} alleles", form, cell, or_zero=True, most=4))
    return counts
