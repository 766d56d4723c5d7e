"""`mpcgen demo`: the study runs as three processes, and its results are held against PLINK's."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mpcgen.demo.compare import compare
from mpcgen.demo.prepare import PEOPLE, RESULTS, is_demonstration, prepare
from mpcgen.errors import InputError, MpcgenError
from mpcgen.parties.results import Output
from mpcgen.parties.run import configs_in, run_local
from mpcgen.progress import progress_bar
from mpcgen.study.check import describe
from mpcgen.study.forecast import Network
from mpcgen.study.load import load_study


def show(folder: Path, say: Callable[[str], object], shown: bool | None = False) -> None:
    """Run the demonstration in a new folder; an earlier one of the same name is replaced.

    Args:
        shown: whether there is a bar after two seconds, as `progress_bar` has it.

    Raises:
        InputError: the folder exists and is no earlier demonstration.
        MpcgenError: a value differs from PLINK's.
    """
    make_way(folder)
    plan = prepare(folder)
    study = load_study(plan)
    say(describe(study, Network()))
    say("")
    say("The people here are simulated, so nothing is withheld, and every value can be compared.")
    say("A plan of real people leaves floors out: then those of docs/release.md hold.")
    say("")
    say("Running: each institution is a process with its own files, key and port.")
    outputs = {name: Output(folder / RESULTS / name) for name in PEOPLE}
    with progress_bar(study.units, next(iter(PEOPLE)), shown) as report:
        run_local(study, configs_in(folder, study), outputs, report, partial(_tell_process, say))
    hold_against_plink(folder, say)


def make_way(folder: Path) -> None:
    """Remove an earlier demonstration of this name.

    Raises:
        InputError: the folder exists and is none.
    """
    if folder.exists():
        if not is_demonstration(folder):
            raise InputError(
                "this exists and is no earlier demonstration; name another folder with --out",
                path=folder,
            )
        shutil.rmtree(folder)


def hold_against_plink(folder: Path, say: Callable[[str], object]) -> None:
    """Say how the results compare with PLINK's.

    Raises:
        MpcgenError: a value differs.
    """
    say("")
    say("Compared with PLINK 1.9 on the pooled data, which no institution has:")
    say(f"  {'':42}{'plink1.9':20}{'values':>8}{'different':>11}")
    comparisons = compare(folder / RESULTS / next(iter(PEOPLE)))
    for found in comparisons:
        say(f"  {found.what:42}{found.command:20}{found.values:8}{found.different:11}")
    say("")
    say(f"Tables, VCF, GWAS-SSF, plots and run record of each institution: {folder / RESULTS}")
    different = sum(found.different for found in comparisons)
    if different:
        raise MpcgenError(f"{different} values differ from PLINK's")


def _tell_process(say: Callable[[str], object], name: str, process: int) -> None:
    say(f"  {name} is process {process}")
