"""The study plan: one TOML file that every institution reads, checks and runs unchanged.

    [study]         id, title, build, trait, ancestry, technology
    [sites]         file (beside the plan), sha256 of its canonical rows, palindromic;
                    frequency_sha256 where the palindromic rule uses the list's frequencies
    [people]        founders_only
    [engine]        name, computing (which institutions compute)
    [release]       floors = "none", or the least counts that may be opened (floors.Minima);
                    consent, independent_variants
    [network]       timeout_seconds, connect_seconds
    [[institutions]] name, address, key, max_people
    [[entries]]     statistic, name, release, and the statistic's own options

The plan's hash is SHA-256 over the bytes of its file: what `sha256sum` prints.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from mpcgen.errors import PlanError
from mpcgen.genome.alignment import PALINDROMIC
from mpcgen.protocols.catalogue import STATISTICS
from mpcgen.protocols.engines import ENGINES
from mpcgen.protocols.floors import Minima
from mpcgen.protocols.statistic import MAX_PEOPLE
from mpcgen.study.toml import Document, Section, line_of, read_toml

BUILDS = ("GRCh36", "GRCh37", "GRCh38")
RELEASES = ("totals", "passing")
CONSENTS = ("two institutions", "stratified sums")
MAX_SECONDS = 1e6  # of any time-out: eleven days

NO_FLOORS = (
    'floors = "none": every joint total is opened, however few people are behind it. '
    "Institutions can subtract their own counts. Use this for public data and tests only."
)
OPEN_ENGINE = (
    'engine "{}": the computing institution sees the counts of every other one. '
    "It hides nothing; use it for tests only."
)
TWO_OWNERS = (
    "there are two owners: whatever is opened, each subtracts its own counts and knows the "
    "other's whole table."
)
STRATIFIED_SUMS = (
    "the sums of the Cochran-Mantel-Haenszel test are opened: they can leave a single possible "
    "table for each institution, whatever the floors."
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_NAME_WORDS = "letters, digits, - and _, at most 32, a letter first"
_SHA256 = re.compile("[0-9a-f]{64}")
_Z85_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
_ADDRESS = re.compile(r"[A-Za-z0-9.\-]+:([0-9]{1,5})|\[[0-9a-fA-F:]+\]:([0-9]{1,5})")


@dataclass(frozen=True)
class Institution:
    """One owner of data, and its party.

    Attributes:
        address: host:port where its one port listens.
        key: public CURVE key of its transport, 40 characters of Z85.
        max_people: the most people that it may bring; the range proof rests on it. 0: it computes
            and brings no data.
    """

    name: str
    address: str
    key: str
    max_people: int


@dataclass(frozen=True)
class Entry:
    """One statistic to compute, as the plan has it; its options are checked by the statistic."""

    name: str
    statistic: str
    release: str
    options: Mapping[str, object]


@dataclass(frozen=True)
class Plan:
    """A checked study plan.

    Attributes:
        document: the file as it was read; the hash is over these bytes.
        floors: None where the plan says floors = "none".
        consent: what stewards agreed to that floors cannot mend, of CONSENTS.
        independent_variants: how many, for the power of membership inference; None: estimated.
    """

    document: Document
    sha256: str
    id: str
    title: str
    build: str
    trait: str
    ancestry: str
    technology: str
    sites_file: Path
    sites_sha256: str
    frequency_sha256: str | None
    palindromic: str
    founders_only: bool
    engine: str
    computing: tuple[str, ...]
    floors: Minima | None
    consent: tuple[str, ...]
    independent_variants: int | None
    timeout_seconds: float
    connect_seconds: float
    institutions: tuple[Institution, ...]
    entries: tuple[Entry, ...]

    @property
    def path(self) -> Path:
        """The plan's file."""
        return self.document.path

    @property
    def names(self) -> tuple[str, ...]:
        """The institutions' names, in the plan's order."""
        return tuple(institution.name for institution in self.institutions)

    @property
    def owners(self) -> tuple[str, ...]:
        """The institutions that bring data."""
        return tuple(i.name for i in self.institutions if i.max_people)

    @property
    def ref_known(self) -> bool:
        """Whether ref is known to be the reference's allele: only a VCF says so."""
        return ".vcf" in self.sites_file.suffixes

    @property
    def max_people(self) -> int:
        """The most people that the study may have."""
        return sum(institution.max_people for institution in self.institutions)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What every command that touches the plan says aloud."""
        loud = {
            NO_FLOORS: self.floors is None,
            OPEN_ENGINE.format(self.engine): not ENGINES[self.engine].hides,
            TWO_OWNERS: len(self.owners) == 2,
            STRATIFIED_SUMS: "stratified sums" in self.consent,
        }
        return tuple(words for words, holds in loud.items() if holds)

    def fail(self, message: str, entry: Entry | None = None) -> PlanError:
        """The error to raise about the plan, or about one of its entries."""
        if entry is None:
            return PlanError(message, path=self.path)
        place = ("entries", self.entries.index(entry))
        line = line_of(self.document.text, place)
        return PlanError(f"entry {entry.name}: {message}", path=self.path, line=line)

    def institution(self, name: str) -> Institution:
        """The institution of a name.

        Raises:
            PlanError: the plan has no such institution.
        """
        for institution in self.institutions:
            if institution.name == name:
                return institution
        raise self.fail(f"there is no institution {name}; the plan has {', '.join(self.names)}")


def read_plan(path: Path) -> Plan:
    """Read and check a plan's file; the site list is not opened yet.

    Raises:
        PlanError: what is wrong, and what would be right.
    """
    top = read_toml(path, PlanError)
    study, sites, people = top.section("study"), top.section("sites"), top.section("people")
    engine, release, network = top.section("engine"), top.section("release"), top.section("network")
    parties, entries = top.sections("institutions"), top.sections("entries")
    institutions = tuple(_institution(section) for section in parties)
    names = tuple(institution.name for institution in institutions)
    name = engine.choice("name", tuple(ENGINES), "replicated")
    plan = Plan(
        document=top.document,
        sha256=hashlib.sha256(top.document.raw).hexdigest(),
        id=_match(study, "id", _NAME, _NAME_WORDS),
        title=study.get("title", str),
        build=study.choice("build", BUILDS),
        trait=study.get("trait", str),
        ancestry=study.get("ancestry", str),
        technology=study.get("technology", str),
        sites_file=path.parent / sites.get("file", str),
        sites_sha256=_match(sites, "sha256", _SHA256, "64 hexadecimal digits, 0-9 and a-f"),
        frequency_sha256=sites.optional("frequency_sha256", str),
        palindromic=sites.choice("palindromic", PALINDROMIC),
        founders_only=people.get("founders_only", bool, False),
        engine=name,
        computing=engine.names("computing", names[: ENGINES[name].computing]),
        floors=_floors(release),
        consent=release.names("consent", ()),
        independent_variants=release.optional("independent_variants", int),
        timeout_seconds=_seconds(network, "timeout_seconds", 600.0),
        connect_seconds=_seconds(network, "connect_seconds", 120.0),
        institutions=institutions,
        entries=tuple(_entry(section) for section in entries),
    )
    for section in (top, study, sites, people, engine, release, network):
        section.done()
    for key in ("name", "address", "key"):
        _check_distinct(parties, key, [getattr(i, key) for i in institutions])
    advice = "; give each of these [[entries]] a name of its own"
    _check_distinct(entries, "name", [entry.name for entry in plan.entries], advice)
    _check_parties(plan, engine)
    _check_release(plan, release)
    return plan


def _institution(section: Section) -> Institution:
    institution = Institution(
        name=_match(section, "name", _NAME, _NAME_WORDS),
        address=_match(section, "address", _ADDRESS, '"host:port"'),
        key=_match(section, "key", _Z85_KEY, "the 40 characters that `mpcgen keygen` prints"),
        max_people=section.get("max_people", int),
    )
    if not 0 < int(institution.address.rpartition(":")[2]) < 1 << 16:
        raise section.fail(f"there is no such port in {institution.address}", "address")
    if not 0 <= institution.max_people <= MAX_PEOPLE:
        raise section.fail(
            f"max_people is a number of people up to {MAX_PEOPLE}, or 0 for a party without data",
            "max_people",
        )
    section.done()
    return institution


def _entry(section: Section) -> Entry:
    statistic = section.choice("statistic", tuple(STATISTICS))
    release = section.get("release", str, "totals")
    if release not in RELEASES:
        raise section.fail(f'release is one of {", ".join(RELEASES)}, not "{release}"', "release")
    name = _match(section, "name", _NAME, _NAME_WORDS, statistic)
    return Entry(name, statistic, release, section.rest())


def _floors(release: Section) -> Minima | None:
    """The plan's floors; None only where it says so."""
    word = release.optional("floors", str)
    if word not in (None, "none"):
        raise release.fail(
            'floors is "none", or left out for the floors of [release]: '
            f"{', '.join(field.name for field in fields(Minima))}",
            "floors",
        )
    given = {}
    for field in fields(Minima):
        value = release.optional(field.name, int)
        if value is None:
            continue
        if word == "none":
            raise release.fail(f'floors = "none" leaves no place for {field.name}', field.name)
        if not 1 <= value <= MAX_PEOPLE:
            raise release.fail(
                f"{field.name} is from 1, which allows all, to {MAX_PEOPLE}", field.name
            )
        given[field.name] = value
    return None if word == "none" else Minima(**given)


def _seconds(section: Section, key: str, default: float) -> float:
    value = section.get(key, float, default)
    if not 0 < value <= MAX_SECONDS:
        raise section.fail(f"{key} is above 0 and at most {MAX_SECONDS:.0f} seconds", key)
    return value


def _match(
    section: Section, key: str, pattern: re.Pattern[str], words: str, default: str | None = None
) -> str:
    value = section.get(key, str, default)
    if not pattern.fullmatch(value):
        raise section.fail(f'{key} is {words}, not "{value}"', key)
    return value


def _check_parties(plan: Plan, engine: Section) -> None:
    if len(plan.owners) < 2:
        raise plan.fail("a study has at least two institutions with data (max_people above 0)")
    for name in plan.computing:
        if name not in plan.names:
            known = ", ".join(plan.names)
            raise engine.fail(f'there is no institution "{name}"; there are {known}', "computing")
    wanted = ENGINES[plan.engine].computing
    if len(plan.computing) != wanted:
        raise engine.fail(
            f"the engine {plan.engine} has {wanted} computing "
            f"{'party' if wanted == 1 else 'parties'}, not {len(plan.computing)}",
            "computing",
        )


def _check_release(plan: Plan, release: Section) -> None:
    for word in plan.consent:
        if word not in CONSENTS:
            raise release.fail(
                f'consent is to some of {", ".join(CONSENTS)}, not "{word}"', "consent"
            )
    if plan.independent_variants is not None and plan.independent_variants < 1:
        raise release.fail("independent_variants is a number of at least 1", "independent_variants")
    if plan.floors is None:
        return
    if len(plan.owners) == 2 and "two institutions" not in plan.consent:
        raise release.fail(
            "of two institutions each learns the other's whole table from any total; where both "
            'agree to that, write consent = ["two institutions"] under [release]'
        )
    if plan.floors.min_institutions > len(plan.owners):
        raise release.fail(
            f"min_institutions is {plan.floors.min_institutions}, and {len(plan.owners)} "
            "institutions bring data: nothing could be opened",
            "min_institutions" if "min_institutions" in plan.document.text else None,
        )


def _check_distinct(
    sections: Sequence[Section], key: str, values: Sequence[str], advice: str = ""
) -> None:
    for n, value in enumerate(values):
        if value in values[:n]:
            first = sections[values.index(value)].name
            raise sections[n].fail(f'the {key} "{value}" is that of {first} already{advice}', key)
