"""The commands on study plans: written, checked, approved."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mpcgen.cli_parts import FILE, Group, load, warn
from mpcgen.errors import InputError

if TYPE_CHECKING:
    from mpcgen.study.forecast import Network
    from mpcgen.study.institution import InstitutionConfig
    from mpcgen.study.plan import Plan
    from mpcgen.study.study import Study

_AS = click.option("--as", "name", required=True, help="The institution that decides.")
_CONFIG = click.option(
    "--config", type=FILE, required=True, help="That institution's private configuration."
)
_DAYS = click.option("--days", type=int, default=90, help="How long the decision holds.")
_NOTE = click.option("--note", default="", help="A line for the other institutions.")
_STATE = click.option(
    "--config", type=FILE,
    help="An institution's private configuration: its state of a plan somebody left is erased.",
)  # fmt: skip
_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_RTT = click.option("--rtt", type=float, default=20.0, help="Round-trip time between parties, ms.")
_MBIT = click.option("--mbit", type=float, default=100.0, help="Bandwidth of a party, Mbit/s.")


@click.group(cls=Group)
def study() -> None:
    """Study plans."""


@study.command("new")
@click.argument("plan", type=FILE)
@click.option("--id", "short", required=True, help="A short name: letters, digits, - and _.")
@click.option("--title", required=True)
@click.option("--build", type=click.Choice(["GRCh36", "GRCh37", "GRCh38"]), required=True)
@click.option("--trait", required=True)
@click.option("--ancestry", default="Other", help="As the GWAS Catalog names it.")
@click.option("--technology", default="Genome-wide genotyping array")
@click.option("--sites", type=FILE, required=True, help="The site list, in the plan's folder.")
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
    """Write a PLAN with frequency and association, to be edited and checked."""
    from mpcgen.study.plan import Institution  # noqa: PLC0415
    from mpcgen.study.write import described, new_plan  # noqa: PLC0415

    about = {
        "id": short, "title": title, "build": build, "trait": trait, "ancestry": ancestry,
        "technology": technology,
    }  # fmt: skip
    parties = [Institution(*each) for each in institutions]
    parties = described(parties, "identity", identities)
    parties = described(parties, "jurisdiction", jurisdictions)
    warn(new_plan(plan, about, sites, parties))
    click.echo(f"{plan} is written; edit it, then `mpcgen study check {plan}`")


@study.command("check")
@click.argument("plan", type=FILE)
@_RTT
@_MBIT
def study_check(plan: Path, rtt: float, mbit: float) -> None:
    """Say what a PLAN opens, to whom, what it implies, and what it costs."""
    from mpcgen.study.check import describe  # noqa: PLC0415
    from mpcgen.study.load import load_study  # noqa: PLC0415

    click.echo(describe(load_study(plan), _network(rtt, mbit)))


@study.command("propose")
@click.argument("plan", type=FILE)
@_AS
@_CONFIG
@_DAYS
@_NOTE
def study_propose(plan: Path, name: str, config: Path, days: int, note: str) -> None:
    """Say what a PLAN does, approve it as the first institution, and say what to send to whom."""
    from mpcgen.parties.approval_words import shown, to_send  # noqa: PLC0415
    from mpcgen.parties.run import config_of  # noqa: PLC0415
    from mpcgen.parties.signing import approve  # noqa: PLC0415
    from mpcgen.study.forecast import Network  # noqa: PLC0415
    from mpcgen.study.load import load_study  # noqa: PLC0415

    loaded = load_study(plan)
    approve(loaded, config_of(name, config), days=days, note=note, ask=_ask)
    click.echo(shown(loaded, Network()))
    click.echo()
    for line in to_send(loaded, name):
        click.echo(line)


@study.command("show")
@click.argument("plan", type=FILE)
@_RTT
@_MBIT
def study_show(plan: Path, rtt: float, mbit: float) -> None:
    """All that a steward reads before signing: what a PLAN does, and who has approved it."""
    from mpcgen.parties.approval_words import shown  # noqa: PLC0415
    from mpcgen.study.load import load_study  # noqa: PLC0415

    click.echo(shown(load_study(plan), _network(rtt, mbit)))


@study.command("approve")
@click.argument("plan", type=FILE)
@_AS
@_CONFIG
@_DAYS
@_NOTE
@_YES
def study_approve(plan: Path, name: str, config: Path, days: int, note: str, *, yes: bool) -> None:
    """Sign that an institution takes part in exactly this PLAN, for some days."""
    from mpcgen.parties.signing import approve  # noqa: PLC0415

    own, loaded = _shown(plan, name, config, "approve", yes=yes)
    _say(name, "approve", approve(loaded, own, days=days, note=note, ask=_ask))


@study.command("reject")
@click.argument("plan", type=FILE)
@_AS
@_CONFIG
@_DAYS
@_NOTE
@_YES
def study_reject(plan: Path, name: str, config: Path, days: int, note: str, *, yes: bool) -> None:
    """Sign that an institution does not take part in this PLAN; it may approve it later."""
    from mpcgen.parties.signing import decide  # noqa: PLC0415

    own, loaded = _shown(plan, name, config, "reject", yes=yes)
    _say(name, "reject", decide(loaded.plan, own, "reject", days=days, note=note, ask=_ask))


@study.command("withdraw")
@click.argument("plan", type=FILE)
@_AS
@_CONFIG
@_NOTE
@_YES
def study_withdraw(plan: Path, name: str, config: Path, note: str, *, yes: bool) -> None:
    """Sign that an institution withdraws from a PLAN, for good, and erase its state of it."""
    from mpcgen.parties.withdrawal import withdraw  # noqa: PLC0415

    own, loaded = _shown(plan, name, config, "withdraw", yes=yes)
    _say(name, "withdraw", withdraw(loaded.plan, own, note=note, ask=_ask))
    _forget(loaded.plan, own)


@study.command("consent")
@click.argument("plan", type=FILE)
@_AS
@_CONFIG
@_DAYS
@_NOTE
@_YES
def study_consent(plan: Path, name: str, config: Path, days: int, note: str, *, yes: bool) -> None:
    """Sign that a PLAN may run without this institution, which was in an earlier one."""
    from mpcgen.parties.consents import consent  # noqa: PLC0415

    own, loaded = _shown(plan, name, config, "consent to be left out", yes=yes)
    file = consent(loaded.plan, own, days=days, note=note, ask=_ask)
    click.echo(f"{name}: consent; send {file} to all institutions of the plan")


@study.command("receive")
@click.argument("plan", type=FILE)
@click.argument("files", type=FILE, nargs=-1, required=True)
@_STATE
def study_receive(plan: Path, files: tuple[Path, ...], config: Path | None) -> None:
    """Check other institutions' signed decisions on a PLAN, FILES, and keep them beside it."""
    from mpcgen.parties.consents import receive_any  # noqa: PLC0415
    from mpcgen.study.institution import read_config  # noqa: PLC0415
    from mpcgen.study.read import read_plan  # noqa: PLC0415

    read, own = read_plan(plan), None if config is None else read_config(config)
    for file in files:
        statement = receive_any(read, file)
        click.echo(f"{statement.institution}: {statement.decision}")
    if own is not None:
        _forget(read, own)


@study.command("status")
@click.argument("plan", type=FILE)
@_STATE
def study_status(plan: Path, config: Path | None) -> None:
    """Who has approved a PLAN, and until when; ends with 0 only if it may run."""
    from mpcgen.parties.approval_words import status_lines  # noqa: PLC0415
    from mpcgen.parties.approvals import standings  # noqa: PLC0415
    from mpcgen.study.institution import read_config  # noqa: PLC0415
    from mpcgen.study.read import read_plan  # noqa: PLC0415

    read = read_plan(plan)
    stand = standings(read)
    for line in status_lines(read, stand):
        click.echo(line)
    if config is not None:
        _forget(read, read_config(config))
    if any(standing.problem for standing in stand):
        sys.exit(1)


@study.command("succeed")
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("--without", required=True, help="The institution that has withdrawn.")
@click.option("--computing", multiple=True, help="Who computes, where that has to change.")
def study_succeed(old: Path, new: Path, without: str, computing: tuple[str, ...]) -> None:
    """Write a NEW plan that takes the place of an OLD one, without one of its institutions."""
    from mpcgen.study.succession import succeed  # noqa: PLC0415

    warn(succeed(old, new, without, computing))
    click.echo(f"{new} is written; check it, then all sign it anew: `mpcgen study propose {new}`")


def _forget(plan: "Plan", config: "InstitutionConfig") -> None:
    """Erase the state of a plan from which somebody has withdrawn, and say so."""
    from mpcgen.parties.withdrawal import Forgotten, forget_withdrawn  # noqa: PLC0415

    became = forget_withdrawn(plan, config)
    if became is not Forgotten.NOTHING:
        click.echo(became.value)


def _shown(
    plan: Path, name: str, config: Path, decision: str, *, yes: bool
) -> "tuple[InstitutionConfig, Study]":
    """Who signs, and what, after it was shown and confirmed."""
    from mpcgen.parties.approval_words import summary  # noqa: PLC0415
    from mpcgen.parties.run import config_of  # noqa: PLC0415

    own = config_of(name, config)
    loaded = load(plan)
    click.echo(summary(loaded))
    if not yes:
        click.confirm(f"Sign for {name}: {decision}?", abort=True)
    return own, loaded


def _say(name: str, decision: str, file: Path) -> None:
    click.echo(f"{name}: {decision}; send {file} to all other institutions")


def _ask(path: Path) -> bytes:
    """The passphrase of a key, asked for at the terminal."""
    return str(click.prompt(f"Passphrase of {path}", hide_input=True, err=True)).encode()


def _network(rtt: float, mbit: float) -> "Network":
    from mpcgen.study.forecast import Network  # noqa: PLC0415

    try:
        return Network(rtt, mbit)
    except InputError as error:
        raise click.UsageError(f"--rtt, --mbit: {error}") from None
