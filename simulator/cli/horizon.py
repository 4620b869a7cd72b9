"""`breakeven horizon`: two options over time."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from simulator.cli.common import check_demand, json_option, output_option, parsed_overrides, progress, set_option


@click.command("horizon")
@click.argument("scenario", metavar="SCENARIO")
@click.option("--pair", "challenger", metavar="CHALLENGER", default=None, help="Option to hold against the baseline.")
@set_option
@output_option
@json_option
def command(scenario: str, challenger: str | None, overrides: tuple[str, ...], output: Path, as_json: bool) -> None:
    """Two options month by month: turns, payback and its undoing, present value, return, the month to switch.

    SCENARIO is a file, or the name of a bundled one. The rate of discount and the revenue are its keys
    finance.discount_rate_per_year and finance.revenue_usd_per_request (or per user and month, or per month). Writes
    horizon.json, horizon.csv, horizon.png and horizon.pdf to OUTPUT/<scenario>/.

    \b
    Example:  breakeven horizon h100-vs-haiku --set horizon.months=36 --set finance.discount_rate_per_year=0.1
    """
    from simulator.catalogue.planning import make_plan
    from simulator.config.scenarios import check_can_be_had, check_plan, scenario_document
    from simulator.presentation.files import json_text
    from simulator.presentation.horizon_report import (
        horizon_content,
        horizon_view,
        print_horizon,
        write_horizon_report,
    )
    from simulator.simulation.service_holding import held_to_level
    from simulator.solving.horizon import challenger_named

    with progress("checking"):
        document = scenario_document(scenario, parsed_overrides(overrides))
        plan = check_plan(document, make_plan, infeasible=False)
        check_demand(document, plan)
        name = challenger_named(plan, challenger, "--pair")
        check_can_be_had(plan, document, (plan.scenario.baseline, name))
    with progress("simulating"):
        view = horizon_view(held_to_level(plan), name)
    with progress("writing"):
        files = write_horizon_report(view, output / Path(scenario).stem)
    if as_json:
        click.echo(json_text(horizon_content(view)), nl=False)
    else:
        print_horizon(view, files, sys.stdout)
