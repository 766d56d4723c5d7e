"""Whether what an engine sends depends on its randomness: it should, where it hides values."""

from collections.abc import Mapping

from mpcgen.conformance.settings import Setting, given, values_of
from mpcgen.errors import Nonconformance
from mpcgen.leakage import Leakage
from mpcgen.net.channel import Channel
from mpcgen.net.memory import in_threads
from mpcgen.protocols.engines import PRODUCTS
from mpcgen.ring import Ring

LONG_ENOUGH = 16  # bytes, which are not the same twice by chance


class _Tape:
    """A channel that notes what is sent through it."""

    def __init__(self, channel: Channel, sent: dict[tuple[str, str, str], bytes]):
        self._channel, self._sent = channel, sent

    def exchange(
        self, label: str, send: Mapping[str, bytes], receive: Mapping[str, int | None]
    ) -> dict[str, bytes]:
        for peer, payload in send.items():
            self._sent[self._channel.me, peer, label] = bytes(payload)
        return self._channel.exchange(label, send, receive)


def masks(setting: Setting, ring: Ring) -> None:
    """No message of an input or a product is the same in two sessions with the same values."""
    if not setting.entry.hides:
        return
    one, other = (_messages(setting, ring, seed) for seed in (1, 2))
    for message, payload in one.items():
        if len(payload) >= LONG_ENOUGH and other[message] == payload:
            sender, receiver, label = message
            raise Nonconformance(f"{sender} sends {receiver} the same in {label}, whatever its key")


def _messages(setting: Setting, ring: Ring, seed: int) -> dict[tuple[str, str, str], bytes]:
    """Sender, receiver and label -> what is sent from the agreement on keys to a product."""
    values, sent = values_of(setting, ring, (8,)), dict[tuple[str, str, str], bytes]()

    def part(channel: Channel) -> None:
        box = setting.box(channel, Leakage([]), seed, _Tape(channel, sent))
        x = list(box.input("x", ring, (8,), given(box, values)).values())
        if PRODUCTS in setting.offers:
            box.mul(x[0], x[-1])
        box.confirm()

    in_threads(setting.everybody, part)
    return {message: data for message, data in sent.items() if "confirm" not in message[2]}
