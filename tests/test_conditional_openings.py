"""Openings that hang on bits: values are opened only where a bit opened before is 1."""

from collections.abc import Callable

import numpy as np
import pytest

from mpcgen.abb import Box
from mpcgen.bits import BITS
from mpcgen.cost import Size
from mpcgen.errors import NotInManifest
from mpcgen.leakage import Opening
from mpcgen.protocols.comparison import negative
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret
from tests.conformance import SETTINGS, Setting, run
from tests.test_comparison import by_setting, total

REPLICATED = SETTINGS[2]
UNDER_MACS = Setting("spdz2k", REPLICATED.owners, REPLICATED.owners[:2], "D")
RING, VALUES = Ring(32), np.array([-3, 7, 0, -1, 2**31 - 1, 12, -9, 5, -2, 1])
CHOSEN = VALUES < 0


@by_setting
def test_only_chosen_rows_are_opened(setting: Setting) -> None:
    columns = np.stack([VALUES, VALUES + 100], 1)
    m = len(VALUES)

    def program(box: Box) -> dict[str, Array]:
        x = total(box, RING, RING.encode(columns), setting)
        bits = box.open_bits({"keep": negative(box, x[:, 0], 32)}, m)
        before = box.declared
        rows = box.open({"row": x, "value": x[:, 1]}, where="keep")
        size, whole = (Size.of(RING, (3 * int(rows),)) for rows in (CHOSEN.sum(), m))
        if box.me != setting.dealer:  # who does not learn the bits
            assert box.declared == before + box.costs.open(size, whole)
        return {**bits, **rows}

    parties = setting.parties
    manifest = [
        Opening("keep", 1, (m,), parties),
        Opening("row", 32, (m, 2), parties, "keep"),
        Opening("value", 32, (m,), parties, "keep"),
    ]
    for seen in run(setting, manifest, program).values():
        assert isinstance(seen, dict)
        assert seen["keep"].tolist() == CHOSEN.tolist()
        np.testing.assert_array_equal(RING.signed(seen["row"]), columns[CHOSEN])
        np.testing.assert_array_equal(RING.signed(seen["value"]), columns[CHOSEN, 1])


@by_setting
@pytest.mark.parametrize("bit", [False, True])
def test_none_or_all_rows_are_opened(setting: Setting, bit: bool) -> None:
    def program(box: Box) -> Array:
        box.open_bits({"keep": box.constant(BITS, BITS.pack(np.full(9, bit)))}, 9)
        x = total(box, RING, RING.encode(np.arange(9)), setting)
        return box.open({"x": x}, where="keep")["x"]

    line = Opening("x", 32, (9,), setting.parties, "keep")
    manifest = [Opening("keep", 1, (9,), setting.parties), line]
    for seen in run(setting, manifest, program).values():
        assert isinstance(seen, np.ndarray)
        assert RING.unsigned(seen).tolist() == (list(range(9)) if bit else [])


def keep(box: Box) -> Secret:
    return box.constant(BITS, BITS.pack(CHOSEN))


def values(box: Box) -> Secret:
    return box.constant(RING, RING.encode(VALUES))


def after_keep(step: Callable[[Box], object]) -> Callable[[Box], object]:
    def program(box: Box) -> object:
        box.open_bits({"keep": keep(box)}, len(VALUES))
        return step(box)

    return program


REFUSED: dict[str, Callable[[Box], object]] = {
    "bits under no line": lambda box: box.open_bits({"pass": keep(box)}, 10),
    "more bits than the line": lambda box: box.open_bits({"keep": keep(box)}, 11),
    "bits twice": after_keep(lambda box: box.open_bits({"keep": keep(box)}, 10)),
    "bits as a value": lambda box: box.open({"keep": keep(box)}),
    "a value before its bits": lambda box: box.open({"value": values(box)}, where="keep"),
    "a value everywhere": after_keep(lambda box: box.open({"value": values(box)})),
    "a value where other bits are 1": after_keep(
        lambda box: box.open({"value": values(box)}, where="other")
    ),
    "part of a value": after_keep(lambda box: box.open({"value": values(box)[:9]}, where="keep")),
    "a value under no line": after_keep(lambda box: box.open({"x": values(box)}, where="keep")),
    "a free value where": after_keep(lambda box: box.open({"free": values(box)}, where="keep")),
    "a value for one": after_keep(lambda box: box.reveal("value", values(box), "A")),
}


@pytest.mark.parametrize("setting", [REPLICATED, UNDER_MACS], ids=str)
@pytest.mark.parametrize("asked", REFUSED)
def test_openings_beyond_the_manifest_are_refused(setting: Setting, asked: str) -> None:
    """Before anything is sent: neither bytes nor rounds are more than what is declared."""

    def program(box: Box) -> None:
        with pytest.raises(NotInManifest):
            REFUSED[asked](box)

    run(setting, MANIFEST, program)


MANIFEST = [
    Opening("keep", 1, (10,), REPLICATED.parties),
    Opening("value", 32, (10,), REPLICATED.parties, "keep"),
    Opening("free", 32, (10,), REPLICATED.parties),
]


def test_bits_that_are_too_few_for_a_value_are_refused() -> None:
    line = Opening("value", 32, (12,), REPLICATED.parties, "keep")

    def program(box: Box) -> None:
        x = box.constant(RING, RING.zeros((12,)))
        with pytest.raises(ValueError, match="value has 12 rows, keep 10 bits"):
            after_keep(lambda box: box.open({"value": x}, where="keep"))(box)

    run(REPLICATED, [MANIFEST[0], line], program)


@by_setting
def test_padding_is_not_opened(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shares of the bits behind the last unit are 0 when they are opened, whatever is in them."""
    monkeypatch.setattr(BITS.__class__, "unpack", lambda _bits, x, _m: x)

    def program(box: Box) -> dict[str, Array]:
        ones = total(box, BITS, BITS.encode(np.full(2, 255)), setting)
        opened: dict[str, Array] = dict(box.open_bits({"keep": ones}, 11))
        return opened

    manifest = [Opening("keep", 1, (11,), setting.parties)]
    for seen in run(setting, manifest, program).values():
        assert isinstance(seen, dict)
        assert seen["keep"].tolist() == [255, 7]
