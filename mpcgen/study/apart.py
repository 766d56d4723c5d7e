"""Whether pairs of variants stand apart: no cycle among them.

Without a cycle, and beside counts of everybody alone, whatever follows from the sums of all pairs
and the counts of their variants has the floors of single pairs. What follows is a form: the sum of
a function of each variant's genotype and of a multiple of xy for each pair, for each person. Let f
be one that is an integer, and nowhere negative, at whatever genotypes people can have.

1. Leaf by leaf it is a sum of such forms of single pairs. Let z stand in a pair with y alone, so
   that f = g + h with h of y and z, and g without z. With m(y) the least of h at each genotype of
   y, h - m is nowhere negative, nor is g + m: z may be what makes h least, whatever the others are.
   Both are integers, as h - m is the difference of two values of f. And m is a form of the counts
   of y, which are opened, so h - m and g + m follow as f does.
2. Let h = u(x) + v(y) + k xy, nowhere negative. With factor 1, or -1, in the place of k,
   floor((u + a) / |k|) + floor((v + |k| - 1 - a) / |k|) is nowhere negative either, and over
   a = 0, .., |k| - 1 these forms add up to h. Take what margins can be taken from each, so that it
   is 0 somewhere for each genotype of x and of y: then no weight is above 4, and it is one of the
   atoms on which pairs have floors (see `pair_disclosure`).
3. A count of 0 says what genotypes nobody has. With its form added often enough, a form that is
   negative only there is nowhere negative, and counts the same; that somebody is heterozygous at
   either variant of a pair keeps halves out.

So f counts nobody, or as many as the floor. (On X, step 1 wants counts by sex at each variant:
these have floors, opened or not.) tests/test_apart_sums.py takes forms to pieces, and looks for
cohorts that meet all floors and have a few. In a cycle x and z are in a pair themselves, and step 1
fails: sums of three variants follow that can be of a single person, as
tests/attacks/test_relations.py shows.
"""

from collections.abc import Iterator, Sequence

from mpcgen.protocols.pairs import PairList, WindowPairs

_BLOCK = 1 << 16


def apart(chosen: Sequence[PairList]) -> bool:
    """Whether the pairs of all entries are without a cycle; the same pair twice is none."""
    if any(isinstance(pairs, WindowPairs) and pairs.partners > 1 for pairs in chosen):
        return False  # x with y and z, and then y with z
    above: dict[int, int] = {}

    def root(site: int) -> int:
        while (up := above.get(site, site)) != site:
            above[site] = above.get(up, up)
            site = up
        return site

    seen: set[tuple[int, int]] = set()
    for pair in _pairs(chosen):
        if pair in seen:
            continue
        seen.add(pair)
        first, second = map(root, pair)
        if first == second:
            return False
        above[first] = second
    return True


def _pairs(chosen: Sequence[PairList]) -> Iterator[tuple[int, int]]:
    """All pairs, the smaller index first."""
    for pairs in chosen:
        for start in range(0, pairs.total, _BLOCK):
            block = pairs.between(start, min(start + _BLOCK, pairs.total))
            yield from ((min(pair), max(pair)) for pair in block.tolist())
