"""An institution's private configuration: where its data are and how to read them.

    name            as the plan has it
    [data]          bfile (PLINK 1 files without their suffix), build; left out where the
                    institution brings no data
    [people]        table, fid, iid, phenotype, case, control, keep_samples, exclude_samples
    [key]           file (made by `mpcgen keygen`)
    [network]       listen (where the plan's address is not one of this machine's own), proxy
    [identity]      file (made by `mpcgen identity`), passphrase_file
    [policy]        file
    [ledger]        folder
    [state]         folder

It never leaves the institution; paths in it are relative to its file.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from mpcgen.errors import ConfigError
from mpcgen.genome.people import PeopleSource
from mpcgen.study.plan import BUILDS
from mpcgen.study.policy import Policy, read_policy
from mpcgen.study.toml import Section, read_toml

SUFFIXES = (".bed", ".bim", ".fam")

_PROXY = re.compile(r"http://([A-Za-z0-9.\-]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}")


@dataclass(frozen=True)
class DataSource:
    """Where an owner's data are.

    Attributes:
        bfile: path of the .bed, .bim and .fam without their suffix.
    """

    bfile: Path
    build: str
    people: PeopleSource

    def file(self, suffix: str) -> Path:
        """The path of one of the PLINK files, by its suffix."""
        return self.bfile.with_name(self.bfile.name + suffix)


@dataclass(frozen=True)
class InstitutionConfig:
    """A checked private configuration.

    Attributes:
        data: its genotypes and people, or None where it brings none.
        key_file: the transport's secret key, or None where only data are checked.
        listen: host:port to listen on instead of the plan's address.
        proxy: http://host:port of an HTTP proxy to dial out through.
        identity_file: the key that its steward signs with.
        passphrase_file: where that key's passphrase stands, if it has one.
        policy_file: what its steward allows.
        policy: the same, read and checked; people who opted out there are left out of data.
        ledger_folder: where it keeps what was released about its people.
        state_folder: where its party keeps what it needs to resume.
    """

    path: Path
    name: str
    data: DataSource | None
    key_file: Path | None
    listen: str | None
    proxy: str | None = None
    identity_file: Path | None = None
    passphrase_file: Path | None = None
    policy_file: Path | None = None
    policy: Policy | None = None
    ledger_folder: Path | None = None
    state_folder: Path | None = None


def read_config(path: Path) -> InstitutionConfig:
    """Read and check an institution's configuration.

    Raises:
        ConfigError: what is wrong, and what would be right.
    """
    top = read_toml(path, ConfigError)
    names = ("key", "network", "identity", "policy", "ledger", "state")
    sections = {name: top.section(name) for name in names}

    def path_of(section: str, key: str) -> Path | None:
        return _beside(path.parent, sections[section].optional(key, str))

    if "people" in top and "data" not in top:
        raise top.fail("[people] stands there without [data]", "people")
    config = InstitutionConfig(
        path=path,
        name=top.get("name", str),
        data=_data(top, path.parent) if "data" in top else None,
        key_file=path_of("key", "file"),
        listen=sections["network"].optional("listen", str),
        proxy=_proxy(sections["network"]),
        identity_file=path_of("identity", "file"),
        passphrase_file=path_of("identity", "passphrase_file"),
        policy_file=path_of("policy", "file"),
        ledger_folder=path_of("ledger", "folder"),
        state_folder=path_of("state", "folder"),
    )
    for section in (top, *sections.values()):
        section.done()
    return _with_policy(config)


def _with_policy(config: InstitutionConfig) -> InstitutionConfig:
    """The configuration with its policy, whose opt-outs hold wherever its data are read."""
    if config.policy_file is None:
        return config
    policy = read_policy(config.policy_file)
    if policy.institution != config.name:
        raise ConfigError(
            f'this is the policy of "{policy.institution}", not of "{config.name}"',
            path=policy.path,
            line=policy.line("institution"),
        )
    data = config.data
    if data is not None:
        data = replace(data, people=replace(data.people, opt_outs=policy.opt_outs))
    return replace(config, policy=policy, data=data)


def _proxy(network: Section) -> str | None:
    proxy = network.optional("proxy", str)
    if proxy is not None and not _PROXY.fullmatch(proxy):
        raise network.fail(f'proxy is "http://host:port", not "{proxy}"', "proxy")
    return proxy


def _data(top: Section, folder: Path) -> DataSource:
    data, people = top.section("data"), top.section("people")
    bfile = folder / data.get("bfile", str)
    if bfile.suffix in SUFFIXES:
        raise data.fail(f"bfile is without {bfile.suffix}: it names all three files", "bfile")
    source = DataSource(
        bfile=bfile,
        build=data.choice("build", BUILDS),
        people=PeopleSource(
            fam=bfile.with_name(bfile.name + ".fam"),
            table=_beside(folder, people.optional("table", str)),
            fid_column=people.get("fid", str, "FID"),
            iid_column=people.get("iid", str, "IID"),
            phenotype_column=people.optional("phenotype", str),
            case=people.get("case", str, "2"),
            control=people.get("control", str, "1"),
            keep_samples=_beside(folder, people.optional("keep_samples", str)),
            exclude_samples=_beside(folder, people.optional("exclude_samples", str)),
        ),
    )
    for section in (data, people):
        section.done()
    if source.people.case == source.people.control:
        raise people.fail(f'case and control are both "{source.people.case}"', "case")
    if source.people.table is None and source.people.phenotype_column is not None:
        raise people.fail("phenotype names a column of table, which is missing", "phenotype")
    if source.people.table is not None and source.people.phenotype_column is None:
        raise people.fail("phenotype is missing: the table's column that has it", "table")
    return source


def _beside(folder: Path, name: str | None) -> Path | None:
    return None if name is None else folder / name
