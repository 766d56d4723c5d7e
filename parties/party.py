"""One institution's party: takes its seat in a study and returns what was opened."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from mpcgen.cost import Cost
from mpcgen.errors import ConfigError
from mpcgen.leakage import Opening
from mpcgen.net.channel import Channel
from mpcgen.parties.checkpoint import Checkpoint
from mpcgen.parties.commitment import commitment
from mpcgen.parties.course import Course, Say
from mpcgen.parties.journal import Journal
from mpcgen.parties.owner import OwnData, Warn, open_study_data
from mpcgen.parties.releases import recording
from mpcgen.parties.session import Approvals, unapproved
from mpcgen.prg import Prg
from mpcgen.study.institution import InstitutionConfig
from mpcgen.study.loop import Part, Progress, check_people
from mpcgen.study.policy_check import refuse_unless_permitted
from mpcgen.study.study import Study

Consume = Callable[[Iterator[Part], Mapping[str, int]], None]


@dataclass(frozen=True)
class Session:
    """What a finished study tells about its last session; costs are this party's.

    Attributes:
        epoch: which session of the study it was, where a journal was kept; otherwise 0.
        people: joint number of people in each group.
        declared, sent_bytes, framing_bytes: of this process, if it took more than one session.
        sent_bytes: payload sent by this party, the handshake apart.
        framing_bytes: headers of its messages.
    """

    id: bytes
    people: Mapping[str, int]
    declared: Cost
    sent_bytes: int
    framing_bytes: int
    seconds: float
    opened: tuple[Opening, ...]
    epoch: int = 0


def take_part(
    study: Study,
    config: InstitutionConfig,
    connect: Callable[[], Channel],
    consume: Consume,
    *,
    own: Prg | None = None,
    progress: Progress = lambda _units: None,
    warn: Warn = lambda _words: None,
    approvals: Approvals = unapproved,
    signed: Collection[str] = (),
    journal: Journal | None = None,
    say: Say = lambda _words: None,
) -> Session:
    """Run a study as one of its institutions.

    Everything local is read and checked before the first connection is made, the institution's
    policy first.

    Args:
        connect: makes the channel to the other parties, anew for each session.
        consume: takes result tables as they come, and the joint group sizes. What it writes is
            final only after it returns: by then all parties have seen the same openings. A dealer
            has nothing to consume.
        own: this party's generator; fresh in every session unless a test gives one.
        approvals: checks that everybody has approved; a rehearsal has none.
        warn: told what may not be meant in this institution's data; it concerns nobody else.
        signed: identities of institutions that agree to come or go, for this one's ledger.
        journal: where this party keeps what it needs to resume; None: nothing is kept.
        say: told where a session broke off, and where the next one goes on.

    Raises:
        MpcgenError: what went wrong; the other parties were told that this one stops.
    """
    plan = study.plan
    if config.name not in plan.names:
        raise ConfigError(
            f"{config.name} is not in the plan; it has {', '.join(plan.names)}", path=config.path
        )
    refuse_unless_permitted(study, config.policy, datetime.now(UTC).date())
    source: AbstractContextManager[OwnData | None] = (
        open_study_data(config, study, warn) if config.name in plan.owners else nullcontext()
    )
    began = time.monotonic()
    with source as data, recording(study, config, data, signed, warn) as record:
        kept = None
        if journal is not None:
            kept = Checkpoint(journal, plan, config.name, lambda salt: _commitment(data, salt))
        course = Course(
            study, config.name, data, kept, approvals, record.begin,
            connect=connect, own=lambda: own or Prg.fresh(), progress=progress, say=say,
        )  # fmt: skip
        with closing(course.items()) as items:
            opened = next(items)
            assert not isinstance(opened, Part), "the group sizes come first"
            # Untold: everybody sees the same, and says why by itself.
            deals = config.name == plan.dealer
            people = {} if deals else check_people(study, opened)
            try:
                parts = record.watch(item for item in items if isinstance(item, Part))
                (ignore if deals else consume)(parts, people)
            except BaseException as error:
                course.stop(error)
                raise
        record.finish()
        return Session(
            id=course.session,
            people=people,
            declared=course.declared,
            sent_bytes=course.sent_bytes,
            framing_bytes=course.framing_bytes,
            seconds=time.monotonic() - began,
            opened=tuple(course.opened),
            epoch=0 if kept is None else kept.epoch,
        )


def ignore(parts: Iterator[Part], _people: Mapping[str, int]) -> None:
    """Take part to the end, and keep nothing of what is opened."""
    for _part in parts:
        pass


def _commitment(data: OwnData | None, salt: bytes) -> bytes:
    return b"" if data is None else commitment(data, salt)
