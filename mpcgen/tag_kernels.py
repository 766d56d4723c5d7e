"""Behind mpcgen.tags and mpcgen.field, by compiled kernels: tags (..., 8), their bits (...)."""

from typing import Any

import numpy as np
import numpy.typing as npt

from mpcgen.jit import load

Array = npt.NDArray[Any]
_loops = load("mpcgen.tag_loops")


def scale(x: Array, bits: Array) -> Array:
    """Return x where the bit is 1, else 0."""
    z = np.empty(x.shape, np.uint64)
    _loops.scale(_tags(x), _bits(bits), _tags(z))
    return z


def times_bits(key: int, bits: Array) -> Array:
    """Return the key where the bit is 1, else 0."""
    z = np.empty((*bits.shape, 8), np.uint64)
    _loops.times_bits(np.array([key], np.uint64), _bits(bits), _tags(z))
    return z


def add_swapped(z: Array, d: Array, a: Array, e: Array, b: Array) -> Array:
    """Return z + d b + e a."""
    out = np.empty(z.shape, np.uint64)
    _loops.add_swapped(_tags(z), _bits(d), _tags(a), _bits(e), _tags(b), _tags(out))
    return out


def buckets(x: Array, weights: Array) -> Array:
    """Sums (8, 256) of the tags whose weight has v as its byte j."""
    sums = np.zeros((8, 256), np.uint64)
    _loops.add_to_buckets(_tags(x).reshape(-1), _tags(weights).reshape(-1), sums)
    return sums


def sum_where(bits: Array, x: Array) -> int:
    """Sum of the tags of all bits that are 1."""
    sums = np.zeros(8, np.uint64)
    _loops.add_where(_bits(bits), _tags(x), sums)
    return int(np.bitwise_xor.reduce(sums))


def _tags(x: Array) -> Array:
    return np.ascontiguousarray(x).reshape(-1, 8)


def _bits(x: Array) -> Array:
    return np.ascontiguousarray(x).reshape(-1)
