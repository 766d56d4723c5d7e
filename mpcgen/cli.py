"""The command line: thin; everything it does is a function of the package."""

import os
from pathlib import Path
from typing import Any

import click

from mpcgen import __version__
from mpcgen.cli_ledger import ledger
from mpcgen.cli_parts import FILE, TEMPORARY, Group, load, stoppable, telling_what_passes
from mpcgen.cli_party import party
from mpcgen.cli_policy import policy
from mpcgen.cli_relay import relay
from mpcgen.cli_study import study
from mpcgen.progress import progress_bar


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
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
    "--out", type=FILE, default=Path("demo-out"), help="New folder for the demonstration."
)
@click.option(
    "--namespaces", is_flag=True,
    help="On hosts of their own, with a relay between them: needs root, on Linux.",
)  # fmt: skip
def demo(out: Path, *, namespaces: bool) -> None:
    """Three institutions on this machine, against PLINK's answers on their pooled data."""
    from mpcgen.demo.show import show  # noqa: PLC0415

    if namespaces:
        from mpcgen.demo.apart import show_apart  # noqa: PLC0415

        with stoppable():
            show_apart(out, click.echo)
        return
    with stoppable():
        show(out, click.echo, shown=None)


@main.command()
@click.argument("plan", type=FILE)
@click.option("--as", "name", help="The institution whose party this is.")
@click.option("--config", type=FILE, help="That institution's private configuration.")
@click.option(
    "--local", type=FILE, metavar="DIR",
    help="Rehearse: run all institutions here, with DIR/NAME.toml (or DIR/NAME/NAME.toml) each.",
)  # fmt: skip
@click.option("--each", is_flag=True, help="With --local: write the results of every institution.")
@click.option(
    "--out", type=FILE,
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
    if config is None:  # who runs as an institution may have ended here before: it looks itself
        Output(folder).refuse_existing()
    with here_to_stay():
        study = load(plan)
    if local is not None:
        first, *_ = study.plan.readers
        outputs = {first: Output(folder, kind, plots, painter)}
        if each:
            outputs = {name: Output(folder / name, kind, plots) for name in study.plan.names}
        with stoppable(), progress_bar(study.units, first) as report:
            run_local(study, configs_in(local, study), outputs, report)
    if config is not None and name is not None:
        own = config_of(name, config)
        passing = telling_what_passes(temporary)
        with passing, stoppable(), progress_bar(study.units, name) as report:
            run_institution(study, own, Output(folder, kind, plots, painter), report)
    click.echo(f"results in {folder}")


main.add_command(study)
main.add_command(ledger)


@main.group(cls=Group)
def data() -> None:
    """An institution's own data, without any network."""


@data.command("check")
@click.option("--config", type=FILE, required=True, help="The private configuration.")
@click.argument("sites", type=FILE)
@click.option(
    "--palindromic", type=click.Choice(["as_given", "leave_out", "by_reference_frequency"]),
    default="as_given", help="What the plan does with A/T and C/G variants.",
)  # fmt: skip
@click.option("--phenotype/--no-phenotype", default=True, help="Whether the plan uses one.")
@click.option("--report", type=FILE, help="Write the alignment of every variant as a new TSV.")
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
@click.argument("file", type=FILE)
def keygen(file: Path) -> None:
    """Make a transport key: the secret goes to FILE, the public one is printed."""
    from mpcgen.net.keys import create  # noqa: PLC0415

    click.echo(create(file).public)


@main.command()
@click.argument("file", type=FILE)
@click.option("--passphrase-file", type=FILE, help="A file whose one line is its passphrase.")
@click.option("--passphrase", "asks", is_flag=True, help="Ask for a passphrase.")
def identity(file: Path, passphrase_file: Path | None, *, asks: bool) -> None:
    """Make an identity key, which signs: the secret goes to FILE, the public one is printed."""
    from mpcgen.audit.identity import create, passphrase_in  # noqa: PLC0415

    if asks and passphrase_file is not None:
        raise click.UsageError("give --passphrase, or --passphrase-file FILE")
    phrase = None if passphrase_file is None else passphrase_in(passphrase_file)
    if asks:
        words = "Passphrase of the key"
        phrase = click.prompt(words, hide_input=True, confirmation_prompt=True, err=True).encode()
    click.echo(create(file, phrase).public)


main.add_command(policy)
main.add_command(party)
main.add_command(relay)


@main.command()
@click.argument("out", type=FILE)
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
@click.option("--out", type=FILE, default=Path("bench-out"), help="New folder for the results.")
def bench(out: Path, **chosen: Any) -> None:
    """Compare engines: the same tasks, each party a process of its own on this machine."""
    from mpcgen.bench.show import Choice, bench  # noqa: PLC0415

    with stoppable():
        bench(Choice(**chosen), out, click.echo)
