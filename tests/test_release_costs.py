"""Deciding on shares what is opened costs what is declared, whatever is withheld."""

from dataclasses import replace
from pathlib import Path

import pytest

from mpcgen.cost import Cost
from mpcgen.protocols.engines import ENGINES
from mpcgen.protocols.floors import Minima
from mpcgen.study.load import load_study
from mpcgen.study.study import Study
from tests import studies
from tests.attacks.cohorts import cohort, lay_out, run
from tests.outcomes import everybody

ALLELES = (1, 0, 4, 3)  # weights of .bed's codes: all genotypes are common, and none is missing
# The seeds leave no chi-squared and no r2 at exactly 0, where nothing would pass.
COHORTS = {name: cohort(n + 60, 90 + 20 * n, ALLELES) for n, name in enumerate(studies.NAMES)}
ENTRIES = (
    studies.OF_ALL
    + studies.passing(["allelic", "trend"], "{p}")
    + """
[[entries]]
statistic = "linkage"
window = 4
region = "1"
{linkage}
"""
)
STRONG = 'release = "passing"\nr2 = {}\n'
ENGINE = {
    "replicated": studies.NAMES,
    "replicated4": (*studies.NAMES, "D"),
    "additive": studies.NAMES,
    "spdz2k": studies.NAMES,
    "clear": studies.NAMES[:1],
}
DEALER = {"additive": "D", "spdz2k": "D"}
EVERYTHING = 'consent = ["two institutions", "pairs together"]\n' + "\n".join(
    f"{name} = 1" for name in Minima.__dataclass_fields__
)
LITTLE = studies.TOGETHER + "min_cases = 20\nmin_controls = 20\nmin_cell = 12\nmin_missing = 2\n"


def study(folder: Path, engine: str, release: str, p: float, linkage: str) -> tuple[Study, Path]:
    """A study with floors and thresholds."""
    rules = studies.Rules(engine, ENGINE[engine], release=release, dealer=DEALER.get(engine))
    entries = ENTRIES.format(p=p, linkage=linkage)
    fourth = {"D": cohort(63, 70, ALLELES)} if "D" in rules.computing else {}
    plan = lay_out(folder, COHORTS | fourth, rules=rules, entries=entries, window=0)
    return load_study(plan), plan


def declared(plan: Path) -> Cost:
    """What a run declares at the end, the same at every party; it is what they sent."""
    sessions = everybody(run(plan))
    assert len({session.declared.rounds for session in sessions.values()}) == 1
    for name, session in sessions.items():
        assert session.sent_bytes == session.declared.sent.get(name, 0)
    return sessions["A"].declared


@pytest.mark.parametrize("engine", ENGINE)
@pytest.mark.parametrize("linkage", ["", STRONG.format(0)])
def test_declared_is_what_a_run_costs_that_opens_everything(
    engine: str, linkage: str, tmp_path: Path
) -> None:
    forecast, plan = study(tmp_path / "study", engine, EVERYTHING, 1, linkage)
    assert declared(plan) == forecast.cost()


@pytest.mark.parametrize("engine", ENGINE)
@pytest.mark.parametrize("linkage", ["", STRONG.format(0.01)])
def test_what_is_withheld_is_not_paid_for(engine: str, linkage: str, tmp_path: Path) -> None:
    forecast, plan = study(tmp_path / "study", engine, LITTLE, 0.1, linkage)
    most, found = forecast.cost(), declared(plan)
    assert found.rounds == most.rounds
    assert all(found.sent[name] < most.sent[name] for name in ENGINE[engine])


@pytest.mark.parametrize("engine", ENGINE)
@pytest.mark.parametrize("release", [EVERYTHING, 'floors = "none"'])
def test_rounds_do_not_grow_with_the_units_of_a_batch(
    engine: str, release: str, tmp_path: Path
) -> None:
    known, _ = study(tmp_path / "study", engine, release, 0.1, STRONG.format(0.01))
    costs = ENGINES[engine].costs(known.plan.seat(""))
    for batch in known.batches():
        few, many = (replace(batch, stop=batch.start + n).cost(costs) for n in (1, 65536))
        assert few.rounds == many.rounds
        assert all(few.sent[name] * 1000 < many.sent[name] for name in few.sent)
