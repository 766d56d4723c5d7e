"""Random plans of frequency, association and linkage entries, and small cohorts for them."""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from mpcgen.protocols.floors import Minima
from mpcgen.study.load import load_study
from mpcgen.study.study import Study
from tests import studies
from tests.brute_floors import Institution
from tests.plain import HET, HOM_ALT, MISSING, Plain

CHROMOSOMES = (
    ("1", "1", "2"), ("23", "23", "23"), ("24", "24"), ("26", "26", "26"),
    ("1", "1", "23", "23"), ("1", "2", "23", "23", "24", "24", "26", "26"),
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """A plan's variants, by chromosome, its entries, and the lists of pairs beside it."""

    chroms: tuple[str, ...]
    entries: str
    lists: tuple[str, ...]

    def load(self, minima: Minima) -> Study:
        """The study, as everybody loads it.

        Raises:
            PlanError: the plan is refused.
        """
        rows = (f"{c}\t{j + 1}\tv{j}\tG\tA\n" for j, c in enumerate(self.chroms))
        release = 'consent = ["two institutions", "pairs together"]\n'
        release += "".join(f"{name} = {least}\n" for name, least in vars(minima).items())
        rules = studies.Rules("clear", studies.NAMES[:1], release=release)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "source").mkdir()
            sites = folder / "source" / "sites.tsv"
            sites.write_text("CHROM\tPOS\tID\tREF\tALT\n" + "".join(rows))
            for n, text in enumerate(self.lists):
                (folder / f"{n}.pairs").write_text(text)
            members = [studies.Member(name, folder / name) for name in studies.NAMES]
            return load_study(studies.lay_out(folder, members, sites, self.entries, rules))


def some(*words: str) -> st.SearchStrategy[list[str]]:
    """A few of the words."""
    return st.lists(st.sampled_from(words), min_size=1, unique=True)


@st.composite
def plans(draw: st.DrawFn, *, withheld: bool = False) -> Plan:
    """Two to four entries; the first has a threshold if something is to be withheld for sure."""
    chroms = draw(st.sampled_from(CHROMOSOMES))
    chosen = draw(st.lists(st.sampled_from(["frequency", "association", "linkage", "linkage"]),
                           min_size=1, max_size=3))  # fmt: skip
    chosen.insert(
        0,
        "association"
        if withheld
        else draw(st.sampled_from(["frequency", "association", "linkage"])),
    )
    text, lists = "", list[str]()
    for n, statistic in enumerate(chosen):
        options: dict[str, object] = {"name": f"e{n}", "statistic": statistic}
        if statistic == "frequency":
            options["groups"] = draw(some("all", "cases", "controls"))
        if statistic == "association":
            options["tests"] = draw(some("allelic", "genotypic", "trend"))
        if statistic == "linkage":
            options |= _pairs(draw, chroms, lists)
        if (withheld and n == 0) or (statistic != "frequency" and draw(st.integers(0, 3)) == 3):
            threshold = {"p": 0.3} if statistic == "association" else {"r2": 0.1}
            options |= {"release": "passing", **threshold}
        lines = (f"{key} = {json.dumps(value)}\n" for key, value in options.items())
        text += "[[entries]]\n" + "".join(lines)
    return Plan(chroms, text, tuple(lists))


def _pairs(draw: st.DrawFn, chroms: Sequence[str], lists: list[str]) -> dict[str, object]:
    """A window, or listed pairs."""
    near = list(combinations(range(len(chroms)), 2))
    if draw(st.booleans()):
        return {"window": draw(st.integers(2, len(chroms)))}
    pairs = draw(st.lists(st.sampled_from(near), min_size=1, max_size=3, unique=True))
    lists.append("".join(f"v{i} v{j}\n" for i, j in pairs))
    digest = hashlib.sha256(lists[-1].encode()).hexdigest()
    return {"pairs": f"{len(lists) - 1}.pairs", "pairs_sha256": digest}


minima = st.builds(
    Minima,
    min_mac=st.integers(1, 4),
    min_cell=st.integers(2, 3),
    min_missing=st.integers(1, 3),
    min_cases=st.integers(1, 6),
    min_controls=st.integers(1, 6),
    min_institutions=st.integers(1, 3),
    min_individuals=st.integers(1, 6),
)


def cohort(rng: np.random.Generator, chroms: Sequence[str]) -> list[Institution]:
    """Three institutions with a few people.

    Most variants are linked to the one before, in one direction or the other. People miss most
    genotypes or none, so that pairs may be opened.
    """
    m, women = len(chroms), rng.choice([0.5, 0])
    alt = rng.choice([0.05, 0.2, 0.5, 0.8, 0.95], (m, 1))
    linked, turned = rng.random(m) < 0.7, rng.random(m) < 0.5
    missing, lacking = rng.choice([0, 0, 0.3]), rng.choice([0, 0, 0.2])
    owners = []
    for people in rng.integers(20, 250, 3):
        genotypes = rng.binomial(2, alt, (m, people))
        for j in np.flatnonzero(linked[1:]) + 1:
            other = 2 - genotypes[j - 1] if turned[j] else genotypes[j - 1]
            genotypes[j] = np.where(rng.random(people) < 0.9, other, genotypes[j])
        sex = np.where(rng.random(people) < women, "2", "1")
        phenotype = rng.choice(["1", "2", "-9"], people, p=(0.45, 0.45, 0.1))
        ids = np.arange(m)
        plain = Plain(np.array(chroms), ids, ids, sex, phenotype, genotypes.astype(np.int8))
        plain.genotypes[plain.haploid & (plain.genotypes == HET)] = HOM_ALT
        plain.genotypes[:, rng.random(people) < missing] = MISSING
        plain.genotypes[rng.random((m, people)) < rng.choice([0, 0, 0.01])] = MISSING
        owners.append(Institution(plain, np.repeat(rng.random() >= lacking, m)))
    return owners
