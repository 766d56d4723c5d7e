"""The demonstration study on this machine: data, keys, private configurations and a plan."""

import hashlib
import shutil
from importlib.resources import as_file, files
from pathlib import Path

from mpcgen.genome.sites import read_sites
from mpcgen.net.keys import create
from mpcgen.net.ports import free_ports
from mpcgen.study.plan import Institution
from mpcgen.study.write import NO_FLOORS, plan_text, write_new

RESULTS = "results"  # folder that the demonstration's runs write
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

_TABLE = """
[people]
table = "C.pheno.tsv"
phenotype = "CC"
case = "1"
control = "0"
"""


def prepare(folder: Path) -> Path:
    """Lay the study out in a new folder; returns its plan.

    Each institution has a folder of its own with its PLINK files, its key and its configuration.
    """
    folder.mkdir(parents=True)
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
    for name in PEOPLE:
        config = _CONFIG.format(name=name, people=_TABLE if name == "C" else "")
        write_new(folder / name / f"{name}.toml", config)
    sha256 = hashlib.sha256((folder / "peak.ids").read_bytes()).hexdigest()
    plan = folder / "plan.toml"
    sites = read_sites(folder / "sites.tsv").sha256
    entries = _ENTRIES.format(sha256=sha256)
    write_new(plan, plan_text(ABOUT, "sites.tsv", sites, institutions, entries, NO_FLOORS))
    return plan


def is_demonstration(folder: Path) -> bool:
    """Whether a folder is one that `prepare` made, and holds nothing else but its results."""
    plan = folder / "plan.toml"
    known = {plan.name, "sites.tsv", "peak.ids", RESULTS, *PEOPLE}
    return (
        plan.is_file()
        and not folder.is_symlink()
        and {path.name for path in folder.iterdir()} <= known
        and f'title = "{ABOUT["title"]}"'.encode() in plan.read_bytes()
    )
