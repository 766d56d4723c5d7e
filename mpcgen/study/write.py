"""Writing a plan's text: what `mpcgen study new` starts from."""

import json
from collections.abc import Sequence
from pathlib import Path

from mpcgen.errors import InputError, MpcgenError
from mpcgen.genome.sites import read_sites
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

[sites]
file = {sites}                # beside this plan: .bim, .pvar, sites-only VCF or TSV
sha256 = {sha256}
palindromic = "as_given"          # or leave_out, by_reference_frequency

[engine]
name = "replicated"               # three computing parties, one of which may be curious
computing = {computing}

[release]
# No disclosure floors: every joint total is opened, however few people are behind it.
# For public data and tests only.
floors = "none"
"""

_INSTITUTION = """
[[institutions]]
name = {name}
address = {address}      # where its one port listens
key = {key}               # its public key, from `mpcgen keygen`
max_people = {max_people}             # the most people that it brings; the range proof rests on it
"""

ENTRIES = """
[[entries]]
statistic = "frequency"
groups = ["all"]

[[entries]]
statistic = "association"
tests = ["allelic", "genotypic", "trend", "cmh"]

[[entries]]
statistic = "linkage"
window = 50
kb = 1000
min_r2 = 0.2
"""


def plan_text(
    study: dict[str, str],
    sites: str,
    sha256: str,
    institutions: Sequence[Institution],
    entries: str = ENTRIES,
) -> str:
    """The text of a plan.

    Args:
        study: id, title, build, trait, ancestry, technology.
        sites: the site list's file name, beside the plan.
        entries: TOML of the [[entries]].
    """
    names = [institution.name for institution in institutions]
    text = _HEAD.format(
        **{key: _quoted(value) for key, value in study.items()},
        sites=_quoted(sites),
        sha256=_quoted(sha256),
        computing=json.dumps(names[:3]),
    )
    for institution in institutions:
        text += _INSTITUTION.format(
            name=_quoted(institution.name),
            address=_quoted(institution.address),
            key=_quoted(institution.key),
            max_people=institution.max_people,
        )
    return text + entries


def new_plan(
    path: Path, about: dict[str, str], sites: Path, institutions: Sequence[Institution]
) -> Study:
    """Write a plan with frequency, association and linkage over a site list that stands beside it.

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
    write_new(path, plan_text(about, sites.name, sha256, institutions))
    try:
        return load_study(path)
    except MpcgenError:
        path.unlink()
        raise


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
