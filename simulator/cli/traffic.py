"""`breakeven traffic`: what the demand of a scenario is like."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from simulator.cli.common import checked_plans, json_option, output_option, progress, set_option


@click.command("traffic")
@click.argument("scenario")
@set_option
@output_option
@json_option
def command(scenario: str, overrides: tuple[str, ...], output: Path, as_json: bool) -> None:
    """Draw the demand of a scenario at its own volume: peaks, load-duration curve, noise, memory, lengths.

    SCENARIO is a file, or the name of a bundled one (`breakeven list scenarios`). Writes traffic.png, traffic.pdf and
    traffic.csv to OUTPUT/<scenario>/. The draw is that of the scenario's seed; --set seed=2 draws another.

    \b
    Example:  breakeven traffic support-chatbot --set traffic.requests_per_day=1e6
    """
    with progress("checking"):
        ((name, _, plan),) = checked_plans((scenario,), overrides)

    from simulator.presentation.files import json_text
    from simulator.presentation.traffic_card import print_scenario_traffic
    from simulator.presentation.traffic_content import scenario_content
    from simulator.presentation.traffic_shown import scenario_traffic

    with progress(f"{name}: drawing the demand"):
        traffic = scenario_traffic(plan.scenario)
    if as_json:
        click.echo(json_text(scenario_content(traffic)), nl=False)
    else:
        print_scenario_traffic(traffic, sys.stdout)

    from simulator.presentation.traffic_report import write_scenario_traffic  # charts load slowly: the card comes first

    with progress(f"{name}: writing"):
        files = write_scenario_traffic(traffic, output / name)
    if not as_json:
        click.echo(f"\nWritten to {files[0].parent}: {', '.join(path.name for path in files)}")
