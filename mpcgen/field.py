"""GF(2^64), the polynomials over Z_2 modulo x^64 + x^4 + x^3 + x + 1; bit i stands for x^i."""

from types import ModuleType

import numpy as np

from mpcgen.bits import BITS
from mpcgen.ring import Array
from mpcgen.tags import TAGS


def _kernels() -> ModuleType:
    """Import the compiled kernels when first needed."""
    from mpcgen import tag_kernels  # noqa: PLC0415

    return tag_kernels


def multiply(x: int, y: int) -> int:
    """Return x y."""
    total = 0
    for i in range(y.bit_length()):
        total ^= (x << i) * (y >> i & 1)
    return _reduced(total)


def combine(tags: Array, weights: Array) -> int:
    """Sum of all tags, each times its weight, which are of one shape.

    The product is bilinear: tags whose weight has the same byte at the same place are added first,
    8 additions a tag to 8 x 256 sums. Of these, those with bit b of byte j are added up next, the
    factor of x^(8 j + b).
    """
    TAGS.check(tags)
    _check_weights(TAGS.shape(tags), weights)
    sums = _kernels().buckets(tags, weights)
    has_bit = (np.arange(256) >> np.arange(8)[:, None] & 1).astype(np.bool_)
    factors = np.bitwise_xor.reduce(np.where(has_bit, sums[:, None], np.uint64(0)), -1)
    total = 0
    for i, factor in enumerate(factors.ravel().tolist()):
        total ^= factor << i
    return _reduced(total)


def combine_bits(bits: Array, weights: Array) -> int:
    """Sum of the weights of all bits that are 1, for packed bits."""
    BITS.check(bits)
    _check_weights(bits.shape, weights)
    return int(_kernels().sum_where(bits, weights))


def _check_weights(shape: tuple[int, ...], weights: Array) -> None:
    TAGS.check(weights)
    if TAGS.shape(weights) != shape:
        raise ValueError(f"weights {TAGS.shape(weights)} of other elements than {shape}")


def _reduced(x: int) -> int:
    """The remainder: x^64 = x^4 + x^3 + x + 1."""
    while high := x >> 64:
        x = x & (1 << 64) - 1 ^ high ^ high << 1 ^ high << 3 ^ high << 4
    return x
