"""The study plan: one TOML file that every institution reads, checks and runs unchanged.

    [study]         id, title, build, trait, ancestry, technology
    [sites]         file (beside the plan), sha256 of its canonical rows, palindromic
    [people]        founders_only
    [engine]        name, computing (which institutions compute)
    [release]       floors
    [network]       timeout_seconds, connect_seconds
    [[institutions]] name, address, key, max_people
    [[entries]]     statistic, name, release, and the statistic's own options

The plan's hash is SHA-256 over the bytes of its file: what `sha256sum` prints.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mpcgen.errors import PlanError
from mpcgen.protocols.engines import ENGINES
from mpcgen.study.toml import Section, read_toml

BUILDS = ("GRCh36", "GRCh37", "GRCh38")
PALINDROMIC = ("as_given", "leave_out", "by_reference_frequency")
RELEASES = ("totals",)
FLOORS = ("none",)

NO_FLOORS = (
    'floors = "none": every joint total is opened, however few people are behind it. '
    "Institutions can subtract their own counts. Use this for public data and tests only."
)
CLEAR_ENGINE = (
    'engine "clear": the computing institution sees the counts of every other one. '
    "It hides nothing; use it for tests only."
)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
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
    """A checked study plan."""

    path: Path
    sha256: str
    id: str
    title: str
    build: str
    trait: str
    ancestry: str
    technology: str
    sites_file: Path
    sites_sha256: str
    palindromic: str
    founders_only: bool
    engine: str
    computing: tuple[str, ...]
    floors: str
    timeout_seconds: float
    connect_seconds: float
    institutions: tuple[Institution, ...]
    entries: tuple[Entry, ...]

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
        loud = {NO_FLOORS: self.floors == "none", CLEAR_ENGINE: self.engine == "clear"}
        return tuple(words for words, holds in loud.items() if holds)

    def institution(self, name: str) -> Institution:
        """The institution of a name.

        Raises:
            PlanError: the plan has no such institution.
        """
        for institution in self.institutions:
            if institution.name == name:
                return institution
        raise PlanError(
            f"there is no institution {name}; the plan has {', '.join(self.names)}", path=self.path
        )


def read_plan(path: Path) -> Plan:
    """Read and check a plan's file; the site list is not opened yet.

    Raises:
        PlanError: what is wrong, and what would be right.
    """
    top = read_toml(path, PlanError)
    study, sites, people = top.section("study"), top.section("sites"), top.section("people")
    engine, release, network = top.section("engine"), top.section("release"), top.section("network")
    institutions = tuple(_institution(section) for section in top.sections("institutions"))
    names = tuple(institution.name for institution in institutions)
    name = engine.choice("name", tuple(ENGINES), "replicated")
    plan = Plan(
        path=path,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        id=_match(study, "id", _NAME, "letters, digits, - and _, at most 32, a letter first"),
        title=study.get("title", str),
        build=study.choice("build", BUILDS),
        trait=study.get("trait", str),
        ancestry=study.get("ancestry", str),
        technology=study.get("technology", str),
        sites_file=path.parent / sites.get("file", str),
        sites_sha256=_match(sites, "sha256", re.compile("[0-9a-f]{64}"), "64 hexadecimal digits"),
        palindromic=sites.choice("palindromic", PALINDROMIC),
        founders_only=people.get("founders_only", bool, False),
        engine=name,
        computing=engine.names("computing", names[: ENGINES[name].computing]),
        floors=_floors(release),
        timeout_seconds=network.get("timeout_seconds", float, 60.0),
        connect_seconds=network.get("connect_seconds", float, 120.0),
        institutions=institutions,
        entries=tuple(_entry(section) for section in top.sections("entries")),
    )
    for section in (top, study, sites, people, engine, release, network):
        section.done()
    _check_parties(plan, engine)
    _check_unique(plan, "names of entries", [entry.name for entry in plan.entries])
    return plan


def _institution(section: Section) -> Institution:
    institution = Institution(
        name=_match(section, "name", _NAME, "letters, digits, - and _, at most 32, a letter first"),
        address=_match(section, "address", _ADDRESS, '"host:port"'),
        key=_match(section, "key", _Z85_KEY, "the 40 characters that `mpcgen keygen` prints"),
        max_people=section.get("max_people", int),
    )
    if not 0 < int(institution.address.rpartition(":")[2]) < 1 << 16:
        raise section.fail(f"address: there is no such port in {institution.address}")
    if institution.max_people < 0:
        raise section.fail("max_people is a number of people, or 0 for a party without data")
    section.done()
    return institution


def _entry(section: Section) -> Entry:
    statistic = section.get("statistic", str)
    return Entry(
        statistic=statistic,
        name=_match(section, "name", _NAME, "letters, digits, - and _", statistic),
        release=section.choice("release", RELEASES, "totals"),
        options=section.rest(),
    )


def _floors(release: Section) -> str:
    floors = release.get("floors", str)
    if floors not in FLOORS:
        raise release.fail(
            "this version enforces no disclosure floors; a plan runs only with "
            'floors = "none" written in it, on data that are public'
        )
    return floors


def _match(
    section: Section, key: str, pattern: re.Pattern[str], words: str, default: str | None = None
) -> str:
    value = section.get(key, str, default)
    if not pattern.fullmatch(value):
        raise section.fail(f'{key} is {words}, not "{value}"')
    return value


def _check_parties(plan: Plan, engine: Section) -> None:
    if len(plan.owners) < 2:
        raise PlanError("a study has at least two institutions with data", path=plan.path)
    for what in ("name", "address", "key"):
        values = [getattr(institution, what) for institution in plan.institutions]
        _check_unique(plan, f"{what}s of institutions", values)
    for name in plan.computing:
        plan.institution(name)
    wanted = ENGINES[plan.engine].computing
    if len(plan.computing) != wanted:
        raise engine.fail(
            f"the engine {plan.engine} has {wanted} computing "
            f"{'party' if wanted == 1 else 'parties'}, not {len(plan.computing)}"
        )


def _check_unique(plan: Plan, what: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise PlanError(f'{what} are distinct; "{value}" stands there twice', path=plan.path)
