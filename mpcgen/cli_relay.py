"""The command that runs a relay."""

import signal
import sys
from pathlib import Path

import click

from mpcgen.cli_parts import FILE


@click.command()
@click.option(
    "--listen", default="127.0.0.1:443", show_default=True, metavar="HOST:PORT",
    help="Where parties dial to; * as HOST is every interface.",
)  # fmt: skip
@click.option(
    "--identity", "key", type=FILE, required=True,
    help="The relay's own key, made with `mpcgen identity`.",
)  # fmt: skip
@click.option("--passphrase-file", type=FILE, help="A file whose one line is its passphrase.")
@click.option("--allow", type=FILE, help="A file with the identities that may come, one a line.")
@click.option("--open", "to_all", is_flag=True, help="Let every identity come.")
@click.option(
    "--memory", type=click.IntRange(16), default=1024, show_default=True,
    help="MiB held at most for those who do not read; 16 for every two who talk.",
)  # fmt: skip
@click.option(
    "--connections", type=click.IntRange(1), default=512, show_default=True, help="At most.",
)  # fmt: skip
def relay(
    listen: str, key: Path, passphrase_file: Path | None, allow: Path | None, *, to_all: bool,
    memory: int, connections: int,
) -> None:  # fmt: skip
    """Be the relay of studies: carry what parties seal for each other, on one public port.

    Its log, lines of JSON on standard output, says who talked to whom and how much.
    """
    from mpcgen.audit.identity import load, nobody_to_ask, passphrase_in  # noqa: PLC0415
    from mpcgen.memory import keep_freed_memory  # noqa: PLC0415
    from mpcgen.net.relay.gate import Limits, Log  # noqa: PLC0415
    from mpcgen.net.relay.hub import Hub  # noqa: PLC0415
    from mpcgen.net.relay.start import listening, read_allowed  # noqa: PLC0415

    if (allow is None) != to_all:
        raise click.UsageError("give --allow FILE, or --open")
    phrase = passphrase_file
    own = load(key, nobody_to_ask if phrase is None else lambda _key: passphrase_in(phrase))
    allowed = None if allow is None else read_allowed(allow)
    keep_freed_memory()
    limits = Limits(connections=connections, budget=memory << 20)
    log = Log(sys.stdout)
    hub = Hub(listening(listen), own.key, allowed, log, limits)
    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, lambda *_: hub.stop())
    log.write("identity", identity=own.public)
    hub.run()
