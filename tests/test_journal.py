"""The journal on a party's disk: what a killed process leaves, and what nobody may change."""

import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgen.errors import ConfigError, InputError, Refused
from mpcgen.parties.journal import SALT_BYTES, Journal
from mpcgen.parties.records import Records
from mpcgen.parties.state import ENDED, JOURNAL, KEY, digest_of, plan_state

KEY_OF_TESTS = bytes(range(32))
PLAN = "ab" * 32
RECORDS = [b"first", b"", bytes(1000), b"last"]


def opened(path: Path, key: bytes = KEY_OF_TESTS, purpose: bytes = b"a plan") -> Journal:
    return Journal(path, key, purpose)


def kept(path: Path) -> list[bytes]:
    with opened(path) as journal:
        return [journal[n] for n in range(len(journal))]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of two processes, with two records each."""
    file = tmp_path / JOURNAL
    for records in (RECORDS[:2], RECORDS[2:]):
        with opened(file) as journal:
            for record in records:
                journal.append(record)
    return file


def test_records_outlive_their_process(path: Path) -> None:
    assert kept(path) == RECORDS
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_of_a_record_can_be_read(tmp_path: Path) -> None:
    with opened(tmp_path / JOURNAL) as journal:
        journal.append(b"genotypes of nobody" * 100)
    assert b"nobody" not in (tmp_path / JOURNAL).read_bytes()


def test_the_same_record_is_never_encrypted_alike(tmp_path: Path) -> None:
    """Nor where the disk has forgotten what a process wrote: the next one has another salt."""
    file = tmp_path / JOURNAL
    seen = set()
    for _ in range(4):
        with opened(file) as journal:
            before = file.stat().st_size
            for _ in range(4):
                journal.append(bytes(64))
            data = file.read_bytes()[before:]
        size = len(data) // 4
        seen |= {data[n * size : (n + 1) * size][-80:] for n in range(4)}
        os.truncate(file, before)
    assert len(seen) == 16


@settings(max_examples=60)
@given(cut=st.integers(0, 1 << 12))
def test_a_record_that_was_not_written_to_its_end_is_cut_off(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cut") / JOURNAL
    ends = []
    with opened(path) as journal:
        for record in RECORDS:
            ends.append(path.stat().st_size)
            journal.append(record)
        size = path.stat().st_size
    at = cut % size
    os.truncate(path, at)
    whole = sum(end <= at for end in ends[1:])
    assert kept(path) == RECORDS[:whole]
    with opened(path) as journal:
        journal.append(b"later")
    assert kept(path) == [*RECORDS[:whole], b"later"]


@settings(max_examples=60)
@given(place=st.integers(0, 1 << 12), flip=st.integers(1, 255))
def test_a_byte_that_was_changed_is_refused(
    place: int, flip: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("flip") / JOURNAL
    with opened(path) as journal:
        for record in RECORDS:
            journal.append(record)
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= flip
    path.write_bytes(data)
    with pytest.raises(InputError, match="is damaged, or was made under another storage key"):
        opened(path)


def parts(path: Path) -> list[bytes]:
    """A journal of one process: its beginning, then each record as it stands in the file."""
    with opened(path) as journal:
        places = [0, 1 + SALT_BYTES]
        for record in (b"one", b"two", b"six"):
            journal.append(record)
            places.append(path.stat().st_size)
    data = path.read_bytes()
    return [data[a:b] for a, b in pairwise(places)]


@pytest.mark.parametrize("order", [(0, 2, 3), (0, 1, 3), (0, 2, 1, 3), (0, 1, 1, 2, 3), (1, 2, 3)])
def test_records_are_neither_dropped_nor_swapped_nor_repeated(
    order: tuple[int, ...], tmp_path: Path
) -> None:
    path = tmp_path / JOURNAL
    found = parts(path)
    path.write_bytes(b"".join(found[n] for n in order))
    with pytest.raises(InputError, match="damaged"):
        opened(path)


def test_a_journal_is_of_one_key_and_one_plan(path: Path) -> None:
    with pytest.raises(InputError, match="another storage key"):
        opened(path, key=bytes(32))
    with pytest.raises(InputError, match="damaged"):
        opened(path, purpose=b"another plan")
    assert kept(path) == RECORDS


def test_a_link_is_no_journal(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(InputError, match="no journal can be kept"):
        opened(link)


def test_records_have_kinds_values_and_bytes(tmp_path: Path) -> None:
    with opened(tmp_path / JOURNAL) as journal:
        records = Records(journal)
        records.keep("opened", b"\x00\xff", op=3)
        records.keep("stage")
    with opened(tmp_path / JOURNAL) as journal:
        records = Records(journal)
        first, second = records
        assert (first.kind, first.values, bytes(records.data(0))) == (
            "opened",
            {"op": 3},
            b"\0\xff",
        )
        assert (second.kind, second.values, bytes(records.data(1))) == ("stage", {}, b"")


# The folder of a plan's state.


def test_one_process_at_a_time_has_a_plans_state(tmp_path: Path) -> None:
    again = plan_state(tmp_path, PLAN)
    with plan_state(tmp_path, PLAN), pytest.raises(Refused, match="another process runs this"):
        again.__enter__()
    with plan_state(tmp_path, PLAN), plan_state(tmp_path, "cd" * 32):
        pass


def test_a_study_that_has_ended_is_not_begun_again(tmp_path: Path) -> None:
    with plan_state(tmp_path, PLAN) as state:
        state.write("ef" * 32)
        assert state.has_written("ef" * 32)
        assert not state.has_written("00" * 32)
        state.end()
    assert not (tmp_path / PLAN / JOURNAL).exists()
    assert '"results_sha256": "efef' in (tmp_path / PLAN / ENDED).read_text()
    with plan_state(tmp_path, PLAN) as state:
        assert state.has_written("ef" * 32)
        with pytest.raises(Refused, match="has ended here, and is not run again"):
            _ = state.journal


def test_the_storage_key_is_made_once_for_this_user_alone(tmp_path: Path) -> None:
    with plan_state(tmp_path, PLAN):
        key = (tmp_path / KEY).read_bytes()
    with plan_state(tmp_path, "cd" * 32):
        assert (tmp_path / KEY).read_bytes() == key
    assert len(key) == 32
    assert (tmp_path / KEY).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / PLAN).stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([KEY, PLAN, "cd" * 32])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda path: path.chmod(0o644),
            r"others may read the storage key \(mode 644\); chmod 600",
        ),
        (lambda path: path.write_bytes(b"short"), "a storage key has 32 bytes, not 5"),
        (lambda path: path.rename(path.with_name("x")) and path.symlink_to("x"), "no storage key"),
    ],
)
def test_a_storage_key_of_another_kind_is_refused(
    spoil: object, words: str, tmp_path: Path
) -> None:
    with plan_state(tmp_path, PLAN):
        pass
    assert callable(spoil)
    spoil(tmp_path / KEY)
    with pytest.raises(ConfigError, match=words), plan_state(tmp_path, PLAN):
        pass


def test_the_digest_of_results_is_of_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = digest_of(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    second = digest_of(tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({first, second, digest_of(tmp_path)}) == 3
