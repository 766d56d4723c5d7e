"""Sizes and order of messages tell nothing but the plan; no randomness is drawn twice."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock, current_thread

import numpy as np
import pytest

from mpcgen.net.channel import MessageLog
from mpcgen.prg import Prg
from tests import studies
from tests.attacks.cohorts import CHROM, COHORTS, ENTRIES, Cohort, cohort, lay_out, run
from tests.outcomes import everybody

Log = list[tuple[str, str, str, int, int]]
"""Direction, peer, label, counter and length of every message of a party, in order."""

RULES = {
    "replicated": studies.Rules(),
    "clear": studies.CLEAR,
    "guests": studies.Rules(computing=("D", "B", "A")),
}


def members(engine: str, cohorts: Mapping[str, Cohort]) -> dict[str, Cohort]:
    """With guests: five owners, three of whom compute."""
    more = {"D": cohort(21, 30), "E": cohort(22, 12)} if engine == "guests" else {}
    return {**cohorts, **more}


def with_missing(own: Cohort) -> Cohort:
    return replace(own, genotypes=np.full_like(own.genotypes, 1))


def with_few_variants(own: Cohort) -> Cohort:
    return replace(own, rows=np.arange(0, len(CHROM), 3))


OTHER_DATA: dict[str, dict[str, Cohort]] = {
    "other people": {name: cohort(n + 10, 60 - 9 * n) for n, name in enumerate("ABC")},
    "one institution with nothing": {**COHORTS, "B": with_missing(COHORTS["B"])},
    "nobody has anything": {name: with_missing(own) for name, own in COHORTS.items()},
    "few variants": {**COHORTS, "C": with_few_variants(COHORTS["C"])},
    "all alike": {name: cohort(n, 33, (0, 0, 0, 1)) for n, name in enumerate("ABC")},
    "a large one": {**COHORTS, "A": cohort(5, 900)},
}


def traffic(plan: Path) -> dict[str, Log]:
    """Every party's messages in a whole run, from the first greeting on."""
    logs: dict[str, Log] = {}

    def log(name: str) -> MessageLog:
        return lambda *message: logs.setdefault(name, []).append(message)

    everybody(run(plan, log=log))
    return logs


@pytest.mark.parametrize("engine", RULES)
def test_sizes_and_order_of_messages_do_not_depend_on_the_data(engine: str, tmp_path: Path) -> None:
    """Every release is `totals` without floors here, so what is opened is the plan's alone."""
    rules = RULES[engine]
    plan = lay_out(tmp_path / "base", members(engine, COHORTS), rules=rules)
    expected = traffic(plan)
    assert all(len(log) > 10 for log in expected.values())
    for n, other in enumerate(OTHER_DATA.values()):
        again = lay_out(tmp_path / str(n), members(engine, other), rules=rules)
        assert traffic(again) == expected


def test_sizes_change_with_the_plan(tmp_path: Path) -> None:
    """So that the comparison above compares something."""
    logs = [
        traffic(lay_out(tmp_path / f"{window}", COHORTS, window=window)) for window in (0, 4, 5)
    ]
    assert logs[0] != logs[1] != logs[2]


@dataclass(frozen=True)
class Draw:
    """One use of a generator.

    Attributes:
        generator: which object drew, of which party.
    """

    party: str
    generator: int
    key: bytes
    label: str
    counter: int
    stream: bytes


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch) -> list[Draw]:
    """All draws of all parties; every generator is kept, so that no two have one identity."""
    noted: list[Draw] = []
    alive: list[Prg] = []
    lock, honest = Lock(), Prg.draw_bytes

    def draw_bytes(self: Prg, label: str, counter: int, n: int) -> bytes:
        stream = honest(self, label, counter, n)
        with lock:
            alive.append(self)
            party = current_thread().name
            noted.append(Draw(party, id(self), self._key, label, counter, stream))
        return stream

    monkeypatch.setattr(Prg, "draw_bytes", draw_bytes)
    return noted


FLOORS = studies.TOGETHER + "min_cases = 5\nmin_controls = 5"
WITHHOLDING = studies.OF_ALL + studies.passing(["allelic"], 0.1)


@pytest.mark.parametrize("floors", [False, True], ids=["without floors", "with floors"])
@pytest.mark.parametrize("engine", ["replicated", "guests"])
def test_no_randomness_is_drawn_twice(
    engine: str, floors: bool, tmp_path: Path, draws: list[Draw]
) -> None:
    """Over two runs of one plan and all their parties: keys, domains, and the streams themselves.

    A stream that two parties draw is that of a key they share, once by each. No 16 bytes (2^-128
    by chance) come twice in streams of different domains or runs.
    """
    rules, entries = RULES[engine], ENTRIES
    if floors:
        rules, entries = replace(rules, release=FLOORS), WITHHOLDING
    plan = lay_out(tmp_path / "study", members(engine, COHORTS), rules=rules, entries=entries)
    keys: list[set[bytes]] = []
    for _ in range(2):
        start = len(draws)
        everybody(run(plan))
        keys.append({draw.key for draw in draws[start:]})
    assert not keys[0] & keys[1]
    assert any("addends" in draw.label for draw in draws) == floors
    by_domain: dict[tuple[bytes, str, int], list[Draw]] = defaultdict(list)
    for draw in draws:
        by_domain[draw.key, draw.label, draw.counter].append(draw)
    streams: set[bytes] = set()
    for same in by_domain.values():
        parties = [draw.party for draw in same]
        assert len(set(parties)) == len(parties) <= 3
        assert len({draw.stream for draw in same}) == 1
        blocks = [same[0].stream[i : i + 16] for i in range(0, len(same[0].stream) - 15, 16)]
        assert len(set(blocks)) == len(blocks)
        assert not streams & set(blocks)
        streams |= set(blocks)
    assert len(streams) > 1000


def test_only_holders_of_a_key_draw_from_it(tmp_path: Path, draws: list[Draw]) -> None:
    """Each of the three keys by its two holders, who draw the same; own generators by one."""
    everybody(run(lay_out(tmp_path / "study", COHORTS)))
    users: dict[bytes, dict[str, set[tuple[str, int]]]] = defaultdict(lambda: defaultdict(set))
    for draw in draws:
        users[draw.key][draw.party].add((draw.label, draw.counter))
    shared = [by for by in users.values() if len(by) > 1]
    assert sorted("".join(sorted(by)) for by in shared) == ["AB", "AC", "BC"]
    for by in shared:
        one, other = by.values()
        assert one == other
    alone = [by for by in users.values() if len(by) == 1]
    for by in alone:
        (domains,) = by.values()
        assert {label for label, _ in domains} == {"nonce", "key"}
    assert len(alone) == 3
