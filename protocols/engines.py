"""The engines by name, and what each one trusts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mpcgen.abb import Box, Exchange
from mpcgen.cost import Costs
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.clear import Clear, ClearCosts
from mpcgen.protocols.replicated import Replicated, ReplicatedCosts


@dataclass(frozen=True)
class Seat:
    """One party's place in a session.

    Attributes:
        parties: everybody in the session, in the plan's order.
        owners: who gives data.
        computing: who computes, in the engine's order.
    """

    me: str
    parties: tuple[str, ...]
    owners: tuple[str, ...]
    computing: tuple[str, ...]


@dataclass(frozen=True)
class Engine:
    """A way to hold secrets.

    Attributes:
        computing: number of computing parties.
        withstands: the corruption under which it keeps secrets, in words.
        set_up: (exchange, seat, leakage, session id, epoch, own generator) -> box; takes one round
            where the engine has keys.
        costs: seat -> declared costs.
    """

    name: str
    computing: int
    withstands: str
    set_up: Callable[[Exchange, Seat, Leakage, bytes, int, Prg], Box]
    costs: Callable[[Seat], Costs]


def _clear(
    exchange: Exchange, seat: Seat, leakage: Leakage, session: bytes, epoch: int, own: Prg
) -> Box:
    return Clear(exchange, seat.me, seat.parties, seat.owners, seat.computing[0], leakage)


def _replicated(
    exchange: Exchange, seat: Seat, leakage: Leakage, session: bytes, epoch: int, own: Prg
) -> Box:
    return Replicated.set_up(
        exchange, seat.me, seat.parties, seat.owners, seat.computing, leakage, session, epoch, own
    )


_ALL: Sequence[Engine] = (
    Engine(
        "clear",
        1,
        "nothing: the computing party sees every owner's values",
        _clear,
        lambda seat: ClearCosts(seat.parties, seat.owners, seat.computing[0]),
    ),
    Engine(
        "replicated",
        3,
        "one of the three computing parties reading along (semi-honest)",
        _replicated,
        lambda seat: ReplicatedCosts(seat.parties, seat.owners, seat.computing),
    ),
)
ENGINES = {engine.name: engine for engine in _ALL}
