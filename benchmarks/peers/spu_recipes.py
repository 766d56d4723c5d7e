"""The tasks as programs for SPU, by two recipes: `integers` and `fixed`.

integers   products of counts are exact integers; what is divided is brought to fixed point by one
           public power of two, and divided once.
fixed      the textbook's formula on numbers in fixed point from the start, scaled by a public
           power of two. Two quotients keep their digits where a product of all margins would not.
"""

from typing import Any

import jax.numpy as jnp

SHIFT = 2.0**-30  # integers: of what is divided
SCALE = 2.0**-12  # fixed: of counts
THRESHOLD = 1901, 64


def _table(x: Any) -> tuple[Any, Any, Any, Any]:
    """n, u, v and w of 2x2 tables: chi-squared is n u u / (v w)."""
    a, b, c, d = (x[:, i] for i in range(4))
    return a + b + c + d, a * d - b * c, (a + b) * (c + d), (a + c) * (b + d)


def _covariances(sums: Any) -> tuple[Any, Any, Any]:
    """u, v and w of sums: r2 is u u / (v w)."""
    n, x, y, xx, yy, xy = (sums[:, i] for i in range(6))
    return n * xy - x * y, n * xx - x * x, n * yy - y * y


def _divided(p: Any, q: Any) -> Any:
    return (p.astype(jnp.float64) * SHIFT) / (q.astype(jnp.float64) * SHIFT)


def _chi2_of_integers(table: Any) -> Any:
    n, u, v, w = _table(table)
    return _divided(n * u * u, v * w)


def _r2_of_integers(sums: Any) -> Any:
    u, v, w = _covariances(sums)
    return _divided(u * u, v * w)


def _above_of_integers(table: Any) -> Any:
    n, u, v, w = _table(table)
    p, q = THRESHOLD
    return n * u * u * q > v * w * p


def _chi2_in_fixed_point(table: Any) -> Any:
    n, u, v, w = _table(table * SCALE)
    return ((u / SCALE) / v) * (n * u / w)  # both quotients are large enough to keep their digits


def _r2_in_fixed_point(sums: Any) -> Any:
    u, v, w = _covariances(sums * SCALE)
    return (u / v) * (u / w)


def _above_in_fixed_point(table: Any) -> Any:
    n, u, v, w = _table(table * SCALE)
    p, q = THRESHOLD
    return n * u * u / SCALE > v * w * (p / q)


PROGRAMS = {
    "integers": {
        "T1": lambda x, y, z: x + y + z,
        "T2": _chi2_of_integers,
        "T3": _r2_of_integers,
        "T4": lambda x: x.T @ x,
        "T5": _above_of_integers,
    },
    "fixed": {
        "T2": _chi2_in_fixed_point,
        "T3": _r2_in_fixed_point,
        "T5": _above_in_fixed_point,
    },
}
