"""A party of SPU: ABY3 or SEMI2K over Z_2^64 (T1, T4) and Z_2^128 with 40 fraction bits.

What is computed is in spu_recipes.py. Results are opened at the first party.
"""

import os
import re
from typing import Any

import jax
import numpy as np
import spu
import spu.utils.frontend as fe
from meter import Trial
from spu.libspu import Share, link
from spu_recipes import PROGRAMS

jax.config.update("jax_enable_x64", True)
DETAILS = re.compile(rb"Link details: total send bytes (\d+), .*?send actions (\d+)")


class Party:
    """SPU's virtual machine at one party, with an input or three."""

    def __init__(self, trial: Trial):
        self.trial, self.rank = trial, trial.rank
        description = link.Desc()
        for rank, address in enumerate(trial.addresses):
            description.add_party(f"P{rank}", address)
        description.recv_timeout_ms = 600_000
        self.link = link.create_brpc(description, self.rank)
        field = "FM64" if trial.task in {"T1", "T4"} else "FM128"
        config = spu.RuntimeConfig(
            protocol=getattr(spu.ProtocolKind, trial.options["protocol"]),
            field=getattr(spu.FieldType, field),
            fxp_fraction_bits=18 if field == "FM64" else 40,
        )
        config.enable_pphlo_profile = True  # it prints what was sent
        self.io, self.machine = spu.Io(3, config), spu.Runtime(self.link, config)
        self.sent, self.actions = 0, 0
        self.log = _own_output(trial.folder / f"log{self.rank}")
        recipe = trial.options["recipe"]
        inputs = trial.given if trial.task == "T1" else [trial.total]
        if recipe == "fixed":
            inputs = [each.astype(np.float64) for each in inputs]
        self.names = [f"x{i}" for i in range(len(inputs))]
        secret = [spu.Visibility.VIS_SECRET] * len(inputs)
        self.program, _ = fe.compile(
            fe.Kind.JAX, PROGRAMS[recipe][trial.task], inputs, {}, self.names, secret,
            lambda _: ["y"],
        )  # fmt: skip
        if trial.task != "T1":
            self.share(0, inputs[0])

    def share(self, owner: int, values: Any) -> None:
        """One party's values, from it to all."""
        name = self.names[owner]
        if self.rank == owner:
            shares = self.io.make_shares(values, spu.Visibility.VIS_SECRET)
            for rank, each in enumerate(shares):
                if rank != owner:
                    self.send(rank, each)
            self.machine.set_var(name, shares[owner])
        else:
            self.machine.set_var(name, self.receive(owner))

    def send(self, rank: int, share: Any) -> None:
        """A share to another party, counted."""
        for data in (share.meta, *share.share_chunks):
            self.link.send_async(rank, data)
            self.sent += len(data)

    def receive(self, rank: int) -> Any:
        """A share from another party; none of the tasks has one of several chunks."""
        share = Share()
        share.meta, share.share_chunks = self.link.recv(rank), [self.link.recv(rank)]
        return share

    def once(self) -> Any:
        """The task, opened at the first party."""
        if self.trial.task == "T1":
            for owner, values in enumerate(self.trial.given):
                self.share(owner, values)
        self.machine.run(self.program)
        mine = self.machine.get_var("y")
        if self.rank:
            self.send(0, mine)
            return None
        return self.io.reconstruct([mine, self.receive(1), self.receive(2)])

    def counted(self) -> tuple[int, int]:
        """Bytes sent so far; SPU tells its sends, not its rounds."""
        return self.sent + sum(int(size) for size, _ in DETAILS.findall(self.log.read_bytes())), 0


def _own_output(path: Any) -> Any:
    """Send what SPU prints to a file, and return it."""
    os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND), 1)
    return path


def main() -> None:
    """Run a trial."""
    trial = Trial()
    party = Party(trial)
    trial.measure(party.link.barrier, party.once, party.counted)
    party.link.stop_link()


if __name__ == "__main__":
    np.seterr(all="raise")
    main()
