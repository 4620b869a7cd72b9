"""`breakeven check`: every fault, nothing written."""

from __future__ import annotations

import click

from simulator.cli.common import checked_plans, set_option


@click.command("check")
@click.argument("scenarios", metavar="SCENARIO...", nargs=-1, required=True)
@set_option
def command(scenarios: tuple[str, ...], overrides: tuple[str, ...]) -> None:
    """Tell every fault of scenario files as file:line: key: what was given, what is allowed. Exit status 2 if any.

    \b
    Example:  breakeven check my-service.yaml
    """
    for name, _, plan in checked_plans(scenarios, overrides):
        scenario = plan.scenario
        left = [challenger for challenger in scenario.challengers if challenger in plan.options]
        against = ", ".join(left) or "nothing"
        click.echo(f"{name}: fine; {scenario.baseline} against {against}, {scenario.horizon.steps:,} steps")
        for challenger in scenario.challengers:
            for fault in plan.faults.get(challenger, ()):
                click.echo(f"{name}: {challenger} is left out: {fault.key} {fault.text}")
