"""What a study withholds never crosses the wire: from the bytes of all messages.

Two worlds differ in institution A's genotypes only where the plan opens nothing of them: at
variants that do not meet the floors, and, without a change of everybody's totals, at variants that
do not pass the threshold. What A then sends is the only way in which B or C could notice.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, chisquare

from mpcgen.abb import Box
from mpcgen.errors import NotInManifest
from mpcgen.net.channel import Channel
from mpcgen.parties.owner import OwnData, open_study_data
from mpcgen.parties.session import open_session
from mpcgen.prg import Prg
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret
from mpcgen.study.institution import read_config
from mpcgen.study.load import load_study
from mpcgen.study.loop import Part, compute, open_people
from mpcgen.study.study import PEOPLE_KEEP, Study
from tests import studies
from tests.attacks.cohorts import CHROM, HET, HOM_ALT, HOM_REF, Cohort, cohort, lay_out
from tests.threads import in_threads

COMMON = (1, 0, 4, 3)  # weights of .bed's codes: few missing genotypes would be withheld too
RARE = (2, 5, 14)  # variants with few alternative alleles outside A
ASSOCIATED = 0
RELEASE = studies.TOGETHER + "min_cases = 20\nmin_controls = 20"
SHUFFLED = tuple(n for n in range(12, 22) if n not in RARE)  # not associated, on chromosome 2
ENGINE = {"replicated": studies.NAMES, "clear": studies.NAMES[:1]}
ENTRIES = (
    studies.OF_ALL
    + studies.passing(["allelic", "trend"], 1e-6)
    + """
[[entries]]
statistic = "linkage"
region = "1"
window = 3
"""
)


def institution(number: int) -> Cohort:
    """One of three, all with the same rare variants and the same associated one."""
    own = cohort(number, 120 + 10 * number, COMMON)
    genotypes = own.genotypes.copy()
    genotypes[list(RARE)] = HOM_REF
    genotypes[list(RARE), number] = HET
    few = np.arange(len(own.sex)) % 10 == 0
    genotypes[ASSOCIATED] = np.where((own.phenotype == 2) ^ few, HOM_ALT, HOM_REF)
    genotypes[ASSOCIATED, 5::10] = HET
    return replace(own, genotypes=genotypes)


def changed(own: Cohort) -> Cohort:
    """Any genotypes at the rare variants; those at others change hands among cases and controls."""
    rng, genotypes = np.random.default_rng(3), own.genotypes.copy()
    genotypes[list(RARE)] = rng.integers(0, 4, (len(RARE), len(own.sex)))
    people = np.flatnonzero(own.phenotype != -9)
    for row in SHUFFLED:
        genotypes[row, people] = genotypes[row, rng.permutation(people)]
    return replace(own, genotypes=genotypes)


COHORTS = {name: institution(n) for n, name in enumerate(studies.NAMES)}

Message = tuple[str, str, str, bytes]
"""Sender, recipient, label and payload."""


@dataclass(frozen=True)
class World:
    """A study and its owners' data, ready to be run any number of times."""

    study: Study
    data: Mapping[str, OwnData]

    def run(self, seeds: Sequence[int]) -> tuple[list[Message], dict[str, list[Part]]]:
        """One run from the parties' seeds: the messages of each party in order, what each opens."""
        sent: dict[str, list[Message]] = defaultdict(list)

        def part(channel: Channel) -> list[Part]:
            note(channel, sent[channel.me])
            own = Prg.for_tests_only(seeds[studies.NAMES.index(channel.me)])
            _, box = open_session(channel, self.study, own)
            data = self.data[channel.me]
            open_people(self.study, box, data.sizes)
            return list(compute(self.study, box, data.genotypes))

        opened = in_threads(studies.NAMES, part)
        return [message for name in studies.NAMES for message in sent[name]], opened


def note(channel: Channel, sent: list[Message]) -> None:
    """Write down what goes out through a channel from now on."""
    honest = channel._send

    def send(peer: str, label: str, payload: bytes | memoryview) -> None:
        sent.append((channel.me, peer, label, bytes(payload)))
        honest(peer, label, payload)

    channel._send = send  # type: ignore[method-assign]


def world(folder: Path, cohorts: Mapping[str, Cohort], stack: ExitStack, engine: str) -> World:
    rules = studies.Rules(engine, ENGINE[engine], release=RELEASE)
    study = load_study(lay_out(folder, cohorts, rules=rules, entries=ENTRIES, window=0))
    configs = {name: read_config(folder / f"{name}.toml") for name in studies.NAMES}
    data = {
        name: stack.enter_context(open_study_data(config, study))
        for name, config in configs.items()
    }
    return World(study, data)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[World]]:
    """The study with A's genotypes as they were, and changed."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("worlds")
        yield [
            world(folder / f"{n}", cohorts, stack, "replicated")
            for n, cohorts in enumerate((COHORTS, {**COHORTS, "A": changed(COHORTS["A"])}))
        ]


def opened(parts: Sequence[Part]) -> list[tuple[str, list[int], dict[str, list[list[int]]]]]:
    """Entry, units and values of all that a run opened."""
    return [
        (part.task.entry.name, part.rows.tolist(), {n: x.tolist() for n, x in part.opened.items()})
        for part in parts
    ]


def outline(messages: Sequence[Message]) -> list[tuple[str, str, str, int]]:
    """All of the messages but their content."""
    return [(sender, to, label, len(payload)) for sender, to, label, payload in messages]


def test_the_worlds_differ_where_something_is_withheld(worlds: list[World]) -> None:
    """So that the comparisons below compare something."""
    before, after = (own.data["A"].genotypes.counts(0, len(CHROM)) for own in worlds)
    assert set(np.flatnonzero((before != after).any(axis=(1, 2)))) == {*RARE, *SHUFFLED}
    assert (before != after).any(axis=(1, 2))[list(SHUFFLED)].all()
    frequency, association, linkage = worlds[0].run(range(3))[1]["B"]
    assert not {*RARE} & set(frequency.rows)
    assert {*SHUFFLED} < set(frequency.rows)
    assert association.rows.tolist() == [ASSOCIATED]
    assert linkage.batch.pairs is not None
    paired = set(linkage.batch.pairs[linkage.rows].ravel().tolist())
    assert len(paired) > 4
    assert not {*RARE} & paired


def test_messages_and_openings_are_those_of_the_other_world(worlds: list[World]) -> None:
    (first, parts), (second, others) = (own.run(range(3)) for own in worlds)
    assert outline(first) == outline(second)
    for name in studies.NAMES:
        assert opened(parts[name]) == opened(others[name]) == opened(parts["A"])
    digests = [[m for m in messages if m[2].startswith("confirm")] for messages in (first, second)]
    assert digests[0] == digests[1]  # of all that was opened


# What B and C receive, over runs with fresh generators.

RUNS = 6
SIGNIFICANCE = 1e-3  # of all tests of one comparison together (Bonferroni)
FEW = 2560  # bytes: with fewer, ten of each value, chi-squared says nothing

Histograms = dict[tuple[str, str, str], NDArray[np.int64]]
"""Sender, recipient, kind of message -> how often each byte was sent."""


def histograms(own: World, first_seed: int) -> Histograms:
    """Bytes to B and C after the handshake."""
    found: Histograms = defaultdict(lambda: np.zeros(256, np.int64))
    for run in range(RUNS):
        messages, _ = own.run(range(first_seed + 3 * run, first_seed + 3 * run + 3))
        for sender, to, label, payload in messages:
            if to != "A" and "#" in label and not label.startswith("confirm"):
                counts = np.bincount(np.frombuffer(payload, np.uint8), minlength=256)
                found[sender, to, label.split("#")[0]] += counts
    return {name: counts for name, counts in found.items() if counts.sum() >= FEW}


def told_apart(first: Histograms, second: Histograms) -> list[tuple[str, str, str]]:
    """Messages whose bytes are distributed differently in two worlds: two-sample chi-squared."""
    assert first.keys() == second.keys()
    pairs = {name: np.stack([first[name], second[name]]) for name in first}
    least = SIGNIFICANCE / len(pairs)
    return [
        name
        for name, both in pairs.items()
        if chi2_contingency(both[:, both.any(axis=0)]).pvalue < least
    ]


def not_uniform(found: Histograms) -> list[tuple[str, str, str]]:
    """Messages whose bytes are not uniform, openings apart: those of bits end in zeros."""
    shares = {name: counts for name, counts in found.items() if not name[2].startswith("open")}
    least = SIGNIFICANCE / len(shares)
    return [name for name, counts in shares.items() if chisquare(counts).pvalue < least]


def test_bytes_are_distributed_alike_in_both_worlds(worlds: list[World]) -> None:
    first, second = histograms(worlds[0], 100), histograms(worlds[1], 200)
    assert {kind for _, _, kind in first} >= {
        "variants0/genotype_counts", "variants0/floors", "floors", "pass/addends", "pass/uvw",
        "open",
    }  # fmt: skip
    assert told_apart(first, second) == []
    assert not_uniform(first) == not_uniform(second) == []


def test_no_message_has_the_bytes_of_a_withheld_total(worlds: list[World], tmp_path: Path) -> None:
    """A weak search, since shares of a total are not found. Without shares it finds the opened."""
    counts = [data.genotypes.counts(0, len(CHROM)) for data in worlds[0].data.values()]
    of_all = np.sum(counts, axis=(0, 2)).astype("<u4")
    messages, parts = worlds[0].run(range(3))
    sent = b"".join(payload for *_, payload in messages)
    assert [row for row in range(len(CHROM)) if of_all[row].tobytes() in sent] == []
    with ExitStack() as stack:
        messages, _ = world(tmp_path / "clear", COHORTS, stack, "clear").run(range(3))
    sent = b"".join(payload for *_, payload in messages)
    found = [row for row in range(len(CHROM)) if of_all[row].tobytes() in sent]
    assert found == parts["A"][0].rows.tolist()


# With a hole.


def test_the_manifest_refuses_to_open_all_units(
    worlds: list[World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statistic that opens without regard to the bits."""
    honest = Box.open

    def open_all(box: Box, secrets: Mapping[str, Secret], where: str | None) -> dict[str, Array]:
        return honest(box, secrets, where if where == PEOPLE_KEEP else None)

    monkeypatch.setattr(Box, "open", open_all)
    with pytest.raises(NotInManifest, match=r"release .*variants0/frequency/all.*where=None"):
        worlds[0].run(range(3))


def test_opening_all_units_past_the_manifest_is_seen(
    worlds: list[World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A box that opens without regard to the bits."""
    honest, _ = worlds[0].run(range(3))
    monkeypatch.setattr(
        Box,
        "_rows",
        lambda _box, _where, secrets: np.arange(max(x.shape[0] for x in secrets.values())),
    )
    (first, parts), (second, others) = (own.run(range(3)) for own in worlds)
    assert opened(parts["B"]) != opened(others["B"])
    assert outline(first) == outline(second) != outline(honest)


def test_inputs_without_a_mask_are_seen(
    worlds: list[World], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Prg.draw

    def draw(own: Prg, ring: Ring, shape: tuple[int, ...], label: str, counter: int) -> Array:
        x = honest(own, ring, shape, label, counter)
        return ring.zeros(shape) if label.endswith("/A") and "genotype_counts" in label else x

    monkeypatch.setattr(Prg, "draw", draw)
    first, second = histograms(worlds[0], 100), histograms(worlds[1], 200)
    told = [("A", "B", "variants0/genotype_counts")]
    assert told_apart(first, second) == told
    assert not_uniform(first) == told
