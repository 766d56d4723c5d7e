"""One party's own work: the bits of integers, and a comparison whose messages are replayed."""

from typing import Any

import numpy as np
import pytest

from mpcgen.abb import Box, Seat
from mpcgen.bits import BITS
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.comparison import negative
from mpcgen.protocols.replicated import Replicated
from mpcgen.ring import Z2_32, Z2_128, Array, Ring
from mpcgen.secret import Secret

NAMES, SEED = ("A", "B", "C"), 1

widths = pytest.mark.parametrize(
    ("ring", "bits", "m"),
    [(Z2_128, 119, 100_000), (Z2_32, 17, 1 << 18), (Z2_32, 17, 10_000_000)],
    ids=lambda x: f"k{x.k}" if isinstance(x, Ring) else str(x),
)


def uniform(ring: Ring, m: int) -> Array:
    return ring.from_bytes(np.random.default_rng(SEED).bytes(ring.size * m), (m,))


@widths
def test_bit_planes(benchmark: Any, ring: Ring, bits: int, m: int) -> None:
    x = uniform(ring, m)
    benchmark.pedantic(BITS.planes, (ring, x, range(bits)), rounds=5, warmup_rounds=1)
    per_element(benchmark, m)


@widths
def test_comparison_of_one_party(benchmark: Any, ring: Ring, bits: int, m: int) -> None:
    """The third party: it cuts its component, and multiplies as the others do."""

    def shares() -> tuple[tuple[Box, Secret, int], dict[str, object]]:
        box = _alone()
        return (box, Secret(box, ring, (m,), (uniform(ring, m), uniform(ring, m))), bits), {}

    benchmark.pedantic(negative, setup=shares, rounds=5, warmup_rounds=1)
    per_element(benchmark, m)


class _Replay:
    """What others send does not matter for the time that it takes."""

    def exchange(self, _label: str, _send: object, receive: dict[str, int]) -> dict[str, bytes]:
        return {peer: bytes(length) for peer, length in receive.items()}


def _alone() -> Box:
    seat = Seat("C", NAMES, NAMES, NAMES)
    generators = {(name, j): Prg.fresh() for j, name in enumerate(NAMES)}
    return Replicated(_Replay(), seat, Leakage([]), generators)  # type: ignore[arg-type]


def per_element(benchmark: Any, m: int) -> None:
    benchmark.extra_info["ns"] = round(benchmark.stats.stats.min / m * 1e9, 1)
