"""Which purposes a permission of the Data Use Ontology covers, against its published table."""

import pytest

from mpcgen.study.duo import (
    AGE,
    ANCESTRY,
    BIOMEDICAL,
    CC,
    CONTROL,
    DISEASE,
    DRUGS,
    DS,
    GENETIC,
    GRU,
    HMB,
    IRB,
    METHODS,
    MODIFIERS,
    NRES,
    PERMISSIONS,
    POA,
    POPULATION,
    PURPOSES,
    TERMS,
    not_covered,
)

DIABETES, CANCER, LUNG = "MONDO:0005148", "MONDO:0004992", "MONDO:0005233"


def covers(permission: str, *purposes: str, studied: str = "", permitted: str = "") -> bool:
    return not not_covered(permission, purposes, studied.split(), permitted.split())


def test_no_term_stands_twice_and_every_one_has_a_name() -> None:
    assert len(TERMS) == 5 + 18 + 10
    assert all(key == term.id and term.label for key, term in TERMS.items())
    shorts = [term.short for term in (PERMISSIONS | MODIFIERS).values()]
    assert len(set(shorts)) == len(shorts)
    assert all(shorts)


@pytest.mark.parametrize(
    ("purpose", "covering"),
    [
        (GRU, {NRES, GRU}),
        (HMB, {NRES, GRU, HMB}),
        (BIOMEDICAL, {NRES, GRU, HMB}),
        (GENETIC, {NRES, GRU, HMB}),
        (DRUGS, {NRES, GRU, HMB}),
        (DS, {NRES, GRU, HMB}),
        (CONTROL, {NRES, GRU, HMB}),
        (POA, {NRES, GRU, POA}),
        (ANCESTRY, {NRES, GRU, POA}),
        (POPULATION, {NRES, GRU}),
        (METHODS, {NRES, GRU}),
        (AGE, {NRES, GRU}),
        (CC, {NRES}),
        (IRB, {NRES}),  # a condition is no purpose
        ("DUO:0000005", {NRES}),  # deprecated
    ],
)
def test_what_covers_a_purpose_that_stands_alone(purpose: str, covering: set[str]) -> None:
    assert {permission for permission in PERMISSIONS if covers(permission, purpose)} == covering


def test_a_study_without_a_purpose_is_covered_by_no_restriction_only() -> None:
    assert {permission for permission in PERMISSIONS if covers(permission)} == {NRES}


def test_a_disease_is_covered_by_its_own_permission_alone() -> None:
    both = f"{CANCER} {DIABETES}"
    assert covers(DS, DS, studied=CANCER, permitted=both)
    assert covers(DS, DISEASE, GENETIC, studied=both, permitted=both)
    assert covers(DS, DS, METHODS, CONTROL, AGE, studied=CANCER, permitted=CANCER)
    assert not covers(DS, DS, studied=both, permitted=CANCER)
    assert not covers(DS, DS, studied=LUNG, permitted=CANCER)  # no ontology of diseases is here
    assert not covers(DS, DS, permitted=CANCER)
    assert not covers(DS, GENETIC, studied=CANCER, permitted=CANCER)
    assert not covers(DS, DS, ANCESTRY, studied=CANCER, permitted=CANCER)


def test_what_is_covered_beside_another_purpose() -> None:
    assert covers(HMB, GENETIC, METHODS, AGE)
    assert covers(POA, ANCESTRY, METHODS)
    assert not covers(HMB, METHODS, AGE)
    assert not covers(HMB, GENETIC, ANCESTRY)
    assert not covers(POA, ANCESTRY, CONTROL)


def test_every_purpose_has_to_be_covered() -> None:
    for permission in PERMISSIONS:
        for purpose in PURPOSES:
            alone = covers(permission, purpose)
            assert covers(permission, purpose, purpose) == alone
    assert not_covered(HMB, [HMB, POPULATION, ANCESTRY]) == [
        "the purpose DUO:0000032 (population research) is not covered",
        "the purpose DUO:0000033 (ancestry research) is not covered",
    ]


def test_clinical_care_is_added_by_its_modifier() -> None:
    assert not not_covered(HMB, [HMB, CC], care=True)
    assert not_covered(HMB, [HMB, CC])
