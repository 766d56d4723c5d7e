"""Every engine through the conformance suite; what a secret refuses; what the manifest refuses."""

import copy
import pickle

import numpy as np
import pytest

from mpcgen.abb import Box, Seat
from mpcgen.cost import Cost
from mpcgen.errors import Abort, NotInManifest
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel
from mpcgen.net.memory import MemoryNetwork
from mpcgen.prg import Prg
from mpcgen.protocols.engines import ANY_ELEMENT, ENGINES, PRODUCTS, REVEALING, WIDE
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret
from tests.conformance import (
    SESSION,
    SETTINGS,
    Setting,
    by_setting,
    by_setting_and_ring,
    given,
    run,
    values_of,
)
from tests.threads import in_threads

RINGS = [Ring(3), Ring(32), Ring(64), Ring(128)]
SMALL_RINGS = [Ring(3), Ring(32), Ring(64)]  # matrix products end at Z_2^64

by_ring = pytest.mark.parametrize("ring", RINGS, ids=lambda ring: f"k{ring.k}")


def total(ring: Ring, values: dict[str, Array], shape: tuple[int, ...]) -> Array:
    result = ring.zeros(shape)
    for value in values.values():
        result = ring.add(result, value)
    return result


@by_setting_and_ring(RINGS)
def test_linear_operations_open_to_what_they_say(setting: Setting, ring: Ring) -> None:
    shape = (4, 3)
    values = values_of(setting, ring, shape)

    def program(box: Box) -> dict[str, Array]:
        shares = box.input("x", ring, shape, given(box, values))
        x = sum(shares.values(), box.constant(ring, ring.zeros(shape)))
        first = shares[setting.owners[0]]
        return box.open({
            "sum": x,
            "affine": 5 - first * 3 + 2,
            "column": x[:, 1],
            "picked": x[np.array([3, 0])],
            "flat": x.reshape(2, 6),
            "rows": x.sum(0),
            "forms": x.linear([[1, 0, 2], [0, -1, 1]]),
            "difference": x - first,
        })  # fmt: skip

    manifest = [
        ("sum", ring, (4, 3)), ("affine", ring, (4, 3)), ("column", ring, (4,)),
        ("picked", ring, (2, 3)), ("flat", ring, (2, 6)), ("rows", ring, (3,)),
        ("forms", ring, (4, 2)), ("difference", ring, (4, 3)),
    ]  # fmt: skip
    x = ring.unsigned(total(ring, values, shape)).astype(object)
    first = ring.unsigned(values[setting.owners[0]]).astype(object)
    forms = np.stack([x[:, 0] + 2 * x[:, 2], x[:, 2] - x[:, 1]], 1)
    expected = {
        "sum": x, "affine": 7 - first * 3, "column": x[:, 1], "picked": x[[3, 0]],
        "flat": x.reshape(2, 6), "rows": x.sum(0), "forms": forms, "difference": x - first,
    }  # fmt: skip
    for opened in run(setting, manifest, program).values():
        assert isinstance(opened, dict)
        for label, value in expected.items():
            np.testing.assert_array_equal(ring.unsigned(opened[label]), value % ring.modulus, label)


@by_setting(WIDE)
@pytest.mark.parametrize(
    "public",
    [
        np.array([5, 7], np.uint8),
        np.array([5, 7], np.uint64),
        np.array([-128, 3], np.int8),
        np.array([True, False]),
    ],
    ids=lambda public: str(public.dtype),
)
def test_public_integers_of_any_type_are_taken_off(setting: Setting, public: Array) -> None:
    ring = Ring(128)
    values = values_of(setting, ring, (3, 2))

    def program(box: Box) -> dict[str, Array]:
        first = box.input("x", ring, (3, 2), given(box, values))[setting.owners[0]]
        rest: object = public - first
        assert isinstance(rest, Secret)  # not an array of objects
        return box.open({"less": first - public, "rest": rest})

    x = ring.unsigned(values[setting.owners[0]])
    manifest = [("less", ring, (3, 2)), ("rest", ring, (3, 2))]
    for opened in run(setting, manifest, program).values():
        assert isinstance(opened, dict)
        less = ring.unsigned(opened["less"])
        np.testing.assert_array_equal(less, (x - public.astype(object)) % ring.modulus)
        np.testing.assert_array_equal(ring.unsigned(opened["rest"]), -less % ring.modulus)


@by_setting()
def test_a_length_of_a_shape_may_be_left_open(setting: Setting) -> None:
    ring = Ring(32)
    values = values_of(setting, ring, (4, 3))

    def program(box: Box) -> dict[str, Array]:
        first = box.input("x", ring, (4, 3), given(box, values))[setting.owners[0]]
        return box.open({"x": first.reshape(2, -1)})

    for opened in run(setting, [("x", ring, (2, 6))], program).values():
        assert isinstance(opened, dict)
        np.testing.assert_array_equal(opened["x"], values[setting.owners[0]].reshape(2, 6))


@by_setting(PRODUCTS)
@by_ring
def test_products(setting: Setting, ring: Ring) -> None:
    shape = (50,)
    values = values_of(setting, ring, (2, 50))

    def program(box: Box) -> dict[str, Array]:
        shares = box.input("xy", ring, (2, 50), given(box, values))
        z = sum(shares.values(), box.constant(ring, ring.zeros((2, 50))))
        x, y = z[0], z[1]
        square = box.mul(x, x)
        return box.open(
            {"xy": box.sum_products([(x, y), (square, y), (x, x)]), "xxx": box.mul(square, x)}
        )

    z = ring.unsigned(total(ring, values, (2, 50))).astype(object)
    x, y = z
    for opened in run(setting, [("xy", ring, shape), ("xxx", ring, shape)], program).values():
        assert isinstance(opened, dict)
        np.testing.assert_array_equal(
            ring.unsigned(opened["xy"]), (x * y + x * x * y + x * x) % ring.modulus
        )
        np.testing.assert_array_equal(ring.unsigned(opened["xxx"]), x**3 % ring.modulus)


@by_setting(PRODUCTS)
@pytest.mark.parametrize("ring", SMALL_RINGS, ids=lambda ring: f"k{ring.k}")
def test_matrix_product(setting: Setting, ring: Ring) -> None:
    values = values_of(setting, ring, (5, 7))

    def program(box: Box) -> dict[str, Array]:
        shares = box.input("x", ring, (5, 7), given(box, values))
        x = shares[setting.owners[0]]
        y = shares[setting.owners[-1]].reshape(7, 5)
        return box.open({"product": box.matmul(x, y)})

    x = ring.unsigned(values[setting.owners[0]]).astype(object)
    y = ring.unsigned(values[setting.owners[-1]]).astype(object).reshape(7, 5)
    for opened in run(setting, [("product", ring, (5, 5))], program).values():
        assert isinstance(opened, dict)
        np.testing.assert_array_equal(ring.unsigned(opened["product"]), x @ y % ring.modulus)


@by_setting(REVEALING)
@by_ring
def test_reveal_reaches_one_party(setting: Setting, ring: Ring) -> None:
    values = values_of(setting, ring, (6,))
    for to in setting.parties:

        def program(box: Box, to: str = to) -> Array | None:
            shares = box.input("x", ring, (6,), given(box, values))
            return box.reveal("one", shares[setting.owners[0]], to)

        seen = run(setting, [Opening("one", ring.k, (6,), (to,))], program)
        np.testing.assert_array_equal(seen.pop(to), values[setting.owners[0]])
        assert all(value is None for value in seen.values())


@by_setting(ANY_ELEMENT)
def test_shares_reduce_to_a_smaller_ring(setting: Setting) -> None:
    wide, narrow = Ring(128), Ring(32)
    values = values_of(setting, wide, (9,))

    def program(box: Box) -> dict[str, Array]:
        x = box.input("x", wide, (9,), given(box, values))[setting.owners[0]]
        return box.open({"low": x.reduce(narrow)})

    expected = wide.unsigned(values[setting.owners[0]]) % narrow.modulus
    for opened in run(setting, [("low", narrow, (9,))], program).values():
        assert isinstance(opened, dict)
        np.testing.assert_array_equal(narrow.unsigned(opened["low"]), expected)


@by_setting()
@pytest.mark.parametrize(
    "asked",
    [
        Opening("other", 32, (2,), ()),
        Opening("x", 64, (2,), ()),
        Opening("x", 32, (3,), ()),
        Opening("x", 32, (2,), ("A",)),
    ],
    ids=["label", "ring", "shape", "recipients"],
)
def test_what_the_manifest_lacks_is_not_opened(setting: Setting, asked: Opening) -> None:
    """The refusal comes before the opening's first message."""
    ring = Ring(32)
    values = values_of(setting, ring, (2,))
    line = asked if asked.to else Opening(asked.label, asked.k, asked.shape, setting.parties)
    sent: list[str] = []

    def part(channel: Channel) -> None:
        seat = setting.seat(channel.me)
        own = Prg.for_tests_only(setting.everybody.index(channel.me))
        channel.bind_session(SESSION)
        box = ENGINES[setting.engine].set_up(channel, seat, Leakage([line]), SESSION, 0, own)
        x = box.input("x", ring, (2,), given(box, values))[setting.owners[0]]
        with pytest.raises(NotInManifest):
            box.open({"x": x})

    def log(name: str):  # type: ignore[no-untyped-def]
        return lambda _direction, _peer, label, _counter, _length: sent.append(label)

    in_threads(setting.everybody, part, log=log)
    assert not [label for label in sent if label.startswith("open")]


def test_a_line_of_the_manifest_is_good_once() -> None:
    line = Opening("x", 32, (2,), ("A",))
    leakage = Leakage([line])
    leakage.spend(line)
    with pytest.raises(NotInManifest):
        leakage.spend(line)
    assert leakage.opened == [line]


@by_setting()
def test_parties_that_saw_different_values_abort(setting: Setting) -> None:
    ring = Ring(32)
    values = values_of(setting, ring, (2,))

    def program(box: Box) -> None:
        x = box.input("x", ring, (2,), given(box, values))[setting.owners[0]]
        box.open({"x": x})
        if box.me == setting.parties[-1]:
            box._seen.update(b"something else")
        box.confirm()

    with pytest.raises(Abort, match=r"saw other values|aborted"):
        run(setting, [("x", ring, (2,))], program)


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
