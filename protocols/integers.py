"""Large integers: uniform ones and primes from the project's generator, and powers on all cores."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count, repeat

from mpcgen.jit import cores
from mpcgen.prg import Prg

CHUNK = 8  # powers that a thread computes at once
_ROUNDS = 40  # of Miller and Rabin, after the test of Baillie, Pomerance, Selfridge and Wagstaff


def below(own: Prg, bound: int, n: int, label: str) -> list[int]:
    """n uniform integers from 1 to bound - 1, by rejection.

    Args:
        label: used once with this generator.
    """
    size, spare = (bound.bit_length() + 7) // 8, -bound.bit_length() % 8
    found: list[int] = []
    for attempt in count():
        data = own.draw_bytes(label, attempt, size * (n - len(found)))
        drawn = (
            int.from_bytes(data[i : i + size], "big") >> spare for i in range(0, len(data), size)
        )
        found += [x for x in drawn if 0 < x < bound]
        if len(found) == n:
            break
    return found


def prime(own: Prg, bits: int, label: str) -> int:
    """A prime of so many bits (a multiple of 8), uniform among those whose two top bits are 1."""
    import gmpy2  # noqa: PLC0415

    ends = (3 << (bits - 2)) | 1
    for attempt in count():
        x = int.from_bytes(own.draw_bytes(label, attempt, bits // 8), "big") | ends
        if gmpy2.is_prime(x, _ROUNDS):
            break
    return x


def powers(bases: Sequence[int], exponent: int, modulus: int) -> list[int]:
    """Every base to the exponent, modulo the modulus; threads, since GMP runs without the GIL."""
    import gmpy2  # noqa: PLC0415

    chunks = [bases[i : i + CHUNK] for i in range(0, len(bases), CHUNK)]
    with ThreadPoolExecutor(cores()) as pool:
        raised = pool.map(gmpy2.powmod_base_list, chunks, repeat(exponent), repeat(modulus))
        return [int(x) for chunk in raised for x in chunk]
