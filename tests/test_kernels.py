"""Kernels on packed rows against the same counts on unpacked genotypes."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mpcgen.genome import kernels

CODES = 4
ALT, MISSING, HET, REF = range(CODES)
CHUNK_PEOPLE = 4 * kernels.CHUNK
SIZES = [1, 3, 4, 31, 32, 33, 63, 64, 65, 127, 128, 130, 1001]
LONG = [CHUNK_PEOPLE - 1, CHUNK_PEOPLE, CHUNK_PEOPLE + 1, 2 * CHUNK_PEOPLE + 77]


def pack(codes: NDArray[np.int8], padding: int) -> NDArray[np.uint8]:
    """Codes (m, N) as rows of a .bed (m, bytes); padding: the code of nobody at the end."""
    m, people = codes.shape
    padded = np.full((m, -(-people // 4) * 4), padding, np.uint8)
    padded[:, :people] = codes
    shifted = padded.reshape(m, -1, 4) << np.array([0, 2, 4, 6], np.uint8)
    return np.asarray(np.bitwise_or.reduce(shifted, axis=2))


def bits(words: NDArray[np.uint64]) -> int:
    return int(np.unpackbits(np.ascontiguousarray(words).view(np.uint8)).sum())


@pytest.mark.parametrize("people", SIZES + LONG)
def test_masks_hold_every_person_once(people: int) -> None:
    rng = np.random.default_rng(people)
    masks = rng.random((3, people)) < [[0.0], [0.5], [1.0]]
    planes = kernels.pack_masks(masks)
    assert [bits(plane) for plane in planes] == masks.sum(1).tolist()
    one_by_one = kernels.pack_masks(np.eye(min(people, 130), people, dtype=np.bool_))
    assert bits(np.bitwise_or.reduce(one_by_one)) == len(one_by_one)


@pytest.mark.parametrize("people", SIZES + LONG)
def test_counts_codes_under_masks(people: int) -> None:
    rng = np.random.default_rng(people)
    codes = rng.integers(0, CODES, (5, people), dtype=np.int8)
    masks = rng.random((4, people)) < [[0.0], [0.2], [0.7], [1.0]]
    rows = pack(codes, padding=int(rng.integers(CODES)))
    order = np.array([4, 0, 0, 2])
    out = np.full((4, 4, CODES), -1, np.int32)
    kernels.count_codes(
        rows.ravel(),
        order * rows.shape[1],
        rows.shape[1],
        kernels.pack_masks(masks),
        masks.sum(1),
        out,
    )
    expected = [[np.bincount(codes[r, mask], minlength=CODES) for mask in masks] for r in order]
    assert np.array_equal(out, expected)


def all_pairs(m: int) -> NDArray[np.int64]:
    """The ordered pairs of m things (m * m, 2)."""
    return np.array(list(product(range(m), repeat=2)), np.int64)


def plain_sums(
    codes: NDArray[np.int8],
    counted: NDArray[np.bool_],
    haploid: NDArray[np.bool_],
    swapped: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Sums of all ordered pairs of rows (m, m, 6); masks (m, N)."""
    dosage = np.array([2, 0, 1, 0])[codes]
    dosage = np.where(swapped[:, None], 2 - dosage, dosage)
    known = counted & (codes != MISSING) & ~(haploid & (codes == HET))
    x = np.where(known, dosage // (1 + haploid), 0)
    k = known.astype(np.int64)
    sums = [k @ k.T, x @ k.T, k @ x.T, (x * x) @ k.T, k @ (x * x).T, x @ x.T]
    return np.stack(sums, axis=2)


@settings(max_examples=30, deadline=None)
@given(
    people=st.sampled_from(SIZES),
    missing=st.sampled_from([0.0, 0.002, 0.3, 1.0]),
    seed=st.integers(0, 2**32),
)
def test_sums_of_pairs(people: int, missing: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = 8
    codes = rng.choice(np.array([ALT, HET, REF], np.int8), (m, people))
    codes[rng.random((m, people)) < missing] = MISSING
    rows = pack(codes, padding=int(rng.integers(CODES)))
    counted = rng.random((3, people)) < [[0.9], [0.9], [0.5]]
    counted[1:] &= counted[0]
    haploid = counted & (rng.random((3, people)) < [[0.0], [0.5], [1.0]])
    kinds, swapped = rng.integers(0, 3, m).astype(np.int8), rng.random(m) < 0.5
    absent = rng.random(m) < 0.2
    planes = kernels.Planes.empty(m, -(-rows.shape[1] // 16))
    kernels.fill_planes(
        rows.ravel(),
        np.where(absent, -1, np.arange(m) * rows.shape[1]),
        rows.shape[1],
        swapped,
        kinds,
        kernels.pack_masks(counted),
        kernels.pack_masks(haploid),
        planes,
    )
    pairs = all_pairs(m).astype(np.int32)
    sums = np.full((len(pairs), 6), 7, np.int32)
    kernels.add_pair_sums(planes, pairs, sums)
    present = counted[kinds] & ~absent[:, None]
    expected = plain_sums(codes, present, haploid[kinds], swapped).reshape(-1, 6)
    assert np.array_equal(sums, expected + 7)


def test_pairs_are_taken_as_they_fit() -> None:
    pairs = np.array([[5, 6], [5, 7], [6, 7], [7, 8], [5, 5], [0, 1]])
    slot_of = np.full(9, -1, np.int32)
    sites, slots = np.empty(3, np.int64), np.empty((6, 2), np.int32)
    assert kernels.take_pairs(pairs, 0, slot_of, sites, slots) == (3, 3)
    assert sites.tolist() == [5, 6, 7]
    assert slots[:3].tolist() == [[0, 1], [0, 2], [1, 2]]
    slot_of[sites] = -1
    assert kernels.take_pairs(pairs, 3, slot_of, sites, slots) == (4, 2)
    slot_of[sites] = -1
    assert kernels.take_pairs(pairs, 4, slot_of, sites, slots) == (6, 3)
    assert slots[:2].tolist() == [[0, 0], [1, 2]]
    slot_of[sites] = -1
    assert kernels.take_pairs(pairs, 2, slot_of, sites, slots[:1]) == (3, 2)
