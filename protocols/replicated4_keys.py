"""The keys of the engine of four parties: made, given to all but one, and compared.

    round 1   P_{j+1} makes k_j and sends it to P_{j+2} and P_{j+3};
              an owner O that does not compute makes k_0^O, k_1^O, k_2^O for the holders of each
    round 2   who was sent keys compares digests of them with the others who were

A maker that gives two keys is named, with one who received the other: or that one lies.
(Dalskov, Escudero, Keller, IACR eprint 2020/1330, section 2: keys known to all but one.)
"""

from collections.abc import Sequence
from functools import partial

from mpcgen.abb import Exchange, Seat
from mpcgen.prg import Prg
from mpcgen.protocols.joint import Given, compare
from mpcgen.protocols.keyed import KeyName, pass_keys
from mpcgen.protocols.replicated4_roles import PARTIES, drawn_components, holders


def key_name(computing: Sequence[str], owner: str, j: int) -> KeyName:
    """The key from which component j of this owner's inputs is drawn."""
    return (computing[holders(j)[0]] if owner in computing else owner), j


def agree_on_keys(exchange: Exchange, seat: Seat, own: Prg) -> dict[KeyName, bytes]:
    """All keys that this party makes or is to hold, in two rounds.

    Raises:
        Abort: somebody gave two parties different keys.
    """
    computing = seat.computing
    names = [key_name(computing, computing[j], j) for j in range(PARTIES)]
    for owner in seat.owners:
        if owner not in computing:
            names += [(owner, j) for j in drawn_components(computing, owner)]
    receivers = partial(_receivers, computing)
    keys = pass_keys(exchange, seat, own, names, receivers)
    given = [Given("keys", n[0], receivers(n), k) for n, k in keys.items() if n[0] != seat.me]
    compare(exchange, seat.me, "keys compared", given)
    return keys


def _receivers(computing: Sequence[str], name: KeyName) -> list[str]:
    """To whom the maker of a key sends it."""
    return [computing[i] for i in holders(name[1]) if computing[i] != name[0]]
