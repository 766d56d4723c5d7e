"""The Python interface: what the command line does, with pandas tables as results.

>>> import mpcgen
>>> tables = mpcgen.run_local("plan.toml", "configs", "results")
>>> tables["association.allelic"].nsmallest(10, "P")
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mpcgen.errors import InputError
from mpcgen.parties.data_check import DataCheck
from mpcgen.parties.data_check import check_data as _check_data
from mpcgen.parties.painting import painting
from mpcgen.parties.results import Output
from mpcgen.parties.run import config_of, configs_in, run_institution
from mpcgen.parties.run import run_local as _run_local
from mpcgen.progress import progress_bar
from mpcgen.study.check import describe
from mpcgen.study.forecast import Network
from mpcgen.study.load import load_study
from mpcgen.study.plan import Institution

if TYPE_CHECKING:
    import pandas as pd

File = Path | str
Tables = dict[str, "pd.DataFrame"]


def run(
    plan: File,
    name: str,
    config: File,
    out: File,
    *,
    table_format: str = "tsv",
    plots: bool = True,
    progress: bool = False,
) -> Tables:
    """Run a plan as one institution over the network; its result tables by name.

    Args:
        name: the institution.
        config: its private configuration.
        out: a new folder for the results.
        table_format: of the tables there, "tsv" or "parquet".
        progress: show a bar after two seconds.

    Raises:
        MpcgenError: what went wrong; no result was written.
    """
    study = load_study(Path(plan))
    own = config_of(name, Path(config))
    with painting(plots) as painter, progress_bar(study.units, name, progress) as told:
        run_institution(study, own, Output(Path(out), table_format, plots, painter), told)
    return read_results(out)


def run_local(
    plan: File,
    configs: File,
    out: File,
    *,
    table_format: str = "tsv",
    plots: bool = True,
    progress: bool = False,
) -> Tables:
    """Run all institutions of a plan as processes on this machine; the tables that all of them get.

    Args:
        configs: folder with NAME.toml, or NAME/NAME.toml, for each institution.
        out, table_format, plots, progress: as in `run`.

    Raises:
        MpcgenError: which institution stopped the study.
    """
    study = load_study(Path(plan))
    first, *_ = study.plan.readers
    with painting(plots) as painter, progress_bar(study.units, first, progress) as told:
        outputs = {first: Output(Path(out), table_format, plots, painter)}
        _run_local(study, configs_in(Path(configs), study), outputs, told)
    return read_results(out)


def run_demo(out: File = "demo-out", say: Callable[[str], object] = print) -> Tables:
    """Run the demonstration of three institutions in a new folder; the tables of the first one.

    Args:
        say: takes what the command prints, line by line.

    Raises:
        MpcgenError: a value differs from PLINK's.
    """
    from mpcgen.demo.prepare import PEOPLE, RESULTS  # noqa: PLC0415
    from mpcgen.demo.show import show  # noqa: PLC0415

    show(Path(out), say)
    return read_results(Path(out) / RESULTS / next(iter(PEOPLE)))


def read_results(folder: File) -> Tables:
    """The result tables in a folder, by name: "frequency", "association.allelic".

    The same whether they are TSV or Parquet.

    Raises:
        InputError: there are none.
    """
    from mpcgen.report.tables import read_table  # noqa: PLC0415

    folder = Path(folder)
    files = [
        path
        for path in sorted(folder.glob("*"))
        if path.suffix in (".tsv", ".parquet") and not path.stem.endswith("gwas-ssf")
    ]
    if not files:
        raise InputError("there are no result tables here", path=folder)
    return {path.stem: read_table(path) for path in files}


def keygen(file: File) -> str:
    """Make a transport key: the secret goes to a new file, the public one is returned.

    Raises:
        ConfigError: the file exists, or cannot be written.
    """
    from mpcgen.net.keys import create  # noqa: PLC0415

    return create(Path(file)).public


def new_study(
    plan: File,
    *,
    id: str,  # noqa: A002
    title: str,
    build: str,
    trait: str,
    sites: File,
    institutions: Sequence[Institution],
    ancestry: str = "Other",
    technology: str = "Genome-wide genotyping array",
) -> None:
    """Write a plan with frequency and association, to be edited and checked.

    Args:
        id: a short name: letters, digits, - and _.
        build: GRCh36, GRCh37 or GRCh38.
        sites: the site list, in the plan's folder.

    Raises:
        InputError: the plan exists, or what it should say is wrong; nothing is left behind.
    """
    from mpcgen.study.write import new_plan  # noqa: PLC0415

    about = {
        "id": id, "title": title, "build": build, "trait": trait, "ancestry": ancestry,
        "technology": technology,
    }  # fmt: skip
    new_plan(Path(plan), about, Path(sites), institutions)


def check_study(plan: File, *, round_trip_ms: float = 20.0, mbit_per_s: float = 100.0) -> str:
    """What a plan opens, to whom, what it implies, and what it costs, in words.

    Raises:
        PlanError: what is wrong with the plan.
    """
    return describe(load_study(Path(plan)), Network(round_trip_ms, mbit_per_s))


def check_data(
    config: File,
    sites: File,
    *,
    palindromic: str = "as_given",
    with_phenotype: bool = True,
    progress: bool = False,
) -> DataCheck:
    """An institution's data against a site list, without any network; it stays there.

    Returns:
        .variants: the fate of every variant, a DataFrame; .counts: variants by status and flag,
        people who take part and why others do not, cases, controls, heterozygous haploids;
        .lines(): the same in words.

    Raises:
        InputError: which file, which line, and what would be right.
    """
    from mpcgen.genome.sites import read_sites  # noqa: PLC0415
    from mpcgen.study.institution import read_config  # noqa: PLC0415

    own, listed = read_config(Path(config)), read_sites(Path(sites))
    with progress_bar(len(listed), own.name, progress) as told:
        return _check_data(own, listed, palindromic, with_phenotype=with_phenotype, progress=told)
