"""Messages under a mask, and the differences of any two of them, are statistically uniform.

All input-sharing messages of a study of real statistics, resharing messages of products of its
counts, and all messages of their comparisons go through Pearson's chi-squared on every byte of a
ring element: each message, each difference of neighbours in a message, and each difference of two
messages of one ring. By Bonferroni an engine whose messages are uniform fails with probability at
most ALPHA; seeds are fixed, so that one that passes always does. Openings are not masked; the
messages of the joint group sizes, and of a few bits, are too short to test. They are left out.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from mpcgen.abb import Box
from mpcgen.bits import BITS
from mpcgen.net.channel import Channel
from mpcgen.prg import Prg
from mpcgen.protocols.comparison import all_of, negative, rounds
from mpcgen.protocols.spdz2k_check import Check
from mpcgen.ring import Array, Ring
from tests import studies
from tests.attacks.cohorts import run
from tests.conformance import Setting
from tests.conformance import run as run_program
from tests.outcomes import everybody
from tests.plain import read_plain

ALPHA = 1e-4
ENOUGH = 5 * 256  # elements, for five expected in each cell

DATA = Path(__file__).parents[2] / "mpcgen" / "demo" / "data"
PHENOTYPE_OF_C = {"table": str(DATA / "C.pheno.tsv"), "phenotype": "CC", "case": "1"}
PHENOTYPE_OF_C["control"] = "0"
RINGS = {"genotype_counts": Ring(32), "pair_sums": Ring(32), "cmh_terms": Ring(64)}

Messages = dict[tuple[str, str], bytes]
"""Sender and label -> payload. What goes to two holders is the same, and stands here once."""


def recorded(channel: Channel, messages: Messages) -> Channel:
    """The channel, noting what an engine sends through it after its set-up."""
    honest = channel.exchange

    def exchange(
        label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        for payload in filter(len, send.values()) if "#" in label else ():
            assert messages.setdefault((channel.me, label), payload) == payload
        return honest(label, send, receive)

    channel.exchange = exchange  # type: ignore[method-assign, assignment]
    return channel


def chi_squared(x: Array, ring: Ring) -> Iterator[float]:
    """p-value of each byte of the elements."""
    for column in np.frombuffer(ring.to_bytes(x), np.uint8).reshape(-1, ring.size).T:
        counts = np.bincount(column, minlength=256)
        yield float(stats.chisquare(counts).pvalue)


def p_values(messages: Mapping[str, tuple[Ring, Array]]) -> dict[str, float]:
    """Of every message, its neighbours' differences, and all differences of two: smallest p."""
    found: dict[str, float] = {}
    for name, (ring, x) in messages.items():
        found |= {f"{name}[{n}]": p for n, p in enumerate(chi_squared(x, ring))}
        steps = ring.sub(x[1:], x[:-1])
        found |= {f"steps of {name}[{n}]": p for n, p in enumerate(chi_squared(steps, ring))}
    for (one, (ring, x)), (two, (other, y)) in combinations(messages.items(), 2):
        if ring == other:
            n = min(len(x), len(y))
            for byte, p in enumerate(chi_squared(ring.sub(x[:n], y[:n]), ring)):
                found[f"{one} - {two}[{byte}]"] = p
    return found


def suspicious(messages: Mapping[str, tuple[Ring, Array]]) -> dict[str, float]:
    """Those whose p-value is too small for the number of tests."""
    found = p_values(messages)
    return {name: p for name, p in found.items() if p < ALPHA / len(found)}


def elements(data: bytes, ring: Ring) -> Array:
    return ring.from_bytes(data, (len(data) // ring.size,))


# Input messages of a whole study.


def study_messages(folder: Path) -> dict[str, tuple[Ring, Array]]:
    """Input messages of frequencies, association and linkage on the demonstration's data."""
    folder.mkdir(exist_ok=True)
    people = {"A": {}, "B": {}, "C": PHENOTYPE_OF_C}
    members = [studies.Member(name, DATA / name, people[name]) for name in studies.NAMES]
    ids = (DATA / "peak.ids").read_text().split()
    entries = studies.OF_GROUPS + studies.ASSOCIATION + studies.linkage(folder, ids, 50)
    plan = studies.lay_out(folder, members, DATA / "sites.tsv", entries)
    messages: Messages = {}
    own = {name: Prg.for_tests_only(n) for n, name in enumerate(studies.NAMES)}
    everybody(run(plan, wrap=partial(recorded, messages=messages), own=own.__getitem__))
    return {
        f"{sender}: {label}": (ring, elements(data, ring))
        for (sender, label), data in messages.items()
        for name, ring in RINGS.items()
        if f"/{name}#" in label
    }


@pytest.fixture(scope="module")
def of_study(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Ring, Array]]:
    return study_messages(tmp_path_factory.mktemp("study") / "study")


def test_input_messages_of_a_study(of_study: dict[str, tuple[Ring, Array]]) -> None:
    assert len(of_study) == len(RINGS) * len(studies.NAMES)
    assert all(len(x) >= ENOUGH for _, x in of_study.values())
    assert suspicious(of_study) == {}


# Resharing messages of products of real counts.

SETTING = Setting("replicated", ("A", "B", "C"), ("A", "B", "C"))
WITH_GUESTS = Setting("replicated", ("A", "B", "C"), ("B", "X", "Y"))
ALLELES = [[0, 1, 2, 0, 1, 0, 0], [2, 1, 0, 1, 0, 0, 0]]
SHAPE = (2500, 7)


def counts(name: str) -> NDArray[np.int32]:
    """An institution's genotype counts (m, 7)."""
    return np.ascontiguousarray(read_plain(DATA / name).counts_of_all.reshape(SHAPE))


def products(box: Box, ring: Ring) -> None:
    """Share the counts, and multiply alleles with alleles in all ways the box has."""
    values = ring.encode(counts(box.me)) if box.me in box.owners else None
    shares = list(box.input("counts", ring, SHAPE, values).values())
    alleles = (shares[0] + shares[1] + shares[2]).linear(ALLELES)
    a, b = alleles[:, 0], alleles[:, 1]
    box.sum_products([(a, a), (b, b), (box.mul(a, b), a)])
    if ring.k < 128:
        box.matmul(alleles, shares[0][:2])


def signs(box: Box, ring: Ring) -> None:
    """Compare counts with each other, and join the bits."""
    values = ring.encode(counts(box.me).T) if box.me in box.owners else None
    shares = list(box.input("counts", ring, SHAPE[::-1], values).values())
    all_of(box, negative(box, shares[0] - shares[1], ring.k))


def messages_of(
    program: Callable[[Box, Ring], None], setting: Setting, ring: Ring, patch: pytest.MonkeyPatch
) -> Messages:
    """All messages of a program under a mask."""
    messages: Messages = {}
    honest = Channel.__init__

    def watched(self: Channel, *given: Any, **options: Any) -> None:
        honest(self, *given, **options)
        recorded(self, messages)

    with patch.context() as patched:
        patched.setattr(Channel, "__init__", watched)
        run_program(setting, [], lambda box: program(box, ring))
    return {name: data for name, data in messages.items() if not name[1].startswith("confirm")}


def product_messages(
    setting: Setting, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> dict[str, tuple[Ring, Array]]:
    return {
        f"{sender}: {label}": (ring, elements(data, ring))
        for (sender, label), data in messages_of(products, setting, ring, monkeypatch).items()
    }


def comparison_messages(
    setting: Setting, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> dict[str, tuple[Ring, Array]]:
    """Of comparisons, all but the inputs: in bits, eight of which are an element."""
    return {
        f"{sender}: {label}": (BITS, elements(data, BITS))
        for (sender, label), data in messages_of(signs, setting, ring, monkeypatch).items()
        if not label.startswith("counts")
    }


@pytest.mark.parametrize("setting", [SETTING, WITH_GUESTS], ids=str)
def test_input_and_resharing_messages_of_products(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    together: dict[str, tuple[Ring, Array]] = {}
    for ring in (Ring(32), Ring(64), Ring(128)):
        messages = product_messages(setting, ring, monkeypatch)
        assert len(messages) == 3 * (4 if ring.k < 128 else 3)
        together |= {f"{ring.k} {name}": message for name, message in messages.items()}
    assert all(len(x) >= ENOUGH for _, x in together.values())
    assert suspicious(together) == {}


@pytest.mark.parametrize("ring", [Ring(32), Ring(128)], ids=lambda ring: f"k{ring.k}")
@pytest.mark.parametrize("setting", [SETTING, WITH_GUESTS], ids=str)
def test_messages_of_comparisons(
    setting: Setting, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = comparison_messages(setting, ring, monkeypatch)
    short = [name for name, (_, x) in messages.items() if len(x) < ENOUGH]
    assert {name.split(": ")[1].split("#")[0] for name in short} == {"and"}
    long = {name: message for name, message in messages.items() if name not in short}
    assert len(long) == 1 + 3 * rounds(ring.k)  # one addend, and the carry tree
    assert suspicious(long) == {}


# With MACs: elements are longer than their rings, and the dealer's messages are of MACs as well.

DEALT = Setting("spdz2k", ("A", "B", "C"), ("A", "B"), "Z")
OF_INTEGERS = ("counts", "dot", "mul", "matmul", "compare/addends")
CARRIERS = {32: Ring(128), 64: Ring(128), 128: Ring(192)}


def long_messages(
    program: Callable[[Box, Ring], None], ring: Ring, patch: pytest.MonkeyPatch
) -> dict[str, tuple[Ring, Array]]:
    """All of a program that are long enough: integers in their carrier, all else byte by byte."""
    held = CARRIERS[ring.k]
    found = {}
    for (sender, label), data in messages_of(program, DEALT, ring, patch).items():
        integers = sender != DEALT.dealer and label.startswith(OF_INTEGERS)
        of = held if integers and " " not in label else BITS
        if len(data) >= ENOUGH * of.size:
            found[f"{sender}: {label}"] = of, elements(data, of)
    return found


@pytest.mark.parametrize("ring", [Ring(32), Ring(128)], ids=lambda ring: f"k{ring.k}")
@pytest.mark.parametrize("program", [products, signs])
def test_messages_under_macs(
    program: Callable[[Box, Ring], None], ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = long_messages(program, ring, monkeypatch)
    assert len({name.split(": ")[0] for name in messages}) == 4  # owners, of whom two compute
    assert len(messages) > 3 * 3
    assert suspicious(messages) == {}


@pytest.mark.parametrize("ring", [Ring(32), Ring(64)], ids=lambda ring: f"k{ring.k}")
def test_high_bits_of_what_is_opened_are_uniform(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of results the low k bits are known; all others are masked, in each share and in the sum."""
    seen: list[Array] = []
    remember = Check.remember

    def noting(self: Check, of: Ring, opened: Array, mac: Array) -> None:
        seen.append(opened)
        remember(self, of, opened, mac)

    def program(box: Box) -> None:
        values = ring.encode(counts(box.me)) if box.me in box.owners else None
        shares = box.input("counts", ring, SHAPE, values)
        box.open({"x": shares["A"]})

    monkeypatch.setattr(Check, "remember", noting)
    run_program(DEALT, [("x", ring, SHAPE)], program)
    held = CARRIERS[ring.k]
    assert len(seen) == len(DEALT.computing)
    for opened in seen:
        p = list(chi_squared(opened.reshape(-1, held.size // 8), held))
        assert min(p[ring.k // 8 :]) > ALPHA
        assert max(p[: ring.k // 8]) < ALPHA  # the counts


def test_tags_without_a_mask_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the dealer's messages: the parties but the last have all shares that are 0."""
    honest = Prg.draw

    def draw(self: Prg, ring: Ring, shape: tuple[int, ...], label: str, counter: int) -> Array:
        x = honest(self, ring, shape, label, counter)
        return ring.zeros(shape) if "/c" in label else x

    monkeypatch.setattr(Prg, "draw", draw)
    found = suspicious(long_messages(signs, Ring(32), monkeypatch))
    assert any(name.startswith("Z: ") for name in found)


# The tests above find what they are there to find.


def test_counts_without_a_mask_are_found() -> None:
    ring = Ring(32)
    assert len(suspicious({"A": (ring, ring.encode(counts("A").reshape(-1)))})) == 2 * ring.size


def test_a_mask_used_twice_is_found_in_the_differences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that give the same mask for every message: each of them alone is still uniform."""
    honest = Prg.draw_bytes

    def draw_bytes(self: Prg, label: str, counter: int, n: int) -> bytes:
        domain = ("mask", 0) if "#" in label else (label, counter)
        return honest(Prg(self._key), *domain, n)

    monkeypatch.setattr(Prg, "draw_bytes", draw_bytes)
    found = {name.split("[")[0] for name in suspicious(study_messages(tmp_path / "study"))}
    pairs = {tuple(part.split("/")[-1].split("#")[0] for part in n.split(" - ")) for n in found}
    assert pairs == {("genotype_counts", "pair_sums")}
    assert len(found) == len(studies.NAMES)


def test_a_mask_repeated_within_a_message_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(self: Prg, ring: Ring, shape: tuple[int, ...], label: str, counter: int) -> Array:
        one = ring.from_bytes(self.draw_bytes(label, counter, ring.size), (1,))
        return ring.broadcast_to(one, shape)

    monkeypatch.setattr(Prg, "draw", draw)
    found = suspicious(product_messages(SETTING, Ring(32), monkeypatch))
    assert any(name.startswith("steps of") for name in found)


@pytest.mark.parametrize("step", ["compare/addends#", "compare#"])
def test_bits_without_a_mask_are_found(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Prg.draw

    def draw(self: Prg, ring: Ring, shape: tuple[int, ...], label: str, counter: int) -> Array:
        x = honest(self, ring, shape, label, counter)
        return ring.zeros(shape) if label.startswith(step) else x

    monkeypatch.setattr(Prg, "draw", draw)
    found = suspicious(comparison_messages(SETTING, Ring(32), monkeypatch))
    assert any(step in name for name in found)
