"""What the commands have in common: how they end, what they say of a plan."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mpcgen.errors import MpcgenError, told

if TYPE_CHECKING:
    from mpcgen.study.study import Study

FILE = click.Path(path_type=Path)
TEMPORARY = 75
"""Exit status where the same may succeed at another time: EX_TEMPFAIL of sysexits.h."""


@contextmanager
def telling() -> Iterator[None]:
    """Errors raised on purpose, and the machine's own, end the program with their message.

    Others are bugs and show all.
    """
    try:
        yield
    except (MpcgenError, OSError) as error:
        click.echo(f"mpcgen: {told(error)}", err=True)
        sys.exit(1)


@contextmanager
def telling_what_passes(asked: bool) -> Iterator[None]:
    """Where it is asked for, errors that pass end the program with a status of their own."""
    try:
        yield
    except MpcgenError as error:
        if not (asked and error.again):
            raise
        click.echo(f"mpcgen: {told(error)}", err=True)
        sys.exit(TEMPORARY)


@contextmanager
def stoppable() -> Iterator[None]:
    """End on SIGTERM and a hang-up as on control-C: tell the others, leave no draft behind."""

    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {kind: signal.signal(kind, stop) for kind in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


class Group(click.Group):
    """A group whose commands tell their errors in one line."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        with telling():
            return super().invoke(ctx)


def load(plan: Path) -> "Study":
    """The study of a plan; its warnings are said aloud."""
    from mpcgen.study.load import load_study  # noqa: PLC0415

    loaded = load_study(plan)
    warn(loaded)
    return loaded


def warn(study: "Study") -> None:
    """Say a plan's warnings aloud."""
    for warning in study.plan.warnings:
        click.secho(f"WARNING  {warning}", err=True, bold=True)
