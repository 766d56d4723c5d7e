"""Whole studies over lines that are slow, cut, parted, half open, and with parties that stall."""

import os
import random
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from mpcgen.bench.proxy import Fault
from tests import small, studies
from tests.faulty import Ended, Faulty, faulty
from tests.meshes import cutting

Parties = Mapping[str, subprocess.Popen[str]]

LONGER = int(os.environ.get("MPCGEN_LONG_FAULTS", "0"))
"""How many more seeds; where there are any, more cases too, and a partition lasts a minute."""
NOTICED = 1_000
"""Milliseconds of silence after which a connection is taken for lost, where a test waits for it."""


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The tables where nothing goes wrong."""
    folder = tmp_path_factory.mktemp("right")
    return studies.tables(studies.run_in_threads(small.lay_out(folder), folder / "out"))


@pytest.fixture(scope="module")
def size(tmp_path_factory: pytest.TempPathFactory) -> int:
    """Bytes that go over the lines where nothing goes wrong."""
    with faulty(tmp_path_factory.mktemp("size")) as study:
        assert_finished(study.run())
        return study.passed


def assert_finished(ended: Mapping[str, Ended]) -> None:
    assert all(party.status == 0 for party in ended.values()), ended


def assert_right(study: Faulty, ended: Mapping[str, Ended], right: dict[str, bytes]) -> None:
    assert_finished(ended)
    assert studies.tables(study.out) == right


def assert_lost(study: Faulty, ended: Mapping[str, Ended], *, who: str = "ABC") -> None:
    """Every party says whom it lost, and nobody has written anything."""
    for name, party in ended.items():
        others = "".join(set(who) - {name})
        assert party.status == 1, ended
        assert "Traceback" not in party.told
        assert re.search(
            rf"^mpcgen: [{others}] was lost .* did not come back in ", party.told, re.M
        )
    assert not study.out.exists() or not list(study.out.rglob("*.*"))


def after(seconds: float, study: Faulty) -> threading.Timer:
    timer = threading.Timer(seconds, study.suffer, [Fault.NONE])
    timer.start()
    return timer


def test_over_a_line_of_200_ms(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    expected = studies.run_in_threads(small.lay_out(plain, studies.OF_GROUPS), plain / "out")
    far = tmp_path / "far"
    far.mkdir()
    with faulty(far, entries=studies.OF_GROUPS, delay=0.1) as study:
        assert_right(study, study.run(), studies.tables(expected))


def test_over_10_mbit(tmp_path: Path, right: dict[str, bytes]) -> None:
    with faulty(tmp_path, rate=10e6 / 8, delay=0.005) as study:
        assert_right(study, study.run(), right)


@pytest.mark.parametrize("seed", range(2 + LONGER))
def test_connections_cut_at_random(
    tmp_path: Path, right: dict[str, bytes], size: int, seed: int
) -> None:
    """Each line after so many bytes, of which one at least carries more; and now and then."""
    rng = random.Random(seed)
    with faulty(tmp_path, delay=0.01) as study:
        lines = list(study.proxies.values())
        after = [rng.randrange(1, size // len(lines)) for _ in lines]
        for line, most in zip(lines, after, strict=True):
            line.cut_after(most)
        with cutting(lines, rng, 0.15):
            ended = study.run()
        assert_right(study, ended, right)
        assert any(line.passed >= most for line, most in zip(lines, after, strict=True))


@pytest.mark.parametrize("part", [0.4, 0.8] if LONGER else [0.6])
def test_a_partition_that_ends(
    tmp_path: Path, right: dict[str, bytes], size: int, part: float
) -> None:
    def meanwhile(parties: Parties) -> None:
        study.reach(int(part * size), parties)
        study.part()
        after(60.0 if LONGER else 1.5, study)

    with faulty(tmp_path, delay=0.01, absence=120) as study:
        assert_right(study, study.run(meanwhile), right)


def test_a_partition_that_does_not_end(tmp_path: Path, size: int) -> None:
    def meanwhile(parties: Parties) -> None:
        study.reach(size // 2, parties)
        study.part()

    with faulty(tmp_path, delay=0.01, absence=1) as study:
        assert_lost(study, study.run(meanwhile))


def test_a_line_that_holds_everything_up_for_a_while(
    tmp_path: Path, right: dict[str, bytes], size: int
) -> None:
    """Longer than silence is taken for: connections end, and others take their place."""

    def meanwhile(parties: Parties) -> None:
        study.reach(size // 2, parties)
        study.suffer(Fault.STALLED)
        after(2 * NOTICED / 1000, study)

    with faulty(tmp_path, delay=0.01) as study:
        assert_right(study, study.run(meanwhile, silence=NOTICED), right)


@pytest.mark.parametrize("ends", [True, False] if LONGER else [True])
def test_a_line_that_is_half_open(
    tmp_path: Path, right: dict[str, bytes], size: int, *, ends: bool
) -> None:
    """Nobody hears that a connection has ended, and each has to find out by itself."""

    def meanwhile(parties: Parties) -> None:
        study.reach(size // 2, parties)
        study.suffer(Fault.SWALLOWING)
        if ends:
            after(2 * NOTICED / 1000, study)

    with faulty(tmp_path, delay=0.01, absence=60 if ends else 1) as study:
        ended = study.run(meanwhile, silence=NOTICED)
        if ends:
            assert_right(study, ended, right)
        else:
            assert_lost(study, ended)


@pytest.mark.parametrize("ends", [True, False])
def test_a_party_that_stops_reading(
    tmp_path: Path, right: dict[str, bytes], size: int, *, ends: bool
) -> None:
    """As one whose machine sleeps: its connections stand, and nobody is behind them."""

    def meanwhile(parties: Parties) -> None:
        study.reach(size // 2, parties)
        parties["C"].send_signal(signal.SIGSTOP)
        if ends:
            time.sleep(2 * NOTICED / 1000)
        else:
            for name in "AB":
                parties[name].wait(300)
        parties["C"].send_signal(signal.SIGCONT)

    with faulty(tmp_path, delay=0.01, absence=60 if ends else 1) as study:
        ended = study.run(meanwhile, silence=NOTICED)
        if ends:
            assert_right(study, ended, right)
        else:
            assert_lost(study, {name: ended[name] for name in "AB"}, who="C")
            assert ended["C"].status == 1
