"""An institution's policy: what its steward allows to be done with its data, for software to check.

    institution     whose policy it is
    [use]           permission and modifiers, by the Data Use Ontology (mpcgen.study.duo), and what
                    they need: diseases (DS), research_types (RS), regions (GS), until (TS),
                    publish_after (MOR), projects (PS), institutions (IS), collaborators (COL)
    [[confirmed]]   plan, terms, by: what no software can see and a person has seen to
    [[partners]]    name, identity, not_for_profit
    [parties]       jurisdictions, computing_jurisdictions
    [engines]       names, malicious_only
    [release]       statistics, tests, levels, consent, no_floors
    [floors]        the least that a plan's floors may be
    [people]        opt_outs: who is never used

What a policy does not mention it does not limit, but for three things: without a word of it no plan
may switch the floors off or lower them below the usual ones, none may ask for a consent, and no
engine may run that hides nothing or is not for real data.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

from mpcgen.errors import ConfigError
from mpcgen.protocols.catalogue import STATISTICS
from mpcgen.protocols.engines import ENGINES
from mpcgen.protocols.floors import MOST, Minima
from mpcgen.study import duo
from mpcgen.study.countries import COUNTRIES
from mpcgen.study.plan import CONSENTS, RELEASES
from mpcgen.study.toml import Document, Section, line_of, read_toml

_IDENTITY = re.compile("[0-9a-f]{64}")
_DISEASE = re.compile("[A-Za-z][A-Za-z0-9_.]{0,31}:[A-Za-z0-9_]{1,32}")

# What a permission or a modifier needs, by its key under [use].
NEEDS = {
    duo.DS: "diseases",
    duo.GS: "regions",
    duo.TS: "until",
    duo.MOR: "publish_after",
    duo.PS: "projects",
    duo.IS: "institutions",
    duo.COL: "collaborators",
}
MAY_HAVE = {duo.RS: "research_types"}


@dataclass(frozen=True)
class Use:
    """What the data may be used for.

    Attributes:
        permission: of duo.PERMISSIONS.
        modifiers: of duo.MODIFIERS.
        diseases: ids of the diseases that DS permits.
        research_types: investigations of which RS wants one; empty: a person confirms it.
        regions: countries outside which GS permits no use.
        until: the last day on which TS permits use.
        publish_after: the day before which MOR permits no publication.
        projects: ids of the plans that PS permits.
        institutions: partners that IS permits.
        collaborators: partners one of whom COL wants in the study.
    """

    permission: str
    modifiers: tuple[str, ...]
    diseases: tuple[str, ...] = ()
    research_types: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    until: date | None = None
    publish_after: date | None = None
    projects: tuple[str, ...] = ()
    institutions: tuple[str, ...] = ()
    collaborators: tuple[str, ...] = ()


@dataclass(frozen=True)
class Confirmed:
    """What a person has seen to.

    Attributes:
        plan: the plan's id.
        terms: modifiers.
        by: who, in words.
    """

    plan: str
    terms: tuple[str, ...]
    by: str


@dataclass(frozen=True)
class Partner:
    """An institution that may take part, known by its identity whatever a plan calls it."""

    name: str
    identity: str
    not_for_profit: bool


@dataclass(frozen=True)
class Policy:
    """A checked policy. An empty tuple of what is allowed limits nothing.

    Attributes:
        jurisdictions: countries where parties may run.
        computing_jurisdictions: where those that compute or deal may run.
        floors: the least that each floor may be; those that are missing may not be lower than
            usual, unless no_floors.
        opt_outs: a list of people who are never used.
    """

    document: Document
    institution: str
    use: Use
    confirmed: tuple[Confirmed, ...]
    partners: tuple[Partner, ...]
    jurisdictions: tuple[str, ...]
    computing_jurisdictions: tuple[str, ...]
    engines: tuple[str, ...]
    malicious_only: bool
    statistics: tuple[str, ...]
    tests: tuple[str, ...]
    levels: tuple[str, ...]
    consent: tuple[str, ...]
    no_floors: bool
    floors: Mapping[str, int]
    opt_outs: Path | None

    @property
    def path(self) -> Path:
        """The policy's file."""
        return self.document.path

    def line(self, *place: str | int) -> int | None:
        """The line of a rule, or of what it would stand in."""
        return line_of(self.document.text, place)


def read_policy(path: Path) -> Policy:
    """Read and check an institution's policy.

    Raises:
        ConfigError: what is wrong, and what would be right.
    """
    top = read_toml(path, ConfigError)
    names = ("use", "parties", "engines", "release", "floors", "people")
    sections = {name: top.section(name) for name in names}
    parties, engines, release = (sections[name] for name in ("parties", "engines", "release"))
    partners = tuple(_partner(s) for s in top.sections("partners")) if "partners" in top else ()
    use = _use(sections["use"], partners)
    confirmed = top.sections("confirmed") if "confirmed" in top else []
    opt_outs = sections["people"].optional("opt_outs", str)
    policy = Policy(
        document=top.document,
        institution=top.get("institution", str),
        use=use,
        confirmed=tuple(_confirmed(section, use) for section in confirmed),
        partners=partners,
        jurisdictions=_countries(parties, "jurisdictions"),
        computing_jurisdictions=_countries(parties, "computing_jurisdictions"),
        engines=_some_of(engines, "names", tuple(ENGINES)),
        malicious_only=engines.get("malicious_only", bool, False),
        statistics=_some_of(release, "statistics", tuple(STATISTICS)),
        tests=_some(release, "tests"),
        levels=_some_of(release, "levels", RELEASES),
        consent=_some_of(release, "consent", CONSENTS),
        no_floors=release.get("no_floors", bool, False),
        floors=_floors(sections["floors"]),
        opt_outs=None if opt_outs is None else path.parent / opt_outs,
    )
    for section in (top, *sections.values()):
        section.done()
    return policy


def _use(use: Section, partners: tuple[Partner, ...]) -> Use:
    permission = _term(use, "permission", use.get("permission", str), tuple(duo.PERMISSIONS))
    modifiers = tuple(
        _term(use, "modifiers", term, tuple(duo.MODIFIERS)) for term in use.names("modifiers", ())
    )
    for term, key in (NEEDS | MAY_HAVE).items():
        there = term in (permission, *modifiers)
        if key in use and not there:
            raise use.fail(f"{key} goes with {duo.term(term)}", key)
        if there and term in NEEDS and key not in use:
            raise use.fail(f"{duo.term(term)} needs the key {key}")
    types = _some_of(use, "research_types", tuple(duo.INVESTIGATIONS))
    return Use(
        permission=permission,
        modifiers=modifiers,
        diseases=_diseases(use),
        research_types=types,
        regions=_countries(use, "regions"),
        until=use.optional("until", date),
        publish_after=use.optional("publish_after", date),
        projects=_some(use, "projects"),
        institutions=_some_of(use, "institutions", tuple(p.name for p in partners)),
        collaborators=_some_of(use, "collaborators", tuple(p.name for p in partners)),
    )


def _term(use: Section, key: str, term: str, known: tuple[str, ...]) -> str:
    if term not in known:
        listed = ", ".join(map(duo.term, known))
        raise use.fail(f'{key}: "{term}" is none of {listed} (DUO {duo.RELEASE})', key)
    return term


def _diseases(use: Section) -> tuple[str, ...]:
    for disease in use.names("diseases", ()):
        if not _DISEASE.fullmatch(disease):
            raise use.fail(
                f'diseases has ids of an ontology, as "MONDO:0005148", not "{disease}"', "diseases"
            )
    return _some(use, "diseases")


def _partner(section: Section) -> Partner:
    partner = Partner(
        section.get("name", str),
        section.get("identity", str),
        section.get("not_for_profit", bool, False),
    )
    if not _IDENTITY.fullmatch(partner.identity):
        raise section.fail(
            "identity is the 64 hexadecimal digits that `mpcgen identity` prints", "identity"
        )
    section.done()
    return partner


def _confirmed(section: Section, use: Use) -> Confirmed:
    confirmed = Confirmed(section.get("plan", str), section.names("terms"), section.get("by", str))
    for term in confirmed.terms:
        if term not in use.modifiers:
            raise section.fail(f"{duo.term(term)} is no modifier of [use]", "terms")
    section.done()
    return confirmed


def _floors(section: Section) -> dict[str, int]:
    given = {}
    for field in fields(Minima):
        value = section.optional(field.name, int)
        if value is not None and not 1 <= value <= MOST:
            raise section.fail(f"{field.name} is from 1 to {MOST}", field.name)
        if value is not None:
            given[field.name] = value
    return given


def _countries(section: Section, key: str) -> tuple[str, ...]:
    for code in section.names(key, ()):
        if code not in COUNTRIES:
            raise section.fail(
                f'{key} has countries by ISO 3166-1 ("DE", "GB"), and "{code}" is none', key
            )
    return _some(section, key)


def _some_of(section: Section, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
    for name in section.names(key, ()):
        if name not in known:
            raise section.fail(f'{key} has some of {", ".join(known)}, not "{name}"', key)
    return _some(section, key)


def _some(section: Section, key: str) -> tuple[str, ...]:
    """A list, which is not empty: that would read as "none", and limits nothing."""
    names = section.names(key, ())
    if key in section and not names:
        raise section.fail(f"{key} is empty; leave it out where it limits nothing", key)
    return names
