"""The suite for engines: every listed engine passes it, toy engines too, and broken ones do not."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpcgen.abb import Exchange, Products, Seat
from mpcgen.conformance import Check, Setting, check_engine
from mpcgen.cost import Cost, Size
from mpcgen.errors import Nonconformance
from mpcgen.leakage import Leakage, Opening
from mpcgen.prg import Prg
from mpcgen.protocols.clear import Clear, ClearCosts
from mpcgen.protocols.engines import ENGINES, PRODUCTS, Engine
from mpcgen.protocols.replicated import Replicated, ReplicatedCosts
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret
from tests.conformance import by_check


@by_check
def test_listed_engines(setting: Setting, check: Check, ring: Ring) -> None:
    check.run(setting, ring)


def toy(box: type[Clear], **changed: object) -> Engine:
    """An engine of another name, that makes boxes of this class."""

    def set_up(
        exchange: Exchange, seat: Seat, leakage: Leakage, session: bytes, epoch: int, own: Prg
    ) -> Clear:
        return box(exchange, seat, leakage)

    return replace(ENGINES["clear"], name="toy", set_up=set_up, **changed)  # type: ignore[arg-type]


def test_an_engine_that_is_not_listed_passes() -> None:
    assert check_engine(toy(Clear), ("A", "B"), ("B",)) == 27


def test_an_engine_is_asked_for_no_more_than_it_offers() -> None:
    class Adder(Clear):
        def _reshare(self, label: str, sums: Sequence[Products]) -> list[Secret]:
            raise NotImplementedError

    assert check_engine(toy(Adder, offers=frozenset()), ("A", "B"), ("C",)) == 4
    with pytest.raises(Nonconformance, match=r"toy-AB-C: products, Z_2\^32"):
        check_engine(toy(Adder, offers=frozenset({PRODUCTS})), ("A", "B"), ("C",))


def test_the_page_on_engines_works_when_followed(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[1] / "docs" / "engines.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(code, {"__name__": "mine"})
    assert capsys.readouterr().out == "27 checks passed\n" * 2


def test_an_engine_that_says_it_hides_and_does_not_is_found() -> None:
    with pytest.raises(Nonconformance, match=r"masks, .* B sends A the same in x#1"):
        check_engine(toy(Clear, hides=True), ("A", "B"), ("A",))


def test_dry_runs_that_cost_something_else_are_found() -> None:
    class Costs(ReplicatedCosts):
        known_addend = True

    def set_up(
        exchange: Exchange, seat: Seat, leakage: Leakage, session: bytes, epoch: int, own: Prg
    ) -> Replicated:
        box = Replicated.set_up(exchange, seat, leakage, session, epoch, own)
        box.costs = Costs(seat)
        return box

    engine = replace(ENGINES["replicated"], name="toy", set_up=set_up)
    with pytest.raises(Nonconformance, match=r"signs, .*a dry run declares"):
        check_engine(engine, ("A",), ("A", "B", "C"))


# One method that is wrong, of an engine that is right otherwise.


class WrongProduct(Clear):
    def _sum(self, each: Products) -> Secret:
        z = super()._sum(each)
        return z + 1 if len(each.pairs) > 1 else z


class ForgetsAnOwner(Clear):
    def _input(
        self, label: str, ring: Ring, shape: tuple[int, ...], values: Array | None
    ) -> dict[str, Secret]:
        shares = super()._input(label, ring, shape, values)
        return dict.fromkeys(shares, shares[self.owners[0]])


class WrongConstant(Clear):
    def constant(self, ring: Ring, values: Array) -> Secret:
        return super().constant(ring, ring.mul(values, ring.encode(3)))


class WrongAddends(Clear):
    def _addends(self, *asked: Any) -> tuple[Secret, Secret]:
        first, _ = super()._addends(*asked)
        return first, first


class NotCanonical(Clear):
    """Elements of Z_2^3 with bits above the third."""

    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]:
        opened = super()._open(label, secrets)
        return [x | np.uint8(8) if x.dtype == np.uint8 else x for x in opened]


class AnotherShape(Clear):
    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]:
        opened = super()._open(label, secrets)
        return [x.reshape(-1) for x in opened]


class OpensAtOne(Clear):
    def _open(self, label: str, secrets: Sequence[Secret]) -> list[Array]:
        opened = super()._open(label, secrets)
        return opened if self._here else [x.ring.zeros(x.shape) for x in secrets]


class TellsAnother(Clear):
    def _reveal(self, label: str, x: Secret, to: str) -> Array | None:
        seen = super()._reveal(label, x, to)
        return x._parts[0] if self._here else seen


class OpensAnything(Clear):
    def open(self, secrets: Mapping[str, Secret], where: str | None = None) -> dict[str, Array]:
        return super().open(secrets, where) if where else self._open_all(secrets)


class AsksLate(OpensAnything):
    """The manifest is asked when all is sent."""

    def _open_all(
        self, secrets: Mapping[str, Secret], whole: Size | None = None
    ) -> dict[str, Array]:
        opened = super()._open_all(secrets, whole)
        for label, x in secrets.items():
            if label == "x" and len(x.shape) == 1 and x.shape[0] == 2:
                self.leakage.spend(Opening(label, x.ring.k, x.shape, self.parties))
        return opened


class NeverCompares(Clear):
    def confirm(self) -> None:
        self._seen = hashlib.sha256()
        super().confirm()


class CheaperCosts(ClearCosts):
    def input(self, b: Size) -> Cost:
        return Cost(1, {owner: b.bytes - 1 for owner in self.owners if owner != self.computing})


class MoreRounds(ClearCosts):
    def reshare(self, b: Size, f: Size) -> Cost:
        return Cost(1)


class Cheaper(Clear):
    def __init__(self, exchange: Exchange, seat: Seat, leakage: Leakage):
        super().__init__(exchange, seat, leakage)
        self.costs = CheaperCosts(seat)


class Slower(Clear):
    def __init__(self, exchange: Exchange, seat: Seat, leakage: Leakage):
        super().__init__(exchange, seat, leakage)
        self.costs = MoreRounds(seat)


@pytest.mark.parametrize(
    ("box", "said"),
    [
        (WrongProduct, "products, .*sums at"),
        (ForgetsAnOwner, "linear, .*sum at"),
        (WrongConstant, "linear, .*affine at"),
        (WrongAddends, "signs, .*signs at"),
        (NotCanonical, r"linear, Z_2\^3: .*outside Z_2\^3"),
        (AnotherShape, "linear, .*has the shape"),
        (OpensAtOne, "linear, .*saw other values"),
        (TellsAnother, "revealing, .*reaches another"),
        (OpensAnything, "refusals, .*x is opened"),
        (AsksLate, "refusals, .*messages are sent"),
        (NeverCompares, "disagreement, .*go on"),
        (Cheaper, r"linear, .* declares 75 bytes, and sends 76"),
        (Slower, "products, .*rounds are taken"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(box: type[Clear], said: str) -> None:
    with pytest.raises(Nonconformance, match=f"^toy-AB-C: {said}"):
        check_engine(toy(box), ("A", "B"), ("C",))
