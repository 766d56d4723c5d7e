"""What one institution sees opened in a study, and what it computes from that and its own files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpcgen.net.channel import Channel
from mpcgen.parties.party import take_part
from mpcgen.study.institution import read_config
from mpcgen.study.load import load_study
from mpcgen.study.loop import Part
from tests.attacks.cohorts import exhaust
from tests.threads import in_threads

Ints = NDArray[np.int64]


@dataclass
class Watcher:
    """Everything opened, by entry and name of the sums.

    Attributes:
        people: joint group sizes.
        rows: entry -> which variants (m,), or pairs of variants (P, 2), were opened.
        sums: entry -> sums -> their values (m, forms).
    """

    people: dict[str, int] = field(default_factory=dict)
    rows: dict[str, Ints] = field(default_factory=dict)
    sums: dict[str, dict[str, Ints]] = field(default_factory=dict)

    def consume(self, parts: Iterator[Part], people: Mapping[str, int]) -> None:
        """Note what comes."""
        self.people = dict(people)
        for part in parts:
            entry, batch = part.task.entry.name, part.batch
            units = part.rows + batch.start if batch.pairs is None else batch.pairs[part.rows]
            self.rows[entry] = _behind(self.rows.get(entry), units)
            known = self.sums.setdefault(entry, {})
            for name, values in part.opened.items():
                known[name] = _behind(known.get(name), values.astype(np.int64))


def _behind(before: Ints | None, more: Ints) -> Ints:
    return more if before is None else np.concatenate([before, more])


def watch(plan: Path, me: str = "A") -> Watcher:
    """Run a study in threads; what this institution sees."""
    study, watcher = load_study(plan), Watcher()

    def part(channel: Channel) -> None:
        config = read_config(plan.parent / f"{channel.me}.toml")
        consume = watcher.consume if channel.me == me else exhaust
        take_part(study, config, lambda: channel, consume)

    in_threads(study.plan.names, part)
    return watcher
