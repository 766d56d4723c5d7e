"""The GA4GH Data Use Ontology: its terms, and which purposes a permission covers.

Ids, abbreviations and labels are those of release 2021-02-23, the latest
(http://purl.obolibrary.org/obo/duo/releases/2021-02-23/duo.owl; github.com/EBISPOT/DUO, duo.csv).
Data are tagged with one permission (below DUO:0000001) and with modifiers (below DUO:0000017). A
study says what it is for with investigations (DUO:0000031 to DUO:0000040) and with permissions:
DUO:0000007 is research on a disease, whose id stands in the plan.

What covers what follows Lawson et al., "The Data Use Ontology to streamline responsible access to
human biomedical datasets", Cell Genomics 1 (2021) 100028, and the table "Research Purpose : Data
Use Limitation Matching" of DUO's README. Where these leave a choice the answer is no:

- Diseases are matched by their ids alone. That lung cancer is a cancer is in an ontology of
  diseases that is not here: whoever permits a disease lists those below it too.
- Work on methods, and on an age or a gender, is covered beside a purpose that is, not alone.
- Research on a specific population (DUO:0000032) may be about its origins, so only what permits
  any research covers it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

RELEASE: Final = "2021-02-23"

NRES, HMB, DS, POA, GRU = (f"DUO:00000{n}" for n in ("04", "06", "07", "11", "42"))
RS, NMDS, GSO, NPUNCU, PUB = (f"DUO:00000{n}" for n in ("12", "15", "16", "18", "19"))
COL, IRB, GS, MOR, TS = (f"DUO:00000{n}" for n in ("20", "21", "22", "24", "25"))
US, PS, IS, RTN, CC = (f"DUO:00000{n}" for n in ("26", "27", "28", "29", "43"))
NPOA, NPU, NCU = (f"DUO:00000{n}" for n in ("44", "45", "46"))
METHODS, POPULATION, ANCESTRY, AGE, GENDER = (f"DUO:00000{n}" for n in range(31, 36))
CONTROL, BIOMEDICAL, GENETIC, DRUGS, DISEASE = (f"DUO:00000{n}" for n in range(36, 41))


@dataclass(frozen=True)
class Term:
    """A term of the ontology.

    Attributes:
        short: its abbreviation there; "" for investigations, which have none.
    """

    id: str
    short: str
    label: str

    def __str__(self) -> str:
        return f"{self.id} ({', '.join(filter(None, (self.short, self.label)))})"


def _terms(*rows: tuple[str, str, str]) -> dict[str, Term]:
    return {row[0]: Term(*row) for row in rows}


PERMISSIONS: Final = _terms(
    (NRES, "NRES", "no restriction"),
    (GRU, "GRU", "general research use"),
    (HMB, "HMB", "health or medical or biomedical research"),
    (DS, "DS", "disease specific research"),
    (POA, "POA", "population origins or ancestry research only"),
)
MODIFIERS: Final = _terms(
    (RS, "RS", "research specific restrictions"),
    (NMDS, "NMDS", "no general methods research"),
    (GSO, "GSO", "genetic studies only"),
    (NPUNCU, "NPUNCU", "not for profit, non commercial use only"),
    (PUB, "PUB", "publication required"),
    (COL, "COL", "collaboration required"),
    (IRB, "IRB", "ethics approval required"),
    (GS, "GS", "geographical restriction"),
    (MOR, "MOR", "publication moratorium"),
    (TS, "TS", "time limit on use"),
    (US, "US", "user specific restriction"),
    (PS, "PS", "project specific restriction"),
    (IS, "IS", "institution specific restriction"),
    (RTN, "RTN", "return to database or resource"),
    (CC, "CC", "clinical care use"),
    (NPOA, "NPOA", "population origins or ancestry research prohibited"),
    (NPU, "NPU", "not for profit organisation use only"),
    (NCU, "NCU", "non-commercial use only"),
)
INVESTIGATIONS: Final = _terms(
    (METHODS, "", "method development"),
    (POPULATION, "", "population research"),
    (ANCESTRY, "", "ancestry research"),
    (AGE, "", "age category research"),
    (GENDER, "", "gender category research"),
    (CONTROL, "", "research control"),
    (BIOMEDICAL, "", "biomedical research"),
    (GENETIC, "", "genetic research"),
    (DRUGS, "", "drug development research"),
    (DISEASE, "", "disease category research"),
)
TERMS: Final = PERMISSIONS | MODIFIERS | INVESTIGATIONS

# What a plan may name as its purpose; clinical care is a use, though the ontology has no
# investigation of that name.
PURPOSES: Final = frozenset({*INVESTIGATIONS, GRU, HMB, DS, POA, CC})
OF_DISEASE: Final = frozenset({DS, DISEASE})
OF_HEALTH: Final = frozenset({HMB, DS, BIOMEDICAL, GENETIC, DRUGS, DISEASE})
OF_ORIGINS: Final = frozenset({POA, ANCESTRY})
BESIDE: Final = frozenset({METHODS, AGE, GENDER})  # covered where another purpose is

_COVERED: Final = {
    NRES: PURPOSES,
    GRU: PURPOSES - {CC},
    HMB: OF_HEALTH | {CONTROL},
    DS: OF_HEALTH,
    POA: OF_ORIGINS,
}


def not_covered(
    permission: str,
    purposes: Sequence[str],
    studied: Collection[str] = (),
    permitted: Collection[str] = (),
    *,
    care: bool = False,
) -> list[str]:
    """Why data under a permission may not be used for these purposes; empty: they may.

    Args:
        permission: an id of PERMISSIONS.
        purposes: ids that the study names.
        studied: ids of the diseases that the study names.
        permitted: those that the permission DS is for.
        care: whether the data have the modifier CC, which adds clinical care.
    """
    if permission == NRES:
        return []
    if not purposes:
        return ["the plan names no purpose"]
    unknown = [purpose for purpose in purposes if purpose not in PURPOSES]
    if unknown:
        return [f"the purpose {term(purpose)} says nothing of what is done" for purpose in unknown]
    covered = _COVERED[permission] | ({CC} if care else set())
    alone = [purpose for purpose in purposes if purpose in covered]
    beside = BESIDE if alone else frozenset[str]()
    if permission == DS and alone:
        beside |= {CONTROL}
    why = [f"the purpose {term(p)} is not covered" for p in purposes if p not in covered | beside]
    return why + (_other_diseases(purposes, studied, permitted) if permission == DS else [])


def _other_diseases(
    purposes: Sequence[str], studied: Collection[str], permitted: Collection[str]
) -> list[str]:
    """Why a study is not one of these diseases alone."""
    if not studied or OF_DISEASE.isdisjoint(purposes):
        terms = " or ".join(str(term(purpose)) for purpose in sorted(OF_DISEASE))
        return [f"the plan names no disease, with the purpose {terms}"]
    return [
        f"the disease {disease} is not listed" for disease in studied if disease not in permitted
    ]


def term(identifier: str) -> str:
    """A term with its name, as text; an unknown one as it stands."""
    return str(TERMS.get(identifier, identifier))
