"""What engines of computing parties that hold keys in common share: seats, keys, setting up."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Self, TypeAlias

from mpcgen.abb import Box, Exchange, Seat
from mpcgen.leakage import Leakage
from mpcgen.prg import KEY_BYTES, Prg

KeyName: TypeAlias = tuple[str, int]  # who makes it, and the component that is drawn from it


class Keyed(Box):
    """A box of a fixed number of computing parties and any number of owners.

    Args:
        keys: generators of the keys that this party holds, from each of which a component of
            the maker's inputs is drawn.
    """

    size: ClassVar[int]  # computing parties

    def __init__(
        self, exchange: Exchange, seat: Seat, leakage: Leakage, keys: Mapping[KeyName, Prg]
    ):
        super().__init__(exchange, seat, leakage)
        if len(seat.computing) != self.size:
            raise ValueError(f"this engine has {self.size} computing parties: {seat.computing}")
        self._computing = seat.computing
        self._i = seat.computing.index(seat.me) if seat.me in seat.computing else None
        self._keys = keys

    @classmethod
    def set_up(
        cls, exchange: Exchange, seat: Seat, leakage: Leakage, session: bytes, epoch: int, own: Prg
    ) -> Self:
        """Agree on the session's keys and make the box.

        Args:
            session: id that contains fresh nonces of all parties.
            own: this party's generator for the session.

        Raises:
            Abort: somebody gave two parties different keys, where this is checked.
        """
        keys = {
            name: Prg(key, fixed=own.fixed).for_session(session, epoch)
            for name, key in cls._agree_on_keys(exchange, seat, own).items()
        }
        return cls(exchange, seat, leakage, keys)

    @staticmethod
    @abstractmethod
    def _agree_on_keys(exchange: Exchange, seat: Seat, own: Prg) -> dict[KeyName, bytes]: ...


def pass_keys(
    exchange: Exchange,
    seat: Seat,
    own: Prg,
    names: Sequence[KeyName],
    receivers: Callable[[KeyName], Sequence[str]],
) -> dict[KeyName, bytes]:
    """All keys that this party makes or is given: one round.

    Args:
        names: of all keys.
        receivers: to whom the maker of a key sends it.
    """
    label = "key" if seat.me in seat.computing else "owner key"
    keys = {name: own.draw_bytes(label, name[1], KEY_BYTES) for name in names if name[0] == seat.me}
    send: dict[str, bytes] = {}
    due: dict[str, list[KeyName]] = {}
    for name in names:
        for receiver in receivers(name):
            if name in keys:
                send[receiver] = send.get(receiver, b"") + keys[name]
            elif receiver == seat.me:
                due.setdefault(name[0], []).append(name)
    came = exchange.exchange("keys", send, {maker: KEY_BYTES * len(n) for maker, n in due.items()})
    for maker, wanted in due.items():
        for n, name in enumerate(wanted):
            keys[name] = came[maker][n * KEY_BYTES : (n + 1) * KEY_BYTES]
    return keys
