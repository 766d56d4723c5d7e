"""Whether sets of people, added and subtracted, leave a few of them: exact, and for many sets.

A released total is a sum over a set of people, so a combination of totals with coefficients c is
a sum over people, each weighted by w = the sum of the coefficients of the sets that person is in.
It *concerns* the people with w other than 0.

Reach    the new sets (disjoint) with any coefficients, not all 0, and up to `TERMS` earlier sets,
         each added or subtracted; the same one may be taken more than once.
Refused  a combination that concerns at least 1 and fewer than `least` people.

How. An *atom* is a class of people who are in the very same sets; w is one number an atom.
1. A combination that concerns fewer than `least` people has w = 0 on every atom of `least` or more
   people. Of the other atoms, dealt out in `least` parts, it has w = 0 on one whole part at least,
   since it touches fewer than `least` of them.
2. So for one part P, with the large atoms, w = 0 on P. The new sets are disjoint and their
   coefficients are free: on P the earlier sets' sum u is one number all over each new set, and
   0 outside. These are linear equations in u. A hash that is linear in u, random weights in
   Z_2^64, is 0 where they hold.
3. u = v - v' with two terms in each: all v are made, sorted by hash, and equal ones paired.
   False pairs are thrown out by looking at all atoms; none is missed.
4. Of each u left, the coefficients of the new sets that leave the fewest people are known: minus
   the commonest value of u on each.

Costs about `least` x 2 s^2 words of 8 bytes to sort for s distinct earlier sets, not s^4.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import RangeError

TERMS = 4
MOST_HASHED = 1 << 26  # vectors of two terms, over all parts: some ten seconds
MOST_PAIRED = 1 << 24  # pairs of equal hash
_AT_ONCE = 1 << 24  # entries of combinations looked at together

Mask: TypeAlias = NDArray[np.bool_]
Signed: TypeAlias = NDArray[np.int8]
Integers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Isolated:
    """A combination that concerns a few people.

    Attributes:
        new: coefficient of each new set.
        earlier: earlier set -> its coefficient, none of them 0.
        people: how many it concerns.
    """

    new: tuple[int, ...]
    earlier: dict[int, int]
    people: int


def isolated(new: Sequence[Mask], earlier: Sequence[Mask], least: int) -> Isolated | None:
    """A combination within reach that concerns 1 to least - 1 people; None if there is none.

    Args:
        new: disjoint sets, each (N,) over the same people.
        earlier: sets, as many of them alike as may be.

    Raises:
        RangeError: so many sets, or so many combinations, that they cannot all be tried.
    """
    for i, own in enumerate(new):
        if 0 < int(own.sum()) < least:
            return Isolated(tuple(int(i == j) for j in range(len(new))), {}, int(own.sum()))
    if not any(own.any() for own in new):
        return None
    atoms = _Atoms.of(new, earlier)
    which = _distinct(atoms)
    if not len(which):
        return None
    for found in _candidates(atoms, which, least):
        for terms in found:
            combination = _fewest(atoms, Counter(terms), least)
            if combination is not None:
                return combination
    return None


@dataclass(frozen=True, eq=False)
class _Atoms:
    """Classes of people who are in the same sets.

    Attributes:
        sizes: people in each, (T,).
        home: the new set that each is in, -1 for none, (T,).
        earlier: whether each is in each earlier set, 1 or 0, (s, T).
        new: number of new sets.
    """

    sizes: Integers
    home: Integers
    earlier: Signed
    new: int

    @classmethod
    def of(cls, new: Sequence[Mask], earlier: Sequence[Mask]) -> "_Atoms":
        sets = np.array([*new, *earlier], np.bool_)
        keys = np.ascontiguousarray(np.packbits(sets, axis=0).T)  # a row of bytes a person
        rows = keys.view(np.dtype((np.void, keys.shape[1])))[:, 0]
        _, first, sizes = np.unique(rows, return_index=True, return_counts=True)
        inside = sets[: len(new), first]
        home = np.where(inside.any(axis=0), inside.argmax(axis=0), -1)
        return cls(sizes, home, sets[len(new) :, first].astype(np.int8), len(new))

    def at(self, i: int) -> Mask:
        """Which atoms are in a new set; outside all of them for -1."""
        there: Mask = self.home == i
        return there


def _distinct(atoms: _Atoms) -> Integers:
    """Which earlier sets to look at: one of those that are alike but for new sets, and for a sign.

    The coefficients of the new sets are free, so sets that differ by new sets alone lead to the
    same w; one that is made of new sets leads to nothing.
    """
    rows = _relative(atoms.home, atoms.earlier)
    if not len(rows):
        return np.empty(0, np.int64)
    first = rows[np.arange(len(rows)), (rows != 0).argmax(axis=1)]
    rows *= np.where(first < 0, -1, 1).astype(np.int8)[:, None]
    _, chosen = np.unique(rows, axis=0, return_index=True)
    kept: Integers = np.sort(chosen[rows[chosen].any(axis=1)])
    return kept


def _relative(home: Integers, rows: Signed) -> Signed:
    """Rows of atoms less, on each new set, their value at its first atom."""
    rows = rows.copy()
    for i in np.unique(home[home >= 0]):
        inside = np.flatnonzero(home == i)
        rows[:, inside] -= rows[:, inside[:1]]
    return rows


def _candidates(atoms: _Atoms, which: Integers, least: int) -> Iterator[list[Counter[int]]]:
    """Combinations of earlier sets that may leave fewer than `least` people, by earlier set."""
    rows = atoms.earlier[which]
    parts = list(_parts(atoms, least))
    if 2 * len(rows) ** 2 * len(parts) > MOST_HASHED:
        raise RangeError(f"{len(rows)} different sets of people are too many to combine")
    x, y = _two_terms(len(rows))
    terms = np.concatenate([np.zeros_like(rows[:1]), rows, -rows])
    left = MOST_PAIRED
    for part in parts:
        own = _hashes(_relative(atoms.home[part], rows[:, part]))
        hashes = np.concatenate([[0], own, -own])
        for p, q in _equal(hashes[x] + hashes[y], left):
            left -= len(p)
            yield from _few(atoms, which, terms, np.array([x[p], y[p], x[q], y[q]]), least)


def _two_terms(s: int) -> tuple[Integers, Integers]:
    """All sums of at most two of 0, the s sets and their negatives, as two rows of `terms`."""
    x, y = np.triu_indices(2 * s + 1)
    cancels = (x > 0) & (y == x + s)
    return x[~cancels], y[~cancels]


def _parts(atoms: _Atoms, least: int) -> Iterator[Mask]:
    """The large atoms with each part of the small ones: one part suffices if it is empty."""
    large = atoms.sizes >= least
    small = np.flatnonzero(~large)
    if len(small) < least:
        yield large
        return
    for b in range(least):
        part = large.copy()
        part[small[b::least]] = True
        yield part


def _hashes(rows: Signed) -> Integers:
    """A linear hash of each row: its products with fixed weights that look random, mod 2^64."""
    size = 8 * rows.shape[1]
    weights = np.frombuffer(hashlib.shake_128(b"mpcgen isolation").digest(size), "<i8")
    hashes: Integers = np.array([row @ weights for row in rows.astype(np.int64)], np.int64)
    return hashes


def _equal(hashes: Integers, most: int) -> Iterator[tuple[Integers, Integers]]:
    """Pairs of vectors with the same hash.

    Raises:
        RangeError: more than `most` of them.
    """
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    groups = np.diff(np.append(starts, len(ordered)))
    if (groups * (groups - 1) // 2).sum() > most:
        raise RangeError("sets of people that are so much alike combine in too many ways")
    for apart in range(1, int(groups.max())):
        same = np.flatnonzero(ordered[apart:] == ordered[:-apart])
        yield order[same], order[same + apart]


def _few(
    atoms: _Atoms, which: Integers, terms: Signed, four: Integers, least: int
) -> Iterator[list[Counter[int]]]:
    """Of v - v', as rows of `terms` (4, pairs), those that can leave 1 to least - 1 people."""
    step = max(1, _AT_ONCE // max(1, terms.shape[1]))
    for start in range(0, four.shape[1], step):
        x, y, p, q = four[:, start : start + step]
        people = _least_people(atoms, terms[x] + terms[y] - terms[p] - terms[q])
        rows = np.flatnonzero((people > 0) & (people < least))
        if rows.size:
            signed = ((x, 1), (y, 1), (p, -1), (q, -1))
            found = [_by_set(which, [(int(t[row]), sign) for t, sign in signed]) for row in rows]
            yield sorted(found, key=lambda terms: sum(map(abs, terms.values())))


def _least_people(atoms: _Atoms, u: Signed) -> Integers:
    """How few people a combination of earlier sets u (n, T) leaves, with the best new sets."""
    outside = atoms.at(-1)
    people: Integers = (u[:, outside] != 0) @ atoms.sizes[outside]
    for i in range(atoms.new):
        sizes, values = atoms.sizes[atoms.at(i)], u[:, atoms.at(i)]
        alike = [(values == value) @ sizes for value in range(-TERMS, TERMS + 1)]
        people += sizes.sum() - np.max(alike, axis=0)
    return people


def _by_set(which: Integers, terms: Sequence[tuple[int, int]]) -> Counter[int]:
    """Coefficients by earlier set of signed rows of `terms`: 0, the sets, their negatives."""
    s, coefficients = len(which), Counter[int]()
    for row, sign in terms:
        if row:
            coefficients[int(which[(row - 1) % s])] += sign if row <= s else -sign
    return Counter({which: c for which, c in coefficients.items() if c})


def _fewest(atoms: _Atoms, terms: Counter[int], least: int) -> Isolated | None:
    """The combination with these earlier sets and some new one that concerns 1 to least - 1."""
    u = sum((c * atoms.earlier[row].astype(np.int64) for row, c in terms.items()), np.int64(0))
    u = np.broadcast_to(u, atoms.sizes.shape)
    others = int(atoms.sizes[atoms.at(-1) & (u != 0)].sum())
    best: Isolated | None = None
    for new in product(*(_values(atoms, u, i, least) for i in range(atoms.new))):
        people = others + sum(rest for _, rest in new)
        better = best is None or people < best.people
        if 0 < people < least and better and any(a for a, _ in new):
            best = Isolated(tuple(a for a, _ in new), dict(terms), people)
    return best


def _values(atoms: _Atoms, u: Integers, i: int, least: int) -> list[tuple[int, int]]:
    """Coefficients of a new set, and how many of its people each leaves, if fewer than least."""
    inside = atoms.at(i)
    if not inside.any():
        return [(0, 0)]
    sizes = atoms.sizes[inside]
    left = [(-int(v), int(sizes[u[inside] != v].sum())) for v in np.unique(u[inside])]
    return [each for each in left if each[1] < least]
