"""One institution's party: takes its seat in a session and returns what was opened."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

from mpcgen.cost import Cost
from mpcgen.errors import ConfigError
from mpcgen.leakage import Opening
from mpcgen.net.channel import AbortReason, Channel
from mpcgen.parties.owner import OwnData, Warn, open_study_data
from mpcgen.parties.releases import recording
from mpcgen.parties.session import Approvals, open_session, unapproved
from mpcgen.prg import Prg
from mpcgen.study.institution import InstitutionConfig
from mpcgen.study.loop import Part, Progress, check_people, compute, open_people
from mpcgen.study.policy_check import refuse_unless_permitted
from mpcgen.study.study import Study

Consume = Callable[[Iterator[Part], Mapping[str, int]], None]


@dataclass(frozen=True)
class Session:
    """What a finished session tells about itself; costs are this party's.

    Attributes:
        people: joint number of people in each group.
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
) -> Session:
    """Run a study as one of its institutions.

    Everything local is read and checked before the first connection is made, the institution's
    policy first.

    Args:
        connect: makes the channel to the other parties.
        consume: takes result tables as they come, and the joint group sizes. What it writes is
            final only after it returns: by then all parties have seen the same openings. A dealer
            has nothing to consume.
        own: this party's generator; fresh unless a test gives one.
        approvals: checks that everybody has approved; a rehearsal has none.
        warn: told what may not be meant in this institution's data; it concerns nobody else.
        signed: identities of institutions that agree to come or go, for this one's ledger.

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
    with (
        source as data,
        recording(study, config, data, signed, warn) as record,
        connect() as channel,
    ):
        with _telling(channel):
            session, box = open_session(channel, study, own or Prg.fresh(), approvals)
            record.begin(session, box.leakage)
            before = _sent(channel)
            opened = open_people(study, box, None if data is None else data.sizes)
        # Untold: everybody sees the same, and says why by itself.
        deals = config.name == plan.dealer
        people = {} if deals else check_people(study, opened)
        with _telling(channel):
            genotypes = None if data is None else data.genotypes
            parts = record.watch(compute(study, box, genotypes, progress))
            (ignore if deals else consume)(parts, people)
        record.finish()
        return Session(
            id=session,
            people=people,
            declared=box.declared,
            sent_bytes=_sent(channel) - before,
            framing_bytes=sum(traffic.framing for traffic in channel.sent.values()),
            seconds=time.monotonic() - began,
            opened=tuple(box.leakage.opened),
        )


def ignore(parts: Iterator[Part], _people: Mapping[str, int]) -> None:
    """Take part to the end, and keep nothing of what is opened."""
    for _part in parts:
        pass


@contextmanager
def _telling(channel: Channel) -> Iterator[None]:
    """Tell the other parties when this one stops."""
    try:
        yield
    except BaseException as error:
        channel.abort(AbortReason.of(error))
        raise


def _sent(channel: Channel) -> int:
    return sum(traffic.bytes for traffic in channel.sent.values())
