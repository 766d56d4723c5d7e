"""`mpcgen bench`: tasks, engines, sizes and networks, one row each."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from mpcgen.bench import table
from mpcgen.bench.networks import LOOPBACK, NETWORKS, Network
from mpcgen.bench.table import Row
from mpcgen.bench.tasks import SIZES, Task, task
from mpcgen.bench.trial import Found, Ours, TooSlow, TrialFailed
from mpcgen.errors import InputError, MpcgenError
from mpcgen.parties.painting import draw_here
from mpcgen.protocols.engines import ENGINES


class Contestant(Protocol):
    """Who runs tasks: an engine of the project, or another system."""

    @property
    def name(self) -> str:  # noqa: D102
        ...

    def cannot(self, which: Task, network: Network) -> str:
        """Why it does not run a task; empty: it does."""
        ...

    def run(self, which: Task, network: Network, repeats: int, limit: float) -> Found:
        """Measure a task; raises TrialFailed and TooSlow."""
        ...


@dataclass(frozen=True)
class Choice:
    """What to run; nothing named: everything, at the first of a task's sizes, on loopback.

    Attributes:
        limit: seconds that one trial may take.
    """

    task: Sequence[str] = ()
    engine: Sequence[str] = ()
    size: Sequence[int] = ()
    network: Sequence[str] = ()
    repeats: int = 3
    limit: float = 120.0

    def refuse_unknown(self, engines: Collection[str]) -> None:
        """Raise InputError where a name is none of these, or of no task or network."""
        for what, names, known in (
            ("task", self.task, SIZES),
            ("engine", self.engine, engines),
            ("network", self.network, NETWORKS),
        ):
            if unknown := [name for name in names if name not in known]:
                raise InputError(f"no {what} is {unknown[0]!r}; one of {', '.join(known)} is")

    def trials(self) -> Iterator[tuple[Task, Network]]:
        """Every task at every size on every network."""
        for name in self.task or SIZES:
            for units in self.size or SIZES[name][:1]:
                for network in self.network or (LOOPBACK.name,):
                    yield task(name, units), NETWORKS[network]


def bench(
    choice: Choice, out: Path, say: Callable[[str], object], others: Sequence[Contestant] = ()
) -> None:
    """Run what was chosen, row after row; table and plot stand in a new folder, and grow with them.

    Raises:
        InputError: a name is unknown.
        FileExistsError: the folder exists.
        MpcgenError: a trial failed; the table says how.
    """
    ours = [Ours(name) for name in ENGINES]
    everybody: dict[str, Contestant] = {each.name: each for each in (*ours, *others)}
    choice.refuse_unknown(everybody)
    chosen = [everybody[name] for name in choice.engine or everybody]
    out.mkdir(parents=True)
    say(table.machine())
    for name in choice.network or (LOOPBACK.name,):
        say(str(NETWORKS[name]))
    rows: list[Row] = []
    left_out: dict[str, None] = {}
    say(table.heading())
    for which, network in choice.trials():
        for each in chosen:
            if why := each.cannot(which, network):
                left_out[f"{which.name}  {each.name} {why}"] = None
                continue
            rows.append(_trial(each, which, network, choice))
            say(rows[-1].text())
            table.write(rows, out)
    for line in left_out:
        say(line)
    if any(isinstance(row.found, Found) for row in rows):
        draw_here(table.chart(rows, out))
        say(f"table and plot are in {out}")
    failed = sum(row.failed for row in rows)
    if failed:
        raise MpcgenError(f"{failed} of {len(rows)} trials failed")


def _trial(each: Contestant, which: Task, network: Network, choice: Choice) -> Row:
    row = partial(Row, which.name, each.name, which.units, network.name)
    try:
        return row(each.run(which, network, choice.repeats, choice.limit))
    except TooSlow as error:
        return row(str(error))
    except TrialFailed as error:
        return row(str(error), failed=True)
