"""The study plan's file: TOML that every institution reads, checks and runs unchanged.

    [study]         id, title, build, trait, ancestry, technology
    [sites]         file (beside the plan), sha256 of its canonical rows, palindromic;
                    frequency_sha256 where the palindromic rule uses the list's frequencies
    [people]        founders_only
    [engine]        name, computing (which institutions compute); key_bits, where there is a key;
                    dealer, where the engine has one
    [release]       floors = "none", or the least counts that may be opened (floors.Minima);
                    consent, independent_variants
    [network]       timeout_seconds, connect_seconds
    [[institutions]] name, address, key, max_people
    [[entries]]     statistic, name, release, and the statistic's own options

The plan's hash is SHA-256 over the bytes of its file: what `sha256sum` prints.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from mpcgen.errors import PlanError
from mpcgen.genome.alignment import PALINDROMIC
from mpcgen.protocols.catalogue import STATISTICS
from mpcgen.protocols.engines import COMPARISONS, ENGINES, Engine
from mpcgen.protocols.floors import MOST, Minima
from mpcgen.protocols.statistic import MAX_PEOPLE
from mpcgen.study.plan import BUILDS, CONSENTS, RELEASES, Entry, Institution, Plan
from mpcgen.study.toml import Section, read_toml

MAX_SECONDS = 1e6  # of any time-out: eleven days

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_NAME_WORDS = "letters, digits, - and _, at most 32, a letter first"
_SHA256 = re.compile("[0-9a-f]{64}")
_Z85_KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
_ADDRESS = re.compile(r"[A-Za-z0-9.\-]+:([0-9]{1,5})|\[[0-9a-fA-F:]+\]:([0-9]{1,5})")


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
    dealer = engine.get("dealer", str) if ENGINES[name].deals else ""
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
        computing=engine.names("computing", _computing(ENGINES[name], names, dealer)),
        key_bits=_key_bits(engine, ENGINES[name].key_bits),
        dealer=dealer,
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


def _computing(engine: Engine, names: tuple[str, ...], dealer: str) -> tuple[str, ...]:
    """Who computes unless the plan says so: the first institutions, or all but a dealer."""
    able = tuple(name for name in names if name != dealer)
    return able if engine.more else able[: engine.computing]


def _key_bits(engine: Section, sizes: Sequence[int]) -> int:
    """The size of the key holder's key; 0 where the engine has none to choose."""
    if not sizes:
        return 0
    bits = engine.get("key_bits", int, max(sizes))
    if bits not in sizes:
        allowed = " or ".join(map(str, sizes))
        raise engine.fail(f"key_bits is {allowed}, not {bits}", "key_bits")
    return bits


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
        if not 1 <= value <= MOST:
            raise release.fail(f"{field.name} is from 1 to {MOST}", field.name)
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
    named = [(name, "computing") for name in plan.computing]
    for name, key in [*named, (plan.dealer, "dealer")]:
        if name not in (*plan.names, ""):
            known = ", ".join(plan.names)
            raise engine.fail(f'there is no institution "{name}"; there are {known}', key)
    found = len(plan.computing)
    if not _takes(ENGINES[plan.engine], found):
        raise engine.fail(
            f"the engine {plan.engine} has {ENGINES[plan.engine].parties} computing "
            f"{'party' if plan.engine == 'clear' else 'parties'}, not {found}{_able(plan, found)}",
            "computing",
        )
    most = ENGINES[plan.engine].max_owners
    if len(plan.owners) > most:
        raise engine.fail(
            f"the engine {plan.engine} adds up values of at most {most} institutions, not "
            f"{len(plan.owners)}; all other engines of any number",
            "name",
        )
    if plan.dealer in (*plan.computing, *plan.owners):
        raise engine.fail(
            f"{plan.dealer} deals, and so neither computes nor brings data: it knows the masks of "
            "the others' values; name another institution, with max_people = 0",
            "dealer",
        )


def _takes(engine: Engine, computing: int) -> bool:
    """Whether so many parties can compute."""
    return computing == engine.computing or (engine.more and computing > engine.computing)


def _able(plan: Plan, computing: int) -> str:
    """The engines that so many parties can compute with, as far as entries and floors let them."""
    withholds = plan.floors is not None or any(e.release != "totals" for e in plan.entries)
    needs = {COMPARISONS} if withholds else set()
    fit = (e for e in ENGINES.values() if _takes(e, computing) and e.offers >= needs)
    names = ", ".join(e.name for e in fit)
    return f"; with {computing}: {names}" if names else ""


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
    if plan.of_two and "two institutions" not in plan.consent:
        raise release.fail(
            "where two institutions are behind a total, each learns the other's whole table from "
            'it; where all agree to that, write consent = ["two institutions"] under [release]'
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
