"""How far one party has come in a study, as its journal says; it outlives the party's process.

    study       format, version, salt, and this party's commitment to its data; the last one counts
    epoch       it was about to begin it
    session     it did, with all parties, who had committed to their data as told
    confirmed   all saw the same openings: its results are good
    settled     all know that all have confirmed: nobody needs it any more
    failed      a check failed here, for this reason: the study is not begun again

Records about openings are in mpcgen.parties.openings. The study is bound to the journal by the keys
that are derived for it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpcgen
from mpcgen import codec
from mpcgen.errors import InputError, MpcgenError, Refused
from mpcgen.parties.journal import Journal
from mpcgen.parties.openings import Openings, UnreadOpenings
from mpcgen.parties.records import Record, Records
from mpcgen.parties.standing import ANOTHER_PLAN, Agreed, Standing, agree
from mpcgen.prg import fresh_bytes
from mpcgen.protocols.engines import ENGINES
from mpcgen.study.plan import Plan

FORMAT = 1
SALT_BYTES = 32
Commit = Callable[[bytes], bytes]
"""Salt -> a commitment to this party's data; empty where it brings none."""


class Checkpoint:
    """What one party has kept of a study, and what its sessions add.

    Raises:
        Refused: this party's data or program differ from those that the study was begun with, or
            the study has failed here.

    Attributes:
        agreed: where the present session goes on; None before all have met in it.
        confirmed, settled: see above.
    """

    def __init__(self, journal: Journal, plan: Plan, me: str, commit: Commit):
        self._records, self._plan, self._me = Records(journal), plan, me
        self.agreed: Agreed | None = None
        self.confirmed = self.settled = False
        self._epoch = self._met_in = 0
        self._commitments: dict[str, bytes] = {}  # of everybody, once all have met
        kept = list(self._records)
        first = self._first(kept, commit)
        self._inputs: bytes = first.values["inputs"]
        kind = UnreadOpenings if me == plan.dealer else Openings
        keeps_shares = ENGINES[plan.engine].keeps_shares
        self.openings = kind(self._records, first.values["salt"], keeps_shares=keeps_shares)
        for record in kept:
            self._take_in(record)

    def _first(self, kept: Sequence[Record], commit: Commit) -> Record:
        """What this party began the study with; before all have met it may begin otherwise."""
        begun = any(record.kind == "session" for record in kept)
        studies = [record for record in kept if record.kind == "study"]
        if studies:
            refusal = self._refusal(studies[-1].values, commit)
            if refusal is None:
                return studies[-1]
            if begun:
                raise refusal
        salt = fresh_bytes(SALT_BYTES)
        mine: dict[str, codec.Value] = {"version": mpcgen.__version__, "inputs": commit(salt)}
        return self._records.keep("study", b"", format=FORMAT, salt=salt, **mine)

    def _refusal(self, values: Mapping[str, Any], commit: Commit) -> MpcgenError | None:
        """Why this party does not go on with what it began."""
        if values["format"] != FORMAT:
            return InputError("the journal of this study has a form that is not known here")
        if values["version"] != mpcgen.__version__:
            return Refused(
                f"this study was begun with mpcgen {values['version']}, this is "
                f"{mpcgen.__version__}; end it with the version that it was begun with"
            )
        if commit(values["salt"]) != values["inputs"]:
            return Refused(
                f"the data of {self._me} differ from those that the study was begun with; put them "
                f"back as they were, or {ANOTHER_PLAN}"
            )
        return None

    def _take_in(self, record: Record) -> None:
        values = record.values
        match record.kind:
            case "epoch":
                self._epoch = values["epoch"]
            case "session":
                self._met_in = values["epoch"]
                self._commitments = self._commitments or dict(values["inputs"])
            case "confirmed":
                self.confirmed = True
            case "settled":
                self.settled = True
            case "study":
                pass
            case "failed":
                raise Refused(f"a check failed in this study: {values['why']}; {ANOTHER_PLAN}")
            case _:
                self.openings.take_in(record)

    def _keep(self, kind: str, **values: codec.Value) -> None:
        self._take_in(self._records.keep(kind, b"", **values))

    @property
    def begun(self) -> bool:
        """Whether all parties have met before and kept journals."""
        return self._met_in > 0

    @property
    def epoch(self) -> int:
        """The present epoch, or the last one."""
        return self._epoch

    @property
    def standing(self) -> Standing:
        """How far this party has come."""
        openings = self.openings
        return Standing(
            epoch=self._epoch,
            inputs=self._inputs,
            opened=openings.known,
            last=openings.last.epoch,
            prepared=openings.next.epoch,
            sending=openings.next.sending,
            stages=openings.stages,
        )

    def leave(self) -> None:
        """No session goes on at present."""
        self.agreed = None

    def meet(self, standings: Mapping[str, Standing]) -> Agreed:
        """Find out where the parties go on, and keep that a new epoch begins.

        Args:
            standings: of all parties, in the plan's order.

        Raises:
            Refused: they cannot go on.
        """
        self._check_past(standings)
        keeps_shares = ENGINES[self._plan.engine].keeps_shares
        agreed = agree(standings, self._plan.dealer, keeps_shares=keeps_shares)
        self._keep("epoch", epoch=agreed.epoch)
        return agreed

    def _check_past(self, standings: Mapping[str, Standing]) -> None:
        """Nobody goes back in epochs, or brings other data than before."""
        for name, each in standings.items():
            if each.epoch < self._met_in:
                raise Refused(
                    f"{name} has last begun epoch {each.epoch} of this study, and was in epoch "
                    f"{self._met_in}: its state folder is older than that; put the newest one "
                    f"back, or {ANOTHER_PLAN}"
                )
            if self._commitments and each.inputs != self._commitments[name]:
                raise Refused(
                    f"the data of {name} differ from those that the study was begun with; it puts "
                    f"them back as they were, or {ANOTHER_PLAN}"
                )

    def begin(self, agreed: Agreed, standings: Mapping[str, Standing]) -> None:
        """All parties have met, and agree."""
        inputs = {name: each.inputs for name, each in standings.items()}
        self._keep("session", epoch=agreed.epoch, inputs=inputs)
        self.agreed = agreed
        self.openings.begin(agreed)

    def begin_alone(self) -> None:
        """Tell again what was confirmed; nobody else is needed."""
        standing = self.standing
        self.openings.begin(Agreed(self._epoch, standing.opened, False, standing.stages))

    def confirm(self) -> None:
        """Keep that all parties saw the same."""
        if not self.confirmed:
            self._keep("confirmed")

    def settle(self) -> None:
        """Keep that all parties have confirmed."""
        self._keep("settled")

    def fail(self, why: str) -> None:
        """Keep that a check failed: nothing more of this study is opened."""
        self._records.keep("failed", why=why)
