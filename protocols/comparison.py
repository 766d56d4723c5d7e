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
share a byte. x > t is the sign of t - x, and so on:
every comparison is strict, and a public bound costs what a secret one does.

Papers    Araki, Furukawa, Lindell, Nof, Ohara, CCS 2016 (products of bits); Mohassel, Rindal, ABY3,
          CCS 2018, section 5.3 (x_0 + x_1 known to one party, x_2 to the other two);
          Brent, Kung, A regular layout for parallel adders, 1982 (the tree)
"""

from collections.abc import Generator
from itertools import islice
from typing import TypeAlias

from mpcgen.abb import Box
from mpcgen.secret import Secret, concatenate

# A protocol as rounds: it asks for sums of products, is sent them, and in the end returns a secret.
Levels: TypeAlias = Generator[
    list[list[tuple[Secret, Secret]]], list[Secret], tuple[Secret, Secret]
]
Rounds: TypeAlias = Generator[list[list[tuple[Secret, Secret]]], list[Secret], Secret]


def negative(
    box: Box,
    x: Secret,
    bits: int,
    label: str = "compare",
) -> Secret:
    """The sign of x (..., m): bits (..., packed(m)), 1 where x < 0.

    Args:
        bits: -2^(bits-1) <= x < 2^(bits-1) is proved; at most the ring's k.
    """
    if not 0 < bits <= x.ring.k:
        raise ValueError(f"there is no sign of {bits} bits in {x!r}")
    below = bits - 1
    planes = [*_order(below), below]
    first, second = box.addends(x, planes, below // 2, f"{label}/addends")
    return beside(box, label, _sign(first, second, bits))[0]


def beside(box: Box, label: str, *protocols: Rounds) -> list[Secret]:
    """The results of protocols that run side by side: each round is one round for all of them."""
    came: dict[int, list[Secret] | None] = dict.fromkeys(range(len(protocols)))
    results: dict[int, Secret] = {}
    while came:
        asked = {}
        for n, products in came.items():
            try:
                asked[n] = protocols[n].send(products)  # type: ignore[arg-type]  # None starts it
            except StopIteration as end:
                results[n] = end.value
        if not asked:
            break
        found = iter(
            box.sums_of_products([each for sums in asked.values() for each in sums], label)
        )
        came = {n: list(islice(found, len(sums))) for n, sums in asked.items()}
    return [results[n] for n in range(len(protocols))]


def _sign(first: Secret, second: Secret, bits: int) -> Rounds:
    """The sign: both addends' bits and the carry from below."""
    below = bits - 1
    sign = first[below] + second[below]
    if not below:
        return sign
    g, p = yield from _first_level(first, second, below)
    while g.shape[0] > 1:
        g, p = yield from _next_level(g, p)
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


def _first_level(first: Secret, second: Secret, below: int) -> Levels:
    """Generate bits of pairs of positions below the sign, and propagate bits but the lowest."""
    half = below // 2
    low, high, top, both = (
        slice(half), slice(half, 2 * half), slice(2 * half, below), slice(below + 1, None)
    )  # fmt: skip
    upper, lower, joint = slice(half + 1, 2 * half), slice(1, half), slice(below + 2, None)
    a, b, propagate = first, second, first[:below] + second[:below]
    joined = [(propagate[upper], propagate[lower])]
    if a.known:  # then no product is of two bits that nobody knows
        joined = [(a[upper], b[lower]), (a[lower], b[upper])]
    pairs, tops, p = yield [
        [(a[high], b[high]), (a[both], b[low]), (a[low], b[both])],
        [(a[top], b[top])],
        joined,
    ]
    if a.known:
        p = p + a[joint] + b[joint]
    odd = propagate[top][: min(half, 1)]  # the only group needs no propagate bit
    return concatenate([pairs, tops]), concatenate([p, odd])


def _next_level(g: Secret, p: Secret) -> Levels:
    """Join pairs of groups; p[i] belongs to group i + 1, since the lowest needs none."""
    half = g.shape[0] // 2
    low, high, rest = g[:half], g[half : 2 * half], g[2 * half :]
    p_low, p_high, p_rest = p[: half - 1], p[half - 1 : 2 * half - 1], p[2 * half - 1 :]
    carried, joined = yield [[(p_high, low)], [(p_high[1:], p_low)]]
    return concatenate([high + carried, rest]), concatenate([joined, p_rest])


def rounds(bits: int) -> int:
    """Rounds of `negative` after the cut; one less where an addend is known."""
    return (bits // 2 - 1).bit_length() + 1 if bits > 1 else 0


def either(box: Box, x: Secret, y: Secret, label: str = "or") -> Secret:
    """Bits: x or y. One round."""
    return x + y + box.mul(x, y, label)


def select(box: Box, choice: Secret, x: Secret, y: Secret, label: str = "select") -> Secret:
    """Bits: x where choice is 1, else y. One round."""
    return y + box.mul(choice, x + y, label)


def all_of(box: Box, bits: Secret, label: str = "and") -> Secret:
    """The conjunction of bits (n, ...) over the first axis, by a tree: ceil(log2 n) rounds."""
    while (n := bits.shape[0]) > 1:
        joined = box.mul(bits[: n // 2], bits[n // 2 : n - n % 2], label)
        bits = concatenate([joined, bits[n - n % 2 :]])
    return bits[0]
