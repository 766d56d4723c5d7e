"""What the ledger keeps of one release: who, which people, which sites, what was asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from mpcgen.codec import Value
from mpcgen.errors import InputError

T = TypeVar("T")

ALL, CASES, CONTROLS, MISSING = "all", "cases", "controls", "missing"
MALES, OTHERS = "males", "others"  # as the chromosomes X and Y tell them apart
_SETS = ({ALL, MISSING, MALES, OTHERS}, {ALL, CASES, CONTROLS, MISSING, MALES, OTHERS})


@dataclass(frozen=True)
class Member:
    """An institution of a plan.

    Attributes:
        identity: its public Ed25519 key in hexadecimal digits, or "" where the plan has none.
        brings: whether it has people.
    """

    name: str
    identity: str
    brings: bool

    def is_same(self, other: "Member") -> bool:
        """Whether both are one institution: by identity, or by name where one has none."""
        if self.identity and other.identity:
            return self.identity == other.identity
        return self.name == other.name


@dataclass(frozen=True)
class Asked:
    """An entry of a plan.

    Attributes:
        options: as the plan has them, each as text.
        threshold: "p = 5e-08", or "" where it has none.
        digits: value that is opened alone -> binary digits that it is rounded to.
        sites: name of its positions in the store.
    """

    name: str
    statistic: str
    release: str
    options: Mapping[str, str]
    threshold: str
    digits: Mapping[str, int]
    sites: str


@dataclass(frozen=True)
class Release:
    """One release, or one that is wanted.

    Attributes:
        plan: SHA-256 of the plan.
        study: its id.
        session: of the run that began it, "" before there is one.
        build: genome build of the positions.
        data: hash over the genotypes of the sites, as they were read.
        min_individuals: how many people a combination must concern at least.
        floors: of the plan; empty where it has none.
        sets: "all", "cases" ... -> name of these people in the store.
        people: the same -> how many they are.
        sites: name in the store of all positions that are asked about.
    """

    plan: str
    study: str
    session: str
    build: str
    data: str
    min_individuals: int
    floors: Mapping[str, int]
    institutions: Sequence[Member]
    entries: Sequence[Asked]
    sets: Mapping[str, str]
    people: Mapping[str, int]
    sites: str

    @property
    def owners(self) -> list[Member]:
        """The institutions with people."""
        return [member for member in self.institutions if member.brings]

    def repeats(self, other: "Release") -> bool:
        """Whether it opens the very numbers of another one: its plan, people and genotypes."""
        return (self.plan, self.data, dict(self.sets)) == (other.plan, other.data, dict(other.sets))

    def row(self) -> dict[str, Value]:
        """Its values in the ledger."""
        return {
            **{field.name: getattr(self, field.name) for field in fields(self)},
            "institutions": [vars(member) for member in self.institutions],
            "entries": [vars(entry) for entry in self.entries],
        }

    @classmethod
    def of_row(cls, values: Mapping[str, Value]) -> "Release":
        """The release of a row.

        Raises:
            InputError: the row has another form.
        """
        if values.keys() != {field.name for field in fields(cls)}:
            raise InputError("this is no row of a release")
        sets = _map(values["sets"], str)
        if sets.keys() not in _SETS:
            raise InputError("these are not the sets of people of a release")
        people = _map(values["people"], int)
        if people.keys() != sets.keys():
            raise InputError("other sets are counted than are named")
        text = {key: _is(values[key], str) for key in ("plan", "study", "session", "build", "data")}
        return cls(
            **text,
            min_individuals=_is(values["min_individuals"], int),
            floors=_map(values["floors"], int),
            institutions=[_member(each) for each in _list(values["institutions"])],
            entries=[_asked(each) for each in _list(values["entries"])],
            sets=sets,
            people=people,
            sites=_is(values["sites"], str),
        )


def _member(value: Value) -> Member:
    have = _keys(value, "name", "identity", "brings")
    return Member(_is(have["name"], str), _is(have["identity"], str), _is(have["brings"], bool))


def _asked(value: Value) -> Asked:
    have = _keys(value, *(field.name for field in fields(Asked)))
    text = {k: _is(have[k], str) for k in ("name", "statistic", "release", "threshold", "sites")}
    return Asked(**text, options=_map(have["options"], str), digits=_map(have["digits"], int))


def _keys(value: Value, *names: str) -> Mapping[str, Value]:
    if not isinstance(value, Mapping) or value.keys() != set(names):
        raise InputError(f"a table with {', '.join(names)} should stand there")
    return value


def _map(value: Value, kind: type[T]) -> dict[str, T]:
    if not isinstance(value, Mapping):
        raise InputError("a table should stand there")
    return {key: _is(each, kind) for key, each in value.items()}


def _list(value: Value) -> Sequence[Value]:
    if not isinstance(value, list):
        raise InputError("a list should stand there")
    return value


def _is(value: Value, kind: type[T]) -> T:
    if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
        raise InputError(f"{kind.__name__} should stand there, not {value!r:.80}")
    return value
