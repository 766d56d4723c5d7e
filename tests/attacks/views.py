"""The real and the simulated view of every party of a scene, and how each is distributed."""

import hashlib
from collections.abc import Collection, Mapping

import numpy as np

from mpcgen.abb import DIGEST_BYTES, Box, Seat
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel
from mpcgen.protocols.replicated import Replicated
from mpcgen.ring import Array, Ring
from mpcgen.secret import Secret
from tests.attacks.scenes import Opened, Scene
from tests.attacks.simulator import ComputingView, GuestView, Simulator, World
from tests.attacks.tape import ABSENT, Lanes, OneLane, Row, Tape, distributions, numbered, spread
from tests.threads import in_threads

View = dict[Row, Array]
Views = dict[str, View]


class Watched:
    """An exchange that notes every message received in a view, element by element."""

    def __init__(self, channel: Channel, lanes: Lanes, guest: bool, view: View):
        self._channel, self._guest, self._view = channel, guest, view
        self._dtype = lanes.dtype
        self.everywhere = np.arange(lanes.count)
        self.rows = self.everywhere  # the lanes in which something is sent

    def exchange(
        self, label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        came = self._channel.exchange(label, send, receive)
        if label.startswith("confirm") or not len(self.rows):
            return came
        elements = {peer: self._elements(came, peer) for peer in came}
        for peer, data in elements.items():
            rows = np.frombuffer(data, self._dtype).reshape(-1, len(self.rows))
            values = spread(rows, self.rows, len(self.everywhere))
            self._view |= {("received", label, peer, n): row for n, row in enumerate(values)}
        return came

    def _elements(self, came: Mapping[str, bytes], peer: str) -> bytes:
        """A guest's messages end in a digest that follows from the other messages."""
        if not self._guest:
            return came[peer]
        end = -DIGEST_BYTES
        digests = {hashlib.sha256(data[:end]).digest() for data in came.values()}
        assert came[peer][end:] in digests
        return came[peer][:end]

    def watch(self, box: Box) -> None:
        """See in which lanes the box opens what it opens only where a bit is 1."""
        honest = box.open

        def opening(secrets: Mapping[str, Secret], where: str | None = None) -> dict[str, Array]:
            if where is not None:
                self.rows = box._rows(where, secrets)
            opened = honest(secrets, where)
            rows, self.rows = self.rows, self.everywhere
            if where is not None:
                opened = {n: spread(x, rows, len(self.everywhere)) for n, x in opened.items()}
            return opened

        box.open = opening  # type: ignore[method-assign]


def real_views(
    scene: Scene, ring: Ring, lanes: Lanes, engine: type[Replicated] = Replicated
) -> Views:
    """Run the engine itself, once for all lanes: every party's view."""
    cast, inputs = scene.cast, scene.inputs(lanes, ring)
    views: Views = {me: {} for me in cast.parties}

    def part(channel: Channel) -> None:
        channel.bind_session(b"s" * 16)
        me = channel.me
        view, guest = views[me], me not in cast.computing
        keys = {name: Tape(lanes, key, view) for name, key in cast.keys(me).items()}
        seat = Seat(me, cast.parties, cast.owners, cast.computing)
        watched = Watched(channel, lanes, guest, view)
        box = engine(watched, seat, _manifest(scene, ring, lanes), keys)  # type: ignore[arg-type]
        box.bits = lanes.bits
        watched.watch(box)
        shape = (scene.values, lanes.count)
        opened = scene.program(box, box.input("x", ring, shape, inputs.get(me)))
        box.confirm()
        view |= _seen(opened)

    in_threads(cast.parties, part)
    return views


def _seen(opened: Opened) -> View:
    return {
        ("opened", name): x.astype(np.uint8) if x.dtype == bool else x
        for name, x in opened.items()
        if x is not None
    }


def _manifest(scene: Scene, ring: Ring, lanes: Lanes) -> Leakage:
    labels = scene.ideal({owner: np.zeros((scene.values, 1), int) for owner in scene.cast.owners})
    everybody = scene.cast.parties
    return Leakage(
        Opening(
            label,
            scene.narrow.get(label, ring).k,
            (lanes.count,),
            (scene.to[label],) if label in scene.to else everybody,
            scene.where.get(label),
        )
        for label in labels
    )


def simulated_view(scene: Scene, ring: Ring, lanes: Lanes, me: str) -> View:
    """The view that follows from this party's input and outputs."""
    inputs = scene.inputs(lanes, ring)
    outputs = {
        label: value
        for label, value in scene.outputs(inputs, ring).items()
        if scene.to.get(label, me) == me
    }
    world = World(scene.cast, me, lanes, outputs)
    implied = {owner: of(outputs, ring) for owner, of in scene.implied.items()}
    computes = me in scene.cast.computing
    box: Simulator = ComputingView(world) if computes else GuestView(world, scene.moved, implied)
    shape = (scene.values, lanes.count)
    opened = scene.program(box, box.input("x", ring, shape, inputs.get(me)))
    return world.view | _seen(
        {
            label: x if x is None else spread(x, world.chosen(scene.where.get(label)), lanes.count)
            for label, x in opened.items()
        }
    )


def all_real_views(
    scene: Scene, ring: Ring, engine: type[Replicated] = Replicated
) -> tuple[Lanes, Views]:
    """All lanes, and each party's view in them with everybody's inputs."""
    rehearsal = OneLane()
    real_views(scene, ring, rehearsal, engine)
    lanes = rehearsal.all()
    views = real_views(scene, ring, lanes, engine)
    given = inputs_of(scene, ring, lanes)
    return lanes, {me: view | given for me, view in views.items()}


def all_simulated_views(scene: Scene, ring: Ring, me: str) -> tuple[Lanes, View]:
    """All lanes, and the simulated view in them with everybody's inputs."""
    rehearsal = OneLane()
    simulated_view(scene, ring, rehearsal, me)
    lanes = rehearsal.all()
    return lanes, simulated_view(scene, ring, lanes, me) | inputs_of(scene, ring, lanes)


def inputs_of(scene: Scene, ring: Ring, lanes: Lanes) -> View:
    """Everybody's inputs in every lane."""
    return {name: lanes.take(name, ring) for name in scene.given}


def parties_shown_otherwise(scene: Scene, ring: Ring, lanes: Lanes, views: Views) -> list[str]:
    """The parties to which other values are opened than the ideal functionality opens."""
    ideal = scene.outputs(scene.inputs(lanes, ring), ring)
    for label, where in scene.where.items():
        ideal[label] = np.where(ideal[where] == 1, ideal[label], ABSENT)
    return [
        me
        for me, view in views.items()
        if not all(
            np.array_equal(view["opened", label], value)
            if scene.to.get(label, me) == me
            else ("opened", label) not in view
            for label, value in ideal.items()
        )
    ]


def shown_otherwise(scene: Scene, lanes: Lanes, engine: type[Replicated] = Replicated) -> list[str]:
    """The same of runs of these lanes, in the scene's own ring."""
    ring = scene.rings[0]
    return parties_shown_otherwise(scene, ring, lanes, real_views(scene, ring, lanes, engine))


def parties_that_see_more(
    scene: Scene, ring: Ring, engine: type[Replicated] = Replicated
) -> list[str]:
    """The parties whose real view is not distributed as the simulated one."""
    lanes, views = all_real_views(scene, ring, engine)
    leaky = []
    for me in scene.cast.parties:
        others, view = all_simulated_views(scene, ring, me)
        if views[me].keys() != view.keys():
            leaky.append(me)
            continue
        (seen, times), (simulated, chances) = distributions([views[me], view], scene.given)
        same = np.array_equal(seen, simulated)
        if not same or (times * others.count != chances * lanes.count).any():
            leaky.append(me)
    return leaky


# Engines without a simulator of their own: over all lanes, views may depend on no more than this.


def note(view: View, lanes: Lanes, name: tuple[str, object], data: bytes | memoryview) -> None:
    """Add what was received, element by element, to a view."""
    rows = np.frombuffer(data, np.uint8).reshape(-1, lanes.count)
    view |= {("received", *name, n): row for n, row in enumerate(rows)}


def depends_on_more(view: View, those: Collection[str], given: View) -> bool:
    """Whether a view of these parties depends on more than their inputs and outputs.

    Args:
        view: in all lanes.
        given: everybody's inputs there.
    """
    own = [name for name in given if name[1] in those]
    outputs = [name for name in view if name[0] == "opened"]
    (of_all,) = numbered([given], list(given))
    (known,) = numbered([view | given], [*own, *outputs])
    (seen,) = numbered([view], [name for name in view if name[0] != "opened"])
    order = np.lexsort((seen, of_all))
    tables = seen[order].reshape(len(np.unique(of_all)), -1)  # of each input, all views in order
    kinds = known[order].reshape(tables.shape)[:, 0]
    return any((tables[kinds == kind] != tables[kinds == kind][0]).any() for kind in set(kinds))
