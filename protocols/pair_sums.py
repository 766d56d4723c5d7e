"""The input behind every statistic of pairs of variants: sums of dosages and of their products.

local   over the people with both genotypes, n and the sums of alt dosages x and y, of their squares
        and of their product; a haploid person's dosage is 0 or 1. All are 0 where the institution
        lacks one of the two variants.
Range   sums are at most 4 N: Z_2^32 up to N = 2^22.
"""

from mpcgen.protocols.statistic import Input
from mpcgen.ring import Z2_32

PAIR_SUMS = Input(
    name="pair_sums",
    columns=("N", "SX", "SY", "SXX", "SYY", "SXY"),
    ring=Z2_32,
    bound=lambda people: 4 * people,
    local=lambda local: local.pair_sums,
)
