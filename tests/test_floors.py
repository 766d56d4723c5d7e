"""What floors let through, against brute force on the institutions' own counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from mpcgen.abb import Box, Seat
from mpcgen.bits import BITS
from mpcgen.leakage import Leakage, Opening
from mpcgen.protocols.clear import Clear
from mpcgen.protocols.engines import COMPARISONS, ENGINES
from mpcgen.protocols.floors import Floor, Floors, Minima
from mpcgen.secret import Secret
from mpcgen.study import study as study_module
from mpcgen.study.batch import Batch
from mpcgen.study.gate import Gate
from mpcgen.study.load import load_study
from mpcgen.study.own_counts import OwnCounts
from mpcgen.study.study import Study
from tests import brute_floors, studies
from tests.brute_floors import Bools, Institution, Ints
from tests.conformance import SETTINGS, Setting, run
from tests.one_party import Given
from tests.plain import HET, HOM_REF, Plain

CHROM = ("1", "1", "1", "1", "1", "1", "1", "1", "23", "23", "23", "24", "26", "26")
by_setting_of_many = pytest.mark.parametrize(
    "setting",
    [s for s in SETTINGS if len(s.owners) > 1 and COMPARISONS in s.offers],
    ids=str,
)
ASSOCIATION = '\n[[entries]]\nstatistic = "association"\ntests = {}\n'
WINDOW = '\n[[entries]]\nstatistic = "linkage"\nwindow = 14\n'


@dataclass(frozen=True)
class Case:
    """A plan: its entries as TOML and by name."""

    entries: str
    names: tuple[str, ...]


CASES = {
    "everybody": Case(studies.OF_ALL + WINDOW, ("frequency", "linkage")),
    "linkage": Case(WINDOW, ("linkage",)),
    "allelic": Case(ASSOCIATION.format('["allelic"]') + WINDOW, ("allelic", "linkage")),
    "all": Case(
        studies.OF_ALL + ASSOCIATION.format('["allelic", "genotypic", "trend"]') + WINDOW,
        ("frequency", "allelic", "genotypic", "trend", "linkage"),
    ),
}


class Nobody:
    """An exchange that sends nothing and hears nothing."""

    def exchange(
        self, label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        return {}


def gated(study: Study, owners: Sequence[Institution]) -> Mapping[str, Bools]:
    """The bits that a study opens of these institutions' integers, by label."""
    names, groups = study.plan.names, len(study.groups)
    box = Clear(Nobody(), Seat("A", names, names, ("A",)), Leakage(study.manifest()))
    gate, own = Gate(study), [OwnCounts(study) for _ in names]
    found: dict[str, Bools] = {}
    for batch in study.batches():
        local = [_local(batch, owner.within(groups), groups) for owner in owners]
        levels = {
            name: box.constant(BITS, counts.levels(batch, each))
            for name, counts, each in zip(names, own, local, strict=True)
        }
        found.update(gate.choose(box, batch, _decided(box, batch, local), levels))
    return found


def _decided(box: Box, batch: Batch, local: Sequence[Given]) -> dict[str, Secret]:
    """The joint totals on which thresholds of a batch are decided."""
    sources = {d.source.name: d.source for task in batch.tasks for d in task.decisions}
    return {
        name: box.constant(ring, ring.encode(sum(source.local(each) for each in local)))
        for name, source in sources.items()
        for ring in [batch.ring(source)]
    }


def _local(batch: Batch, owner: Institution, groups: int) -> Given:
    if batch.pairs is not None:
        return Given(pair_sums=owner.pair_sums(batch.pairs))
    return Given(counts=owner.counts(groups)[batch.start : batch.stop])


def expected(study: Study, case: Case, owners: Sequence[Institution]) -> dict[str, Bools]:
    """The same by brute force."""
    minima, groups = study.plan.floors, len(study.groups)
    assert minima is not None
    counts = [owner.counts(groups) for owner in owners]
    kept = brute_floors.variants(counts, CHROM, case.names, minima)
    found = {"variants0/keep": kept}
    for batch in study.batches():
        if batch.pairs is not None:
            tables = [owner.within(groups).tables(batch.pairs) for owner in owners]
            chrom = [CHROM[i] for i in batch.pairs[:, 0]]
            met = brute_floors.pairs_kept(tables, chrom, minima)
            found[f"{batch.name}/keep"] = met & kept[batch.pairs].all(axis=1)
    return found


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def study(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return lay_out(tmp_path_factory.mktemp("floors"), case.entries)


def lay_out(
    folder: Path,
    entries: str,
    names: Sequence[str] = studies.NAMES,
    release: str = studies.TOGETHER,
) -> Study:
    """A study over CHROM; its institutions' files are not there."""
    rows = (f"{c}\t{j + 1}\tv{j}\tG\tA\n" for j, c in enumerate(CHROM))
    source = folder / "source"
    source.mkdir()
    (source / "sites.tsv").write_text("CHROM\tPOS\tID\tREF\tALT\n" + "".join(rows))
    members = [studies.Member(name, folder / name) for name in names]
    rules = studies.Rules("clear", names[:1], release=release)
    return load_study(studies.lay_out(folder, members, source / "sites.tsv", entries, rules))


def institution(
    rng: np.random.Generator, people: int, alt: Any, missing: Any, lacking: float
) -> Institution:
    """Random people; alt frequencies and rates of missing genotypes (m, 1)."""
    m = len(CHROM)
    genotypes = np.where(rng.random((m, people)) < missing, 3, rng.binomial(2, alt, (m, people)))
    plain = Plain(
        np.array(CHROM),
        np.arange(m),
        np.arange(m),
        rng.choice(["0", "1", "2"], people, p=(0.1, 0.45, 0.45)),
        rng.choice(["1", "2", "-9"], people, p=(0.45, 0.45, 0.1)),
        genotypes.astype(np.int8),
    )
    return Institution(plain, rng.random(m) >= lacking)


minima = st.builds(
    Minima,
    min_mac=st.integers(1, 8),
    min_cell=st.integers(1, 6),
    min_missing=st.integers(1, 6),
    min_cases=st.integers(1, 12),
    min_controls=st.integers(1, 12),
    min_institutions=st.integers(1, 3),
    min_individuals=st.integers(1, 12),
)


@settings(max_examples=15)
@given(
    floors=minima,
    seed=st.integers(0, 2**32),
    people=st.tuples(*[st.integers(2, 60)] * 3),
    missing=st.sampled_from([0.0, 0.05, 0.5]),
    lacking=st.sampled_from([0.0, 0.1]),
)
def test_what_is_kept_is_what_brute_force_keeps(
    study: Study,
    case: Case,
    floors: Minima,
    seed: int,
    people: tuple[int, ...],
    missing: float,
    lacking: float,
) -> None:
    rng = np.random.default_rng(seed)
    alt = rng.choice([0, 0.02, 0.1, 0.3, 0.5, 1], (len(CHROM), 1))
    rates = rng.choice([0, missing], (len(CHROM), 1))
    owners = [institution(rng, n, alt, rates, lacking) for n in people]
    study = replace(study, plan=replace(study.plan, floors=floors))
    bits, wanted = gated(study, owners), expected(study, case, owners)
    assert bits.keys() == wanted.keys()
    for label, kept in wanted.items():
        event(f"{label}: {'some' if kept.any() else 'none'}")
        np.testing.assert_array_equal(bits[label], kept, err_msg=label)


@pytest.mark.parametrize("names", ["AB", "ABCD", "ABCDE"])
def test_fewer_and_more_institutions_than_three(names: str, tmp_path: Path) -> None:
    case = CASES["everybody"]
    release = 'consent = ["two institutions", "pairs together"]\n'
    release += "min_institutions = 2\nmin_cell = 3\nmin_missing = 2"
    study = lay_out(tmp_path, case.entries, [*names], release)
    rng = np.random.default_rng(1)
    alt, missing = rng.uniform(0.4, 0.6, (len(CHROM), 1)), rng.choice([0, 0.3], (len(CHROM), 1))
    owners = [institution(rng, 90, alt, missing, 0.05) for _ in names]
    bits = gated(study, owners)
    for label, kept in expected(study, case, owners).items():
        assert kept.any()
        np.testing.assert_array_equal(bits[label], kept, err_msg=label)


def test_pairs_know_the_bits_of_variants_in_other_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES["linkage"]
    study = lay_out(tmp_path, case.entries)
    rng = np.random.default_rng(3)
    alt, rates = rng.choice([0.01, 0.5], (len(CHROM), 1)), np.zeros((len(CHROM), 1))
    owners = [institution(rng, 60, alt, rates, 0) for _ in range(3)]
    whole = gated(study, owners)
    monkeypatch.setattr(study_module, "MAX_BATCH", 5)
    cut = gated(study, owners)
    assert {"variants2/keep", "linkage4/keep"} <= cut.keys()
    for unit in ("variants", "linkage"):
        parts = [bits for label, bits in cut.items() if label.startswith(unit)]
        np.testing.assert_array_equal(np.concatenate(parts), whole[f"{unit}0/keep"])
        assert set(whole[f"{unit}0/keep"]) == {True, False}


@pytest.mark.parametrize("names", ["ABC", "ABCDE"])
def test_batches_are_as_small_as_the_bits_of_all_owners_ask_for(
    names: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_module, "MAX_BITS", 2000)
    for batch in lay_out(tmp_path, CASES["everybody"].entries, [*names]).batches():
        assert batch.floors is not None
        assert 0 < batch.units * batch.floors.planes * len(names) <= 2000


@pytest.mark.parametrize("carriers", ["A", "AB", "ABC"])
def test_carriers_at_one_institution_are_not_enough(carriers: str, tmp_path: Path) -> None:
    """20 alleles in all, and none without one institution: all are that one's."""
    study, rng = lay_out(tmp_path, CASES["everybody"].entries), np.random.default_rng(4)
    owners = []
    for name in studies.NAMES:
        owner = institution(rng, 60, np.zeros((len(CHROM), 1)), 0, 0)
        owner.plain.genotypes[:, :20] = HET if name in carriers else HOM_REF
        owners.append(owner)
    assert gated(study, owners)["variants0/keep"][:8].all() == (carriers != "A")


COLUMNS = ("a", "b", "c")
random_floors = st.lists(
    st.builds(
        Floor,
        name=st.just("f"),
        form=st.fixed_dictionaries({"a": st.integers(0, 2)}, optional={"b": st.integers(0, 2)}),
        at_least=st.integers(1, 9),
        or_zero=st.booleans(),
        most=st.just(4),
    ),
    min_size=1,
    max_size=4,
)


def wanted(floors: Floors, counts: Sequence[Ints], here: Sequence[Bools], asked: Bools) -> Bools:
    """Which units meet floors on counts (m, COLUMNS), by Python's comparisons."""
    met: Bools = np.sum(here, axis=0) >= (floors.min_institutions or 0)
    for view in brute_floors.views(counts):
        for floor, needed in zip(floors.counts, asked, strict=True):
            form = np.array([floor.form.get(name, 0) for name in COLUMNS])
            count = view @ form
            met &= (count >= floor.at_least) | (floor.or_zero & (count == 0)) | ~needed
    return met


@pytest.mark.parametrize("n", range(2, 8))
@settings(max_examples=10)
@given(counts=random_floors, least=st.integers(1, 7), seed=st.integers(0, 2**32))
def test_floors_of_many_owners(n: int, counts: list[Floor], least: int, seed: int) -> None:
    """Small counts, so that it takes several owners to reach a floor."""
    m, rng, names = 200, np.random.default_rng(seed), tuple("ABCDEFG"[:n])
    values = [rng.choice([0, 0, 0, 1, 2, 3], (m, 3)) for _ in names]
    here = [rng.random(m) < 0.8 for _ in names]
    asked = rng.random((len(counts), m)) < 0.7
    floors = Floors(COLUMNS, tuple(counts), min(least, n), n)
    manifest = [Opening("met", 1, (m,), names)]
    box = Clear(Nobody(), Seat("A", names, names, ("A",)), Leakage(manifest))
    levels = {
        name: box.constant(BITS, floors.levels([own], there))
        for name, own, there in zip(names, values, here, strict=True)
    }
    found = box.open_bits({"met": floors.met(box, levels, asked)}, m)["met"]
    np.testing.assert_array_equal(found, wanted(floors, values, here, asked))


def test_engines_that_open_masked_factors_open_each_once() -> None:
    """A level of more than three owners is a factor of as many products as it has bits."""
    seat = Seat("A", (*"ABCD", "dealer"), (*"ABCD",), (*"ABC",))
    few, many = (
        Floors(COLUMNS, (Floor("f", {"a": 1}, least, or_zero=False, most=1),), None, 4)
        for least in (10, 100)
    )
    costs = ENGINES["additive"].costs(seat)
    assert many.cost(costs, 8000).sent["A"] < 12 * few.cost(costs, 8000).sent["A"]


@by_setting_of_many
@settings(max_examples=5)
@given(counts=random_floors, least=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_floors_on_shares(setting: Setting, counts: list[Floor], least: int, seed: int) -> None:
    """Against Python's comparisons, on every engine, whoever computes."""
    m, owners = 11, setting.owners
    rng = np.random.default_rng(seed)
    values = {owner: rng.choice([0, 0, 1, 2, 3, 8], (m, 3)) for owner in owners}
    here = {owner: rng.integers(0, 2, m) > 0 for owner in owners}
    asked = rng.random((len(counts), m)) < 0.7
    least = min(least, len(owners))
    floors = Floors(COLUMNS, tuple(counts), least, len(owners))

    def program(box: Box) -> Bools:
        own = None
        if box.me in owners:
            own = floors.levels([values[box.me][:, :1], values[box.me][:, 1:]], here[box.me])
        met = floors.met(box, floors.share(box, "levels", m, own), asked)
        assert box.declared == floors.cost(box.costs, m)
        return box.open_bits({"met": met}, m)["met"]

    results = run(setting, [Opening("met", 1, (m,), setting.parties)], program, seed=seed % 1000)
    for opened in results.values():
        met = wanted(floors, [*values.values()], [*here.values()], asked)
        np.testing.assert_array_equal(opened, met)
