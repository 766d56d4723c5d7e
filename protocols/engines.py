"""The engines by name, and what each one trusts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mpcgen.abb import Box, Exchange, Seat
from mpcgen.cost import Costs
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.clear import Clear, ClearCosts
from mpcgen.protocols.replicated import Replicated, ReplicatedCosts
from mpcgen.protocols.replicated4 import Replicated4
from mpcgen.protocols.replicated4_roles import Replicated4Costs


@dataclass(frozen=True)
class Engine:
    """A way to hold secrets.

    Attributes:
        computing: number of computing parties.
        withstands: the corruption under which it keeps secrets, in words.
        hides: no party sees another's values unless more are corrupt than it withstands.
        set_up: (exchange, seat, leakage, session id, epoch, own generator) -> box; takes one round
            where the engine has keys.
        costs: seat -> declared costs.
    """

    name: str
    computing: int
    withstands: str
    hides: bool
    set_up: Callable[[Exchange, Seat, Leakage, bytes, int, Prg], Box]
    costs: Callable[[Seat], Costs]


_ALL: Sequence[Engine] = (
    Engine(
        "clear",
        1,
        "nothing: the computing party sees every owner's values",
        False,
        lambda exchange, seat, leakage, _session, _epoch, _own: Clear(exchange, seat, leakage),
        ClearCosts,
    ),
    Engine(
        "replicated",
        3,
        "one of the three computing parties reading along (semi-honest)",
        True,
        Replicated.set_up,
        ReplicatedCosts,
    ),
    Engine(
        "replicated4",
        4,
        "one of the four computing parties doing as it likes (malicious): the others stop",
        True,
        Replicated4.set_up,
        Replicated4Costs,
    ),
)
ENGINES = {engine.name: engine for engine in _ALL}
