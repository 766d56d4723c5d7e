"""A party's channel by way of the relay that its plan names."""

from mpcgen.errors import PlanError
from mpcgen.net.absence import Tell
from mpcgen.net.channel import Channel
from mpcgen.parties.signing import pinned_identity
from mpcgen.study.institution import InstitutionConfig
from mpcgen.study.study import Study


def relay_channel(
    study: Study, config: InstitutionConfig, *, absence: float, notice: Tell
) -> Channel:
    """This institution's channel to the others, by the plan's relay and identities.

    Args:
        absence: seconds for which a party is waited for whose connection was lost.
        notice: takes lines for the institution's own log.

    Raises:
        PlanError: the plan pins no identities, by which the relay and the others would know it.
        ConfigError: no identity, or another than the plan pins; or a proxy that is none.
    """
    from mpcgen.net.relay.channel import Relay, RelayChannel  # noqa: PLC0415
    from mpcgen.net.tunnel import proxy_address  # noqa: PLC0415

    plan = study.plan
    if not all(institution.identity for institution in plan.institutions):
        raise PlanError(
            "with a relay every institution has an identity; make them with `mpcgen identity`",
            path=plan.path,
        )
    proxy = proxy_address(config.proxy) if config.proxy else ""
    return RelayChannel(
        config.name,
        Relay(plan.relay, bytes.fromhex(plan.relay_identity), proxy),
        pinned_identity(plan, config).key,
        {
            institution.name: bytes.fromhex(institution.identity)
            for institution in plan.institutions
            if institution.name != config.name
        },
        bytes.fromhex(plan.sha256),
        timeout=plan.timeout_seconds,
        connect_timeout=plan.connect_seconds,
        absence=absence,
        on_notice=notice,
    )
