"""What holds for all draws of a run too large to enumerate: every message has a mask of its own.

A run on symbolic rings writes each message as an expression in inputs and draws (see expressions).
Messages m_1, m_2, ... to one party are uniform, whatever all inputs and its own draws are, if each

    m_t = f * u_t + (what has no u_t in it),   f odd,

for a draw u_t of a key that the party does not hold, in none of m_1 ... m_{t-1}: whatever the other
leaves are, u -> m is then triangular, a bijection. Of an opened value one component follows from
the value and the others, which a computing party has and of which a guest is sent two: messages as
well. So a party's view is its input, its draws, uniform elements, and what is opened: the simulated
view. Masked circuits are checked by the same rule (Barthe, Belaid, Dupressoir, Fouque, Gregoire,
Strub, Verified proofs of higher-order masking, EUROCRYPT 2015).

Nothing here knows a protocol's steps: messages and openings are what came through the channel. A
proof is one for the lanes' pattern of openings; that the ideal functionality opens the same is for
`parties_shown_otherwise` to check.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from functools import partial, reduce
from operator import or_

import numpy as np

from mpcgen.protocols.replicated import Replicated
from mpcgen.ring import Array, Ring
from tests.attacks.expressions import NUMBER, Book, SymbolicBits, SymbolicRing
from tests.attacks.scenes import Scene
from tests.attacks.tape import Lanes, Row, SomeLanes, absent
from tests.attacks.views import View, Views, real_views

NOTHING = absent(NUMBER)


class Leaves(Lanes):
    """Inputs and draws as leaves of a book, with the values that other lanes have."""

    def __init__(self, lanes: Lanes):
        self.book, self._lanes = Book(), lanes
        super().__init__({}, SymbolicBits(1, self.book), NUMBER)
        self._numbers = lanes._numbers

    def ring(self, ring: Ring) -> SymbolicRing:
        """The ring of such lines."""
        return SymbolicRing(ring.k, self.book)

    def take(self, name: Row, ring: Ring) -> Array:
        assert isinstance(ring, SymbolicRing)
        values = ring.base.unsigned(self._lanes.take(name, ring.base)).tolist()
        leaf = partial(self.book.leaf, drawn=name[0] == "drawn")
        return np.array([leaf((name, n), ring.k, x) for n, x in enumerate(values)], NUMBER)


def one_of_each(scene: Scene, lanes: SomeLanes) -> SomeLanes:
    """One lane of each pattern of the bits that say where something is opened; all 1 is last."""
    ideal = scene.ideal(lanes.inputs)
    bits = np.stack([ideal[label] for label in sorted(set(scene.where.values()))])
    _, first = np.unique(bits, axis=1, return_index=True)
    return lanes.some(first)


def steps(scene: Scene, ring: Ring, lanes: Lanes) -> dict[str, int]:
    """Under which labels a run draws, and how many elements at once from one key."""
    drawn = {row for view in real_views(scene, ring, lanes).values() for row in view}
    keys = Counter((row[2], row[1]) for row in drawn if row[0] == "drawn")
    return {str(label): n for (label, _), n in keys.items()}


def symbolic_views(
    scene: Scene, ring: Ring, lanes: Lanes, engine: type[Replicated] = Replicated
) -> tuple[Leaves, Views]:
    """The leaves of a run, and each party's view as numbers of lines; opened bits are bits."""
    leaves = Leaves(lanes)
    return leaves, real_views(scene, leaves.ring(ring), leaves, engine)


def unmasked(
    scene: Scene, ring: Ring, lanes: Lanes, engine: type[Replicated] = Replicated
) -> dict[str, list[Row]]:
    """The messages for which no mask was found, of each party that was sent any.

    Or all that came, where components came of more values, or fewer, than were opened.
    """
    leaves, views = symbolic_views(scene, ring, lanes, engine)
    draws = {row: lines for view in views.values() for row, lines in view.items() if _drawn(row)}
    found = {}
    for me, view in views.items():
        held = scene.cast.keys(me).values()
        known = [lines for row, lines in draws.items() if row[1] in held]
        known += [leaves.take(row, leaves.ring(ring)) for row in scene.given if row[1] == me]
        found[me] = _unmasked(leaves.book, view, known, {"open", *scene.to})
    return {me: rows for me, rows in found.items() if rows}


def _drawn(row: Row) -> bool:
    return row[0] == "drawn"


def _unmasked(book: Book, view: View, own: Sequence[Array], opening: Collection[str]) -> list[Row]:
    known = reduce(or_, (book.leaves(n) for lines in own for n in lines.tolist()), 0)
    rows: dict[int, Row] = {}
    values: dict[object, list[int]] = {}  # the components that are sent of each opened value
    found = []
    for row, lane, line in _messages(view):
        _, label, _, n = row
        if str(label).split("#")[0] in opening:
            values.setdefault((label, n, lane), []).append(line)
            if not book.leaves(line) & ~known:
                continue
        elif line in rows:
            found.append(row)  # the same message again
        rows[line] = row
    opened = sum(int((x != absent(x.dtype)).sum()) for row, x in view.items() if row[0] == "opened")
    if len(values) != opened:
        return [row for row in view if row[0] == "received"]
    left = without_mask(book, set(rows), known, values.values())
    return [*found, *(rows[line] for line in left)]


def _messages(view: View) -> Iterator[tuple[Row, int, int]]:
    """Row, lane and line of all that came."""
    for row, lines in view.items():
        if row[0] == "received":
            for lane in np.flatnonzero(lines != NOTHING).tolist():
                yield row, lane, int(lines[lane])


def without_mask(
    book: Book, messages: Set[int], known: int, values: Iterable[Sequence[int]]
) -> set[int]:
    """Messages that are neither masked nor follow from opened values and the others."""
    left = set(messages)
    while left:
        once = more = 0
        for number in left:
            inside = book.leaves(number)
            more |= once & inside
            once |= inside
        gone = {number for number in left if book.masks(number) & ~more & ~known}
        if not gone:
            gone, values = _following(left, values), []
        if not gone:
            break
        left -= gone
    return left


def _following(left: Set[int], values: Iterable[Sequence[int]]) -> set[int]:
    """One component of each value: what follows from it and the others, in turn."""
    follow: set[int] = set()
    used: set[int] = set()
    for components in values:
        follow.update([n for n in components if n in left and n not in used][-1:])
        used.update(components)
    return follow
