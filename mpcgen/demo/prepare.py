"""The demonstration study on this machine: data, keys, private configurations and a plan."""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

from mpcgen.audit import identity
from mpcgen.genome.sites import read_sites
from mpcgen.net.keys import create
from mpcgen.net.ports import free_ports
from mpcgen.parties.signing import decide
from mpcgen.study.institution import read_config
from mpcgen.study.plan import Institution
from mpcgen.study.read import read_plan
from mpcgen.study.write import NO_FLOORS, plan_text, write_new

RESULTS = "results"  # folder that the demonstration's runs write
RELAY = "relay"  # folder of the relay's operator
PEOPLE = {"A": 320, "B": 280, "C": 240}

ABOUT = {
    "id": "demo",
    "title": "Demonstration of three institutions",
    "build": "GRCh38",
    "trait": "simulated disease",
    "ancestry": "Other",
    "technology": "Genome-wide genotyping array",
}

_ENTRIES = """
[[entries]]
statistic = "frequency"
groups = ["all", "cases", "controls"]

[[entries]]
statistic = "association"
tests = ["allelic", "genotypic", "trend", "cmh"]

[[entries]]
name = "linkage"
statistic = "linkage"
variants = "peak.ids"
variants_sha256 = "{sha256}"
window = 50
"""

_CONFIG = """\
# The private configuration of institution {name}. It never leaves the institution.
name = "{name}"

[data]
bfile = "{name}"
build = "GRCh38"
{people}
[key]
file = "{name}.key"
"""

_SIGNER = """
[identity]
file = "{name}.identity"
"""

_NETWORK = """
[network]
topology = "relay"
relay = "{relay}"
relay_identity = "{identity}"
"""

_TABLE = """
[people]
table = "C.pheno.tsv"
phenotype = "CC"
case = "1"
control = "0"
"""


def prepare(folder: Path, relay: str = "") -> Path:
    """Lay the study out in a new folder; returns its plan.

    Each institution has a folder of its own with its PLINK files, its key and its configuration.

    Args:
        relay: HOST:PORT of a relay, whose identity is made too; then every institution has one, no
            address, and has approved the plan.
    """
    folder.mkdir(parents=True)
    if relay:
        (folder / RELAY).mkdir()
    with as_file(files("mpcgen.demo") / "data") as data:
        for name in PEOPLE:
            own = folder / name
            own.mkdir()
            for file in data.glob(f"{name}.*"):
                shutil.copy(file, own)
        for shared in ("sites.tsv", "peak.ids"):
            shutil.copy(data / shared, folder)
    institutions = [
        Institution(name, f"127.0.0.1:{port}", create(folder / name / f"{name}.key").public, most)
        for (name, most), port in zip(PEOPLE.items(), free_ports(len(PEOPLE)), strict=True)
    ]
    if relay:
        institutions = [
            replace(each, address="", identity=identity.create(_identity(folder, each.name)).public)
            for each in institutions
        ]
    for name in PEOPLE:
        config = _CONFIG.format(name=name, people=_TABLE if name == "C" else "")
        config += _SIGNER.format(name=name) if relay else ""
        write_new(folder / name / f"{name}.toml", config)
    sha256 = hashlib.sha256((folder / "peak.ids").read_bytes()).hexdigest()
    plan = folder / "plan.toml"
    sites = read_sites(folder / "sites.tsv").sha256
    entries = _ENTRIES.format(sha256=sha256)
    if relay:
        entries += _prepare_relay(folder / RELAY, relay, institutions)
    write_new(plan, plan_text(ABOUT, "sites.tsv", sites, institutions, entries, NO_FLOORS))
    if relay:
        for name in PEOPLE:
            decide(read_plan(plan), read_config(folder / name / f"{name}.toml"), "approve")
    return plan


def _prepare_relay(folder: Path, address: str, institutions: Sequence[Institution]) -> str:
    """What the relay's operator has: an identity, and whom to let in; TOML of [network]."""
    own = identity.create(folder / "relay.identity").public
    pins = "".join(f"{each.identity}  # {each.name}\n" for each in institutions)
    write_new(folder / "allowed", pins)
    return _NETWORK.format(relay=address, identity=own)


def _identity(folder: Path, name: str) -> Path:
    return folder / name / f"{name}.identity"


def is_demonstration(folder: Path) -> bool:
    """Whether a folder is one that `prepare` made, and holds nothing else but its results."""
    plan = folder / "plan.toml"
    known = {plan.name, "sites.tsv", "peak.ids", RESULTS, RELAY, "plan-approvals", *PEOPLE}
    return (
        plan.is_file()
        and not folder.is_symlink()
        and {path.name for path in folder.iterdir()} <= known
        and f'title = "{ABOUT["title"]}"'.encode() in plan.read_bytes()
    )
