"""What a party has of a joint input of the engine of four (mpcgen.protocols.replicated4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from mpcgen.protocols.replicated4_roles import Route
from mpcgen.ring import Array
from mpcgen.secret import Sized


@dataclass
class JointInput:
    """Values v that the route's sender and backup know, put in as shares.

    Attributes:
        masks: r of each value, at all but the receiver; component x_k = -r.
        hidden: v + r of each, at all but the outsider; component x_o.
    """

    route: Route
    masks: Sequence[Array] = ()
    hidden: Sequence[Array] = ()


def component(inputs: Sequence[JointInput], j: int, n: int, x: Sized) -> Array:
    """Component j of the sum of the n-th values of joint inputs, which are of the form of x."""
    ring = x.ring
    hidden = [each.hidden[n] for each in inputs if each.route.outsider == j]
    z = reduce(ring.add, hidden) if hidden else ring.zeros(x.shape)
    for each in inputs:
        if each.route.receiver == j:
            z = ring.sub(z, each.masks[n])
    return z
