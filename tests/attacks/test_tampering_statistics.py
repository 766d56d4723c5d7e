"""One party tampers with any one message of a study: of each statistic, and each kind of release.

As in test_tampering, but the programs are whole studies after the greeting: keys, group sizes,
inputs, floors, thresholds and rounded values. Messages are altered, and every fourth of these is
dropped, repeated, delayed or misdirected as well: all messages of short runs and a part of those of
long ones, or all of all with MPCGEN_EVERY_MESSAGE in the environment.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mpcgen.abb import Box
from mpcgen.parties.owner import OwnData, open_study_data
from mpcgen.study.institution import read_config
from mpcgen.study.load import load_study
from mpcgen.study.loop import compute, open_people
from mpcgen.study.study import Study
from tests import studies
from tests.attacks import test_tampering_of_spdz2k as macs
from tests.attacks.cohorts import cohort, lay_out
from tests.attacks.tampering import (
    CAUGHT,
    KINDS,
    NOBODY,
    WITHOUT_EFFECT,
    Attack,
    Judge,
    Run,
    Scene,
    Seen,
    Transcript,
    play,
    same,
    sampled,
    tally,
    told,
    verdict,
)
from tests.conformance import Setting
from tests.outcomes import everybody

COHORTS = {name: cohort(n + 60, 40 + 10 * n, (1, 0, 4, 3)) for n, name in enumerate(studies.NAMES)}
CLEAR = studies.CLEAR
FLOORS = (
    studies.TOGETHER
    + "min_cases = 10\nmin_controls = 10\nmin_cell = 6\nmin_individuals = 5\nmin_missing = 1\n"
)
NO_FLOORS = 'floors = "none"'
TESTS = ("allelic", "genotypic", "trend", "cmh")
EVERYTHING = "MPCGEN_EVERY_MESSAGE" in os.environ  # half an hour more
ALONE = 'release = "statistic"\n'
R = ALONE + 'values = ["r"]\n'  # a comparison for each digit
PAIRS = '\n[[entries]]\nstatistic = "linkage"\nregion = "1"\nwindow = 2\n'


def association(name: str, more: str = "") -> str:
    """An entry for one test of association."""
    return f'\n[[entries]]\nstatistic = "association"\ntests = ["{name}"]\n{more}'


@dataclass(frozen=True)
class Attacked:
    """An engine that withstands a party that does as it likes.

    Attributes:
        judge: what became of an attack.
        good: what may become of one.
        harmless: kinds of attack that may be without effect.
        rarer: of so many attacks one is made, unless all are asked for.
    """

    rules: studies.Rules
    judge: Judge = verdict
    good: frozenset[str] = frozenset({CAUGHT, WITHOUT_EFFECT})
    harmless: frozenset[str] = frozenset({"repeat", "delay", "misdirect"})
    rarer: int = 1


def of_macs(run: Run, attack: Attack, right: Seen, _usual: Transcript) -> str:
    """As test_tampering_of_spdz2k has it, for a study in which A and B compute."""
    return macs.verdict(run, Setting("spdz2k", studies.NAMES, ("A", "B")), attack.cheater, right)


MACS = studies.Rules("spdz2k", ("A", "B"), dealer="D")  # C gives and reads
ENGINES = {
    "replicated4": Attacked(studies.Rules("replicated4", (*studies.NAMES, "D"))),
    # Wrong bits beyond those of a value may pass; only the dealer misses the last word to it.
    "spdz2k": Attacked(
        MACS,
        of_macs,
        frozenset({macs.STOPPED, WITHOUT_EFFECT}),
        frozenset(KINDS) - {"alter its start"},
        rarer=3,
    ),
}


@dataclass(frozen=True)
class Plan:
    """What a study opens.

    Attributes:
        every: of so many messages one is attacked, unless all are asked for.
    """

    entries: str
    release: str = NO_FLOORS
    every: int = 1


PLANS = {
    "frequency, floors": Plan(studies.OF_GROUPS, FLOORS, 12),
    "linkage, floors": Plan(PAIRS, FLOORS, 24),
    "frequency": Plan(studies.OF_GROUPS),
    "linkage": Plan(PAIRS),
    **{test: Plan(association(test)) for test in TESTS},
    **{f"{test}, passing": Plan(studies.passing([test], 0.5), every=12) for test in TESTS},
    "trend, passing, floors": Plan(studies.passing(["trend"], 0.5), FLOORS, 32),
    "linkage, passing": Plan(PAIRS + 'release = "passing"\nr2 = 0.01\n', every=8),
    "frequency, alone": Plan(studies.OF_ALL + ALONE, every=60),
    "allelic, alone": Plan(association("allelic", ALONE), every=60),
    "odds ratio, alone": Plan(association("allelic", ALONE + 'values = ["or"]\n'), every=60),
    "trend, alone": Plan(association("trend", ALONE), every=60),
    "r2, alone": Plan(PAIRS + ALONE, every=60),
    "r, alone": Plan(PAIRS + R, every=240),
    "r to one digit, alone": Plan(PAIRS + R + "binary_digits = 1\n", every=60),
}


@dataclass(frozen=True)
class Case:
    """A study with its owners' data, as a program that one party may cheat in."""

    study: Study
    data: Mapping[str, OwnData]

    @property
    def setting(self) -> Setting:
        plan = self.study.plan
        return Setting(plan.engine, plan.owners, plan.computing, plan.dealer)

    @property
    def scene(self) -> Scene:
        return Scene(self.program, lambda _setting: self.study.manifest(), with_keys=True)

    def program(self, box: Box) -> Seen:
        own = self.data.get(box.me)
        people = open_people(self.study, box, None if own is None else own.sizes)
        seen = {"people": np.array(list((people or {}).values()))}
        for part in compute(self.study, box, None if own is None else own.genotypes):
            of = f"{part.batch.name}/{part.task.entry.name}"
            seen |= {f"{of} rows": part.rows}
            seen |= {f"{of}/{name}": values for name, values in part.opened.items()}
        return seen

    def right(self) -> Seen:
        """What everybody sees where nobody cheats."""
        return next(iter(everybody(play(self.setting, self.scene, NOBODY).ended).values()))


Prepare = Callable[[str, studies.Rules], Case]


@pytest.fixture
def prepare(tmp_path: Path) -> Iterator[Prepare]:
    """Makes a study."""
    with ExitStack() as stack:

        def of(name: str, rules: studies.Rules) -> Case:
            plan, folder = PLANS[name], tmp_path / rules.engine
            whole = replace(rules, release=plan.release)
            plan_file = lay_out(folder, COHORTS, rules=whole, entries=plan.entries, window=0)
            study = load_study(plan_file)
            data = {
                owner: stack.enter_context(
                    open_study_data(read_config(folder / f"{owner}.toml"), study)
                )
                for owner in COHORTS
            }
            return Case(study, data)

        yield of


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", PLANS)
def test_no_wrong_result_is_accepted(
    name: str, engine: str, prepare: Prepare, say: Callable[[str], None]
) -> None:
    """Whoever cheats is named, and nothing is opened after the first check that fails."""
    right = prepare(name, CLEAR).right()
    attacked = ENGINES[engine]
    here = prepare(name, attacked.rules)
    honest = play(here.setting, here.scene, NOBODY)
    assert all(same(seen, right, party) for party, seen in honest.ended.items())
    assert any(seen is not None and len(seen) for label, seen in right.items() if label != "people")
    attacks = partial(sampled, every=1 if EVERYTHING else PLANS[name].every * attacked.rarer)
    found = tally(here.setting, here.scene, right, attacks=attacks, judge=attacked.judge)
    say(told(here.setting, name, found))
    for kind, verdicts in found.items():
        assert verdicts.keys() <= attacked.good
        assert WITHOUT_EFFECT not in verdicts or kind in attacked.harmless
