"""The parties of a plan's file and how they reach each other: [[institutions]] and [network]."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mpcgen.protocols.statistic import MAX_PEOPLE
from mpcgen.study.countries import COUNTRIES
from mpcgen.study.plan import TOPOLOGIES, Institution
from mpcgen.study.toml import Section

MAX_SECONDS = 1e6  # of any time-out: eleven days

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
NAME_WORDS = "letters, digits, - and _, at most 32, a letter first"
SHA256 = re.compile("[0-9a-f]{64}")
SHA256_WORDS = "64 hexadecimal digits, 0-9 and a-f"
_IDENTITY_WORDS = "the 64 hexadecimal digits that `mpcgen identity` prints"
_Z85_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
_ADDRESS = re.compile(r"[A-Za-z0-9.\-]+:([0-9]{1,5})|\[[0-9a-fA-F:]+\]:([0-9]{1,5})")


@dataclass(frozen=True)
class Lines:
    """How parties reach each other, as [network] has it; the attributes are the plan's."""

    topology: str
    relay: str
    relay_identity: str
    relay_jurisdiction: str
    timeout_seconds: float
    connect_seconds: float
    absence_seconds: float


def read_lines(network: Section) -> Lines:
    """[network], checked."""
    topology = network.choice("topology", TOPOLOGIES, "mesh")
    by_relay = topology == "relay"
    for key in ("relay", "relay_identity", "relay_jurisdiction"):
        if key in network and not by_relay:
            raise network.fail(f'{key} goes with topology = "relay"', key)
    return Lines(
        topology=topology,
        relay=_address(network, "relay") if by_relay else "",
        relay_identity=match(network, "relay_identity", SHA256, _IDENTITY_WORDS)
        if by_relay
        else "",
        relay_jurisdiction=_jurisdiction(network, "relay_jurisdiction"),
        timeout_seconds=_seconds(network, "timeout_seconds", 600.0),
        connect_seconds=_seconds(network, "connect_seconds", 120.0),
        absence_seconds=_seconds(network, "absence_seconds", 60.0),
    )


def read_institutions(parties: Sequence[Section], topology: str) -> tuple[Institution, ...]:
    """The [[institutions]], each checked, and that no two have anything in common."""
    institutions = tuple(_institution(section, topology) for section in parties)
    for key in ("name", "address", "key", "identity"):
        check_distinct(parties, key, [getattr(i, key) for i in institutions])
    without = [n for n, institution in enumerate(institutions) if not institution.identity]
    if 0 < len(without) < len(institutions):
        raise parties[without[0]].fail(
            "the key identity is missing, which others have: all institutions have one, made with "
            "`mpcgen identity`, or none"
        )
    return institutions


def _institution(section: Section, topology: str) -> Institution:
    institution = Institution(
        name=match(section, "name", NAME, NAME_WORDS),
        address=_address(section, "address") if topology == "mesh" or "address" in section else "",
        key=match(section, "key", _Z85_KEY, "the 40 characters that `mpcgen keygen` prints"),
        max_people=section.get("max_people", int),
        identity=match_or_none(section, "identity", SHA256, _IDENTITY_WORDS),
        jurisdiction=_jurisdiction(section, "jurisdiction"),
    )
    if not 0 <= institution.max_people <= MAX_PEOPLE:
        raise section.fail(
            f"max_people is a number of people up to {MAX_PEOPLE}, or 0 for a party without data",
            "max_people",
        )
    section.done()
    return institution


def _address(section: Section, key: str) -> str:
    address = match(section, key, _ADDRESS, '"host:port"')
    if not 0 < int(address.rpartition(":")[2]) < 1 << 16:
        raise section.fail(f"there is no such port in {address}", key)
    return address


def _jurisdiction(section: Section, key: str) -> str:
    code = section.optional(key, str)
    if code is not None and code not in COUNTRIES:
        raise section.fail(
            f'{key} is a country\'s two capital letters by ISO 3166-1 ("DE", "GB"), not "{code}"',
            key,
        )
    return code or ""


def _seconds(section: Section, key: str, default: float) -> float:
    value = section.get(key, float, default)
    if not 0 < value <= MAX_SECONDS:
        raise section.fail(f"{key} is above 0 and at most {MAX_SECONDS:.0f} seconds", key)
    return value


def match(
    section: Section, key: str, pattern: re.Pattern[str], words: str, default: str | None = None
) -> str:
    """A text of a certain form.

    Args:
        words: what the error says that it is.
    """
    value = section.get(key, str, default)
    if not pattern.fullmatch(value):
        raise section.fail(f'{key} is {words}, not "{value}"', key)
    return value


def match_or_none(section: Section, key: str, pattern: re.Pattern[str], words: str) -> str:
    """As match, and "" where the key is absent."""
    return match(section, key, pattern, words) if key in section else ""


def check_distinct(
    sections: Sequence[Section], key: str, values: Sequence[str], advice: str = ""
) -> None:
    """Refuse a value that two sections have; "" is none."""
    for n, value in enumerate(values):
        if value and value in values[:n]:
            first = sections[values.index(value)].name
            raise sections[n].fail(f'the {key} "{value}" is that of {first} already{advice}', key)
