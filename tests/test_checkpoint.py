"""What a party keeps of a study, and when it refuses to go on."""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mpcgen
from mpcgen.abb import Seat
from mpcgen.errors import Abort, BadMessage, PartyStopped, Refused
from mpcgen.leakage import Leakage
from mpcgen.net.channel import Channel
from mpcgen.parties import checkpoint as checkpoints
from mpcgen.parties.checkpoint import Checkpoint
from mpcgen.parties.commitment import commitment
from mpcgen.parties.journal import Journal
from mpcgen.parties.openings import Openings
from mpcgen.parties.owner import open_study_data
from mpcgen.parties.party import Session, ignore, take_part
from mpcgen.parties.records import Records
from mpcgen.parties.standing import Agreed, Standing
from mpcgen.protocols.clear import Clear
from mpcgen.ring import Z2_32
from mpcgen.secret import Secret, parts_of
from mpcgen.study.institution import read_config
from mpcgen.study.load import load_study
from mpcgen.study.plan import Plan
from mpcgen.study.study import Study
from tests import small, studies
from tests.outcomes import SentBy, everybody, outcomes
from tests.studies import Rules

KEY = bytes(range(32))
FOUR = ("A", "B", "C", "D")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return load_study(small.lay_out(tmp_path, studies.OF_ALL))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal", KEY, b"a plan") as opened:
        yield opened


def kept(journal: Journal, plan: Plan, data: bytes = b"data", me: str = "A") -> Checkpoint:
    """As a new process would have it."""
    return Checkpoint(journal, plan, me, lambda salt: salt + data)


def meet(party: Checkpoint, **others: Standing) -> Agreed:
    """What a party agrees on with others, who have come as far as it if nothing else is said."""
    standings = dict.fromkeys(("A", "B", "C"), party.standing) | others
    agreed = party.meet(standings)
    party.begin(agreed, standings)
    return agreed


# Epochs, and what the parties bring


def test_each_session_is_another_epoch_though_its_process_died(
    study: Study, journal: Journal
) -> None:
    for epoch in (1, 2, 3):
        party = kept(journal, study.plan)
        assert meet(party) == Agreed(epoch, 0, False, 0)
    assert meet(party, B=dataclasses.replace(party.standing, epoch=7)) == Agreed(8, 0, False, 0)


def test_an_epoch_is_kept_before_a_session_begins(study: Study, journal: Journal) -> None:
    party = kept(journal, study.plan)
    assert party.meet(dict.fromkeys("ABC", party.standing)) == Agreed(1, 0, False, 0)
    again = kept(journal, study.plan)
    assert (again.standing.epoch, again.begun) == (1, False)


def test_nobody_goes_back_in_epochs(study: Study, journal: Journal) -> None:
    party = kept(journal, study.plan)
    before = party.standing
    meet(party)
    meet(kept(journal, study.plan))
    party = kept(journal, study.plan)
    words = "B has last begun epoch 0 of this study, and was in epoch 2: its state folder is older"
    with pytest.raises(Refused, match=words):
        meet(party, B=before)


def test_data_that_changed_are_refused_at_home(study: Study, journal: Journal) -> None:
    meet(kept(journal, study.plan))
    with pytest.raises(Refused, match="the data of A differ from those that the study was begun"):
        kept(journal, study.plan, b"other data")
    kept(journal, study.plan)


def test_data_may_change_until_all_have_met(study: Study, journal: Journal) -> None:
    first = kept(journal, study.plan).standing.inputs
    second = kept(journal, study.plan, b"other data").standing.inputs
    assert first.endswith(b"data")
    assert second.endswith(b"other data")
    meet(kept(journal, study.plan, b"other data"))
    with pytest.raises(Refused, match="the data of A differ"):
        kept(journal, study.plan)


def test_data_that_changed_are_refused_by_the_others(study: Study, journal: Journal) -> None:
    party = kept(journal, study.plan)
    meet(party)
    party = kept(journal, study.plan)
    with pytest.raises(Refused, match="the data of B differ from those that the study was begun"):
        meet(party, B=dataclasses.replace(party.standing, inputs=b"other data"))


def test_a_study_ends_with_the_version_that_it_was_begun_with(
    study: Study, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(kept(journal, study.plan))
    monkeypatch.setattr(checkpoints, "mpcgen", type("Other", (), {"__version__": "9.9"}))
    words = f"was begun with mpcgen {mpcgen.__version__}, this is 9.9"
    with pytest.raises(Refused, match=words):
        kept(journal, study.plan)


def test_a_check_that_failed_is_not_tried_again(study: Study, journal: Journal) -> None:
    kept(journal, study.plan).fail("B sent a wrong share")
    with pytest.raises(Refused, match=r"a check failed .*: B sent a wrong share; a new plan is"):
        kept(journal, study.plan)


def test_a_commitment_is_to_everything_that_is_counted(study: Study) -> None:
    config = read_config(study.plan.path.with_name("A.toml"))
    assert config.data is not None
    bed, fam = config.data.file(".bed"), config.data.file(".fam")

    def found(salt: bytes = bytes(32)) -> bytes:
        with open_study_data(config, study) as data:
            return commitment(data, salt)

    first = found()
    assert found() == first
    assert found(bytes(31) + b"1") != first
    content, lines = bytearray(bed.read_bytes()), fam.read_text()
    content[-1] ^= 1
    bed.write_bytes(content)
    assert found() != first
    content[-1] ^= 1
    bed.write_bytes(content)
    assert found() == first
    fam.write_text(lines.replace("\t1\t", "\t2\t", 1))
    assert found() != first


# Openings


def box() -> Clear:
    class Nobody:
        def exchange(self, *_: object) -> dict[str, bytes]:
            return {}

    return Clear(Nobody(), Seat("A", ("A",), ("A",), ("A",)), Leakage(()))


def secrets(*values: int) -> list[Secret]:
    return [box().constant(Z2_32, Z2_32.encode(np.array([value]))) for value in values]


def taken_up(journal: Journal, agreed: Agreed, *, keeps_shares: bool = True) -> Openings:
    """A party's openings, as a new process that goes on has them."""
    records = Records(journal)
    openings = Openings(records, b"salt", keeps_shares=keeps_shares)
    for record in records:
        openings.take_in(record)
    openings.begin(agreed)
    return openings


def values_of(openings: Openings, number: int) -> Any:
    answer = openings.answer(secrets(*range(number)))
    return None if answer is None else [int(Z2_32.signed(x)[0]) for x in answer]


FRESH = Agreed(1, 0, False, 0)


def test_shares_that_may_be_out_are_sent_again_and_no_others(journal: Journal) -> None:
    first = taken_up(journal, FRESH)
    assert first.answer(secrets(0)) is None
    first.prepare(secrets(1, 2))
    first.all_ready({"B": b"b"})
    again = taken_up(journal, Agreed(2, 0, True, 0))
    assert parts_of(again.prepare(secrets(8, 9))) == parts_of(secrets(1, 2))
    again.all_ready({"B": b"b"})
    again.opened(b"values")
    assert [record.kind for record in Records(journal)] == ["prepared", "sending", "opened"]
    assert bytes(Records(journal).data(2)) == b"values"


def test_shares_that_nobody_has_are_made_afresh(journal: Journal) -> None:
    taken_up(journal, FRESH).prepare(secrets(1))
    again = taken_up(journal, Agreed(2, 0, False, 0))
    assert (again.next.epoch, again.next.sending) == (1, False)
    assert parts_of(again.prepare(secrets(9))) == parts_of(secrets(9))
    assert (again.next.epoch, again.next.sending) == (2, False)


def test_what_all_know_is_answered_and_the_rest_is_opened(journal: Journal) -> None:
    first = taken_up(journal, FRESH)
    for value in (5, 6):
        first.prepare(secrets(value))
        first.all_ready({})
        first.opened(parts_of(secrets(value)))
    again = taken_up(journal, Agreed(2, 1, True, 0))
    assert values_of(again, 1) == [5]
    assert values_of(again, 1) is None
    assert parts_of(again.prepare(secrets(7))) == parts_of(secrets(6))
    with pytest.raises(Abort, match="what was opened again is not what it was before"):
        again.opened(parts_of(secrets(7)))


def test_what_is_given_again_must_be_the_same(journal: Journal) -> None:
    first = taken_up(journal, FRESH)
    first.given("people", b"1234")
    token = first.token
    again = taken_up(journal, Agreed(2, 0, False, 0))
    assert again.token == bytes(32)
    again.given("people", b"1234")
    assert again.token == token
    assert token not in (bytes(32), b"1234")
    with pytest.raises(Refused, match="what is given here as people differs from what was given"):
        taken_up(journal, Agreed(2, 0, False, 0)).given("people", b"1235")


def test_what_others_give_again_must_be_the_same(journal: Journal) -> None:
    first = taken_up(journal, FRESH)
    first.prepare(secrets(1))
    first.all_ready({"B": b"b", "C": b"c"})
    again = taken_up(journal, Agreed(2, 0, True, 0))
    again.prepare(secrets(1))
    with pytest.raises(Abort, match="C gives something else than in the session that broke off"):
        again.all_ready({"B": b"b", "C": b"d"})


def test_of_another_stage_others_give_something_else(journal: Journal) -> None:
    first = taken_up(journal, FRESH)
    for token in (b"b", b"c"):
        first.prepare(secrets(1))
        first.all_ready({"B": token})
        first.opened(b"")
        first.end_stage()
    assert first.stages == 2


def test_shares_under_keys_of_a_session_are_not_kept(journal: Journal) -> None:
    taken_up(journal, FRESH, keeps_shares=False).prepare(secrets(1))
    assert bytes(Records(journal).data(0)) == b""


# Whole sessions, in threads


def run(
    study: Study,
    folder: Path,
    without: tuple[str, ...] = (),
    wrap: Callable[[Channel], None] = lambda _channel: None,
    log: SentBy | None = None,
) -> Mapping[str, Session | BaseException]:
    """Every party with a journal, but for some."""

    def part(channel: Channel) -> Session:
        wrap(channel)
        config = read_config(study.plan.path.with_name(f"{channel.me}.toml"))
        with ExitStack() as stack:
            journal = None
            if channel.me not in without:
                path = folder / f"{channel.me}.journal"
                journal = stack.enter_context(Journal(path, KEY, b"a plan"))
            connect = lambda: channel  # noqa: E731
            return take_part(study, config, connect, ignore, journal=journal)

    return outcomes(study.plan.names, part, log=log)


def kinds(folder: Path, name: str) -> list[str]:
    with Journal(folder / f"{name}.journal", KEY, b"a plan") as journal:
        return [record.kind for record in Records(journal)]


@pytest.mark.parametrize("engine", ["replicated", "replicated4", "additive", "spdz2k", "clear"])
def test_a_session_with_journals_costs_what_it_declares(engine: str, tmp_path: Path) -> None:
    names = studies.NAMES if engine in ("replicated", "clear") else FOUR
    dealer = "D" if engine in ("additive", "spdz2k") else None
    computing = names[:1] if engine == "clear" else names if dealer is None else names[:3]
    rules = Rules(engine, computing, dealer=dealer)
    study = load_study(small.lay_out(tmp_path, studies.OF_ALL, rules, names))
    sessions = everybody(run(study, tmp_path))
    for name, session in sessions.items():
        assert session.sent_bytes == session.declared.sent.get(name, 0)
        assert session.epoch == 1
        found = kinds(tmp_path, name)
        assert found[:3] == ["study", "epoch", "session"]
        assert found[-2:] == ["confirmed", "settled"]
        openings = 0 if name == dealer else 2
        for kind in ("prepared", "sending", "opened", "stage"):
            assert found.count(kind) == openings
        assert found.count("given") == openings


@pytest.mark.parametrize("without", [("C",), ("A", "B")])
def test_all_parties_keep_journals_or_none_does(
    study: Study, tmp_path: Path, without: tuple[str, ...]
) -> None:
    ended = run(study, tmp_path, without=without)
    for error in ended.values():
        assert isinstance(error, Refused), ended
        assert re.search("keeps a journal of the study and [ABC] does not: give the", str(error))
    with_ = set("ABC") - set(without)
    assert all(kinds(tmp_path, name) == ["study"] for name in with_)


def test_no_party_sends_a_share_of_an_opening_before_all_are_ready(
    study: Study, tmp_path: Path
) -> None:
    log = SentBy()
    everybody(run(study, tmp_path, log=log))
    for sent in log.by.values():
        labels = [label.partition("#")[0] for _, label, _ in sent]
        openings = [n for n, label in enumerate(labels) if label == "open"]
        assert openings
        assert all(labels[n - 2 : n] == ["ready", "ready"] for n in openings)


def test_after_a_check_that_failed_the_study_is_not_begun_again(tmp_path: Path) -> None:
    """B alters a share of the result that it sends: who notices has the journal say so."""
    rules = Rules("replicated4", FOUR)
    study = load_study(small.lay_out(tmp_path, studies.OF_ALL, rules, FOUR))

    def cheat(channel: Channel) -> None:
        honest = channel._send

        def send(peer: str, label: str, payload: Any) -> None:
            spoil = label.startswith("open#") and len(payload) > 32
            honest(peer, label, bytes([payload[0] ^ 1]) + payload[1:] if spoil else payload)

        if channel.me == "B":
            channel._send = send  # type: ignore[method-assign]

    ended = run(study, tmp_path, wrap=cheat)
    failed = [name for name, error in ended.items() if type(error) is Abort]
    assert failed
    assert set(failed) <= {"A", "C", "D"}
    for name in failed:
        assert kinds(tmp_path, name)[-1] == "failed"
    again = run(study, tmp_path)
    for name, error in again.items():
        if name in failed:
            assert isinstance(error, Refused)
            assert "a check failed in this study" in str(error)
        else:
            assert isinstance(error, PartyStopped | BadMessage)
