"""The real and the simulated view of every party of a scene, and how each is distributed."""

import hashlib
from collections.abc import Mapping

import numpy as np

from mpcgen.abb import DIGEST_BYTES, Seat
from mpcgen.leakage import Leakage, Opening
from mpcgen.net.channel import Channel
from mpcgen.protocols.replicated import Replicated
from mpcgen.ring import Array, Ring
from tests.attacks.scenes import Scene
from tests.attacks.simulator import ComputingView, GuestView, Simulator, World
from tests.attacks.tape import Lanes, OneLane, Row, Tape, distribution
from tests.threads import in_threads

Views = dict[str, dict[Row, Array]]


class Watched:
    """An exchange that notes every message received in a view, element by element."""

    def __init__(self, channel: Channel, lanes: int, guest: bool, view: dict[Row, Array]):
        self._channel, self._lanes, self._guest, self._view = channel, lanes, guest, view

    def exchange(
        self, label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        came = self._channel.exchange(label, send, receive)
        if label.startswith("confirm"):
            return came
        elements = {peer: self._elements(came, peer) for peer in came}
        for peer, data in elements.items():
            rows = np.frombuffer(data, np.uint8).reshape(-1, self._lanes)
            self._view |= {("received", label, peer, n): row for n, row in enumerate(rows)}
        return came

    def _elements(self, came: Mapping[str, bytes], peer: str) -> bytes:
        """A guest's messages end in a digest that follows from the other messages."""
        if not self._guest:
            return came[peer]
        end = -DIGEST_BYTES
        digests = {hashlib.sha256(data[:end]).digest() for data in came.values()}
        assert came[peer][end:] in digests
        return came[peer][:end]


def real_views(scene: Scene, ring: Ring, lanes: Lanes, engine: type[Replicated]) -> Views:
    """Run the engine itself, once for all lanes: every party's view."""
    cast, inputs = scene.cast, scene.inputs(lanes, ring)
    views: Views = {me: {} for me in cast.parties}

    def part(channel: Channel) -> None:
        me = channel.me
        view, guest = views[me], me not in cast.computing
        keys = {
            (maker, j): Tape(lanes, cast.key(maker, j), view)
            for maker in {*cast.owners, *cast.computing}
            for j in cast.drawn_and_sent(maker)[0]
            if me in {maker, cast.computing[j], cast.computing[j - 1]}
        }
        seat = Seat(me, cast.parties, cast.owners, cast.computing)
        channel.bind_session(b"s" * 16)
        watched = Watched(channel, lanes.count, guest, view)
        box = engine(watched, seat, _manifest(scene, ring, lanes), keys)  # type: ignore[arg-type]
        shape = (scene.values, lanes.count)
        opened = scene.program(box, box.input("x", ring, shape, inputs.get(me)))
        box.confirm()
        view |= {("opened", name): x for name, x in opened.items() if x is not None}

    in_threads(cast.parties, part)
    return views


def _manifest(scene: Scene, ring: Ring, lanes: Lanes) -> Leakage:
    labels = scene.ideal({owner: np.zeros((scene.values, 1), int) for owner in scene.cast.owners})
    everybody = scene.cast.parties
    return Leakage(
        Opening(
            label,
            scene.narrow.get(label, ring).k,
            (lanes.count,),
            (scene.to[label],) if label in scene.to else everybody,
        )
        for label in labels
    )


def simulated_view(scene: Scene, ring: Ring, lanes: Lanes, me: str) -> dict[Row, Array]:
    """The view that follows from this party's input and outputs."""
    inputs = scene.inputs(lanes, ring)
    ideal = scene.ideal({o: ring.unsigned(x) for o, x in inputs.items()})
    outputs = {
        label: scene.narrow.get(label, ring).encode(value.reshape(-1))
        for label, value in ideal.items()
        if scene.to.get(label, me) == me
    }
    world = World(scene.cast, me, lanes, outputs)
    implied = {owner: of(outputs, ring) for owner, of in scene.implied.items()}
    computes = me in scene.cast.computing
    box: Simulator = ComputingView(world) if computes else GuestView(world, scene.moved, implied)
    shape = (scene.values, lanes.count)
    opened = scene.program(box, box.input("x", ring, shape, inputs.get(me)))
    seen = {("opened", label): x for label, x in opened.items() if x is not None}
    return world.view | seen


def real_distributions(
    scene: Scene, ring: Ring, engine: type[Replicated] = Replicated
) -> tuple[Lanes, dict[str, dict[int, int]], Views]:
    """All lanes, and each party's view in them with the inputs: counts of each."""
    rehearsal = OneLane(ring)
    real_views(scene, ring, rehearsal, engine)
    lanes = Lanes(ring, sorted(rehearsal.asked, key=repr))
    views = real_views(scene, ring, lanes, engine)
    given = {name: lanes[name] for name in scene.given}
    return (
        lanes,
        {me: distribution(view | given, scene.given, ring) for me, view in views.items()},
        views,
    )


def simulated_distribution(scene: Scene, ring: Ring, me: str) -> tuple[Lanes, dict[int, int]]:
    rehearsal = OneLane(ring)
    simulated_view(scene, ring, rehearsal, me)
    # Other parties' inputs vary too, though the simulator sees only what they make the outputs.
    lanes = Lanes(ring, sorted(set(rehearsal.asked) | set(scene.given), key=repr))
    view = simulated_view(scene, ring, lanes, me)
    given = {name: lanes[name] for name in scene.given}
    return lanes, distribution(view | given, scene.given, ring)


def parties_that_see_more(
    scene: Scene, ring: Ring, engine: type[Replicated] = Replicated
) -> list[str]:
    """The parties whose real view is not distributed as the simulated one."""
    lanes, real, _ = real_distributions(scene, ring, engine)
    leaky = []
    for me in scene.cast.parties:
        others, simulated = simulated_distribution(scene, ring, me)
        scaled = {view: count * others.count for view, count in real[me].items()}
        if scaled != {view: count * lanes.count for view, count in simulated.items()}:
            leaky.append(me)
    return leaky
