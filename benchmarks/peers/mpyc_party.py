"""A party of MPyC: Shamir sharing over a prime field, one of the three parties may be curious.

T2 and T3 are divided in fixed point with 96 fraction bits of 192 (MPyC's quotients are 0 where
fewer than half of the bits are behind the point). Counts are multiplied as whole numbers, and what
is divided is brought near 1 by one public power of two.
"""

import sys
from typing import Any

import numpy as np
from meter import Trial

TRIAL = Trial()
sys.argv = ["mpyc", "--no-log", "-I", str(TRIAL.rank)]
for address in TRIAL.addresses:
    sys.argv += ["-P", address]

from mpyc.runtime import mpc  # noqa: E402  # it reads the command line when it is imported

BITS, SCALE = 192, 2.0**-60
WHOLE = {"T1": 32, "T4": 48, "T5": 96}  # bits of signed integers
KIND = mpc.SecInt(WHOLE[TRIAL.task]) if TRIAL.task in WHOLE else mpc.SecFxp(BITS)


def _chi2_sides(table: Any) -> tuple[Any, Any]:
    a, b, c, d = (table[:, i] for i in range(4))
    u = a * d - b * c
    return (a + b + c + d) * u * u, (a + b) * (c + d) * (a + c) * (b + d)


def _r2_sides(sums: Any) -> tuple[Any, Any]:
    n, x, y, xx, yy, xy = (sums[:, i] for i in range(6))
    u = n * xy - x * y
    return u * u, (n * xx - x * x) * (n * yy - y * y)


def _divided(p: Any, q: Any) -> Any:
    return (p * SCALE) / (q * SCALE)


def _above(p: Any, q: Any) -> Any:
    return p * 64 > q * 1901


PROGRAMS = {
    "T1": lambda x: x,
    "T2": lambda x: _divided(*_chi2_sides(x)),
    "T3": lambda x: _divided(*_r2_sides(x)),
    "T4": lambda x: x.T @ x,
    "T5": lambda x: _above(*_chi2_sides(x)),
}


def _shared() -> Any:
    """Every party's integers, shared and added."""
    mine = TRIAL.given[TRIAL.rank]
    whole = KIND.array(mine) if TRIAL.task in WHOLE else KIND.array(mine, integral=True)
    x, y, z = mpc.input(whole)
    return x + y + z


async def _first() -> Any:
    """Shared before the clock starts."""
    given = _shared()
    await mpc.gather(given)
    return given


def _sent() -> tuple[int, int]:
    """Bytes sent so far; MPyC has no rounds, it sends what is ready."""
    others = (party for party in mpc.parties if party.pid != TRIAL.rank)
    return sum(party.protocol.nbytes_sent for party in others), 0


async def _opened(x: Any) -> Any:
    return np.asarray(await mpc.output(PROGRAMS[TRIAL.task](x)))


def main() -> None:
    """Run a trial."""
    mpc.run(mpc.start())
    given = None if TRIAL.task == "T1" else mpc.run(_first())

    def once() -> Any:
        opened = mpc.run(_opened(_shared() if given is None else given))
        if TRIAL.rank:
            return None
        return opened.astype(np.int64) if TRIAL.task in WHOLE else opened.astype(np.float64)

    TRIAL.measure(lambda: mpc.run(mpc.output(mpc.input(mpc.SecInt(8)(0))[0])), once, _sent)
    mpc.run(mpc.shutdown())


if __name__ == "__main__":
    main()
