"""The commands about an institution's policy."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from mpcgen.cli_parts import FILE


@click.group()
def policy() -> None:
    """An institution's policy: what its steward allows, for software to check."""


@policy.command("check")
@click.argument("policy_file", metavar="POLICY", type=FILE)
@click.argument("plan", type=FILE)
@click.option(
    "--on", type=click.DateTime(["%Y-%m-%d"]), help="The day on which it would run (today)."
)
def policy_check(policy_file: Path, plan: Path, on: datetime | None) -> None:
    """Say which rules of a POLICY a PLAN breaks; exit status 1 if any."""
    from mpcgen.study.load import load_study  # noqa: PLC0415
    from mpcgen.study.policy import read_policy  # noqa: PLC0415
    from mpcgen.study.policy_check import check_policy, unlimited  # noqa: PLC0415

    rules, study = read_policy(policy_file), load_study(plan)
    violations = check_policy(rules, study, (on or datetime.now(UTC)).date())
    for violation in violations:
        click.echo(str(violation))
    for confirmed in rules.confirmed:
        if confirmed.plan == study.plan.id:
            click.echo(f"confirmed by {confirmed.by}: {', '.join(confirmed.terms)}")
    if open_rules := unlimited(rules):
        click.echo(f"the policy limits nothing by: {', '.join(open_rules)}")
    said = "breaks" if violations else "keeps to"
    click.echo(f"the plan {study.plan.id} {said} the policy of {rules.institution}")
    sys.exit(1 if violations else 0)
