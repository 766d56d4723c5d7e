"""The commands `mpcgen ledger`: an institution reads and checks its own ledger."""

from pathlib import Path

import click

from mpcgen.cli_parts import FILE, Group


@click.group(cls=Group)
def ledger() -> None:
    """An institution's ledger of what was released about its people."""


@ledger.command("show")
@click.argument("folder", type=FILE)
def ledger_show(folder: Path) -> None:
    """Say in words what the ledger in FOLDER has; it stays with you."""
    from mpcgen.study.ledger_words import show  # noqa: PLC0415

    for line in show(folder):
        click.echo(line)


@ledger.command("verify")
@click.argument("folder", type=FILE)
def ledger_verify(folder: Path) -> None:
    """Check the chain of rows, the key, and all sets of the ledger in FOLDER."""
    from mpcgen.study.ledger_words import verify  # noqa: PLC0415

    for line in verify(folder):
        click.echo(line)
