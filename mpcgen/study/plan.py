"""The study plan as its institutions have it: who takes part, on which sites, what opens."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mpcgen.abb import Seat
from mpcgen.errors import PlanError
from mpcgen.protocols.engines import ENGINES
from mpcgen.protocols.floors import Minima
from mpcgen.study.toml import Document, line_of

BUILDS = ("GRCh36", "GRCh37", "GRCh38")
RELEASES = ("totals", "passing", "statistic")
TOPOLOGIES = ("mesh", "relay")
CONSENTS = ("two institutions", "stratified sums", "pairs together")

NO_FLOORS = (
    'floors = "none": every joint total is opened, however few people are behind it. '
    "Institutions can subtract their own counts. Use this for public data and tests only."
)
LOW_FLOORS = "floors are lower than usual: {}. What so few people are behind may be opened."
OPEN_ENGINE = (
    'engine "{}": the computing institution sees the counts of every other one. '
    "It hides nothing; use it for tests only."
)
UNFIT_ENGINE = (
    'engine "{}" is NOT FOR REAL DATA: {}. Use it to compare engines, on public or made-up data.'
)
TWO_OWNERS = (
    "two owners may be behind what is opened: each subtracts its own counts and knows the other's "
    "whole table."
)
PAIRS_TOGETHER = (
    "linkage is opened by consent, of pairs that go round, or beside counts by group: where "
    "variants are dense, its sums tell single people's genotypes and phenotypes, whatever the "
    "floors."
)
STRATIFIED_SUMS = (
    "the sums of the Cochran-Mantel-Haenszel test are opened: they can leave a single possible "
    "table for each institution, whatever the floors."
)


@dataclass(frozen=True)
class Institution:
    """One owner of data, and its party.

    Attributes:
        address: host:port where its one port listens; "" where it dials out to a relay alone.
        key: public CURVE key of its transport, 40 characters of Z85.
        max_people: the most people that it may bring; the range proof rests on it. 0: it computes
            and brings no data.
        identity: public Ed25519 key that its steward signs with, 64 hexadecimal digits; or "".
        jurisdiction: country where its party runs, by ISO 3166-1 alpha-2; or "".
    """

    name: str
    address: str
    key: str
    max_people: int
    identity: str = ""
    jurisdiction: str = ""


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
        purpose: what the data are used for, ids of the GA4GH Data Use Ontology.
        disease: what is studied, ids of an ontology.
        follows: the hash of the plan that this one takes the place of, or "".
        key_bits: size of the key holder's key, where the engine has one.
        dealer: who deals correlated randomness, where the engine has one.
        floors: None where the plan says floors = "none".
        consent: what stewards agreed to that floors cannot mend, of CONSENTS.
        independent_variants: how many, for the power of membership inference; None: estimated.
        topology: of TOPOLOGIES; parties dial each other, or all dial out to a relay.
        relay: its host:port, or "".
        relay_identity: its public Ed25519 key, 64 hexadecimal digits, or "".
        relay_jurisdiction: country where it runs, by ISO 3166-1 alpha-2, or "".
        timeout_seconds: how long a party that is there may be silent.
        connect_seconds: how long the parties wait for all to come.
        absence_seconds: how long a party is waited for whose connection was lost.
    """

    document: Document
    sha256: str
    id: str
    title: str
    build: str
    trait: str
    ancestry: str
    technology: str
    purpose: tuple[str, ...]
    disease: tuple[str, ...]
    follows: str
    sites_file: Path
    sites_sha256: str
    frequency_sha256: str | None
    palindromic: str
    founders_only: bool
    engine: str
    computing: tuple[str, ...]
    key_bits: int
    dealer: str
    floors: Minima | None
    consent: tuple[str, ...]
    independent_variants: int | None
    topology: str
    relay: str
    relay_identity: str
    relay_jurisdiction: str
    timeout_seconds: float
    connect_seconds: float
    absence_seconds: float
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
    def readers(self) -> tuple[str, ...]:
        """Who learns what is opened: all but a dealer."""
        return tuple(name for name in self.names if name != self.dealer)

    @property
    def owners(self) -> tuple[str, ...]:
        """The institutions that bring data."""
        return tuple(i.name for i in self.institutions if i.max_people)

    def seat(self, me: str) -> Seat:
        """A party's place in the plan's sessions."""
        return Seat(me, self.readers, self.owners, self.computing, self.key_bits, self.dealer)

    @property
    def ref_known(self) -> bool:
        """Whether ref is known to be the reference's allele: only a VCF says so."""
        return ".vcf" in self.sites_file.suffixes

    @property
    def max_people(self) -> int:
        """The most people that the study may have."""
        return sum(institution.max_people for institution in self.institutions)

    @property
    def of_two(self) -> bool:
        """Whether a total of two institutions may be opened."""
        return len(self.owners) == 2 or (
            self.floors is not None and self.floors.min_institutions < 3
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What every command that touches the plan says aloud."""
        engine = ENGINES[self.engine]
        loud = {
            UNFIT_ENGINE.format(self.engine, engine.unfit): bool(engine.unfit),
            NO_FLOORS: self.floors is None,
            OPEN_ENGINE.format(self.engine): not engine.hides,
            TWO_OWNERS: self.of_two,
            STRATIFIED_SUMS: "stratified sums" in self.consent and self._tests("cmh"),
            PAIRS_TOGETHER: self._opens_pairs_together,
            LOW_FLOORS.format(", ".join(self._low_floors)): bool(self._low_floors),
        }
        return tuple(words for words, holds in loud.items() if holds)

    def _tests(self, test: str) -> bool:
        """Whether an entry asks for this test."""
        asked = (entry.options.get("tests") for entry in self.entries)
        return any(isinstance(tests, list) and test in tests for tests in asked)

    @property
    def _opens_pairs_together(self) -> bool:
        """Whether pairs may be opened that go round, or beside counts by group."""
        linked = any(entry.statistic == "linkage" for entry in self.entries)
        return linked and "pairs together" in self.consent

    @property
    def _low_floors(self) -> tuple[str, ...]:
        """The floors that are lower than the design's, with both."""
        least = {} if self.floors is None else vars(self.floors)
        usual = vars(Minima())
        return tuple(
            f"{name} = {n} instead of {usual[name]}" for name, n in least.items() if n < usual[name]
        )

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
