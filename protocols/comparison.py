"""Comparison: whether a secret is negative, and what is done with such bits.

A secret x of Z_2^k with -2^(bits-1) <= x < 2^(bits-1) is cut, by its engine, into two addends whose
bits are shared, x = a + b modulo 2^bits. Its sign is bit (bits - 1) of a + b: a's bit plus b's bit
plus the carry from below. Nobody builds the sum; only the carry is computed, by a tree.

    generate, propagate   g_i = a_i b_i,  p_i = a_i + b_i                       (+ is exclusive or)
    two neighbours        (g, p) = (g_hi + p_hi g_lo,  p_hi p_lo)
    first level           a_1 b_1 + (a_1 a_0) b_0 + a_0 (b_1 b_0)  and  (a_1 + b_1)(a_0 + b_0):
                          who knows an addend also knows the products of its neighbouring bits, so
                          that generate step and first level are one round

Rounds: the cut, 1 for the first level, then ceil(log2 of the groups left). The bits of 8 variants
share a byte. x > t is the sign of t - x, and so on: every comparison is strict, and a public bound
costs what a secret one does.

Papers    Araki, Furukawa, Lindell, Nof, Ohara, CCS 2016 (products of bits); Mohassel, Rindal, ABY3,
          CCS 2018, section 5.3 (x_0 + x_1 known to one party, x_2 to the other two);
          Brent, Kung, A regular layout for parallel adders, 1982 (the tree)
"""

from collections.abc import Sequence

from mpcgen.abb import Box
from mpcgen.cost import Cost, Costs
from mpcgen.secret import Secret, concatenate


def negative(
    box: Box,
    x: Secret,
    bits: int,
    label: str = "compare",
    forms: Sequence[Sequence[int]] | None = None,
) -> Secret:
    """The sign of x (..., m): bits (..., packed(m)), 1 where x < 0.

    Args:
        forms: x is (m, c), and the signs of linear forms of its columns are wanted: (f, packed(m)).
            That is quicker than to compare x.linear(forms).
        bits: -2^(bits-1) <= x < 2^(bits-1) is proved; at most the ring's k.
    """
    if not 0 < bits <= x.ring.k:
        raise ValueError(f"there is no sign of {bits} bits in {x!r}")
    below = bits - 1
    half = below // 2
    first, second = box.addends(x, [*_order(below), below], half, forms, f"{label}/addends")
    sign = first[below] + second[below]
    if bits == 1:
        return sign
    g, p = _first_level(box, first, second, below, label)
    while g.shape[0] > 1:
        g, p = _next_level(box, g, p, label)
    return sign + g[0]


def _order(n: int) -> list[int]:
    """Order of n neighbours in which each level's lower halves stand together, then the upper ones.

    Pairs are in the order of the next level; one without a partner is last. So the lowest is always
    first and the highest always last.
    """
    if n < 2:
        return list(range(n))
    pairs = [j for j in _order(n - n // 2) if j < n // 2]
    return [*(2 * j for j in pairs), *(2 * j + 1 for j in pairs), *range(n - n % 2, n)]


def _first_level(
    box: Box, first: Secret, second: Secret, below: int, label: str
) -> tuple[Secret, Secret]:
    """Generate bits of pairs of positions below the sign, and propagate bits but the lowest."""
    half = below // 2
    low, high, top, both = (
        slice(half), slice(half, 2 * half), slice(2 * half, below), slice(below + 1, None)
    )  # fmt: skip
    a, b, propagate = first, second, first[:below] + second[:below]
    pairs, tops, p = box.sums_of_products(
        [
            [(a[high], b[high]), (a[both], b[low]), (a[low], b[both])],
            [(a[top], b[top])],
            [(propagate[half + 1 : 2 * half], propagate[1:half])],
        ],
        label,
    )
    odd = propagate[top][: min(half, 1)]  # the only group needs no propagate bit
    return concatenate([pairs, tops]), concatenate([p, odd])


def _next_level(box: Box, g: Secret, p: Secret, label: str) -> tuple[Secret, Secret]:
    """Join pairs of groups; p[i] belongs to group i + 1, since the lowest needs none."""
    half = g.shape[0] // 2
    low, high, rest = g[:half], g[half : 2 * half], g[2 * half :]
    p_low, p_high, p_rest = p[: half - 1], p[half - 1 : 2 * half - 1], p[2 * half - 1 :]
    carried, joined = box.sums_of_products([[(p_high, low)], [(p_high[1:], p_low)]], label)
    return concatenate([high + carried, rest]), concatenate([joined, p_rest])


def rounds(bits: int) -> int:
    """Rounds of `negative` after the cut."""
    return 0 if bits == 1 else 1 + (bits // 2 - 1).bit_length()


def cost(costs: Costs, bits: int, b: int) -> Cost:
    """Declared cost of `negative` on units that fill b bytes a bit plane."""
    total = costs.addends(b * (bits + (bits - 1) // 2))
    if bits == 1:
        return total
    groups = bits // 2
    total += costs.reshare(b * (groups + max((bits - 1) // 2 - 1, 0)))
    while groups > 1:
        half = groups // 2
        total += costs.reshare(b * (2 * half - 1))
        groups -= half
    return total


def either(box: Box, x: Secret, y: Secret, label: str = "or") -> Secret:
    """Bits: x or y. One round."""
    return x + y + box.mul(x, y, label)


def select(box: Box, choice: Secret, x: Secret, y: Secret, label: str = "select") -> Secret:
    """Bits: x where choice is 1, else y. One round."""
    return y + box.mul(choice, x + y, label)


def all_of(box: Box, bits: Secret, label: str = "and") -> Secret:
    """The conjunction of bits (n, ...) over the first axis, by a tree: ceil(log2 n) rounds."""
    while (n := bits.shape[0]) > 1:
        joined = box.mul(bits[0 : n - n % 2 : 2], bits[1::2], label)
        bits = concatenate([joined, bits[n - n % 2 :]])
    return bits[0]


def all_of_cost(costs: Costs, n: int, b: int) -> Cost:
    """Declared cost of `all_of` n bits on units that fill b bytes a bit."""
    total = Cost()
    while n > 1:
        total += costs.reshare(b * (n // 2))
        n -= n // 2
    return total
