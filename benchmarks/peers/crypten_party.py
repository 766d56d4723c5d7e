"""A party of CrypTen as it comes: additive shares in Z_2^64, triples of a trusted first party.

Counts are multiplied as exact ring integers with precision 0; each factor is then brought to
fixed point with 20 bits by one public power of two, chosen so that the factors are near 1.
"""

import os
import sys
import types
from typing import Any

from meter import Trial

TRIAL = Trial()
os.environ |= {
    "WORLD_SIZE": "3", "RANK": str(TRIAL.rank), "RENDEZVOUS": f"file://{TRIAL.folder}/meeting",
}  # fmt: skip
# CrypTen imports readers of ONNX models, of which its release no longer fits PyTorch's.
unused: Any = types.ModuleType("crypten.nn.onnx_converter")
unused.from_pytorch = unused.from_onnx = unused.from_tensorflow = unused.TF_AND_TF2ONNX = None
sys.modules[unused.__name__] = unused

import crypten  # noqa: E402
import torch  # noqa: E402
from crypten import communicator  # noqa: E402
from crypten.encoder import FixedPointEncoder  # noqa: E402

FRACTION = 20


def _near_one(x: Any, shift: int) -> Any:
    """Ring integers times 2^-shift, in fixed point."""
    y = x.div(2 ** (shift - FRACTION)) if shift > FRACTION else x * 2 ** (FRACTION - shift)
    y.encoder = y._tensor.encoder = FixedPointEncoder(precision_bits=FRACTION)
    return y


def _table(table: Any) -> tuple[Any, Any, Any]:
    """n u, u and v w of 2x2 tables, near 1: chi-squared is n u u / (v w) times 4."""
    a, b, c, d = (table[:, i] for i in range(4))
    u = _near_one(a * d - b * c, 26)
    v, w = _near_one((a + b) * (c + d), 32), _near_one((a + c) * (b + d), 28)
    return u * _near_one(a + b + c + d, 10), u, v * w


def _chi2(table: Any) -> Any:
    nu, u, vw = _table(table)
    return nu * (u * vw.reciprocal()) * 4


def _above(table: Any) -> Any:
    nu, u, vw = _table(table)
    return nu * u > vw * (1901 / 64 / 4)


def _r2(sums: Any) -> Any:
    n, x, y, xx, yy, xy = (sums[:, i] for i in range(6))
    u = _near_one(n * xy - x * y, 29)
    v, w = _near_one(n * xx - x * x, 29), _near_one(n * yy - y * y, 29)
    return u * (u * (v * w).reciprocal())


PROGRAMS = {
    "T1": lambda x: x,
    "T2": _chi2,
    "T3": _r2,
    "T4": lambda x: x.t().matmul(x),
    "T5": _above,
}


def _shared() -> Any:
    """Every party's integers, shared and added."""
    given = [torch.from_numpy(x) for x in TRIAL.given]
    x, y, z = (crypten.cryptensor(x, src=rank, precision=0) for rank, x in enumerate(given))
    return x + y + z


def _sent() -> tuple[int, int]:
    """Bytes and rounds as CrypTen counts them: what a party receives counts as well as it sends."""
    stats = communicator.get().get_communication_stats()
    return stats["bytes"] // 2, stats["rounds"]


def main() -> None:
    """Run a trial."""
    crypten.init()
    crypten.cfg.communicator.verbose = True  # it counts
    crypten.cfg.encoder.precision_bits = FRACTION  # comparisons give 0 where numbers have more
    crypten.cfg.functions.reciprocal_all_pos = True
    given = None if TRIAL.task == "T1" else _shared()

    def once() -> Any:
        opened = PROGRAMS[TRIAL.task](_shared() if given is None else given).get_plain_text()
        if TRIAL.rank:
            return None
        whole = TRIAL.task in {"T1", "T4", "T5"}
        return opened.to(torch.int64 if whole else torch.float64).numpy()

    TRIAL.measure(communicator.get().barrier, once, _sent)


if __name__ == "__main__":
    main()
