"""The generator against AES and BLAKE2b used directly, and what it refuses."""

import copy
import json
import pickle
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mpcgen.prg import KEY_BYTES, Prg, fresh_bytes
from mpcgen.ring import Ring
from tests.vectors.reference import derived, stream

VECTORS = json.loads((Path(__file__).parent / "vectors" / "prg.json").read_text())
KEY = bytes(range(KEY_BYTES))
RINGS = [Ring(k) for k in (*range(1, 9), 32, 64, 128, 192)]
ALPHA = 1e-6  # of each statistical test; the keys are fixed, so no run differs from another


def expected(key: bytes, session: str | None, epoch: int, label: str, counter: int) -> bytes:
    """64 bytes of a stream, by the words of mpcgen.prg alone."""
    if session is not None:
        key = derived(key, f'["session",{{"hex":"{session}"}},{epoch}]')
    return stream(key, label, counter, 64)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['label']}-{v['counter']}")
def test_known_answers(vector: dict[str, Any]) -> None:
    key, session = bytes.fromhex(vector["key"]), vector["session"]
    place = (vector["label"], vector["counter"])
    assert expected(key, session, vector["epoch"], *place).hex() == vector["stream"]
    prg = Prg(key)
    if session is not None:
        prg = prg.for_session(bytes.fromhex(session), vector["epoch"])
    assert prg.draw_bytes(*place, 64).hex() == vector["stream"]


@pytest.mark.parametrize("ring", RINGS, ids=lambda ring: f"k{ring.k}")
def test_elements_are_the_streams_low_bits(ring: Ring) -> None:
    x = Prg(KEY).draw(ring, (5, 3), "x", 7)
    stream = Prg(KEY).draw_bytes("x", 7, 15 * ring.size)
    words = [stream[i : i + ring.size] for i in range(0, len(stream), ring.size)]
    values = [int.from_bytes(word, "little") % ring.modulus for word in words]
    assert ring.unsigned(x).reshape(-1).tolist() == values


@given(st.integers(0, 100))
def test_a_longer_draw_continues_a_shorter_one(n: int) -> None:
    assert Prg(KEY).draw_bytes("x", 0, 100)[:n] == Prg(KEY).draw_bytes("x", 0, n)


def test_a_domain_is_drawn_once() -> None:
    prg = Prg(KEY)
    prg.draw(Ring(32), (2,), "x", 1)
    with pytest.raises(RuntimeError, match="'x', 1 was drawn before"):
        prg.draw(Ring(32), (2,), "x", 1)
    with pytest.raises(RuntimeError, match="drawn before"):
        prg.draw_bytes("x", 1, 0)
    prg.draw_bytes("x", 2, 1)
    prg.draw_bytes("y", 1, 1)


def test_every_key_session_epoch_label_and_counter_has_a_stream_of_its_own() -> None:
    keys = (KEY, bytes(KEY_BYTES))
    generators = [Prg(key) for key in keys]
    generators += [
        Prg(key).for_session(session, epoch)
        for key in keys
        for session in (b"one", b"two", b"")
        for epoch in (0, 1)
    ]
    generators.append(Prg(KEY).for_session(b"one", 0).for_session(b"one", 0))
    domains = [(label, n) for label in ("", "x", "x#1", "session") for n in (0, 1, 11, -1)]
    streams = [prg.draw_bytes(label, n, 32) for prg in generators for label, n in domains]
    assert len(set(streams)) == len(generators) * len(domains)


@given(st.text(), st.integers(), st.text(), st.integers())
def test_labels_and_counters_do_not_run_into_each_other(
    label: str, counter: int, other: str, second: int
) -> None:
    prg = Prg(KEY)
    first = prg.draw_bytes(label, counter, 16)
    if (label, counter) == (other, second):
        with pytest.raises(RuntimeError):
            prg.draw_bytes(other, second, 16)
    else:
        assert prg.draw_bytes(other, second, 16) != first


@pytest.mark.parametrize("ring", RINGS, ids=lambda ring: f"k{ring.k}")
def test_elements_are_uniform(ring: Ring) -> None:
    """Chi-squared on each byte of an element (each value for k < 8)."""
    raw = ring.to_bytes(Prg(KEY).draw(ring, (1 << 14,), "x", 0))
    values = min(ring.modulus, 256)
    for column in np.frombuffer(raw, np.uint8).reshape(-1, ring.size).T:
        assert column.max() < values
        assert stats.chisquare(np.bincount(column, minlength=values)).pvalue > ALPHA


def test_streams_are_not_correlated() -> None:
    """Differing bits between streams of neighbouring domains, keys and epochs: binomial."""
    bits = 1 << 16
    prg = Prg(KEY)
    streams = [prg.draw_bytes("x", n, bits // 8) for n in range(4)]
    streams += [prg.for_session(b"s", n).draw_bytes("x", 0, bits // 8) for n in range(4)]
    streams += [Prg(bytes([n]) * 32).draw_bytes("x", 0, bits // 8) for n in range(4)]
    for a, b in combinations(streams, 2):
        differing = int.from_bytes(a, "big") ^ int.from_bytes(b, "big")
        assert stats.binomtest(differing.bit_count(), bits).pvalue > ALPHA


def test_fresh_generators_differ() -> None:
    assert Prg.fresh().draw_bytes("x", 0, 16) != Prg.fresh().draw_bytes("x", 0, 16)
    assert not Prg.fresh().fixed
    assert len(fresh_bytes(32)) == 32
    assert fresh_bytes(32) != fresh_bytes(32)


def test_a_fixed_seed_is_marked_in_all_that_comes_from_it() -> None:
    one, two = Prg.for_tests_only(1), Prg.for_tests_only(2)
    assert one.fixed
    assert one.for_session(b"s", 0).fixed
    assert not Prg(KEY).for_session(b"s", 0).fixed
    assert one.draw_bytes("x", 0, 16) == Prg.for_tests_only(1).draw_bytes("x", 0, 16)
    assert two.draw_bytes("x", 0, 16) != Prg.for_tests_only(1).draw_bytes("x", 0, 16)


@pytest.mark.parametrize("n", [0, 16, 31, 33, 64])
def test_a_key_of_another_length_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"32 bytes, not {n}"):
        Prg(bytes(n))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_generator_is_not_copied(copied: Any) -> None:
    """A copy would draw the same randomness again."""
    with pytest.raises(TypeError, match="not copied"):
        copied(Prg(KEY))


def test_a_generator_does_not_show_its_key() -> None:
    for prg in (Prg(KEY), Prg(KEY).for_session(b"s", 0)):
        for text in (repr(prg), str(prg), f"{prg}"):
            assert text == "<Prg>"
        assert not hasattr(prg, "__dict__")
