"""MACs on packed bits: eight tags of GF(2^64) to a byte of eight bits.

The tag of a bit x under the key a is a x, in the field of mpcgen.field. It is shared, added and
scaled by public bits as elements of a ring are, so that a box keeps it beside the share of x.
"""

import operator
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from mpcgen.bits import BITS, BitRing
from mpcgen.ring import Array, Product, Shape


def _kernels() -> ModuleType:
    """Import the compiled kernels when first needed."""
    from mpcgen import tag_kernels  # noqa: PLC0415

    return tag_kernels


@dataclass(frozen=True)
class Tags(BitRing):
    """GF(2^64)^8, one element to a byte of BITS; + is exclusive or, and there is no product.

    An element is eight words on a trailing axis, the tag of bit t in word t: logical shapes are
    those of the bytes.
    """

    k: int = BITS.k

    @property
    def size(self) -> int:
        """Bytes of one element on the wire."""
        return 64

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The word of one tag."""
        return np.dtype(np.uint64)

    @property
    def _name(self) -> str:
        return "GF(2^64)^8"

    @property
    def _words(self) -> Shape:
        return (8,)

    def of(self, key: int | np.uint64, bits: Array) -> Array:
        """The key times each bit.

        Raises:
            ValueError: the key is no element of GF(2^64).
        """
        BITS.check(bits)
        word = operator.index(key)
        if not 0 <= word < 1 << 64:
            raise ValueError("a key has 64 bits")
        return np.asarray(_kernels().times_bits(word, bits))

    def scale(self, tags: Array, bits: Array) -> Array:
        """Tags where the public bit is 1, else 0."""
        shape = self._common([tags], [bits])
        return np.asarray(
            _kernels().scale(self.broadcast_to(tags, shape), BITS.broadcast_to(bits, shape))
        )

    def add_swapped(
        self, z: Array, x: tuple[Array, Array], y: tuple[Array, Array], _product: Product
    ) -> Array:
        """Return z + d b + e a for public bits d and e, x = (d, a) and y = (e, b)."""
        (d, a), (e, b) = x, y
        shape = self._common([z, a, b], [d, e])
        z, a, b = (self.broadcast_to(tags, shape) for tags in (z, a, b))
        d, e = (BITS.broadcast_to(bits, shape) for bits in (d, e))
        return np.asarray(_kernels().add_swapped(z, d, a, e, b))

    def _common(self, tags: list[Array], bits: list[Array]) -> Shape:
        """The logical shape that all of them broadcast to."""
        for each in tags:
            self.check(each)
        for each in bits:
            BITS.check(each)
        return np.broadcast_shapes(*map(self.shape, tags), *map(BITS.shape, bits))

    def _refused(self, *_given: Any, **_named: Any) -> NoReturn:
        raise TypeError("tags are only added, and scaled by public bits")

    encode = unsigned = signed = reduce = extend = _refused
    mul = matmul = add_cross = lshift = rshift = and_ = or_ = invert = _refused
    pack = unpack = planes = levels_of_forms = _refused


TAGS = Tags()
