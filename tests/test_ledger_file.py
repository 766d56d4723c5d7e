"""The ledger on the disk: its chain, its key, its sets, and what a crash leaves."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mpcgen.errors import ConfigError, LedgerError
from mpcgen.study.ledger import KEY, LEDGER, SETS, Ledger
from mpcgen.study.ledger_file import opened
from tests import small
from tests.ledgers import Wanted, ledger_in, run

FIRST = Wanted(range(40), range(40, 100))
OTHERS = Wanted(range(200, 240), range(240, 300))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger's with two releases."""
    ledger = ledger_in(tmp_path)
    run(ledger, FIRST)
    run(ledger, OTHERS)
    return ledger.folder


def assert_broken(folder: Path, words: str) -> None:
    """Neither a run nor anybody else takes the ledger."""
    with pytest.raises((LedgerError, ConfigError), match=re.escape(words)):
        asked(folder)
    assert (
        words.partition("|")[0].partition(".*")[0]
        in small.command("ledger", "verify", folder).output
    )


def asked(folder: Path) -> None:
    """What a run asks before it starts."""
    ledger = Ledger.open(folder, "A")
    ledger.check(Wanted(range(100)).release(ledger))


def test_every_changed_byte_is_found(folder: Path) -> None:
    path = folder / LEDGER
    whole = path.read_bytes()
    for at in [*range(0, len(whole) - 1, 37), len(whole) - 2]:
        changed = bytearray(whole)
        changed[at] ^= 1
        path.write_bytes(changed)
        with pytest.raises(LedgerError, match=r"the chain is broken|no ledger of"):
            asked(folder)
    path.write_bytes(whole)


@pytest.mark.parametrize("line", range(4))
def test_a_row_that_is_gone_or_moved_breaks_the_chain(folder: Path, line: int) -> None:
    path = folder / LEDGER
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:line], *lines[line + 1 :]]))
    assert_broken(folder, "the chain is broken here")
    lines[line : line + 2] = reversed(lines[line : line + 2])
    path.write_bytes(b"".join(lines))
    assert_broken(folder, "the chain is broken here")


@pytest.mark.parametrize("left", [1, 100, -1])
def test_a_torn_line_is_told_kept_and_no_release(tmp_path: Path, left: int) -> None:
    ledger = ledger_in(tmp_path)
    run(ledger, FIRST)
    whole = ledger.path.read_bytes()
    run(ledger, OTHERS)
    line = ledger.path.read_bytes()[len(whole) :].splitlines()[0]
    torn = line[:left]
    ledger.path.write_bytes(whole + torn)
    told: list[str] = []
    again = Ledger.open(ledger.folder, "A", told.append)
    assert "a crash tore it" in told[0]
    assert "a crash tore it" in small.succeeded("ledger", "verify", ledger.folder)
    run(again, Wanted(range(205, 300)))
    assert ledger.path.read_bytes().startswith(whole + torn + b"\n")
    assert ledger_in(tmp_path).path.read_bytes() == ledger.path.read_bytes()
    shown = small.succeeded("ledger", "show", ledger.folder)
    assert f"the line before was torn by a crash ({len(torn)} bytes)" in shown
    assert "WARNING" not in shown


def test_who_writes_waits_for_who_writes(folder: Path) -> None:
    """Nobody comes between a check and its row."""
    code = f"""
import fcntl, os
file = os.open({str(folder / LEDGER)!r}, os.O_RDWR)
try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("taken")
"""
    with opened(folder / LEDGER):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
    assert done.stdout == "taken\n"


def test_a_key_that_is_lost_changed_or_open_to_others(folder: Path) -> None:
    key = folder / KEY
    kept = key.read_bytes()
    assert len(kept) == 32
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o640)
    assert_broken(folder, "others may read the ledger's key")
    key.chmod(0o600)
    key.write_bytes(kept[:31])
    assert_broken(folder, "a ledger's key has 32 bytes, not 31")
    key.write_bytes(bytes(32))
    assert_broken(folder, "is not the key that this ledger's people were written with")
    key.unlink()
    assert_broken(folder, "no ledger's key can be read")


def test_a_set_that_is_lost_or_changed(folder: Path) -> None:
    for path in (folder / SETS).iterdir():
        kept = path.read_bytes()
        path.write_bytes(kept[16:] or bytes(16))
        assert "was changed; put it back" in small.command("ledger", "verify", folder).output
        path.unlink()
        assert "put it back" in small.command("ledger", "verify", folder).output
        path.write_bytes(kept)


def test_a_ledger_that_is_gone_is_not_begun_anew(folder: Path) -> None:
    (folder / LEDGER).unlink()
    for _ in range(2):
        with pytest.raises(LedgerError, match="put back the ledger from a copy"):
            asked(folder)


def test_another_institutions_ledger_and_an_open_folder(folder: Path) -> None:
    with pytest.raises(LedgerError, match="this is the ledger of A, not of B"):
        Ledger.open(folder, "B")
    folder.chmod(0o755)
    with pytest.raises(LedgerError, match="others may look into it"):
        Ledger.open(folder, "A")


def test_a_disk_that_is_full_stops_a_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = ledger_in(tmp_path)
    release = FIRST.release(ledger)

    def full(_descriptor: int, _content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(LedgerError, match="the disk is full"):
        ledger.begin(release)


def test_a_row_is_on_the_disk_before_begin_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sets before the row that names them."""
    ledger = ledger_in(tmp_path)
    synced: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    monkeypatch.setattr(os, "fsync", watched)
    ledger.begin(FIRST.release(ledger))
    assert synced[-2:] == [SETS, LEDGER]


def test_what_is_shown_has_no_pseudonym(folder: Path) -> None:
    shown = small.succeeded("ledger", "show", folder)
    assert "this is the ledger of A" in shown
    sets = "100, of whom 40 cases, 60 controls, 0 males, 100 others; 0 without a phenotype"
    assert f"people here: {sets}" in shown
    assert "the run of row 2 ended: 3 positions have something opened" in shown
    people = Ledger.open(folder, "A").pseudonyms(["0", "1"])
    assert not any(each.tobytes().hex()[:8] in shown for each in people)


def test_pseudonyms_are_of_one_ledger(tmp_path: Path) -> None:
    one, other = (Ledger.open(tmp_path / name, "A").pseudonyms(["F\tI"]) for name in ("1", "2"))
    assert one.tobytes() != other.tobytes()
