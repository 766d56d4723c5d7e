"""The stages of a run, and those that an earlier session has finished, told again from its journal.

The first stage opens the group sizes, each later one is a batch. Nothing secret is carried from one
to the next: what a later stage needs was opened. So a stage that all parties have finished needs no
message: `Replay` runs the same protocol with secrets that have no parts, as those of a party that
does not compute, and its openings are answered out of the journal.
"""

from collections.abc import Callable
from typing import NoReturn

from mpcgen.abb import Box, Seat
from mpcgen.cost import Costs
from mpcgen.dry import Dry
from mpcgen.keeper import Keeper
from mpcgen.leakage import Leakage
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret


class Replay(Dry):
    """A box that sends nothing, computes nothing, and knows what was opened before.

    Args:
        keeper: it answers every opening for which this box is used.
    """

    def __init__(self, costs: Costs, seat: Seat, leakage: Leakage, keeper: Keeper):
        super().__init__(costs)
        self.me, self.parties, self.owners = seat.me, seat.parties, seat.owners
        self.leakage, self.keeper = leakage, keeper

    def input(
        self,
        label: str,  # noqa: ARG002
        ring: Ring,
        shape: tuple[int, ...],
        values: Array | None = None,  # noqa: ARG002
    ) -> dict[str, Secret]:
        """Secrets of this form; no owner is asked."""
        return {owner: self.secret(ring, shape) for owner in self.owners}

    def _open_all(self, *_: object) -> NoReturn:
        raise AssertionError("what is told again was opened before")


class Stages:
    """Which box the next stage runs on, and what is to be done when it has ended.

    Args:
        live: the session's box.
        replay: that of the stages which all parties have finished.
        finished: how many these are.
        passed: told of each stage that ends.
    """

    def __init__(
        self,
        live: Box | None,
        replay: Replay | None = None,
        finished: int = 0,
        passed: Callable[[], None] = lambda: None,
    ):
        self.live, self._replay, self._finished = live, replay, finished
        self._passed = passed
        if replay is not None and live is not None:
            live.follow(replay)

    @property
    def replaying(self) -> bool:
        """Whether the next stage was finished before: no data are needed for it."""
        return self._finished > 0

    @property
    def box(self) -> Box:
        """What the next stage runs on."""
        box = self._replay if self.replaying else self.live
        assert box is not None
        return box

    def end(self) -> None:
        """A stage has ended."""
        if self.replaying:
            self._finished -= 1
        else:
            self._passed()
