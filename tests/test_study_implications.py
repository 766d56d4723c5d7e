"""What `study check` says of floors, thresholds, bits and membership: each number is the plan's."""

from pathlib import Path

import pytest
from scipy.stats import chi2

from mpcgen.genome.sites import read_sites
from mpcgen.protocols.floors import Minima
from mpcgen.study.disclosure import kinds_of
from mpcgen.study.load import load_study
from mpcgen.study.membership import power
from mpcgen.study.study import Study
from tests import small, studies
from tests.small import assert_refused, command, edit
from tests.studies import TOGETHER, Rules
from tests.test_study_check import LINKAGE, PASSING, STRONG, TESTS, check

FREQUENCY = studies.OF_ALL
ALLELIC = TESTS.replace(', "genotypic", "trend"', "")
ODD = """
min_mac = 7
min_cell = 6
min_missing = 4
min_cases = 41
min_controls = 32
min_institutions = 2
consent = ["two institutions", "pairs together"]
min_individuals = 13
"""


def lay_out(folder: Path, entries: str, release: str = TOGETHER) -> Path:
    return small.lay_out(folder, entries, Rules(release=release))


def block(said: str, heading: str) -> list[str]:
    """The lines below a heading."""
    return said[said.index(heading) :].split("\n\n", maxsplit=1)[0].splitlines()[1:]


def test_other_plans_are_a_ledgers_matter(tmp_path: Path) -> None:
    said = " ".join(block(check(lay_out(tmp_path, FREQUENCY, "")), "What it implies"))
    assert "An institution that keeps a ledger of its releases refuses" in " ".join(said.split())


@pytest.mark.parametrize("release", [TOGETHER, ODD])
def test_floors(release: str, tmp_path: Path) -> None:
    plan = lay_out(tmp_path, FREQUENCY + ALLELIC + LINKAGE, release)
    least = load_study(plan).plan.floors
    assert least == (Minima(7, 6, 4, 41, 32, 2, 13) if release == ODD else Minima())
    lines = [line.strip() for line in block(check(plan), "The floors")]
    cases_and_controls = f"{least.min_cases} cases, {least.min_controls} controls"
    jointly = f"; jointly from {least.min_institutions} institutions"
    together = load_study(plan).together
    people = f"{4 * together} people, 4 for each of {together} variants in pairs together"
    assert f"people: at least {cases_and_controls}, {people}{jointly}" in lines
    assert (
        f"each variant: at least {least.min_mac} alternative alleles, {least.min_mac} reference "
        f"alleles, {least.min_cases} called cases, {least.min_controls} called controls, "
        f"1 heterozygous{jointly}"
    ) in lines
    both = "1 heterozygous at the first, 1 heterozygous at the second"
    assert (
        f"each pair: at least {least.min_individuals} people of the pair, {both}{jointly}" in lines
    )
    assert "who has one of the two genotypes has the other" in " ".join(lines)
    cells, missing = (
        f"each variant, 0 or at least {n}" for n in (least.min_cell, least.min_missing)
    )
    told = "\n".join(lines)
    assert f"{cells} of cases and controls together: HOM_REF, HET, HOM_ALT" in told
    assert (
        f"{cells}: HOM_REF of cases with HOM_ALT of controls, HOM_ALT of cases with HOM_REF" in told
    )
    if release == ODD:
        assert f"{missing} of cases and controls together: MISSING, ABSENT" in told
        assert f"{missing} of cases, and of controls: without a genotype" in told
    assert f"each pair, 0 or at least {least.min_cell}: products of alt and alt alleles" in told


@pytest.mark.parametrize(
    "entries", [FREQUENCY, FREQUENCY + ALLELIC, TESTS, PASSING + STRONG, LINKAGE]
)
def test_every_floor_is_told(entries: str, tmp_path: Path) -> None:
    """As many counts as the gate looks at, whatever their words."""
    plan = lay_out(tmp_path, entries)
    assert counts_told(check(plan)) == counts_asked(load_study(plan))


@pytest.mark.parametrize("entries", [FREQUENCY, FREQUENCY + ALLELIC, TESTS])
def test_floors_on_sex_chromosomes(entries: str, tmp_path: Path) -> None:
    plan = lay_out(tmp_path, entries)
    sites, old = tmp_path / "sites.tsv", load_study(plan).sites.sha256
    edit(sites, "2\t10000\t", "X\t10000\t")
    edit(sites, "2\t11000\t", "Y\t11000\t")
    edit(plan, old, read_sites(sites).sha256)
    said = check(plan)
    told = "\n".join(block(said, "The floors"))
    assert "each variant on X, Y and MT, 0 or at least 5" in told or "on Y and MT, 0 or" in told
    assert "each variant on autosomes" in told
    kinds = kinds_of(load_study(plan).sites.chrom)
    floors = load_study(plan).variant_floors(kinds)
    assert floors is not None
    assert counts_told(said) == sum(floor.or_zero for floor in floors.counts)


def counts_told(said: str) -> int:
    told = 0
    for line in block(said, "The floors"):
        start, _, counts = line.partition(": ")
        if start.startswith("    each") and ", 0 or at least" in start:
            whose = 2 if ", and of" in start else 1
            told += whose * counts_in(counts)
    return told


def counts_asked(study: Study) -> int:
    batches = {batch.name.rstrip("0"): batch for batch in study.batches()}
    return sum(
        sum(floor.or_zero for floor in batch.floors.counts)
        for batch in batches.values()
        if batch.floors is not None
    )


def counts_in(words: str) -> int:
    """How many counts a list names; commas in brackets part none."""
    depth, number = 0, 1
    for letter in words:
        depth += (letter == "(") - (letter == ")")
        number += letter == "," and depth == 0
    return number


def test_a_plan_without_floors(tmp_path: Path) -> None:
    said = check(lay_out(tmp_path, PASSING, 'floors = "none"'))
    assert block(said, "The floors") == [
        "  none: every total is opened, however few people are behind it"
    ]
    assert block(said, "What a bit says") == [
        "  association, passing = 0: it is not beyond the threshold; not how far it is off."
    ]


def test_thresholds(tmp_path: Path) -> None:
    plan = lay_out(tmp_path, FREQUENCY + PASSING + STRONG)
    said = check(plan)
    assert "that meets the floors and has p < 5e-08 in a test, the joint totals" in said
    assert "that meets the floors and has r2 > 0.2, the joint totals" in said
    wanted = []
    for task in load_study(plan).tasks:
        for decision in task.decisions:
            for t in decision.effective:
                if t.name == "r2":
                    assert 0.2 <= t.value < 0.2001
                    assert f"    in effect: r2 > {t.value:.6g}\n" in said
                    continue
                p = chi2.sf(t.value, 2 if "2 df" in t.name else 1)
                assert 4.999e-8 < p <= 5e-8
                wanted.append(f"{t.name} > {t.value:.6g} (p < {p:.6g})")
    assert len(wanted) == 4
    assert f"    in effect: {', or '.join(wanted)}\n" in said


def test_what_bits_say(tmp_path: Path) -> None:
    said = check(lay_out(tmp_path, FREQUENCY + PASSING + STRONG))
    bits = "\n".join(block(said, "What a bit says"))
    assert "people/keep = 0: the groups do not meet the floors." in bits
    assert (
        "its own counts are all large, it learns that one of the others together is small" in bits
    )
    assert "association, passing = 0: where keep = 1, it is not beyond the threshold" in bits
    assert "ld, passing = 0: it is not beyond the threshold, or does not meet the floors" in bits


def test_a_threshold_alone_opens_no_keep_bit(tmp_path: Path) -> None:
    said = check(lay_out(tmp_path, PASSING))
    assert "keep = 0" not in said.replace("people/keep = 0", "")
    assert (
        "it is not beyond the threshold, or does not meet the floors; not which of the two" in said
    )


def test_zero_cells_and_the_smallest_group(tmp_path: Path) -> None:
    said = check(lay_out(tmp_path, TESTS, ODD))
    assert "A count of 0 is opened: it says that nobody has this genotype." in said
    assert "that institution learns that nobody of the others has it." in said
    assert (
        "The smallest group behind a total: 32 called controls, also without any one institution; "
        "a count of them at one variant, or at one pair, can be of 4, or of nobody."
    ) in said
    assert "which institutions lack a variant" in said  # two of three are enough
    (tmp_path / "all").mkdir()
    said = check(lay_out(tmp_path / "all", TESTS))
    assert "a total: 50 called cases, also without any one institution" in said
    assert "which institutions lack a variant" not in said


def test_two_institutions(tmp_path: Path) -> None:
    plan = lay_out(tmp_path, TESTS, 'consent = ["two institutions"]\nmin_institutions = 2')
    edit(plan, "max_people = 3000", "max_people = 0")
    said = check(plan)
    assert "The plan agrees to what floors cannot mend: two institutions" in said
    assert "WARNING  two owners may be behind" in said
    assert "The largest institution can subtract its own; at most 3,000 people are left" in said


def test_consent_to_stratified_sums(tmp_path: Path) -> None:
    said = check(lay_out(tmp_path, small.ENTRIES, 'consent = ["stratified sums"]'))
    assert "The plan agrees to what floors cannot mend: stratified sums" in said
    assert "WARNING  the sums of the Cochran-Mantel-Haenszel test are opened" in said


@pytest.mark.parametrize(
    ("entries", "people", "values"),
    [
        (FREQUENCY, 60, 2 * 7),
        (ALLELIC, 30, 7),
        (TESTS, 30, 2 * 7),
        (FREQUENCY + ALLELIC, 30, 2 * 7),
        (LINKAGE, 60, 2 * 7 + 27 * (7 / 11) ** 2),
        (FREQUENCY + PASSING, 60, 2 * 7),
    ],
)
def test_membership(entries: str, people: int, values: float, tmp_path: Path) -> None:
    """An insider subtracts the largest institution's 30 of 90; of the others, half are cases."""
    plan = lay_out(tmp_path, entries, TOGETHER + "independent_variants = 7")
    plan.write_text(plan.read_text().replace("max_people = 3000", "max_people = 30"))
    said = check(plan)
    first, second = (power(people, values, rate) for rate in (1e-2, 1e-4))
    assert f"with probability {first:.2g} whether that person took part, wrongly" in said
    assert f"one in 100, and with {second:.2g}, wrongly accusing one in 10,000" in said
    assert f"if {people:,} people are behind a total" in said
    assert "of 7 independent variants (as the plan states)" in said
    assert "at most 60 people are left" in said
    assert ("the smaller group has 30 people at most" in said) == (people == 30)


def test_membership_of_what_passes(tmp_path: Path) -> None:
    said = check(lay_out(tmp_path, PASSING))
    assert 'Release "passing" opens totals of the variants that pass only.' in said
    assert "Whoever knows" not in said


def test_more_independent_variants_than_sites(tmp_path: Path) -> None:
    plan = lay_out(tmp_path, FREQUENCY, "independent_variants = 12")
    refused = command("study", "check", plan)
    assert_refused(refused, "independent_variants is at most 11, the number of sites")
