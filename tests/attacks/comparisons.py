"""Scenes with comparisons: signs, what is made of them, and openings where they are 1."""

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from operator import add

from mpcgen.abb import Box
from mpcgen.protocols.comparison import all_of, negative
from mpcgen.ring import Ring
from mpcgen.secret import Secret, concatenate
from tests.attacks.scenes import GUESTS, THREE, TWO_OWNERS, Z4, Ints, Opened, Scene
from tests.attacks.tape import BIT

Z8 = Ring(3)
Inputs = Mapping[str, Secret]


def _sign_of(box: Box, x: Secret) -> Secret:
    return negative(box, x, x.ring.k)


def _total(x: Inputs) -> Secret:
    return reduce(add, x.values())


def _open_kept(box: Box, keep: Secret, **values: Secret) -> Opened:
    """Open bits (1, lanes), and values where they are 1."""
    bits = box.open_bits({"keep": keep[0]}, keep.shape[-1])
    return {**bits, **box.open({label: x[0] for label, x in values.items()}, where="keep")}


def _sign(box: Box, x: Inputs) -> Opened:
    sign = _sign_of(box, _total(x))
    return {**box.open_bits({"sign": sign[0]}, sign.shape[-1])}


def _total_where_negative(box: Box, x: Inputs) -> Opened:
    return _open_kept(box, _sign_of(box, _total(x)), total=_total(x))


def _total_where_two_bits(box: Box, x: Inputs) -> Opened:
    """The sign of one input, and the lowest bit of another."""
    bits = concatenate([_sign_of(box, x["A"]), negative(box, x["B"], 1)])
    return _open_kept(box, all_of(box, bits).reshape(1, -1), total=_total(x))


def _both_where_above(box: Box, x: Inputs) -> Opened:
    return _open_kept(box, _sign_of(box, x["B"] - x["A"]), a=x["A"], b=x["B"])


def _sum(x: Mapping[str, Ints]) -> Ints:
    return reduce(add, x.values())


def _negative(x: Ints, ring: Ring = Z4) -> Ints:
    return x >> (ring.k - 1) & 1


def _where_negative(ring: Ring) -> Scene:
    return Scene(
        TWO_OWNERS,
        _total_where_negative,
        lambda x: {"keep": _negative(_sum(x), ring), "total": _sum(x)},
        narrow={"keep": BIT},
        where={"total": "keep"},
        rings=(ring,),
    )


TOTAL_WHERE_NEGATIVE = _where_negative(Z4)

COMPARISONS = {
    "sign": Scene(
        TWO_OWNERS,
        _sign,
        lambda x: {"sign": _negative(_sum(x))},
        narrow={"sign": BIT},
        rings=(Z4,),
    ),
    "total where it is negative": TOTAL_WHERE_NEGATIVE,
    "total where it is negative, of three bits": _where_negative(Z8),
    "total of three where it is negative": replace(TOTAL_WHERE_NEGATIVE, cast=THREE),
    "total where it is negative, with guests": replace(
        TOTAL_WHERE_NEGATIVE, cast=GUESTS, moved={"keep": 0, "total": 1}
    ),
    "total where two bits are 1": replace(
        TOTAL_WHERE_NEGATIVE,
        program=_total_where_two_bits,
        ideal=lambda x: {"keep": _negative(x["A"]) & x["B"] & 1, "total": _sum(x)},
    ),
    "both inputs where one is above the other": replace(
        TOTAL_WHERE_NEGATIVE,
        program=_both_where_above,
        ideal=lambda x: {"keep": _negative(x["B"] - x["A"]), "a": x["A"], "b": x["B"]},
        where={"a": "keep", "b": "keep"},
    ),
}
