"""Engines and peers in one table: python -m benchmarks.peers, with the options of mpcgen bench."""

from pathlib import Path
from typing import Any

import click

from benchmarks.peers.peer import Peer
from mpcgen import cli
from mpcgen.bench.show import Choice, bench
from mpcgen.errors import MpcgenError, told

EVERYTHING = ("T1", "T2", "T3", "T4", "T5")
CRYPTEN = ("torch==2.13.0", "crypten==0.4.1", "sklearn==0.0")
SPU = ("spu==0.9.5",)
ABY3, SEMI2K = {"protocol": "ABY3"}, {"protocol": "SEMI2K"}
INTEGERS, FIXED = {"recipe": "integers"}, {"recipe": "fixed"}
PEERS = (
    Peer("spu-aby3", "spu", SPU, EVERYTHING, ABY3 | INTEGERS),
    Peer("spu-aby3-fixed", "spu", SPU, ("T2", "T3", "T5"), ABY3 | FIXED),
    Peer("spu-semi2k", "spu", SPU, EVERYTHING, SEMI2K | INTEGERS),
    Peer("mpyc", "mpyc", ("mpyc==0.11", "gmpy2", "numpy"), EVERYTHING),
    Peer("crypten-itself", "crypten", CRYPTEN, EVERYTHING, on_lines=False),
)


@click.command(params=[*cli.bench.params])
@click.option("--install", is_flag=True, help="Make the peers' environments and end.")
def main(install: bool, out: Path, **chosen: Any) -> None:
    """Compare engines with other systems; those that are not installed are left out."""
    if install:
        for peer in {each.environment: each for each in PEERS}.values():
            click.echo(f"installing {', '.join(peer.packages)} into {peer.python.parents[1]}")
            peer.install()
        return
    try:
        bench(Choice(**chosen), out, click.echo, PEERS)
    except (MpcgenError, OSError) as error:
        raise click.ClickException(told(error)) from error


if __name__ == "__main__":
    main()
