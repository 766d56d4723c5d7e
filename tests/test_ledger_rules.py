"""The known attacks are refused by name; what does no harm is accepted."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from mpcgen.errors import Differenced
from tests.ledgers import Wanted, X, ledger_in, run

PEOPLE = range(100)
FIRST = Wanted(range(40), range(40, 100))


def refused(
    folder: Path, name: str, new: Wanted, *earlier: Wanted, signed: Sequence[str] = ()
) -> str:
    """After these releases a new one is refused by this name, and leaves no row; what was said."""
    ledger = ledger_in(folder)
    for wanted in earlier:
        run(ledger, wanted)
    before = ledger.path.read_bytes()
    with pytest.raises(Differenced, match=f"^refused by the ledger: {re.escape(name)}\\. ") as told:
        ledger.check(new.release(ledger), signed)
    with pytest.raises(Differenced):
        ledger.begin(new.release(ledger), signed)
    assert ledger.path.read_bytes() == before
    return str(told.value)


def accepted(folder: Path, *wanted: Wanted, signed: Sequence[str] = ()) -> None:
    """All of these can be released, one after the other."""
    ledger = ledger_in(folder)
    for each in wanted:
        assert ledger.check(each.release(ledger), signed) == ""
        ledger.begin(each.release(ledger), signed)


def test_one_person_added(tmp_path: Path) -> None:
    new = replace(FIRST, controls=range(40, 101))
    told = refused(tmp_path, "people added or left out", new, FIRST)
    assert "the controls of this plan" in told
    assert "fewer than 10, people" in told
    assert re.search(r"study study \(plan [0-9a-f]{8}, row 2, 20", told)
    assert "leave these positions out" in told


def test_nine_people_left_out_and_ten(tmp_path: Path) -> None:
    new = replace(FIRST, controls=range(49, 100))
    refused(tmp_path, "people added or left out", new, FIRST)
    accepted(tmp_path, replace(FIRST, controls=range(50, 100)))


A, B, x = set(range(40)), set(range(40, 80)), {200}


@pytest.mark.parametrize("order", list(permutations([A | B | x, A, B])))
def test_a_with_b_and_x_then_a_then_b(tmp_path: Path, order: Sequence[set[int]]) -> None:
    """Each two of the three differ by many; all three by x. Whichever comes last is refused."""
    *earlier, last = (Wanted(people) for people in order)
    told = refused(tmp_path, "3 plans combine", last, *earlier)
    assert "row 2" in told
    assert "row 4" in told


def test_a_with_b_and_x_then_a_with_x_then_b(tmp_path: Path) -> None:
    """Of one institution's people the third tells nothing new; of institutions B is left out."""
    accepted(tmp_path, *(Wanted(people) for people in (A | B | x, A | x, B)))
    refused(tmp_path, "people added or left out", Wanted(A))
    first, then = (replace(FIRST, owners=owners) for owners in (("A", "B", "x"), ("A", "x")))
    refused(tmp_path / "of institutions", "an institution left out", then, first)


def test_five_plans_combine(tmp_path: Path) -> None:
    """Each of four has a quarter more than the one that is wanted lacks, which has x too."""
    parts = [set(range(20 * i, 20 * i + 20)) for i in range(4)]
    plans = [Wanted(part) for part in parts]
    whole = Wanted(set().union(*parts) | {200})
    refused(tmp_path, "5 plans combine", whole, *plans)


def test_twice_the_same_total(tmp_path: Path) -> None:
    """Any two of three parts, each but one person: half their sum is all three."""
    a, b, c = set(range(20)), set(range(20, 40)), set(range(40, 60))
    plans = [Wanted(some) for some in (a | b | {200}, b | c, a | c)]
    refused(tmp_path, "4 plans combine", Wanted(a | b | c), *plans)


def test_one_person_moved_from_case_to_control(tmp_path: Path) -> None:
    new = replace(FIRST, cases=range(39), controls=range(39, 100))
    refused(tmp_path, "people moved between groups", new, FIRST)


def test_few_people_without_a_phenotype(tmp_path: Path) -> None:
    """All less cases less controls."""
    refused(tmp_path, "people added or left out", Wanted(range(105)), FIRST)


def test_a_small_group(tmp_path: Path) -> None:
    told = refused(tmp_path, "a small group", Wanted(range(3), range(3, 60)))
    assert "exclude_samples" in told
    accepted(tmp_path, Wanted([], range(3, 60)))


def test_males_are_told_apart_on_x_alone(tmp_path: Path) -> None:
    """One control turns out to be a woman."""
    men = set(range(0, 100, 2))
    first, new = (replace(FIRST, males=males) for males in (men, men - {50}))
    accepted(tmp_path / "autosome", first, replace(new, p=0.1))
    told = refused(
        tmp_path, "people moved between groups", replace(new, chrom=X), replace(first, chrom=X)
    )
    assert "males among controls" in told


def test_a_bisected_threshold(tmp_path: Path) -> None:
    first = replace(FIRST, p=1e-3)
    told = refused(tmp_path, "bisected threshold", replace(first, p=1e-4), first)
    assert "p = 0.0001 after p = 0.001" in told
    accepted(tmp_path, replace(first, p=None))
    accepted(tmp_path, replace(first, p=1e-4, sites=(4,)))
    accepted(tmp_path, replace(first, p=1e-4, statistic="other"))
    accepted(tmp_path, replace(first, p=1e-4, cases=range(200, 250), controls=range(250, 300)))


def test_a_threshold_is_compared_where_nothing_was_opened(tmp_path: Path) -> None:
    """That a variant did not pass was told of all."""
    ledger = ledger_in(tmp_path)
    run(ledger, replace(FIRST, p=1e-3), opened=())
    refused(tmp_path, "bisected threshold", replace(FIRST, p=1e-4))


def test_another_rounding(tmp_path: Path) -> None:
    first = replace(FIRST, digits=10)
    told = refused(tmp_path, "another rounding", replace(first, digits=11), first)
    assert "chisq to 2^-11 after 2^-10" in told


@pytest.mark.parametrize(
    ("floors", "words"),
    [({"min_mac": 4}, "min_mac = 4 after 5"), ({}, "no floors after some")],
)
def test_other_floors(tmp_path: Path, floors: dict[str, int], words: str) -> None:
    assert words in refused(tmp_path, "other floors", replace(FIRST, floors=floors), FIRST)


def test_an_institution_left_out(tmp_path: Path) -> None:
    new = replace(FIRST, owners=("A", "B"))
    assert "C would be left out" in refused(tmp_path, "an institution left out", new, FIRST)
    refused(tmp_path, "an institution left out", new, signed=["A", "B"])
    accepted(tmp_path, new, signed=["C"])


def test_an_institution_added(tmp_path: Path) -> None:
    new = replace(FIRST, owners=("A", "B", "C", "D"))
    assert "D would be added" in refused(tmp_path, "an institution added", new, FIRST)
    accepted(tmp_path, new, signed=["D"])


def test_an_institution_is_left_out_at_sites_that_were_not_opened(tmp_path: Path) -> None:
    run(ledger_in(tmp_path), FIRST, opened=(1,))
    refused(tmp_path, "an institution left out", replace(FIRST, owners=("A", "B")))
    accepted(tmp_path, replace(FIRST, owners=("A", "B"), sites=(2, 3)))


def test_an_institution_is_known_by_its_identity(tmp_path: Path) -> None:
    """Under another name it is the same, and its name does not make another one it."""
    known = {"A": "a" * 64, "B": "b" * 64, "C": "c" * 64}
    first = replace(FIRST, identities=known)
    renamed = replace(first, owners=("A", "B", "D"), identities={**known, "D": "c" * 64})
    accepted(tmp_path, first, renamed)
    other = replace(first, identities={**known, "C": "d" * 64})
    refused(tmp_path, "an institution left out", other, signed=["C"])
    refused(tmp_path, "an institution added", other, signed=["c" * 64])
    accepted(tmp_path, other, signed=["c" * 64, "d" * 64])


def test_changed_genotypes_under_the_same_plan(tmp_path: Path) -> None:
    refused(tmp_path, "changed genotypes", replace(FIRST, data="other"), FIRST)


def test_what_does_no_harm_is_accepted(tmp_path: Path) -> None:
    accepted(
        tmp_path,
        FIRST,
        replace(FIRST, statistic="linkage"),
        replace(FIRST, cases=range(200, 230), controls=range(230, 260)),
        replace(FIRST, controls=range(40, 101), sites=(7, 8)),
        replace(FIRST, cases=range(30), controls=range(30, 100)),
    )


def test_sets_combine_at_one_site_only(tmp_path: Path) -> None:
    plans = [Wanted(A | B | x, sites=(1,)), Wanted(A, sites=(2,)), Wanted(B, sites=(1, 2))]
    accepted(tmp_path, *plans)
    refused(tmp_path, "people added or left out", Wanted(B | {201}, sites=(2,)))


def test_the_same_again_is_no_new_release(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    run(ledger, FIRST)
    run(ledger, Wanted(range(40, 100)))
    again = FIRST.release(ledger)
    assert "opens the same numbers again" in ledger.check(again)
    ledger.begin(again)
    assert b'"kind":"again"' in ledger.path.read_bytes().splitlines()[-1]


def test_a_run_that_opened_nothing_does_not_count(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    begun = ledger.begin(FIRST.release(ledger))
    refused(tmp_path, "people added or left out", replace(FIRST, controls=range(40, 101)))
    ledger.nothing(begun)
    accepted(tmp_path, replace(FIRST, controls=range(40, 101)))


def test_a_run_that_did_not_end_counts_as_all_that_it_asked_for(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    run(ledger, FIRST, opened=(1,))
    ledger.begin(FIRST.release(ledger))
    refused(
        tmp_path,
        "people moved between groups",
        replace(FIRST, cases=range(41), controls=range(41, 100), sites=(2,)),
    )


def test_too_many_sets_are_refused_not_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpcgen.study.isolation.MOST_HASHED", 40)
    plans = [Wanted(range(20 * i, 20 * i + 20)) for i in range(5)]
    refused(tmp_path, "too many earlier releases to check", Wanted(PEOPLE), *plans)
