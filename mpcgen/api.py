"""The Python interface: what the command line does, with pandas tables as results.

>>> import mpcgen
>>> tables = mpcgen.run_local("plan.toml", "configs", "results")
>>> tables["association.allelic"].nsmallest(10, "P")
"""

from pathlib import Path
from typing import TYPE_CHECKING

from mpcgen.errors import InputError
from mpcgen.parties.data_check import check_data as _check_data
from mpcgen.parties.results import Output
from mpcgen.parties.run import config_of, configs_in, run_institution
from mpcgen.parties.run import run_local as _run_local
from mpcgen.study.check import Network, describe
from mpcgen.study.study import load_study

if TYPE_CHECKING:
    import pandas as pd

File = Path | str
Tables = dict[str, "pd.DataFrame"]


def run(plan: File, name: str, config: File, out: File, *, plots: bool = True) -> Tables:
    """Run a plan as one institution over the network; its result tables by name.

    Args:
        name: the institution.
        config: its private configuration.
        out: a new folder for the results.

    Raises:
        MpcgenError: what went wrong; no result was written.
    """
    output = Output(Path(out), plots=plots)
    run_institution(load_study(Path(plan)), config_of(name, Path(config)), output)
    return read_results(out)


def run_local(plan: File, configs: File, out: File, *, plots: bool = True) -> Tables:
    """Run all institutions of a plan as processes on this machine; the tables that all of them get.

    Args:
        configs: folder with NAME.toml, or NAME/NAME.toml, for each institution.
        out: a new folder for the results.

    Raises:
        MpcgenError: which institution stopped the study.
    """
    study = load_study(Path(plan))
    outputs = {study.plan.names[0]: Output(Path(out), plots=plots)}
    _run_local(study, configs_in(Path(configs), study), outputs)
    return read_results(out)


def read_results(folder: File) -> Tables:
    """The result tables in a folder, by name: "frequency", "association.allelic".

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


def check_study(plan: File, *, round_trip_ms: float = 20.0, mbit_per_s: float = 100.0) -> str:
    """What a plan opens, to whom, what it implies, and what it costs, in words.

    Raises:
        PlanError: what is wrong with the plan.
    """
    return describe(load_study(Path(plan)), Network(round_trip_ms, mbit_per_s))


def check_data(
    config: File, sites: File, *, palindromic: str = "as_given", with_phenotype: bool = True
) -> "pd.DataFrame":
    """What becomes of every variant of an institution's data against a site list; it stays there.

    Raises:
        InputError: which file, which line, and what would be right.
    """
    from mpcgen.genome.alignment_report import report  # noqa: PLC0415
    from mpcgen.genome.sites import read_sites  # noqa: PLC0415
    from mpcgen.study.institution import read_config  # noqa: PLC0415

    own, listed = read_config(Path(config)), read_sites(Path(sites))
    found = _check_data(own, listed, palindromic, with_phenotype=with_phenotype)
    return report(found.data.alignment).to_pandas()
