"""The commands of a resident party."""

import json
from pathlib import Path

import click

from mpcgen.cli_parts import FILE


@click.group()
def party() -> None:
    """An institution's resident party."""


@party.command("serve")
@click.option("--config", type=FILE, required=True, help="The private configuration.")
@click.option("--studies", type=FILE, required=True, help="A folder with one directory a study.")
@click.option("--health", metavar="127.0.0.1:PORT", help="Answer GET /health there.")
@click.option("--log", "log_file", type=FILE, help="Log there, not on standard error.")
@click.option(
    "--at-once", type=click.IntRange(1, 64), default=1, help="Studies that run at the same time."
)
@click.option(
    "--poll", type=click.FloatRange(0.1, 3600), default=10.0, help="Seconds between two looks."
)
@click.option(
    "--grace", type=click.FloatRange(0, 3600), default=30.0, help="Seconds to end in, on SIGTERM."
)
def party_serve(
    config: Path, studies: Path, health: str | None, log_file: Path | None, at_once: int,
    poll: float, grace: float,
) -> None:  # fmt: skip
    """Stay, pick up the studies that all have approved, and run each of them."""
    from mpcgen.parties.resident import Resident, Service  # noqa: PLC0415
    from mpcgen.parties.resident_log import log_to  # noqa: PLC0415
    from mpcgen.study.institution import read_config  # noqa: PLC0415

    own, log = read_config(config), log_to(log_file)
    Resident(Service(own, studies, log, at_once, poll, grace, health)).run()


@party.command("look")
@click.argument("folder", type=FILE)
@click.option("--config", type=FILE, required=True, help="The private configuration.")
def party_look(folder: Path, config: Path) -> None:
    """Say of a study's FOLDER whether it is whole, approved by all and within the policy."""
    from mpcgen.parties.resident_look import look  # noqa: PLC0415

    found = look(folder, config)
    values = {"state": found.state, "study": found.study, "plan": found.plan}
    click.echo(json.dumps({**values, "because": list(found.because)}))
