"""The handshake: nobody shares anything before all agree on what to run, and with whom.

1. everybody -> everybody   plan, approvals, sites, version, engine, and a fresh nonce
2. session id <- hash of all greetings, in the plan's order; it stands in every later message
3. everybody -> everybody   nothing, in that session: all heard the same; whoever refuses may stop
4. engine set-up             fresh keys, mixed with the session id and the epoch

A party that keeps a journal says in its greeting how far it has come. Where all do, they agree by
what all have said on the epoch and on where to go on, and keep both, before anybody is heard.

Nobody goes beyond 3 before it has heard from everybody, and nobody is heard before it has bound the
session: so a party that has not is sent nothing but 1 and 3, and need not keep what is larger.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import mpcgen
from mpcgen import codec
from mpcgen.abb import Box
from mpcgen.errors import Abort, BadMessage, Refused, TransportError
from mpcgen.leakage import Leakage
from mpcgen.net.channel import Channel
from mpcgen.parties.checkpoint import Checkpoint
from mpcgen.parties.standing import Standing
from mpcgen.prg import Prg
from mpcgen.protocols.engines import ENGINES

if TYPE_CHECKING:
    from mpcgen.study.study import Study

SESSION_BYTES = 16
NONCE_BYTES = 32
STATE = "state"  # in the greeting of a party that keeps a journal

Approvals = Callable[[], Sequence[str]]  # SHA-256 of each approval's file, in the plan's order

_WHAT = {
    "plan": "the plan's SHA-256",
    "sites": "the site list's SHA-256",
    "version": "the version of mpcgen",
    "engine": "the engine",
    "test": "whether the run is a test with a fixed seed",
}


def unapproved() -> Sequence[str]:
    """The approvals of a rehearsal: there are none."""
    return ()


def open_session(
    channel: Channel,
    study: "Study",
    own: Prg,
    approvals: Approvals = unapproved,
    checkpoint: Checkpoint | None = None,
) -> tuple[bytes, Box]:
    """Agree on the study with every party and set up the engine.

    Args:
        own: this party's generator, fresh in every session.
        approvals: checks them; asked again when all have come, which may be much later.
        checkpoint: what this party has kept of the study; told where the session goes on.

    Returns:
        The session's id and this party's box.

    Raises:
        Refused: a party runs something else, or cannot go on; the message says what differs.
        ApprovalError: an approval does not hold any more.
        TransportError: a party did not come, or was lost.
    """
    if own.fixed and channel.real:
        raise Refused("a fixed seed is for tests in one process; no real transport takes it")
    plan = study.plan
    mine: dict[str, codec.Value] = {
        "plan": plan.sha256,
        "approvals": list(approvals()),
        "sites": plan.sites_sha256,
        "version": mpcgen.__version__,
        "engine": plan.engine,
        "test": own.fixed,
    }
    greeting = {**mine, "nonce": own.draw_bytes("nonce", 0, NONCE_BYTES)}
    if checkpoint is not None:
        greeting[STATE] = checkpoint.standing.value()
    hello = codec.encode(greeting)
    came = channel.exchange(
        "hello", dict.fromkeys(channel.peers, hello), dict.fromkeys(channel.peers, None)
    )
    transcript = [(came | {channel.me: hello})[name] for name in plan.names]
    session = codec.digest("mpcgen session", list(plan.names), transcript)[:SESSION_BYTES]
    channel.bind_session(session)
    keeps = checkpoint is not None
    refusals = [_refusal(channel.me, plan.names, mine, *said, keeps=keeps) for said in came.items()]
    if list(approvals()) != mine["approvals"]:
        refusals.append(Refused("an approval was replaced while the others were waited for"))
    refusal = next(filter(None, refusals), None)
    epoch = 0
    if checkpoint is None or refusal is not None:
        _hear_out(channel, refusal)
    else:
        standings = {peer: _standing(peer, said) for peer, said in came.items()}
        standings[channel.me] = checkpoint.standing
        epoch = _go_on(channel, checkpoint, {name: standings[name] for name in plan.names})
    leakage, seat = Leakage(study.manifest()), plan.seat(channel.me)
    return session, ENGINES[plan.engine].set_up(channel, seat, leakage, session, epoch, own)


def _go_on(channel: Channel, checkpoint: Checkpoint, standings: Mapping[str, Standing]) -> int:
    """Keep what all parties agree on, and begin with them; the epoch."""
    agreed, refusal = None, None
    try:
        agreed = checkpoint.meet(standings)
    except Refused as error:
        refusal = error
    _hear_out(channel, refusal)
    assert agreed is not None, "else it was refused"
    checkpoint.begin(agreed, standings)
    return agreed.epoch


def _standing(peer: str, greeting: bytes) -> Standing:
    """How far a peer has come; its greeting was looked at before, and it keeps a journal."""
    theirs = codec.decode(greeting)
    assert isinstance(theirs, dict)
    return Standing.read(peer, theirs[STATE])


def _refusal(
    me: str,
    names: Sequence[str],
    mine: Mapping[str, codec.Value],
    peer: str,
    greeting: bytes,
    *,
    keeps: bool,
) -> Refused | None:
    """What to say to a peer that runs something else.

    All keep journals or nobody does: beside one that says it keeps none, whoever does would have
    to open without, and could be made to open again with other data.

    Args:
        keeps: whether this party keeps a journal.

    Raises:
        BadMessage: its greeting has another form.
    """
    try:
        theirs = codec.decode(greeting)
    except BadMessage as error:
        raise BadMessage(f"{peer} greets with {error}") from None
    if not isinstance(theirs, dict) or theirs.keys() - {STATE} != {*mine, "nonce"}:
        raise BadMessage(f"{peer} greets in a form that {me} does not know")
    nonce = theirs["nonce"]
    if not isinstance(nonce, bytes) or len(nonce) != NONCE_BYTES:
        raise BadMessage(f"{peer} greets without a nonce of {NONCE_BYTES} bytes")
    for key, value in mine.items():
        if codec.encode(theirs[key]) == codec.encode(value):
            continue
        if key == "approvals":
            return Refused(_other_approvals(me, names, value, peer, theirs[key]))
        return Refused(
            f"{_WHAT[key]} differs: {me} has {value!r}, {peer} has {theirs[key]!r:.80}; "
            "every institution runs the same plan, sites and version"
        )
    if (STATE in theirs) != keeps:
        with_, without = (me, peer) if keeps else (peer, me)
        return Refused(
            f"{with_} keeps a journal of the study and {without} does not: give the configuration "
            f"of {without} a [state] folder, as it was where there was one"
        )
    return None


def _other_approvals(
    me: str, names: Sequence[str], mine: codec.Value, peer: str, theirs: codec.Value
) -> str:
    """What to say where a peer runs under other approvals than this party."""
    if not mine or not theirs:
        which = me if theirs else peer
        return f"{which} rehearses, without approvals; a study runs with them at every institution"
    differing: list[str] = []
    if isinstance(mine, list) and isinstance(theirs, list):
        differing = [n for n, a, b in zip(names, mine, theirs, strict=False) if a != b]
    whose = f" of {', '.join(differing)}" if differing else ""
    return (
        f"the approvals{whose} that {me} and {peer} have differ; `mpcgen study receive` takes in "
        "the files that others send, so that all have the same"
    )


def _hear_out(channel: Channel, refusal: Refused | None) -> None:
    """Let everybody hear everybody before the first one stops, and that all heard the same.

    An abort can overtake another party's greeting; whom it reaches could not say what differs. One
    that greets others in other words would have them keep other epochs: it puts them in different
    sessions, and the channel tells.

    Raises:
        Refused: the given refusal.
        BadMessage: a peer was greeted otherwise.
    """
    peers = channel.peers
    try:
        channel.exchange("heard", dict.fromkeys(peers, b""), dict.fromkeys(peers, 0))
    except (Abort, TransportError):
        if refusal is None:
            raise
    if refusal is not None:
        raise refusal
