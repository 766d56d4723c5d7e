"""The engine crypten: whole studies, what it warns of and refuses, and what travels for CrypTen."""

import importlib
import sys
from pathlib import Path

import pytest

from mpcgen.errors import InputError, PlanError
from mpcgen.leakage import Leakage
from mpcgen.net.channel import Channel
from mpcgen.prg import Prg
from mpcgen.protocols.engines import ENGINES
from mpcgen.ring import Z2_64
from mpcgen.study.check import describe
from mpcgen.study.forecast import Network
from mpcgen.study.load import load_study
from tests import conformance, small, studies
from tests.conformance import SESSION, Setting
from tests.threads import in_threads

SETTING = Setting("crypten", ("A", "B", "C"), ("A", "B", "C"))
RULES = studies.Rules("crypten")
FLOORS = """consent = ["two institutions"]
min_institutions = 2
min_individuals = 1
min_mac = 1
min_cell = 1
min_cases = 1
min_controls = 1"""
pytestmark = conformance.installed("crypten")


ASSOCIATION = studies.ASSOCIATION.replace(', "cmh"', "")
ALONE = '\n[[entries]]\nstatistic = "frequency"\nrelease = "statistic"\ngroups = ["all"]\n'
NONE = 'floors = "none"'


@pytest.mark.parametrize(
    ("entries", "release"),
    [(ASSOCIATION, NONE), (studies.OF_ALL, FLOORS), (ALONE, NONE)],
    ids=["processes", "floors", "values opened alone"],
)
def test_tables_are_those_of_the_clear_engine(entries: str, release: str, tmp_path: Path) -> None:
    found = {}
    for engine, computing in (("crypten", studies.NAMES), ("clear", ("A",))):
        folder = tmp_path / engine
        folder.mkdir()
        rules = studies.Rules(engine, computing, release=release)
        plan = small.lay_out(folder, entries, rules)
        processes = (engine, entries, release) == ("crypten", ASSOCIATION, NONE)
        run = studies.run_in_processes if processes else studies.run_in_threads
        out = run(plan, folder / "out")
        found[engine] = studies.tables(out)
        if processes:
            told = [" ".join(record.warnings) for record in studies.records(out)]
            assert [words.count("NOT FOR REAL DATA") for words in told] == [1, 1, 1]
    assert found["crypten"] == found["clear"]
    assert all(table.count(b"\n") > 1 for table in found["clear"].values())


def test_check_warns_loudly(tmp_path: Path) -> None:
    study = load_study(small.lay_out(tmp_path, studies.OF_ALL, RULES))
    text = " ".join(describe(study, Network()).split())
    assert 'WARNING engine "crypten" is NOT FOR REAL DATA: CrypTen is a framework' in text
    assert "as shares, which the first computing party can read" in text


def test_thresholds_are_refused_with_the_engines_that_can(tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path, studies.passing(["allelic"], 0.01), RULES)
    with pytest.raises(PlanError, match=r"arithmetic modulo 2\^128; replicated, .*additive"):
        load_study(plan)


def test_without_crypten_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpcgen.protocols.crypten_party", None)
    with pytest.raises(InputError, match=r"pip install 'mpcgen\[crypten\]'"):
        ENGINES["crypten"].set_up(
            None,  # type: ignore[arg-type]
            SETTING.seat("A"),
            Leakage([]),
            SESSION,
            0,
            Prg.fresh(),
        )


def _party(channel: Channel):  # type: ignore[no-untyped-def]
    module = importlib.import_module("mpcgen.protocols.crypten_party")
    names = ("prev", "next", "local")
    keys = {name: Prg.for_tests_only(n) for n, name in enumerate(names)}
    return module.Party(channel, channel.me, ("A", "B"), keys)


def test_crypten_draws_no_mask_but_from_prg(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own generator is never asked, whatever is multiplied, joined or shared."""
    torch = importlib.import_module("torch")
    importlib.import_module("mpcgen.protocols.crypten_party")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("torch draws a mask")

    for name in ("randint", "rand", "randn", "Generator"):
        monkeypatch.setattr(torch, name, refuse)
    x = Z2_64.encode([1, 2, 3])

    def part(channel: Channel) -> None:
        party = _party(channel)
        party.multiply("mul", [Z2_64], [x], [x])
        party.join("and", x.view("u1"), x.view("u1"))
        party.share(Z2_64, (3,), 0, x)

    in_threads(("A", "B"), part)


def test_no_object_travels() -> None:
    def part(channel: Channel) -> None:
        party = _party(channel)
        for verb in (party.send_obj, party.broadcast_obj, party.isend, party.broadcast):
            with pytest.raises(RuntimeError, match="nothing that CrypTen would pickle"):
                verb(object(), 0)

    in_threads(("A", "B"), part)
