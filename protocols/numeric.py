"""Numbers on shares, once for all engines: bits as integers, truncation, bit planes, bit lengths.

Everything below starts from two addends of a secret, x = a + b modulo 2^k, of which an engine can
share any function that one addend determines (`Box.parts`, `Box.addends`).

    integers    a bit is u + v - 2 u v, for u and v its two addends as 0 or 1
    truncate    a + b = x + w 2^k, and w is told by the highest bits of a and b where x < 2^(k-1):
                they are not both 0 exactly if w = 1. So w = u + v - u v, and
                a / 2^f + b / 2^f - w 2^(k-f), rounded down each, is x / 2^f rounded down or 1 less.
    planes      the sum's bits by a parallel prefix of carries: log2(bits) rounds
    scale       2^t with 2^(bits-1) <= x 2^t < 2^bits: t is the number of leading zeros, whose few
                bits become integers and give the factors 1 + b_j (2^(2^j) - 1)

    minimum     y + (x < y)(x - y), by a tree over an axis
    look_up     which entry, by a tree over the index's bits; then the entry's bits, or which of
                few distinct entries, become integers

No step fails where its arguments are in the range that its docstring asks for, and all are exact
but `truncate`, which is off by at most 1, always in the same direction. Which of the two comes out
depends on the masks; who opens a truncated number as it is would tell something of them, so that
what is opened is rounded exactly (see `division`, `root`). Out of range there is no error: a wrong
number comes out, so that ranges are proved when a plan is made.

Papers    Sklansky, Conditional-sum addition logic, 1960 (the prefix); Mohassel, Rindal, ABY3, CCS
          2018 (addends); Launchbury, Diatchki, DuBuisson, Adams-Moran, Efficient lookup-table
          protocol in secure multiparty computation, ICFP 2012 (which entry); Escudero, Ghosh,
          Keller, Rachuri, Scholl, CRYPTO 2020, and IACR eprint 2024/1127 (what truncation by masks
          alone does not prove)
"""

from collections.abc import Sequence

import numpy as np

from mpcgen.abb import Box
from mpcgen.protocols import comparison
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret, concatenate


def integers(box: Box, bits: Secret, m: int, ring: Ring, label: str = "integers") -> Secret:
    """Bits (..., packed(m)) as 0 and 1 in a ring, (..., m). Two rounds."""
    shape = (*bits.shape[:-1], m)
    first, second = box.parts(
        bits, ring, shape, lambda x: ring.encode(box.bits.unpack(x, m)), f"{label}/addends"
    )
    return first + second + box.mul(first, second, label) * -2


def truncate(box: Box, x: Secret, f: int, bits: int, label: str = "truncate") -> Secret:
    """x / 2^f rounded down, or 1 less, for |x| < 2^bits; bits <= k - 2. Two rounds."""
    ring, k = x.ring, x.ring.k
    if not (0 <= f <= k - 2 and 0 <= bits <= k - 2):
        raise ValueError(f"no truncation of {x!r}, {bits} bits, by {f}")
    if f == 0:
        return x
    offset = 1 << k - 2  # above 0, so that the highest bits tell whether the addends wrap

    def part(addend: Array) -> Array:
        return ring.stack([ring.rshift(addend, f), ring.rshift(addend, k - 1)])

    first, second = box.parts(x + offset, ring, (2, *x.shape), part, f"{label}/addends")
    wraps = first[1] + second[1] - box.mul(first[1], second[1], label)
    return first[0] + second[0] - wraps * (1 << k - f) - (offset >> f)


def truncate_exactly(box: Box, x: Secret, f: int, bits: int, label: str = "truncate") -> Secret:
    """x (..., m) / 2^f rounded down, for |x| < 2^bits; f, bits <= k - 2."""
    if f == 0:
        return x
    low = truncate(box, x, f, bits, label)
    above = comparison.negative(box, x - low * (1 << f) - (1 << f), f + 2, f"{label}/rest")
    return low + 1 - integers(box, above, x.shape[-1], x.ring, f"{label}/rest")


def planes(box: Box, x: Secret, bits: int, label: str = "planes") -> Secret:
    """The bits of x (..., m), 0 <= x < 2^bits, the lowest first: (bits, ..., packed(m))."""
    first, second = box.addends(x, range(bits), 0, f"{label}/addends")
    both = first + second
    if bits == 1:
        return both
    p = both[: bits - 1]
    g = box.mul(first[: bits - 1], second[: bits - 1], label)
    for upper, source in _levels(bits - 1):
        carried, joined = box.sums_of_products(
            [[(p[upper], g[source])], [(p[upper], p[source])]], label
        )
        g, p = _put(g, upper, g[upper] + carried), _put(p, upper, joined)
    return concatenate([both[:1], both[1:] + g])


def leading_zeros(box: Box, bits: Secret, label: str = "zeros") -> Secret:
    """Of bit planes (n, ...), lowest first: 1 in place i if the i + 1 highest are 0, (n, ...)."""
    n = bits.shape[0]
    zeros = bits[np.arange(n)[::-1]] + -1
    for upper, source in _levels(n):
        zeros = _put(zeros, upper, box.mul(zeros[upper], zeros[source], label))
    return zeros


def scale(box: Box, x: Secret, bits: int, label: str = "scale") -> tuple[Secret, Secret]:
    """2^t with 2^(bits-1) <= x 2^t < 2^bits, and whether x is 0, for x (m,), 0 <= x < 2^bits.

    Where x is 0, 2^t is 1. Both (m,), in x's ring.
    """
    *digits, zero = _shift(box, x, bits, label)
    return _power(box, x, digits, label), zero


def scale_evenly(box: Box, x: Secret, bits: int, label: str = "scale") -> tuple[Secret, Secret]:
    """2^t with 2^(bits-2) <= x 4^t < 2^bits, and whether x is 0; as `scale`, bits are even."""
    _odd, *digits, zero = _shift(box, x, bits, label)
    return _power(box, x, digits, label), zero


def _shift(box: Box, x: Secret, bits: int, label: str) -> list[Secret]:
    """The number of leading zeros of x: its bits as integers, the lowest first; whether x is 0."""
    zeros = leading_zeros(box, planes(box, x, bits, f"{label}/planes"), f"{label}/zeros")
    found = zeros[: bits - 1] + zeros[1:]  # in place t - 1 whether there are t zeros
    rows = [[t for t in range(1, bits) if t >> j & 1] for j in range((bits - 1).bit_length())]
    exponent = [found[np.array(row) - 1].sum(0).reshape(1, -1) for row in rows]
    known = concatenate([*exponent, zeros[bits - 1 :]])
    digits = integers(box, known, x.shape[0], x.ring, f"{label}/t")
    return [digits[j] for j in range(len(rows) + 1)]


def _power(box: Box, x: Secret, digits: Sequence[Secret], label: str) -> Secret:
    """2 to the number of these binary digits; of x's shape."""
    factors = [digit * ((1 << (1 << j)) - 1) + 1 for j, digit in enumerate(digits)]
    return product(box, factors or [x * 0 + 1], f"{label}/power")


def product(box: Box, factors: Sequence[Secret], label: str = "product") -> Secret:
    """The product of secrets, by a tree."""
    factors = list(factors)
    while len(factors) > 1:
        pairs = zip(factors[::2], factors[1::2], strict=False)
        joined = box.sums_of_products([[pair] for pair in pairs], label)
        factors = [*joined, *factors[len(factors) - len(factors) % 2 :]]
    return factors[0]


def minimum(box: Box, x: Secret, y: Secret, bits: int, label: str = "minimum") -> Secret:
    """The smaller of x and y (..., m), for |x - y| < 2^(bits-1). Exact."""
    below = comparison.negative(box, x - y, bits, label)
    return y + box.mul(integers(box, below, x.shape[-1], x.ring, label), x - y, label)


def maximum(box: Box, x: Secret, y: Secret, bits: int, label: str = "maximum") -> Secret:
    """The larger of x and y (..., m), for |x - y| < 2^(bits-1). Exact."""
    return x + y - minimum(box, x, y, bits, label)


def least(box: Box, x: Secret, bits: int, label: str = "least") -> Secret:
    """The smallest of x (n, ...) over the first axis, by a tree: ceil(log2 n) minima. Exact.

    Args:
        bits: any two differ by less than 2^(bits-1).
    """
    while (n := x.shape[0]) > 1:
        smaller = minimum(box, x[: n // 2], x[n // 2 : n - n % 2], bits, label)
        x = concatenate([smaller, x[n - n % 2 :]])
    return x[0]


def greatest(box: Box, x: Secret, bits: int, label: str = "greatest") -> Secret:
    """The largest of x (n, ...) over the first axis, as `least`."""
    return -least(box, -x, bits, label)


def look_up(
    box: Box, index: Secret, table: Sequence[int], ring: Ring, label: str = "look up"
) -> Secret:
    """table[index] (..., m) in a ring, for 0 <= index < len(table). Exact.

    Its rounds follow from the table alone; it multiplies about len(table) bits an index.
    """
    low, m = min(table), index.shape[-1]
    rises = [entry - low for entry in table]
    of_bits = {1 << j: [n for n, rise in enumerate(rises) if rise >> j & 1]
               for j in range(max(rises).bit_length())}  # fmt: skip
    of_values = {value: [n for n, rise in enumerate(rises) if rise == value]
                 for value in sorted({*rises} - {0})}  # fmt: skip
    places = {weight: rows for weight, rows in min(of_bits, of_values, key=len).items() if rows}
    if not places:
        return box.constant(ring, ring.encode(np.broadcast_to(low, index.shape)))
    bits = planes(box, index, (len(table) - 1).bit_length(), f"{label}/bits")
    hot = one_hot(box, bits, f"{label}/which")
    rows = [hot[np.array(n)].sum(0).reshape(1, *hot.shape[1:]) for n in places.values()]
    digits = integers(box, concatenate(rows), m, ring, f"{label}/digits")
    weights = np.array(list(places), object).reshape(-1, *[1] * len(index.shape))
    return (digits * weights).sum(0) + low


def one_hot(box: Box, bits: Secret, label: str = "one hot") -> Secret:
    """Of bit planes (n, ...) of numbers, lowest first: 1 in place i where the number is i.

    Returns:
        (2^n, ...), after ceil(log2 n) rounds.
    """
    groups = [concatenate([bits[n : n + 1] + -1, bits[n : n + 1]]) for n in range(bits.shape[0])]
    while len(groups) > 1:
        pairs = [_each_with_each(*pair) for pair in zip(groups[::2], groups[1::2], strict=False)]
        joined = box.sums_of_products([[pair] for pair in pairs], label)
        groups = [*joined, *groups[len(groups) - len(groups) % 2 :]]
    return groups[0]


def _each_with_each(low: Secret, high: Secret) -> tuple[Secret, Secret]:
    """Two secrets whose product has low i times high j in place i + len(low) j."""
    i, j = (grid.reshape(-1) for grid in np.meshgrid(range(low.shape[0]), range(high.shape[0])))
    return low[i], high[j]


def times(
    box: Box, factors: Sequence[tuple[Secret, Secret]], f: int, label: str = "times"
) -> list[Secret]:
    """Products (m,) of numbers with f fractional bits, with as many; off as `shortened` is."""
    products = box.sums_of_products([[pair] for pair in factors], label)
    return shortened(box, products, f, label)


def shortened(box: Box, values: Sequence[Secret], f: int, label: str) -> list[Secret]:
    """Numbers (m,) with 2 f fractional bits, of absolute value below 4, with f.

    What is taken off is from 0 to less than 2 2^-f.
    """
    rows = concatenate([value.reshape(1, -1) for value in values])
    short = truncate(box, rows, f, 2 * f + 2, f"{label}/short")
    return [short[n] for n in range(len(values))]


def _levels(n: int) -> list[tuple[Array, Array]]:
    """Of each level of Sklansky's prefix over n places: those that join, and with which."""
    places, steps = np.arange(n), [1 << j for j in range((n - 1).bit_length())]
    upper = [(step, places[places & step > 0]) for step in steps]
    return [(those, those // step * step - 1) for step, those in upper]


def _put(x: Secret, places: Array, values: Secret) -> Secret:
    """x (n, ...) with other values in some places."""
    rest = np.setdiff1d(np.arange(x.shape[0]), places)
    back = np.argsort(np.concatenate([rest, places]))
    return concatenate([x[rest], values])[back]
