"""The engines by name, and what each one trusts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mpcgen.abb import Box, Exchange, Seat
from mpcgen.cost import Costs
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols import bfv, crypten_engine, dealer, paillier, spdz2k_dealer
from mpcgen.protocols.additive import AdditiveCosts
from mpcgen.protocols.clear import Clear, ClearCosts
from mpcgen.protocols.replicated import Replicated, ReplicatedCosts
from mpcgen.protocols.replicated4 import Replicated4
from mpcgen.protocols.replicated4_roles import Replicated4Costs
from mpcgen.protocols.spdz2k_costs import Spdz2kCosts

PRODUCTS = "products"
COMPARISONS = "comparisons"  # of secrets, and openings that rest on them
REVEALING = "values for one party alone"
WIDE = "totals of more than 32 bits"
LONG = "arithmetic modulo 2^128"  # thresholds and values opened alone rest on it
ANY_ELEMENT = "arithmetic modulo 2^k"  # totals may leave the signed range
EVERYTHING = frozenset({PRODUCTS, COMPARISONS, REVEALING, WIDE, LONG, ANY_ELEMENT})


@dataclass(frozen=True)
class Engine:
    """A way to hold secrets.

    All add, multiply by public integers, and open to all.

    Attributes:
        computing: number of computing parties.
        more: more may compute.
        deals: it has a dealer, a party that neither computes nor has data.
        withstands: the corruption under which it keeps secrets, in words.
        hides: no party sees another's values unless more are corrupt than it withstands.
        set_up: (exchange, seat, leakage, session id, epoch, own generator) -> box; takes one round
            where the engine has keys.
        costs: seat -> declared costs.
        offers: what else it can do, of EVERYTHING.
        leaves: how an institution's values leave it, where the engine hides them.
        roles: what each computing party does; empty: all compute.
        key_bits: sizes of key that a plan may choose; empty: there is no choice.
        max_units: variants or pairs that one step runs over at most.
        max_owners: institutions with data, at most.
        unfit: why it is not for real data; empty: it is.
        malicious: what it withstands may do as it likes, and not only read along.
        keeps_shares: a party's shares of an opening are good in a later session as well. Where they
            rest on keys that are fresh in each, an opening that broke off cannot be made again.
    """

    name: str
    computing: int
    withstands: str
    hides: bool
    set_up: Callable[[Exchange, Seat, Leakage, bytes, int, Prg], Box]
    costs: Callable[[Seat], Costs]
    offers: frozenset[str] = EVERYTHING
    leaves: str = "as shares that look random to every single other party"
    roles: tuple[str, ...] = ()
    key_bits: tuple[int, ...] = ()
    max_units: int = 1 << 18
    more: bool = False
    deals: bool = False
    max_owners: int = 1 << 16
    unfit: str = ""
    malicious: bool = False
    keeps_shares: bool = True

    @property
    def parties(self) -> str:
        """How many compute, in words."""
        return f"{self.computing} or more" if self.more else str(self.computing)


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
        malicious=True,
    ),
    Engine(
        "additive",
        2,
        "all computing parties but one reading along together (semi-honest), unless the dealer "
        "works with one of them",
        True,
        dealer.set_up,
        AdditiveCosts,
        more=True,
        deals=True,
    ),
    Engine(
        "spdz2k",
        2,
        "all computing parties but one, and owners, doing as they like together (malicious): the "
        "others stop; unless the dealer works with one of them, or deals wrongly",
        True,
        spdz2k_dealer.set_up,
        Spdz2kCosts,
        max_units=1 << 12,
        more=True,
        deals=True,
        malicious=True,
        keeps_shares=False,  # MACs are under keys of the session
    ),
    Engine(
        "paillier",
        2,
        "everybody reading along (semi-honest), unless aggregator and key holder work together",
        True,
        paillier.set_up,
        paillier.PaillierCosts,
        frozenset({WIDE, LONG}),
        "encrypted, and the key holder decrypts only their sums",
        ("adds ciphertexts", "holds the key"),
        paillier.KEY_BITS,
        1 << 12,
    ),
    Engine(
        "bfv",
        2,
        "everybody reading along (semi-honest), unless aggregator and key holder work together",
        True,
        bfv.set_up,
        bfv.BfvCosts,
        frozenset(),
        "encrypted, and the key holder decrypts only their sums",
        ("adds ciphertexts", "holds the key"),
        max_units=1 << 16,
        max_owners=bfv.MAX_OWNERS,
    ),
    Engine(
        "crypten",
        2,
        "one computing party reading along (semi-honest), unless it is the first, which can read "
        "what is multiplied or compared",
        True,
        crypten_engine.set_up,
        crypten_engine.CryptenCosts,
        EVERYTHING - {LONG},
        "as shares, which the first computing party can read where they are multiplied or compared",
        more=True,
        unfit=crypten_engine.UNFIT,
    ),
)
ENGINES = {engine.name: engine for engine in _ALL}


def advised(engines: Iterable[Engine]) -> str:
    """Those of the engines that hide values, in words; of some, that they are not for real data."""
    warned = ((e.name, " (not for real data)" if e.unfit else "") for e in engines if e.hides)
    return ", ".join(f"{name}{warning}" for name, warning in warned)


def offering(*needs: str) -> str:
    """The engines that offer all of these and hide values, in words."""
    return advised(e for e in _ALL if e.offers.issuperset(needs))
