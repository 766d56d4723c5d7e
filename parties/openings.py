"""A party's own openings in its journal: its shares, that all were ready, the values.

Its records, by kind:

    prepared    op, epoch, and the bytes of its shares
    sending     op, stage, and what every other party committed to have given to this stage
    opened      op, and the bytes of the values
    given       label, and a commitment to what this party gave under it
    stage       it has finished one more
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mpcgen import codec
from mpcgen.errors import Abort, InputError, Refused
from mpcgen.keeper import TOKEN_BYTES
from mpcgen.parties.records import Record, Records
from mpcgen.parties.standing import ANOTHER_PLAN, Agreed
from mpcgen.protocols.dealer import as_if_opened
from mpcgen.ring import Array
from mpcgen.secret import Secret, Sized, parts_of, split, with_parts

_NOTHING_GIVEN = bytes(TOKEN_BYTES)


@dataclass
class _Op:
    """What is kept of one opening; numbers of records, None where there is none."""

    epoch: int = 0
    shares: int | None = None
    sending: bool = False
    values: int | None = None


class Openings:
    """Keeps what one party opens; a `Keeper`.

    Args:
        salt: of its commitments.
        keeps_shares: whether the engine's shares can be sent in a later epoch.
    """

    def __init__(self, records: Records, salt: bytes, *, keeps_shares: bool):
        self._records, self._salt, self._keeps_shares = records, salt, keeps_shares
        self._ops: list[_Op] = []
        self._given: dict[str, bytes] = {}
        self._tokens: dict[int, dict[str, bytes]] = {}  # of the others, in one stage
        self.stages = 0
        self._at, self._stage, self._agreed = 0, 0, Agreed(0, 0, False, 0)
        self._here: list[bytes] = []  # commitments to what is given in this stage

    # What was kept.

    def take_in(self, record: Record) -> None:
        """One of its records, as it was kept before."""
        values = record.values
        match record.kind:
            case "prepared":
                op = self._op(values["op"])
                op.epoch, op.shares, op.sending = values["epoch"], record.number, False
            case "sending":
                self._op(values["op"]).sending = True
                self._tokens = {values["stage"]: dict(values["tokens"])}
            case "opened":
                self._op(values["op"]).values = record.number
            case "given":
                self._given[values["label"]] = values["commitment"]
            case "stage":
                self.stages += 1

    def _op(self, n: int) -> _Op:
        while len(self._ops) <= n:
            self._ops.append(_Op())
        return self._ops[n]

    @property
    def known(self) -> int:
        """How many openings it knows."""
        return sum(op.values is not None for op in self._ops)

    @property
    def last(self) -> _Op:
        """The last of these."""
        return self._ops[self.known - 1] if self.known else _Op()

    @property
    def next(self) -> _Op:
        """The one after it."""
        return self._ops[self.known] if len(self._ops) > self.known else _Op()

    # A session.

    def begin(self, agreed: Agreed) -> None:
        """Go on where all parties have agreed to."""
        self._agreed, self._at, self._stage = agreed, 0, agreed.stages
        self._here = []

    def end_stage(self) -> None:
        """A stage has ended that was not finished by all before."""
        self._stage += 1
        self._here = []
        if self._stage > self.stages:
            self._keep("stage")

    def given(self, label: str, values: bytes) -> None:
        """Note what this party is about to share, or refuse something else than before."""
        content = hashlib.sha256(values).digest()
        commitment = codec.digest("mpcgen input", self._salt, label, content)
        before = self._given.get(label)
        if before is None:
            self._keep("given", label=label, commitment=commitment)
        elif before != commitment:
            raise Refused(
                f"what is given here as {label} differs from what was given in the session that "
                f"broke off; put the data back as they were, or {ANOTHER_PLAN}"
            )
        self._here.append(commitment)

    def answer(self, like: Sequence[Sized]) -> list[Array] | None:
        """The values of the next opening, where all parties know them."""
        if self._at >= self._agreed.opened:
            return None
        values = self._ops[self._at].values
        assert values is not None, "all parties know it"
        self._at += 1
        data = self._records.data(values)
        _expect_length(data, sum(x.nbytes for x in like))
        return split(data, like)

    def prepare(self, secrets: Sequence[Secret]) -> list[Secret]:
        """Keep this party's shares of the next opening; those kept before where they may be out."""
        if self._agreed.again and self._at == self._agreed.opened:
            shares = self._ops[self._at].shares
            assert shares is not None, "all parties have kept theirs"
            data = self._records.data(shares)
            _expect_length(data, len(parts_of(secrets)))
            return with_parts(secrets, data)
        if self._op(self._at).sending:
            raise Refused(
                f"shares of opening {self._at + 1} may have been sent in an earlier session, and "
                f"are not made anew; {ANOTHER_PLAN}"
            )
        parts = parts_of(secrets) if self._keeps_shares else b""
        self._keep("prepared", parts, op=self._at, epoch=self._agreed.epoch)
        return list(secrets)

    @property
    def token(self) -> bytes:
        """A commitment to what this party gave in this stage."""
        return codec.digest("mpcgen inputs", *self._here) if self._here else _NOTHING_GIVEN

    def all_ready(self, tokens: Mapping[str, bytes]) -> None:
        """Keep that all are ready, if each gave what it had given before."""
        for party, token in self._tokens.get(self._stage, {}).items():
            if tokens[party] != token:
                raise Abort(f"{party} gives something else than in the session that broke off")
        op = self._op(self._at)
        if not op.sending:
            self._keep("sending", op=self._at, stage=self._stage, tokens=dict(tokens))

    def opened(self, values: bytes) -> None:
        """Keep what was opened; what was known before must be the same."""
        before = self._ops[self._at].values
        if before is None:
            self._keep("opened", values, op=self._at)
        elif self._records.data(before) != values:
            raise Abort("what was opened again is not what it was before")
        self._at += 1

    def _keep(self, kind: str, data: bytes = b"", **values: codec.Value) -> None:
        self.take_in(self._records.keep(kind, data, **values))


class UnreadOpenings(Openings):
    """A dealer's: it learns nothing of what is opened, and goes on as if all bits were 1."""

    def answer(self, like: Sequence[Sized]) -> list[Array] | None:
        """What stands for the next opening, where all parties know it."""
        if self._at >= self._agreed.opened:
            return None
        self._at += 1
        return [as_if_opened(x) for x in like]

    def prepare(self, secrets: Sequence[Secret]) -> list[Secret]:
        """It has no shares."""
        return list(secrets)

    def opened(self, values: bytes) -> None:  # noqa: ARG002
        """It has no values."""
        self._at += 1

    def end_stage(self) -> None:
        """It runs ahead of the others, and keeps none."""


def _expect_length(data: memoryview, length: int) -> None:
    if data.nbytes != length:
        raise InputError("the journal does not fit this study: it is of another version of mpcgen")
