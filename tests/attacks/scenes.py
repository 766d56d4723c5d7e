"""Small programs, who runs them, and what they open: the scenes whose views are compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mpcgen.abb import Box
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret
from tests.attacks.simulator import Cast
from tests.attacks.tape import Lanes, Row

Z2, Z4 = Ring(1), Ring(2)
Ints = NDArray[np.int64]
Opened = Mapping[str, Array | None]


@dataclass(frozen=True)
class Scene:
    """A program, who runs it and what it opens.

    Attributes:
        program: box and the owners' inputs, each (values, lanes) -> what it opened.
        ideal: the owners' inputs, each (values, lanes) -> what is opened, by label.
        values: how many each owner gives.
        to: label -> the one party it is revealed to; everybody where it is missing.
        moved, implied: what a guest's simulator knows of the openings (see GuestView).
        narrow: labels opened in a smaller ring.
        where: label -> the label of the bits that say in which lanes it is opened.
    """

    cast: Cast
    program: Callable[[Box, Mapping[str, Secret]], Opened]
    ideal: Callable[[Mapping[str, Ints]], Mapping[str, Ints]]
    values: int = 1
    to: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[str, int] = field(default_factory=dict)
    implied: Mapping[str, Callable[[Mapping[str, Array], Ring], Array]] = field(
        default_factory=dict
    )
    narrow: Mapping[str, Ring] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    rings: tuple[Ring, ...] = (Z2, Z4)

    @property
    def given(self) -> list[Row]:
        """Names of all inputs."""
        return [("input", owner, n) for owner in self.cast.owners for n in range(self.values)]

    def inputs(self, lanes: Lanes, ring: Ring) -> dict[str, Array]:
        """The owners' inputs in every lane, each (values, lanes)."""
        return {
            owner: np.stack([lanes.take(("input", owner, n), ring) for n in range(self.values)])
            for owner in self.cast.owners
        }

    def outputs(self, inputs: Mapping[str, Array], ring: Ring) -> dict[str, Array]:
        """What is opened of these inputs, (lanes,) by label; 0 where it is withheld."""
        ideal = self.ideal({o: ring.unsigned(x) for o, x in inputs.items()})
        values = {
            label: self.narrow.get(label, ring).encode(value.reshape(-1))
            for label, value in ideal.items()
        }
        return {
            label: value * values[self.where[label]] if label in self.where else value
            for label, value in values.items()
        }


THREE = Cast(("A", "B", "C"), ("A", "B", "C"), ("A", "B", "C"))
TWO_OWNERS = Cast(("A", "B", "C"), ("A", "B"), ("C", "A", "B"))
GUESTS = Cast(("A", "B", "C", "O", "R"), ("A", "O"), ("A", "B", "C"))
OUTSIDERS = Cast(("O", "P", "A", "B", "C"), ("O", "P"), ("A", "B", "C"))


def _sum(box: Box, x: Mapping[str, Secret]) -> Opened:
    return box.open({"sum": (x["A"] + x["B"] + x["C"])[0]})


def _affine(box: Box, x: Mapping[str, Secret]) -> Opened:
    return box.open({"affine": (3 - x["A"] * 2 + x["B"] - x["C"] + 1)[0]})


def _product(box: Box, x: Mapping[str, Secret]) -> Opened:
    return box.open({"product": box.mul(x["A"], x["B"] + x["C"])[0]})


def _dot(box: Box, x: Mapping[str, Secret]) -> Opened:
    a, b, c = x["A"], x["B"], x["C"]
    return box.open({"dot": box.sum_products([(a, b), (b, c), (c + 1, a)])[0]})


def _chain(box: Box, x: Mapping[str, Secret]) -> Opened:
    xy = box.mul(x["A"], x["B"])
    return box.open({"chain": box.mul(xy, x["C"] + x["A"])[0]})


def _product_and_factor(box: Box, x: Mapping[str, Secret]) -> Opened:
    z = box.mul(x["A"], x["B"])
    return {**box.open({"product": z[0]}), **box.open({"factor": (x["A"] + x["C"])[0]})}


def _forms(box: Box, x: Mapping[str, Secret]) -> Opened:
    s = x["A"] + x["B"]
    first = box.open({"s0": s[0], "s0+s1": s[0] + s[1]})
    return {**first, **box.open({"s0-3s1": s[0] - s[1] * 3, "again": s[0] + 0})}


def _guests(box: Box, x: Mapping[str, Secret]) -> Opened:
    z = box.mul(x["A"], x["O"])
    return box.open({"sum": (x["A"] + x["O"])[0], "product": z[0]})


def _guest_forms(box: Box, x: Mapping[str, Secret]) -> Opened:
    return {**box.open({"O": x["O"][0]}), **box.open({"O-A": (x["O"] - x["A"])[0]})}


def _outsiders(box: Box, x: Mapping[str, Secret]) -> Opened:
    return box.open({"sum": (x["O"] + x["P"])[0]})


def _reveal(box: Box, x: Mapping[str, Secret]) -> Opened:
    z = box.mul(x["A"], x["B"]) + x["C"]
    return {"z": box.reveal("z", z[0], "C")}


def _reveal_to_guests(box: Box, x: Mapping[str, Secret]) -> Opened:
    z = box.mul(x["A"], x["O"])
    return {"z": box.reveal("z", z[0], "R"), "A": box.reveal("A", x["A"][0], "O")}


def _low_bits(box: Box, x: Mapping[str, Secret]) -> Opened:
    return box.open({"low": (x["A"] - x["B"] + x["C"])[0].reduce(Z2)})


SCENES = {
    "sum": Scene(THREE, _sum, lambda x: {"sum": x["A"] + x["B"] + x["C"]}),
    "affine": Scene(THREE, _affine, lambda x: {"affine": 4 - 2 * x["A"] + x["B"] - x["C"]}),
    "product": Scene(THREE, _product, lambda x: {"product": x["A"] * (x["B"] + x["C"])}),
    "dot": Scene(
        THREE,
        _dot,
        lambda x: {"dot": x["A"] * x["B"] + x["B"] * x["C"] + (x["C"] + 1) * x["A"]},
        rings=(Z2,),
    ),
    "chain": Scene(
        THREE, _chain, lambda x: {"chain": x["A"] * x["B"] * (x["C"] + x["A"])}, rings=(Z2,)
    ),
    "product and factor": Scene(
        THREE,
        _product_and_factor,
        lambda x: {"product": x["A"] * x["B"], "factor": x["A"] + x["C"]},
    ),
    "linear forms of one secret": Scene(
        TWO_OWNERS,
        _forms,
        lambda x: {
            "s0": x["A"][:1] + x["B"][:1],
            "s0+s1": (x["A"] + x["B"]).sum(0),
            "s0-3s1": (x["A"] + x["B"])[0] - 3 * (x["A"] + x["B"])[1],
            "again": x["A"][:1] + x["B"][:1],
        },
        values=2,
    ),
    "guests": Scene(
        GUESTS,
        _guests,
        lambda x: {"sum": x["A"] + x["O"], "product": x["A"] * x["O"]},
        moved={"sum": 1, "product": 0},
    ),
    "linear forms seen by guests": Scene(
        GUESTS,
        _guest_forms,
        lambda x: {"O": x["O"], "O-A": x["O"] - x["A"]},
        moved={"O": 2, "O-A": 1},
        implied={
            "O": lambda opened, ring: opened["O"],
            "A": lambda opened, ring: ring.sub(opened["O"], opened["O-A"]),
        },
    ),
    "two owners outside": Scene(
        OUTSIDERS, _outsiders, lambda x: {"sum": x["O"] + x["P"]}, moved={"sum": 2}
    ),
    "reveal": Scene(
        THREE, _reveal, lambda x: {"z": x["A"] * x["B"] + x["C"]}, to={"z": "C"}, rings=(Z2,)
    ),
    "reveal to guests": Scene(
        GUESTS,
        _reveal_to_guests,
        lambda x: {"z": x["A"] * x["O"], "A": x["A"]},
        to={"z": "R", "A": "O"},
        moved={"z": 0, "A": 1},
    ),
    "low bits": Scene(
        THREE,
        _low_bits,
        lambda x: {"low": x["A"] - x["B"] + x["C"]},
        narrow={"low": Z2},
        rings=(Z4,),
    ),
}  # fmt: skip
