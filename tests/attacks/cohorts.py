"""Small institutions with made-up PLINK files, and their study in threads, watched."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpcgen.net.channel import Channel, MessageLog
from mpcgen.parties.party import Consume, Session, take_part
from mpcgen.parties.results import Output, Results
from mpcgen.prg import Prg
from mpcgen.report.folders import replacing_folder
from mpcgen.study.institution import read_config
from mpcgen.study.load import load_study
from mpcgen.study.loop import Part
from mpcgen.study.study import Study
from tests import studies
from tests.outcomes import outcomes

CHROM = np.repeat(["1", "2", "X", "Y", "MT"], [12, 10, 8, 3, 3])
HOM_ALT, MISSING, HET, HOM_REF = range(4)  # .bed's codes
ENTRIES = studies.OF_GROUPS + studies.ASSOCIATION


@dataclass(frozen=True)
class Cohort:
    """One institution's people and their genotypes.

    Attributes:
        genotypes: (m, N) in .bed's codes.
        sex, phenotype: (N,) as in a .fam.
        rows: which variants of the study its files have, ascending.
    """

    genotypes: NDArray[np.uint8]
    sex: NDArray[np.int64]
    phenotype: NDArray[np.int64]
    rows: NDArray[np.int64]

    def write(self, bfile: Path) -> None:
        """Write bfile.bed, .bim and .fam."""
        m, people = self.genotypes.shape
        codes = np.zeros((len(self.rows), -(-people // 4), 4), np.uint8)
        codes.reshape(len(self.rows), -1)[:, :people] = self.genotypes[self.rows]
        packed = codes @ np.array([1, 4, 16, 64], np.uint8)
        bfile.with_suffix(".bed").write_bytes(b"\x6c\x1b\x01" + packed.tobytes())
        assert m == len(CHROM)
        bfile.with_suffix(".bim").write_text("".join(_bim_row(int(row)) for row in self.rows))
        fam = zip(self.sex, self.phenotype, strict=True)
        lines = (f"F{n} I{n} 0 0 {sex} {phenotype}\n" for n, (sex, phenotype) in enumerate(fam))
        bfile.with_suffix(".fam").write_text("".join(lines))


def _bim_row(row: int) -> str:
    return f"{CHROM[row]}\tv{row}\t0\t{1000 * (row + 1)}\tA\tG\n"


def cohort(seed: int, people: int, weights: tuple[float, ...] = (2, 1, 4, 8)) -> Cohort:
    """Random people: a third without a phenotype or sex, all genotypes, every variant.

    Args:
        weights: of .bed's codes among the genotypes.
    """
    rng = np.random.default_rng(seed)
    p = np.array(weights) / sum(weights)
    return Cohort(
        rng.choice(4, (len(CHROM), people), p=p).astype(np.uint8),
        rng.choice(3, people, p=(0.1, 0.5, 0.4)),
        rng.choice((-9, 1, 2), people, p=(0.2, 0.4, 0.4)),
        np.arange(len(CHROM)),
    )


COHORTS = {name: cohort(n, 40 + 7 * n) for n, name in enumerate(studies.NAMES)}


def lay_out(
    folder: Path,
    cohorts: Mapping[str, Cohort],
    *,
    rules: studies.Rules | None = None,
    entries: str = ENTRIES,
    window: int = 5,
) -> Path:
    """Write the files of a study of these cohorts, linkage included; returns its plan."""
    folder.mkdir()
    members = []
    for name, own in cohorts.items():
        own.write(folder / f"of{name}")
        members.append(studies.Member(name, folder / f"of{name}"))
    others = () if rules is None else (*rules.computing, *filter(None, [rules.dealer]))
    without_data = (name for name in dict.fromkeys(others) if name not in cohorts)
    members += [studies.Member(name, None) for name in without_data]
    sites = folder / "sites.tsv"
    rows = (_bim_row(row).split() for row in range(len(CHROM)))
    lines = ("\t".join((c, pos, name, ref, alt)) for c, name, _, pos, alt, ref in rows)
    sites.write_text("\n".join(("CHROM\tPOS\tID\tREF\tALT", *lines)) + "\n")
    if window:
        names = (f"v{row}" for row in range(len(CHROM)))
        entries += studies.linkage(folder, names, window)
    source = folder / "source"
    source.mkdir()
    return studies.lay_out(folder, members, sites.rename(source / "sites.tsv"), entries, rules)


def exhaust(parts: Iterator[Part], _people: Mapping[str, int]) -> None:
    """Take result tables and do nothing with them."""
    deque(parts, maxlen=0)


def run(
    plan: Path,
    *,
    log: Callable[[str], MessageLog] | None = None,
    wrap: Callable[[Channel], Channel] = lambda channel: channel,
    own: Callable[[str], Prg] = lambda _name: Prg.fresh(),
    change: Callable[[Study], Study] = lambda study: study,
    out: Path | None = None,
) -> dict[str, Session | BaseException]:
    """Run a study in threads: how it ended for each party.

    Args:
        log: party -> what notes its messages.
        wrap: what a channel is replaced with.
        own: party -> its generator.
        change: what the study is replaced with.
        out: folder of all results; they are thrown away where it is None.
    """
    study = change(load_study(plan))

    def part(channel: Channel) -> Session:
        config = read_config(plan.parent / f"{channel.me}.toml")
        with ExitStack() as stack:
            consume: Consume = exhaust
            if out is not None:
                folder = stack.enter_context(replacing_folder(out / channel.me))
                consume = Results(study, Output(out / channel.me, plots=False), folder).write
            return take_part(study, config, lambda: channel, consume, own=own(channel.me))

    return outcomes(study.plan.names, lambda channel: part(wrap(channel)), log=log)
