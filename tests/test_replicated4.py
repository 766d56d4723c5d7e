"""What the engine of four computes for itself; what every engine must do is in conformance."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from mpcgen.abb import Box
from mpcgen.protocols.replicated4_roles import OPPOSITE, PARTIES, ROUTES
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret
from tests.conformance import Setting, run

FOUR = Setting("replicated4", ("A", "B", "C", "D"), ("A", "B", "C", "D"))


def test_what_the_routes_put_in_adds_up_to_a_product() -> None:
    """Each x_a y_b once: coefficients of (x_a + x_b)(y_a + y_b), or of -(x_a - x_b)(y_a - y_b)."""
    total = np.zeros((PARTIES, PARTIES), int)
    for route in ROUTES:
        sign = -1 if route in OPPOSITE else 1
        form = np.zeros(PARTIES, int)
        form[[route.receiver, route.outsider]] = 1, sign
        total += sign * np.outer(form, form)
    assert (total == 1).all()
    pairs = {frozenset((route.receiver, route.outsider)) for route in ROUTES}
    assert pairs == set(map(frozenset, combinations(range(PARTIES), 2)))


@pytest.mark.parametrize("name", ["matmul", "mul"])
def test_a_product_takes_three_of_each_party(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done: Counter[str] = Counter()
    product = getattr(Ring, name)

    def program(box: Box) -> None:
        x = box.constant(Ring(64), Ring(64).encode(np.arange(4).reshape(2, 2)))

        def counted(ring: Ring, a: Array, b: Array) -> Array:
            done[name] += 1
            return np.asarray(product(ring, a, b))

        monkeypatch.setattr(Ring, name, counted)
        z: Secret = getattr(box, name)(x, x)
        assert z.shape == (2, 2)

    run(FOUR, [], program)
    assert done[name] == 3 * PARTIES
