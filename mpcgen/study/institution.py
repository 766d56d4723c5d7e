"""An institution's private configuration: where its data are and how to read them.

    name            as the plan has it
    [data]          bfile (PLINK 1 files without their suffix), build
    [people]        table, fid, iid, phenotype, case, control, keep_samples, exclude_samples
    [key]           file (made by `mpcgen keygen`)
    [network]       listen (where the plan's address is not one of this machine's own)

It never leaves the institution; paths in it are relative to its file.
"""

from dataclasses import dataclass
from pathlib import Path

from mpcgen.errors import ConfigError
from mpcgen.genome.people import PeopleSource
from mpcgen.study.plan import BUILDS
from mpcgen.study.toml import read_toml


@dataclass(frozen=True)
class InstitutionConfig:
    """A checked private configuration.

    Attributes:
        bfile: path of the .bed, .bim and .fam without their suffix.
        key_file: the transport's secret key, or None where only data are checked.
        listen: host:port to listen on instead of the plan's address.
    """

    path: Path
    name: str
    bfile: Path
    build: str
    people: PeopleSource
    key_file: Path | None
    listen: str | None

    def file(self, suffix: str) -> Path:
        """The path of a PLINK file: file(".bed")."""
        return self.bfile.with_name(self.bfile.name + suffix)


def read_config(path: Path) -> InstitutionConfig:
    """Read and check an institution's configuration.

    Raises:
        ConfigError: what is wrong, and what would be right.
    """
    top = read_toml(path, ConfigError)
    data, people = top.section("data"), top.section("people")
    key, network = top.section("key"), top.section("network")
    folder = path.parent
    bfile = folder / data.get("bfile", str)

    def beside(name: str | None) -> Path | None:
        return None if name is None else folder / name

    config = InstitutionConfig(
        path=path,
        name=top.get("name", str),
        bfile=bfile,
        build=data.choice("build", BUILDS),
        people=PeopleSource(
            fam=bfile.with_name(bfile.name + ".fam"),
            table=beside(people.optional("table", str)),
            fid_column=people.get("fid", str, "FID"),
            iid_column=people.get("iid", str, "IID"),
            phenotype_column=people.optional("phenotype", str),
            case=people.get("case", str, "2"),
            control=people.get("control", str, "1"),
            keep_samples=beside(people.optional("keep_samples", str)),
            exclude_samples=beside(people.optional("exclude_samples", str)),
        ),
        key_file=beside(key.optional("file", str)),
        listen=network.optional("listen", str),
    )
    for section in (top, data, people, key, network):
        section.done()
    return config
