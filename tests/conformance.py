"""What every engine must do, as one suite: values, costs, refusals.

The author of a new engine adds it to mpcgen.protocols.engines and to SETTINGS here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import pytest

from mpcgen.abb import Box, Seat
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel
from mpcgen.prg import Prg
from mpcgen.protocols.engines import ANY_ELEMENT, ENGINES, WIDE
from mpcgen.ring import Array, Ring
from tests.threads import in_threads

SESSION = b"conformance test"
TEST_KEY_BITS = 512
EXTRAS = {"bfv": "tenseal"}  # engine -> the package that it needs


@dataclass(frozen=True)
class Setting:
    """An engine with its parties: who owns data and who computes."""

    engine: str
    owners: tuple[str, ...]
    computing: tuple[str, ...]
    dealer: str = ""

    @property
    def parties(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.owners + self.computing))

    @property
    def everybody(self) -> tuple[str, ...]:
        """All parties and the dealer, who learns nothing."""
        return (*self.parties, *filter(None, [self.dealer]))

    @property
    def offers(self) -> frozenset[str]:
        return ENGINES[self.engine].offers

    def has_totals_in(self, ring: Ring) -> bool:
        """Whether its engine adds up and opens elements of a ring."""
        return ANY_ELEMENT in self.offers or ring.k == 32 or (ring.k > 32 and WIDE in self.offers)

    def seat(self, me: str) -> Seat:
        return Seat(me, self.parties, self.owners, self.computing, TEST_KEY_BITS, self.dealer)

    def __str__(self) -> str:
        return f"{self.engine}-{''.join(self.owners)}-{''.join(self.computing)}"


SETTINGS = (
    Setting("clear", ("A", "B", "C"), ("A",)),
    Setting("clear", ("A", "B"), ("D",)),
    Setting("replicated", ("A", "B", "C"), ("A", "B", "C")),
    Setting("replicated", ("A", "B", "C", "D", "E"), ("B", "D", "A")),
    Setting("replicated", ("A",), ("X", "Y", "Z")),
    Setting("replicated4", ("A", "B", "C", "D"), ("A", "B", "C", "D")),
    Setting("replicated4", ("A", "B", "C", "D", "E"), ("E", "B", "D", "A")),
    Setting("replicated4", ("A", "B"), ("X", "A", "Y", "Z")),
    Setting("replicated4", ("A",), ("W", "X", "Y", "Z")),
    Setting("additive", ("A", "B"), ("A", "B"), "D"),
    Setting("additive", ("A", "B", "C"), ("A", "B", "C"), "D"),
    Setting("additive", ("A", "B", "C"), ("X", "A", "Y", "Z"), "D"),
    Setting("additive", ("A", "B"), ("X", "Y"), "D"),
    Setting("paillier", ("A", "B", "C"), ("X", "Y")),
    Setting("paillier", ("A", "B", "C", "D"), ("C", "A")),
    Setting("paillier", ("A",), ("A", "K")),
    Setting("bfv", ("A", "B", "C"), ("X", "Y")),
    Setting("bfv", ("A", "B", "C", "D"), ("C", "A")),
)


def installed(engine: str) -> pytest.MarkDecorator:
    """Skip tests of an engine whose extra is not installed."""
    extra = EXTRAS.get(engine)
    return pytest.mark.skipif(extra is not None and not find_spec(extra), reason=f"no {extra}")


def by_setting(*needs: str) -> pytest.MarkDecorator:
    """Run a test on every engine that offers what it needs, of engines.EVERYTHING."""
    able = [setting for setting in SETTINGS if setting.offers.issuperset(needs)]
    return pytest.mark.parametrize(
        "setting", [pytest.param(s, marks=installed(s.engine), id=str(s)) for s in able]
    )


def by_setting_and_ring(rings: Sequence[Ring]) -> pytest.MarkDecorator:
    """Run a test on every engine, in those of the rings in which it has totals."""
    able = [(s, ring) for s in SETTINGS for ring in rings if s.has_totals_in(ring)]
    params = [pytest.param(s, r, marks=installed(s.engine), id=f"{s}-k{r.k}") for s, r in able]
    return pytest.mark.parametrize(("setting", "ring"), params)


def run(
    setting: Setting,
    manifest: Sequence[tuple[str, Ring, tuple[int, ...]] | Opening],
    program: Callable[[Box], object],
    *,
    seed: int = 1,
) -> dict[str, object]:
    """Run a program at every party of a setting; check its declared cost against what was sent."""
    openings = [
        line if isinstance(line, Opening) else Opening(line[0], line[1].k, line[2], setting.parties)
        for line in manifest
    ]

    measured: list[int] = []
    declared: set[int] = set()

    def part(channel: Channel) -> object:
        place = setting.everybody.index(channel.me)
        own = Prg.for_tests_only(1000 * seed + place).for_session(SESSION, 0)
        seat = setting.seat(channel.me)
        channel.bind_session(SESSION)
        box = ENGINES[setting.engine].set_up(channel, seat, Leakage(openings), SESSION, 0, own)
        rounds, before = channel.rounds, _bytes(channel)
        result = program(box)
        box.confirm()
        if channel.me != setting.dealer:  # it is ahead of the others' rounds
            measured.append(channel.rounds - rounds)
        declared.add(box.declared.rounds)
        assert box.declared.sent.get(channel.me, 0) == _bytes(channel) - before
        return result

    results = in_threads(setting.everybody, part)
    results.pop(setting.dealer, None)
    assert declared == {max(measured)}  # an owner that computes nothing sits some rounds out
    return results


def _bytes(channel: Channel) -> int:
    return sum(traffic.bytes for traffic in channel.sent.values())


def uniform(ring: Ring, shape: tuple[int, ...], seed: int) -> Array:
    """Test values over the whole ring, its corners among them."""
    rng = np.random.default_rng(seed)
    raw = rng.bytes(int(np.prod(shape)) * ring.size)
    x = np.frombuffer(raw, np.uint8).reshape(-1, ring.size).astype(object)
    values = sum(x[:, i] << (8 * i) for i in range(ring.size)) % ring.modulus
    values = np.asarray(values, object).reshape(shape)
    if values.size >= 3:
        values.flat[:3] = [0, ring.modulus - 1, ring.modulus // 2]
    return ring.encode(values)


def values_of(setting: Setting, ring: Ring, shape: tuple[int, ...]) -> dict[str, Array]:
    """Values for every owner: of the whole ring, or with room for small multiples of their sum."""
    values = {owner: uniform(ring, shape, 7 + n) for n, owner in enumerate(setting.owners)}
    if ANY_ELEMENT in setting.offers:
        return values
    return {owner: ring.encode(ring.signed(x) // 64) for owner, x in values.items()}


def given(box: Box, values: Mapping[str, Array]) -> Array | None:
    """What a party gives to an input: its own values if it is an owner."""
    return values.get(box.me)
