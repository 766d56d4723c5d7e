"""Writing a plan's text: what `mpcgen study new` starts from."""

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from mpcgen.errors import InputError, MpcgenError
from mpcgen.genome.sites import read_sites
from mpcgen.protocols.floors import Minima
from mpcgen.study.load import load_study
from mpcgen.study.plan import Institution
from mpcgen.study.study import Study

_HEAD = """\
# A study plan of mpcgen. Every institution runs the same file; its SHA-256 names the study.

[study]
id = {id}
title = {title}
build = {build}                  # GRCh36, GRCh37 or GRCh38; data on another build are refused
trait = {trait}
ancestry = {ancestry}
technology = {technology}
# purpose = ["DUO:0000006"]         # what the data are used for, by the Data Use Ontology
# disease = ["MONDO:0005147"]       # what is studied, by an ontology

[sites]
file = {sites}                # beside this plan: .bim, .pvar, sites-only VCF or TSV
sha256 = {sha256}
palindromic = "as_given"          # or leave_out, by_reference_frequency

[engine]
name = "replicated"               # three computing parties, one of which may be curious
computing = {computing}

[release]
{release}"""

_FLOORS = """\
# Opened is only what meets these floors, jointly and without each single institution; they hold as
# they stand here, and one that is written without # is changed.
{minima}
# independent_variants = 1000      # for the power of membership inference; estimated without it
# consent = ["stratified sums"]    # where all agree to the test cmh, which floors do not mend;
#                                  # "pairs together": to linkage, see below
# floors = "none"                  # instead of all this, for public data: every total is opened
"""

_TWO = """\
# Of two institutions each learns the other's whole table. This plan is refused until both agree:
{off}consent = ["two institutions"]
{off}min_institutions = 2
"""

NO_FLOORS = """\
# No disclosure floors: every joint total is opened, however few people are behind it.
# For public data and tests only.
floors = "none"
"""

_INSTITUTION = """
[[institutions]]
name = {name}
{address}key = {key}               # its public key, from `mpcgen keygen`
max_people = {max_people}             # the most people that it brings; the range proof rests on it
"""

_ADDRESS = "address = {address}      # where its one port listens\n"

ENTRIES = """
[[entries]]
statistic = "frequency"
groups = ["all"]

[[entries]]
statistic = "association"
tests = ["allelic", "genotypic", "trend"]
# release = "passing"              # opens only variants with a smaller p-value, decided on shares
# p = 5e-8

# Linkage is left out: in a window above 2, or beside counts of cases and of controls, its sums can
# tell single people's genotypes and phenotypes, whatever the floors. Where all agree to that, write
# consent = ["pairs together"] under [release], and the lines below without their first #.
# [[entries]]
# statistic = "linkage"
# window = 50
# kb = 1000
# min_r2 = 0.2                       # weaker pairs are opened, but not listed
# # release = "passing"              # opens only pairs with a larger r2; leave out min_r2 then
# # r2 = 0.2
"""


def plan_text(
    study: dict[str, str],
    sites: str,
    sha256: str,
    institutions: Sequence[Institution],
    entries: str = ENTRIES,
    release: str | None = None,
) -> str:
    """The text of a plan.

    Args:
        study: id, title, build, trait, ancestry, technology.
        sites: the site list's file name, beside the plan.
        entries: TOML of the [[entries]].
        release: TOML of [release]; by default the floors as they are.
    """
    names = [institution.name for institution in institutions]
    text = _HEAD.format(
        **{key: _quoted(value) for key, value in study.items()},
        sites=_quoted(sites),
        sha256=_quoted(sha256),
        computing=json.dumps(names[:3]),
        release=release_text(institutions) if release is None else release,
    )
    for institution in institutions:
        text += _INSTITUTION.format(
            name=_quoted(institution.name),
            address=_ADDRESS.format(address=_quoted(institution.address))
            if institution.address
            else "",
            key=_quoted(institution.key),
            max_people=institution.max_people,
        )
        for key in ("identity", "jurisdiction"):
            if value := getattr(institution, key):
                text += f"{key} = {_quoted(value)}\n"
    return text + entries


def release_text(institutions: Sequence[Institution], *, agreed: bool = False) -> str:
    """TOML of [release] with the floors as they are, each as a comment.

    Args:
        agreed: where there are two owners, whether their consent is written, or a comment.
    """
    two = sum(institution.max_people > 0 for institution in institutions) == 2
    floors = {field.name: field.default for field in fields(Minima)}
    if two:
        del floors["min_institutions"]
    text = _FLOORS.format(minima="\n".join(f"# {key} = {least}" for key, least in floors.items()))
    return text + (_TWO.format(off="" if agreed else "# ") if two else "")


def described(
    institutions: Sequence[Institution], key: str, values: Sequence[tuple[str, str]]
) -> list[Institution]:
    """The institutions with an attribute set by name.

    Raises:
        InputError: a name is none of theirs, or stands there twice.
    """
    given = dict(values)
    for name in [name for name, _ in values]:
        if name not in [institution.name for institution in institutions]:
            raise InputError(f"there is no institution {name} to have this {key}")
    if len(given) < len(values):
        raise InputError(f"the {key} of an institution is given twice")
    return [replace(i, **{key: given.get(i.name, getattr(i, key))}) for i in institutions]


def new_plan(
    path: Path, about: dict[str, str], sites: Path, institutions: Sequence[Institution]
) -> Study:
    """Write a plan with frequency and association over a site list that stands beside it.

    Of two owners both have to agree, which nobody else can: their plan is checked as if they had,
    and written with their consent as a comment.

    Args:
        about: as plan_text's study.

    Raises:
        InputError: the plan exists, the site list is elsewhere or wrong, or what the plan should
            say is; nothing is left behind.
    """
    sha256 = read_sites(sites).sha256
    if not sites.parent.samefile(path.parent):
        where = path.parent
        raise InputError(f"the site list stands beside the plan; copy it to {where}", path=sites)
    agreed, written = (
        plan_text(
            about, sites.name, sha256, institutions, release=release_text(institutions, agreed=yes)
        )
        for yes in (True, False)
    )
    write_new(path, agreed)
    try:
        study = load_study(path)
        path.write_text(written, encoding="utf-8")
    except (MpcgenError, OSError):
        path.unlink()
        raise
    return study


def write_new(path: Path, text: str) -> None:
    """Write a file that must not exist yet.

    Raises:
        InputError: it exists.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InputError("the file exists already; name another one", path=path) from error


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
