"""Whether pairs of variants stand apart: no cycle among them.

Without a cycle, whatever follows from the sums of all pairs and the counts of their variants, with
small weights, is made up of what follows from single pairs, which have floors. Say f is opened of
(x, y), and g of (y, z), and f + g is nowhere negative. With m the least of f at each genotype of y,
f - m is nowhere negative, nor is g + m, since x and z take any values beside the same y; m is a
form of the counts of y, so that each of the two is opened of one pair, and neither has larger
weights than f + g. So on, leaf by leaf. In a cycle x and z are in a pair themselves: there sums of
three variants follow that can be those of a single person (tests/attacks/test_relations.py).
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
