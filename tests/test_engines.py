"""What a secret refuses, what the manifest refuses, and how costs add up.

What every engine must do is in mpcgen.conformance, and run by test_conformance.
"""

import copy
import pickle

import numpy as np
import pytest

from mpcgen.abb import Box, Seat
from mpcgen.cost import Cost
from mpcgen.errors import NotInManifest
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.memory import MemoryNetwork
from mpcgen.prg import Prg
from mpcgen.protocols.engines import ENGINES
from mpcgen.ring import Ring
from mpcgen.secret import Secret
from tests.conformance import SESSION, SETTINGS, run


def test_a_line_of_the_manifest_is_good_once() -> None:
    line = Opening("x", 32, (2,), ("A",))
    leakage = Leakage([line])
    leakage.spend(line)
    with pytest.raises(NotInManifest):
        leakage.spend(line)
    assert leakage.opened == [line]


def test_secrets_of_other_rings_or_shapes_do_not_go_together() -> None:
    def program(box: Box) -> None:
        x, y, z = (
            box.constant(ring, ring.zeros((n, n)))
            for ring, n in ((Ring(32), 2), (Ring(64), 2), (Ring(32), 3))
        )
        for other in (y, z):
            with pytest.raises(ValueError, match=r"<Secret Z_2\^32 \(2, 2\)> and .* differ"):
                box.mul(x, other)
            with pytest.raises(ValueError, match=r"no product of <Secret .*> and <Secret .*>"):
                box.matmul(x, other)
            with pytest.raises(ValueError, match="differ in ring or shape"):
                x + other

    run(SETTINGS[0], [], program)


@pytest.fixture
def secret() -> Secret:
    seat = Seat("A", ("A",), ("A",), ("A",))
    alone = MemoryNetwork(["A"]).channel("A")
    box = ENGINES["clear"].set_up(alone, seat, Leakage([]), SESSION, 0, Prg.fresh())
    ring = Ring(32)
    return box.constant(ring, ring.encode(np.array([1234567, 2])))


@pytest.mark.parametrize(
    "convert",
    [
        bool, int, float, len, list, np.asarray, bytes, hash, copy.copy, copy.deepcopy,
        pickle.dumps, lambda x: x == 1, lambda x: x != 1, lambda x: x < 1, lambda x: x >= 1,
        lambda x: f"{x:d}", lambda x: np.add(x, 1), lambda x: [1, 2][x], lambda x: x * x,
    ],
)  # fmt: skip
def test_a_secret_is_not_converted_by_accident(secret: Secret, convert) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TypeError):
        convert(secret)


def test_a_secret_is_not_printed(secret: Secret) -> None:
    for text in (repr(secret), str(secret)):
        assert "1234567" not in text
        assert text == "<Secret Z_2^32 (2,)>"


def test_costs_add_up() -> None:
    one, two = Cost(1, {"A": 3}), Cost(2, {"A": 1, "B": 5})
    assert one + two == Cost(3, {"A": 4, "B": 5})
    assert two.times(3) == Cost(6, {"A": 3, "B": 15})
