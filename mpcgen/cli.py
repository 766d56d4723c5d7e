"""The command line: thin; everything it does is a function of the package."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mpcgen import __version__
from mpcgen.cli_policy import policy
from mpcgen.errors import InputError, MpcgenError, told
from mpcgen.progress import progress_bar

if TYPE_CHECKING:
    from mpcgen.study.study import Study

_FILE = click.Path(path_type=Path)
TEMPORARY = 75
"""Exit status where the same may succeed at another time: EX_TEMPFAIL of sysexits.h."""


@contextmanager
def _telling() -> Iterator[None]:
    """Errors raised on purpose, and the machine's own, end the program with their message.

    Others are bugs and show all.
    """
    try:
        yield
    except (MpcgenError, OSError) as error:
        click.echo(f"mpcgen: {told(error)}", err=True)
        sys.exit(1)


@contextmanager
def _telling_what_passes(asked: bool) -> Iterator[None]:
    """Where it is asked for, errors that pass end the program with a status of their own."""
    try:
        yield
    except MpcgenError as error:
        if not (asked and error.again):
            raise
        click.echo(f"mpcgen: {told(error)}", err=True)
        sys.exit(TEMPORARY)


@contextmanager
def _stoppable() -> Iterator[None]:
    """End on SIGTERM and a hang-up as on control-C: tell the others, leave no draft behind."""

    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {kind: signal.signal(kind, stop) for kind in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


class _Group(click.Group):
    """A group whose commands tell their errors in one line."""

    def invoke(self, ctx: click.Context) -> object:
        with _telling():
            return super().invoke(ctx)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mpcgen")
def main() -> None:
    """Joint statistical genetics on data that must not move.

    Several institutions compute allele frequencies, case-control association and linkage
    disequilibrium together; none sees another's data. Start with `mpcgen demo`.
    """
    # Before NumPy is imported: its BLAS, which no command needs, starts a thread a core, and they
    # burn a tenth of a second each waiting for work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@main.command()
@click.option(
    "--out", type=_FILE, default=Path("demo-out"), help="New folder for the demonstration."
)
def demo(out: Path) -> None:
    """Three institutions on this machine, against PLINK's answers on their pooled data."""
    from mpcgen.demo.show import show  # noqa: PLC0415

    with _stoppable():
        show(out, click.echo, shown=None)


@main.command()
@click.argument("plan", type=_FILE)
@click.option("--as", "name", help="The institution whose party this is.")
@click.option("--config", type=_FILE, help="That institution's private configuration.")
@click.option(
    "--local", type=_FILE, metavar="DIR",
    help="Rehearse: run all institutions here, with DIR/NAME.toml (or DIR/NAME/NAME.toml) each.",
)  # fmt: skip
@click.option("--each", is_flag=True, help="With --local: write the results of every institution.")
@click.option(
    "--out", type=_FILE,
    help="New folder for the results (default: beside PLAN, PLAN-results or PLAN-results-NAME).",
)  # fmt: skip
@click.option(
    "--format", "kind", type=click.Choice(["tsv", "parquet"]), default="tsv", help="Of the tables.",
)  # fmt: skip
@click.option("--plots/--no-plots", default=True, help="Draw PNG and SVG plots.")
@click.option(
    "--temporary", is_flag=True,
    help=f"With --as: exit with {TEMPORARY} where the same may succeed at another time.",
)  # fmt: skip
def run(
    plan: Path, name: str | None, config: Path | None, local: Path | None, out: Path | None,
    kind: str, plots: bool, each: bool, temporary: bool,
) -> None:  # fmt: skip
    """Run the study of a PLAN as one institution, or all of them on this machine."""
    from mpcgen.memory import here_to_stay, keep_freed_memory  # noqa: PLC0415
    from mpcgen.parties.painting import painting  # noqa: PLC0415

    keep_freed_memory()
    painter = click.get_current_context().with_resource(painting(plots and not each))
    with here_to_stay():
        from mpcgen.parties.results import Output  # noqa: PLC0415
        from mpcgen.parties.run import (  # noqa: PLC0415
            config_of,
            configs_in,
            run_institution,
            run_local,
        )

    if (local is None) == (config is None) or (local is None) == (name is None):
        raise click.UsageError("give --as NAME --config FILE, or --local DIR")
    if each and local is None:
        raise click.UsageError("--each goes with --local DIR")
    folder = out or plan.with_name("-".join(filter(None, (plan.stem, "results", name))))
    Output(folder).refuse_existing()
    with here_to_stay():
        study = _load(plan)
    if local is not None:
        first, *_ = study.plan.readers
        outputs = {first: Output(folder, kind, plots, painter)}
        if each:
            outputs = {name: Output(folder / name, kind, plots) for name in study.plan.names}
        with _stoppable(), progress_bar(study.units, first) as report:
            run_local(study, configs_in(local, study), outputs, report)
    if config is not None and name is not None:
        own = config_of(name, config)
        passing = _telling_what_passes(temporary)
        with passing, _stoppable(), progress_bar(study.units, name) as report:
            run_institution(study, own, Output(folder, kind, plots, painter), report)
    click.echo(f"results in {folder}")


@main.group(cls=_Group)
def data() -> None:
    """An institution's own data, without any network."""


@data.command("check")
@click.option("--config", type=_FILE, required=True, help="The private configuration.")
@click.argument("sites", type=_FILE)
@click.option(
    "--palindromic", type=click.Choice(["as_given", "leave_out", "by_reference_frequency"]),
    default="as_given", help="What the plan does with A/T and C/G variants.",
)  # fmt: skip
@click.option("--phenotype/--no-phenotype", default=True, help="Whether the plan uses one.")
@click.option("--report", type=_FILE, help="Write the alignment of every variant as a new TSV.")
def data_check(
    config: Path, sites: Path, palindromic: str, phenotype: bool, report: Path | None
) -> None:
    """Align an institution's data to a list of SITES and report what is found."""
    from mpcgen.genome.alignment_report import refuse_unwritable, write_report  # noqa: PLC0415
    from mpcgen.genome.sites import read_sites  # noqa: PLC0415
    from mpcgen.parties.data_check import check_data  # noqa: PLC0415
    from mpcgen.study.institution import read_config  # noqa: PLC0415

    if report is not None:
        refuse_unwritable(report)
    own, listed = read_config(config), read_sites(sites)
    with progress_bar(len(listed), own.name) as progress:
        found = check_data(own, listed, palindromic, with_phenotype=phenotype, progress=progress)
    for line in found.lines():
        click.echo(line)
    if report is not None:
        write_report(found.alignment, report, found.lacks)
        click.echo(f"the alignment of every variant is in {report}; it stays with you")


@main.command()
@click.argument("file", type=_FILE)
def keygen(file: Path) -> None:
    """Make a transport key: the secret goes to FILE, the public one is printed."""
    from mpcgen.net.keys import create  # noqa: PLC0415

    click.echo(create(file).public)


@main.group(cls=_Group)
def study() -> None:
    """Study plans."""


@study.command("new")
@click.argument("plan", type=_FILE)
@click.option("--id", "short", required=True, help="A short name: letters, digits, - and _.")
@click.option("--title", required=True)
@click.option("--build", type=click.Choice(["GRCh36", "GRCh37", "GRCh38"]), required=True)
@click.option("--trait", required=True)
@click.option("--ancestry", default="Other", help="As the GWAS Catalog names it.")
@click.option("--technology", default="Genome-wide genotyping array")
@click.option("--sites", type=_FILE, required=True, help="The site list, in the plan's folder.")
@click.option(
    "--institution", "institutions", type=(str, str, str, int), multiple=True, required=True,
    metavar="NAME HOST:PORT KEY MAX_PEOPLE", help="One of these for each institution.",
)  # fmt: skip
@click.option(
    "--identity", "identities", type=(str, str), multiple=True,
    metavar="NAME HEX", help="An institution's identity, as `mpcgen identity` prints it.",
)  # fmt: skip
@click.option(
    "--jurisdiction", "jurisdictions", type=(str, str), multiple=True,
    metavar="NAME CC", help="The country of an institution's party: two capital letters.",
)  # fmt: skip
def study_new(
    plan: Path, short: str, title: str, build: str, trait: str, ancestry: str, technology: str,
    sites: Path, institutions: tuple[tuple[str, str, str, int], ...],
    identities: tuple[tuple[str, str], ...], jurisdictions: tuple[tuple[str, str], ...],
) -> None:  # fmt: skip
    """Write a PLAN with frequency, association and linkage, to be edited and checked."""
    from mpcgen.study.plan import Institution  # noqa: PLC0415
    from mpcgen.study.write import described, new_plan  # noqa: PLC0415

    about = {
        "id": short, "title": title, "build": build, "trait": trait, "ancestry": ancestry,
        "technology": technology,
    }  # fmt: skip
    parties = [Institution(*each) for each in institutions]
    parties = described(parties, "identity", identities)
    parties = described(parties, "jurisdiction", jurisdictions)
    _warn(new_plan(plan, about, sites, parties))
    click.echo(f"{plan} is written; edit it, then `mpcgen study check {plan}`")


@study.command("check")
@click.argument("plan", type=_FILE)
@click.option("--rtt", type=float, default=20.0, help="Round-trip time between parties, ms.")
@click.option("--mbit", type=float, default=100.0, help="Bandwidth of a party, Mbit/s.")
def study_check(plan: Path, rtt: float, mbit: float) -> None:
    """Say what a PLAN opens, to whom, what it implies, and what it costs."""
    from mpcgen.study.check import describe  # noqa: PLC0415
    from mpcgen.study.forecast import Network  # noqa: PLC0415
    from mpcgen.study.load import load_study  # noqa: PLC0415

    try:
        network = Network(rtt, mbit)
    except InputError as error:
        raise click.UsageError(f"--rtt, --mbit: {error}") from None
    click.echo(describe(load_study(plan), network))


main.add_command(policy)


@main.command()
@click.argument("out", type=_FILE)
@click.option("--people", type=int, default=3000)
@click.option("--variants", type=int, default=20000)
@click.option("--institution", "institutions", multiple=True, default=("A", "B", "C"))
@click.option("--autosomes", type=int, default=22)
@click.option("--sex-chromosomes", is_flag=True, help="Add X, Y and MT.")
@click.option("--causal", type=int, default=30)
@click.option("--missing", type=float, default=0.002)
@click.option("--seed", type=int, default=1)
def simulate(
    out: Path, people: int, variants: int, institutions: tuple[str, ...], autosomes: int,
    sex_chromosomes: bool, causal: int, missing: float, seed: int,
) -> None:  # fmt: skip
    """Make a synthetic cohort in the folder OUT, split over institutions, as PLINK files."""
    from mpcgen.simulate import simulate_cohort  # noqa: PLC0415

    with progress_bar(variants, "variants") as report:
        done = 0

        def forward(now: int, _total: int) -> None:
            nonlocal done
            report(now - done)
            done = now

        simulate_cohort(
            out, people=people, variants=variants, institutions=institutions, autosomes=autosomes,
            sex_chromosomes=sex_chromosomes, causal=causal, missing=missing, seed=seed,
            progress=forward,
        )  # fmt: skip
    click.echo(f"the cohort is in {out}")


@main.command()
@click.option("--task", multiple=True, help="T1 to T5; all where none is named.")
@click.option("--engine", multiple=True, help="All that can where none is named.")
@click.option("--size", type=click.IntRange(2), multiple=True, help="Variants, pairs, or rows.")
@click.option("--network", multiple=True, help="loopback, lan, wan-50 or wan-200.")
@click.option("--repeats", type=click.IntRange(1), default=3, help="Medians are told.")
@click.option("--limit", type=float, default=120.0, help="Seconds that one trial may take.")
@click.option("--out", type=_FILE, default=Path("bench-out"), help="New folder for the results.")
def bench(out: Path, **chosen: Any) -> None:
    """Compare engines: the same tasks, each party a process of its own on this machine."""
    from mpcgen.bench.show import Choice, bench  # noqa: PLC0415

    with _stoppable():
        bench(Choice(**chosen), out, click.echo)


def _load(plan: Path) -> "Study":
    """The study of a plan; its warnings are said aloud."""
    from mpcgen.study.load import load_study  # noqa: PLC0415

    loaded = load_study(plan)
    _warn(loaded)
    return loaded


def _warn(study: "Study") -> None:
    for warning in study.plan.warnings:
        click.secho(f"WARNING  {warning}", err=True, bold=True)
