"""What a study will cost on a given line, from the declared rounds and bytes."""

from collections.abc import Iterator
from dataclasses import dataclass

from mpcgen.errors import InputError
from mpcgen.study.study import Study

_MOST = 1e9  # milliseconds: eleven days; Mbit/s: more than any line has


@dataclass(frozen=True)
class Network:
    """What a forecast assumes of every party's line.

    Raises:
        InputError: a number that is none, or that no line has.
    """

    round_trip_ms: float = 20.0
    mbit_per_s: float = 100.0

    def __post_init__(self) -> None:
        for what, value, low, unit in (
            ("round trip", self.round_trip_ms, 0, "ms"),
            ("bandwidth", self.mbit_per_s, 1e-6, "Mbit/s"),
        ):
            if not low <= value <= _MOST:
                limits = f"{low:g} to {_MOST:g} {unit}"
                raise InputError(f"the {what} is a number from {limits}, not {value:g}")


def forecast(study: Study, network: Network) -> Iterator[str]:
    """Rounds, bytes and minutes, in sentences; upper bounds where not all is opened."""
    cost = study.cost()
    sent = ", ".join(f"{name} {_bytes(cost.sent.get(name, 0))}" for name in study.plan.names)
    waiting = cost.rounds * network.round_trip_ms / 1000
    sending = max(cost.sent.values()) * 8 / (network.mbit_per_s * 1e6)
    most = ", at most (were everything opened)" if study.decides else ""
    yield f"{cost.rounds} rounds; sent by {sent}{most}"
    minutes = (waiting + sending) / 60
    yield (
        f"{f'{minutes:.0f} minutes' if minutes >= 1 else 'less than a minute'} on the network "
        f"({waiting:.1f} s waiting, {sending:.1f} s sending); counting in each institution's own "
        "files comes on top"
    )


def _bytes(number: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} bytes"
