"""A program run at every party of an engine, its declared cost held against what was sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mpcgen.abb import Box, Exchange, Seat
from mpcgen.errors import Nonconformance
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel
from mpcgen.net.memory import in_threads
from mpcgen.prg import Prg
from mpcgen.protocols.engines import ANY_ELEMENT, ENGINES, LONG, WIDE, Engine
from mpcgen.ring import Z2_64, Array, Ring

SESSION = b"conformance test"
TEST_KEY_BITS = 512

T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """An engine with its parties: who owns data, who computes, and who deals, if anybody does.

    Attributes:
        engine: its name.
        unlisted: the engine itself, where mpcgen.protocols.engines does not list it.
    """

    engine: str
    owners: tuple[str, ...]
    computing: tuple[str, ...]
    dealer: str = ""
    unlisted: Engine | None = None

    @property
    def parties(self) -> tuple[str, ...]:
        """Owners, then who else computes."""
        return tuple(dict.fromkeys(self.owners + self.computing))

    @property
    def everybody(self) -> tuple[str, ...]:
        """All parties and the dealer, who learns nothing."""
        return (*self.parties, *filter(None, [self.dealer]))

    @property
    def entry(self) -> Engine:
        """The engine."""
        return self.unlisted or ENGINES[self.engine]

    @property
    def offers(self) -> frozenset[str]:
        """What its engine can do."""
        return self.entry.offers

    def has_totals_in(self, ring: Ring) -> bool:
        """Whether its engine adds up and opens elements of a ring."""
        if ring.k > Z2_64.k and LONG not in self.offers:
            return False
        return ANY_ELEMENT in self.offers or ring.k == 32 or (ring.k > 32 and WIDE in self.offers)

    def seat(self, me: str) -> Seat:
        """A party's place."""
        return Seat(me, self.parties, self.owners, self.computing, TEST_KEY_BITS, self.dealer)

    def box(
        self, channel: Channel, leakage: Leakage, seed: int, through: Exchange | None = None
    ) -> Box:
        """A party's box of a session whose randomness follows from a seed.

        Args:
            through: what stands between the engine and the channel.
        """
        place = self.everybody.index(channel.me)
        own = Prg.for_tests_only(1000 * seed + place).for_session(SESSION, 0)
        channel.bind_session(SESSION)
        seat = self.seat(channel.me)
        return self.entry.set_up(through or channel, seat, leakage, SESSION, 0, own)

    def __str__(self) -> str:
        return f"{self.engine}-{''.join(self.owners)}-{''.join(self.computing)}"


def run(
    setting: Setting,
    manifest: Sequence[tuple[str, Ring, tuple[int, ...]] | Opening],
    program: Callable[[Box], T],
    *,
    seed: int = 1,
) -> dict[str, T]:
    """Run a program at every party; what it returns, by name.

    Args:
        manifest: label, ring and shape of what may be opened to all, or lines of the manifest.

    Raises:
        Nonconformance: declared rounds or bytes are not those that were sent.
    """
    openings = [
        line if isinstance(line, Opening) else Opening(line[0], line[1].k, line[2], setting.parties)
        for line in manifest
    ]
    measured: dict[str, int] = {}
    declared: dict[str, int] = {}

    def part(channel: Channel) -> T:
        box = setting.box(channel, Leakage(openings), seed)
        rounds, before = channel.rounds, _bytes(channel)
        result = program(box)
        box.confirm()
        measured[box.me], declared[box.me] = channel.rounds - rounds, box.declared.rounds
        says, sent = box.declared.sent.get(box.me, 0), _bytes(channel) - before
        if says != sent:
            raise Nonconformance(f"{box.me} declares {says} bytes, and sends {sent}")
        return result

    results = in_threads(setting.everybody, part)
    results.pop(setting.dealer, None)
    measured.pop(setting.dealer, None)  # it is ahead of the others' rounds
    taken = max(measured.values())  # an owner that computes nothing sits some out
    if set(declared.values()) != {taken}:
        raise Nonconformance(f"{taken} rounds are taken, and {declared} declared")
    return results


def _bytes(channel: Channel) -> int:
    return sum(traffic.bytes for traffic in channel.sent.values())


def uniform(ring: Ring, shape: tuple[int, ...], seed: int) -> Array:
    """Values over the whole ring, its corners among them; the same for the same seed."""
    values = ring.unsigned(Prg.for_tests_only(seed).draw(ring, shape, "values", 0)).astype(object)
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
