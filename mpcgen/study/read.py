"""The study plan's file: TOML that every institution reads, checks and runs unchanged.

    [study]         id, title, build, trait, ancestry, technology; purpose, disease, follows
    [sites]         file (beside the plan), sha256 of its canonical rows, palindromic;
                    frequency_sha256 where the palindromic rule uses the list's frequencies
    [people]        founders_only
    [engine]        name, computing (which institutions compute); key_bits, where there is a key;
                    dealer, where the engine has one
    [release]       floors = "none", or the least counts that may be opened (floors.Minima);
                    consent, independent_variants
    [network]       timeout_seconds, connect_seconds, absence_seconds; topology, and with a relay
                    relay, relay_identity, relay_jurisdiction
    [[institutions]] name, address, key, max_people, identity, jurisdiction
    [[entries]]     statistic, name, release, and the statistic's own options

The plan's hash is SHA-256 over the bytes of its file: what `sha256sum` prints.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from mpcgen.errors import PlanError
from mpcgen.files import is_beside
from mpcgen.genome.alignment import PALINDROMIC
from mpcgen.protocols.catalogue import STATISTICS
from mpcgen.protocols.engines import COMPARISONS, ENGINES, Engine, advised
from mpcgen.protocols.floors import MOST, Minima
from mpcgen.study.plan import BUILDS, CONSENTS, RELEASES, Entry, Plan
from mpcgen.study.read_parties import (
    NAME,
    NAME_WORDS,
    SHA256,
    SHA256_WORDS,
    check_distinct,
    match,
    match_or_none,
    read_institutions,
    read_lines,
)
from mpcgen.study.toml import Section, read_toml

_DUO = re.compile("DUO:[0-9]{7}")
_ONTOLOGY = re.compile("[A-Za-z][A-Za-z0-9_.]{0,31}:[A-Za-z0-9_]{1,32}")


def read_plan(path: Path) -> Plan:
    """Read and check a plan's file; the site list is not opened yet.

    Raises:
        PlanError: what is wrong, and what would be right.
    """
    top = read_toml(path, PlanError)
    study, sites, people = top.section("study"), top.section("sites"), top.section("people")
    engine, release, network = top.section("engine"), top.section("release"), top.section("network")
    parties, entries = top.sections("institutions"), top.sections("entries")
    lines = read_lines(network)
    institutions = read_institutions(parties, lines.topology)
    names = tuple(institution.name for institution in institutions)
    name = engine.choice("name", tuple(ENGINES), "replicated")
    dealer = engine.get("dealer", str) if ENGINES[name].deals else ""
    plan = Plan(
        document=top.document,
        sha256=hashlib.sha256(top.document.raw).hexdigest(),
        id=match(study, "id", NAME, NAME_WORDS),
        title=study.get("title", str),
        build=study.choice("build", BUILDS),
        trait=study.get("trait", str),
        ancestry=study.get("ancestry", str),
        technology=study.get("technology", str),
        purpose=_terms(study, "purpose", _DUO, 'ids of the Data Use Ontology, as "DUO:0000006"'),
        disease=_terms(study, "disease", _ONTOLOGY, 'ids of an ontology, as "MONDO:0005147"'),
        follows=match_or_none(study, "follows", SHA256, f"a plan's hash, {SHA256_WORDS}"),
        sites_file=path.parent / _beside(sites, "file"),
        sites_sha256=match(sites, "sha256", SHA256, SHA256_WORDS),
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
        **vars(lines),
        institutions=institutions,
        entries=tuple(_entry(section) for section in entries),
    )
    for section in (top, study, sites, people, engine, release, network):
        section.done()
    advice = "; give each of these [[entries]] a name of its own"
    check_distinct(entries, "name", [entry.name for entry in plan.entries], advice)
    _check_parties(plan, engine)
    _check_release(plan, release)
    return plan


def _entry(section: Section) -> Entry:
    statistic = section.choice("statistic", tuple(STATISTICS))
    release = section.get("release", str, "totals")
    if release not in RELEASES:
        raise section.fail(f'release is one of {", ".join(RELEASES)}, not "{release}"', "release")
    name = match(section, "name", NAME, NAME_WORDS, statistic)
    return Entry(name, statistic, release, section.rest())


def _beside(section: Section, key: str) -> str:
    """The name of a file that came with the plan: errors quote its lines, so it is no other one."""
    name = section.get(key, str)
    if not is_beside(name):
        raise section.fail(f'{key} is a file beside the plan, not "{name}"', key)
    return name


def _terms(section: Section, key: str, pattern: re.Pattern[str], words: str) -> tuple[str, ...]:
    terms = section.names(key, ())
    for term in terms:
        if not pattern.fullmatch(term):
            raise section.fail(f'{key} has {words}, not "{term}"', key)
    return terms


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
    names = advised(fit)
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
