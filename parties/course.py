"""One party's way through a study, over as many sessions as it takes.

All parties keep journals, or none does. Without, there is one session, and whatever breaks it ends
the study. With them, a session that breaks off because a party was lost, or was stopped by its
operator, is followed by the next: a new handshake, a new epoch, fresh keys. What all parties have
finished is told again from the journal; then the run goes on. Whoever ends has kept that all have
confirmed what they saw, or has waited for the others in vain after it has confirmed itself.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager

from mpcgen.abb import Box, Seat
from mpcgen.cost import Cost
from mpcgen.errors import (
    Abort,
    MpcgenError,
    NotInManifest,
    PartyLost,
    PartyStopped,
    PartyTimeout,
)
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import AbortReason, Channel
from mpcgen.parties.checkpoint import Checkpoint
from mpcgen.parties.owner import OwnData
from mpcgen.parties.session import Approvals, open_session
from mpcgen.parties.standing import MAX_EPOCHS
from mpcgen.parties.stops import whole
from mpcgen.prg import Prg, fresh_bytes
from mpcgen.protocols.engines import ENGINES
from mpcgen.study.loop import Part, Progress, compute_batches, open_people
from mpcgen.study.replay import Replay, Stages
from mpcgen.study.study import Study

People = Mapping[str, int] | None
Connect = Callable[[], Channel]
Say = Callable[[str], object]
Begin = Callable[[bytes, Leakage], None]

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds

_ALONE = "the others did not come again; all had seen the same, so the results are good"


class Course:
    """One party's way through a study.

    Args:
        data: an owner's.
        checkpoint: what was kept of the study; None: nothing is.
        approvals: checks that everybody has approved.
        begin: told of each session, and of what it may open, before anything is shared.
        connect: makes the channel of a session.
        own: makes this party's generator for a session.
        progress: told of units as they are done, each once.
        say: told, in words, what the operator may want to know.

    Attributes:
        session: id of the last session.
        declared, sent_bytes, framing_bytes: costs of this process's sessions.
        opened: what the study has opened.
    """

    def __init__(
        self,
        study: Study,
        me: str,
        data: OwnData | None,
        checkpoint: Checkpoint | None,
        approvals: Approvals,
        begin: Begin = lambda _session, _leakage: None,
        *,
        connect: Connect,
        own: Callable[[], Prg],
        progress: Progress,
        say: Say,
    ):
        self._study, self._data, self._connect, self._own = study, data, connect, own
        self._approvals, self._begin = approvals, begin
        self._seat: Seat = study.plan.seat(me)
        self._progress, self._say, self._checkpoint = progress, say, checkpoint
        self._channel: Channel | None = None
        self._broken = self._units = self._units_told = 0
        self._met = False  # in the present session
        self._leaves = checkpoint is not None and checkpoint.settled
        self.session = b""
        self.declared = Cost()
        self.sent_bytes = self.framing_bytes = 0
        self.opened: list[Opening] = []

    def items(self) -> Generator[People | Part]:
        """The joint group sizes, then all that is opened, each once, in its order.

        Raises:
            MpcgenError: the study ends here; the others were told.
        """
        given = 0
        while True:
            try:
                for n, item in enumerate(self._alone() if self._leaves else self._session()):
                    if n >= given:
                        given = n + 1
                        yield item
                return
            except MpcgenError as error:
                self._after(error)

    def stop(self, error: BaseException) -> None:
        """Tell the others that this party stops in the middle of a session."""
        if self._channel is not None:
            self._channel.abort(AbortReason.of(error))

    def _session(self) -> Iterator[People | Part]:
        """One session, to its end."""
        self._met = False
        self._units = 0
        with whole(self._connect) as channel:
            self._channel = channel
            if self._checkpoint is not None:
                self._checkpoint.leave()
                channel.connect_timeout = self._patience(self._checkpoint)
                channel.connect()
            self._met = True
            with self._telling(channel):
                self.session, box = open_session(
                    channel, self._study, self._own(), self._approvals, self._checkpoint
                )
                with self._counted(channel, box):
                    stages = self._stages(box)
                    self._begin(self.session, box.leakage)
                    yield from self._run(stages)
                    box.confirm()
                    self._settle(channel)

    def _alone(self) -> Iterator[People | Part]:
        """What all have confirmed, told again without anybody."""
        kept = self._checkpoint
        assert kept is not None, "it was confirmed"
        kept.begin_alone()
        replay = self._replay(kept)
        self._begin(self.session, replay.leakage)
        if self._seat.me in self._seat.parties:
            yield from self._run(Stages(None, replay, kept.standing.stages))
        else:  # a dealer, who learns nothing
            yield None
        self.opened = replay.leakage.opened

    def _run(self, stages: Stages) -> Iterator[People | Part]:
        """All stages: the group sizes, then the batches."""
        sizes = None if self._data is None or stages.replaying else self._data.sizes
        people = open_people(self._study, stages.box, sizes)
        stages.end()
        yield people
        genotypes = None if self._data is None else self._data.genotypes
        yield from compute_batches(self._study, stages, genotypes, self._done)

    def _stages(self, box: Box) -> Stages:
        """The stages of a session, of which some may be finished."""
        kept = self._checkpoint
        if kept is None:
            return Stages(box)
        assert kept.agreed is not None, "the session is open"
        if kept.agreed.epoch > 1:
            batches = sum(1 for _ in self._study.batches())
            done = max(kept.agreed.stages - 1, 0)
            self._say(f"resumes in epoch {kept.agreed.epoch}: {done} of {batches} batches are done")
        replay = self._replay(kept)
        return Stages(box, replay, kept.agreed.stages, kept.openings.end_stage)

    def _replay(self, kept: Checkpoint) -> Replay:
        costs = ENGINES[self._study.plan.engine].costs(self._seat)
        return Replay(costs, self._seat, Leakage(self._study.manifest()), kept.openings)

    def _settle(self, channel: Channel) -> None:
        """Keep that all have confirmed, once all have kept it: one round, on journals only."""
        kept = self._checkpoint
        if kept is None:
            return
        kept.confirm()
        others = channel.peers
        channel.exchange("settled", dict.fromkeys(others, b""), dict.fromkeys(others, 0))
        kept.settle()

    def _patience(self, kept: Checkpoint) -> float:
        """How long the others are waited for."""
        plan = self._study.plan
        if kept.confirmed:
            return min(plan.absence_seconds, plan.connect_seconds)
        if self._broken:
            return plan.absence_seconds
        return max(plan.absence_seconds * kept.begun, plan.connect_seconds)

    def _after(self, error: MpcgenError) -> None:
        """Go on after a session that broke off, or end with its error."""
        kept = self._checkpoint
        if kept is None:
            raise error
        came = self._met or not isinstance(error, PartyTimeout)  # else they were waited for
        if came and _is_passing(error) and self._broken < MAX_EPOCHS:
            self._broken += 1
            absence = self._patience(kept)
            self._say(f"{error}; waits up to {absence:g} s for everybody to come again")
            time.sleep(_pause(self._broken))
            return
        if kept.agreed is not None and type(error) in (Abort, NotInManifest):
            kept.fail(str(error))
        if not kept.confirmed:
            raise error
        self._say(_ALONE)
        self._leaves = True

    @contextmanager
    def _telling(self, channel: Channel) -> Iterator[None]:
        """Tell the others when this party stops."""
        try:
            yield
        except GeneratorExit:  # who takes the items says why
            raise
        except BaseException as error:
            channel.abort(AbortReason.of(error))
            raise

    @contextmanager
    def _counted(self, channel: Channel, box: Box) -> Iterator[None]:
        """Count what a session costs; its handshake apart."""
        before = _sent(channel)
        try:
            yield
        finally:
            self.opened = box.leakage.opened
            self.declared += box.declared
            self.sent_bytes += _sent(channel) - before
            self.framing_bytes += sum(traffic.framing for traffic in channel.sent.values())

    def _done(self, units: int) -> None:
        """Tell of units that were not told before."""
        self._units += units
        if self._units > self._units_told:
            self._progress(self._units - self._units_told)
            self._units_told = self._units


def _is_passing(error: MpcgenError) -> bool:
    """Whether a party was lost that may come again."""
    return error.again and isinstance(error, PartyStopped | PartyLost | PartyTimeout)


def _pause(broken: int) -> float:
    """Seconds before the next session, by chance.

    Parties that begin anew because another one did shall not chase each other for ever.
    """
    most = min(FIRST_PAUSE * 2.0**broken, LONGEST_PAUSE)
    return most * int.from_bytes(fresh_bytes(2)) / (1 << 16)


def _sent(channel: Channel) -> int:
    return sum(traffic.bytes for traffic in channel.sent.values())
