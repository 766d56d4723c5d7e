"""The checks of the suite, one function each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mpcgen.abb import Box
from mpcgen.bits import BITS
from mpcgen.conformance.masks import masks
from mpcgen.conformance.settings import Setting, given, run, uniform, values_of
from mpcgen.dry import Dry
from mpcgen.errors import Abort, Nonconformance, NotInManifest
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel
from mpcgen.net.memory import in_threads
from mpcgen.protocols import comparison, numeric
from mpcgen.protocols.engines import ANY_ELEMENT, COMPARISONS, PRODUCTS, REVEALING
from mpcgen.ring import Z2_32, Z2_64, Z2_128, Array, Ring
from mpcgen.secret import Secret, concatenate

RINGS = (Ring(3), Z2_32, Z2_64, Z2_128)


@dataclass(frozen=True)
class Check:
    """One thing that engines must do.

    Attributes:
        run: raises where an engine does not do it in a ring.
        needs: of engines.EVERYTHING; an engine that lacks one of them need not do it.
    """

    name: str
    run: Callable[[Setting, Ring], None]
    rings: Sequence[Ring] = (Z2_32,)
    needs: tuple[str, ...] = ()


def _opens(
    setting: Setting,
    ring: Ring,
    program: Callable[[Box], dict[str, Secret]],
    wanted: Mapping[str, Array],
) -> None:
    """A program's secrets are opened to these integers modulo 2^k, at every party."""
    manifest = [(label, ring, np.shape(value)) for label, value in wanted.items()]
    for name, opened in run(setting, manifest, lambda box: box.open(program(box))).items():
        for label, value in wanted.items():
            _is(ring, opened[label], value, f"{label} at {name}")


def _is(ring: Ring, found: Array, wanted: Array, what: str) -> None:
    """Elements of the ring, in its canonical form, that are these integers modulo 2^k."""
    right = np.asarray(wanted, object) % ring.modulus
    if ring.shape(found) != right.shape:
        raise Nonconformance(f"{what} has the shape {ring.shape(found)}, not {right.shape}")
    values = ring.unsigned(ring.from_bytes(ring.to_bytes(found), right.shape))  # is it canonical?
    if not np.array_equal(values, right):
        raise Nonconformance(f"{what} is {values.tolist()}, not {right.tolist()}")


def _integers(ring: Ring, values: Mapping[str, Array]) -> dict[str, Array]:
    return {owner: ring.unsigned(x).astype(object) for owner, x in values.items()}


def _total(integers: Mapping[str, Array]) -> Array:
    return np.asarray(sum(integers.values()))


def linear(setting: Setting, ring: Ring) -> None:
    """Inputs of all owners; sums, differences, public factors, selection, linear forms."""
    values = values_of(setting, ring, (4, 3))

    def program(box: Box) -> dict[str, Secret]:
        shares = box.input("x", ring, (4, 3), given(box, values))
        x = sum(shares.values(), box.constant(ring, ring.zeros((4, 3))))
        first = shares[setting.owners[0]]
        return {
            "sum": x,
            "affine": 5 - first * 3 + 2,
            "column": x[:, 1],
            "picked": x[np.array([3, 0])],
            "flat": x.reshape(2, -1),
            "rows": x.sum(0),
            "forms": x.linear([[1, 0, 2], [0, -1, 1]]),
            "difference": x - first,
        }

    integers = _integers(ring, values)
    x, first = _total(integers), integers[setting.owners[0]]
    forms = np.stack([x[:, 0] + 2 * x[:, 2], x[:, 2] - x[:, 1]], 1)
    wanted = {
        "sum": x, "affine": 7 - first * 3, "column": x[:, 1], "picked": x[[3, 0]],
        "flat": x.reshape(2, 6), "rows": x.sum(0), "forms": forms, "difference": x - first,
    }  # fmt: skip
    _opens(setting, ring, program, wanted)


def public_integers(setting: Setting, ring: Ring) -> None:
    """Public integers of any type are taken off a secret, and a secret off them."""
    publics = (
        np.array([5, 7], np.uint8), np.array([5, 7], np.uint64), np.array([-128, 3], np.int8),
        np.array([True, False]),
    )  # fmt: skip
    values = values_of(setting, ring, (3, 2))

    def program(box: Box) -> dict[str, Secret]:
        first = box.input("x", ring, (3, 2), given(box, values))[setting.owners[0]]
        secrets = {f"less {public.dtype}": first - public for public in publics}
        for public in publics:
            rest: object = public - first
            if not isinstance(rest, Secret):
                raise Nonconformance(f"{public.dtype} less a secret is no secret")
            secrets[f"rest of {public.dtype}"] = rest
        return secrets

    x = _integers(ring, values)[setting.owners[0]]
    wanted = {f"less {public.dtype}": x - public.astype(object) for public in publics}
    wanted |= {f"rest of {public.dtype}": public.astype(object) - x for public in publics}
    _opens(setting, ring, program, wanted)


def products(setting: Setting, ring: Ring) -> None:
    """Sums of products, and products of products."""
    values = values_of(setting, ring, (2, 50))

    def program(box: Box) -> dict[str, Secret]:
        z = sum(
            box.input("xy", ring, (2, 50), given(box, values)).values(),
            box.constant(ring, ring.zeros((2, 50))),
        )
        x, y = z[0], z[1]
        square = box.mul(x, x)
        return {"sums": box.sum_products([(x, y), (square, y), (x, x)]), "xxx": box.mul(square, x)}

    x, y = _total(_integers(ring, values))
    _opens(setting, ring, program, {"sums": x * y + x * x * y + x * x, "xxx": x**3})


def matrix_product(setting: Setting, ring: Ring) -> None:
    """A matrix product of two owners' values."""
    values = values_of(setting, ring, (5, 7))

    def program(box: Box) -> dict[str, Secret]:
        shares = box.input("x", ring, (5, 7), given(box, values))
        x, y = shares[setting.owners[0]], shares[setting.owners[-1]]
        return {"product": box.matmul(x, y.reshape(7, 5))}

    integers = _integers(ring, values)
    x, y = integers[setting.owners[0]], integers[setting.owners[-1]]
    _opens(setting, ring, program, {"product": x @ y.reshape(7, 5)})


def revealing(setting: Setting, ring: Ring) -> None:
    """A value for one party reaches that one, whoever it is, and no other."""
    values = values_of(setting, ring, (6,))
    for to in setting.parties:

        def program(box: Box, to: str = to) -> Array | None:
            shares = box.input("x", ring, (6,), given(box, values))
            return box.reveal("one", shares[setting.owners[0]], to)

        seen = run(setting, [Opening("one", ring.k, (6,), (to,))], program)
        value = seen.pop(to)
        if value is None or any(other is not None for other in seen.values()):
            raise Nonconformance(f"what is for {to} alone does not reach it, or reaches another")
        _is(ring, value, _integers(ring, values)[setting.owners[0]], f"one at {to}")


def reduction(setting: Setting, ring: Ring) -> None:
    """Shares of a value are, each reduced by itself, shares of it in a smaller ring."""
    values = values_of(setting, ring, (9,))

    def program(box: Box) -> dict[str, Secret]:
        x = box.input("x", ring, (9,), given(box, values))[setting.owners[0]]
        low = x.reduce(Z2_32)
        try:
            low.reduce(ring)
        except ValueError:
            return {"low": low}
        raise Nonconformance(f"shares of Z_2^32 become some of Z_2^{ring.k}")

    _opens(setting, Z2_32, program, {"low": _integers(ring, values)[setting.owners[0]]})


def signs(setting: Setting, ring: Ring) -> None:
    """Signs of a sum over the ring, opened; then the values whose sign is -; then all signs.

    What a comparison declares is what a dry run with the engine's costs declares.
    """
    values = {owner: uniform(ring, (2, 21), 3 + n) for n, owner in enumerate(setting.owners)}
    parties = setting.parties
    manifest = [
        Opening("below", 1, (21,), parties),
        Opening("x", ring.k, (21,), parties, "below"),
        Opening("bits", ring.k, (2, 21), parties),
    ]

    def program(box: Box) -> tuple[Array, Array, Array]:
        shares = box.input("x", ring, (2, 21), given(box, values))
        x = sum(shares.values(), box.constant(ring, ring.zeros((2, 21))))
        before, dry = box.declared, Dry(box.costs)
        bits = comparison.negative(box, x, ring.k)
        comparison.negative(dry, dry.secret(ring, (2, 21)), ring.k)
        if before + dry.declared != box.declared:
            raise Nonconformance(f"a dry run declares {dry.declared}: {before}, {box.declared}")
        below = box.open_bits({"below": bits[0]}, 21)["below"]
        chosen = box.open({"x": x[0]}, "below")["x"]
        return below, chosen, box.open({"bits": numeric.integers(box, bits, 21, ring)})["bits"]

    total = _total(_integers(ring, values)) % ring.modulus
    right = total >= ring.modulus // 2
    for name, seen in run(setting, manifest, program).items():
        below, chosen, bits = seen
        if not np.array_equal(below, right[0]):
            raise Nonconformance(f"signs at {name} are {below}, not {right[0]}")
        _is(ring, chosen, total[0][right[0]], f"what is below 0, at {name}")
        _is(ring, bits, right.astype(int), f"signs as integers, at {name}")


def bits(setting: Setting, ring: Ring) -> None:
    """Exclusive or and `and` of owners' bits, eight in a byte."""
    del ring
    values = {owner: uniform(BITS, (2, 5), n) for n, owner in enumerate(setting.owners)}

    def program(box: Box) -> dict[str, Secret]:
        x, *others = box.input("bits", BITS, (2, 5), given(box, values)).values()
        total = sum(others, x)
        joined = box.mul(total[0], total[1]).reshape(1, 5)
        return {"bits": concatenate([total, joined])}

    x = np.bitwise_xor.reduce(list(values.values()))
    _opens(setting, BITS, program, {"bits": np.stack([*x, x[0] & x[1]])})


def refusals(setting: Setting, ring: Ring) -> None:
    """What the manifest lacks is refused before the opening's first message."""
    values = values_of(setting, ring, (2,))
    lines = (
        Opening("other", ring.k, (2,), setting.parties),
        Opening("x", 2 * ring.k, (2,), setting.parties),
        Opening("x", ring.k, (3,), setting.parties),
        Opening("x", ring.k, (2,), setting.parties[:1]),
    )
    for line in lines:
        sent: list[str] = []

        def part(channel: Channel, line: Opening = line) -> None:
            box = setting.box(channel, Leakage([line]), 1)
            x = box.input("x", ring, (2,), given(box, values))[setting.owners[0]]
            try:
                box.open({"x": x})
            except NotInManifest:
                return
            raise Nonconformance(f"x is opened where the manifest has {line}")

        def note(_way: str, _peer: str, label: str, *_: int, sent: list[str] = sent) -> None:
            sent.append(label)

        in_threads(setting.everybody, part, log=lambda _, note=note: note)  # type: ignore[misc]
        if any(label.startswith("open") for label in sent):
            raise Nonconformance(f"messages are sent for x where the manifest has {line}")


def disagreement(setting: Setting, ring: Ring) -> None:
    """Parties that saw other values opened abort."""
    values = values_of(setting, ring, (2,))

    def program(box: Box) -> None:
        x = box.input("x", ring, (2,), given(box, values))[setting.owners[0]]
        box.open({"x": x})
        if box.me == setting.parties[-1]:
            box._seen.update(b"something else")

    try:
        run(setting, [("x", ring, (2,))], program)
    except Abort:
        return
    raise Nonconformance("parties that saw different values go on")


CHECKS = (
    Check("linear", linear, RINGS),
    Check("public integers", public_integers, [Z2_128]),
    Check("products", products, RINGS, (PRODUCTS,)),
    Check("matrix product", matrix_product, RINGS, (PRODUCTS,)),
    Check("revealing", revealing, RINGS, (REVEALING,)),
    Check("reduction", reduction, [Z2_64, Z2_128], (ANY_ELEMENT,)),
    Check("bits", bits, [Z2_32], (PRODUCTS, COMPARISONS)),
    Check("signs", signs, RINGS, (PRODUCTS, COMPARISONS)),
    Check("masks", masks),
    Check("refusals", refusals),
    Check("disagreement", disagreement),
)
