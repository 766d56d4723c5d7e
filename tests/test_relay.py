"""The channel by way of a relay."""

from typing import Unpack

from mpcgen.net.channel import Channel, ChannelOptions
from mpcgen.net.relay.channel import RelayChannel
from tests.net_conformance import NAMES, ChannelConformance
from tests.relays import RunningHub, joined


class TestRelay(ChannelConformance):
    hub: RunningHub
    sessions = 0

    @classmethod
    def setup_class(cls) -> None:
        cls.hub = RunningHub()

    @classmethod
    def teardown_class(cls) -> None:
        cls.hub.stop()

    def session(
        self, names: tuple[str, ...] = NAMES, **options: Unpack[ChannelOptions]
    ) -> dict[str, Channel]:
        TestRelay.sessions += 1
        study = b"%d" % TestRelay.sessions
        address = self.hub.address
        return {name: joined(name, names, address, study=study, **options) for name in names}

    def test_it_says_that_it_is_a_real_transport(self) -> None:
        assert RelayChannel.real
