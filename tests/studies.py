"""Whole studies for tests: lay one out in a folder, run it, find its results.

A folder holds plan.toml, the site list and other lists, and NAME.toml and NAME.key of every
institution. Results go to OUT/NAME, as `mpcgen run --local` has it.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from mpcgen.audit import identity
from mpcgen.genome.sites import read_sites
from mpcgen.net import keys
from mpcgen.net.channel import Channel
from mpcgen.parties.party import Session, take_part
from mpcgen.parties.results import Output, Results
from mpcgen.parties.signing import decide
from mpcgen.report.folders import replacing_folder
from mpcgen.report.record import RunRecord
from mpcgen.study.institution import InstitutionConfig, read_config
from mpcgen.study.load import load_study
from mpcgen.study.read import read_plan
from mpcgen.study.study import Study
from tests.ports import LOOPBACK, free_ports
from tests.threads import in_threads

NAMES = ("A", "B", "C")
MAX_PEOPLE = 3000

FREQUENCY = """
[[entries]]
statistic = "frequency"
groups = {}
"""
OF_ALL = FREQUENCY.format('["all"]')
OF_GROUPS = FREQUENCY.format('["all", "cases", "controls"]')
ASSOCIATION = """
[[entries]]
statistic = "association"
tests = ["allelic", "genotypic", "trend", "cmh"]
"""


@dataclass(frozen=True)
class Member:
    """One institution of a study: its PLINK files without suffix, or None if it only computes.

    people: keys of [people] in its configuration.
    """

    name: str
    bfile: Path | None
    people: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rules:
    """What a plan may say apart from its institutions, sites and entries."""

    engine: str = "replicated"
    computing: Sequence[str] = NAMES
    palindromic: str = "as_given"
    founders_only: bool = False
    release: str = 'floors = "none"'
    key_bits: int | None = None
    dealer: str | None = None


CLEAR = Rules("clear", NAMES[:1])
TOGETHER = 'consent = ["pairs together"]\n'  # to pairs that go round, or beside counts by group


def split(folder: Path) -> list[Member]:
    """The institutions of an open set's clean or messy split."""
    return [Member(name, folder / f"site{name}") for name in NAMES]


def passing(tests: Sequence[str], p: float | str) -> str:
    """An entry that opens the variants with a p-value below p in one of these tests."""
    return (
        f'\n[[entries]]\nstatistic = "association"\nrelease = "passing"\np = {p}\n'
        f"tests = {json.dumps(list(tests))}\n"
    )


def linkage(folder: Path, ids: Iterable[str], window: int) -> str:
    """An entry for all pairs of a window over these variants; their list goes into the folder."""
    text = "".join(f"{name}\n" for name in ids)
    (folder / "linkage.ids").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return (
        f'\n[[entries]]\nstatistic = "linkage"\nwindow = {window}\n'
        f'variants = "linkage.ids"\nvariants_sha256 = "{digest}"\n'
    )


def lay_out(
    folder: Path, members: Sequence[Member], sites: Path, entries: str, rules: Rules | None = None
) -> Path:
    """Write everything that a study needs; returns its plan."""
    rules = rules or Rules()
    shutil.copy(sites, folder / sites.name)
    listed = read_sites(sites)
    text = f"""
[study]
id = "test"
title = "A study of a test"
build = "GRCh37"
trait = "a trait"
ancestry = "European"
technology = "Genome-wide genotyping array"
[sites]
file = {_quoted(sites.name)}
sha256 = "{listed.sha256}"
frequency_sha256 = "{listed.frequency_sha256}"
palindromic = "{rules.palindromic}"
[people]
founders_only = {json.dumps(rules.founders_only)}
[engine]
name = "{rules.engine}"
computing = {json.dumps(list(rules.computing))}
{f"key_bits = {rules.key_bits}" if rules.key_bits else ""}
{f"dealer = {_quoted(rules.dealer)}" if rules.dealer else ""}
[release]
{rules.release}
[network]
timeout_seconds = 300
connect_seconds = 300
absence_seconds = 1
"""
    for member, port in zip(members, free_ports(len(members)), strict=True):
        public = keys.create(folder / f"{member.name}.key").public
        own = identity.create(folder / f"{member.name}.identity").public
        text += (
            f'[[institutions]]\nname = "{member.name}"\naddress = "{LOOPBACK}:{port}"\n'
            f"key = {_quoted(public)}\nmax_people = {MAX_PEOPLE if member.bfile else 0}\n"
            f'identity = "{own}"\n'
        )
        (folder / f"{member.name}.toml").write_text(_configuration(member))
    plan = folder / "plan.toml"
    plan.write_text(text + entries)
    return plan


def _configuration(member: Member) -> str:
    text = f'name = "{member.name}"\n[key]\nfile = "{member.name}.key"\n'
    text += f'[identity]\nfile = "{member.name}.identity"\n'
    if member.bfile is not None:
        text += f'[data]\nbfile = {_quoted(str(member.bfile.resolve()))}\nbuild = "GRCh37"\n'
        text += "[people]\n" + "".join(f"{k} = {_quoted(v)}\n" for k, v in member.people.items())
    return text


def approve(plan: Path) -> None:
    """Let every institution approve a plan; their configurations need not be right."""
    read = read_plan(plan)
    for name in read.names:
        own = plan.with_name(f"{name}.identity")
        decide(read, InstitutionConfig(own, name, None, None, None, identity_file=own), "approve")


def run_in_processes(plan: Path, out: Path) -> Path:
    """Run a study as operating-system processes; returns the folder of all results."""
    command = [sys.executable, "-m", "mpcgen", "run", plan, "--local", plan.parent, "--out", out]
    done = subprocess.run(
        [*map(str, command), "--each", "--no-plots"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return out


def run_in_threads(plan: Path, out: Path) -> Path:
    """Run a study as threads over the memory transport; returns the folder of all results."""
    study = load_study(plan)
    in_threads(study.plan.names, partial(_take_part, study, plan.parent, out))
    return out


def _take_part(study: Study, folder: Path, out: Path, channel: Channel) -> Session:
    with ExitStack() as stack:
        own = stack.enter_context(replacing_folder(out / channel.me))
        results = Results(study, Output(out / channel.me, plots=False), own)
        config = read_config(folder / f"{channel.me}.toml")
        return take_part(study, config, lambda: channel, results.write)


def tables(out: Path) -> dict[str, bytes]:
    """The bytes of every result file by its path below OUT; the run record apart, and dates."""
    return {
        str(path.relative_to(out)): _dateless(path.read_bytes())
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.suffix != ".json"
    }


def _dateless(content: bytes) -> bytes:
    return re.sub(rb"\ndate_metadata_last_modified: .*", b"", content)


def records(out: Path) -> list[RunRecord]:
    """The institutions' run records without their times."""
    found = [RunRecord.read(path) for path in sorted(out.glob("*/record.json"))]
    timeless = [tuple(replace(step, seconds=0) for step in record.costs) for record in found]
    return [replace(r, started="", costs=c) for r, c in zip(found, timeless, strict=True)]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
