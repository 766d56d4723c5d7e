"""How far a party has come in a study, as it tells the others, and where all of them go on.

Openings are counted in the order of the run. Since a party sends its shares of one only when all
are ready, and is ready only when it knows all earlier ones, no two are further apart than one
opening. What the parties do follows from what all of them say, so all do the same:

    all know an opening                       it is answered from the journals
    somebody knows it, or may have sent       everybody has kept its shares: they are sent again
    nobody can have sent                      it is computed afresh and opened
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from mpcgen import codec
from mpcgen.errors import BadMessage, Refused

MAX_EPOCHS = 1000
_MOST = 1 << 40  # of any number here
_MOST_BYTES = 32  # of a commitment
ANOTHER_PLAN = "a new plan is needed"


@dataclass(frozen=True)
class Standing:
    """What one party has kept of a study.

    Attributes:
        epoch: the last one that it has begun, or 0.
        inputs: its commitment to its data; empty where it brings none.
        opened: how many openings it knows.
        last: the epoch in which it kept its shares of the last of these; 0: there is none.
        prepared: the epoch in which it kept its shares of the next one; 0: it has not.
        sending: it may have sent them: it knows that all were ready.
        stages: how many stages it has finished.
    """

    epoch: int
    inputs: bytes
    opened: int
    last: int
    prepared: int
    sending: bool
    stages: int

    def value(self) -> codec.Value:
        """What travels."""
        return asdict(self)

    @classmethod
    def read(cls, peer: str, value: codec.Value) -> "Standing":
        """What a peer has sent.

        Raises:
            BadMessage: it is none.
        """
        kinds = {field.name: type_of(field.type) for field in fields(cls)}
        right = isinstance(value, dict) and value.keys() == kinds.keys()
        if not right or not isinstance(value, dict):
            raise BadMessage(f"{peer} says how far it has come in a form that is not known here")
        for name, kind in kinds.items():
            one = value[name]
            if type(one) is not kind or not _is_in_range(one):
                raise BadMessage(f"{peer} says how far it has come with a wrong {name}")
        return cls(**value)


def _is_in_range(one: object) -> bool:
    if isinstance(one, int):
        return 0 <= one <= _MOST
    return isinstance(one, bytes) and len(one) <= _MOST_BYTES


def type_of(annotation: object) -> type:
    """The type behind a field's annotation."""
    assert isinstance(annotation, type)
    return annotation


@dataclass(frozen=True)
class Agreed:
    """Where a session goes on, the same at every party.

    Attributes:
        opened: how many openings are answered from the journals.
        again: the next opening is made of the shares that were kept.
        stages: how many stages need no message.
    """

    epoch: int
    opened: int
    again: bool
    stages: int


def agree(standings: Mapping[str, Standing], dealer: str, *, keeps_shares: bool) -> Agreed:
    """Where the parties go on.

    Args:
        standings: of all parties, in the plan's order.
        dealer: who learns nothing of what is opened, or "".
        keeps_shares: whether the engine's shares can be sent in a later epoch.

    Raises:
        Refused: they cannot.
    """
    epoch = 1 + max(each.epoch for each in standings.values())
    if epoch > MAX_EPOCHS:
        raise Refused(f"this study was begun {MAX_EPOCHS} times; {ANOTHER_PLAN}")
    readers = {name: each for name, each in standings.items() if name != dealer}
    low = min(each.opened for each in readers.values())
    behind = next(name for name, each in readers.items() if each.opened == low)
    ahead = [name for name, each in readers.items() if each.opened > low]
    for name in ahead:
        if readers[name].opened > low + 1:
            raise Refused(
                f"{name} has kept {readers[name].opened} openings of this study, {behind} {low}: "
                f"{behind} puts its state folder back as it was, or {ANOTHER_PLAN}"
            )
    _check_sent(readers, low, behind)
    began = ahead or [name for name, each in readers.items() if each.sending]
    if began:
        _check_kept(readers, low, began[0], keeps_shares=keeps_shares)
    stages = min(each.stages for each in readers.values())
    return Agreed(epoch, low, bool(began), stages)


def _check_sent(readers: Mapping[str, Standing], low: int, behind: str) -> None:
    """Who may have sent shares of an opening had heard that all knew those before it.

    Whoever says that it lacks one of these has an older journal, or lies to have the same opening
    made anew.
    """
    for name, each in readers.items():
        if each.sending and each.opened > low:
            raise Refused(
                f"{name} may have sent its shares of opening {each.opened + 1}, as all knew those "
                f"before, and {behind} says that it knows {low}: it puts its state folder back as "
                f"it was, or {ANOTHER_PLAN}"
            )


def _check_kept(
    readers: Mapping[str, Standing], low: int, began: str, *, keeps_shares: bool
) -> None:
    """All must have kept their shares of an opening that somebody may have sent, of one epoch."""
    kept = {n: each.last if each.opened > low else each.prepared for n, each in readers.items()}
    for name, epoch in kept.items():
        if not epoch or epoch != kept[began]:
            raise Refused(
                f"{began} may have sent its shares of opening {low + 1}, as all had kept theirs, "
                f"and {name} says that it has not: it puts its state folder back as it was, or "
                f"{ANOTHER_PLAN}"
            )
    if not keeps_shares:
        raise Refused(
            f"the session broke off while opening {low + 1} was being made, and this engine's "
            f"shares cannot be sent again in another session; {ANOTHER_PLAN}"
        )
